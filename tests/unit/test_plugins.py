"""The loader: one broken plugin fails alone, and is shown with its reason."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any, ClassVar

import pytest

from gateway.actions import ConnectionInfo, Refusal, SendMessage
from gateway.errors import ConfigurationError
from gateway.ids import Token
from gateway.model import Chat, Message
from gateway.plugins import Plugins, load, load_entries
from gateway.provider import Event, WebhookRequest, hookimpl
from tests.unit.test_provider import Bare

GROUP = "messaging_gateway"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ACTION = SendMessage(chat=Chat.direct("+13231112233"), messages=(Message("x"),), key="", token=Token(""))
INFOS = [ConnectionInfo(name=name, provider="bare") for name in ("a", "b")]


class Other(Bare):
    """Another provider."""

    name: ClassVar[str] = "other"


@pytest.fixture
def entries(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make entry points to modules that exist only here."""

    def make(**modules: dict[str, Any]) -> Plugins:
        points = []
        for name, members in modules.items():
            module = ModuleType(f"made_up_{name}")
            for key, value in members.items():
                setattr(module, key, value)
            monkeypatch.setitem(sys.modules, module.__name__, module)
            points.append(EntryPoint(name=name, value=module.__name__, group=GROUP))
        return load_entries(points)

    return make


def offers(*classes: Any) -> Any:
    """Make the hook that offers providers."""

    @hookimpl
    def gateway_providers() -> Any:
        return classes

    return gateway_providers


def problem(plugins: Plugins, entry: str) -> str:
    """Give the problems of one entry."""
    return "; ".join(next(found.problems for found in plugins.found if found.entry == entry))


def test_a_provider_is_found(entries: Any) -> None:
    """By its entry point, under the name that it gives itself."""
    assert {"bare": Bare, "other": Other} == entries(
        one={"gateway_providers": offers(Bare)}, two={"gateway_providers": offers(Other)}
    ).providers


def test_a_plugin_that_cannot_be_imported_fails_alone(entries: Any) -> None:
    """The others are used, and the report says why it is not."""
    missing = EntryPoint(name="gone", value="no_such_module_here", group=GROUP)
    good = entries(good={"gateway_providers": offers(Bare)})
    both = load_entries([missing, EntryPoint(name="good", value="made_up_good", group=GROUP)])

    assert good.providers == both.providers
    assert "ModuleNotFoundError" in problem(both, "gone")
    with pytest.raises(ConfigurationError, match="installed and cannot be used"):
        both.provider("gone")


def raising() -> Any:
    """Make a hook that raises."""

    @hookimpl
    def gateway_providers() -> Any:
        raise RuntimeError("boom")

    return gateway_providers


def misspelt() -> Any:
    """Make a hook that does not exist."""

    @hookimpl
    def gateway_provider() -> Any:
        return ()

    return gateway_provider


def coroutine() -> Any:
    """Make a hook that pluggy would run wrongly."""

    @hookimpl
    async def gateway_providers() -> Any:
        return ()

    return gateway_providers


class Newer(Bare):
    """Written for a border that does not exist yet."""

    name: ClassVar[str] = "newer"
    requires: ClassVar[int] = 99


class Abstract(Bare):
    """Lacks a method."""

    name: ClassVar[str] = "abstract"

    @abstractmethod
    def parse(self, hook: WebhookRequest) -> Sequence[Event]:
        """Left open."""


class Shouting(Bare):
    """Misnamed."""

    name: ClassVar[str] = "SHOUT"


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"gateway_providers": raising()}, "gateway_providers() failed: RuntimeError: boom"),
        ({"gateway_provider": misspelt()}, "there is no such hook"),
        ({"gateway_providers": coroutine()}, "is a coroutine function"),
        ({"gateway_providers": offers(Newer)}, "newer was written for version 99 of the border"),
        ({"gateway_providers": offers(Abstract)}, "abstract lacks parse"),
        ({"gateway_providers": offers(Shouting)}, "'SHOUT'"),
        ({"gateway_providers": offers(int)}, "is not a subclass"),
        ({"gateway_guard": hookimpl(lambda nonsense: nonsense)}, "do not fit"),
    ],
)
def test_each_misuse_is_named(entries: Any, members: dict[str, Any], words: str) -> None:
    """A plugin that breaks a rule is not used, and the report says which."""
    plugins = entries(bad=members, good={"gateway_providers": offers(Bare)})

    assert words in problem(plugins, "bad")
    assert {"bare": Bare} == plugins.providers


def test_two_plugins_with_one_name(entries: Any) -> None:
    """The first is used, the second is told so."""
    plugins = entries(a={"gateway_providers": offers(Bare)}, b={"gateway_providers": offers(Bare)})

    assert "is offered by" in problem(plugins, "b")
    assert {"bare": Bare} == plugins.providers


def test_a_misspelt_provider_gets_the_nearest_name(entries: Any) -> None:
    """A typing error is answered with what was meant."""
    with pytest.raises(ConfigurationError) as caught:
        entries(a={"gateway_providers": offers(Bare)}).provider("bear")

    assert "did you mean bare?" == caught.value.hint


def choose(answer: Any) -> Any:
    """Make a hook that chooses a connection."""

    @hookimpl
    def gateway_choose_connection(candidates: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return gateway_choose_connection


def test_the_first_choice_that_is_a_candidate_holds(entries: Any) -> None:
    """A plugin that raises or names something else is skipped."""
    plugins = entries(
        a={"gateway_choose_connection": choose(RuntimeError())},
        b={"gateway_choose_connection": choose("elsewhere")},
        c={"gateway_choose_connection": choose(None)},
        d={"gateway_choose_connection": choose("b")},
    )

    assert "b" == plugins.choose_connection(ACTION, INFOS)
    assert entries().choose_connection(ACTION, INFOS) is None


def guards(answer: Any) -> Any:
    """Make a guard."""

    @hookimpl
    def gateway_guard(now: datetime) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return gateway_guard


def test_every_guard_is_asked_and_a_broken_one_refuses(entries: Any) -> None:
    """A guard exists to stop things: when it fails, it stops them."""
    plugins = entries(
        a={"gateway_guard": guards(None)},
        b={"gateway_guard": guards(Refusal(reason="night", until=NOW))},
        c={"gateway_guard": guards(RuntimeError())},
    )

    refusals = plugins.guard(ACTION, INFOS[0], NOW)

    assert {Refusal(reason="night", until=NOW), Refusal(reason="the guard of (unknown):c failed: RuntimeError")} == set(
        refusals
    )


def test_stores_are_collected(entries: Any) -> None:
    """By scheme, from all plugins that offer some."""

    @hookimpl
    def gateway_stores() -> Any:
        return {"box": str}

    assert {"box": str} == entries(a={"gateway_stores": gateway_stores}).stores()


def test_this_installation_has_no_broken_plugin() -> None:
    """Everything that is installed beside the tests can be used."""
    assert {} == {found.entry: found.problems for found in load().found if found.problems}
