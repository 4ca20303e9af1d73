"""The contract of a provider, kept by LoopMessage."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from gateway.provider import Phase
from gateway.testing.providers import ProviderContract
from gateway_loopmessage import LoopMessage

# docs.loopmessage.com, "Error codes", 2026
_CODES = (
    *(100, 110, 115, 120, 125, 130, 140, 150, 160, 165, 170, 180, 190),
    *(200, 210, 220, 230, 240, 250, 260, 270, 290, 300, 310, 320, 330, 340),
    *(500, 510, 520, 530, 540, 550, 580, 590, 595, 600, 610, 620, 630, 640),
    *(1000, 1010, 1020, 1030, 1110, 1120, 1130, 1140),
)


class TestLoopMessage(ProviderContract):
    """LoopMessage signs nothing, knows no keys, and returns what we put into `passthrough`."""

    provider = LoopMessage
    samples = Path(__file__).parent / "samples"
    pattern = "hook-*.json"
    documented: ClassVar = {Phase.CALL: _CODES, Phase.DELIVERY: _CODES}
    signs = frozenset()  # a fixed header: whoever knows its value can post anything, at any time
    opt_in = "I agree. [opt-in-code]"
    free_form = frozenset({"parameters"})
