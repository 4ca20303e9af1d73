"""A vendor that can do all that is optional, in our own words: a call is an action as JSON, an answer its result."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from typing import Any, TypeVar

from gateway.addresses import Word
from gateway.client import Gateway
from gateway.plugins import load_entries
from gateway.provider import (
    Action,
    AddMember,
    Call,
    Capabilities,
    CapabilityRow,
    CapabilityTable,
    ChatKind,
    ChatSummary,
    CheckReachability,
    CreateGroup,
    Exchange,
    Feature,
    GatewayError,
    GetHistory,
    Group,
    HistoryItem,
    Level,
    Limits,
    ListChats,
    ListMembers,
    Member,
    Page,
    Reachability,
    Receipt,
    Refusal,
    RemoveMember,
    RenameGroup,
    Repeat,
    Reply,
    SendMessage,
    SendPoll,
    Sent,
    ShareContact,
    Unsubscribe,
    hookimpl,
    path,
)
from tests.unit.plain_vendor import Plain, PlainSettings

WordT = TypeVar("WordT", bound=Word)

_ENTRIES = [EntryPoint("able", "tests.unit.able_vendor", "messaging_gateway")]
_GUARD = EntryPoint("guard", "tests.unit.able_vendor:Guard", "messaging_gateway")


class AbleSettings(PlainSettings):
    """What the account lacks."""

    lacks: frozenset[Feature] = frozenset()


class Able(Plain):
    """Carries every feature that its settings leave it."""

    name = "able"
    title = "Able"
    Settings = AbleSettings

    def capabilities(self) -> CapabilityTable:
        """Offer everything, groups apart from what is not one."""
        levels = dict.fromkeys(Feature, Level.FULL)
        whole = Capabilities(levels=levels, limits=Limits(poll_options=3)).without(*self.settings.lacks)  # type: ignore[attr-defined]  # its own
        only_groups = (Feature.RENAME_GROUP, Feature.MEMBERS, Feature.ADD_MEMBER, Feature.REMOVE_MEMBER)
        return CapabilityTable(
            rows=(
                CapabilityRow(kind=ChatKind.GROUP, capabilities=whole),
                CapabilityRow(capabilities=whole.without(*only_groups)),
            )
        )

    def send_message(self, action: SendMessage) -> Exchange[Receipt]:
        """Take it."""
        return _sent(action)

    def send_poll(self, action: SendPoll) -> Exchange[Receipt]:
        """Take it."""
        return _sent(action)

    def share_contact(self, action: ShareContact) -> Exchange[Receipt]:
        """Take it."""
        return _sent(action)

    def list_chats(self, action: ListChats) -> Exchange[Page[ChatSummary]]:
        """List them."""
        return _page(action, ChatSummary)

    def get_history(self, action: GetHistory) -> Exchange[Page[HistoryItem]]:
        """List them."""
        return _page(action, HistoryItem)

    def list_members(self, action: ListMembers) -> Exchange[Page[Member]]:
        """List them."""
        return _page(action, Member)

    def check_reachability(self, action: CheckReachability) -> Exchange[Reachability]:
        """Say it."""
        return _asked(action, Reachability)

    def unsubscribe(self, action: Unsubscribe) -> Exchange[None]:
        """Note it."""
        yield _call(action)

    def create_group(self, action: CreateGroup) -> Exchange[Group]:
        """Do it."""
        return _asked(action, Group)

    def rename_group(self, action: RenameGroup) -> Exchange[Group]:
        """Do it."""
        return _asked(action, Group)

    def add_member(self, action: AddMember) -> Exchange[Group]:
        """Do it."""
        return _asked(action, Group)

    def remove_member(self, action: RemoveMember) -> Exchange[Group]:
        """Do it."""
        return _asked(action, Group)


def _call(action: Any, place: int = 0, repeat: Repeat = Repeat.SAFE) -> Call:
    return Call(
        "POST", path("/asked"), json=action.model_dump(mode="json"), params={"place": str(place)}, repeat=repeat
    )


def _sent(action: Any) -> Exchange[Receipt]:
    reply = yield _call(action, repeat=Repeat.NEVER)
    return Receipt(sent=(Sent(vendor_id=reply.text),), chat=action.chat)


def _asked(action: Any, result: type[WordT]) -> Exchange[WordT]:
    reply = yield _call(action)
    return result.model_validate_json(reply.body)


def _page(action: Any, item: type[WordT], place: int = 0) -> Exchange[Page[WordT]]:
    reply = yield _call(action, place)
    listed = json.loads(reply.body)
    items = [item.model_validate(each) for each in listed["items"]]
    return Page(items, (lambda: _page(action, item, place + 1)) if listed["more"] else None)


@hookimpl
def gateway_providers() -> Sequence[type[Able]]:
    """Offer it."""
    return [Able]


@dataclass
class Vendor:
    """Stands where the transport stands: gives what was put there, and keeps what it was asked."""

    results: dict[str, list[Any]] = field(default_factory=dict)
    """By type of action: what comes next, or is raised; for what is listed, one entry a page."""
    asked: list[dict[str, Any]] = field(default_factory=list)

    async def send(self, call: Call) -> Reply:
        """Answer with what comes next."""
        assert isinstance(call.json, dict)
        self.asked.append(dict(call.json))
        name = str(call.json["type"])
        ready = self.results.get(name, [])
        if name.startswith(("list_", "get_history")):
            place = int(call.params["place"])
            items = [each.model_dump(mode="json") for each in ready[place]]
            return Reply(200, body=json.dumps({"items": items, "more": place + 1 < len(ready)}).encode())
        given = ready.pop(0) if ready else f"{name}-{len(self.asked)}"
        if isinstance(given, GatewayError):
            raise given
        return Reply(200, body=(given if isinstance(given, str) else given.model_dump_json()).encode())

    async def aclose(self) -> None:
        """Nothing is open."""

    def kinds(self) -> list[str]:
        """Name what was asked, in order."""
        return [each["type"] for each in self.asked]


class Guard:
    """A plugin that will have no group touched."""

    @staticmethod
    @hookimpl
    def gateway_guard(action: Action) -> Refusal | None:
        """Object to whatever is named for a group."""
        return Refusal(reason="groups are not ours") if action.type.endswith(("_group", "_member")) else None


def able(
    *lacks: Feature, make: Callable[..., Any] = Gateway, guarded: bool = False, **options: Any
) -> tuple[Any, Vendor]:
    """Make a gateway with one connection to it, and the vendor behind; `guarded` has a guard look at all."""
    gateway = make(plugins=load_entries(_ENTRIES + ([_GUARD] if guarded else [])), **options)
    connection = gateway.connect("able", "main", lacks=frozenset(lacks))
    vendor = Vendor()
    connection.transport = vendor
    return gateway, vendor
