"""Campaigns: taken in at once, sent on the clock within the hours that were given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import partial
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import JsonValue

from gateway.provider import Address
from gateway.simulator import TwinReply, TwinRequest
from gateway_loopmessage.simulator.account import NAME, Account, Rejected, iso
from gateway_loopmessage.simulator.fields import body_of, required, text_field
from gateway_loopmessage.simulator.messages import Messages
from gateway_loopmessage.simulator.pages import day
from gateway_loopmessage.simulator.rules import Request, attachments_of, effect_of, normalised, text_of

__all__ = ["Campaigns"]

_ATTACHMENTS = 3
_FROM, _TO, _ZONE = "10:00", "22:00", "America/New_York"


@dataclass(frozen=True, slots=True)
class _Hours:
    """When a campaign may send, on the clock of its time zone."""

    first: date
    opens: time
    closes: time
    zone: tzinfo

    def next(self, moment: datetime) -> datetime:
        """Give the first time from a moment on that is within the hours, in UTC."""
        local = max(moment.astimezone(self.zone), datetime.combine(self.first, self.opens, self.zone))
        if local.time() < self.opens:
            local = datetime.combine(local.date(), self.opens, self.zone)
        elif local.time() > self.closes:
            local = datetime.combine(local.date() + timedelta(days=1), self.opens, self.zone)
        return local.astimezone(UTC)


class Campaigns:
    """The endpoint for campaigns, and the sending."""

    def __init__(self, account: Account, messages: Messages) -> None:
        self._account = account
        self._messages = messages

    def create(self, request: TwinRequest) -> TwinReply:
        """POST `/campaigns/new/`: one text for many, or a message for each; never in the sandbox."""
        self._account.leave_the_sandbox()
        body = body_of(request)
        name, hours = required(body, "name"), self._hours(body)
        wanted = self._wanted(body)
        if not wanted:
            raise Rejected(510, "no contact has talked with the sender")
        for one, when in zip(wanted, self._times(hours, len(wanted)), strict=True):
            self._account.context.later((when - self._account.context.now()).total_seconds(), partial(self._send, one))
        answer: dict[str, JsonValue] = {
            "id": self._account.new_uuid(),
            "name": name,
            "api_key": self._account.caller.api_key,
            "create_date": iso(self._account.context.now()),
        }
        return TwinReply(200, answer)

    def _times(self, hours: _Hours, count: int) -> list[datetime]:
        """Give the time of each message; raises `Rejected` for those that no calendar has."""
        spacing = timedelta(seconds=self._account.number("campaign_spacing"))
        times: list[datetime] = []
        try:
            while len(times) < count:
                times.append(hours.next(times[-1] + spacing if times else self._account.context.now()))
        except OverflowError:
            raise Rejected(125, "from_date is out of reach") from None
        return times

    def _wanted(self, body: Mapping[str, JsonValue]) -> list[Request]:
        """Read every message of either form, all of them before any is taken."""
        contacts, messages = body.get("contacts"), body.get("messages")
        if contacts is not None and messages is not None:
            raise Rejected(125, "contacts or messages, not both")
        if messages is None:
            if contacts is None:
                raise Rejected(120, "contacts or messages is missing")
            if not isinstance(contacts, list) or not contacts:
                raise Rejected(115, "contacts has to be a list")
            messages = [{**body, "contact": contact} for contact in contacts]
        if not isinstance(messages, list) or not messages or not all(isinstance(one, dict) for one in messages):
            raise Rejected(115, "messages has to be a list of objects")
        found = [self._message(one) for one in messages if isinstance(one, dict)]
        return [one for one in found if one is not None]

    def _message(self, body: Mapping[str, JsonValue]) -> Request | None:
        """Read one message; None for a contact who is left out, since it never talked with a sender."""
        text, effect = text_of(self._account, body), effect_of(body)
        attachments = attachments_of(self._account, body, _ATTACHMENTS)
        contact = body.get("contact")
        if not isinstance(contact, str) or not contact:
            raise Rejected(150)
        address = self._account.contact_by_id(contact) or normalised(contact)
        if not self._talked(address):
            if self._account.switch("campaign_cold") == "refuse":
                raise Rejected(510)
            return None
        thread = self._account.context.world.direct(NAME, self._account.line_for(address), address)
        return Request(thread, text=text, subject=text_field(body, "subject"), attachments=attachments, effect=effect)

    def _talked(self, address: Address) -> bool:
        return self._account.last_inbound(address) is not None or address in self._account.opted_in

    def _send(self, wanted: Request) -> None:
        """Send one; a contact who opted out meanwhile makes it fail with that code."""
        gone = wanted.thread.members[0] in self._account.unsubscribed
        self._messages.submit(wanted, **({"fails": 500} if gone else {}))

    def _hours(self, body: Mapping[str, JsonValue]) -> _Hours:
        zone = _zone(text_field(body, "timezone") or _ZONE)
        today = self._account.context.now().astimezone(zone).date()
        asked = text_field(body, "from_date")
        opens, closes = (_time(body, name, default) for name, default in (("from_time", _FROM), ("to_time", _TO)))
        if opens >= closes:
            raise Rejected(125, "from_time has to be before to_time")
        return _Hours(day(asked) if asked else today, opens, closes, zone)


def _time(body: Mapping[str, JsonValue], name: str, default: str) -> time:
    text = text_field(body, name) or default
    try:
        return datetime.strptime(text, "%H:%M").replace(tzinfo=UTC).time()
    except ValueError:
        raise Rejected(125, f"{name} is HH:mm") from None


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        if name == _ZONE:
            # a machine without the database of time zones: the vendor's default, without its summers
            return timezone(timedelta(hours=-5))
        raise Rejected(125, "timezone is not known") from None
