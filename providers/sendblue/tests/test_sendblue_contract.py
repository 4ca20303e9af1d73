"""The contract of a provider, kept by Sendblue."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from providers.sendblue.tests.vendor_codes import DOCUMENTED

from gateway.provider import Phase
from gateway.testing.providers import ProviderContract
from gateway_sendblue import Sendblue


class TestSendblue(ProviderContract):
    """Sendblue knows no key, proves a webhook by the secret alone, and tells a failure in an answer of 2xx."""

    provider = Sendblue
    samples = Path(__file__).parent / "samples"
    pattern = "webhook_*.json"
    signs = frozenset()
    documented: ClassVar = dict.fromkeys(Phase, DOCUMENTED)
