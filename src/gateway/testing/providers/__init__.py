"""The contract of a provider: subclass it, name the provider, and every sentence of the border is proven.

    class TestAcme(ProviderContract):
        provider = Acme
        samples = Path(__file__).parent / "samples"
        pattern = "hook-*.json"
        documented = {Phase.CALL: (400, 401, 429), Phase.DELIVERY: ("blocked",)}

Nothing of it opens a socket or waits: provider and twin are run against each other in this process, on the twin's own
clock. What a subclass may say besides is explained at each attribute of `ProviderContract`.
"""

from __future__ import annotations

from gateway.testing.providers.bench import Bench, Heard, Place
from gateway.testing.providers.contract import ProviderContract, checks, groups

__all__ = ["Bench", "Heard", "Place", "ProviderContract", "checks", "groups"]
