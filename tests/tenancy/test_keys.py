"""API keys: shown once, known by a hash, two alive while one is replaced, one answer to all that are wrong."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Forbidden, InvalidMessage, NotFound, Unauthenticated
from gateway.store.records.keys import KeyRow
from gateway.store.records.tenants import DEFAULT_TENANT, TenantRow
from gateway.tenancy import Caller, Tenancy
from gateway.tenancy.keys import _sum, _taken_apart
from tests.tenancy.place import NOW, Clock

WEEK = timedelta(days=7)


async def test_a_key_says_whose_it_is_and_what_it_may(tenancy: Tenancy) -> None:
    """Its text has the form that scanners look for, and gives tenant, id and scopes."""
    minted = await tenancy.keys.mint(DEFAULT_TENANT, name="bot", scopes=["send", "read", "send"])
    caller = await tenancy.keys.authenticate(minted.text)

    assert Caller(DEFAULT_TENANT, minted.row.id, frozenset({"read", "send"})) == caller
    assert re.fullmatch(r"gw_live_[0-9a-z]{26}_[0-9a-z]{39}", minted.text)
    assert minted.text not in repr(minted)


async def test_no_part_of_the_secret_is_kept(tenancy: Tenancy) -> None:
    """The row has the hash alone, and its repr not even that."""
    minted = await tenancy.keys.mint(DEFAULT_TENANT, name="bot", scopes=["read"])
    secret = minted.text.rpartition("_")[2][:32]
    row = await tenancy.keys.get(DEFAULT_TENANT, minted.row.id)
    assert minted.row == row
    assert secret not in f"{vars(type(row))} {row.hash} {row.name}"
    assert row.hash not in repr(row)


async def test_whatever_is_wrong_with_a_key_the_answer_is_the_same(tenancy: Tenancy, clock: Clock) -> None:
    """Missing, mistyped, unknown, with another secret, ended and revoked ones cannot be told apart."""
    keys = tenancy.keys
    good, ended, revoked = [
        await keys.mint(DEFAULT_TENANT, name=name, scopes=["read"], expires_at=NOW + WEEK if name == "b" else None)
        for name in "abc"
    ]
    await keys.revoke(DEFAULT_TENANT, revoked.row.id)
    clock.move(WEEK)
    head = f"gw_live_{good.row.id.removeprefix('key_')}_{'0' * 32}"
    stranger = f"gw_live_{'0' * 26}_{'0' * 32}"
    wrong = [None, "", "gw_live_", "x" * 500, good.text[:-1] + "!", head + _sum(head), stranger + _sum(stranger)]
    said = []
    for text in [*wrong, ended.text, revoked.text, f"{good.text} ", "é" * 75]:
        with pytest.raises(Unauthenticated) as refused:
            await keys.authenticate(text)
        said.append((str(refused.value), refused.value.hint, refused.value.code))

    assert 1 == len(set(said))
    assert good.row.id == (await keys.authenticate(good.text)).key_id


async def test_two_keys_live_while_one_takes_the_place_of_the_other_and_no_third(
    tenancy: Tenancy, clock: Clock
) -> None:
    """The key before counts until the overlap is over, or until the next rotation."""
    keys = tenancy.keys
    first = await keys.mint(DEFAULT_TENANT, name="bot", scopes=["send"])
    second = await keys.rotate(DEFAULT_TENANT, first.row.id, overlap=WEEK)

    async def alive() -> list[bool]:
        found = []
        for key in (first, second, third):
            try:
                found.append((await keys.authenticate(key.text)).key_id == key.row.id)
            except Unauthenticated:
                found.append(False)
        return found

    third = second
    assert [True, True, True] == await alive()
    third = await keys.rotate(DEFAULT_TENANT, second.row.id, overlap=WEEK)
    assert [False, True, True] == await alive()
    clock.move(WEEK)
    assert [False, False, True] == await alive()
    with pytest.raises(NotFound):
        await keys.rotate(DEFAULT_TENANT, first.row.id)


async def test_when_a_key_was_used_is_kept_now_and_then(tenancy: Tenancy, clock: Clock) -> None:
    """Not for every request."""
    keys = tenancy.keys
    minted = await keys.mint(DEFAULT_TENANT, name="bot", scopes=["send"])
    used = []
    for minutes in (0, 1, 5):
        clock.move(timedelta(minutes=minutes))
        await keys.authenticate(minted.text)
        used.append((await keys.get(DEFAULT_TENANT, minted.row.id)).last_used_at)
    assert [NOW, NOW, NOW + timedelta(minutes=6)] == used


async def test_keys_of_another_tenant_are_not_there(tenancy: Tenancy) -> None:
    """Neither to look at, nor to rotate, nor to revoke; and nothing of them is in the list."""
    await tenancy.tenants.add(TenantRow(id="tn_other", name="other", created_at=NOW))
    minted = await tenancy.keys.mint("tn_other", name="theirs", scopes=["read"])
    for call in (tenancy.keys.get, tenancy.keys.rotate, tenancy.keys.revoke):
        with pytest.raises(NotFound):
            await call(DEFAULT_TENANT, minted.row.id)
    assert () == (await tenancy.keys.list(DEFAULT_TENANT)).items
    assert "tn_other" == (await tenancy.keys.authenticate(minted.text)).tenant
    with pytest.raises(NotFound):
        await tenancy.keys.mint("tn_nobody", name="x", scopes=["read"])


async def test_lists_of_keys_come_in_pages(tenancy: Tenancy) -> None:
    """Each page says how to ask for the next, in words of its own."""
    made = [(await tenancy.keys.mint(DEFAULT_TENANT, name=str(number), scopes=["read"])).row for number in range(5)]
    seen: list[KeyRow] = []
    after = None
    while True:
        page = await tenancy.keys.list(DEFAULT_TENANT, after=after, limit=2)
        seen += page.items
        if (after := page.next) is None:
            break
    assert sorted(made, key=lambda row: row.place) == seen
    with pytest.raises(InvalidMessage, match="cursor"):
        await tenancy.audit.list(DEFAULT_TENANT, after=(await tenancy.keys.list(DEFAULT_TENANT, limit=2)).next)


@pytest.mark.parametrize("scopes", [[], ["sned"], ["connections:"], ["connections:pc_1"]])
async def test_a_key_needs_scopes_that_there_are(tenancy: Tenancy, scopes: list[str]) -> None:
    """What nobody may do with it is no key."""
    with pytest.raises(InvalidMessage):
        await tenancy.keys.mint(DEFAULT_TENANT, name="bot", scopes=scopes)


@pytest.mark.parametrize(
    ("scopes", "asked", "connection", "expected"),
    [
        ({"send"}, "send", None, True),
        ({"send"}, "read", None, False),
        ({"admin"}, "send", "pc_1", True),
        ({"admin", "connections:pc_1"}, "admin", "pc_1", True),
        ({"admin", "connections:pc_1"}, "admin", None, False),
        ({"send", "connections:pc_1"}, "send", "pc_1", True),
        ({"send", "connections:pc_1"}, "send", "pc_2", False),
        ({"read", "connections:pc_1", "connections:pc_2"}, "read", "pc_2", True),
        ({"read", "connections:pc_1"}, "read", None, True),
    ],
)
def test_what_a_caller_may(scopes: set[str], asked: str, connection: str | None, expected: bool) -> None:  # noqa: FBT001 - a table
    """Scopes say what, `connections:` says where; what is out of reach is not there."""
    caller = Caller("tn_1", "key_1", frozenset(scopes))
    assert expected is caller.may(asked, connection)
    if expected:
        caller.demand(asked, connection)
    else:
        away = connection is not None and caller.connections is not None and connection not in caller.connections
        with pytest.raises(NotFound if away else Forbidden):
            caller.demand(asked, connection)


@given(st.text(max_size=120))
def test_no_text_is_too_much_for_the_reader(text: str) -> None:
    """Whatever comes in the header is taken apart, or is nobody's."""
    id_, secret = _taken_apart(text)
    assert bool(id_) == bool(secret)
