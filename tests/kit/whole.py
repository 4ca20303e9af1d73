"""A provider that keeps the contract, and how a contract is run here: in this process, check by check."""

from __future__ import annotations

import inspect
from collections.abc import Collection
from pathlib import Path
from typing import Any, ClassVar

import gateway_echo
from gateway.provider import Phase
from gateway.testing.providers import ProviderContract, checks
from gateway.testing.providers.answers import AnswerChecks
from gateway.testing.providers.asked import AskedChecks
from gateway.testing.providers.gestures import GestureChecks
from gateway.testing.providers.parsing import ParsingChecks
from gateway.testing.providers.purity import PurityChecks
from gateway.testing.providers.signatures import SignatureChecks
from gateway_echo import Echo

GUARD = "test_no_check_is_loosened_in_silence"


class Whole(ProviderContract):
    """Nothing is wrong with it: each defect of the tests is one change to this."""

    provider = Echo
    source = Path(inspect.getfile(gateway_echo)).parent
    documented: ClassVar = {
        Phase.CALL: "bad_request bad_key bad_number text_too_long opted_out unknown_message slow_down".split(),
        Phase.DELIVERY: ("no_imessage", "blocked"),
    }


def contract(**changes: Any) -> type[ProviderContract]:
    """Make the contract with other attributes."""
    return type("Broken", (Whole,), changes)


#: They read the sources, which are Echo's in all of these; what they catch is tried by itself.
_READERS = {name for name in vars(PurityChecks) if any(word in name for word in ("imports", "never_waits", "bytes"))}

#: What is on the way in has nothing to do with what is on the way out, and takes half of the time.
WAY_IN = {*vars(SignatureChecks), *vars(ParsingChecks)}
WAY_OUT = {*vars(AnswerChecks), *vars(AskedChecks), *vars(GestureChecks)}


def caught(broken: type[ProviderContract], without: Collection[str] = ()) -> dict[str, Exception]:
    """Run every check that asks the provider something, but for some; gives those that fail, by name."""
    found = {}
    made = broken()  # one for all checks, so that the twin's story is told once
    # in the order they are written: what one registers is still there for the next
    for name in (name for name in checks() if name not in _READERS and name not in without):
        try:
            getattr(made, name)()
        except Exception as error:  # noqa: BLE001 - whatever it fails with is what is looked at
            found[name] = error
    return found
