"""A copy of a database that is in use, made by PostgreSQL's own program."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from pathlib import Path

from gateway.errors import StoreError
from gateway.store.postgresql.place import place_of

__all__ = ["backup"]


async def backup(url: str, target: Path) -> Path:
    """Copy the database into the new file `target`, an archive for `pg_restore`; gateways may be writing meanwhile.

    Raises `StoreError` when `pg_dump` is missing or fails, or when `target` is there already or cannot be written.
    The copy has its name only once it is whole.
    """
    program = shutil.which("pg_dump")
    if program is None:
        raise StoreError(
            "pg_dump was not found", code="no_program", hint="install PostgreSQL's client programs, at least as new"
        )
    try:
        if await asyncio.to_thread(target.exists):
            raise StoreError("the backup's file is there already", code="exists", hint="name a new file")
        await _write(program, url, target)
    except OSError as error:
        raise StoreError(
            f"the backup cannot be written: {error.strerror}", code="disk", hint="look at its name, folder and disk"
        ) from None
    return target


async def _write(program: str, url: str, target: Path) -> None:
    part = target.with_name(f"{target.name}.part")
    try:
        os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600))
        await _dump(program, url, part)
        part.rename(target)
    finally:
        with contextlib.suppress(OSError):  # where it could not be made there is none, and why it could not is said
            part.unlink(missing_ok=True)


async def _dump(program: str, url: str, part: Path) -> None:
    """Run the program; the password goes by its environment, for everybody can see the words of a command."""
    bare, password = place_of(url).without_password()
    secret = {} if password is None else {"PGPASSWORD": password}
    process = await asyncio.create_subprocess_exec(
        program,
        "--format=custom",
        f"--file={part}",
        f"--dbname={bare}",
        "--no-password",
        env={**os.environ, **secret},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    if process.returncode:
        last = said.decode(errors="replace").strip().rpartition("\n")[2][:200]
        raise StoreError("pg_dump failed", code="failed", hint=last or "run it by hand to see why")
