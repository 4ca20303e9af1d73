"""`gateway serve` as processes that start at once: forked from one that has everything imported, and made to be killed.

Run as `python -m tests.crash.servants`. A line of JSON starts a service, and its process id comes back; the id of one
alone waits for it, and how it ended comes back.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Self

from gateway import client, dispatch, early, worker
from gateway.cli import main as gateway
from gateway.forward import ForwardRules
from gateway.plugins import load
from gateway.retry import RetryPolicy
from gateway.server import repeating, service
from gateway.store.records.forwarding import Patience


@dataclass(frozen=True, slots=True)
class Post:
    """What a service is to be."""

    arguments: Sequence[str]
    environment: dict[str, str]
    log: str
    lease: float
    """Seconds after which others take what a process holds that is gone."""
    settle: float
    """Seconds that an unknown outcome waits for its webhook."""


class Servants:
    """The process that forks, seen from the test."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.crash.servants"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._lock = threading.Lock()

    def start(self, post: Post) -> int:
        """Start a service; gives its process id."""
        return self._ask(json.dumps(asdict(post)))

    def ended(self, pid: int) -> int:
        """Wait for the end of one; gives its exit code, or minus the signal."""
        return self._ask(str(pid))

    def close(self) -> None:
        """Start no more."""
        self._process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, line: str) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
            return int(self._process.stdout.readline())


def main() -> None:
    """Start services until nobody asks any more; what still runs then ends too."""
    load()
    running: set[int] = set()
    for line in sys.stdin:
        asked = json.loads(line)
        if isinstance(asked, int):
            answer = os.waitstatus_to_exitcode(os.waitpid(asked, 0)[1])
            running.discard(asked)
        elif (answer := os.fork()) == 0:
            _serve(Post(**asked))
        else:
            running.add(answer)
        print(answer, flush=True)  # noqa: T201 - the answer
    for pid in running:
        os.kill(pid, signal.SIGKILL)


def _serve(post: Post) -> None:
    with closing(os.fdopen(os.open(post.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "w")) as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    with open(os.devnull) as nothing:  # noqa: PTH123 - a descriptor is wanted
        os.dup2(nothing.fileno(), 0)
    os.environ.update(post.environment)
    _hurry(post)
    sys.argv = ["gateway", "serve", *post.arguments]
    try:
        gateway()
    except SystemExit as end:
        os._exit(end.code if isinstance(end.code, int) else 1)
    os._exit(0)


def _hurry(post: Post) -> None:
    """Be patient with what fails often, and quick with whoever is gone: what is waited for is the crash."""
    worker.LEASE = dispatch.LEASE = post.lease
    # as everywhere: a report waits less long for a send than a chat for a handler
    early.JOIN_WAIT = 0.8 * post.lease
    repeating.LEASE = timedelta(seconds=post.lease)
    for name in load().providers:
        provider = load().provider(name)
        provider.proof = replace(provider.proof, settle=timedelta(seconds=post.settle))
    retry = RetryPolicy(attempts=40, first=0.02, most=0.2)
    setattr(service, "Gateway", partial(client.Gateway, retry=retry))  # noqa: B010 - it is called, and no more
    patience = Patience(failures=1000, interval=0.1, give_up=timedelta(days=5))
    setattr(service, "ForwardRules", partial(ForwardRules, grace=post.lease, patience=patience))  # noqa: B010 - as above


if __name__ == "__main__":
    main()
