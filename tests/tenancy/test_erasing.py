"""Erasing: nothing that names a contact is left in the store's own files, and who opted out stays let alone."""

from __future__ import annotations

import re
import subprocess
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import JsonValue

from gateway import Gateway
from gateway.addresses import Address
from gateway.errors import BadPayload, Conflict, InvalidMessage, NotFound, NotOptedIn
from gateway.events import DeliveryUpdated, Event, MessageReceived, OptedIn, OptedOut, ReactionAdded
from gateway.ids import MessageId, new_id
from gateway.model import Chat, Message, MessageRef, Reaction
from gateway.provider import DeliveryState
from gateway.store.records.tenants import DEFAULT_TENANT, TenantRow
from gateway.store.records.uploads import UploadRow, Uploads
from gateway.store.rows import FileRow
from gateway.tenancy import KeyRing, Tenancy
from tests.postgres import Server
from tests.tenancy.place import BUILT_IN, CONTACT, NOW, OTHER, PHONE, Clock, Vendor, hook, plugins, signed, vendor

CANARY = "canary-text-of-"
Dump = Callable[[], bytes]


def written(vendor_id: str, who: str, text: str, chat: Chat | None = None, **more: Any) -> Event:
    """A message of a contact."""
    chat = chat or Chat.direct(who, line="+12025550199")
    raw: JsonValue = {"from": who, "text": text, "spelt": f"({who[2:5]}) {who[5:8]}-{who[8:]} and {who[1:]}"}
    return MessageReceived(
        key=vendor_id, vendor_id=vendor_id, chat=chat, sender=Address.parse(who), message=Message(text), raw=raw, **more
    )


@pytest.fixture
def dump(url: str, request: pytest.FixtureRequest) -> Dump:
    """Reads every byte that the store has on disk, or says of itself."""
    if url.startswith("sqlite:///"):
        path = Path(url.removeprefix("sqlite:///"))
        return lambda: b"".join(file.read_bytes() for file in sorted(path.parent.glob("gateway.db*")))
    server: Server = request.getfixturevalue("postgres")
    schema = parse_qs(urlsplit(url).query)["search_path"][0]

    def dumped() -> bytes:
        words = [server.program("pg_dump"), "--inserts", f"--schema={schema}", f"--dbname={server.url()}"]
        done = subprocess.run(words, capture_output=True, check=True)
        return done.stdout + _unhexed(done.stdout)

    return dumped


def _unhexed(dump: bytes) -> bytes:
    """Give the bytes of columns that a dump shows in hexadecimal."""
    return b"".join(bytes.fromhex(piece.split(b"'")[0].decode()) for piece in dump.split(b"'\\x")[1:])


@pytest.fixture
async def api() -> AsyncIterator[Vendor]:
    """The vendor."""
    async with vendor() as found:
        yield found


@pytest.fixture
async def busy(url: str, clock: Clock, ring: KeyRing, api: Vendor) -> AsyncIterator[tuple[Tenancy, str]]:
    """A tenancy in which two contacts wrote and were written to, and its connection."""
    async with Gateway(url, clock=clock, plugins=plugins(), public_url="https://gw.example") as gateway:
        tenancy = Tenancy(gateway, ring)
        await tenancy.start()
        made = await tenancy.accounts.create(DEFAULT_TENANT, "vaulty", {**BUILT_IN, "base_url": api.url}, name="main")
        for number, who in enumerate((PHONE, OTHER)):
            await _talk(gateway, made.id, number, who)
        await gateway.receive(made.id, *hook())
        with pytest.raises(BadPayload):
            await gateway.receive(made.id, *signed(f'{{"of": "{PHONE}", "{CANARY}{PHONE}": 1}}'.encode()))
        yield tenancy, made.id
        await tenancy.aclose()


async def _talk(gateway: Gateway, connection: str, number: int, who: str) -> None:
    """Send something now and something later, and receive what a contact has to say to that."""
    text, group = f"{CANARY}{who}", Chat.of_group("g1", members=(PHONE, OTHER))
    receipt = await gateway.send(who, f"to {text}", via=connection, key=f"key-{number}")
    await gateway.enqueue(who, f"later {text}", via=connection, key=f"later-{who}", at=NOW + timedelta(days=1))
    delivered = DeliveryUpdated(
        key=f"d{number}",
        vendor_id=receipt.sent[0].vendor_id,
        chat=Chat.direct(who),
        state=DeliveryState.DELIVERED,
    )
    liked = ReactionAdded(
        key=f"r{number}",
        target=MessageRef(vendor_id="m0"),
        reaction=Reaction.model_validate("love"),
        sender=Address.parse(who),
        chat=group,
    )
    await gateway.receive(connection, *hook(written(f"m{number}", who, text), delivered))
    await gateway.receive(connection, *hook(liked, written(f"g{number}", who, f"in a group, {text}", group)))


async def test_nothing_of_an_erased_contact_is_left_in_the_bytes(busy: tuple[Tenancy, str], dump: Dump) -> None:
    """Neither number nor text, in whatever spelling; of the other contact everything is still there."""
    tenancy, connection = busy
    before = dump()
    assert all(word in before for word in (PHONE.encode(), PHONE[1:].encode(), f"{CANARY}{PHONE}".encode()))

    erased = await tenancy.erasing.erase(DEFAULT_TENANT, "+1 (202) 555-0123")

    after = dump()
    assert [] == [word for word in (PHONE, PHONE[1:], "555-0123", f"{CANARY}{PHONE}") if word.encode() in after]
    assert 0 < after.count(OTHER.encode()) <= before.count(OTHER.encode())
    assert (2, (), ()) == (erased.messages, erased.suppressed, erased.leaving)
    # two messages of theirs, a report, a reaction; and what the other one wrote in the group, without them
    assert (7, 4) == (erased.events, erased.webhooks)
    group = [row.event for row in (await tenancy.listing.events(DEFAULT_TENANT, types=["message.received"])).items]
    said = [event.text for event in group if isinstance(event, MessageReceived)]
    assert [f"in a group, {CANARY}{OTHER}", f"{CANARY}{OTHER}"] == said
    theirs = await tenancy.listing.chats(DEFAULT_TENANT, connection=connection)
    assert [OTHER] == [str(item.chat.address.value) for item in theirs.items if item.chat and item.chat.group is None]


async def test_what_is_delivered_once_more_brings_nothing_back(busy: tuple[Tenancy, str], dump: Dump) -> None:
    """The vendor's repetition is known by what is left of the first."""
    tenancy, connection = busy
    await tenancy.erasing.erase(DEFAULT_TENANT, PHONE)
    before = await tenancy.listing.last()
    first = written("m0", PHONE, f"{CANARY}{PHONE}")
    delivered = DeliveryUpdated(key="d0", vendor_id="v1", chat=Chat.direct(PHONE), state=DeliveryState.DELIVERED)
    await tenancy.gateway.receive(connection, *hook(first, delivered))

    assert before == await tenancy.listing.last()
    assert PHONE[1:].encode() not in dump()


async def test_what_was_taken_out_of_a_message_of_others_does_not_come_back(busy: tuple[Tenancy, str]) -> None:
    """Neither by the same webhook nor by another one that says the same, as a vendor's history does."""
    tenancy, connection = busy
    group = Chat.of_group("grp_1")
    said = written("g9", OTHER, f"call {PHONE}, please", group)
    await tenancy.gateway.receive(connection, *hook(said))
    await tenancy.erasing.erase(DEFAULT_TENANT, PHONE)
    before = [row.event for row in await tenancy.store.events(limit=1000)]
    for again in (hook(said), hook(said.model_copy(update={"raw": None}))):
        await tenancy.gateway.receive(connection, *again)
    after = [row.event for row in await tenancy.store.events(limit=1000)]
    [kept] = [event for event in after if isinstance(event, MessageReceived) and event.vendor_id == "g9"]

    assert before == after
    assert ("call •••, please", True) == (kept.text, kept.faded)


async def test_what_others_said_without_naming_anybody_is_whole(busy: tuple[Tenancy, str]) -> None:
    """Where only the frame of a message named somebody, more of it is a revision as ever."""
    tenancy, connection = busy
    said = written("g9", OTHER, "look", Chat.of_group("grp_1"))
    named = said.model_copy(update={"raw": {"also": PHONE}})
    await tenancy.gateway.receive(connection, *hook(named))
    await tenancy.erasing.erase(DEFAULT_TENANT, PHONE)
    await tenancy.gateway.receive(connection, *hook(written("g9", OTHER, "look again", Chat.of_group("grp_1"))))
    kept = [row.event for row in await tenancy.store.events(limit=1000)]

    assert [("look", False), ("look again", False)] == [
        (event.text, event.faded) for event in kept if isinstance(event, MessageReceived) and event.vendor_id == "g9"
    ]


async def test_a_call_that_is_repeated_after_an_erase_sends_nothing(busy: tuple[Tenancy, str], api: Vendor) -> None:
    """Its key was used; what waited to leave never does, and the id names nothing."""
    tenancy, connection = busy
    sent = list(api.sent)
    page = await tenancy.listing.messages(DEFAULT_TENANT)
    theirs = [row.id for row in page.items if PHONE in row.request]
    await tenancy.erasing.erase(DEFAULT_TENANT, PHONE)
    with pytest.raises(Conflict):
        await tenancy.gateway.send(PHONE, f"to {CANARY}{PHONE}", via=connection, key="key-0")
    for id_ in theirs:
        with pytest.raises(NotFound):
            await tenancy.listing.message(DEFAULT_TENANT, id_)
        with pytest.raises(NotFound):
            await tenancy.gateway.status(MessageId(id_))
    assert 2 == len((await tenancy.listing.messages(DEFAULT_TENANT)).items)
    assert (sent, 1) == (api.sent, await tenancy.store.depth(connection))
    await tenancy.gateway.send(PHONE, "anew", via=connection)
    assert [*sent, f"direct:{PHONE}"] == api.sent


async def test_who_had_opted_out_stays_so_until_they_opt_in(
    busy: tuple[Tenancy, str], dump: Dump, url: str, clock: Clock, ring: KeyRing
) -> None:
    """Without being named, also after a restart."""
    tenancy, connection = busy
    await tenancy.gateway.receive(
        connection, *hook(OptedOut(key="out", address=Address.parse(PHONE), chat=Chat.direct(PHONE)))
    )
    erased = await tenancy.erasing.erase(DEFAULT_TENANT, PHONE)
    assert (connection,) == erased.suppressed
    assert PHONE[1:].encode() not in dump()
    with pytest.raises(NotOptedIn):
        await tenancy.gateway.send(PHONE, "hello?", via=connection)
    await tenancy.gateway.send(OTHER, "hello", via=connection)
    await tenancy.gateway.aclose()

    async with Gateway(url, clock=clock, plugins=plugins()) as gateway:
        again = Tenancy(gateway, ring)
        await again.start()
        with pytest.raises(NotOptedIn):
            await gateway.send(PHONE, "hello?", via=connection)
        clock.move(timedelta(hours=1))
        await gateway.receive(
            connection, *hook(OptedIn(key="in", address=Address.parse(PHONE), chat=Chat.direct(PHONE)))
        )
        assert "v" in (await gateway.send(PHONE, "welcome", via=connection)).sent[0].vendor_id


@pytest.mark.parametrize("names", [(PHONE, CONTACT), (CONTACT, PHONE)], ids=["by phone", "by the vendor's name"])
async def test_who_had_opted_out_stays_so_by_all_their_names(
    busy: tuple[Tenancy, str], url: str, clock: Clock, ring: KeyRing, names: tuple[str, str]
) -> None:
    """Said by one, erased by the other: nothing of it is left, and neither is written to, also after a restart."""
    tenancy, connection = busy
    await tenancy.gateway.send(CONTACT, "hello", via=connection)
    said, asked = names
    await tenancy.gateway.receive(
        connection, *hook(OptedOut(key="out", address=Address.parse(said), chat=Chat.direct(said)))
    )
    given = [found async for found in tenancy.erasing.export(DEFAULT_TENANT, asked) if found["kind"] == "consent"]
    assert [(said, False)] == [(word["address"], word["agreed"]) for word in given]
    erased = await tenancy.erasing.erase(DEFAULT_TENANT, asked)
    assert ((connection,), ()) == (erased.suppressed, (await tenancy.listing.consents(DEFAULT_TENANT)).items)
    await tenancy.gateway.aclose()

    async with Gateway(url, clock=clock, plugins=plugins()) as gateway:
        await Tenancy(gateway, ring).start()
        for name in names:
            with pytest.raises(NotOptedIn):
                await gateway.send(name, "hello?", via=connection)


async def test_an_erased_opt_out_holds_for_a_name_that_is_learnt_later(busy: tuple[Tenancy, str], clock: Clock) -> None:
    """What was said by that name before changes nothing of it; what is said later does."""
    tenancy, connection = busy

    async def say(kind: type[OptedIn | OptedOut], name: str) -> None:
        clock.move(timedelta(hours=1))
        event = kind(key=f"{clock.now()}", address=Address.parse(name), chat=Chat.direct(name))
        await tenancy.gateway.receive(connection, *hook(event))

    await say(OptedIn, CONTACT)
    await say(OptedOut, PHONE)
    await tenancy.erasing.erase(DEFAULT_TENANT, PHONE)
    await tenancy.gateway.send(CONTACT, "who is this?", via=connection)
    for name in (CONTACT, PHONE):
        with pytest.raises(NotOptedIn):
            await tenancy.gateway.send(name, "hello?", via=connection)
    assert (connection,) == (await tenancy.erasing.erase(DEFAULT_TENANT, CONTACT)).suppressed
    for name in (CONTACT, PHONE):
        with pytest.raises(NotOptedIn):
            await tenancy.gateway.send(name, "hello?", via=connection)
    await say(OptedIn, CONTACT)
    for name in (CONTACT, PHONE):
        assert (await tenancy.gateway.send(name, "welcome", via=connection)).sent


async def test_a_longer_number_is_somebody_else(busy: tuple[Tenancy, str]) -> None:
    """Digits within digits name nobody."""
    tenancy, connection = busy
    longer = f"+9{PHONE[1:]}"
    await tenancy.gateway.receive(connection, *hook(written("m9", longer, "mine")))
    await tenancy.erasing.erase(DEFAULT_TENANT, PHONE)
    assert {longer, OTHER} == {item.address.value for item in (await tenancy.listing.contacts(DEFAULT_TENANT)).items}


async def test_erasing_stays_within_the_tenant(busy: tuple[Tenancy, str]) -> None:
    """What another tenant has of the same contact is still there."""
    tenancy, _ = busy
    await tenancy.tenants.add(TenantRow(id="tn_other", name="other", created_at=NOW))
    theirs = await tenancy.accounts.create("tn_other", "vaulty", BUILT_IN)
    await tenancy.gateway.receive(theirs.id, *hook(written("m0", PHONE, "theirs")))
    await tenancy.erasing.erase(DEFAULT_TENANT, PHONE)
    [event] = (await tenancy.listing.events("tn_other")).items
    assert isinstance(event.event, MessageReceived)
    assert "theirs" == event.event.text


async def test_an_email_is_erased_as_a_phone_is(busy: tuple[Tenancy, str], dump: Dump) -> None:
    """In any case, and no longer address goes with it."""
    tenancy, connection = busy
    for number, who in enumerate(("Jane@Example.com", "mary-jane@example.com")):
        await tenancy.gateway.receive(connection, *hook(written(f"e{number}", who, f"from {who}")))
    await tenancy.erasing.erase(DEFAULT_TENANT, "jane@example.com")
    left = re.findall(rb"[\w-]*jane@example\.com", dump().lower())
    assert {b"mary-jane@example.com", b"ary-jane@example.com"} == set(left)
    with pytest.raises(InvalidMessage):
        await tenancy.erasing.erase(DEFAULT_TENANT, "jane")


async def test_an_export_has_all_that_an_erase_takes(busy: tuple[Tenancy, str]) -> None:
    """Messages, events and raw webhooks; and the audit says that it was made."""
    tenancy, _ = busy
    found = [item async for item in tenancy.erasing.export(DEFAULT_TENANT, PHONE)]
    kinds = {kind: sum(item["kind"] == kind for item in found) for kind in ("message", "event", "webhook")}
    erased = await tenancy.erasing.erase(DEFAULT_TENANT, PHONE)
    assert {"message": erased.messages, "event": erased.events, "webhook": erased.webhooks} == kinds
    assert [] == [item async for item in tenancy.erasing.export(DEFAULT_TENANT, PHONE)]
    actions = [row.action for row in (await tenancy.audit.list(DEFAULT_TENANT)).items]
    assert ["contact.exported", "contact.erased", "contact.exported", "connection.created"] == actions
    assert PHONE[1:] not in str((await tenancy.audit.list(DEFAULT_TENANT)).items)


async def test_files_that_a_contact_sent_go_unless_somebody_else_needs_them(
    busy: tuple[Tenancy, str], dump: Dump
) -> None:
    """Their records, their bytes in the store, and by `let_go` those elsewhere; the same bytes of others stay."""
    tenancy, connection = busy
    [event] = [
        row
        for row in (await tenancy.listing.events(DEFAULT_TENANT)).items
        if getattr(row.event, "vendor_id", "") == "m0"
    ]
    uploads = Uploads(tenancy.store)
    gone: list[str] = []
    for digest, whose in (("a" * 64, event.id), ("b" * 64, event.id), ("b" * 64, None)):
        row = UploadRow(
            id=new_id("file"),
            tenant=DEFAULT_TENANT,
            digest=digest,
            name="canary.png",
            media_type="image/png",
            size=9,
            connection=connection if whose else None,
            event=whose,
            created_at=NOW,
        )
        await uploads.add(row)
        data = f"canary-bytes-{digest}".encode()
        await tenancy.store.keep_file(FileRow(digest=digest, name="n", media_type="t", data=data, kept_at=NOW))

    async def let_go(digest: str) -> None:
        gone.append(digest)

    tenancy.keep_files_in(let_go)
    erased = await tenancy.erasing.erase(DEFAULT_TENANT, PHONE)
    assert (1, ["a" * 64]) == (erased.files, gone)
    left = dump()
    assert (False, True) == (f"canary-bytes-{'a' * 64}".encode() in left, f"canary-bytes-{'b' * 64}".encode() in left)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_no_page_of_the_file_keeps_what_was_moved_about_in_it(tenancy: Tenancy, dump: Dump) -> None:
    """Rows of all sizes, written again and again: what the tree left behind as it grew is gone as well."""
    made = await tenancy.accounts.create(DEFAULT_TENANT, "vaulty", BUILT_IN)
    for number in range(60):
        for who in (PHONE, OTHER):
            text = f"{CANARY}{who} " * (1 + number * 7 % 90)
            await tenancy.gateway.receive(made.id, *hook(written(f"{who}{number}", who, text)))
            if number % 9 == 0:
                ticket = await tenancy.gateway.enqueue(who, text[:900], via=made.id)
                await tenancy.gateway.cancel(ticket)
    assert f"{CANARY}{PHONE}".encode() in dump()
    erased = await tenancy.erasing.erase(DEFAULT_TENANT, PHONE)
    left = dump()
    assert (0, 0) == (left.count(PHONE.encode()), left.count(f"{CANARY}{PHONE}".encode()))
    assert f"{CANARY}{OTHER}".encode() in left
    assert (60, 7) == (erased.webhooks, erased.messages)
