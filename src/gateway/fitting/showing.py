"""Rules for how a message is shown: subject, effect, reply, contact card, and what excludes what.

All of it is decoration but the subject's words, which become a line of text where there is no subject.
"""

from __future__ import annotations

from typing import Any

from gateway.capabilities import Capabilities, Feature
from gateway.fitting.bubbles import Bubble, content, fit_bubbles
from gateway.fitting.findings import Fitting, adapted, collect, impossible, most_of
from gateway.fitting.quoting import Quotes, quoted
from gateway.model import Message, MessageRef, Text

__all__ = ["fit_exclusive", "fit_reference", "fit_showing", "fit_subject", "fit_thread", "is_plain", "uses"]


def fit_showing(message: Message, capabilities: Capabilities) -> Fitting[Message]:
    """Fit effect, reply and contact card; a reply that has no thread to go to is for `fit_thread`."""
    changes: dict[str, Any] = {
        "effect": (yield from _effect(message, capabilities)),
        "reply_to": (yield from _reply(message.reply_to, capabilities)),
        "share_contact": (yield from _share_contact(message, capabilities)),
    }
    return message.model_copy(update=changes)


def _effect(message: Message, capabilities: Capabilities) -> Fitting[Any]:
    """An effect that does not exist here is left out."""
    effect = message.effect
    if effect is None:
        return None
    if not capabilities.has(Feature.EFFECT):
        yield adapted(Feature.EFFECT, "left out", "there are no effects here", "no effect")
        return None
    offered = capabilities.limits.effects
    if effect not in offered:
        others = ", ".join(sorted(each.value for each in offered)) or "no effect"
        yield adapted(Feature.EFFECT, "left out", f"there is no {effect.value} here", f"one of {others}")
        return None
    return effect


def _reply(target: MessageRef | None, capabilities: Capabilities) -> Fitting[MessageRef | None]:
    """A reply that cannot be threaded is a message like any other; one to a part is a reply to the whole."""
    if target is None or not capabilities.has(Feature.REPLY):
        return None
    if target.index is not None:
        why, instead = "a reply names its message, not a place in the chat", "the vendor's id of the message"
        yield adapted(Feature.REPLY, "sent outside the thread", why, instead)
        return None
    if target.guid is not None and not capabilities.has(Feature.REPLY_GUID):
        why, instead = "a message cannot be named by its GUID here", "the vendor's id of the message"
        yield adapted(Feature.REPLY_GUID, "sent outside the thread", why, instead)
        return None
    if target.part and not capabilities.has(Feature.REPLY_PART):
        yield adapted(
            Feature.REPLY_PART, "replies to the whole message", "parts cannot be replied to here", "a reply to part 0"
        )
        return target.model_copy(update={"part": 0})
    return target


def fit_thread(parts: Bubble, target: MessageRef | None, capabilities: Capabilities, quotes: Quotes) -> Fitting[Bubble]:
    """Where there are no replies, a line that quotes what is answered stands for the thread, if that is known."""
    if target is None or capabilities.has(Feature.REPLY):
        return parts
    with_quote = quoted(parts, quotes.get(target, ""), capabilities)
    below = "" if with_quote is None else ", below a line of what it answers"
    instead = "a message without reply_to"
    yield adapted(Feature.REPLY, f"sent outside the thread{below}", "there are no replies here", instead)
    return with_quote or parts


def _share_contact(message: Message, capabilities: Capabilities) -> Fitting[bool]:
    """A contact card that cannot be shared is left out."""
    if message.share_contact and not capabilities.has(Feature.SHARE_CONTACT):
        why = "the contact card cannot be sent along here"
        yield adapted(Feature.SHARE_CONTACT, "left out", why, "a message without share_contact")
        return False
    return message.share_contact


def fit_reference(message: Message, capabilities: Capabilities) -> Fitting[None]:
    """The reference is the caller's own: it is never cut. Where the vendor carries none, the store keeps it."""
    most = capabilities.limits.reference_length
    if most is not None and message.reference is not None and len(message.reference) > most:
        limit = most_of(most, "character")
        yield impossible(Feature.REFERENCE, f"a reference has {limit} here", f"a reference of {limit}")


# ── the subject ───────────────────────────────────────────────────────────────────────────────────────────────────


def fit_subject(parts: Bubble, subject: str | None, capabilities: Capabilities) -> Fitting[tuple[Bubble, str | None]]:
    """A subject that cannot be shown is the first line of the text."""
    if subject is None:
        return parts, None
    why, instead = _no_subject(parts, subject, capabilities)
    if not why:
        return parts, subject
    yield adapted(Feature.SUBJECT, "sent as the first line of the text", why, instead)
    first = parts[0]
    if isinstance(first, Text) and first.mention is None:
        return (Text(text=f"{subject}\n{first.text}"), *parts[1:]), None
    return (Text(text=subject), *parts), None


def _no_subject(parts: Bubble, subject: str, capabilities: Capabilities) -> tuple[str, str]:
    if not capabilities.has(Feature.SUBJECT):
        return "there are no subjects here", "a first line of text"
    most = capabilities.limits.subject_length
    if most is not None and len(subject) > most:
        limit = most_of(most, "character")
        return f"a subject has {limit} here", f"a subject of {limit}"
    bubbles, _ = collect(fit_bubbles(parts, capabilities))
    for pair in capabilities.limits.exclusive:
        others = set(pair) - {Feature.SUBJECT}
        if Feature.SUBJECT in pair and others <= content(bubbles[0]):
            return f"it and {' '.join(other.value for other in others)} exclude each other", "one of the two"
    return "", ""


# ── what excludes what ────────────────────────────────────────────────────────────────────────────────────────────

# how each decoration is taken off; the subject is no longer among them: it has become text before this
_OFF: dict[Feature, dict[str, Any]] = {
    Feature.EFFECT: {"effect": None},
    Feature.REPLY: {"reply_to": None},
    Feature.SHARE_CONTACT: {"share_contact": False},
    Feature.TYPING_FIRST: {"typing": False},
}


def fit_exclusive(message: Message, capabilities: Capabilities) -> Fitting[Message]:
    """Of two things that one message cannot have both of, the decoration goes, the second one first."""
    for pair in capabilities.limits.exclusive:
        if not uses(message) >= set(pair):
            continue
        why = f"{pair[0].value} and {pair[1].value} exclude each other in one message here"
        weaker = next((feature for feature in reversed(pair) if feature in _OFF), None)
        if weaker is None:
            yield impossible(pair[1], why, "one of the two")
            continue
        yield adapted(weaker, "left out", why, "one of the two")
        message = message.model_copy(update=_OFF[weaker])
    return message


def is_plain(message: Message, capabilities: Capabilities) -> bool:
    """Tell whether a message is one text that fits, and nothing beside it: no rule has a word to say of that.

    Most messages are, and asking all rules takes longer than the rest of keeping one.
    """
    if message.subject or message.effect or message.reply_to or message.channel or message.share_contact:
        return False
    part = message.parts[0]
    if message.typing is not False or len(message.parts) > 1 or not isinstance(part, Text) or part.mention is not None:
        return False
    most = capabilities.limits.text_length
    return (most is None or len(part.text) <= most) and capabilities.has(Feature.TEXT)


def uses(message: Message) -> frozenset[Feature]:
    """Name the features that a message uses."""
    asked = {
        Feature.SUBJECT: message.subject,
        Feature.EFFECT: message.effect,
        Feature.REPLY: message.reply_to,
        Feature.CHANNEL: message.channel,
        Feature.SHARE_CONTACT: message.share_contact,
        Feature.TYPING_FIRST: message.typing,
    }
    return content(message.parts) | {feature for feature, value in asked.items() if value}
