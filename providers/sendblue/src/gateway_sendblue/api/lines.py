"""Lines: which there are, how they are, and how many conversations they may still begin."""

from __future__ import annotations

from gateway.provider import Call, Exchange, Repeat, path
from gateway_sendblue import wire
from gateway_sendblue.api.answers import ask, look_up

__all__ = [
    "call_forwarding",
    "contact_status",
    "forward_calls",
    "numbers",
    "states",
    "stop_forwarding_calls",
    "usage",
]


def numbers() -> Exchange[wire.LineNumbers]:
    """GET `/api/lines`: the account's numbers. The vendor's own tools use it."""
    return look_up(path("/api/lines"), wire.LineNumbers)


def states() -> Exchange[wire.LineStates]:
    """GET `/api/v2/lines/state`: `ONLINE`, `OFFLINE`, `DEGRADED` or `UNKNOWN`, each since when."""
    return look_up(path("/api/v2/lines/state"), wire.LineStates)


def usage() -> Exchange[wire.LineUsage]:
    """GET `/api/v2/lines/usage`: the windows of an hour and a day for new contacts; not for a token of some lines."""
    return look_up(path("/api/v2/lines/usage"), wire.LineUsage)


def contact_status(number: str, sendblue_number: str) -> Exchange[wire.ContactStatus]:
    """GET `/api/v2/lines/contact-status`: whether a message would begin a conversation; phones only."""
    where = path("/api/v2/lines/contact-status")
    return look_up(where, wire.ContactStatus, number=number, sendblue_number=sendblue_number)


def call_forwarding(line: str) -> Exchange[wire.CallForwarding]:
    """GET `/api/lines/{sendblue_number}/call-forwarding`."""
    return look_up(path("/api/lines/{line}/call-forwarding", line=line), wire.CallForwarding)


def forward_calls(line: str, to: str) -> Exchange[wire.CallForwarding]:
    """PUT `/api/lines/{sendblue_number}/call-forwarding`."""
    where = path("/api/lines/{line}/call-forwarding", line=line)
    return ask(Call("PUT", where, json={"forwarding_number": to}, repeat=Repeat.SAFE), wire.CallForwarding)


def stop_forwarding_calls(line: str) -> Exchange[wire.CallForwarding]:
    """DELETE `/api/lines/{sendblue_number}/call-forwarding`; a second time changes nothing."""
    where = path("/api/lines/{line}/call-forwarding", line=line)
    return ask(Call("DELETE", where, repeat=Repeat.SAFE), wire.CallForwarding)
