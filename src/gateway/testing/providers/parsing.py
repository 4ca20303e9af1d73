"""Checks of the way in: samples become events, the same each time, and nothing that arrives raises anything odd."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cached_property

from pydantic_core import from_json, to_json

from gateway.errors import BadPayload
from gateway.events import Event, UnknownEvent
from gateway.provider import WebhookRequest
from gateway.testing.providers.bench import Bench
from gateway.testing.providers.mutations import changed, cut, grown, renamed
from gateway.testing.providers.subject import Subject

__all__ = ["ParsingChecks"]

_ODD = (
    b"",
    b" ",
    b"null",
    b"[]",
    b"{}",
    b"1",
    b'"text"',
    b"NaN",
    b"<html></html>",
    b"\xff\xfe\x00",
    b'{"a": 1, "a": 2}',
    b"[" * 5000,
    b'{"a":' * 5000,
    b"9" * 5000,
    b"a=1&b=2",
)


class ParsingChecks(Subject):
    """`parse`, over the recorded samples and over all that the twin tells."""

    # ── what is known ─────────────────────────────────────────────────────────────────────────────────────────────

    def test_every_sample_is_parsed(self) -> None:
        """Each recorded webhook becomes events that are known; those of `unknown` stay unknown, with a reason."""
        if self.samples is not None:
            assert self.sample_files(), f"no sample matches {self.pattern}"
        bench, names = self.bench(), {path.name for path in self.sample_files()}
        for name, hook in self.hooks:
            if name not in names:
                continue
            events = self._parsed(bench, hook, name)
            strange = any(isinstance(event, UnknownEvent) for event in events)
            assert events, f"{name}: no event"
            assert strange == (name in self.unknown), f"{name}: {[event.type for event in events]}"
        assert set(self.unknown) <= names, f"no such samples: {sorted(set(self.unknown) - names)}"

    def test_all_that_the_twin_tells_is_known(self) -> None:
        """No webhook of the twin becomes an `UnknownEvent`: provider and twin speak one language."""
        bench = self.bench()
        for name, heard in self.told:
            events = self._parsed(bench, bench.hook(heard), name)
            strange = [event.reason for event in events if isinstance(event, UnknownEvent)]
            assert not strange, f"{name} is not understood: {'; '.join(strange)}"

    def test_a_webhook_gives_the_same_events_each_time(self) -> None:
        """Parsed twice, at other times, by another object, with other headers: same ids, same events."""
        for name, hook in self.hooks:
            later = replace(hook, received_at=hook.received_at + timedelta(days=3))
            first = self._parsed(self.bench(), hook, name)
            second = self._parsed(self.bench(), later, name)
            assert [event.id for event in first] == [event.id for event in second], f"{name}: other ids"
            assert _without_times(first) == _without_times(second), f"{name}: other events"

    def test_events_of_one_webhook_are_told_apart(self) -> None:
        """Every event has a key, and no two of a webhook share one."""
        for name, hook in self.hooks:
            ids = [event.id for event in self._parsed(self.bench(), hook, name)]
            assert len(ids) == len(set(ids)), f"{name}: two events with one key"

    def test_different_happenings_have_different_ids(self) -> None:
        """No two webhooks of one story are one event, unless they tell of the same message."""
        bench, seen = self.bench(), dict[str, tuple[str, object]]()
        for name, heard in self.told:
            for event in self._parsed(bench, bench.hook(heard), name):
                fact = event.model_copy(update={"raw": None, "occurred_at": None, "received_at": heard.at})
                known = seen.setdefault(event.id, (name, heard.webhook.payload))
                same = known[1] == heard.webhook.payload or event.type == "message.received"
                assert same, f"{name} and {known[0]} have one id: {fact.type}"

    def test_the_raw_payload_is_kept(self) -> None:
        """Each event holds the vendor's payload as it came."""
        for name, hook in self.hooks:
            for event in self._parsed(self.bench(), hook, name):
                assert event.raw is not None, f"{name}: the payload is not kept"
                assert _inside(event.raw, from_json(hook.body)), f"{name}: the kept payload is not what came"

    # ── what is new ───────────────────────────────────────────────────────────────────────────────────────────────

    def test_a_new_field_changes_nothing(self) -> None:
        """What the vendor adds leaves every event as it is, but for its raw payload."""
        for name, hook in self._kinds():
            if name in self.unknown:
                continue  # what is not understood is known by its body
            before = _without_raw(self._parsed(self.bench(), hook, name))
            for what, value in grown(from_json(hook.body), self.free_form):
                after = _without_raw(self._parsed(self.bench(), replace(hook, body=to_json(value)), name))
                assert before == after, f"{name}: {what}, and the events differ"

    def test_a_new_word_raises_nothing(self) -> None:
        """A word that nobody knows, in any place, gives events or `BadPayload`, and never another error."""
        for name, hook in self._kinds():
            for what, value in renamed(from_json(hook.body)):
                self._holds(replace(hook, body=to_json(value)), f"{name}: {what}")

    def test_a_value_of_another_type_raises_nothing(self) -> None:
        """Any field gone, null, or of any other type gives events or `BadPayload`, and never another error."""
        for name, hook in self._kinds():
            for what, value in changed(from_json(hook.body)):
                self._holds(replace(hook, body=to_json(value)), f"{name}: {what}")

    def test_any_bytes_are_events_or_a_bad_payload(self) -> None:
        """What is cut off, is no JSON, or is JSON of something else raises `BadPayload` or becomes `UnknownEvent`."""
        bench = self.bench()
        for name, body in [*((repr(body[:20]), body) for body in _ODD), *self._cut()]:
            hook = WebhookRequest((), body, bench.scene.clock.now())
            events = self._holds(hook, name)
            assert events is None or events, f"{name} became nothing, which loses it in silence"
            known = [event.type for event in events or () if not isinstance(event, UnknownEvent)]
            assert not known, f"{name} became {known}"

    # ── pieces ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _parsed(self, bench: Bench, hook: WebhookRequest, about: str) -> list[Event]:
        try:
            return bench.parse(hook)
        except Exception as error:
            raise AssertionError(f"{about}: {type(error).__name__}: {error}") from error

    def _holds(self, hook: WebhookRequest, about: str) -> Sequence[Event] | None:
        """Hold that a parser gives events with keys, or raises `BadPayload`, which gives None."""
        try:
            events = self._parser.parse(hook)
        except BadPayload:
            return None
        except Exception as error:
            raise AssertionError(f"{about}: {type(error).__name__}: {error}") from error
        assert all(event.key for event in events), f"{about}: an event without a key"
        return events

    @cached_property
    def _parser(self) -> Bench:
        return self.bench()

    def _kinds(self) -> Iterator[tuple[str, WebhookRequest]]:
        """Give every sample, and of what the twin tells one webhook of each event and shape."""
        seen = set()
        for name, hook in self.hooks:
            kind = (name.partition(":")[2] or name, _shape(from_json(hook.body)))
            if kind not in seen:
                seen.add(kind)
                yield name, hook

    def _cut(self) -> Iterator[tuple[str, bytes]]:
        for name, hook in self._kinds():
            yield from ((f"{name} cut after {len(body)} bytes", body) for body in cut(hook.body))


def _shape(value: object) -> object:
    """Give the fields and types of a payload, without its values."""
    if isinstance(value, dict):
        return tuple((name, _shape(inner)) for name, inner in value.items())
    if isinstance(value, list):
        return tuple(_shape(inner) for inner in value)
    return type(value)


def _without_raw(events: Sequence[Event]) -> list[Event]:
    return [event.model_copy(update={"raw": None}) for event in events]


def _without_times(events: Sequence[Event]) -> list[Event]:
    return [event.model_copy(update={"received_at": None}) for event in events]


def _inside(piece: object, whole: object) -> bool:
    """Whether a payload is the whole of what came, or a piece of it."""
    if piece == whole:
        return True
    inner = whole.values() if isinstance(whole, dict) else whole if isinstance(whole, list) else ()
    return any(_inside(piece, each) for each in inner)
