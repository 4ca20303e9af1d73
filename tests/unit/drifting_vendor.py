"""A vendor that has begun to send more than its provider knows; `newer` is the provider's next version."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import EntryPoint
from typing import ClassVar

from pydantic import BaseModel

from gateway.events import Event, UnknownEvent
from gateway.plugins import Plugins, load_entries
from gateway.provider import Unfamiliar, WebhookRequest, hookimpl
from tests.unit.plain_vendor import Plain, PlainSettings


class DriftingSettings(PlainSettings):
    """Which version it is."""

    newer: bool = False


class Known(BaseModel):
    """What one object in a webhook is known to hold, beside what every plain event has."""

    type: str | None = None
    state: str | None = None


class Drifting(Plain):
    """Reads what a plain vendor sends; what is `new` is no event that anybody knows, what is `shiny` no field."""

    name = "drifting"
    Settings = DriftingSettings
    webhook_models: ClassVar[tuple[type[BaseModel], ...]] = (Known,)
    webhook_words: ClassVar[Mapping[str, Collection[str]]] = {"state": {"delivered"}}

    def parse(self, hook: WebhookRequest) -> Sequence[Event]:
        """Leave out what is new."""
        if b'"new"' in hook.body:
            return (UnknownEvent(key="new", reason="no word for the event new"),)
        if b"shiny" not in hook.body:
            return super().parse(hook)
        known = [{name: value for name, value in item.items() if name != "shiny"} for item in json.loads(hook.body)]
        return super().parse(replace(hook, body=json.dumps(known).encode()))

    def unfamiliar(self, hook: WebhookRequest) -> Sequence[Unfamiliar]:
        """Look as every provider does; a body with the word `stumble` is too much, and a newer one knows it all."""
        assert isinstance(self.settings, DriftingSettings)
        if b"stumble" in hook.body:
            raise KeyError("stumble")
        told = () if self.settings.newer else super().unfamiliar(hook)
        return [each for each in told if each.path in {"shiny", "state"}]


@hookimpl
def gateway_providers() -> Sequence[type[Drifting]]:
    """Offer it."""
    return [Drifting]


def plugins() -> Plugins:
    """Load it alone."""
    return load_entries([EntryPoint("drifting", "tests.unit.drifting_vendor", "messaging_gateway")])
