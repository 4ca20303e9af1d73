"""One message, or several, through all rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.actions import Policy
from gateway.capabilities import CapabilityTable
from gateway.errors import InvalidMessage
from gateway.fitting.bubbles import fit_bubbles
from gateway.fitting.calls import Outgoing, steps_for
from gateway.fitting.dots import fit_dots
from gateway.fitting.findings import Finding, Fitting, collect, found_in, settle
from gateway.fitting.parts import fit_parts
from gateway.fitting.places import fit_channel, fit_chat
from gateway.fitting.plan import Plan
from gateway.fitting.quoting import Quotes
from gateway.fitting.showing import fit_exclusive, fit_reference, fit_showing, fit_subject, fit_thread, is_plain
from gateway.model import Chat, Message

__all__ = ["fit"]

_UNKNOWN: Quotes = {}


def fit(
    chat: Chat,
    messages: Sequence[Message],
    table: CapabilityTable,
    policy: Policy,
    quotes: Quotes = _UNKNOWN,
) -> Plan:
    """Turn messages into the steps that carry them; `quotes` are texts of messages that are answered.

    Raises `Unsupported`, naming every problem of every message at once: under `strict` for any loss, under
    `graceful` for what cannot be carried without dropping content. Raises `InvalidMessage` when there is no message.
    """
    if not messages:
        raise InvalidMessage("there is no message to send", hint="give at least one message")
    outgoing: list[Outgoing] = []
    findings: list[Finding] = []
    for index, message in enumerate(messages):
        fitted, found = collect(_fit_message(chat, index, message, table, quotes))
        outgoing += fitted
        findings += found_in(index, found)
    adaptations = settle(findings, policy)
    return Plan(steps=steps_for(chat, outgoing), adaptations=adaptations)


def _fit_message(
    chat: Chat, index: int, message: Message, table: CapabilityTable, quotes: Quotes
) -> Fitting[list[Outgoing]]:
    """Put one message through all rules; it becomes one message at the vendor, or several in order."""
    channel, capabilities = yield from fit_channel(chat, message, table)
    if not (yield from fit_chat(chat, capabilities)):
        return []
    yield from fit_reference(message, capabilities)
    if is_plain(message, capabilities):
        return [Outgoing(message, index, capabilities)]
    shown = yield from fit_showing(message, capabilities)
    typing, dots = yield from fit_dots(message, capabilities)
    parts = yield from fit_parts(message.parts, capabilities)
    parts, subject = yield from fit_subject(parts, message.subject, capabilities)
    parts = yield from fit_thread(parts, message.reply_to, capabilities, quotes)
    bubbles = yield from fit_bubbles(parts, capabilities)
    # what is shown with a message is shown with the first step that carries content; the rest says whose it is
    first: dict[str, Any] = {"channel": channel, "subject": subject, "typing": typing}
    later: dict[str, Any] = {"channel": channel, "reference": message.reference, "extra": message.extra}
    made = [shown.model_copy(update=first | {"parts": bubbles[0]})]
    made += [Message(parts=bubble, **later) for bubble in bubbles[1:]]
    fitted: list[Outgoing] = []
    for place, each in enumerate(made):
        whole = yield from fit_exclusive(each, capabilities)
        fitted.append(Outgoing(whole, index, capabilities, dots if place == 0 else None))
    return fitted
