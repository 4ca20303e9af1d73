"""`gateway diff-providers`: one message under every connection, side by side; nothing is sent."""

from __future__ import annotations

import asyncio
import json as json_
import sys
import tomllib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer
from pydantic import JsonValue
from rich.box import HORIZONTALS
from rich.table import Table
from rich.text import Text

from gateway import plugins
from gateway.actions import Adaptation, Policy
from gateway.asking import chat_of, said
from gateway.cli.configured import DEFAULT, ConfigFile, JsonFlag, gateway_for
from gateway.cli.failing import ExitCode, Usage
from gateway.cli.screen import Screen, printable
from gateway.client import Gateway
from gateway.errors import ConfigurationError, Unsupported
from gateway.fitting import Plan, explain, fit
from gateway.model import Chat, Message

__all__ = ["diff_providers"]

SOMEBODY = "+12025550100"
"""A number of nobody (NANPA keeps it for fiction): where to, unless it is said."""

_WIDTH = 48
"""Characters of a column: three of them are side by side on a wide terminal, and a pipe has no edge of its own."""

File: TypeAlias = Annotated[
    str, typer.Argument(metavar="FILE", help="A message as TOML or JSON; - reads it from stdin.", show_default=False)
]
Where: TypeAlias = Annotated[
    str | None,
    typer.Option("--to", metavar="TO", help="As for `send`; else the file's `to`, else somebody's phone."),
]


class Outcome(StrEnum):
    """What becomes of a message on a connection."""

    CARRIED = "as asked"
    ADAPTED = "adapted"
    """Under `graceful`; `strict` refuses it."""
    REFUSED = "refused"
    """Under both."""


@dataclass(frozen=True, slots=True)
class Column:
    """One connection, and what it would do."""

    name: str
    provider: str
    outcome: Outcome
    plan: Plan | None = None
    """Under `graceful`; None where that refuses too."""
    refused: tuple[tuple[str, str], ...] = ()
    """What cannot be carried at all, and what to ask for instead."""
    lost: tuple[str, ...] = ()
    """What would have to change besides, where something cannot be carried."""


Planned: TypeAlias = Callable[[Policy], Awaitable[Plan]]


def diff_providers(
    ctx: typer.Context,
    file: File,
    *,
    to: Where = None,
    config: ConfigFile = DEFAULT,
    json: JsonFlag = False,
) -> None:
    """Show one message under every connection side by side: what each would lose, adapt or refuse, in how many steps.

    FILE holds the fields of a message (`text` for a plain one, `parts`, `effect`, `subject`, …), or several as
    `messages`; and `to`. Without a configuration every provider is shown as an account with default settings has it.
    Nothing is sent. Exit code 8: one of them cannot carry it, changed or not.
    """
    screen: Screen = ctx.obj
    where, messages = _asked(_document(file), to)
    given = ctx.get_parameter_source("config")
    if given is not None and given.name == "DEFAULT" and not config.is_file():
        screen.note(f"there is no {config}: every provider is shown with default settings")
        columns = asyncio.run(_of_providers(where, messages))
    else:
        columns = asyncio.run(_of_connections(gateway_for(config), where, messages))
    if not columns:
        raise ConfigurationError("there is nothing to compare", hint="install a provider, or add a [connections.NAME]")
    if json:
        screen.data({"messages": len(messages), "connections": [_document_of(column) for column in columns]})
    else:
        screen.show(_table(columns))
    if any(column.outcome is Outcome.REFUSED for column in columns):
        raise typer.Exit(ExitCode.PROBLEMS)


# ── what is asked ─────────────────────────────────────────────────────────────────────────────────────────────────


def _document(file: str) -> Any:
    """Read TOML or JSON, whichever it is; raises `Usage`."""
    name = "stdin" if file == "-" else file
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError):
        raise Usage(f"there is no file {file}", hint="give a message as TOML or JSON, or - for stdin") from None
    except UnicodeDecodeError:
        raise Usage(f"{name} is no text in UTF-8", hint="give a message as TOML or JSON") from None
    problems = []
    for kind, read in (("JSON", json_.loads), ("TOML", tomllib.loads)):
        if file.lower().endswith((".json", ".toml")) and not file.lower().endswith(kind.lower()):
            continue
        try:
            return read(text)
        except ValueError as error:
            problems.append(f"as {kind}: {error}")
    raise Usage(f"{name} cannot be read, {'; '.join(problems)}", hint='write text = "hello", or {"text": "hello"}')


def _asked(document: Any, to: str | None) -> tuple[Chat, tuple[Message, ...]]:
    """Make the words; raises `InvalidMessage` that names the field and hides the value."""
    fields = {"text": document} if isinstance(document, str) else document
    if isinstance(fields, list):
        fields = {"messages": fields}
    if not isinstance(fields, dict):
        raise Usage("a message is a table of its fields", hint='write text = "hello"')
    fields = dict(fields)
    chat, _ = chat_of(to or fields.pop("to", None) or SOMEBODY)
    fields.pop("to", None)
    several = fields.pop("messages", None)
    if several is not None and (fields or not isinstance(several, list) or not several):
        raise Usage("`messages` is a list of messages, and stands alone", hint="put the other fields into each of them")
    return chat, tuple(_message(each) for each in (several or [fields]))


def _message(fields: Any) -> Message:
    """Make one message; `text` stands for a part in front of the others."""
    known = {"text": fields} if isinstance(fields, str) else fields
    if not isinstance(known, dict):
        raise Usage("a message is a text, or a table of its fields", hint='write text = "hello"')
    text, parts = known.get("text"), known.get("parts", [])
    if not isinstance(parts, list):
        raise Usage("`parts` is a list", hint='write [[parts]] and below it type = "attachment", url = "https://…"')
    front = [] if text is None else [{"type": "text", "text": text}]
    rest = {name: value for name, value in known.items() if name != "text"}
    return said(lambda: Message.model_validate({**rest, "parts": [*front, *parts]}))


# ── what becomes of it ────────────────────────────────────────────────────────────────────────────────────────────


async def _of_connections(gateway: Gateway, chat: Chat, messages: Sequence[Message]) -> list[Column]:
    def planned(name: str) -> Planned:
        return lambda policy: gateway.plan(chat, list(messages), via=name, policy=policy)

    try:
        return [await _column(each.name, each.provider.name, planned(each.name)) for each in gateway.connections]
    finally:
        await gateway.aclose()


async def _of_providers(chat: Chat, messages: Sequence[Message]) -> list[Column]:
    """Every vendor that exists, and whose capabilities do not depend on a setting that has no default."""
    columns = []
    for name, cls in sorted(plugins.load().providers.items()):
        if cls.invented:
            continue
        try:
            table = cls(cls.Settings.model_construct()).capabilities()
        except AttributeError:
            continue

        async def planned(policy: Policy, table: Any = table) -> Plan:
            return fit(chat, messages, table, policy)

        columns.append(await _column(name, name, planned))
    return columns


async def _column(name: str, provider: str, planned: Planned) -> Column:
    """Ask for both policies: what graceful refuses cannot be, what strict refuses has to change."""
    try:
        plan = await planned(Policy.GRACEFUL)
    except Unsupported as error:
        hopeless = tuple(zip(error.features, error.alternatives, strict=False))
        lost = tuple(dict.fromkeys(each for each in await _strictly(planned) if each not in error.features))
        return Column(name, provider, Outcome.REFUSED, refused=hopeless, lost=lost)
    return Column(name, provider, Outcome.ADAPTED if plan.adaptations else Outcome.CARRIED, plan)


async def _strictly(planned: Planned) -> tuple[str, ...]:
    try:
        await planned(Policy.STRICT)
    except Unsupported as error:
        return error.features
    return ()


# ── how it is shown ───────────────────────────────────────────────────────────────────────────────────────────────


def _document_of(column: Column) -> dict[str, JsonValue]:
    """Give a column as JSON; steps and changes are None where there is no way."""
    plan = column.plan
    return {
        "name": column.name,
        "provider": column.provider,
        "outcome": column.outcome.value,
        "steps": None if plan is None else len(plan.steps),
        "adaptations": None if plan is None else [each.model_dump(mode="json") for each in plan.adaptations],
        "refused": [{"feature": feature, "instead": instead} for feature, instead in column.refused],
        "would_change": list(column.lost),
        "explained": None if plan is None else _told(plan),
    }


def _told(plan: Plan) -> list[JsonValue]:
    return [*explain(plan)[: len(plan.steps)]]


def _table(columns: Sequence[Column]) -> Table:
    """A column a connection; a row for what becomes of it, for each feature that one of them loses, for the steps."""
    table = Table(box=HORIZONTALS, pad_edge=False, header_style="bold", show_lines=True)
    table.add_column("", style="dim")
    for column in columns:
        title = column.name if column.name == column.provider else f"{column.name} ({column.provider})"
        table.add_column(printable(title), overflow="fold", max_width=_WIDTH)
    table.add_row("outcome", *(_colored(column.outcome) for column in columns))
    features = dict.fromkeys(feature for column in columns for feature, _ in _changes(column))
    for feature in features:
        table.add_row(feature, *(_cell(column, feature) for column in columns))
    table.add_row("steps", *(str(len(column.plan.steps)) if column.plan else "" for column in columns))
    sent = ("\n".join(str(line) for line in _told(column.plan)) if column.plan else "" for column in columns)
    table.add_row("calls", *(Text(lines) for lines in sent))
    return table


def _colored(outcome: Outcome) -> Text:
    colors = {Outcome.CARRIED: "green", Outcome.ADAPTED: "yellow", Outcome.REFUSED: "red"}
    return Text(outcome.value, colors[outcome])


def _cell(column: Column, feature: str) -> Text:
    return Text("\n".join(words for name, words in _changes(column) if name == feature))


def _changes(column: Column) -> Iterator[tuple[str, str]]:
    """Say feature by feature what is not as it was asked."""
    for feature, instead in column.refused:
        yield feature, f"refused; ask for: {instead}"
    for feature in column.lost:
        yield feature, "would change"
    yield from (_change(each) for each in (column.plan.adaptations if column.plan else ()))


def _change(adaptation: Adaptation) -> tuple[str, str]:
    return adaptation.feature.value, f"{adaptation.happened}: {adaptation.why}"
