"""Rules for what is no message: reactions, typing dots, read marks, our card; most is carried or refused."""

from __future__ import annotations

from gateway.actions import MarkRead, Policy, SendReaction, SetTyping, ShareContact
from gateway.capabilities import Capabilities, CapabilityTable, Feature
from gateway.fitting.dots import fit_seconds
from gateway.fitting.findings import Fitting, adapted, collect, impossible, settle
from gateway.fitting.places import fit_chat
from gateway.fitting.plan import Plan, Step
from gateway.ids import Token
from gateway.model import Chat, MessageRef, Reaction, Tapback

__all__ = ["fit_contact", "fit_reaction", "fit_read", "fit_typing"]

_NEAREST = {
    Tapback.LOVE: "❤🧡💛💚💙💜🤎🖤🤍🩷🩵🩶💕💖💗💘💓💞💝💟♥😍🥰😘😻🫶",
    Tapback.LIKE: "👍👌👏🙌💪✅✔🆗🤝🙏💯",
    Tapback.DISLIKE: "👎❌🚫🙅😡😠🤮",
    Tapback.LAUGH: "😂🤣😆😄😁😅😹😀😃😝😜",
    Tapback.EMPHASIZE: "‼❗❕⁉🔥🎉😮😲🤯😱",
    Tapback.QUESTION: "❓❔🤔🤨🧐",
}
_TAPBACKS = {emoji: tapback for tapback, emojis in _NEAREST.items() for emoji in emojis}


def fit_reaction(
    chat: Chat, target: MessageRef, reaction: Reaction, *, remove: bool, table: CapabilityTable, policy: Policy
) -> Plan:
    """Fit a reaction; under `graceful` an emoji becomes the nearest tapback where the vendor has only those.

    Raises `Unsupported`.
    """
    capabilities = table.find(chat.kind)

    def fitting() -> Fitting[list[Step]]:
        if not (yield from fit_chat(chat, capabilities)):
            return []
        yield from _can_react(target, capabilities, remove=remove)
        fitted = yield from _reaction(reaction, capabilities)
        named = yield from _named(target, capabilities)
        action = SendReaction(chat=chat, target=named, reaction=fitted, remove=remove, key="", token=Token(""))
        return [Step(action=action)]

    return _plan(fitting(), policy)


def fit_typing(
    chat: Chat,
    *,
    on: bool,
    seconds: float | None,
    target: MessageRef | None,
    table: CapabilityTable,
    policy: Policy,
) -> Plan:
    """Fit typing dots.

    A vendor that does not count (`Limits.typing_seconds` is None) shows them until a message comes or they are taken
    away: that is another action, later, so that no step holds up the chat meanwhile. Raises `Unsupported`.
    """
    capabilities = table.find(chat.kind)
    limits = capabilities.limits

    def fitting() -> Fitting[list[Step]]:
        if not (yield from fit_chat(chat, capabilities)):
            return []
        if not capabilities.has(Feature.TYPING):
            yield impossible(Feature.TYPING, "there are no typing dots here", "the message alone")
        if not on or seconds is None:
            return [Step(action=SetTyping(chat=chat, on=on, target=target))]
        shown = yield from fit_seconds(Feature.TYPING, seconds, limits)
        counted = shown if limits.typing_seconds is not None else None
        return [Step(action=SetTyping(chat=chat, seconds=counted, target=target))]

    return _plan(fitting(), policy)


def fit_read(chat: Chat, *, target: MessageRef | None, table: CapabilityTable, policy: Policy) -> Plan:
    """Fit a read mark. Raises `Unsupported`."""
    capabilities = table.find(chat.kind)

    def fitting() -> Fitting[list[Step]]:
        if not (yield from fit_chat(chat, capabilities)):
            return []
        if not capabilities.has(Feature.READ):
            yield impossible(Feature.READ, "a chat cannot be marked as read here", "an answer to the message")
        return [Step(action=MarkRead(chat=chat, target=target))]

    return _plan(fitting(), policy)


def fit_contact(chat: Chat, *, table: CapabilityTable) -> Plan:
    """Fit a contact card that goes by itself. Raises `Unsupported`."""
    capabilities = table.find(chat.kind)

    def fitting() -> Fitting[list[Step]]:
        if not (yield from fit_chat(chat, capabilities)):
            return []
        if not capabilities.has(Feature.CONTACT_CARD):
            along = capabilities.has(Feature.SHARE_CONTACT)
            instead = "a message with share_contact" if along else "a message that says who we are"
            yield impossible(Feature.CONTACT_CARD, "a contact card does not go by itself here", instead)
        return [Step(action=ShareContact(chat=chat, key="", token=Token("")))]

    return _plan(fitting(), Policy.STRICT)


def _plan(fitting: Fitting[list[Step]], policy: Policy) -> Plan:
    steps, findings = collect(fitting)
    return Plan(steps=tuple(steps), adaptations=settle(findings, policy))


def _can_react(target: MessageRef, capabilities: Capabilities, *, remove: bool) -> Fitting[None]:
    """A reaction is nothing but itself: where it cannot be made or taken back, it is refused."""
    if not capabilities.has(Feature.REACTION):
        yield impossible(Feature.REACTION, "there are no reactions here", "a message in reply")
    elif remove and not capabilities.has(Feature.UNREACT):
        yield impossible(Feature.UNREACT, "a reaction cannot be taken back here", "another reaction")
    if target.index is not None and not capabilities.has(Feature.REACTION_INDEX):
        why = "a message cannot be named by its place in the chat here"
        yield impossible(Feature.REACTION_INDEX, why, "the vendor's id of the message")
    if target.guid is not None:
        why = "a reaction does not name its message by GUID"
        yield impossible(Feature.REACTION, why, "the vendor's id of the message")


def _reaction(reaction: Reaction, capabilities: Capabilities) -> Fitting[Reaction]:
    """An emoji falls back to the tapback that means nearly the same; a tapback that is missing has no stand-in."""
    offered = capabilities.limits.tapbacks
    names = ", ".join(sorted(tapback.value for tapback in offered))
    if reaction.tapback is not None:
        if reaction.tapback not in offered:
            yield impossible(Feature.REACTION, f"there is no {reaction.tapback.value} here", f"one of {names}")
        return reaction
    if capabilities.has(Feature.EMOJI_REACTION):
        return reaction
    why = f"reactions here are {names}"
    nearest = _nearest(str(reaction.emoji))
    if nearest is None or nearest not in offered:
        yield impossible(Feature.EMOJI_REACTION, why, f"one of {names}")
        return reaction
    yield adapted(Feature.EMOJI_REACTION, f"sent as {nearest.value}", why, nearest.value)
    return Reaction(tapback=nearest)


def _nearest(emoji: str) -> Tapback | None:
    """Look an emoji up by its first character: skin tones, variation selectors and what is joined on do not count."""
    return _TAPBACKS.get(emoji[0])


def _named(target: MessageRef, capabilities: Capabilities) -> Fitting[MessageRef]:
    """A reaction to a part is one to the whole message where the vendor's API does not know parts."""
    if target.part == 0 or capabilities.has(Feature.REACTION_PART):
        return target
    why = "parts cannot be reacted to"
    yield adapted(Feature.REACTION, "reacts to the whole message", why, "part 0")
    return target.model_copy(update={"part": 0})
