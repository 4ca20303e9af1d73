"""Which connection carries an action, and who may object."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from gateway.actions import Action, ConnectionInfo, Refusal, SendMessage
from gateway.clock import SYSTEM
from gateway.connections import Connections
from gateway.errors import ConfigurationError, NoRoute, Refused
from gateway.ids import Token
from gateway.model import Chat, Message
from gateway.plugins import Plugins, load
from gateway.routing import guard, route

ACTION = SendMessage(chat=Chat.direct("+13231112233"), messages=(Message("x"),), key="", token=Token(""))
SETTINGS = {"api_key": "k", "webhook_secret": "s"}
LATER = datetime(2030, 1, 1, tzinfo=UTC)


class Asked(Plugins):
    """Plugins that answer what they are told."""

    def __init__(self, choice: str | None = None, refusals: Sequence[Refusal] = ()) -> None:
        self.__dict__.update(load().__dict__)
        self.choice = choice
        self.refusals = list(refusals)

    def choose_connection(self, action: Action, candidates: Sequence[ConnectionInfo]) -> str | None:
        """Choose what was told."""
        return self.choice

    def guard(self, action: Action, connection: ConnectionInfo, now: datetime) -> list[Refusal]:
        """Object as told."""
        return self.refusals


def connections(*names: str) -> Connections:
    """Make some connections."""
    made = Connections(load())
    for name in names:
        made.add(made.make("echo", name, SETTINGS))
    return made


def test_the_named_the_only_or_the_chosen_one() -> None:
    """In this order."""
    both = connections("a", "b")

    assert ["b", "a", "b"] == [
        route(lambda: ACTION, "b", both, Asked()).name,
        route(lambda: ACTION, None, connections("a"), Asked()).name,
        route(lambda: ACTION, None, both, Asked(choice="b")).name,
    ]


@pytest.mark.parametrize(
    ("names", "via", "hint"),
    [((), None, "gateway.connect"), (("a", "b"), None, "via="), (("main",), "mian", "did you mean main?")],
)
def test_without_a_choice_there_is_no_route(names: tuple[str, ...], via: str | None, hint: str) -> None:
    """Never the first one by chance."""
    with pytest.raises(NoRoute) as caught:
        route(lambda: ACTION, via, connections(*names), Asked())

    assert hint in (caught.value.hint or "")


def test_one_objection_is_enough() -> None:
    """All reasons are said, with the latest time."""
    [connection] = connections("a")
    guard(ACTION, connection, Asked(), SYSTEM)
    with pytest.raises(Refused, match="night; holiday") as caught:
        guard(
            ACTION,
            connection,
            Asked(refusals=[Refusal(reason="night", until=LATER), Refusal(reason="holiday")]),
            SYSTEM,
        )

    assert LATER.isoformat() in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("provider", "name", "words"),
    [
        ("echo", "a b", "cannot name"),
        ("ehco", "x", "no provider"),
        ("echo", "a", "already"),
        ("echo", "", "cannot name"),
    ],
)
def test_a_connection_that_cannot_be_is_refused(provider: str, name: str, words: str) -> None:
    """Its name stands in a URL, so it is letters, digits and a few signs."""
    there = connections("a")
    with pytest.raises(ConfigurationError, match=words):
        there.add(there.make(provider, name, SETTINGS))


def test_a_connection_prints_no_settings() -> None:
    """Name and provider are enough to find it."""
    [connection] = connections("a")

    assert "Connection('a', echo)" == repr(connection)
