"""Checks of a call: what a second copy of it would do, what it holds, and what it must never hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from pydantic import SecretStr
from pydantic_core import to_json

from gateway.actions import GetStatus, SendMessage
from gateway.capabilities import Feature
from gateway.drive import dump_call, first_call, load_call
from gateway.errors import BadSignature, ConfigurationError, GatewayError, Unauthorized
from gateway.events import DeliveryUpdated
from gateway.exchange import Call, Path, Repeat, Reply
from gateway.model import Chat, MessageRef, Reaction
from gateway.provider import Provider
from gateway.testing.providers.bench import Bench
from gateway.testing.providers.subject import Subject, failing

__all__ = ["WireChecks"]

_STRANGER = "sim_of_another_account"


class WireChecks(Subject):
    """Calls as data: keys, tokens, secrets, bytes."""

    # ── what a second copy would do ───────────────────────────────────────────────────────────────────────────────

    def test_a_send_says_truly_what_its_copy_would_do(self) -> None:
        """KEYED: our key is on the wire and a copy sends nothing new. TRACED: our token is. Never SAFE."""
        bench, action, call = self._sending()
        match call.repeat:
            case Repeat.KEYED:
                assert self.provider.proof.key_window, "KEYED, and Proof.key_window says that no key is known"
                assert action.key in _shown(call), "KEYED, and the key is not on the wire"
                first, second = (bench.answer(call) for _ in range(2))
                assert (True, True) == (first.ok, second.ok), f"the copy is answered with {second.status}"
                assert 1 == len(bench.bubbles()), "KEYED, and the copy was sent again"
            case Repeat.TRACED:
                assert self.provider.proof.token_returns, "TRACED, and Proof.token_returns says that nothing comes back"
                assert str(action.token) in _shown(call), "TRACED, and the token is not on the wire"
            case Repeat.NEVER:
                proof = self.provider.proof
                assert (None, False) == (proof.key_window, proof.token_returns), f"NEVER, and Proof says {proof}"
            case Repeat.SAFE:
                raise AssertionError("a second copy of a send is a second message, never SAFE")

    def test_a_window_for_keys_means_keys(self) -> None:
        """A provider that says for how long its vendor knows a key sends KEYED calls, with a key each step."""
        _, action, call = self._sending()
        if self.provider.proof.key_window is None:
            assert call.repeat is not Repeat.KEYED
            return
        other = self._sending_again(action.model_copy(update={"key": f"{action.key}-other"}))
        assert _shown(call) != _shown(other), "two steps with different keys make the same call"

    def test_a_token_comes_back_where_that_is_promised(self) -> None:
        """Every report about a send carries the token of its step, where `Proof.token_returns` says so."""
        bench, action, _ = self._sending()
        bench.carry(action)
        reports = [event for event in bench.events() if isinstance(event, DeliveryUpdated)]
        if not self.provider.proof.token_returns:
            assert {None} >= {event.token for event in reports}, "a token came back, and Proof says that none does"
            return
        assert reports, "nothing was reported of a message that arrived"
        assert {action.token} == {event.token for event in reports}

    def test_the_same_action_makes_the_same_call(self) -> None:
        """Nothing but the action goes into a call: built twice, by two objects, it is equal."""
        _, action, call = self._sending()
        assert call == self._sending_again(action)

    # ── what is in a call ─────────────────────────────────────────────────────────────────────────────────────────

    def test_a_call_can_be_stored_and_read_again(self) -> None:
        """Every call is JSON without bytes, made by `path()`, for a base that there is."""
        for bench, call in self._every_call():
            assert call == load_call(dump_call(call)), f"{call} differs when it is read again"
            assert isinstance(call.path, Path), f"{call.method}: the path was not made by path()"
            assert call.base in bench.provider.bases(), f"{call} goes to a base that is not there"
            assert call.method == call.method.upper()

    def test_no_secret_is_in_a_call_that_is_kept(self) -> None:
        """A stored or shown call has no secret; `authorize` puts it on a copy, and never into the URL."""
        for bench, call in self._every_call():
            before = dump_call(call)
            signed = bench.provider.authorize(call)
            assert before == dump_call(call), "authorize changed the call itself"
            for secret in self.secrets(bench):
                assert secret not in before, f"a secret is in {call!r}"
                assert secret not in repr(call) + repr(signed), "a secret is in a repr"
                assert secret not in f"{signed.path}{dict(signed.params)}", "a secret is in the URL"

    def test_credentials_are_put_on_each_call(self) -> None:
        """Without them the twin refuses; with wrong ones the check of the connection raises `Unauthorized`."""
        bench = self.bench()
        key = bench.twin.context.api_key
        [call] = [call for _, call in self._every_call()][:1]
        assert key in str(asdict(bench.provider.authorize(call))["headers"]), "the key is in no header"
        stranger = self.stranger()
        action = self.plain_send(stranger)
        with failing(Unauthorized, about="a send with the wrong key"):
            stranger.carry(action)

    def test_the_connection_can_be_checked(self) -> None:
        """`check` says in one line that the credentials work, changes nothing, and raises `Unauthorized` if not."""
        bench = self.bench()
        line = bench.run(bench.provider.check())
        assert line.strip()
        assert 1 == len(line.splitlines())
        assert {Repeat.SAFE} == {call.repeat for call in bench.calls}
        assert not [secret for secret in self.secrets(bench) if secret in line]
        bench = self.stranger()
        with failing(Unauthorized, about="a check with the wrong key"):
            bench.run(bench.provider.check())

    # ── secrets elsewhere ─────────────────────────────────────────────────────────────────────────────────────────

    def test_secrets_are_secret_in_the_settings(self) -> None:
        """The twin's key and its webhook secret are `SecretStr` fields; no `repr` or dump of the settings shows one."""
        bench = self.bench()
        settings = bench.provider.settings
        secrets = self.secrets(bench)
        context = bench.twin.context
        plain = [
            name
            for name in type(settings).model_fields
            if not isinstance(value := getattr(settings, name), SecretStr)
            and isinstance(value, str)
            and value in {context.api_key, context.secret}
        ]
        assert not plain, f"secrets, and no SecretStr: {', '.join(plain)}"
        assert secrets
        shown = f"{settings!r} {settings} {settings.model_dump_json()} {bench.provider!r} {bench.provider}"
        assert not [secret for secret in secrets if secret in shown], "a secret is shown"

    def test_no_secret_is_in_an_error(self) -> None:
        """Refused settings, a refused webhook and a refused call tell no secret, in no field."""
        bench = self.bench()
        errors: list[BaseException] = []
        twin = bench.scene.settings(bench.name)
        try:
            self.provider.Settings.model_validate({**twin, "no_such_field": twin})
        except (ValueError, ConfigurationError) as error:
            errors.append(error)
        assert errors, "settings with an unknown field were accepted"
        if self.told:
            stranger = self.bench(secret=_STRANGER)
            hook = bench.hook(self.told[0][1])
            try:
                stranger.provider.verify(hook)
            except BadSignature as error:
                errors.append(error)
        reply = bench.twin.fault(401, None, "no")
        exchange = bench.provider.send_message(self._sending()[1])
        next(exchange)
        try:
            exchange.send(Reply(reply.status, {}, reply.content()))
        except (GatewayError, StopIteration) as error:
            errors.append(error)
        told = " ".join(f"{error!r} {error} {vars(error)}" for error in errors)
        secrets = [*self.secrets(bench), _STRANGER]
        assert not [secret for secret in secrets if secret in told], "a secret is in an error"

    # ── pieces ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _sending(self) -> tuple[Bench, SendMessage, Call]:
        """Give the action and the first call of a plain text, on a bench where it may be sent."""
        bench = self.bench()
        action = self.plain_send(bench)
        return bench, action, first_call(bench.provider.send_message(action))

    def _sending_again(self, action: SendMessage) -> Call:
        return first_call(self.bench().provider.send_message(action))

    def _every_call(self) -> Iterator[tuple[Bench, Call]]:
        """Give a call of every exchange that the provider has."""
        bench, action, call = self._sending()
        yield bench, call
        receipt = bench.carry(action)
        bench.pass_time()
        chat = receipt.chat or action.chat
        provider: Provider[Any] = bench.provider
        capabilities = provider.capabilities().find(chat.kind)
        began = len(bench.calls)
        if capabilities.has(Feature.STATUS):
            bench.run(provider.get_status(GetStatus(vendor_id=receipt.vendor_id, chat=chat)))
        if capabilities.has(Feature.REACTION):
            _react(bench, chat)
        bench.run(provider.check())
        yield from ((bench, each) for each in bench.calls[began:])


def _react(bench: Bench, chat: Chat) -> None:
    target = MessageRef(vendor_id=bench.last_written().vendor_id)
    for tapback in sorted(bench.provider.capabilities().find(chat.kind).limits.tapbacks)[:1]:
        bench.react(chat, target, Reaction(tapback=tapback))


def _shown(call: Call) -> str:
    return to_json({"json": call.json, "params": dict(call.params), "headers": dict(call.headers)}).decode()
