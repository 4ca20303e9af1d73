"""Lists: pages of a tenant's own rows, the same on both stores, and nothing of anybody else's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from gateway.addresses import Address
from gateway.errors import BadPayload, InvalidMessage, NotFound
from gateway.events import Event, OptedIn, OptedOut
from gateway.model import Chat
from gateway.store.records.tenants import DEFAULT_TENANT, TenantRow
from gateway.tenancy import Page, Tenancy
from tests.tenancy.place import BUILT_IN, NOW, OTHER, PHONE, hook, signed
from tests.tenancy.test_erasing import written

THEIRS = "tn_other"


@pytest.fixture
async def two(tenancy: Tenancy) -> tuple[Tenancy, str, str, str]:
    """Two connections of a tenant and one of another: each sent once, heard two contacts, a word, and nonsense."""
    await tenancy.tenants.add(TenantRow(id=THEIRS, name="other", created_at=NOW))
    made = []
    for tenant in (DEFAULT_TENANT, DEFAULT_TENANT, THEIRS):
        account = await tenancy.accounts.create(tenant, "vaulty", BUILT_IN)
        made.append(account.id)
        await tenancy.gateway.enqueue(PHONE, f"out by {account.id}", via=account.id)
        for number, who in enumerate((PHONE, OTHER)):
            await tenancy.gateway.receive(account.id, *hook(written(f"m{number}", who, f"in by {account.id}")))
        word: Event = (OptedIn if len(made) % 2 else OptedOut)(
            key="word", address=Address.parse(OTHER), chat=Chat.direct(OTHER)
        )
        await tenancy.gateway.receive(account.id, *hook(word))
        with pytest.raises(BadPayload):
            await tenancy.gateway.receive(account.id, *signed(b"{}"))
    first, second, theirs = made
    return tenancy, first, second, theirs


def _lists(tenancy: Tenancy) -> dict[str, tuple[Callable[..., Awaitable[Page[Any]]], int]]:
    """Every list, and how much one connection has in it."""
    listing = tenancy.listing
    return {
        "messages": (listing.messages, 1),
        "events": (listing.events, 3),
        "chats": (listing.chats, 2),
        "contacts": (listing.contacts, 2),
        "consents": (listing.consents, 1),
        "webhooks": (listing.webhooks, 4),
    }


async def test_each_list_has_the_tenants_own_and_no_more(two: tuple[Tenancy, str, str, str]) -> None:
    """All of it, of one connection, of those that a key is bound to, of a connection that is another's."""
    tenancy, first, second, theirs = two
    for name, (call, each) in _lists(tenancy).items():
        found = [
            len((await call(DEFAULT_TENANT)).items),
            len((await call(DEFAULT_TENANT, connection=first)).items),
            len((await call(DEFAULT_TENANT, within=[second, theirs])).items),
            len((await call(DEFAULT_TENANT, within=[])).items),
            len((await call("tn_nobody")).items),
        ]
        assert [2 * each, each, each, 0, 0] == found, name
        for asked in ({"connection": theirs}, {"connection": first, "within": [second]}):
            with pytest.raises(NotFound):
                await call(DEFAULT_TENANT, **asked)
        assert theirs not in str((await call(DEFAULT_TENANT)).items), name


async def test_pages_join_into_the_whole(two: tuple[Tenancy, str, str, str]) -> None:
    """One item at a time, in the same order, each once; a cursor of another list is refused."""
    tenancy, *_ = two
    other = (await tenancy.keys.mint(DEFAULT_TENANT, name="a", scopes=["read"])).row.id
    for name, (call, _) in _lists(tenancy).items():
        whole, after = (await call(DEFAULT_TENANT)).items, None
        seen: list[Any] = []
        while True:
            page = await call(DEFAULT_TENANT, after=after, limit=1)
            seen += page.items
            if (after := page.next) is None:
                break
        assert [*whole] == seen, name
        for wrong in ("", "AAAA", other, "é", "W10"):
            with pytest.raises(InvalidMessage):
                await call(DEFAULT_TENANT, after=wrong)


async def test_one_thing_by_its_id_is_the_tenants_or_not_there(two: tuple[Tenancy, str, str, str]) -> None:
    """Message, event, webhook, chat and the webhooks of an event."""
    tenancy, first, second, _ = two
    listing = tenancy.listing
    [message] = (await listing.messages(DEFAULT_TENANT, connection=first)).items
    event = (await listing.events(DEFAULT_TENANT, connection=first, types=["message.received"])).items[0]
    webhook = (await listing.webhooks(DEFAULT_TENANT, connection=first, quarantined=True)).items[0]
    chat = (await listing.chats(DEFAULT_TENANT, connection=first)).items[0]
    calls: list[tuple[Callable[..., Awaitable[Any]], Any]] = [
        (listing.message, message.id),
        (listing.event, event.id),
        (listing.webhook, webhook.sequence),
        (listing.chat, chat.id),
        (listing.webhooks_of, event.id),
    ]
    for call, id_ in calls:
        assert await call(DEFAULT_TENANT, id_, within=[first])
        for tenant, within in ((THEIRS, None), (DEFAULT_TENANT, [second]), ("tn_nobody", None)):
            with pytest.raises(NotFound):
                await call(tenant, id_, within=within)
    assert b"{}" == webhook.row.body
    [brought] = await listing.webhooks_of(DEFAULT_TENANT, event.id)
    assert event.id in brought.row.events


async def test_filters_narrow(two: tuple[Tenancy, str, str, str]) -> None:
    """By state, kind, chat, type and word; and streams go on from a number."""
    tenancy, first, _, _ = two
    listing = tenancy.listing
    chats = (await listing.chats(DEFAULT_TENANT, connection=first)).items
    [chat] = [item for item in chats if item.chat and item.chat.address.value == PHONE]
    assert 1 == len((await listing.messages(DEFAULT_TENANT, chat=chat.id, state="queued", kind="send_message")).items)
    assert () == (await listing.messages(DEFAULT_TENANT, state="accepted")).items
    assert 1 == len((await listing.events(DEFAULT_TENANT, chat=chat.id)).items)
    assert 2 == len((await listing.events(DEFAULT_TENANT, types=["opted.in", "opted.out"])).items)
    assert [True] == [row.agreed for row in (await listing.consents(DEFAULT_TENANT, agreed=True)).items]
    assert [False] == [row.agreed for row in (await listing.consents(DEFAULT_TENANT, agreed=False)).items]
    rising = [row.sequence for row in await listing.follow(DEFAULT_TENANT, after=0)]
    assert (sorted(rising), 6) == (rising, len(rising))
    assert rising[3:] == [row.sequence for row in await listing.follow(DEFAULT_TENANT, after=rising[2])]
    assert await listing.last() >= rising[-1]
    contact = next(item for item in (await listing.contacts(DEFAULT_TENANT, connection=first)).items if item.consent)
    assert (OTHER, True) == (contact.address.value, contact.consent and contact.consent.agreed)
