"""Checks of proof: what the vendor sent passes, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from pydantic_core import from_json, to_json

from gateway.errors import BadSignature
from gateway.provider import Provider, WebhookRequest
from gateway.testing.providers.bench import Bench, Heard
from gateway.testing.providers.mutations import flipped
from gateway.testing.providers.subject import Subject, failing

__all__ = ["SignatureChecks"]

_OTHER = "sim_0f0e0d0c0b0a09080706050403020100"
_FAR = (timedelta(minutes=20), timedelta(days=1), timedelta(days=3650))


class SignatureChecks(Subject):
    """`verify`, over what the twin signs; `signs` says what the vendor's proof covers."""

    def test_a_genuine_webhook_is_proven(self) -> None:
        """Every webhook that the twin signs passes, and `verify` gives nothing back."""
        bench = self.bench()
        assert self.told, "the twin tells nothing, so nothing can be proven"
        for name, heard in self.told:
            hook = bench.hook(heard)
            verify: Callable[[WebhookRequest], object] = bench.provider.verify
            try:
                answer = verify(hook)
            except BadSignature as error:
                raise AssertionError(f"{name} is genuine, and refused: {error}") from error
            assert answer is None, "verify gives something back, which nobody reads: it has to raise"

    def test_the_twin_signs_what_is_declared(self) -> None:
        """The proof depends on the body and on the time exactly where `signs` says so."""
        bench, heard = self._one()
        proof = dict(bench.proof(heard, heard.body, heard.at))
        covers = set()
        if proof != dict(bench.proof(heard, heard.body + b" ", heard.at)):
            covers.add("body")
        if proof != dict(bench.proof(heard, heard.body, heard.at + timedelta(days=1))):
            covers.add("time")
        assert set(self.signs) == covers, f"signs says {sorted(self.signs)}, the twin's proof covers {sorted(covers)}"

    # ── the body ──────────────────────────────────────────────────────────────────────────────────────────────────

    def test_no_flipped_byte_of_the_body_is_accepted(self) -> None:
        """Whichever byte of a signed body differs, it is refused."""
        bench, heard = self._one()
        if "body" not in self.signs:
            return
        genuine = bench.hook(heard)
        for place, body in enumerate(flipped(heard.body)):
            _refused(bench.provider, replace(genuine, body=body), f"byte {place} of the body flipped")

    def test_a_body_that_was_written_anew_is_refused(self) -> None:
        """The same JSON in other bytes is another body: proof is over the raw bytes."""
        bench, heard = self._one()
        if "body" not in self.signs:
            return
        genuine, value = bench.hook(heard), from_json(heard.body)
        spaced = to_json(value, indent=1)
        for name, body in {"spaced": spaced, "longer": heard.body + b"\n", "empty": b""}.items():
            _refused(bench.provider, replace(genuine, body=body), f"the body written anew, {name}")

    # ── the headers ───────────────────────────────────────────────────────────────────────────────────────────────

    def test_no_flipped_character_of_the_proof_is_accepted(self) -> None:
        """Whichever character of a proving header differs, it is refused."""
        bench, heard = self._one()
        genuine = bench.hook(heard)
        for name in self._proving(bench, genuine):
            for place, value in enumerate(flipped(_value(genuine, name).encode())):
                hook = _with(genuine, name, value.decode("latin-1"))
                _refused(bench.provider, hook, f"character {place} of {name} flipped")

    def test_a_missing_proof_is_refused(self) -> None:
        """Without any header, or without one of those that prove, nothing passes; an empty one is none."""
        bench, heard = self._one()
        genuine = bench.hook(heard)
        _refused(bench.provider, replace(genuine, headers=()), "no header at all")
        proving = self._proving(bench, genuine)
        for name in proving:
            for value in ("", " ", "0", "=", ",", "x" * 10_000, "ü"):
                _refused(bench.provider, _with(genuine, name, value), f"{name} is {value[:20]!r}")

    def test_a_duplicated_proof_is_refused(self) -> None:
        """A proving header that occurs twice is refused, whichever of the two is genuine."""
        bench, heard = self._one()
        genuine = bench.hook(heard)
        for name in self._proving(bench, genuine):
            for value in (_value(genuine, name), "0"):
                for headers in ((*genuine.headers, (name, value)), ((name, value), *genuine.headers)):
                    _refused(bench.provider, replace(genuine, headers=headers), f"{name} occurs twice")

    # ── the time ──────────────────────────────────────────────────────────────────────────────────────────────────

    def test_a_stale_webhook_is_refused(self) -> None:
        """What was signed long ago is refused, where the time is signed: it may have been captured."""
        bench, heard = self._one()
        for age in _FAR if "time" in self.signs else ():
            _refused(bench.provider, bench.hook(heard, at=heard.at - age), f"signed {age} ago")

    def test_a_webhook_from_the_future_is_refused(self) -> None:
        """What was signed for a time to come is refused, where the time is signed: it could be kept until then."""
        bench, heard = self._one()
        for ahead in _FAR if "time" in self.signs else ():
            _refused(bench.provider, bench.hook(heard, at=heard.at + ahead), f"signed {ahead} ahead")

    def test_the_time_of_arrival_is_the_only_clock(self) -> None:
        """A webhook of any year passes when it is signed for the time at which it arrives."""
        bench, heard = self._one()
        for years in (-20, -1, 1, 10):
            moved = replace(heard, at=heard.at + timedelta(days=365 * years))
            try:
                bench.provider.verify(bench.hook(moved))
            except BadSignature as error:
                raise AssertionError(f"arrived {years} years from now, and refused: {error}") from error

    # ── the secret ────────────────────────────────────────────────────────────────────────────────────────────────

    def test_the_secret_of_another_connection_is_refused(self) -> None:
        """What the vendor signed for another account does not pass here."""
        bench, heard = self._one()
        other = self.bench(secret=_OTHER)
        assert other.provider.settings != bench.provider.settings, "the twin's settings ignore its webhook secret"
        _refused(bench.provider, other.hook(heard), "signed with the secret of another connection")
        other.provider.verify(other.hook(heard))

    def test_a_secret_can_be_rotated(self) -> None:
        """While two secrets are set both pass; once the old one is gone, it does not."""
        bench, heard = self._one()
        old = bench.twin.context.secret
        newer = self.bench(secret=_OTHER)
        both = self.rotated(newer.scene.settings(newer.name), old)
        _refused(newer.provider, bench.hook(heard), "signed with a secret that is no longer set")
        if both is None:
            return
        provider = self.provider(self.provider.Settings.model_validate({**both, **self.extra}))
        for name, hook in (("new", newer.hook(heard)), ("old", bench.hook(heard))):
            try:
                provider.verify(hook)
            except BadSignature as error:
                raise AssertionError(f"two secrets are set, and the {name} one is refused: {error}") from error

    # ── what a person is shown ────────────────────────────────────────────────────────────────────────────────────

    def test_what_proves_a_webhook_can_be_shown(self) -> None:
        """`signed` names the headers without which nothing passes, and gives the bytes and the time that are signed."""
        bench, heard = self._one()
        hook = bench.hook(heard)
        shown = bench.provider.signed(hook)
        assert shown is not None, "signed says nothing: nobody sees why a webhook does not pass"
        assert {*shown.headers} == {*self._proving(bench, hook)}, f"signed names the headers {shown.headers}"
        secret = bench.twin.context.secret
        assert secret not in shown.method, "signed tells the secret"
        assert secret.encode() not in (shown.base or b""), "signed tells the secret"
        if "body" in self.signs:
            assert heard.body in (shown.base or b""), "the body is signed, and signed does not show its raw bytes"
        if "time" in self.signs:
            assert shown.at is not None, "the time is signed, and signed does not tell it"
            assert abs(shown.at - heard.at) < timedelta(seconds=1), f"it was signed at {heard.at}, not {shown.at}"
        bare = bench.provider.signed(replace(hook, headers=()))
        assert bare is not None, "without headers, signed does not say which are missing"
        told = ({*bare.headers} - {*shown.headers}, bare.base, bare.at)
        assert told == (set(), None, None), f"signed makes up what was signed, without headers: {told[0]}"

    # ── pieces ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _one(self) -> tuple[Bench, Heard]:
        assert self.told, "the twin tells nothing, so nothing can be proven"
        return self.bench(), self.told[0][1]

    def _proving(self, bench: Bench, genuine: WebhookRequest) -> list[str]:
        """Name the headers without which nothing passes."""
        found = list(self._needed(bench, genuine))
        assert found, "no header proves anything: the webhook passes without any one of them"
        return found

    def _needed(self, bench: Bench, genuine: WebhookRequest) -> Iterator[str]:
        for name, _ in genuine.headers:
            without = tuple((other, value) for other, value in genuine.headers if other != name)
            try:
                bench.provider.verify(replace(genuine, headers=without))
            except BadSignature:
                yield name


def _refused(provider: Provider[Any], hook: WebhookRequest, about: str) -> None:
    with failing(BadSignature, about=about):
        provider.verify(hook)


def _value(hook: WebhookRequest, name: str) -> str:
    return next(value for key, value in hook.headers if key == name)


def _with(hook: WebhookRequest, name: str, value: str) -> WebhookRequest:
    return replace(hook, headers=tuple((key, value if key == name else old) for key, old in hook.headers))
