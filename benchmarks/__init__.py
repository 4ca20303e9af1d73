"""Benchmarks: how fast the gateway is, as ratios to the plainest thing that does the same work.

    python -m benchmarks                    all of them, a table
    python -m benchmarks send-memory        only one
    python -m benchmarks --json --strict    for machines: non-zero when a target is missed

A ratio is the median over rounds; in each round the plain thing and ours run one right after the other, in turns which
of them goes first. So what else the machine does meets both alike, and numbers of different machines can be compared.
"""

from __future__ import annotations
