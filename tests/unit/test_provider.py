"""The border: what a webhook request and a bare provider do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

import gateway.provider as border
from gateway.provider import (
    AddMember,
    Attempt,
    BadSignature,
    Call,
    Capabilities,
    CapabilityRow,
    CapabilityTable,
    Chat,
    CheckReachability,
    CodeTable,
    CreateGroup,
    CreateOptInLink,
    Event,
    Exchange,
    GetHistory,
    GetStatus,
    ListChats,
    ListMembers,
    MarkRead,
    Message,
    MessageRef,
    Provider,
    ProviderSettings,
    Reaction,
    Receipt,
    RemoveMember,
    RenameGroup,
    Reply,
    SendMessage,
    SendPoll,
    SendReaction,
    SetTyping,
    ShareContact,
    Token,
    Unsubscribe,
    Unsupported,
    WebhookRequest,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Bare(Provider[ProviderSettings]):
    """A provider that can do nothing beyond the least."""

    name: ClassVar[str] = "bare"
    Settings = ProviderSettings
    codes = CodeTable({})

    def bases(self) -> Mapping[str, str]:
        """Name no host."""
        return {}

    def authorize(self, call: Call) -> Call:
        """Need no credentials."""
        return call

    def capabilities(self) -> CapabilityTable:
        """Carry nothing."""
        return CapabilityTable(rows=(CapabilityRow(capabilities=Capabilities(levels={})),))

    def send_message(self, action: SendMessage) -> Exchange[Receipt]:
        """Carry nothing."""
        yield from ()
        return Receipt()

    def verify(self, hook: WebhookRequest) -> None:
        """Accept all."""

    def parse(self, hook: WebhookRequest) -> Sequence[Event]:
        """See nothing."""
        return ()


CHAT = Chat.direct("+13231112233")
TEAM = Chat.of_group("grp_1")
SEND = SendMessage(chat=CHAT, messages=(Message("x"),), key="k", token=Token("t"))
REACT = SendReaction(chat=CHAT, target=MessageRef(guid="g"), reaction=Reaction.parse("love"), key="k", token=Token("t"))


@pytest.mark.parametrize(
    ("method", "argument"),
    [
        ("send_reaction", REACT),
        ("set_typing", SetTyping(chat=CHAT)),
        ("mark_read", MarkRead(chat=CHAT)),
        ("get_status", GetStatus(vendor_id="v")),
        ("create_opt_in_link", CreateOptInLink(body="b")),
        ("send_poll", SendPoll(chat=CHAT, options=("a", "b"), key="k", token=Token("t"))),
        ("share_contact", ShareContact(chat=CHAT, key="k", token=Token("t"))),
        ("list_chats", ListChats()),
        ("get_history", GetHistory(chat=CHAT)),
        ("check_reachability", CheckReachability(address=CHAT.address)),
        ("unsubscribe", Unsubscribe(address=CHAT.address)),
        ("create_group", CreateGroup(members=(CHAT.address,))),
        ("rename_group", RenameGroup(chat=TEAM, name="n")),
        ("list_members", ListMembers(chat=TEAM)),
        ("add_member", AddMember(chat=TEAM, address=CHAT.address)),
        ("remove_member", RemoveMember(chat=TEAM, address=CHAT.address)),
        ("find", Attempt(action=SEND, started_at=NOW)),
        ("missed", None),
    ],
)
def test_to_be_able_is_to_override(method: str, argument: Any) -> None:
    """Every optional ability is refused out loud until a provider says otherwise."""
    with pytest.raises(Unsupported) as caught:
        getattr(Bare(ProviderSettings()), method)(argument)

    assert 1 == len(caught.value.features)


def test_a_provider_answers_200_unless_it_says_otherwise() -> None:
    """An empty body, which every vendor takes."""
    hook = WebhookRequest(headers=(), body=b"", received_at=NOW)

    assert Reply(200) == Bare(ProviderSettings()).answer(hook)


def test_a_header_that_occurs_twice_proves_nothing() -> None:
    """Choosing between two copies of a proof is how forgeries pass."""
    hook = WebhookRequest(headers=(("x-a", "1"), ("x-b", "2"), ("x-b", "2")), body=b"", received_at=NOW)

    assert ("1", None) == (hook.header("X-A"), hook.header("x-c"))
    with pytest.raises(BadSignature, match="2 times"):
        hook.header("X-B")


def test_nothing_private_is_printed() -> None:
    """`repr` of a provider and of a webhook hold no settings and no body."""
    hook = WebhookRequest(headers=(), body=b"secret", received_at=NOW, query="token=secret")

    assert "<Bare>" == repr(Bare(ProviderSettings()))
    assert "secret" not in repr(hook)


def test_the_border_lists_its_words() -> None:
    """All that a plugin may import is in one sorted list, and is there."""
    assert sorted(border.__all__) == border.__all__
    assert all(hasattr(border, name) for name in border.__all__)
