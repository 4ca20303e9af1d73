"""Calls, replies and paths: data, without secrets or bytes."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from gateway.errors import VendorFault
from gateway.exchange import Call, Path, Reply, path


class Pong(BaseModel):
    """A vendor's answer."""

    word: str


@given(st.text(min_size=1).filter(lambda text: text not in {".", ".."} and text.isprintable()))
def test_a_value_is_one_segment_of_a_path(value: str) -> None:
    """Whatever it holds, it is percent-encoded, and decodes to itself."""
    made = path("/chats/{chat}/messages", chat=value)

    assert 4 == len(made.split("/"))
    assert value == unquote(made.split("/")[2])


@pytest.mark.parametrize(
    ("value", "segment"),
    [
        ("+15551234567", "%2B15551234567"),
        ("joe@example.com", "joe%40example.com"),
        ("+1,+2", "%2B1%2C%2B2"),
        ("a/b?c#d", "a%2Fb%3Fc%23d"),
        ("grp_abc", "grp_abc"),
    ],
)
def test_known_segments(value: str, segment: str) -> None:
    """A raw plus turns into a space at a vendor's, so it never stands there."""
    assert f"/chats/{segment}" == path("/chats/{chat}", chat=value)


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_a_value_that_would_name_another_path_is_refused(value: str) -> None:
    """An empty or a dot segment is swallowed on the way."""
    with pytest.raises(ValueError, match="needs a value for chat"):
        path("/chats/{chat}", chat=value)


def test_a_path_remembers_its_template() -> None:
    """A log names the call without the number, also after copying."""
    made = path("/chats/{chat}", chat="+15551234567")

    for again in (made, copy.deepcopy(made), pickle.loads(pickle.dumps(made))):  # noqa: S301 - our own bytes
        assert isinstance(again, Path)
        assert ("/chats/%2B15551234567", "/chats/{chat}") == (str(again), again.template)


def test_a_call_is_printed_without_addresses_and_content() -> None:
    """`repr` shows method, base, template and what a second copy would do."""
    call = Call("POST", path("/chats/{chat}", chat="+15551234567"), json={"text": "hi"}, headers={"a": "b"})

    assert "Call(POST api:/chats/{chat}, never)" == repr(call)


def test_a_call_with_more_headers_is_another_call() -> None:
    """Of two that are spelled alike the new one holds; the call that is kept has no credentials."""
    call = Call("POST", path("/chats/{chat}", chat="1"), json={"text": "hi"}, headers={"a": "b", "c": "d"})

    assert replace(call, headers={"a": "x", "c": "d", "e": "f"}) == call.with_headers({"a": "x", "e": "f"})
    assert {"a": "b", "c": "d"} == call.headers


def test_a_reply_is_read_as_a_model() -> None:
    """The vendor's JSON becomes the vendor's model."""
    assert Pong(word="a") == Reply(200, body=b'{"word":"a"}').read(Pong)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"word":', b"[]", b'{"word":1}', b"\xff", b"[" * 10_000])
def test_an_unreadable_answer_is_the_vendors_fault_and_uncertain(body: bytes) -> None:
    """Whoever cannot read the answer does not know what was done."""
    with pytest.raises(VendorFault) as caught:
        Reply(200, body=body).read(Pong)

    assert caught.value.certain is False


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "120"}, 120.0),
        ({"retry-after": " 3 "}, 3.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT", "date": "Wed, 21 Oct 2026 07:27:00 GMT"}, 60.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT", "date": "Wed, 21 Oct 2026 07:29:00 GMT"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "١٢"}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    """A date is counted from the answer's own date, since a reply has no clock."""
    assert seconds == Reply(429, headers).retry_after


@given(st.binary())
def test_json_of_any_bytes_is_a_value_or_none(body: bytes) -> None:
    """Reading never raises."""
    Reply(200, body=body).json()
