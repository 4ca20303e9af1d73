"""Rules for where a message goes: the channel that was asked for, the kind of chat, the kind of address."""

from __future__ import annotations

from gateway.addresses import AddressKind
from gateway.capabilities import Capabilities, CapabilityTable, Feature
from gateway.fitting.findings import Fitting, adapted, impossible
from gateway.model import Channel, Chat, ChatKind

__all__ = ["fit_channel", "fit_chat"]

_KINDS = {
    ChatKind.DIRECT: (Feature.DIRECT, "a chat that exists here"),
    ChatKind.GROUP: (Feature.GROUP, "a message to each member"),
    ChatKind.SEVERAL: (Feature.SEVERAL, "the id of a group, or a message to each address"),
}
_ADDRESSES = {AddressKind.PHONE: "phone number", AddressKind.EMAIL: "email address", AddressKind.CONTACT: "contact id"}


def fit_channel(
    chat: Chat, channel: Channel | None, table: CapabilityTable
) -> Fitting[tuple[Channel | None, Capabilities]]:
    """Find what holds on the channel; a channel that cannot be asked for is left to the vendor."""
    if channel is None:
        return None, table.find(chat.kind)
    there = table.find(chat.kind, channel)
    if there.has(Feature.CHANNEL) and channel in there.limits.channels and there.has(_KINDS[chat.kind][0]):
        return channel, there
    anywhere = table.find(chat.kind)
    offered = sorted(each.value for each in anywhere.limits.channels) if anywhere.has(Feature.CHANNEL) else []
    why = f"{channel.value} cannot be asked for in a {chat.kind.value} chat here"
    yield adapted(Feature.CHANNEL, "the vendor chooses the channel", why, " or ".join(["no channel", *offered]))
    return None, anywhere


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
    reachable = " or a ".join(_ADDRESSES[kind] for kind in AddressKind if kind in known) or "other address"
    for kind in dict.fromkeys(address.kind for address in chat.addresses if address.kind not in known):
        yield impossible(feature, f"a {_ADDRESSES[kind]} cannot be written to here", f"a {reachable}")
    return True


def _named(kind: ChatKind) -> str:
    return {
        ChatKind.DIRECT: "one address",
        ChatKind.GROUP: "a group",
        ChatKind.SEVERAL: "a set of addresses",
    }[kind]
