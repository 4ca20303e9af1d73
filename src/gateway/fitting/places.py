"""Rules for where a message goes: the channel that was asked for, the kind of chat, the kind of address."""

from __future__ import annotations

from gateway.actions import Policy
from gateway.addresses import AddressKind
from gateway.capabilities import Capabilities, CapabilityTable, Feature
from gateway.fitting.bubbles import content
from gateway.fitting.findings import Finding, Fitting, adapted, impossible, settle
from gateway.model import Channel, Chat, ChatKind, Message

__all__ = ["fit_channel", "fit_chat", "require"]

_KINDS = {
    ChatKind.DIRECT: (Feature.DIRECT, "a chat that exists here"),
    ChatKind.GROUP: (Feature.GROUP, "a message to each member"),
    ChatKind.SEVERAL: (Feature.SEVERAL, "the id of a group, or a message to each address"),
}
_ADDRESSES = {
    AddressKind.PHONE: "a phone number",
    AddressKind.EMAIL: "an email address",
    AddressKind.CONTACT: "a contact id",
}


def fit_channel(chat: Chat, message: Message, table: CapabilityTable) -> Fitting[tuple[Channel | None, Capabilities]]:
    """Find what holds on the channel; a channel that cannot be asked for is left to the vendor."""
    channel = message.channel
    if channel is None:
        return None, table.find(chat.kind)
    there = table.find(chat.kind, channel)
    why = _no_channel(chat, message, channel, there)
    if not why:
        return channel, there
    yield adapted(Feature.CHANNEL, "the vendor chooses the channel", why, "a message without channel")
    return None, table.find(chat.kind)


def _no_channel(chat: Chat, message: Message, channel: Channel, there: Capabilities) -> str:
    exists = there.has(Feature.CHANNEL) and channel in there.limits.channels and there.has(_KINDS[chat.kind][0])
    if not exists:
        return f"{channel.value} cannot be asked for in a {chat.kind.value} chat here"
    for pair in there.limits.exclusive:
        others = set(pair) - {Feature.CHANNEL}
        if Feature.CHANNEL in pair and others <= content(message.parts):
            return f"it and {' '.join(other.value for other in others)} exclude each other in one message here"
    return ""


def fit_chat(chat: Chat, capabilities: Capabilities) -> Fitting[bool]:
    """Recipients are content: a chat or an address that cannot be written to refuses the message.

    Says whether that kind of chat exists here; where it does not, nothing else can be said of it.
    """
    feature, instead = _KINDS[chat.kind]
    if not capabilities.has(feature):
        yield impossible(feature, f"{_named(chat.kind)} cannot be written to here", instead)
        return False
    if chat.kind is ChatKind.GROUP:
        return True
    known = capabilities.limits.addresses
    for kind in dict.fromkeys(address.kind for address in chat.addresses if address.kind not in known):
        reachable = " or ".join(_ADDRESSES[each] for each in AddressKind if each in known) or "another address"
        yield impossible(feature, f"{_ADDRESSES[kind]} cannot be written to here", reachable)
    return True


def require(feature: Feature, table: CapabilityTable, chat: Chat | None = None) -> None:
    """Refuse what is asked of a vendor that does not offer it, in this chat or, without one, in any.

    Raises `Unsupported`.
    """
    if chat is None:
        offered, where = any(row.capabilities.has(feature) for row in table.rows), "here"
    else:
        offered, where = table.find(chat.kind).has(feature), f"for {_named(chat.kind)} here"
    if not offered:
        why, instead = f"it is not offered {where}", "a connection that offers it"
        settle([Finding(feature, why, instead, None)], Policy.STRICT)


def _named(kind: ChatKind) -> str:
    return {
        ChatKind.DIRECT: "one address",
        ChatKind.GROUP: "a group",
        ChatKind.SEVERAL: "a set of addresses",
    }[kind]
