"""How much is tried: a small size with every `make test`, the full one by `make campaign`."""

from __future__ import annotations

import os

CAMPAIGN = bool(os.environ.get("CAMPAIGN"))
"""The full size."""
SEED = int(os.environ.get("SEED", "1"))
"""Decides whom the chaos strikes, and what the vendors do wrong."""
SENDS = int(os.environ.get("SENDS", "20000" if CAMPAIGN else "2000"))
"""Messages that go through the chaos."""
