"""Sealing: what is bound to its place opens nowhere else, and no key is in a repr, an error or the sealed text."""

from __future__ import annotations

import stat
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ConfigurationError, SecretsLocked
from gateway.tenancy import KeyRing, Sealer

SECRET = b"canary-of-the-vendor"
RING = KeyRing.fresh()


@given(st.binary(max_size=300), st.text(max_size=20), st.integers(min_value=1, max_value=9))
def test_what_is_sealed_opens_in_its_place(value: bytes, name: str, generation: int) -> None:
    """Any bytes, under any name that is text."""
    name = name.encode("utf-8", "replace").decode()
    key = Sealer(RING).make("tn_1", "pc_1")
    again = Sealer(RING).open("tn_1", "pc_1", key.sealed)
    assert value == again.open(name, key.seal(name, value, generation), generation)


@pytest.mark.parametrize(
    ("tenant", "row", "name", "generation"),
    [("tn_1", "pc_1", "other", 1), ("tn_1", "pc_1", "api_key", 2)],
)
def test_a_field_that_is_moved_does_not_open(tenant: str, row: str, name: str, generation: int) -> None:
    """Neither under another name, nor as a later value."""
    key = Sealer(RING).make("tn_1", "pc_1")
    sealed = key.seal("api_key", SECRET, 1)
    with pytest.raises(SecretsLocked) as locked:
        Sealer(RING).open(tenant, row, key.sealed).open(name, sealed, generation)
    assert "broken" == locked.value.code


@pytest.mark.parametrize(("tenant", "row"), [("tn_2", "pc_1"), ("tn_1", "pc_2"), ("tn_1pc", "_1")])
def test_a_data_key_that_is_moved_does_not_open(tenant: str, row: str) -> None:
    """Neither in another row, nor for another tenant."""
    key = Sealer(RING).make("tn_1", "pc_1")
    with pytest.raises(SecretsLocked) as locked:
        Sealer(RING).open(tenant, row, key.sealed)
    assert "broken" == locked.value.code


@given(st.text(max_size=60))
def test_no_text_is_too_much_for_the_opener(text: str) -> None:
    """Whatever stands in the database, it opens or it is locked."""
    key = Sealer(RING).make("tn_1", "pc_1")
    for call in (
        lambda: key.open("f", text),
        lambda: Sealer(RING).open("t", "r", text),
        lambda: key.open("f", f"s1.{text}"),
    ):
        with pytest.raises(SecretsLocked):
            call()


def test_every_byte_of_a_sealed_text_counts() -> None:
    """One that is changed is found."""
    key = Sealer(RING).make("tn_1", "pc_1")
    sealed = key.seal("f", SECRET)
    for place in range(3, len(sealed)):
        other = sealed[:place] + ("A" if sealed[place] != "A" else "B") + sealed[place + 1 :]
        if place == len(sealed) - 1:
            continue  # the last digit has bits that say nothing
        with pytest.raises(SecretsLocked):
            key.open("f", other)


def test_the_same_secret_is_sealed_differently_each_time() -> None:
    """Nobody sees that two are equal, and none of it in the text."""
    key = Sealer(RING).make("tn_1", "pc_1")
    first, second = key.seal("f", SECRET), key.seal("f", SECRET)
    assert first != second
    assert b64encode(SECRET).decode()[:8] not in first + second
    assert Sealer(RING).make("tn_1", "pc_1").key != key.key


def test_nothing_shows_a_key() -> None:
    """Neither ring, sealer nor data key, in any spelling."""
    key = Sealer(RING).make("tn_1", "pc_1")
    shown = f"{RING!r} {Sealer(RING)!r} {key!r}"
    for secret in (key.key, *RING.keys.values()):
        assert secret.hex() not in shown
        assert repr(secret) not in shown
    assert key.sealed not in shown


def test_a_ring_opens_with_former_keys_and_seals_with_the_first() -> None:
    """What was sealed before opens, and is sealed anew by the new one alone."""
    old = Sealer(RING).make("tn_1", "pc_1")
    sealed = old.seal("f", SECRET)
    newer = KeyRing.fresh(RING)
    assert (2, RING.keys) == (len(newer.keys), {"k1": newer.keys["k1"]})
    renewed = Sealer(newer).renew("tn_1", "pc_1", old.sealed)
    assert renewed is not None
    assert None is Sealer(newer).renew("tn_1", "pc_1", renewed)
    alone = KeyRing({"k2": newer.keys["k2"]})
    assert SECRET == Sealer(alone).open("tn_1", "pc_1", renewed).open("f", sealed)
    with pytest.raises(SecretsLocked, match="k1") as locked:
        Sealer(alone).open("tn_1", "pc_1", old.sealed)
    assert "unknown_master_key" == locked.value.code


def test_a_ring_is_read_as_it_was_written(tmp_path: Path) -> None:
    """From text or a file, which is made for its owner alone when it is not there."""
    newer = KeyRing.fresh(RING)
    assert newer == KeyRing.parse(newer.text) == KeyRing.parse(newer.text.replace("\n", " , "))
    file = tmp_path / "master.key"
    made = KeyRing.read(file, make=True)
    assert made == KeyRing.read(file, make=True)
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    with pytest.raises(ConfigurationError):
        KeyRing.read(tmp_path / "nowhere.key")


@pytest.mark.parametrize(
    "text",
    ["canary", "k1:canary", "k1:" + "A" * 42, "k 1:" + "A" * 43, ",".join(["k1:" + "A" * 43] * 2), ":" + "A" * 43],
)
def test_a_ring_that_is_wrong_is_refused_without_a_word_of_it(text: str) -> None:
    """The error says which key, and how they are written."""
    with pytest.raises(ConfigurationError) as wrong:
        KeyRing.parse(text)
    assert "canary" not in f"{wrong.value} {wrong.value.hint}"
    assert "AAAA" not in f"{wrong.value} {wrong.value.hint}"
