"""`gateway deliveries`: what became of events on their way to endpoints, and what is to go again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, TypeAlias

import typer
from rich.table import Table
from rich.text import Text

from gateway.cli.api import Api, KeyFile, ServiceUrl, path, service_at
from gateway.cli.commands import group
from gateway.cli.completing import complete_endpoint, complete_event, completed
from gateway.cli.configured import JsonFlag, moment
from gateway.cli.deciding import DryRun, Yes, sure, would
from gateway.cli.failing import Usage, nearest
from gateway.cli.progress import progress
from gateway.cli.screen import Screen, printable
from gateway.cli.tables import clock, quiet_table

__all__ = ["app", "standing", "told_by_lines"]

app: typer.Typer = group("What became of events on their way to endpoints.")

STATES = ("pending", "delivered", "dead", "aborted", "erased")
_STYLES = {"delivered": "green", "dead": "red", "aborted": "red", "pending": "yellow", "erased": "dim"}


def _states(incomplete: str) -> list[str]:
    return [state for state in STATES if state.startswith(incomplete)]


def _complete_delivery(ctx: typer.Context, incomplete: str) -> list[str]:
    """Complete the id of a delivery of any endpoint, the latest first."""

    async def ask(api: Api) -> list[str]:
        found = []
        for endpoint in (await api.get(path("endpoints"), limit=10))["items"]:
            page = await api.get(path("endpoints", endpoint["id"], "deliveries"), limit=20)
            found += [each["id"] for each in page["items"]]
        return found

    return completed(ctx, incomplete, ask)


DeliveryArgument: TypeAlias = Annotated[
    str, typer.Argument(metavar="DELIVERY", help="Its id, dlv_….", autocompletion=_complete_delivery)
]
EndpointOption: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="ENDPOINT", help="Only of this one; else of all.", autocompletion=complete_endpoint),
]


@app.command("list")
def list_(
    ctx: typer.Context,
    *,
    endpoint: EndpointOption = None,
    event: Annotated[
        str | None, typer.Option(metavar="EVENT", help="Only of this event.", autocompletion=complete_event)
    ] = None,
    state: Annotated[
        str | None,
        typer.Option(metavar="STATE", help=f"Only those: {', '.join(STATES)}.", autocompletion=_states),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most deliveries of an endpoint, the latest.")] = 50,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """List deliveries, the latest first."""
    screen: Screen = ctx.obj
    if state is not None and state not in STATES:
        raise Usage(f"--state has no {state!r}", hint=nearest(state, STATES, f"there are: {', '.join(STATES)}"))

    async def ask(api: Api) -> list[dict[str, Any]]:
        if event is not None:
            found = await api.all(path("deliveries"), event=event, limit=limit)
            return [
                each
                for each in found
                if endpoint in {None, each["endpoint"]} and (state is None or state == each["state"])
            ]
        several = await _asked_or_all(api, endpoint)
        lists = [await api.all(path("endpoints", one, "deliveries"), state=state, limit=limit) for one in several]
        return sorted((each for one in lists for each in one), key=lambda each: str(each["id"]), reverse=True)[:limit]

    found = service_at(url, key_file).run(ask)
    if json:
        screen.data(found)
        return
    if not found:
        screen.note("there are none")
        return
    screen.show(_table(found))


async def _asked_or_all(api: Api, endpoint: str | None) -> list[str]:
    """Give the endpoint that was named, or else every one."""
    return [endpoint] if endpoint else [each["id"] for each in await api.all(path("endpoints"))]


def _table(found: Sequence[dict[str, Any]]) -> Table:
    table = quiet_table(
        "delivery", "made", "endpoint", "event", "state", "attempts", "answer", right=("attempts",), folds="answer"
    )
    for each in found:
        answer = printable(str(each["status"] or each["error"] or ""), most=120)
        made, attempts = clock(each["created_at"]), str(each["attempts"])
        table.add_row(each["id"], made, each["endpoint"], each["event"], standing(each["state"]), attempts, answer)
    return table


@app.command("show")
def show(
    ctx: typer.Context,
    delivery: DeliveryArgument,
    *,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Show a delivery with everything that was tried, and what the receiver said."""
    screen: Screen = ctx.obj
    found = service_at(url, key_file).run(lambda api: api.get(path("deliveries", delivery)))
    if json:
        screen.data(found)
        return
    about = found["delivery"]
    waits = about["state"] == "pending"
    screen.facts(
        [
            ("delivery", about["id"]),
            ("endpoint", about["endpoint"]),
            ("event", about["event"]),
            ("state", about["state"]),
            ("by hand", "yes" if about["manual"] else None),
            ("made", clock(about["created_at"])),
            ("next try" if waits else "ended", clock(about["next_at"] if waits else about["ended_at"])),
        ]
    )
    for each in found["attempts"]:
        fine = each["status"] is not None and 200 <= each["status"] < 300
        took = round((_at(each["ended_at"]) - _at(each["started_at"])) * 1000)
        result = (f"[{each['status']}]" if each["status"] else str(each["error"]), "green" if fine else "red")
        head = (f"{clock(each['started_at'])}  ", "dim")
        screen.show(Text.assemble(head, f"{each['number']:>2}  ", result, (f"  {took} ms", "dim")))
        if each["answer"]:
            screen.show(Text(f"    {printable(each['answer'], most=400)}", "dim"))
    if about["state"] in {"dead", "aborted"}:
        screen.note(f"send it again: gateway deliveries resend {about['id']}")


@app.command("resend")
def resend(
    ctx: typer.Context,
    delivery: DeliveryArgument,
    *,
    dry_run: DryRun = False,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Send one delivery again, from the start of its schedule, with the same webhook-id."""
    screen: Screen = ctx.obj

    async def ask(api: Api) -> dict[str, Any] | None:
        if dry_run:
            about = (await api.get(path("deliveries", delivery)))["delivery"]
            would(screen, f"send {about['event']} to {about['endpoint']} again", json=json, delivery=delivery)
            return None
        made: dict[str, Any] = await api.post(path("deliveries", delivery, "resend"))
        return made

    again = service_at(url, key_file).run(ask)
    if again is not None and json:
        screen.data(again)
    elif again is not None:
        screen.facts([("delivery", again["id"]), ("state", again["state"])])


@app.command("recover")
def recover(
    ctx: typer.Context,
    *,
    since: Annotated[str, typer.Option(metavar="TIME", help="All that failed from then on; 2026-01-31T09:30.")],
    endpoint: EndpointOption = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Send again everything that came to nothing since a time, in order per chat."""
    screen: Screen = ctx.obj
    start = moment(since, "--since").isoformat()

    async def ask(api: Api) -> dict[str, int] | None:
        several = await _asked_or_all(api, endpoint)
        failed = {one: await _failed(api, one, start) for one in several}
        total = sum(failed.values())
        if dry_run:
            would(screen, f"send {_deliveries(total)} again", json=json, endpoints=dict(failed), count=total)
            return None
        if total:
            sure(screen, f"Send {_deliveries(total)} again?", yes=yes)
        with progress(screen, "recovering", total or None, unit="deliveries") as counter:
            done = {}
            for one in (one for one in several if failed[one]):
                where = path("endpoints", one, "recover")
                done[one] = await told_by_lines(api, where, {"since": start}, counter.advance)
        return done

    done = service_at(url, key_file).run(ask)
    if done is None:
        return
    count = sum(done.values())
    if json:
        screen.data({"count": count, "endpoints": done})
        return
    screen.say(f"{_deliveries(count)} on their way again")
    if count:
        screen.note("see: gateway deliveries list")


async def _failed(api: Api, endpoint: str, since: str) -> int:
    """Count what came to nothing since a time: those are listed latest first."""
    start, count = _at(since), 0
    async for each in api.pages(path("endpoints", endpoint, "deliveries"), state="dead"):
        count += _at(each["ended_at"] or each["created_at"]) >= start
    return count


async def told_by_lines(api: Api, where: str, body: dict[str, Any], advance: Any) -> int:
    """Have something long done that tells how far it is; gives how many were done."""
    done = 0
    async for told in api.lines(where, body, progress=True):
        advance(told["done"] - done)
        done = int(told["done"])
    return done


def standing(state: str) -> Text:
    """Give the state of a delivery in its colour."""
    return Text(state, _STYLES.get(state, ""))


def _deliveries(count: int) -> str:
    return f"{count:,} deliver{'y' if count == 1 else 'ies'}"


def _at(time: str) -> float:
    return moment(time, "a time").timestamp()
