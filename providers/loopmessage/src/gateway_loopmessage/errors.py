"""What the vendor's codes mean.

Source: docs.loopmessage.com "Error codes" (2026). One list serves the answer to a send (`code`), the status look-up
and the webhook `message_failed` (`error_code`). The older generation of this API gave many of these numbers other
meanings (125, 270, 300, 330, 500, 510, 530, 540, 550 among them); only its webhooks are read, by a table of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gateway.provider import (
    Actor,
    Blocked,
    CodeRow,
    CodeTable,
    ContentRefused,
    InvalidRecipient,
    InvalidRequest,
    LimitReached,
    NotFound,
    NotOptedIn,
    Pause,
    Phase,
    Refused,
    Reply,
    SendError,
    SenderUnavailable,
    Unauthorized,
    VendorFault,
    Whom,
)
from gateway_loopmessage import wire

__all__ = ["CODES", "LEGACY", "OPTED_OUT", "failure", "legacy_reason", "reason"]

OPTED_OUT = "500"
"""The contact opted out; as a delivery report it is the only word of an opt-out that the vendor gives."""

_CALLER, _RECIPIENT, _OPERATOR, _VENDOR = Actor.CALLER, Actor.RECIPIENT, Actor.OPERATOR, Actor.VENDOR

_KEY = "copy the organization's API key from the dashboard into api_key"
_LINE = "look at the sender names in the dashboard, then at `sender` in the settings"
_ACCOUNT = "look at the dashboard, or write to the vendor's support"
_WRITE_FIRST = "ask the contact to write first, for example by an opt-in link"

_ROWS: dict[int, CodeRow] = {
    # the request
    100: CodeRow(InvalidRequest, "the vendor refused without a reason of its own", _CALLER, "look at its words"),
    110: CodeRow(Unauthorized, "the request had no credentials", _OPERATOR, _KEY),
    115: CodeRow(InvalidRequest, "a required field has a wrong value", _CALLER, "look at the vendor's words"),
    120: CodeRow(InvalidRequest, "a required field is missing", _CALLER, "look at the vendor's words"),
    125: CodeRow(InvalidRequest, "a field has a wrong value", _CALLER, "look at the vendor's words"),
    130: CodeRow(Unauthorized, "the API key is unknown", _OPERATOR, _KEY),
    140: CodeRow(InvalidRequest, "the message has no text", _CALLER, "send a text along"),
    # the recipient
    150: CodeRow(InvalidRequest, "the request names no contact", _CALLER, "name a phone or an email"),
    160: CodeRow(InvalidRecipient, "the contact is not valid", _CALLER, "check the address"),
    165: CodeRow(InvalidRecipient, "the group is not known", _CALLER, "use a group id from an inbound message"),
    170: CodeRow(InvalidRecipient, "the contact's email is not valid", _CALLER, "check the address"),
    180: CodeRow(InvalidRecipient, "the contact's phone is not valid", _CALLER, "write it as + and country code"),
    190: CodeRow(InvalidRecipient, "the phone is not a mobile one", _CALLER, "use a mobile number or an email"),
    200: CodeRow(NotOptedIn, "the sandbox contact has no open conversation", _RECIPIENT, _WRITE_FIRST),
    # the line
    210: CodeRow(SenderUnavailable, "the vendor found no sender for this contact", _OPERATOR, _LINE),
    220: CodeRow(SenderUnavailable, "the sender is not known", _OPERATOR, f"{_LINE}; some accounts want the name"),
    # `internal error while using the sender`: refused before it was queued, hence certain
    230: CodeRow(SenderUnavailable, "the sender failed at the vendor", _VENDOR, _ACCOUNT, retriable=True),
    240: CodeRow(SenderUnavailable, "the sender is not active or not paid", _OPERATOR, _LINE),
    250: CodeRow(SenderUnavailable, "the sender is suspended", _OPERATOR, _ACCOUNT),
    260: CodeRow(SenderUnavailable, "the account has no active sender", _OPERATOR, _LINE),
    270: CodeRow(SenderUnavailable, "this needs a dedicated sender", _OPERATOR, _LINE),
    290: CodeRow(InvalidRequest, "the vendor no longer supports this request", _OPERATOR, "update this package"),
    # the account
    300: CodeRow(Unauthorized, "the account is suspended", _OPERATOR, _ACCOUNT),
    310: CodeRow(Unauthorized, "the account is blocked", _OPERATOR, _ACCOUNT),
    320: CodeRow(Unauthorized, "the account's own phone is not verified", _OPERATOR, "verify it in the dashboard"),
    330: CodeRow(Unauthorized, "the account is suspended for debt", _OPERATOR, "look at the vendor's billing page"),
    # consent, and the pace that the vendor allows
    340: CodeRow(Blocked, "the recipient blocks all messages", _RECIPIENT, "reach the contact in another way"),
    500: CodeRow(NotOptedIn, "the contact opted out", _RECIPIENT, "write again only after a new opt-in", opts_out=True),
    510: CodeRow(NotOptedIn, "there is no recent conversation with the contact", _RECIPIENT, _WRITE_FIRST),
    520: CodeRow(NotOptedIn, "the contact has to start the conversation", _RECIPIENT, _WRITE_FIRST),
    530: CodeRow(NotOptedIn, "no conversation could be started with the contact", _RECIPIENT, _WRITE_FIRST),
    540: CodeRow(
        LimitReached,
        "too many messages to contacts who are silent",
        _OPERATOR,
        "wait an hour or more",
        retriable=True,
        pause=Pause(3600, Whom.SILENT),
    ),
    550: CodeRow(LimitReached, "the plan's limit is reached", _OPERATOR, "wait for the next period or change the plan"),
    # what is in the message
    580: CodeRow(InvalidRequest, "the effect does not exist", _CALLER, "use one of the thirteen"),
    590: CodeRow(NotFound, "the message to reply to is not known", _CALLER, "use an id from an inbound message"),
    595: CodeRow(NotFound, "the message id is not known", _CALLER, "use an id from an inbound message"),
    600: CodeRow(InvalidRequest, "the reaction does not exist", _CALLER, "use one of the six tapbacks"),
    610: CodeRow(InvalidRequest, "the reaction or its message is not valid", _CALLER, "check message and tapback"),
    620: CodeRow(InvalidRequest, "an effect and a reaction cannot go together", _CALLER, "send them apart"),
    630: CodeRow(InvalidRequest, "the sender has no contact card", _OPERATOR, "set one up in the dashboard"),
    640: CodeRow(InvalidRequest, "the voice note has no URL", _CALLER, "give a public https URL"),
    # sending itself
    1000: CodeRow(VendorFault, "the vendor failed while sending", _VENDOR, _ACCOUNT, certain=False),
    # `attempted and failed`, and the vendor itself says to try again after a short delay: that is a certain no, unlike
    # 1000, of which it says nothing, and 1030, which may have arrived
    1010: CodeRow(VendorFault, "the sending was tried and failed", _VENDOR, "try again shortly", retriable=True),
    # the vendor asks for a long wait and an end after a few: no class that the gateway would repeat by itself
    1020: CodeRow(
        Refused, "sent, and not delivered", _RECIPIENT, "try again hours later, a few times at most", retriable=True
    ),
    # mostly not delivered, sometimes delivered: another try may arrive as a second copy, so it is not called retriable
    1030: CodeRow(
        VendorFault, "sent, and never confirmed", _VENDOR, "ask the contact before sending it again", certain=False
    ),
    1110: CodeRow(InvalidRecipient, "an email cannot get an SMS", _CALLER, "use a phone, or no channel"),
    1120: CodeRow(InvalidRecipient, "a group cannot get an SMS", _CALLER, "send without a channel"),
    1130: CodeRow(ContentRefused, "SMS may not carry marketing", _CALLER, "change the text, or use iMessage"),
    1140: CodeRow(ContentRefused, "SMS cannot carry a voice note", _CALLER, "send a text, or no channel"),
}

#: In the delivery phase a refusal means that nothing arrived, and code 100 that the vendor gives no reason.
_LATER: dict[int, CodeRow] = {
    100: CodeRow(VendorFault, "not delivered, the vendor gives no reason", _VENDOR, _ACCOUNT),
}

CODES = CodeTable(
    {(phase, str(code)): row for phase in Phase for code, row in _ROWS.items()}
    | {(Phase.DELIVERY, str(code)): row for code, row in _LATER.items()},
    statuses={
        # a failure without a code at HTTP 200: seen for wrong keys on one of the vendor's fronts (October 2026)
        200: CodeRow(Refused, "the vendor refused", _CALLER, "look at the vendor's words"),
        402: CodeRow(Unauthorized, "the account has no requests left", _OPERATOR, "look at the vendor's billing page"),
    },
)
"""Every code of the current generation, for the answer to a call and for a later report."""

_FAILED = "not delivered: "
LEGACY: Mapping[str, CodeRow] = MappingProxyType(
    {
        "100": CodeRow(VendorFault, f"{_FAILED}an internal error", _VENDOR, _ACCOUNT, retriable=True),
        "110": CodeRow(InvalidRecipient, f"{_FAILED}the contact cannot be reached", _RECIPIENT, "use another address"),
        "120": CodeRow(Refused, "sent, and not delivered", _RECIPIENT, "try again hours later", retriable=True),
        "130": CodeRow(Refused, "not delivered in the time that was given", _CALLER, "give more time", retriable=True),
        "140": CodeRow(VendorFault, f"{_FAILED}an integration was too busy", _VENDOR, _ACCOUNT, retriable=True),
        "150": CodeRow(VendorFault, f"{_FAILED}it could not be handed on", _VENDOR, _ACCOUNT, retriable=True),
    }
)
"""The codes of webhooks of the older generation (docs-legacy.loopmessage.com), where each of these numbers means
something else than today. Its codes of answers are not here: this package calls the current API only."""


_FAULTS = 500


def failure(reply: Reply, answer: wire.Answer | None) -> SendError:
    """Make the error for an answer that is not an acceptance; `answer` is its body, where it could be read."""
    code, words = (answer.failure_code, answer.message) if answer else (None, None)
    # behind a 5xx, which the vendor's page does not know, a code says nothing about what was done before it
    if reply.status >= _FAULTS:
        error = CODES.error(reply, None, words)
        error.code = code
        return error
    # the generic code says less than a status other than the documented 200 and 400
    return CODES.error(reply, None if code == "100" and reply.status not in {200, 400} else code, words)


def reason(code: str | None) -> CodeRow | None:
    """Look up what a code means when it comes with a webhook or a status."""
    return CODES.find(Phase.DELIVERY, code)


def legacy_reason(code: str | None) -> CodeRow | None:
    """Look up what a code means in a webhook of the older generation."""
    return LEGACY.get(code or "")
