"""The older generation's API: two keys, other words, other codes; much code in the field still speaks it.

Source: docs-legacy.loopmessage.com "Sending", "Statuses" (until 2026). The twin serves it beside the current one, under
`/legacy/api/v1/`, on the same world. Its reports come as `alert_type`, to the callback of the message where one is
given.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

from pydantic import JsonValue

from gateway.provider import DeliveryState
from gateway.simulator import Bubble, TwinReply, TwinRequest
from gateway_loopmessage.simulator.account import NAME, Account, Rejected, iso
from gateway_loopmessage.simulator.fields import body_of, flag, is_header, is_url, text_field
from gateway_loopmessage.simulator.hooks import Hooks, said
from gateway_loopmessage.simulator.messages import Messages
from gateway_loopmessage.simulator.rules import Request, check

__all__ = ["Legacy"]

#: The numbers that mean another thing here than today, by today's.
_CODES = MappingProxyType(
    {
        115: 120,
        165: 160,
        250: 545,
        260: 540,
        240: 540,
        290: 570,
        300: 500,
        310: 510,
        320: 500,
        330: 530,
        340: 270,
        550: 400,
        # opted out, too long ago, never wrote: one number for what the recipient has to mend
        200: 550,
        500: 560,
        510: 560,
        520: 560,
        530: 560,
        540: 330,
    }
)

_STATUS = MappingProxyType(
    {
        DeliveryState.QUEUED: "processing",
        DeliveryState.SENT: "processing",
        DeliveryState.DELIVERED: "sent",
        DeliveryState.READ: "sent",
        DeliveryState.FAILED: "failed",
        DeliveryState.CANCELLED: "timeout",
    }
)

_LEAST_TIMEOUT = 5
_LONGEST_TIMEOUT = 10**8
_CALLBACK_LENGTH = 256
_TIMED_OUT = 130


class Legacy:
    """The endpoints of the older generation."""

    def __init__(self, account: Account, messages: Messages, hooks: Hooks) -> None:
        self._account = account
        self._messages = messages
        self._hooks = hooks

    def send(self, request: TwinRequest) -> TwinReply:
        """POST `/message/send/`: text, audio or reaction, to a recipient or a group."""
        try:
            self._authenticate(request)
            body = body_of(request)
            return self._accepted(body, check(self._account, self._current(body)))
        except Rejected as rejected:
            code = _CODES.get(rejected.code, rejected.code)
            status = 402 if code == 400 else 400
            return TwinReply(status, {"success": False, "code": code, "message": rejected.message})

    def status(self, request: TwinRequest) -> TwinReply:
        """GET `/message/status/{id}/`: here below `/api`."""
        try:
            self._authenticate(request)
        except Rejected as rejected:
            return TwinReply(400, {"success": False, "code": rejected.code, "message": rejected.message})
        bubble = self._account.context.world.find(NAME, request.params["id"])
        if bubble is None or not bubble.ours:
            return self._account.not_found()
        return TwinReply(200, self._shown(bubble))

    # ── keys and words ────────────────────────────────────────────────────────────────────────────────────────────

    def _authenticate(self, request: TwinRequest) -> None:
        """Let both keys in: a wrong first one is code 125 here, a wrong second one 130."""
        first, second = (request.headers.get(name, "") for name in ("authorization", "loop-secret-key"))
        if not first or not second:
            raise Rejected(110)
        if first != self._account.directory.default.api_key:
            raise Rejected(125, "the authorization key is not known")
        if second != self._account.context.secret:
            raise Rejected(130, "the secret key is not known")
        self._account.caller = self._account.directory.default

    def _current(self, body: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """Say a request in today's words; raises `Rejected` for what only this generation asks for."""
        if "recipient" not in body and "group" not in body:
            raise Rejected(150)
        sender = text_field(body, "sender_name")
        if not self._account.is_on("sandbox"):
            self._is_a_name(sender)
        if not text_field(body, "text"):
            raise Rejected(140)
        if flag(body, "audio_message") and not body.get("media_url"):
            raise Rejected(640)
        _callback(body)
        _timeout(body)
        words = {"recipient": "contact", "sender_name": "sender", "service": "channel"}
        return {words.get(name, name): value for name, value in body.items()}

    def _is_a_name(self, sender: str | None) -> None:
        if not sender:
            raise Rejected(210)
        if sender.removeprefix("+").isdecimal():
            raise Rejected(220, "a sender name is never a phone number")

    # ── a send ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _accepted(self, body: Mapping[str, JsonValue], wanted: Request) -> TwinReply:
        echo: dict[str, JsonValue] = {"success": True, "text": str(body["text"])}
        thread = wanted.thread
        if thread.group is None:
            echo["recipient"] = thread.members[0].value
        else:
            name: dict[str, JsonValue] = {"name": thread.name} if thread.name else {}
            members: list[JsonValue] = [member.value for member in thread.members]
            echo["group"] = {"group_id": thread.group, **name, "participants": members}
        if wanted.reaction is not None:
            return TwinReply(200, {"message_id": self._messages.react(wanted), **echo})
        seconds = _timeout(body)
        notes = {name: body[field] for name, field in _NOTES.items() if field in body}
        bubble = self._messages.submit(wanted, form="legacy", **notes)
        if seconds is not None:
            self._account.context.later(seconds, partial(self._time_out, bubble))
        return TwinReply(200, {"message_id": bubble.vendor_id, **echo})

    def _time_out(self, bubble: Bubble) -> None:
        """Give a message up that was not delivered in the time that it was given."""
        if bubble.state in {DeliveryState.DELIVERED, DeliveryState.READ, DeliveryState.FAILED}:
            return
        bubble.code = str(_TIMED_OUT)
        bubble.reach(DeliveryState.CANCELLED, self._account.context.now())
        for webhook in self._hooks.report("message_timeout", bubble, _TIMED_OUT):
            self._account.context.emit(webhook)

    def _shown(self, bubble: Bubble) -> dict[str, JsonValue]:
        sender = self._account.directory.senders[bubble.thread.line]
        shown: dict[str, JsonValue] = {
            "message_id": bubble.vendor_id,
            "status": _STATUS.get(bubble.state, "unknown"),
            "text": said(bubble),
            "sandbox": self._account.is_on("sandbox"),
            "sender_name": sender.name,
            "last_update": iso(max(bubble.times.values(), default=bubble.created_at), milliseconds=True),
        }
        if bubble.thread.group is None:
            shown["recipient"] = bubble.thread.members[0].value
        if "passthrough" in bubble.notes:
            shown["passthrough"] = bubble.notes["passthrough"]
        if bubble.code and bubble.code.isdecimal():
            shown["error_code"] = int(bubble.code)
        return shown


_NOTES = MappingProxyType({"callback": "status_callback", "callback_header": "status_callback_header"})


def _timeout(body: Mapping[str, JsonValue]) -> float | None:
    seconds = body.get("timeout")
    if seconds is None:
        return None
    if not isinstance(seconds, int) or isinstance(seconds, bool) or seconds < _LEAST_TIMEOUT:
        raise Rejected(100, f"timeout is a whole number of seconds, at least {_LEAST_TIMEOUT}")
    # past any patience of a test; thousands of digits would be no float
    return float(min(seconds, _LONGEST_TIMEOUT))


def _callback(body: Mapping[str, JsonValue]) -> None:
    for name in ("status_callback", "status_callback_header"):
        text = text_field(body, name)
        if text is not None and len(text) > _CALLBACK_LENGTH:
            raise Rejected(100, f"{name} has at most {_CALLBACK_LENGTH} characters")
    url = text_field(body, "status_callback")
    if url is not None and not is_url(url):
        raise Rejected(100, "status_callback has to be a URL")
    if not is_header(text_field(body, "status_callback_header") or ""):
        raise Rejected(100, "status_callback_header has to fit in a header")
