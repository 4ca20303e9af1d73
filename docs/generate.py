"""Writes what the documentation can derive from the code: tables of capabilities, settings, codes, errors, commands.

    python docs/generate.py            rewrite the marked places
    python docs/generate.py --check    name the pages that are out of date, and end with 1

A page marks such a place with `<!-- KIND:begin -->` and `<!-- KIND:end -->`, or `<!-- KIND PROVIDER:begin -->`. What is
between them belongs to this file. Only providers of this repository are shown, whatever else is installed.
"""

# ruff: noqa: INP001 - a script beside the pages that it writes

from __future__ import annotations

import ast
import inspect
import itertools
import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import typer

from gateway import plugins
from gateway.capabilities import Capabilities, CapabilityRow, Feature, Level, Limits
from gateway.cli import app
from gateway.codes import Phase
from gateway.config import load_service
from gateway.config.sections import SECTIONS
from gateway.errors import ConfigurationError, GatewayError, SendError, WebhookError
from gateway.model import ChatKind, Effect, Tapback
from gateway.provider import Provider
from gateway.server import create_app, graphql, open_service, openapi
from gateway.simulator import Scene, twin_of
from gateway.testing.providers import groups
from gateway.testing.providers.subject import Subject

ROOT = Path(__file__).resolve().parents[1]
PLACE = re.compile(
    r"(<!-- (?P<kind>[a-z]+)(?: (?P<name>[a-z0-9_-]+))?:begin -->\n).*?(<!-- \2(?: \3)?:end -->)", re.DOTALL
)

#: What the gateway itself does on every vendor, whichever way: a reference comes back on every event, several messages
#: leave in one call or one after the other, and the dots before a message may be a call of their own.
OURS = {Feature.REFERENCE, Feature.BATCH, Feature.LINK_BATCH, Feature.TYPING_FIRST}

CERTAIN = "nothing was sent"

MARKS = {Level.FULL: "●", Level.PARTIAL: "◐", Level.FALLBACK: "◌", Level.NONE: ""}
LEGEND = (
    "● as asked · ◐ with limits · ◌ the vendor shows something lesser · empty: not at all"
    " · * otherwise in groups than in direct chats"
)


def pages() -> list[Path]:
    """Every page of the documentation, the root's own first."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def refreshed(text: str) -> str:
    """Give a page with every marked place written anew; raises `KeyError` for a mark that nobody knows."""

    def write(found: re.Match[str]) -> str:
        kind, name = found["kind"], found["name"]
        lines = WRITERS[kind](name) if name else WRITERS[kind]()
        return f"{found[1]}\n{chr(10).join(lines)}\n\n{found[4]}"

    return PLACE.sub(write, text)


def stale() -> list[Path]:
    """Every page and document that is out of date."""
    old = [page for page in pages() if (text := page.read_text(encoding="utf-8")) != refreshed(text)]
    documents = [path for path in DOCUMENTS if not path.is_file() or path.read_text(encoding="utf-8") != written(path)]
    return old + documents


def written(path: Path) -> str:
    """Give what a page or a document has to be."""
    return DOCUMENTS[path]() if path in DOCUMENTS else refreshed(path.read_text(encoding="utf-8"))


# ── providers ─────────────────────────────────────────────────────────────────────────────────────────────────────


@cache
def providers() -> dict[str, Provider[Any]]:
    """Every provider of this repository that has a page, by name, with the settings of an account at its twin.

    One without a page has nothing to be written into: a folder that is copied in puts no page out of date.
    """
    made = {}
    for path in sorted(ROOT.glob("providers/*/pyproject.toml")):
        project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
        for name in project["entry-points"]["messaging_gateway"]:
            if not (ROOT / f"docs/providers/{name}.md").is_file():
                continue
            cls = plugins.load().provider(name)
            settings = Scene([twin_of(name)]).settings(name)
            made[name] = cls(cls.Settings.model_validate(settings))
    return made


def table(head: Sequence[str], rows: Iterator[Sequence[str]]) -> list[str]:
    """Make a Markdown table."""
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]


def write_providers(page: str = "root") -> list[str]:
    """Every feature and provider: the best level of any kind of chat; links fit the page that it is for."""
    where = {"root": "docs/providers", "reference": "../providers"}[page]
    known = providers()
    head = ["", *(f"[{made.title}]({where}/{name}.md)" for name, made in known.items())]
    features = [feature for feature in Feature if feature not in OURS]
    marks = ((feature.value, *(_mark(made, feature) for made in known.values())) for feature in features)
    return [*table(head, marks), "", LEGEND]


def _mark(provider: Provider[Any], feature: Feature) -> str:
    # a set of addresses names a chat in a send only, on any vendor: it would put an asterisk at almost everything
    kept = {None, ChatKind.DIRECT, ChatKind.GROUP} | ({ChatKind.SEVERAL} if feature is Feature.SEVERAL else set())
    rows = [row for row in provider.capabilities().rows if row.channel is None and row.kind in kept]
    levels = {row.capabilities.level(feature) for row in rows}
    best = next((level for level in Level if level in levels), Level.NONE)
    kinds = {Feature.DIRECT, Feature.GROUP, Feature.SEVERAL}
    varies = len(levels) > 1 and feature not in kinds
    return f"{MARKS[best]}{' *' if varies else ''}"


def write_capabilities(name: str) -> list[str]:
    """One provider: every feature by kind of chat and channel, then the limits."""
    rows = [row for row in providers()[name].capabilities().rows if row.capabilities.levels]
    head = ["feature", *(_place(row) for row in rows)]
    levels = ((feature.value, *(row.capabilities.level(feature).value for row in rows)) for feature in Feature)
    shown = (cells for cells in levels if {*cells[1:]} != {Level.NONE.value})
    blank = (["" if cell == Level.NONE.value else cell for cell in cells] for cells in shown)
    limits = ((limit, *(_limit(limit, row.capabilities) for row in rows)) for limit in Limits.model_fields)
    told = (cells for cells in limits if any(cells[1:]))
    return [*table(head, blank), "", *table(["limit", *head[1:]], told)]


def _place(row: CapabilityRow) -> str:
    kinds = {
        ChatKind.DIRECT: "direct",
        ChatKind.GROUP: "group",
        ChatKind.SEVERAL: "several addresses",
        None: "any chat",
    }
    return f"{kinds[row.kind]}, {row.channel.value}" if row.channel else kinds[row.kind]


def _limit(name: str, capabilities: Capabilities) -> str:
    """Show one limit; empty where it is none, or where nothing that it limits is carried."""
    value = getattr(capabilities.limits, name)
    match name, value:
        case _, None | False | ():
            return ""
        case _, True:
            return "yes"
        case "exclusive", pairs:
            return ", ".join(f"{one.value} with {other.value}" for one, other in pairs)
        case "effects" | "tapbacks", frozenset():
            every: set[Any] = set(Effect) if name == "effects" else set(Tapback)
            missing = sorted(member.value for member in every - value)
            return f"all but {', '.join(missing)}" if missing else "all"
        case _, frozenset() | tuple():
            return ", ".join(sorted(str(getattr(member, "value", member)) for member in value))
    return f"{value:g}"


def write_settings(name: str) -> list[str]:
    """One provider: the keys of its connection."""
    fields = providers()[name].Settings.model_fields.items()
    rows = ((f"`{key}`", _needed(field), " ".join((field.description or "").split())) for key, field in fields)
    return table(["key", "default", "meaning"], rows)


def _needed(field: Any) -> str:
    if field.is_required():
        return "(needed)"
    value = field.get_default(call_default_factory=True)
    if value is None or value == ():
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def write_codes(name: str) -> list[str]:
    """One provider: every code, what it means, what it makes certain and who has to act."""
    rows = (
        (
            f"`{code}`",
            phase.value,
            f"`{row.error.__name__}`",
            row.meaning,
            "certain" if row.certain else "not certain",
            "later" if row.retriable else "",
            row.actor.value,
            row.hint,
        )
        for (phase, code), row in providers()[name].codes
    )
    return table(["code", "phase", "error", "meaning", CERTAIN, "again?", "who acts", "what to do"], rows)


def write_crosswalk() -> list[str]:
    """Every error that a vendor's code may become, and each vendor's codes for it by phase."""
    known = providers()
    head = ["error", "phase", *(f"[{made.title}](../providers/{name}.md#codes)" for name, made in known.items())]
    rows = (
        (f"`{cls.__name__}`", phase.value, *(_codes_of(made, cls, phase) for made in known.values()))
        for cls in _below(SendError)
        for phase in Phase
    )
    return table(head, (cells for cells in rows if any(cells[2:])))


def _codes_of(provider: Provider[Any], error: type[GatewayError], phase: Phase) -> str:
    return ", ".join(f"`{code}`" for (at, code), row in provider.codes if at is phase and row.error is error)


# ── errors and commands ───────────────────────────────────────────────────────────────────────────────────────────


def write_errors() -> list[str]:
    """Every error below `GatewayError`, as a table in the order of the tree."""
    rows = ((_indented(cls), f"`{cls.slug}`", _certain(cls), _first_line(cls)) for cls in _below(GatewayError))
    outside = ConfigurationError
    last = (f"`{outside.__name__}`, outside the tree", "", "", _first_line(outside))
    return table(["error", "slug", CERTAIN, "meaning"], iter([*rows, last]))


def _below(cls: type[GatewayError]) -> Iterator[type[GatewayError]]:
    yield cls
    for sub in cls.__subclasses__():
        if sub.__module__ == GatewayError.__module__:
            yield from _below(sub)


def _indented(cls: type[GatewayError]) -> str:
    depth = next(place for place, base in enumerate(cls.__mro__) if base is GatewayError)
    return f"{'&emsp;' * depth}`{cls.__name__}`"


def _certain(cls: type[GatewayError]) -> str:
    if issubclass(cls, SendError):
        return "certain" if cls.certain else "not certain"
    return f"(answers {cls.answer})" if issubclass(cls, WebhookError) else ""


def _first_line(cls: type[BaseException]) -> str:
    return (inspect.getdoc(cls) or "").splitlines()[0]


def write_commands() -> list[str]:
    """Every command with its arguments and options."""
    root = typer.main.get_command(app)
    return [line for path, command in _commands("gateway", root) for line in _command(path, command)][:-1]


def _commands(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Every command below one, a group before its own."""
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from _commands(f"{path} {name}", inner)


def _command(path: str, command: Any) -> list[str]:
    level = "##" if path.count(" ") == 1 else "###"
    title = [f"{level} {path}", ""] if " " in path else []
    told = [" ".join(line.split()) for line in (command.help or "").strip().split("\n\n")]
    rows = [(_spelled(item), item.help or "", _default(item)) for item in command.params if not item.hidden]
    options = [*table(["", "", "default"], iter(rows)), ""] if rows else []
    return [*title, *(sentence for line in told for sentence in (*_sentences(line), "")), *options]


def _sentences(text: str) -> list[str]:
    """Split where a sentence ends: one is one line."""
    return re.split(r"(?<=[.!?]) (?=[A-Z`-])", text)


def _spelled(item: Any) -> str:
    word = (item.metavar or item.bare_type().upper()).replace("|", "\\|")
    if item.param_type_name == "argument":
        return f"`{word}`"
    names = ", ".join(f"`{name}`" for name in [*item.opts, *item.secondary_opts])
    return names if item.is_flag else f"{names} `{word}`"


def _default(item: Any) -> str:
    shown = not item.required and item.default is not None and not isinstance(item.default, bool)
    return f"`{item.default}`" if shown else ""


# ── the contract ──────────────────────────────────────────────────────────────────────────────────────────────────────


def write_contract() -> list[str]:
    """Every check of the contract of a provider, by what it is about."""
    lines: list[str] = []
    for about, checks in groups().items():
        rows = ((f"`{name}`", promise) for name, promise in checks.items())
        lines += [about, "", *table(["check", "what it holds"], rows), ""]
    return lines[:-1]


def write_facts() -> list[str]:
    """Every attribute of a contract that its subclass may set, with its default."""
    read = ast.walk(ast.parse(inspect.getsource(Subject)))
    pairs = itertools.pairwise(next(node for node in read if isinstance(node, ast.ClassDef)).body)
    rows = (
        (f"`{field.target.id}`", f"`{ast.unparse(field.value)}`" if field.value else "(needed)", _words(told))
        for field, told in pairs
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(told, ast.Expr)
    )
    return table(["attribute", "default", "meaning"], rows)


def _words(docstring: ast.Expr) -> str:
    return " ".join(str(ast.literal_eval(docstring.value)).split())


# ── the service ───────────────────────────────────────────────────────────────────────────────────────────────────


def write_configuration() -> list[str]:
    """Every setting of the service: what it is by default, and what it does."""
    lines: list[str] = []
    for name, section in SECTIONS.items():
        rows = (
            (f"`{key}`", _given(info.default), info.description or "") for key, info in section.model_fields.items()
        )
        lines += [f"### [{name}]", "", inspect.getdoc(section) or "", ""]
        lines += [*table(["setting", "default", "what it does"], (tuple(map(_cell, row)) for row in rows)), ""]
    return lines[:-1]


def _given(value: Any) -> str:
    shown = value.get_secret_value() if hasattr(value, "get_secret_value") else value
    shown = list(shown) if isinstance(shown, tuple) else shown
    return "" if shown is None or shown in ([], {}) else f"`{getattr(shown, 'value', shown)}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def write_problems() -> list[str]:
    """Every kind of problem that the service answers with."""
    rows = ((f"`{code}`", str(status), meaning) for code, (status, meaning) in sorted(openapi.meanings().items()))
    return table(["code", "status", "what it means"], iter(rows))


def write_openapi() -> str:
    """The description of the API, as the service gives it."""
    flags: dict[tuple[str, ...], tuple[str, Any]] = {
        ("gateway", "store"): ("--store", "sqlite:///never.db"),
        ("security", "master_key"): ("--master-key", f"k1:{'A' * 43}="),
    }
    service = open_service(load_service(flags=flags))
    create_app(service)
    return json.dumps(service.openapi(), indent=1, ensure_ascii=False) + "\n"


DOCUMENTS: dict[Path, Callable[[], str]] = {
    ROOT / "docs/reference/openapi.json": write_openapi,
    ROOT / "docs/reference/schema.graphql": graphql.sdl,
}
"""Files that are written whole."""


WRITERS: dict[str, Callable[..., list[str]]] = {
    "capabilities": write_capabilities,
    "codes": write_codes,
    "commands": write_commands,
    "configuration": write_configuration,
    "contract": write_contract,
    "crosswalk": write_crosswalk,
    "errors": write_errors,
    "facts": write_facts,
    "problems": write_problems,
    "providers": write_providers,
    "settings": write_settings,
}


def main(arguments: Sequence[str]) -> int:
    """Rewrite, or with `--check` only tell."""
    old = stale()
    for page in old:
        sys.stdout.write(f"{'stale' if '--check' in arguments else 'written'}: {page.relative_to(ROOT).as_posix()}\n")
        if "--check" not in arguments:
            page.write_text(written(page), encoding="utf-8")
    return 1 if old and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
