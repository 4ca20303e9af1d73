"""A world that outlives its process: written to a file before anybody is shown what changed in it.

The file holds one line of JSON about itself, and a pickle of the world, the twins and the fates. It is for one person
on one machine: it holds the keys of the made-up accounts, and a pickle by a stranger could run code; so it is readable
and writable by its owner only, and another one is refused.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import stat
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gateway.errors import ConfigurationError
from gateway.simulator.scene import Scene

__all__ = ["Keeper", "Kept"]

_FORMAT = 1
_BUILTINS = frozenset({"bytearray", "complex", "frozenset", "getattr", "object", "range", "set", "slice"})
_LIBRARY = frozenset({"collections", "datetime", "decimal", "functools", "pathlib", "pydantic", "random", "uuid"})


@dataclass(frozen=True, slots=True)
class Kept:
    """What a file says about itself."""

    seed: int
    vendors: tuple[str, ...]
    token: str
    """What the phone's URL is opened with, so that an open page may come back."""
    now: datetime
    """The world's time when it was written."""


class Keeper:
    """Reads and writes a world's file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._scene: Scene | None = None
        self._token = ""
        self._written = -1

    def read(self, vendors: Sequence[str]) -> Kept | None:
        """Read what the file says about itself, None where there is no file; raises `ConfigurationError`."""
        try:
            with self._path.open("rb") as file:
                _check_owner(file.fileno(), self._path)
                head = json.loads(file.readline())
            kept = Kept(
                int(head["seed"]), tuple(head["vendors"]), str(head["token"]), datetime.fromisoformat(head["now"])
            )
            made = (head["format"], head["version"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise self._unusable(f"it cannot be read ({type(error).__name__})") from None
        if made != (_FORMAT, _version()):
            raise self._unusable(f"version {made[1]} wrote it, and this is {_version()}")
        if set(kept.vendors) != set(vendors):
            raise self._unusable(f"it has the vendors {', '.join(kept.vendors)}")
        return kept

    def attach(self, scene: Scene, token: str) -> None:
        """Bring the scene to what the file holds, where there is one, and keep it from now on."""
        self._scene, self._token = scene, token
        try:
            with self._path.open("rb") as file:
                file.readline()
                world, twins, fates, untold, urls = _Reader(file, scene).load()
        except FileNotFoundError:
            self.save()
            return
        except Exception as error:  # noqa: BLE001 - a border: a broken pickle may raise anything
            raise self._unusable(f"its world cannot be read ({type(error).__name__})") from None
        scene.adopt(world, twins, fates)
        # where the webhooks go is said anew, or else as it was
        scene.sender.urls.update(urls | scene.sender.urls)
        for vendor, webhook in untold:
            twins[vendor].context.emit(webhook)

    def save(self, *, anyway: bool = False) -> None:
        """Write the world where something happened in it since the last time; whole, or not at all."""
        scene = self._scene
        if scene is None or (scene.journal.last == self._written and not anyway):
            return
        self._written = scene.journal.last
        head = {
            "format": _FORMAT,
            "version": _version(),
            "seed": scene.seed,
            "vendors": list(scene.twins),
            "token": self._token,
            "now": scene.clock.now().isoformat(),
        }
        content = io.BytesIO()
        content.write(json.dumps(head).encode() + b"\n")
        sender = scene.sender
        _Writer(content, scene).dump((scene.world, scene.twins, scene.fates, sender.untold, sender.urls))
        descriptor, name = tempfile.mkstemp(dir=self._path.parent, prefix=f".{self._path.name}.")
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.getbuffer())
        Path(name).replace(self._path)

    def _unusable(self, why: str) -> ConfigurationError:
        hint = "name another file, or delete this one and begin anew"
        return ConfigurationError(f"the world in {self._path.name} cannot be gone on with: {why}", hint=hint)


def _version() -> str:
    return version("messaging-gateway")


def _check_owner(descriptor: int, path: Path) -> None:
    """Refuse a file that somebody else may have written; raises `ConfigurationError`."""
    about = os.fstat(descriptor)
    foreign = hasattr(os, "getuid") and about.st_uid != os.getuid()
    if foreign or (os.name == "posix" and about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)):
        raise ConfigurationError(
            f"others may have written {path.name}, and reading it could run their code",
            hint="use a file of your own, with mode 0600",
        )


def _shared(scene: Scene) -> Mapping[str, Any]:
    """Name what a world's file does not hold, for it belongs to the process."""
    return {each.__class__.__name__: each for each in scene.shared}


class _Writer(pickle.Pickler):
    def __init__(self, file: io.BytesIO, scene: Scene) -> None:
        super().__init__(file, protocol=5)
        self._names = {id(each): name for name, each in _shared(scene).items()}

    def persistent_id(self, value: Any) -> str | None:
        return self._names.get(id(value))


class _Reader(pickle.Unpickler):
    """Makes objects of the gateway, of the twins' packages and of a few modules of the standard library only."""

    def __init__(self, file: Any, scene: Scene) -> None:
        super().__init__(file)
        self._shared = _shared(scene)
        own = {cls.__module__.partition(".")[0] for cls in scene.classes.values()}
        self._allowed = {"gateway", *own, *_LIBRARY}

    def persistent_load(self, name: Any) -> Any:
        return self._shared[name]

    def find_class(self, module: str, name: str) -> Any:
        if module.partition(".")[0] in self._allowed or (module == "builtins" and name in _BUILTINS):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a world")
