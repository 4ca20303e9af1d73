"""`gateway scenario`: conversations as files, played against the demo's echo bot or a bot that runs somewhere."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue
from rich.text import Text

from gateway.cli.commands import Commands
from gateway.cli.failing import ExitCode, Usage
from gateway.cli.screen import Screen, printable
from gateway.cli.simulate import check_vendors, complete_vendor, real_vendors
from gateway.errors import ConfigurationError
from gateway.simulator import Simulation
from gateway.simulator.lint import Finding, lint
from gateway.simulator.scenario import Played, Scenario, StepPlayed, play
from gateway.transport import ClientError, plain_client

__all__ = ["app"]

_BRISK = 0.04
"""As in the demo: nobody watches it."""
_PATIENCE = 10.0
"""Seconds that a simulator has to answer."""

app: typer.Typer = typer.Typer(
    cls=Commands,
    help="Conversations as files, played against a bot.",
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def root(ctx: typer.Context) -> None:
    """Show the help where no command is given."""
    if ctx.invoked_subcommand is None:
        ctx.get_help()


@app.command("run")
def run(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The scenario, in TOML.")],
    *,
    via: Annotated[
        list[str] | None,
        typer.Option(
            metavar="VENDOR", help="Through which vendors; else those of the file.", autocompletion=complete_vendor
        ),
    ] = None,
    forward_to: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where a bot takes the vendor's webhooks; else the echo bot plays."),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the simulated vendor; 0 picks a free one.")] = 0,
    strict: Annotated[bool, typer.Option("--strict", help="What the protocol lint finds is a failure too.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON document a line for every step.")] = False,
) -> None:
    """Play a scenario with each vendor, and say which step did not happen and what the protocol lint found.

    The lint looks for double replies, replies to own messages, dots left on, secrets in URLs, slow handlers, forgeries
    that were taken. Exit code 1: something that was expected did not come, or with --strict, something was found.
    """
    screen: Screen = ctx.obj
    scenario = Scenario.load(file)
    vendors = check_vendors(via or list(scenario.vendors) or real_vendors())
    if not vendors:
        raise ConfigurationError("no provider with a simulator is installed", hint="see what is: gateway providers")
    if forward_to is not None and len(vendors) > 1:
        raise Usage("a bot somewhere else speaks to one vendor", hint=f"choose it: --via {vendors[0]}")
    fine, clean = asyncio.run(_play(screen, scenario, vendors, forward_to=forward_to, port=port, json=json))
    raise typer.Exit(ExitCode.OK if fine and (clean or not strict) else ExitCode.FAILED)


@app.command("record")
def record(
    ctx: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="The control URL that a simulator printed.")],
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="Where to write it; else to stdout.")] = None,
    *,
    name: Annotated[str, typer.Option(help="The scenario's name.")] = "recorded",
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON document: the scenario, and how many steps.")] = False,
) -> None:
    """Write what was said in a running simulator down as a scenario."""
    screen: Screen = ctx.obj
    if file is not None and file.exists() and not force:
        raise Usage(f"{file.name} is there already", hint="name another file, or say --force")
    text = asyncio.run(_recorded(url, name))
    steps = text.count("[[step]]")
    if file is not None:
        file.write_text(text, encoding="utf-8")
        screen.note(f"{file.name} has {steps} steps")
    if json:
        screen.data({"name": name, "steps": steps, "toml": text})
    elif file is None:
        screen.say(text.rstrip("\n"))


async def _recorded(url: str, name: str) -> str:
    """Ask a simulator's control API; raises `Usage`."""
    hint = "give the control URL, as in http://127.0.0.1:8900/_sim"
    async with plain_client(_PATIENCE) as client:
        try:
            answer = await client.get(f"{url.rstrip('/')}/recording", params={"name": name})
            return str(answer.json()["toml"])
        except (ClientError, ValueError, KeyError, TypeError) as error:
            raise Usage(f"there is no simulator at this URL ({type(error).__name__})", hint=hint) from None


async def _play(
    screen: Screen, scenario: Scenario, vendors: list[str], *, forward_to: str | None, port: int, json: bool
) -> tuple[bool, bool]:
    """Tell whether all happened that was expected, and whether the lint found nothing."""
    fine, clean = True, True
    for vendor in vendors:
        async with _staged(scenario, vendor, forward_to, port) as simulation:
            played = await play(scenario, simulation.scene, vendor, told=_teller(screen, scenario, vendor, json=json))
            findings = lint(simulation.scene)
        fine, clean = fine and played.fine, clean and not findings
        _tell_findings(screen, scenario, findings, json=json)
        _close(screen, scenario, played, json=json)
    return fine, clean


def _tell_findings(screen: Screen, scenario: Scenario, findings: list[Finding], *, json: bool) -> None:
    for finding in findings:
        if json:
            screen.data({"type": "finding", "scenario": scenario.name, **finding.json()})
        else:
            screen.show(Text.assemble(("  ? ", "yellow"), (finding.rule, "yellow"), f"  {finding.words}"))


@contextlib.asynccontextmanager
async def _staged(scenario: Scenario, vendor: str, forward_to: str | None, port: int) -> AsyncIterator[Simulation]:
    """Run a vendor's twin and the application: a bot that is there already, or the demo's own."""
    async with Simulation([vendor], seed=scenario.seed, port=port, clock=scenario.clock, latency=_BRISK) as simulation:
        if forward_to is not None:
            _point(simulation, vendor, forward_to)
            yield simulation
            return
        from gateway.cli.demo.story import add_bot
        from gateway.cli.serving import serving
        from gateway.client import Gateway

        async with Gateway(clock=simulation.clock) as gateway, serving(gateway.asgi()) as url:
            gateway.connect(vendor, vendor, **simulation.settings(vendor))
            simulation.set_webhook(vendor, f"{url}/webhooks/{vendor}")
            add_bot(gateway)
            yield simulation


def _point(simulation: Simulation, vendor: str, url: str) -> None:
    try:
        simulation.set_webhook(vendor, url)
    except ValueError as error:
        raise Usage(f"--forward-to: {error}", hint="write it as http://127.0.0.1:8000/…") from None


def _teller(screen: Screen, scenario: Scenario, vendor: str, *, json: bool) -> Callable[[StepPlayed], None]:
    def tell(step: StepPlayed) -> None:
        if json:
            shown: dict[str, JsonValue] = {"vendor": vendor, "step": step.number, "what": step.what, "ok": step.fine}
            screen.data({"type": "step", "scenario": scenario.name, **shown, "why": step.words or None})
            return
        mark, style = ("✓", "green") if step.fine else ("!", "bold red")
        head = Text.assemble((f"  {mark} ", style), (f"{step.number:>3}  ", "dim"), step.what)
        screen.show(head + Text(f"  {printable(step.words)}") if step.words else head)

    if not json:
        screen.show(Text.assemble((printable(scenario.name), "bold"), f"  with {vendor}"))
    return tell


def _close(screen: Screen, scenario: Scenario, played: Played, *, json: bool) -> None:
    count, left = len(played.steps), played.left
    if json:
        told: dict[str, JsonValue] = {"vendor": played.vendor, "ok": played.fine, "steps": count, "left": left}
        screen.data({"type": "played", "scenario": scenario.name, **told})
    elif played.fine:
        screen.show(Text(f"  all {count} steps happened", "green"), "")
    else:
        screen.show(Text(f"  step {count} did not happen; {left} further steps were not played", "bold red"), "")
