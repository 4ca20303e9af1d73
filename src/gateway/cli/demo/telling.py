"""How the demo is told: aligned lines for people, or one JSON document a line for programs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from textwrap import wrap
from typing import Protocol

from pydantic import JsonValue
from rich.text import Text

from gateway.cli.demo.house import Doors
from gateway.cli.demo.story import STEPS, Step
from gateway.cli.demo.trace import Seen
from gateway.cli.demo.verdict import Outcome, Verdict
from gateway.cli.screen import Screen, printable

__all__ = ["People", "Place", "Programs", "Telling"]

WIDTH = 98
"""Columns of the whole, where the terminal has as many."""

_MARKS = {
    Outcome.OK: ("✓", "green"),
    Outcome.ADAPTED: ("≈", "yellow"),
    Outcome.REFUSED: ("×", "magenta"),
    Outcome.NONE: ("–", "dim"),
    Outcome.MISSED: ("!", "bold red"),
}
_ARROWS = {"call": ("-->", "cyan"), "webhook": ("<--", "blue"), "forward": ("==>", "green"), "phone": ("   ", "")}


@dataclass(frozen=True, slots=True)
class Place:
    """Where everything is, once it serves."""

    connections: dict[str, str]
    """The title of each connection's vendor, by the connection's name."""
    vendors: dict[str, str]
    """Connection by vendor."""
    base_urls: dict[str, str]
    control: str
    contact: str
    """The made-up number of the made-up contact."""
    name: str
    phone: str = ""
    """Where the phone is opened in a browser."""


class Telling(Protocol):
    """Tells of the demo."""

    def phones(self) -> None:
        """The vendors and the phone are there, the gateway is not yet."""

    def opening(self, doors: Doors) -> None:
        """Everything serves."""

    def section(self, connection: str) -> None:
        """The conversation on a connection begins."""

    def step(self, connection: str, number: int, step: Step) -> None:
        """A step begins."""

    def seen(self, connection: str, seen: Seen) -> None:
        """Something happened between gateway, vendor and phone."""

    def verdict(self, connection: str, step: Step, verdict: Verdict) -> None:
        """A step is over."""

    def trouble(self, words: str) -> None:
        """Something went wrong outside of a step."""

    def closing(self, seconds: float, counts: Counter[str], *, fine: bool) -> None:
        """All conversations are over."""

    def invitation(self) -> None:
        """It keeps running, for the user to talk to."""

    def farewell(self) -> None:
        """The user wants it to end."""


class People:
    """Tells it on a terminal."""

    def __init__(self, screen: Screen, place: Place) -> None:
        self._screen = screen
        self._place = place
        self._verdicts: dict[tuple[str, str], Verdict] = {}
        self._doors = Doors(webhooks="")
        self._together = False
        self._width = min(WIDTH, screen.out.width)

    def phones(self) -> None:
        place, show = self._place, self._screen.show
        rows = [
            (connection, f"{place.connections[connection]} (simulated)", place.base_urls[vendor])
            for vendor, connection in place.vendors.items()
        ]
        rows += [("contact", place.name, f"{place.contact} (made up)")]
        width = max(len(name) for name, _, _ in rows)
        for name, title, where in rows:
            show(Text.assemble("  ", (f"{name:<{width}}", "bold"), f"  {title:<24}", (where, "dim")))
        show("")
        self._door("phone", place.phone)

    def opening(self, doors: Doors) -> None:
        self._doors = doors
        self._door("console", doors.console)
        self._door("API", doors.api)
        self._door("API key", doors.key)
        self._door("secret", doors.secret)
        self._door("webhooks", doors.webhooks)
        legend = Text.assemble("  ", _ARROWS["call"], " a call to the vendor   ", _ARROWS["webhook"])
        legend.append(" a webhook from the vendor")
        if doors.api:
            legend.append_text(Text.assemble("   ", _ARROWS["forward"], " an event to the bot"))
        self._screen.show("", legend)

    def _door(self, name: str, where: str) -> None:
        if where:
            self._screen.show(Text.assemble("  ", (f"{name:<10}", "bold"), (where, "cyan")))

    def section(self, connection: str) -> None:
        title = f" {connection} · {self._place.connections[connection]} "
        rule = "─" * max(self._width - len(title) - 2, 4)
        self._screen.show("", Text.assemble(("──", "dim"), (title, "bold"), (rule, "dim")))

    def step(self, connection: str, number: int, step: Step) -> None:
        self._screen.show("", Text.assemble((f"{number:>3}  ", "dim"), (f"{step.name:<17}", "bold"), (step.title, "")))

    def seen(self, connection: str, seen: Seen) -> None:
        time = seen.at.astimezone().strftime("%H:%M:%S.%f")[:-3]
        arrow, style = _ARROWS[seen.kind]
        # once the user talks to it, the lines of all connections come together
        where = f"{connection:<{max(map(len, self._place.connections))}}  " if self._together else ""
        line = Text.assemble("     ", (f"{time}  ", "dim"), where, (arrow, style), "  ")
        if seen.kind == "phone":
            line.append(seen.what, "italic")
        else:
            status = "" if seen.status is None else str(seen.status)
            room = max(self._width - 42 - len(where), 20)
            line.append(f"{printable(seen.what, most=room):<{room}} ")
            line.append(f"{status or 'no answer':>9}", "green" if seen.fine else "magenta")
            line.append(f"{seen.milliseconds or 0:>7g} ms", "dim")
        self._screen.show(line)

    def verdict(self, connection: str, step: Step, verdict: Verdict) -> None:
        self._verdicts[connection, step.name] = verdict
        mark, style = _MARKS[verdict.outcome]
        self._say(Text.assemble((f"     {mark} {verdict.outcome.value}  ", style)), verdict.words)

    def trouble(self, words: str) -> None:
        self._say(Text.assemble(("     ! ", "bold red")), words)

    def _say(self, head: Text, words: str) -> None:
        """Print words behind a head, their further lines below their first."""
        room = max(self._width - len(head), 20)
        lines = [line for each in words.splitlines() for line in wrap(printable(each), room, subsequent_indent="  ")]
        for line in lines or [""]:
            self._screen.show(head + Text(line))
            head = Text(" " * len(head))

    def closing(self, seconds: float, counts: Counter[str], *, fine: bool) -> None:
        rule = Text("─" * self._width, "dim")
        self._screen.show("", rule, *self._table(list(self._place.connections)), "")
        if any(verdict.outcome is Outcome.REFUSED for verdict in self._verdicts.values()):
            mark, style = _MARKS[Outcome.REFUSED]
            self._screen.show(Text.assemble((f"{mark} refused", style), " as it had to be; the reasons are above"), "")
        missed = sum(verdict.outcome is Outcome.MISSED for verdict in self._verdicts.values())
        events = f", {counts['forward']} events" if counts["forward"] else ""
        went = f"{counts['call']} calls, {counts['webhook']} webhooks{events}, {seconds:.1f} s"
        if fine:
            self._screen.show(Text.assemble(("every step happened as it had to", "bold green"), f"   {went}"))
        else:
            what = f"{missed} of {len(self._verdicts)} steps did not happen" if missed else "something else went wrong"
            self._screen.show(Text.assemble((f"{what}, see the lines with !", "bold red"), f"   {went}"))

    def _table(self, connections: list[str]) -> list[Text]:
        """Step by connection; made by hand, for a narrow terminal should wrap it, not cut words."""
        first = max(len(step.name) for step in STEPS) + 3
        widths = [max(len(connection), 10) + 3 for connection in connections]
        titles = [f"{connection:<{width}}" for connection, width in zip(connections, widths, strict=True)]
        rows = [Text(" " * first + "".join(titles).rstrip(), "bold")]
        for step in STEPS:
            row = Text(f"{step.name:<{first}}")
            for connection, width in zip(connections, widths, strict=True):
                row.append(self._cell(self._verdicts.get((connection, step.name)), width))
            row.rstrip()
            rows.append(row)
        return rows

    @staticmethod
    def _cell(verdict: Verdict | None, width: int) -> Text:
        if verdict is None:
            return Text(" " * width)
        mark, style = _MARKS[verdict.outcome]
        return Text(f"{mark} {verdict.outcome.value}".ljust(width), style)

    def invitation(self) -> None:
        self._together = True
        place, doors, show = self._place, self._doors, self._screen.show
        show("", Text.assemble(("Now you.", "bold"), f" Open the phone of {place.name}, and write to the bot:"), "")
        show(Text(f"  {place.phone}", "bold cyan"), "")
        if doors.console:
            show("What the gateway made of it, for those who run one:", "", Text(f"  {doors.console}", "bold cyan"), "")
        show("Or without a browser:", "")
        for vendor in place.vendors:
            body = f'{{"vendor":"{vendor}","text":"hello"}}'
            show(Text(f"  curl {place.control}/contacts/{place.contact}/write -d '{body}'", "cyan"))
        show("", Text.assemble("What else a contact can do: ", (f"{place.control}/", "cyan"), "   Ctrl-C ends it."), "")

    def farewell(self) -> None:
        self._screen.show("", "finishing what is under way; nothing of it is kept")


@dataclass(slots=True)
class Programs:
    """Tells it as JSON, one document a line."""

    screen: Screen
    place: Place
    _steps: list[JsonValue] = field(default_factory=list)

    def phones(self) -> None:
        """All places are told together."""

    def opening(self, doors: Doors) -> None:
        place = self.place
        of_service: dict[str, JsonValue] = {
            "api_url": doors.api,
            "api_key": doors.key,
            "console_url": doors.console,
            "endpoint_secret": doors.secret,
        }
        self._say(
            "opening",
            connections=dict(place.connections),
            base_urls=dict(place.base_urls),
            webhook_url=doors.webhooks,
            control_url=place.control,
            phone_url=place.phone,
            contact=place.contact,
            **{name: value for name, value in of_service.items() if value},
        )

    def section(self, connection: str) -> None:
        """Every line names its connection."""

    def step(self, connection: str, number: int, step: Step) -> None:
        """It is told when it is over."""

    def seen(self, connection: str, seen: Seen) -> None:
        self._say(
            seen.kind,
            connection=connection,
            at=seen.at.isoformat(),
            what=seen.what,
            status=seen.status,
            milliseconds=seen.milliseconds,
            accepted=seen.fine,
        )

    def verdict(self, connection: str, step: Step, verdict: Verdict) -> None:
        told: dict[str, JsonValue] = {
            "connection": connection,
            "step": step.name,
            "outcome": verdict.outcome.value,
            "detail": verdict.words,
        }
        self._steps.append(told)
        self._say("step", **told)

    def trouble(self, words: str) -> None:
        self._say("trouble", detail=words)

    def closing(self, seconds: float, counts: Counter[str], *, fine: bool) -> None:
        went: dict[str, JsonValue] = {
            "calls": counts["call"],
            "webhooks": counts["webhook"],
            "events": counts["forward"],
        }
        self._say("closing", ok=fine, seconds=round(seconds, 3), **went, steps=self._steps)

    def invitation(self) -> None:
        self._say("ready", phone_url=self.place.phone)

    def farewell(self) -> None:
        self._say("ending")

    def _say(self, kind: str, **what: JsonValue) -> None:
        self.screen.data({"type": kind, **what})
