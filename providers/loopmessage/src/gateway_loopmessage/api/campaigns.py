"""Campaigns: many messages in one request, sent by the vendor within the hours that it is given.

The vendor calls them experimental. They are for contacts who have talked with the sender before, and not for the
sandbox. No call lists, changes or ends one: what becomes of the messages is told by webhooks, without `passthrough`.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.provider import Call, Exchange, Repeat, path
from gateway_loopmessage import wire
from gateway_loopmessage.api.answers import accepted

__all__ = ["broadcast", "create", "individual"]


def broadcast(
    name: str,
    contacts: Iterable[str],
    text: str,
    *,
    attachments: Iterable[str] = (),
    effect: str | None = None,
    subject: str | None = None,
    schedule: wire.Schedule | None = None,
) -> Exchange[wire.Campaign]:
    """Schedule one text for many contacts; at most three attachments, `effect` in the vendor's spelling."""
    urls = list(attachments)
    request = wire.CampaignRequest(
        name=name,
        contacts=list(contacts),
        text=text,
        attachments=urls or None,
        effect=effect,
        subject=subject,
    )
    return create(request.model_copy(update=_when(schedule)))


def individual(
    name: str, messages: Iterable[wire.CampaignMessage], *, schedule: wire.Schedule | None = None
) -> Exchange[wire.Campaign]:
    """Schedule a text of its own for each contact."""
    request = wire.CampaignRequest(name=name, messages=list(messages))
    return create(request.model_copy(update=_when(schedule)))


def create(request: wire.CampaignRequest) -> Exchange[wire.Campaign]:
    """POST `/campaigns/new/`, in either form.

    Never repeated: a second copy is a second campaign, which writes to everybody again.
    """
    reply = yield Call("POST", path("/campaigns/new/"), json=request.body(), repeat=Repeat.NEVER)
    return accepted(reply, wire.Campaign)


def _when(schedule: wire.Schedule | None) -> dict[str, str | None]:
    """Spell a schedule as the vendor does: `YYYY-MM-DD`, `HH:mm`, and the name of a time zone."""
    if schedule is None:
        return {}
    return {
        "from_date": schedule.from_date.isoformat() if schedule.from_date else None,
        "from_time": f"{schedule.from_time:%H:%M}" if schedule.from_time else None,
        "to_time": f"{schedule.to_time:%H:%M}" if schedule.to_time else None,
        "timezone": schedule.timezone,
    }
