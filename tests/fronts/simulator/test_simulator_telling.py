"""What a twin tells only after the application has spoken, and the deeds around polls, names and cards."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.simulator import Impossible
from tests.fronts.simulator.conftest import THEIRS, Stand


async def told(stand: Stand) -> dict[str, Any]:
    """The answer of the twin to a call that delivers first."""
    response = await stand.http.post(f"{stand.sim.base_url('echo')}/messages/m-1/tell")
    answer: dict[str, Any] = response.json()
    return answer


async def test_an_answer_may_tell_what_the_application_said(stand: Stand) -> None:
    """The webhook comes before the answer, signed like any, and is in the journal."""
    answer = await told(stand)
    assert (200, None, stand.app.url) == (answer["status"], answer["error"], answer["url"])
    assert ["told"] == stand.app.events
    (attempt,) = stand.sim.journal.entries("attempt")
    assert (1, True, None) == tuple(attempt.data[name] for name in ("attempt", "accepted", "again_in"))


async def test_what_was_delivered_for_an_answer_is_not_repeated(stand: Stand) -> None:
    """One attempt, whatever the application makes of it."""
    stand.app.answers = [500]
    assert 500 == (await told(stand))["status"]
    await stand.sim.clock.advance(3600)
    assert ["told"] == stand.app.events


async def test_without_a_url_the_answer_says_so(stand: Stand) -> None:
    """Nothing is delivered, and the caller is told why."""
    stand.sim.set_webhook("echo", None)
    answer = await told(stand)
    assert (None, "there is no URL", "") == (answer["status"], answer["error"], answer["url"])


async def test_a_contact_votes_shares_and_renames(stand: Stand) -> None:
    """The application hears of each, and the world shows it."""
    ada, bea = stand.sim.contact(THEIRS), stand.sim.contact("+12025550151")
    group = ada.start_group([bea.address], "hi", vendor="echo", name="Us").thread
    await stand.send()
    ada.vote("tea", vendor="echo")
    ada.vote("tea", vendor="echo", removed=True)
    ada.share(vendor="echo")
    assert "We" == ada.rename("We", vendor="echo", group=str(group.group)).name
    await stand.sim.clock.advance(0.2)
    told = [hook.json() for hook in stand.app.hooks if hook.event in {"vote", "share", "rename"}]
    assert [("tea", False), ("tea", True)] == [(each["option"], each["removed"]) for each in told[:2]]
    assert [ada.phone.name, "We"] == [each["name"] for each in told[2:]]
    happened = [entry.data["what"] for entry in stand.sim.journal.entries("world")]
    assert ["voted", "unvoted", "shared", "renamed"] == [what for what in happened if what in KINDS]


KINDS = {"voted", "unvoted", "shared", "renamed"}


async def test_a_vote_needs_a_message_of_the_thread(stand: Stand) -> None:
    """There is nothing to vote for where we have not written."""
    with pytest.raises(Impossible, match="no such message"):
        stand.sim.contact(THEIRS).vote("tea", vendor="echo")


async def test_a_group_is_renamed_over_http(stand: Stand) -> None:
    """By its id; someone outside of it cannot."""
    ada, bea, ivo = (f"+1202555015{digit}" for digit in range(3))
    group = stand.sim.contact(ada).start_group([stand.sim.contact(bea).address], "hi", vendor="echo").thread
    stand.sim.contact(ivo)
    body = {"group": group.group, "name": "We"}
    renamed = await stand.control("POST", f"/contacts/{ada}/rename", body)
    assert (200, "We") == (renamed.status_code, renamed.json()["thread"]["name"])
    assert 404 == (await stand.control("POST", f"/contacts/{ivo}/rename", body)).status_code
