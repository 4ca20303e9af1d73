"""The program: all commands, and the one place where a failure becomes an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Annotated

import typer

from gateway.cli.commands import Commands, Place
from gateway.cli.screen import Screen

__all__ = ["app", "main"]


class _All(Commands):
    """Every command of `gateway`, in the order of the help: trying out, sending, receiving, looking, keeping."""

    places: Mapping[str, Place] = {
        "demo": Place(
            "gateway.cli.demo:demo", "Watch one conversation go through every vendor, with nothing but this machine"
        ),
        "simulate": Place(
            "gateway.cli.simulate:simulate",
            "Simulate vendors: their API, their errors, their webhooks, and the phones behind them",
        ),
        "scenario": Place("gateway.cli.scenario:app", "Conversations as files, played against a bot"),
        "providers": Place(
            "gateway.cli.providers:providers",
            "List the vendors that can be used, where each was found, and what is wrong with those that cannot",
        ),
        "plugin": Place("gateway.cli.plugin:app", "A provider of your own"),
        "connections": Place(
            "gateway.cli.connections:app", "The vendor accounts, of a configuration or of a running service"
        ),
        "send": Place("gateway.cli.send:send", "Send one message, and wait until the vendor accepted it"),
        "plan": Place(
            "gateway.cli.plan:plan", "Say which calls a message would take and what would be adapted, and send nothing"
        ),
        "diff-providers": Place(
            "gateway.cli.diff_providers:diff_providers",
            "Show one message under every connection side by side: what each would lose, adapt or refuse, in how many"
            " steps",
        ),
        "listen": Place("gateway.cli.listen:listen", "Take in webhooks, and print each event as it comes"),
        "events": Place("gateway.cli.events_list:app", "What happened, from a running service"),
        "replay": Place(
            "gateway.cli.replay:replay", "Send events to an endpoint again, one or all of a time, in order per chat"
        ),
        "endpoints": Place("gateway.cli.endpoints:app", "The URLs that a service forwards events to"),
        "deliveries": Place("gateway.cli.deliveries:app", "What became of events on their way to endpoints"),
        "trigger": Place(
            "gateway.cli.trigger:trigger",
            "Send one webhook to a gateway, made and signed as the vendor would, about something that happens now",
        ),
        "serve": Place(
            "gateway.cli.serve:serve",
            "Serve the API, take in webhooks, send, and forward events, until Ctrl-C or SIGTERM",
        ),
        "config": Place("gateway.cli.configuration:app", "The settings of the service"),
        "worker": Place(
            "gateway.cli.worker:worker",
            "Send what is kept in the store, and hand over what arrived, until Ctrl-C or SIGTERM",
        ),
        "messages": Place("gateway.cli.messages:app", "The messages in the store, or of a running service"),
        "files": Place("gateway.cli.files:app", "The files that a service keeps"),
        "contacts": Place("gateway.cli.contacts:app", "Who a service talks with, and what they agreed to"),
        "export": Place(
            "gateway.cli.erase:export", "Give all that a service keeps of somebody, one JSON document a line"
        ),
        "erase": Place("gateway.cli.erase:erase", "Erase somebody everywhere a service has them"),
        "keys": Place("gateway.cli.keys:app", "The keys of a service: who may use it, and for what"),
        "tenants": Place("gateway.cli.tenants:app", "The tenants of a service, for its operator"),
        "audit": Place("gateway.cli.audit:app", "Who did what on a service"),
        "catch-up": Place(
            "gateway.cli.catch_up:catch_up",
            "Fetch what arrived at the vendor while no gateway was there; each event is kept once",
        ),
        "quarantine": Place("gateway.cli.quarantine:app", "Webhooks that no parser could read, kept as they came"),
        "reparse": Place(
            "gateway.cli.reparse:reparse",
            "Parse kept webhooks again, and say what differs from what was made of them then",
        ),
        "drift": Place(
            "gateway.cli.drift:drift",
            "Count what vendors send that is new: events, fields, words, codes, and webhooks that no parser reads",
        ),
        "doctor": Place(
            "gateway.cli.doctor:doctor", "Make twenty checks of a service or a configuration, and say what to do next"
        ),
        "migrate": Place(
            "gateway.cli.migrate:migrate", "Bring the store's schema up to date, and name what was applied"
        ),
        "backup": Place(
            "gateway.cli.backup:backup",
            "Copy the store into one new file, while a gateway uses it or not, and print its path",
        ),
    }


app: typer.Typer = typer.Typer(
    name="gateway",
    cls=_All,
    help="One way to send and receive iMessage, whichever vendor carries it.",
    epilog="Data goes to stdout, everything else to stderr. --quiet, --debug and --no-color may stand behind a command"
    " too. --help --json describes a command, or all of them, for programs.",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def root(
    ctx: typer.Context,
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="On stderr nothing but errors.")] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours; NO_COLOR=1 does the same.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Log to stderr, and show where an error came from.")] = False,
) -> None:
    """Take what belongs to all commands."""
    screen: Screen = ctx.obj
    screen.quiet, screen.color, screen.debug = quiet, not no_color, debug
    if version:
        _say_version(screen)
        raise typer.Exit
    if ctx.invoked_subcommand is None:
        ctx.get_help()
    elif screen.owned:
        from gateway import log

        log.configure(json=False, level="debug" if debug else "critical")


def _say_version(screen: Screen) -> None:
    from importlib.metadata import version

    screen.say(f"gateway {version('messaging-gateway')}")


def main() -> None:
    """Be the program `gateway`: this process is ours, so its logging and its streams are too."""
    screen = Screen.asked(sys.argv[1:], owned=True)
    if not screen.color:
        os.environ["NO_COLOR"] = "1"  # typer's help looks there
    for stream in (sys.stdout, sys.stderr):
        # a terminal that cannot show a character gets another one, not an error
        getattr(stream, "reconfigure", lambda **_: None)(errors="replace")
    if sys.argv[1:] == ["--version"]:
        # to parse a command line takes pydantic, which takes longer than all the rest
        _say_version(screen)
        return
    app(obj=screen)
