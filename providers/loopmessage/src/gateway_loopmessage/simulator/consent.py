"""Whether a contact may be written to now: opt-outs, the sandbox, cold contacts, and the space between them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from pydantic import JsonValue

from gateway.provider import Address
from gateway_loopmessage.simulator.account import Account, Rejected

__all__ = ["agree"]

_DAY = timedelta(hours=24)
_TWO_MINUTES = timedelta(minutes=2)
_QUARTER_HOUR = timedelta(minutes=15)
_SANDBOX_CONTACTS = 5

#: From which day of a sender on, how many new conversations a day; told by a third party who quotes the vendor.
_WARM_UP = ((22, 50), (15, 30), (8, 20), (5, 10), (3, 5), (1, 2))

#: What a first message may not hold: emails, links, phone numbers, currencies. Marketing cannot be told by a pattern.
_FORBIDDEN_FIRST = re.compile(
    r"\S@\S+\.\w|https?://|\bwww\.|\+?\d[\d\s().-]{6,}\d|[$€£¥₹]|\b(?:USD|EUR|GBP)\b", re.IGNORECASE
)

#: What the sandbox may filter: codes of one use, and currencies.
_FILTERED = re.compile(r"\b\d{4,8}\b|[$€£¥₹]")


def agree(account: Account, address: Address | None, line: str, body: Mapping[str, JsonValue]) -> None:
    """Let a message pass, or raise `Rejected`; groups wrote to us first, or there would be none."""
    if address is None:
        return
    if address in account.unsubscribed:
        raise Rejected(500)
    last = account.last_inbound(address)
    recent = last is not None and account.context.now() - last <= _DAY
    if account.is_on("sandbox"):
        _sandbox(account, address, body, recent=recent)
    if last is None and address not in account.opted_in:
        _cold(account, address, line, body)
    if not recent:
        _spacing(account)


def _sandbox(account: Account, address: Address, body: Mapping[str, JsonValue], *, recent: bool) -> None:
    """Ask for a message within a day, from one of the first five who wrote."""
    if not recent or address not in account.contacts()[:_SANDBOX_CONTACTS]:
        raise Rejected(200)
    code = account.switch("sandbox_filter")
    if isinstance(code, int) and _FILTERED.search(str(body.get("text", ""))):
        raise Rejected(code, "the sandbox filters this text")


def _cold(account: Account, address: Address, line: str, body: Mapping[str, JsonValue]) -> None:
    """Ask whether somebody who never wrote may be written to."""
    code = account.switch("cold_contacts")
    if isinstance(code, int):
        raise Rejected(code)
    written = [thread for thread in account.direct_threads(address) if thread.bubbles]
    if account.is_on("init_rules") and not written:
        _start(account, line, body)


def _start(account: Account, line: str, body: Mapping[str, JsonValue]) -> None:
    """Begin a conversation, by the rules of the feature that allows it."""
    sender, now = account.directory.senders[line], account.context.now()
    if not sender.init:
        raise Rejected(520)
    if body.get("attachments") or body.get("media_url") or _FORBIDDEN_FIRST.search(str(body.get("text", ""))):
        raise Rejected(530, "a first message has no links, addresses, numbers, currencies and attachments")
    before = account.starts.setdefault(line, [])
    if before and now - before[-1] < _QUARTER_HOUR:
        raise Rejected(540)
    if len([start for start in before if start.date() == now.date()]) >= _most(sender.created_at, now):
        raise Rejected(540)
    before.append(now)


def _most(since: datetime, now: datetime) -> int:
    day = (now - since).days + 1
    return next(most for first, most in _WARM_UP if day >= first)


def _spacing(account: Account) -> None:
    """Keep two minutes between messages to contacts who have not written lately."""
    now, before = account.context.now(), account.last_cold_send
    if account.is_on("two_minutes") and before is not None and now - before < _TWO_MINUTES:
        raise Rejected(540)
    account.last_cold_send = now
