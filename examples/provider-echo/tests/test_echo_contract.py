"""The contract of a provider, kept by Echo."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from gateway.provider import Phase
from gateway.testing.providers import ProviderContract
from gateway_echo import Echo


class TestEcho(ProviderContract):
    """Echo signs body and time, knows no keys, and returns our tag."""

    provider = Echo
    samples = Path(__file__).parent / "samples"
    unknown: ClassVar = {"line_moved.json": "lines are the operator's business, and have no word here"}
    documented: ClassVar = {
        Phase.CALL: "bad_request bad_key bad_number text_too_long opted_out unknown_message slow_down".split(),
        Phase.DELIVERY: ("no_imessage", "blocked"),
    }
