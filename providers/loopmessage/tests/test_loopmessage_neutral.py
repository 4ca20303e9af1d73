"""What the vendor keeps, asked for in the gateway's own words: chats, history, agreement, the end of it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, TypeVar

import pytest
from pydantic import JsonValue
from pydantic_core import to_json

from gateway.provider import (
    Address,
    Call,
    Channel,
    Chat,
    ChatSummary,
    CheckReachability,
    Exchange,
    GetHistory,
    HistoryItem,
    ListChats,
    Message,
    Page,
    Reachability,
    Unfamiliar,
    Unsubscribe,
    Unsupported,
    WebhookRequest,
)
from gateway.simulator import Scene
from gateway.simulator.contact import Contact
from gateway_loopmessage import LoopMessage, api, wire
from gateway_loopmessage.simulator import LoopMessageTwin

T = TypeVar("T")

SAMPLES = Path(__file__).parent / "samples"
PHONE = "+12025550123"
WHO = Address.parse(PHONE)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Account(Protocol):
    """See conftest."""

    scene: Scene
    contact: Contact
    provider: LoopMessage
    twin: LoopMessageTwin

    def switch(self, **switches: JsonValue) -> None: ...
    def run(self, exchange: Exchange[T]) -> T: ...


class Feed(Protocol):
    """See conftest."""

    def __call__(self, exchange: Exchange[T], *answers: tuple[int, object]) -> tuple[T, list[Call]]: ...


def test_contacts_are_chats(account: Account) -> None:
    """Newest first, by page, or those that hold a text."""
    people = ("+12025550100", "+12025550101", "+12025550102")
    for person in people:
        account.scene.contact(person).write("hello", vendor="loopmessage")
    first = account.run(account.provider.list_chats(ListChats(limit=2)))
    assert [Chat.direct(person) for person in people[:0:-1]] == [summary.chat for summary in first.items]
    assert first.more is not None
    second = account.run(first.more())
    (item,) = second.items
    contact_id = account.twin.account.contact_id(Address.parse(people[0]))
    expected = ChatSummary(chat=Chat.direct(people[0]), raw={"id": contact_id, "value": people[0]})
    assert (expected, None, 3) == (item, second.more, second.total)
    (found,) = account.run(account.provider.list_chats(ListChats(search="0101"))).items
    assert Chat.direct(people[1]) == found.chat


def test_the_history_of_a_contact_has_both_directions(account: Account) -> None:
    """Newest first; of what was attached nothing is kept."""
    chat = Chat.direct(PHONE)
    written = account.contact.write("hello", vendor="loopmessage")
    sent = account.run(api.message.send(wire.SendRequest(contact=PHONE, text="hi")))
    account.contact.write(vendor="loopmessage", attachments=["https://files.example/a.png"])
    action = GetHistory(chat=chat, since=NOON, until=NOON, limit=2)
    page: Page[HistoryItem] = account.run(account.provider.get_history(action))
    assert [None, Message("hi")] == [item.message for item in page.items]
    assert page.more is not None
    (oldest,) = account.run(page.more()).items
    assert (
        HistoryItem(
            vendor_id=written.vendor_id,
            chat=chat,
            ours=False,
            message=Message("hello"),
            sender=WHO,
            channel=Channel.IMESSAGE,
            occurred_at=NOON,
            raw=oldest.raw,
        )
        == oldest
    )
    ours = page.items[1]
    assert (True, None, sent.message_id) == (ours.ours, ours.sender, ours.vendor_id)
    later = GetHistory(chat=chat, since=datetime(2026, 1, 2, tzinfo=UTC))
    assert [] == account.run(account.provider.get_history(later)).items


def test_whether_a_contact_agrees_can_be_asked_and_ended(account: Account) -> None:
    """Nobody knows before the contact wrote; networks are not told. The end may be said twice, or of a stranger."""
    asked = CheckReachability(address=WHO)

    def look() -> Reachability:
        return account.run(account.provider.check_reachability(asked))

    assert Reachability(address=WHO, raw={"status": "unknown"}) == look()
    account.contact.write("hello", vendor="loopmessage")
    assert Reachability(address=WHO, agreed=True, raw={"status": "active"}) == look()
    for status in (200, 204):
        account.switch(delete_status=status)
        account.run(account.provider.unsubscribe(Unsubscribe(address=WHO)))
    assert Reachability(address=WHO, agreed=False, raw={"status": "unsubscribed"}) == look()


def test_a_contact_whom_the_vendor_does_not_know_is_no_error(provider: LoopMessage, feed: Feed) -> None:
    """There is nothing to end."""
    done, calls = feed(provider.unsubscribe(Unsubscribe(address=WHO)), (404, b""))
    assert (None, "/audience/delete/%2B12025550123/") == (done, calls[0].path)


def test_what_names_nobody_is_left_out(provider: LoopMessage, feed: Feed) -> None:
    """A contact without an address, a message without an id."""
    page, _ = feed(provider.list_chats(ListChats()), (200, {"items": [{"id": "x"}, {"value": "?"}]}))
    assert [] == page.items
    action = GetHistory(chat=Chat.direct(PHONE))
    history, _ = feed(provider.get_history(action), (200, {"items": [{"text": "hi"}]}))
    assert [] == history.items


def test_the_vendor_files_under_phone_or_email_only(provider: LoopMessage) -> None:
    """Its own id of a contact is for texts, and a group has no history."""
    by_id = Address.contact("4f0e")
    asked: list[Exchange[object]] = [
        provider.get_history(GetHistory(chat=Chat.direct(by_id))),
        provider.get_history(GetHistory(chat=Chat.of_group("G-1"))),
        provider.check_reachability(CheckReachability(address=by_id)),
        provider.unsubscribe(Unsubscribe(address=by_id)),
    ]
    for exchange in asked:
        with pytest.raises(Unsupported):
            next(exchange)


def test_what_is_new_in_a_webhook_is_named(provider: LoopMessage) -> None:
    """Fields and words that nobody knew, and never what they hold; the vendor's own samples have none."""

    def new(body: JsonValue) -> list[Unfamiliar]:
        return list(provider.unfamiliar(WebhookRequest(headers=(), body=to_json(body), received_at=NOON)))

    known = [path for kind in ("hook", "legacy", "front") for path in SAMPLES.glob(f"{kind}-*.json")]
    assert {path.stem: [] for path in known} == {path.stem: new(json.loads(path.read_text())) for path in known}
    assert [
        Unfamiliar("group.colour"),
        Unfamiliar("event", "message_edited"),
        Unfamiliar("message_type", "poll"),
    ] == new({"event": "message_edited", "message_type": "poll", "group": {"id": "G", "colour": "red"}})
