"""The command; what it runs is imported when it runs, and that takes long enough to say a line before."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from importlib.util import find_spec
from typing import Annotated, Any

import typer

from gateway.cli.failing import ExitCode, Usage
from gateway.cli.screen import Screen
from gateway.errors import ConfigurationError

__all__ = ["demo"]

INSTALL = "pip install 'messaging-gateway[server]'"
_OF_SERVICE = ("cryptography", "fastapi", "opentelemetry", "prometheus_client", "puremagic", "strawberry")


def _complete(incomplete: str) -> list[str]:
    from gateway.cli.simulate import complete_vendor

    return complete_vendor(incomplete)


def demo(
    ctx: typer.Context,
    vendors: Annotated[
        list[str] | None,
        typer.Argument(metavar="[VENDOR]…", help="Which vendors; else all that exist.", autocompletion=_complete),
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
    opens: Annotated[
        bool,
        typer.Option("--open/--no-open", help="Open phone and console in a browser, at a terminal with a display."),
    ] = True,
    json: Annotated[bool, typer.Option("--json", help="One JSON document a line for everything that happens.")] = False,
) -> None:
    """Watch one conversation go through every vendor, with nothing but this machine.

    Simulated vendors, the service with a connection to each, and an echo bot behind it; the same application code plays
    on each. Exit code 1: a step did not happen.
    """
    screen: Screen = ctx.obj
    if forward_to is not None:
        _check_bot(forward_to, once=once)
    chosen = _chosen(vendors) if vendors else []
    if not json:
        _greet(screen)
    what = {"port": port, "forward_to": forward_to, "once": once, "house": _house(screen)}
    shown = opens and not once and not json
    fine = asyncio.run(_played(screen, chosen or _chosen([]), json=json, opens=shown, **what))
    raise typer.Exit(ExitCode.OK if fine else ExitCode.FAILED)


async def _played(screen: Screen, vendors: list[str], *, json: bool, opens: bool, **what: Any) -> bool:
    from gateway.cli.demo.browser import browser
    from gateway.cli.demo.stage import Script, play
    from gateway.cli.demo.telling import People, Programs

    script = Script(vendors, show=browser(sys.stdout) if opens else None, **what)
    return await play(partial(Programs if json else People, screen), script)


def _chosen(vendors: list[str]) -> list[str]:
    from gateway.cli.simulate import check_vendors, real_vendors

    chosen = check_vendors(vendors or real_vendors())
    if not chosen:
        raise ConfigurationError("no provider with a simulator is installed", hint="see what is: gateway providers")
    return chosen


def _greet(screen: Screen) -> None:
    """Say the first line."""
    from rich.text import Text

    what = "one conversation, the same code, every vendor; all of it on this machine"
    screen.show(Text.assemble(("gateway demo", "bold"), f"  {what}"), "")


def _house(screen: Screen) -> str:
    """Say on what it is played."""
    if _has_service():
        return "service"
    screen.note(f"without the service, its API and its console; they come with: {INSTALL}")
    return "library"


def _has_service() -> bool:
    """Tell whether the extra `server` is installed, without importing what is in it."""
    return all(find_spec(name) is not None for name in _OF_SERVICE)


def _check_bot(url: str, *, once: bool) -> None:
    """Refuse what is no URL, and a conversation that would be over before it began."""
    from gateway.simulator.webhooks import check_url

    if once:
        raise Usage("--once and --forward-to do not go together", hint="your own bot has no conversation to play")
    try:
        check_url(url)
    except ValueError as error:
        raise Usage(f"--forward-to: {error}", hint="write it as http://127.0.0.1:8000/…") from None
