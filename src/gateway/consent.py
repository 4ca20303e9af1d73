"""Whether a contact agrees to be written to: what events and codes say of it, and what follows for a send. Pure.

The ledger itself is in the store, one row for each connection and address; the latest word holds. It is fed by opt-in
and opt-out events, by STOP and START words in direct chats, and by codes that a provider marks (`CodeRow.opts_out`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.actions import DeliveryState, MarkRead, StepAction
from gateway.addresses import Address
from gateway.codes import CodeTable, Phase
from gateway.errors import GatewayError, NotOptedIn
from gateway.events import DeliveryUpdated, Event, MessageReceived, OptedIn, OptedOut
from gateway.model import Chat, ChatKind
from gateway.store.rows import ConsentRow

__all__ = [
    "OPERATOR",
    "START_WORDS",
    "STOP_WORDS",
    "ConsentMode",
    "Objection",
    "addresses_of",
    "consents_of",
    "objection",
    "opt_in_mode",
    "opted_out_by",
]

OPERATOR = "operator"
"""The source of a word that a person put into the ledger: it says that the contact agrees, not that they wrote."""

STOP_WORDS = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "optout", "revoke", "arret"})
"""The words that carriers and vendors take for an opt-out when they are the whole message (CTIA, "Messaging principles
and best practices"); accents, capitals, spaces and punctuation do not count, digits do."""

START_WORDS = frozenset({"start", "unstop", "yes", "optin", "subscribe"})
"""The words that take it back."""

_WORDS = STOP_WORDS | START_WORDS


class ConsentMode(StrEnum):
    """What follows when a contact does not agree."""

    ENFORCE = "enforce"
    """Nothing leaves: the send is refused with `NotOptedIn`."""
    WARN = "warn"
    """It leaves, and the log says so."""
    OFF = "off"
    """Nobody looks."""


def addresses_of(chat: Chat) -> tuple[Address, ...]:
    """Give the addresses whose word counts for a chat: a group has its own ways of leaving it."""
    return () if chat.kind is ChatKind.GROUP else chat.addresses


# ── what is said ──────────────────────────────────────────────────────────────────────────────────────────────────


def consents_of(events: Iterable[Event], codes: CodeTable) -> list[ConsentRow]:
    """Read what stamped events say about consent; `codes` is the provider's table."""
    return [row for event in events if (row := _word(event, codes)) is not None]


def _word(event: Event, codes: CodeTable) -> ConsentRow | None:
    match event:
        case MessageReceived():
            return _by_word(event)
        case OptedIn() | OptedOut():
            return _row(event, event.address, agreed=isinstance(event, OptedIn))
        case DeliveryUpdated(state=DeliveryState.FAILED, chat=Chat(kind=ChatKind.DIRECT) as chat):
            found = codes.find(Phase.DELIVERY, event.code)
            if found is not None and found.opts_out:
                return _row(event, chat.address, agreed=False)
    return None


def _by_word(event: MessageReceived) -> ConsentRow | None:
    """Read a message that may be one of the words: of a contact, in a chat of two."""
    word = "" if event.ours else _spoken(event)
    if word not in _WORDS or event.chat is None or event.chat.kind is not ChatKind.DIRECT:
        return None
    return _row(event, event.chat.address, agreed=word in START_WORDS)


def _row(event: Event, address: Address, *, agreed: bool) -> ConsentRow:
    return ConsentRow(
        connection=event.connection,
        address=address.text,
        agreed=agreed,
        source=event.id,
        changed_at=event.occurred_at or event.received_at,
    )


def _spoken(event: MessageReceived) -> str:
    """Give letters and digits of a short message, without case and accents: `Arrêt !` and `STOP ALL` are such words.

    `Cancel 4711` is none: it is about something that has a number, not about being written to.
    """
    text = event.text
    if len(text) > 32:
        return ""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(character for character in plain if character.isalnum())


def opted_out_by(
    error: GatewayError, codes: CodeTable, connection: str, chat: Chat, now: datetime
) -> ConsentRow | None:
    """Read the vendor's answer to a call: some codes say that the contact opted out."""
    found = codes.find(Phase.CALL, error.code)
    if found is None or not found.opts_out or chat.kind is not ChatKind.DIRECT:
        return None
    return ConsentRow(
        connection=connection,
        address=chat.address.text,
        agreed=False,
        source=f"code {error.code}",
        changed_at=now,
    )


# ── what follows ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Objection:
    """What speaks against a send, and whether it is refused for it or only noted."""

    error: NotOptedIn
    mode: ConsentMode


def opt_in_mode(mode: ConsentMode, *, required: bool | None, declared: bool) -> ConsentMode:
    """Say what a missing opt-in does: where nobody required it, a vendor's rule that asks for it only warns."""
    if required is not None:
        return ConsentMode.ENFORCE if required else ConsentMode.OFF
    return ConsentMode.WARN if declared and mode is not ConsentMode.OFF else ConsentMode.OFF


def objection(
    action: StepAction,
    words: Sequence[ConsentRow],
    *,
    wrote: bool,
    opt_out: ConsentMode,
    opt_in: ConsentMode,
) -> Objection | None:
    """Say what speaks against sending, None where nothing does.

    `words` is what is known of the addresses of the chat, `wrote` whether the contact has ever written in it, which is
    as good as an opt-in. Read marks are not asked for: they tell a contact nothing but that we listen.
    """
    if isinstance(action, MarkRead):
        return None
    if opt_out is not ConsentMode.OFF and any(not word.agreed for word in words):
        hint = 'write again after they wrote START or opted in; consent = "warn" leaves it to you'
        return Objection(NotOptedIn("the contact opted out", hint=hint), opt_out)
    agreed = wrote or any(word.agreed for word in words) or action.chat.kind is ChatKind.GROUP
    if opt_in is not ConsentMode.OFF and not agreed:
        hint = "ask them to write first, for example by an opt-in link; require_opt_in = false leaves it to you"
        return Objection(NotOptedIn("the contact has neither opted in nor written", hint=hint), opt_in)
    return None
