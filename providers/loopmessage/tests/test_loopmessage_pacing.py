"""What LoopMessage asks of whoever sends, and what of that is a setting."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from gateway.provider import DailyCap, Pace, Pause, Phase, Rules, Scope, Whom
from gateway_loopmessage import LoopMessage
from gateway_loopmessage.errors import CODES
from gateway_loopmessage.settings import LoopMessageSettings

WARM_UP = {0: 2, 1: 2, 2: 5, 3: 5, 4: 10, 6: 10, 7: 20, 13: 20, 14: 30, 20: 30, 21: 50, 400: 50}
"""How many new conversations, so many days after the first one."""


def rules(**settings: Any) -> Rules:
    """Give the rules of a connection."""
    return LoopMessage(LoopMessageSettings.model_validate({"api_key": "k", **settings})).rules()


def test_by_default_only_silent_contacts_have_to_wait() -> None:
    """Two minutes and a second for the road, over the whole account; who writes first is expected, not required."""
    assert rules() == Rules(
        paces=(
            Pace(
                "silent",
                Scope.CONNECTION,
                121,
                whom=Whom.SILENT,
                why="120 seconds between messages to contacts who have not written lately",
            ),
        ),
        recent=timedelta(hours=24),
        opt_in_first=True,
    )


def test_space_and_silence_are_settings() -> None:
    """The vendor says `recently` and no number; an account may have been told another one."""
    made = rules(silent_spacing=0, recent_hours=72)

    assert ((), timedelta(days=3)) == (made.paces, made.recent)


def test_new_conversations_are_counted_where_the_sender_starts_some() -> None:
    """A third party's numbers: a quarter of an hour between, and few a day at first."""
    began = date(2026, 10, 1)
    made = rules(conversations_since=began)
    [_, new] = made.paces
    [cap] = made.caps

    assert isinstance(cap, DailyCap)
    assert ((Scope.LINE, 901, Whom.NEW), (Scope.LINE, Whom.NEW)) == (
        (new.scope, new.interval, new.whom),
        (cap.scope, cap.whom),
    )
    assert WARM_UP == {days: cap.most(began + timedelta(days=days)) for days in WARM_UP}
    assert not made.opt_in_first


@pytest.mark.parametrize("phase", Phase)
def test_one_code_says_that_a_contact_opted_out(phase: Phase) -> None:
    """500, whether the send was refused for it or failed later."""
    assert ["500"] == [code for (when, code), row in CODES if when is phase and row.opts_out]


def test_one_code_holds_messages_to_silent_contacts() -> None:
    """540, for an hour; conversations go on."""
    paused = {code: row.pause for (when, code), row in CODES if when is Phase.CALL and row.pause}

    assert {"540": Pause(3600, Whom.SILENT)} == paused
