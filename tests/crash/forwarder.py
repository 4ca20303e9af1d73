"""Processes that only forward, made to be killed; forked from one that has everything imported, so they start at once.

Run as `python -m tests.crash.forwarder`. A line of JSON starts one, and its process id comes back; an empty line waits
for it, and how it ended comes back.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from datetime import timedelta
from pathlib import Path

from gateway.clock import SYSTEM
from gateway.egress import DEV, Egress
from gateway.failpoints import arm
from gateway.forward import Forwarder, ForwardRules
from gateway.store import open_store
from gateway.store.records.forwarding import Patience
from gateway.tenancy.sealing import KeyRing, Sealer

RULES = ForwardRules(
    schedule=tuple(0.05 for _ in range(100)),
    connect=2.0,
    total=2.0,
    grace=1.0,
    patience=Patience(failures=1000, interval=0.1, give_up=timedelta(days=5)),
)
"""Patient with a receiver, and impatient with a process that is gone."""


async def forward(url: str, keys: Path) -> None:
    """Forward until killed."""
    store = open_store(url, {})
    await store.open()
    await Forwarder(store, SYSTEM, Sealer(KeyRing.read(keys)), Egress(DEV), rules=RULES).run()


def main() -> None:
    """Start one after the other, until nobody asks any more."""
    pid = 0
    for line in sys.stdin:
        if not line.strip():
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)  # noqa: T201 - the answer
            continue
        job = json.loads(line)
        pid = os.fork()
        if pid == 0:
            arm(job["failpoint"])
            asyncio.run(forward(job["url"], Path(job["keys"])))
            os._exit(0)
        print(pid, flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
