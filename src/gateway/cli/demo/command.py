"""The command; what it runs is imported when it runs."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated

import typer

from gateway.cli.failing import ExitCode, Usage
from gateway.cli.screen import Screen
from gateway.cli.simulate import check_vendors, complete_vendor, real_vendors
from gateway.errors import ConfigurationError

__all__ = ["demo"]


def demo(
    ctx: typer.Context,
    vendors: Annotated[
        list[str] | None,
        typer.Argument(metavar="[VENDOR]…", help="Which vendors; else all that exist.", autocompletion=complete_vendor),
    ] = None,
    *,
    once: Annotated[bool, typer.Option("--once", help="Leave when the conversation is over.")] = False,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the simulator and its control API; 0 picks a free one.")
    ] = 0,
    forward_to: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where your own bot takes each message, in any language, and answers it."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document a line for everything that happens.")] = False,
) -> None:
    """Watch one conversation go through every vendor, with nothing but this machine.

    Simulated vendors, a gateway with a connection to each and an echo bot; the same application code plays on each.
    Exit code 1: a step did not happen.
    """
    from gateway.cli.demo.stage import play
    from gateway.cli.demo.telling import People, Programs

    screen: Screen = ctx.obj
    chosen = check_vendors(vendors or real_vendors())
    if not chosen:
        raise ConfigurationError("no provider with a simulator is installed", hint="see what is: gateway providers")
    if forward_to is not None:
        _check_bot(forward_to, once=once)
    teller = Programs if json else People
    fine = asyncio.run(play(partial(teller, screen), chosen, port=port, once=once, forward_to=forward_to))
    raise typer.Exit(ExitCode.OK if fine else ExitCode.FAILED)


def _check_bot(url: str, *, once: bool) -> None:
    """Refuse what is no URL, and a conversation that would be over before it began."""
    from gateway.simulator.webhooks import check_url

    if once:
        raise Usage("--once and --forward-to do not go together", hint="your own bot has no conversation to play")
    try:
        check_url(url)
    except ValueError as error:
        raise Usage(f"--forward-to: {error}", hint="write it as http://127.0.0.1:8000/…") from None
