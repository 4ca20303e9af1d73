"""The forms in which one fact is told: the current generation's, the older one's, and that of the front for n8n."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from pydantic import JsonValue

from gateway_loopmessage.simulator.account import Account

__all__ = ["told_as"]

Payload = dict[str, JsonValue]

_ALERTS = MappingProxyType(
    {
        "message_inbound": "message_inbound",
        "opt-in": "message_inbound",
        "message_scheduled": "message_scheduled",
        "message_delivered": "message_sent",
        "message_failed": "message_failed",
        "message_reaction": "message_reaction",
        "message_timeout": "message_timeout",
        "inbound_call": "inbound_call",
    }
)
"""The older generation's names; what is missing it did not tell."""

_NOT_DELIVERED = 1020
_UNDELIVERABLE = 110
_SAME = (
    "webhook_id message_id api_version text subject attachments message_type thread_id language speech passthrough"
).split()


def told_as(form: str, account: Account, payload: Payload) -> tuple[str, Payload] | None:
    """Tell a fact in a form, given in the current one: the event's name there, and the object.

    None where that form has no word for it.
    """
    make = _OTHERS.get(form)
    return make(account, payload) if make else (str(payload["event"]), payload)


def _legacy(account: Account, payload: Payload) -> tuple[str, Payload] | None:
    alert = _ALERTS.get(str(payload["event"]))
    if alert is None:
        return None
    code = payload.get("error_code")
    told: Payload = {"alert_type": "message_sent" if code == _NOT_DELIVERED else alert}
    told |= {name: payload[name] for name in _SAME if name in payload}
    if "contact" in payload:
        told["recipient"] = payload["contact"]
    if "sender" in payload:
        sender = account.directory.senders.get(str(payload["sender"]))
        told["sender_name"] = sender.name if sender else payload["sender"]
    if "channel" in payload:
        told["delivery_type"] = "imessage" if payload["channel"] == "imessage" else "sms"
    if isinstance(group := payload.get("group"), dict):
        told["group"] = {"group_id" if name == "id" else name: value for name, value in group.items()}
    if "reaction" in payload:
        told["reaction"] = str(payload["reaction"]).replace("emphasize", "exclaim")
    if told["alert_type"] == "message_sent":
        told["success"] = code is None
    elif code is not None:
        told["error_code"] = code if alert == "message_timeout" else _UNDELIVERABLE
    if account.is_on("sandbox"):
        told["sandbox"] = True
    return str(told["alert_type"]), {"api_version": "1.0", **told}


def _n8n(account: Account, payload: Payload) -> tuple[str, Payload] | None:
    if payload["event"] != "message_inbound" or "group" in payload:
        return None
    sender = account.directory.senders.get(str(payload.get("sender")))
    told: Payload = {
        "message_id": payload["message_id"],
        "contact": payload["contact"],
        "text": payload["text"],
        "channel": payload.get("channel", "imessage"),
        "sender": sender.name if sender else payload.get("sender"),
    }
    return "message_inbound", told


_OTHERS: Mapping[str, Callable[[Account, Payload], tuple[str, Payload] | None]] = MappingProxyType(
    {"legacy": _legacy, "n8n": _n8n}
)
