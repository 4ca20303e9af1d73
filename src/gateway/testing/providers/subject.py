"""What a contract is about: the provider, its twin, and the few facts that only its author knows."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, SecretStr

from gateway.actions import GetStatus, MarkRead, SendMessage, SendReaction, SetTyping
from gateway.capabilities import CapabilityTable, Feature
from gateway.codes import Phase
from gateway.errors import GatewayError
from gateway.exchange import Exchange
from gateway.model import ChatKind, MessageRef, Reaction
from gateway.provider import Provider, WebhookRequest
from gateway.simulator import Scene, Twin
from gateway.testing.providers.bench import Bench, Heard, Place, token
from gateway.testing.providers.places import Where, wheres

__all__ = ["Subject"]


class Subject:
    """The attributes that a contract's subclass sets, and what every check begins with."""

    __gateway_contract__: ClassVar[bool] = True

    provider: ClassVar[type[Provider[Any]]]
    """The class that is proven; its twin is found by `Provider.simulator`."""
    samples: ClassVar[Path | None] = None
    """The folder with recorded webhooks, one JSON body a file; None where there are none yet."""
    pattern: ClassVar[str] = "*.json"
    """Which files of the folder are webhooks."""
    unknown: ClassVar[Mapping[str, str]] = {}
    """Samples that become an `UnknownEvent`, by file name, with the reason."""
    documented: ClassVar[Mapping[Phase, Sequence[str | int]]] = {}
    """Every code that the vendor documents."""
    signs: ClassVar[frozenset[str]] = frozenset({"body", "time"})
    """What the vendor's proof of a webhook covers: `body`, `time`, both, or nothing (a fixed header)."""
    extra: ClassVar[Mapping[str, Any]] = {}
    """Settings beside those that the twin gives."""
    contacts: ClassVar[Sequence[str]] = ("+12025550171", "+12025550172", "+12025550173")
    """Three addresses that the vendor can write to."""
    opt_in: ClassVar[str] = "I agree"
    """The text of an opt-in link, in the form that the vendor wants."""
    twin: ClassVar[type[Twin] | None] = None
    """The twin, where it is not the one that the provider names."""
    source: ClassVar[Path | None] = None
    """The folder of the package's code; None finds it by the provider's class."""
    free_form: ClassVar[frozenset[str]] = frozenset()
    """Names of fields in webhooks whose inside is the caller's own: what is new there belongs to the event."""
    expected_failures: ClassVar[Mapping[str, str]] = {}
    """Checks that this provider cannot pass, by name, each with the fact about the vendor that is the reason."""

    # ── what may be overridden besides ────────────────────────────────────────────────────────────────────────────

    def rotated(self, settings: dict[str, Any], old: str) -> dict[str, Any] | None:
        """Give settings that accept webhooks by an older secret too, or None where one cannot be rotated that way.

        By default the field `webhook_secrets` takes it, where the settings have one.
        """
        if "webhook_secrets" not in self.provider.Settings.model_fields:
            return None
        return {**settings, "webhook_secrets": (old,)}

    # ── the bench ─────────────────────────────────────────────────────────────────────────────────────────────────

    def bench(self, *, secret: str | None = None, **settings: Any) -> Bench:
        """Set up the provider and a fresh twin, with another webhook secret or other settings where they are given."""
        twin = self.twin or _twin_of(self.provider)
        scene = Scene([twin], secrets={twin.name: secret} if secret else None)
        made = {**scene.settings(twin.name), **self.extra, **settings}
        return Bench(self.provider(self.provider.Settings.model_validate(made)), scene, self.contacts)

    @cached_property
    def table(self) -> CapabilityTable:
        """What the provider says that it carries, at an account as the twin has it."""
        return self.bench().provider.capabilities()

    def stranger(self) -> Bench:
        """Set up a bench whose provider has another API key than the account at the twin."""
        bench = self.bench()
        key, settings = bench.twin.context.api_key, bench.scene.settings(bench.name)
        held = [name for name, value in settings.items() if value == key]
        assert held, "no setting of the twin holds its API key"
        return self.bench(**dict.fromkeys(held, _another(key)))

    @cached_property
    def told(self) -> list[tuple[str, Heard]]:
        """Everything that a twin tells of one story, with a name each: contacts and we do what can be done."""
        bench = self.bench()
        _live(bench)
        heard = bench.heard()
        return [(f"{number}:{one.webhook.event}", one) for number, one in enumerate(heard)]

    @cached_property
    def hooks(self) -> list[tuple[str, WebhookRequest]]:
        """Every webhook to parse, with a name each: the samples, then what the twin tells, signed."""
        bench = self.bench()
        told = [(f"twin {name}", bench.hook(heard)) for name, heard in self.told]
        now = bench.scene.clock.now()
        samples = [(path.name, WebhookRequest((), path.read_bytes(), now)) for path in self.sample_files()]
        return samples + told

    def sample_files(self) -> list[Path]:
        """Every sample of a webhook."""
        return sorted(self.samples.glob(self.pattern)) if self.samples else []

    def package(self) -> Path:
        """The folder of the provider's code."""
        if self.source is not None:
            return self.source
        top = sys.modules[self.provider.__module__.partition(".")[0]]
        return Path(inspect.getfile(top)).parent

    def secrets(self, bench: Bench) -> list[str]:
        """Every secret in the settings of a bench's provider."""
        return list(_secrets_in(bench.provider.settings))

    # ── what is done in many checks ───────────────────────────────────────────────────────────────────────────────

    def places(self) -> Iterator[tuple[Where, Bench, Place]]:
        """Open a chat of every kind that carries texts, each on a bench of its own; the vendor chooses the channel."""
        for where in wheres(self.table):
            if where.channel is None:
                bench = self.bench()
                yield where, bench, bench.place(where.kind)

    def plain_send(self, bench: Bench) -> SendMessage:
        """Give the action that sends a plain text, to where one may be sent on this bench."""
        places = wheres(bench.provider.capabilities())
        assert places, "the capability table carries a text nowhere"
        [action] = bench.fitted(bench.place(places[0].kind).chat, "a text")
        assert isinstance(action, SendMessage)
        return action

    def exchanges(self, bench: Bench) -> Iterator[tuple[str, Callable[[], Exchange[Any]]]]:
        """Give every exchange that the provider has, to be begun anew each time."""
        send = self.plain_send(bench)
        provider, chat = bench.provider, send.chat
        capabilities = provider.capabilities().find(chat.kind)
        target = MessageRef(vendor_id=bench.last_written().vendor_id)
        yield "send_message", lambda: provider.send_message(send)
        if capabilities.has(Feature.REACTION):
            love = Reaction(tapback=min(capabilities.limits.tapbacks))
            reaction = SendReaction(chat=chat, target=target, reaction=love, key="key", token=token(1))
            yield "send_reaction", lambda: provider.send_reaction(reaction)
        if capabilities.has(Feature.TYPING):
            yield "set_typing", lambda: provider.set_typing(SetTyping(chat=chat, target=target))
        if capabilities.has(Feature.READ):
            yield "mark_read", lambda: provider.mark_read(MarkRead(chat=chat, target=target))
        if capabilities.has(Feature.STATUS):
            yield "get_status", lambda: provider.get_status(GetStatus(vendor_id="id", chat=chat))
        yield "check", provider.check


@contextmanager
def failing(*allowed: type[BaseException], about: str) -> Iterator[list[BaseException]]:
    """Have something raise one of these, and nothing else; the list holds the error afterwards."""
    caught: list[BaseException] = []
    try:
        yield caught
    except allowed as error:
        caught.append(error)
    except Exception as error:
        names = " or ".join(cls.__name__ for cls in allowed)
        raise AssertionError(f"{about}: {type(error).__name__} was raised, and not {names}: {error}") from error
    assert caught, f"{about}: nothing was raised, where {' or '.join(cls.__name__ for cls in allowed)} has to be"


def _twin_of(provider: type[Provider[Any]]) -> type[Twin]:
    module, _, name = provider.simulator.partition(":")
    assert name, f"{provider.__name__}.simulator names no twin; it has to be `module:Class`"
    twin = getattr(importlib.import_module(module), name)
    assert isinstance(twin, type), f"{provider.simulator} is no class"
    assert issubclass(twin, Twin), f"{provider.simulator} is no subclass of gateway.simulator.Twin"
    return twin


def _another(key: str) -> str:
    return f"{key[:-1]}{'0' if key[-1] != '0' else '1'}"


def _secrets_in(value: Any) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets_in(getattr(value, name))
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _secrets_in(inner)
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from _secrets_in(inner)


def _live(bench: Bench) -> None:
    """Let a day pass on the twin: we write, a contact answers, reacts, types, calls, leaves and comes back."""
    place = bench.place()
    contact, vendor = place.contact, bench.name
    bench.send(place.chat, "a story")
    bench.pass_time()
    contact.write("a picture", attachments=("https://files.example/a.png",), vendor=vendor)
    contact.reply("an answer", vendor=vendor)
    contact.react("love", vendor=vendor)
    contact.unreact("love", vendor=vendor)
    contact.react("😂", vendor=vendor)
    contact.type(vendor=vendor)
    contact.type(vendor=vendor, on=False)
    contact.call(vendor=vendor)
    contact.opt_in(vendor=vendor)
    if any(row.kind is ChatKind.GROUP for row in bench.provider.capabilities().rows):
        contact.start_group([bench.contact(1).address], "hello all", vendor=vendor)
    contact.switch(imessage=False)
    with suppress(GatewayError):  # a vendor may refuse it at once: nothing is told of it then
        bench.send(place.chat, "one that may fail")
    bench.pass_time()
    contact.switch(imessage=True)
    contact.stop(vendor=vendor)
