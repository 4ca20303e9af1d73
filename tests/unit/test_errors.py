"""Errors: what they carry, and that they survive being kept."""

from __future__ import annotations

import copy
import pickle

import pytest

from gateway import errors
from gateway.errors import (
    ConfigurationError,
    GatewayError,
    LimitReached,
    OutcomeUnknown,
    PartlySent,
    RateLimited,
    Refused,
    SendError,
    Unauthorized,
    Unreachable,
    Unsupported,
    VendorFault,
)

ALL = [error for error in (getattr(errors, name) for name in errors.__all__) if issubclass(error, GatewayError)]


@pytest.mark.parametrize("cls", ALL)
def test_every_error_survives_being_kept(cls: type[GatewayError]) -> None:
    """Described and revived, pickled or copied, it is the same error with the same fields."""
    error = cls("it failed", provider="p", connection="c", code="7", status=400, hint="h", raw="r")

    for again in (GatewayError.revive(error.describe()), pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301 - our own bytes
        assert type(error) is type(again)
        assert vars(error) == vars(again)


@pytest.mark.parametrize("cls", ALL)
def test_every_error_says_something_without_arguments(cls: type[GatewayError]) -> None:
    """The first line of the docstring is the message."""
    assert cls().message
    assert not cls().message.endswith(".")


def test_special_fields_survive() -> None:
    """Retry-after, features and receipts come back too."""
    kept = [
        RateLimited("slow", retry_after=3.5),
        LimitReached("full", retry_after=60.0),
        Unsupported("no", features=("effect",), alternatives=("slam",)),
        PartlySent("half", receipt="{}", remaining=2),
        OutcomeUnknown("?", message_id="msg_1"),
        VendorFault("x", certain=True),
    ]

    assert [vars(error) for error in kept] == [vars(GatewayError.revive(error.describe())) for error in kept]


def test_a_class_that_is_gone_is_revived_as_the_base() -> None:
    """An error kept by a newer version is still shown."""
    assert "old" == GatewayError.revive({"error": "no_such_error", "message": "old"}).message


def test_certainty_is_the_class_default_until_it_is_said() -> None:
    """A refusal is certain, a fault of the vendor and an unknown outcome are not."""
    assert [True, True, False, False, True] == [
        Refused().certain,
        Unreachable().certain,
        VendorFault().certain,
        OutcomeUnknown().certain,
        VendorFault(certain=True).certain,
    ]


def test_an_error_says_where_it_happened() -> None:
    """Connection, provider and code stand in its text; the first place that was noted stays."""
    error = Unauthorized("the key is wrong", code="130").locate(connection="main", provider="p").locate(connection="x")

    assert "main/p: the key is wrong (code 130)" == str(error)


def test_settings_are_outside_the_tree() -> None:
    """No policy about sends may swallow a wrong configuration."""
    assert not issubclass(ConfigurationError, GatewayError)


def test_slugs_are_the_names_for_programs() -> None:
    """Lower snake case of the class."""
    assert "not_opted_in" == errors.NotOptedIn.slug
    assert len(ALL) == len({cls.slug for cls in ALL})
    assert issubclass(Unauthorized, SendError)
