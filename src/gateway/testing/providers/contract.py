"""The contract whole, and the guard that nobody loosens it in silence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.testing.providers.answers import AnswerChecks
from gateway.testing.providers.asked import AskedChecks
from gateway.testing.providers.features import FeatureChecks
from gateway.testing.providers.gestures import GestureChecks
from gateway.testing.providers.loop import LoopChecks
from gateway.testing.providers.parsing import ParsingChecks
from gateway.testing.providers.purity import PurityChecks
from gateway.testing.providers.registering import RegisteringChecks
from gateway.testing.providers.signatures import SignatureChecks
from gateway.testing.providers.wire import WireChecks

__all__ = ["ProviderContract", "checks", "groups"]

_GUARD = "test_no_check_is_loosened_in_silence"


class ProviderContract(
    FeatureChecks,
    GestureChecks,
    AskedChecks,
    WireChecks,
    AnswerChecks,
    SignatureChecks,
    RegisteringChecks,
    ParsingChecks,
    LoopChecks,
    PurityChecks,
):
    """What the gateway asks of every provider; one subclass, with a few facts about the vendor, proves one.

        class TestAcme(ProviderContract):
            provider = Acme
            samples = Path(__file__).parent / "samples"
            documented = {Phase.CALL: (400, 401), Phase.DELIVERY: ("blocked",)}

    Each check is a method with a sentence about what it holds. A fact of the vendor that breaks one is declared in
    `expected_failures`, name → reason: such a check has to fail, and the test that watches over all of them fails
    when it passes, when a name is wrong, and when a check is overridden without being listed there.
    """

    def test_no_check_is_loosened_in_silence(self) -> None:
        """Every overridden check is an expected failure with a reason, and every expected failure still fails."""
        known = set(checks()) - {_GUARD}
        assert known >= set(self.expected_failures), f"no such checks: {sorted(set(self.expected_failures) - known)}"
        overridden = {name for name in known if getattr(type(self), name) is not getattr(ProviderContract, name)}
        silent = sorted(overridden - set(self.expected_failures))
        assert not silent, f"overridden, and not in expected_failures: {', '.join(silent)}"
        bare = sorted(name for name, reason in self.expected_failures.items() if not reason.strip())
        assert not bare, f"expected to fail without a reason: {', '.join(bare)}"
        mended = [name for name in self.expected_failures if _passes(self, name)]
        assert not mended, f"expected to fail, and they pass: {', '.join(mended)}"


def checks() -> dict[str, str]:
    """Every check of the contract by name, with its sentence, in the order of the pages."""
    return {name: " ".join((getattr(owner, name).__doc__ or "").split()) for owner, name in _methods()}


def groups() -> dict[str, dict[str, str]]:
    """The same, by what they are about: a sentence, and the checks with theirs."""
    sentences, found = checks(), dict[str, dict[str, str]]()
    for owner, name in _methods():
        about = (owner.__doc__ or "").splitlines()[0] if owner is not ProviderContract else "The contract itself."
        found.setdefault(about, {})[name] = sentences[name]
    return found


def _methods() -> Iterator[tuple[type[Any], str]]:
    for owner in (*ProviderContract.__bases__, ProviderContract):
        yield from ((owner, name) for name in vars(owner) if name.startswith("test_"))


def _passes(contract: ProviderContract, name: str) -> bool:
    """Run a check as it stands in the contract, whatever the subclass made of it."""
    try:
        getattr(ProviderContract, name)(contract)
    except Exception:  # noqa: BLE001 - whatever it fails with, it fails
        return False
    return True
