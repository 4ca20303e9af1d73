"""What the machine and the configuration are like."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import stat
import sys
from importlib.metadata import version
from pathlib import Path

from gateway.config import insecure, is_public
from gateway.server.doctor.check import Check, Patient
from gateway.store.sqlite import path_of

__all__ = ["CHECKS"]

OLDEST = (3, 11)
ROOM = 1 << 30
"""Bytes on the disk below which it is time to make room."""
_OWN = 0o077
"""Rights that others than the owner have."""


async def python(_: Patient) -> Check:
    """A Python that is supported."""
    running = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST:
        return Check.fail("python", running, "use Python 3.11 or newer")
    return Check.ok("python", running)


async def release(_: Patient) -> Check:
    """The release that runs."""
    return Check.ok("release", f"messaging-gateway {version('messaging-gateway')}")


async def configuration(patient: Patient) -> Check:
    """Where the settings come from, and what production would refuse."""
    config = patient.service.config
    places = sorted({str(origin).partition(":")[0] for origin in config.origins.values()}) or ["defaults"]
    problems = insecure(config, keys=True)
    says = f"{config.server.profile}, from {', '.join(places)}"
    if problems and is_public(config.server.host):
        return Check.warn("configuration", f"{says}; production would refuse: {problems[0]}", "gateway config check")
    return Check.ok("configuration", says)


async def files(patient: Patient) -> Check:
    """Files that hold secrets or messages are for their owner only."""
    config = patient.service.config
    found = [path for path in (config.path, *_kept(patient)) if path is not None and path.exists()]
    open_ones = [path for path in found if stat.S_IMODE(path.stat().st_mode) & _OWN]
    if open_ones and os.name == "posix":
        names = ", ".join(path.name for path in open_ones)
        return Check.warn("files", f"others may read {names}", f"chmod 600 {open_ones[0]}")
    return Check.ok("files", f"{len(found)} looked at")


async def disk(patient: Patient) -> Check:
    """Room where things are kept."""
    place = next((path.resolve().parent for path in _kept(patient)), Path.cwd())
    free = (await asyncio.to_thread(shutil.disk_usage, place)).free
    says = f"{free / (1 << 30):.1f} GiB free"
    return Check.ok("disk", says) if free > ROOM else Check.warn("disk", says, "make room before it is full")


async def master_key(patient: Patient) -> Check:
    """A key that seals the vendors' credentials."""
    current = patient.service.sealer.current
    if current is None:
        hint = "put ID:BASE64 of 32 random bytes in a file, and name it by GATEWAY__SECURITY__MASTER_KEY_FILE"
        return Check.fail("master key", "there is none: no credentials can be kept", hint)
    if patient.service.config.security.master_key is None:
        return Check.warn("master key", f"{current}, made beside the database", "keep it elsewhere in production")
    return Check.ok("master key", current)


async def exposure(patient: Patient) -> Check:
    """Who can reach the service."""
    server = patient.service.config.server
    if not is_public(server.host):
        return Check.ok("exposure", f"only this machine, at {server.host}")
    if server.profile == "production":
        return Check.ok("exposure", f"{server.host}, in the production profile")
    return Check.warn("exposure", f"{server.host} in the development profile", 'set [server] profile = "production"')


async def localhost(patient: Patient) -> Check:
    """`localhost` leads where the service listens: it may be ::1 first, and the service at 127.0.0.1."""
    name = patient.host.rpartition(":")[0].strip("[]") or patient.host
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo("localhost", None, type=socket.SOCK_STREAM)
    except OSError:
        return Check.warn("localhost", "the name localhost leads nowhere", "use 127.0.0.1, or mend /etc/hosts")
    first = str(found[0][4][0])
    listens = patient.service.config.server.host
    if first == "::1" and listens == "127.0.0.1":
        hint = f"use http://127.0.0.1:{patient.service.config.server.port} in URLs, not localhost"
        return Check.warn("localhost", "localhost is ::1 first, and the service listens at 127.0.0.1", hint)
    return Check.ok("localhost", f"localhost is {first}{f', reached as {name}' if name else ''}")


async def plugins(patient: Patient) -> Check:
    """All plugins could be loaded, and are made for this release."""
    loaded = patient.service.engine.plugins
    broken = [found for found in loaded.found if found.problems]
    if broken:
        return Check.warn("plugins", f"{broken[0].entry}: {broken[0].problems[0]}", "gateway plugin check NAME")
    return Check.ok("plugins", ", ".join(sorted(loaded.providers)) or "none")


def _kept(patient: Patient) -> list[Path]:
    """Name the files of an SQLite store, with the master keys beside it."""
    url = patient.service.config.gateway.store.get_secret_value()
    if not url.startswith("sqlite:"):
        return []
    path = path_of(url)
    return [path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}.master-keys")]


CHECKS = (python, release, configuration, files, disk, master_key, exposure, localhost, plugins)
