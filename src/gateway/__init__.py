"""One interface to every iMessage vendor: messages, chats and events, whichever vendor a connection uses.

Importing the package imports nothing else of it: each public name is fetched from its module when it is first used, so
that a program which needs little, such as `gateway --version`, starts at once.
"""

import importlib
import typing

if typing.TYPE_CHECKING:
    from gateway.actions import (
        Adaptation,
        ChatSummary,
        DeliveryState,
        Group,
        HistoryItem,
        HistoryReaction,
        Member,
        OptInLinks,
        Policy,
        Reachability,
        Receipt,
        Sent,
        StatusReport,
    )
    from gateway.addresses import Address, AddressKind
    from gateway.capabilities import Capabilities, CapabilityTable, Feature, Level, Limits
    from gateway.catchup import CaughtUp
    from gateway.client import Gateway, Ticket
    from gateway.clock import Clock
    from gateway.connections import Connection
    from gateway.delivery import Delivery, MessageStatus
    from gateway.drift import Drift, Novelty, NoveltyKind
    from gateway.errors import (
        BadPayload,
        BadSignature,
        Blocked,
        Cancelled,
        ConfigurationError,
        Conflict,
        ContentRefused,
        Expired,
        GatewayError,
        InvalidMessage,
        InvalidRecipient,
        InvalidRequest,
        LimitReached,
        NoRoute,
        NotFound,
        NotOptedIn,
        NotSettled,
        OutcomeUnknown,
        Overloaded,
        PartlySent,
        RateLimited,
        Refused,
        Retriable,
        SendError,
        SenderUnavailable,
        StoreError,
        Unauthorized,
        Unreachable,
        Unsupported,
        VendorFault,
        WebhookError,
    )
    from gateway.events import (
        CallReceived,
        ContactShared,
        DeliveryUpdated,
        Event,
        GroupUpdated,
        LineState,
        LineUpdated,
        MessageReceived,
        OptedIn,
        OptedOut,
        PollUpdated,
        ReactionAdded,
        ReactionRemoved,
        TypingStarted,
        TypingStopped,
        UnknownEvent,
    )
    from gateway.exchange import Call, Exchange, Page, Reply
    from gateway.files import File
    from gateway.fitting import Plan, Step
    from gateway.inbox import Stale
    from gateway.model import (
        Attachment,
        Channel,
        Chat,
        ChatKind,
        Effect,
        Link,
        Message,
        MessageRef,
        Opaque,
        Part,
        Reaction,
        Tapback,
        Text,
        Voice,
    )
    from gateway.reparse import Reparsed
    from gateway.retry import RetryPolicy
    from gateway.story import Story

__all__ = [
    "Adaptation",
    "Address",
    "AddressKind",
    "Attachment",
    "BadPayload",
    "BadSignature",
    "Blocked",
    "Call",
    "CallReceived",
    "Cancelled",
    "Capabilities",
    "CapabilityTable",
    "CaughtUp",
    "Channel",
    "Chat",
    "ChatKind",
    "ChatSummary",
    "Clock",
    "ConfigurationError",
    "Conflict",
    "Connection",
    "ContactShared",
    "ContentRefused",
    "Delivery",
    "DeliveryState",
    "DeliveryUpdated",
    "Drift",
    "Effect",
    "Event",
    "Exchange",
    "Expired",
    "Feature",
    "File",
    "Gateway",
    "GatewayError",
    "Group",
    "GroupUpdated",
    "HistoryItem",
    "HistoryReaction",
    "InvalidMessage",
    "InvalidRecipient",
    "InvalidRequest",
    "Level",
    "LimitReached",
    "Limits",
    "LineState",
    "LineUpdated",
    "Link",
    "Member",
    "Message",
    "MessageReceived",
    "MessageRef",
    "MessageStatus",
    "NoRoute",
    "NotFound",
    "NotOptedIn",
    "NotSettled",
    "Novelty",
    "NoveltyKind",
    "Opaque",
    "OptInLinks",
    "OptedIn",
    "OptedOut",
    "OutcomeUnknown",
    "Overloaded",
    "Page",
    "Part",
    "PartlySent",
    "Plan",
    "Policy",
    "PollUpdated",
    "RateLimited",
    "Reachability",
    "Reaction",
    "ReactionAdded",
    "ReactionRemoved",
    "Receipt",
    "Refused",
    "Reparsed",
    "Reply",
    "Retriable",
    "RetryPolicy",
    "SendError",
    "SenderUnavailable",
    "Sent",
    "Stale",
    "StatusReport",
    "Step",
    "StoreError",
    "Story",
    "Tapback",
    "Text",
    "Ticket",
    "TypingStarted",
    "TypingStopped",
    "Unauthorized",
    "UnknownEvent",
    "Unreachable",
    "Unsupported",
    "VendorFault",
    "Voice",
    "WebhookError",
]

_HOMES = {
    "actions": (
        "Adaptation ChatSummary DeliveryState Group HistoryItem HistoryReaction Member OptInLinks Policy Reachability "
        "Receipt Sent StatusReport"
    ),
    "addresses": "Address AddressKind",
    "capabilities": "Capabilities CapabilityTable Feature Level Limits",
    "catchup": "CaughtUp",
    "client": "Gateway Ticket",
    "clock": "Clock",
    "connections": "Connection",
    "delivery": "Delivery MessageStatus",
    "drift": "Drift Novelty NoveltyKind",
    "errors": (
        "BadPayload BadSignature Blocked Cancelled ConfigurationError Conflict ContentRefused Expired "
        "GatewayError InvalidMessage InvalidRecipient InvalidRequest LimitReached NoRoute NotFound NotOptedIn "
        "NotSettled OutcomeUnknown Overloaded PartlySent RateLimited Refused Retriable SendError "
        "SenderUnavailable StoreError Unauthorized Unreachable Unsupported VendorFault WebhookError"
    ),
    "events": (
        "CallReceived ContactShared DeliveryUpdated Event GroupUpdated LineState LineUpdated MessageReceived "
        "OptedIn OptedOut PollUpdated ReactionAdded ReactionRemoved TypingStarted TypingStopped UnknownEvent"
    ),
    "exchange": "Call Exchange Page Reply",
    "files": "File",
    "fitting": "Plan Step",
    "inbox": "Stale",
    "model": "Attachment Channel Chat ChatKind Effect Link Message MessageRef Opaque Part Reaction Tapback Text Voice",
    "reparse": "Reparsed",
    "retry": "RetryPolicy",
    "story": "Story",
}
"""Where each public name is at home; a test keeps it in step with the imports above, which type checkers read."""

_HOME = {name: module for module, names in _HOMES.items() for name in names.split()}

if not typing.TYPE_CHECKING:  # a type checker would take any name for one that is there

    def __getattr__(name: str) -> object:
        """Fetch a public name from its module, once."""
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
        found = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
        globals()[name] = found
        return found

    def __dir__() -> list[str]:
        """Name what is public, fetched or not."""
        return sorted({*globals(), *__all__})
