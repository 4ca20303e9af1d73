"""Finds plugins by entry point, survives a broken one, and reports what it found.

The stock loader of pluggy stops at the first package that fails to import; here each entry is loaded, registered and
asked inside its own guard, so that a broken plugin fails only its own connections.
"""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from importlib.metadata import Distribution, EntryPoint, entry_points
from typing import Any

import pluggy
import structlog

from gateway import hookspecs
from gateway.actions import Action, ConnectionInfo, Refusal
from gateway.errors import ConfigurationError
from gateway.hookspecs import PROJECT
from gateway.provider import BORDER, Provider

__all__ = ["FoundProvider", "Plugins", "load"]

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_HOOKS = frozenset(name for name in vars(hookspecs) if name.startswith("gateway_"))

_log: Any = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FoundProvider:
    """What one entry point brought."""

    entry: str
    """The entry point's name."""
    source: str
    """Where it points: `module` or `module:object`."""
    distribution: str
    version: str
    problems: tuple[str, ...] = ()
    """Why it cannot be used, one line each; empty when all is well."""
    providers: tuple[type[Provider[Any]], ...] = ()
    others: tuple[str, ...] = field(default=())
    """Names of the other hooks that it implements."""


class Plugins:
    """All plugins of this process, and what they offer."""

    def __init__(self, found: Sequence[FoundProvider], manager: pluggy.PluginManager) -> None:
        self.found: tuple[FoundProvider, ...] = tuple(found)
        self._manager = manager
        self.providers: dict[str, type[Provider[Any]]] = {}
        for plugin in self.found:
            for cls in plugin.providers:
                self.providers.setdefault(cls.name, cls)

    def provider(self, name: str) -> type[Provider[Any]]:
        """Give the provider of that name; raises `ConfigurationError` that names the nearest one or the problem."""
        if name in self.providers:
            return self.providers[name]
        for plugin in self.found:
            if plugin.problems and name in {plugin.entry, *(cls.name for cls in plugin.providers)}:
                raise ConfigurationError(
                    f"the provider {name} is installed and cannot be used: {plugin.problems[0]}",
                    hint="run `gateway providers` to see what was found",
                )
        known = ", ".join(sorted(self.providers)) or "none"
        raise ConfigurationError(f"there is no provider {name!r} (found: {known})", hint=_suggest(name, self.providers))

    def stores(self) -> dict[str, Callable[[str], Any]]:
        """Collect the stores that plugins offer, by URL scheme."""
        return self._makers("gateway_stores")

    def sinks(self) -> dict[str, Callable[[str], Any]]:
        """Collect the streams for events that plugins offer, by URL scheme."""
        return self._makers("gateway_sinks")

    def _makers(self, hook: str) -> dict[str, Callable[[str], Any]]:
        offered: dict[str, Callable[[str], Any]] = {}
        for plugin, answer in self._ask(hook):
            if isinstance(answer, dict):
                offered = {**answer, **offered}
            else:
                _log.warning("hook_ignored", hook=hook, plugin=plugin, why="did not return a dict")
        return offered

    def choose_connection(self, action: Action, candidates: Sequence[ConnectionInfo]) -> str | None:
        """Ask the plugins which connection carries an action; the first answer that is not None holds."""
        names = {candidate.name for candidate in candidates}
        for plugin, answer in self._ask("gateway_choose_connection", action=action, candidates=candidates):
            if answer in names:
                return str(answer)
            if answer is not None:
                _log.warning("hook_ignored", hook="gateway_choose_connection", plugin=plugin, why="not a candidate")
        return None

    def guard(self, action: Action, connection: ConnectionInfo, now: datetime) -> list[Refusal]:
        """Collect what plugins have against an action; one that raises refuses."""
        refusals: list[Refusal] = []
        if not self._manager.hook.gateway_guard.get_hookimpls():
            return refusals

        def broken(plugin: str, error: Exception) -> None:
            refusals.append(Refusal(reason=f"the guard of {plugin} failed: {type(error).__name__}"))

        asked = self._ask("gateway_guard", broken, action=action, connection=connection, now=now)
        refusals += [answer for _, answer in asked if isinstance(answer, Refusal)]
        return refusals

    def _ask(
        self, hook: str, broken: Callable[[str, Exception], None] | None = None, **arguments: Any
    ) -> list[tuple[str, Any]]:
        """Call each implementation of a hook inside its own guard, in the order of their registration."""
        answers = []
        for implementation in reversed(getattr(self._manager.hook, hook).get_hookimpls()):
            name = implementation.plugin_name
            wanted = {key: arguments[key] for key in implementation.argnames}
            try:
                answers.append((name, implementation.function(**wanted)))
            except Exception as error:  # noqa: BLE001 - a border: a plugin may raise anything
                _log.warning("hook_failed", hook=hook, plugin=name, error=type(error).__name__)
                if broken:
                    broken(name, error)
        return answers


@lru_cache(maxsize=1)
def load() -> Plugins:
    """Load all plugins of this environment, once for each process."""
    return load_entries(entry_points(group=PROJECT))


def load_entries(entries: Iterable[EntryPoint]) -> Plugins:
    """Load the plugins of some entry points, each inside its own guard."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    found: list[FoundProvider] = []
    for entry in sorted(entries, key=lambda entry: (entry.name, entry.value)):
        plugin = _load_one(entry, manager)
        taken = {cls.name: other.distribution for other in found for cls in other.providers}
        doubles = [cls.name for cls in plugin.providers if cls.name in taken]
        if doubles:
            problem = f"the provider {doubles[0]} is offered by {taken[doubles[0]]} too; that one is used"
            plugin = replace(plugin, problems=(*plugin.problems, problem))
        found.append(plugin)
    return Plugins(found, manager)


def _load_one(entry: EntryPoint, manager: pluggy.PluginManager) -> FoundProvider:
    distribution: Distribution | None = entry.dist
    report = FoundProvider(
        entry=entry.name,
        source=entry.value,
        distribution=distribution.name if distribution else "(unknown)",
        version=distribution.version if distribution else "",
    )
    try:
        plugin = entry.load()
    except Exception as error:  # noqa: BLE001 - a border: importing a plugin may raise anything
        return replace(report, problems=(f"it cannot be imported: {type(error).__name__}: {error}",))
    problems = _misuses(plugin)
    if problems:
        return replace(report, problems=problems)
    try:
        manager.register(plugin, name=f"{report.distribution}:{entry.name}")
    except (pluggy.PluginValidationError, ValueError) as error:
        return replace(report, problems=(f"its hooks do not fit: {str(error).splitlines()[-1].strip()}",))
    hooks = tuple(sorted(name for name in _HOOKS if callable(getattr(plugin, name, None))))
    providers, problems = _providers(plugin)
    if problems:
        manager.unregister(plugin)
    others = tuple(name for name in hooks if name != "gateway_providers")
    return replace(report, providers=providers, problems=problems, others=others)


def _misuses(plugin: Any) -> tuple[str, ...]:
    """Find misspelt hooks and coroutine functions; pluggy would ignore the first and run the second wrongly."""
    problems = []
    for name in dir(plugin):
        function = getattr(plugin, name, None)
        if not callable(function) or not hasattr(function, f"{PROJECT}_impl"):
            continue
        if name not in _HOOKS:
            problems.append(f"it implements {name}, and there is no such hook (there are {', '.join(sorted(_HOOKS))})")
        elif inspect.iscoroutinefunction(function):
            problems.append(f"its hook {name} is a coroutine function; hooks are plain functions")
    return tuple(problems)


def _providers(plugin: Any) -> tuple[tuple[type[Provider[Any]], ...], tuple[str, ...]]:
    offer = getattr(plugin, "gateway_providers", None)
    if offer is None or not hasattr(offer, f"{PROJECT}_impl"):
        return (), ()
    try:
        classes = tuple(offer())
    except Exception as error:  # noqa: BLE001 - a border: a plugin may raise anything
        return (), (f"gateway_providers() failed: {type(error).__name__}: {error}",)
    problems = tuple(problem for cls in classes for problem in _unfit(cls))
    return (() if problems else classes), problems


def _unfit(cls: Any) -> list[str]:
    """Say what keeps a class from being a provider."""
    if not (inspect.isclass(cls) and issubclass(cls, Provider)):
        return [f"{cls!r} is not a subclass of gateway.provider.Provider"]
    name = getattr(cls, "name", "")
    if not _NAME.fullmatch(name):
        return [f"{cls.__name__}.name is {name!r}; it has to be lower case letters, digits, - or _"]
    if cls.requires != BORDER:
        return [f"{name} was written for version {cls.requires} of the border, and this is version {BORDER}"]
    missing = sorted(cls.__abstractmethods__)
    if missing:
        return [f"{name} lacks {', '.join(missing)}"]
    return [f"{name} lacks {field}" for field in ("Settings", "codes") if not hasattr(cls, field)]


def _suggest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]}?" if near else "install the provider's package; `gateway providers` lists them"
