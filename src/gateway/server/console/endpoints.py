"""Endpoints and what was delivered to them: made, changed, tested; sent again, recovered, replayed."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta

from starlette.responses import Response

from gateway.errors import InvalidRequest
from gateway.forward.deliveries import Progress
from gateway.forward.formats import Format
from gateway.forward.notices import EVENT_TYPES
from gateway.server.console.overview import accounts_of
from gateway.server.console.page import Page, View, read_hours
from gateway.store.records.deliveries import Standing
from gateway.tenancy import ADMIN

__all__ = ["VIEWS"]


async def listed(page: Page) -> Response:
    """List the endpoints, and offer to make one."""
    page.demand(ADMIN)
    found = await page.service.endpoints.list(page.tenant, after=page.query.get("after"))
    return page.show(
        "endpoints.html",
        title="Endpoints",
        endpoints=found.items,
        next=found.next,
        formats=[form.value for form in Format],
        types=sorted(EVENT_TYPES),
        accounts=await accounts_of(page),
    )


async def create(page: Page) -> Response:
    """Make an endpoint; its secrets are shown once, here."""
    page.demand(ADMIN)
    made = await page.service.endpoints.create(
        page.tenant,
        page.filled("url"),
        description=page.form.get("description", "").strip(),
        types=_words(page.form.get("types", "")),
        connections=_words(page.form.get("connections", "")),
        form=page.one_of(Format, page.form.get("format", "standard")),
        actor=page.caller.key_id,
    )
    back = f"/endpoints/{made.endpoint.id}"
    return page.show("secret.html", title="The new secret", what="this endpoint", secrets=made.secrets, back=back)


async def look(page: Page) -> Response:
    """Show an endpoint, how its deliveries went, and what can be done with it."""
    page.demand(ADMIN)
    service, id_ = page.service, page.part("endpoint")
    endpoint = await service.endpoints.get(page.tenant, id_)
    state = page.query.get("state")
    found = await service.deliveries.list(
        page.tenant, id_, state=page.one_of(Standing, state) if state else None, after=page.query.get("after")
    )
    lately = await service.deliveries.list(page.tenant, id_, limit=100)
    lanes = Counter(row.lane for row in lately.items if row.state is Standing.PENDING)
    return page.show(
        "endpoint.html",
        title="Endpoint",
        endpoint=endpoint,
        deliveries=found.items,
        next=found.next,
        states=[each.value for each in Standing],
        counts=Counter(row.state.value for row in lately.items),
        bars=[row.state.value for row in reversed(lately.items)],
        lanes=lanes.most_common(10),
        types=sorted(EVENT_TYPES),
        formats=[form.value for form in Format],
        asked=page.query,
        preview=None,
    )


async def act(page: Page) -> Response:
    """Change an endpoint, or have it sent something."""
    page.demand(ADMIN)
    deed = _DEEDS.get(page.part("deed"))
    if deed is None:
        raise InvalidRequest("there is no such button", hint="go back and look")
    return await deed(page, page.part("endpoint"), page.caller.key_id)


async def _change(page: Page, endpoint: str, by: str) -> Response:
    await page.service.endpoints.update(
        page.tenant,
        endpoint,
        url=page.filled("url"),
        description=page.form.get("description", "").strip(),
        types=_words(page.form.get("types", "")),
        connections=_words(page.form.get("connections", "")),
        form=page.one_of(Format, page.form.get("format", "standard")),
        actor=by,
    )
    return page.go(f"/endpoints/{endpoint}", "Changed.")


async def _pause(page: Page, endpoint: str, by: str) -> Response:
    await page.service.endpoints.pause(page.tenant, endpoint, actor=by)
    return page.go(f"/endpoints/{endpoint}", "Paused: what comes waits.")


async def _resume(page: Page, endpoint: str, by: str) -> Response:
    await page.service.endpoints.resume(page.tenant, endpoint, actor=by)
    return page.go(f"/endpoints/{endpoint}", "It receives again.")


async def _remove(page: Page, endpoint: str, by: str) -> Response:
    await page.service.endpoints.remove(page.tenant, endpoint, actor=by)
    return page.go("/endpoints", "Removed.")


async def _rotate(page: Page, endpoint: str, by: str) -> Response:
    made = await page.service.endpoints.rotate(page.tenant, endpoint, actor=by)
    back = f"/endpoints/{endpoint}"
    return page.show("secret.html", title="New secret", what="this endpoint", secrets=made.secrets, back=back)


async def _test(page: Page, endpoint: str, by: str) -> Response:
    row = await page.service.deliveries.test(page.tenant, endpoint, page.filled("type"), actor=by)
    return page.go(f"/deliveries/{row.id}", "An example is on its way.")


async def _recover(page: Page, endpoint: str, by: str) -> Response:
    since = page.now - timedelta(hours=read_hours(page.filled("hours"), least=1))
    going = page.service.deliveries.recover(page.tenant, endpoint, since, actor=by)
    return page.go(f"/endpoints/{endpoint}", await _counted(going, "wait to be sent again"))


async def _replay(page: Page, endpoint: str, by: str) -> Response:
    """Count first, and send when that was seen."""
    since, until = _time(page.filled("since")), _time(page.filled("until"))
    missing, deliveries = page.form.get("missing") == "1", page.service.deliveries
    if page.form.get("sure") != "1":
        count = await deliveries.preview(page.tenant, endpoint, since, until, missing=missing)
        return page.show("replay.html", title="Replay", endpoint=endpoint, form=page.form, count=count)
    going = deliveries.replay(page.tenant, endpoint, since, until, missing=missing, actor=by)
    return page.go(f"/endpoints/{endpoint}", await _counted(going, "wait to be sent"))


_DEEDS: dict[str, Callable[[Page, str, str], Awaitable[Response]]] = {
    "change": _change,
    "pause": _pause,
    "resume": _resume,
    "remove": _remove,
    "rotate": _rotate,
    "test": _test,
    "recover": _recover,
    "replay": _replay,
}
"""What the buttons of an endpoint's page do."""


async def delivery(page: Page) -> Response:
    """Show one delivery with its attempts."""
    page.demand(ADMIN)
    story = await page.service.deliveries.get(page.tenant, page.part("delivery"))
    return page.show("delivery.html", title="Delivery", delivery=story.delivery, attempts=story.attempts)


async def resend(page: Page) -> Response:
    """Send one delivery again."""
    page.demand(ADMIN)
    id_ = page.part("delivery")
    await page.service.deliveries.resend(page.tenant, id_, actor=page.caller.key_id)
    return page.go(f"/deliveries/{id_}", "It is sent again.")


async def _counted(going: AsyncIterator[Progress], what: str) -> str:
    done = 0
    async for progress in going:
        done = progress.done
    return f"{done} deliveries {what}."


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in text.replace(",", " ").split() if word)


def _time(text: str) -> datetime:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidRequest("that is no time", hint="write it as 2026-11-21T10:00+00:00") from None
    return when if when.tzinfo else when.astimezone()


VIEWS: tuple[tuple[str, str, View], ...] = (
    ("GET", "/endpoints", listed),
    ("POST", "/endpoints", create),
    ("GET", "/endpoints/{endpoint}", look),
    ("POST", "/endpoints/{endpoint}/{deed}", act),
    ("GET", "/deliveries/{delivery}", delivery),
    ("POST", "/deliveries/{delivery}/resend", resend),
)
