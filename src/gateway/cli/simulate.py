"""`gateway simulate`: vendors' twins on a port of this machine, until it is interrupted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from gateway import plugins
from gateway.cli.failing import Usage, nearest
from gateway.cli.screen import Screen

__all__ = ["check_vendors", "complete_vendor", "known_vendors", "real_vendors", "simulate"]

_World: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Where the world is kept, to go on with it the next time.")
]


def complete_vendor(incomplete: str) -> list[str]:
    """Complete the name of a vendor that can be simulated."""
    return [name for name in known_vendors() if name.startswith(incomplete)]


def known_vendors() -> list[str]:
    """Name the vendors that can be simulated."""
    return sorted(name for name, cls in plugins.load().providers.items() if cls.simulator)


def real_vendors() -> list[str]:
    """Name those that can be simulated and exist; all of them where only examples are installed."""
    providers = plugins.load().providers
    return [name for name in known_vendors() if not providers[name].invented] or known_vendors()


def check_vendors(names: list[str]) -> list[str]:
    """Give the names back, each once; raises `Usage` for one that cannot be simulated."""
    known = known_vendors()
    for name in names:
        if name not in known:
            there_are = f"there are: {', '.join(known) or 'none; install a provider'}"
            raise Usage(f"there is no simulator of {name!r}", hint=nearest(name, known, there_are))
    return list(dict.fromkeys(names))


def simulate(
    ctx: typer.Context,
    vendors: Annotated[
        list[str], typer.Argument(metavar="VENDOR…", help="Which vendors.", autocompletion=complete_vendor)
    ],
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 picks a free one.")] = 0,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    seed: Annotated[int, typer.Option(help="The same seed makes the same world, ids, keys and delays.")] = 0,
    webhook: Annotated[
        list[str] | None, typer.Option(metavar="VENDOR=URL", help="Where a vendor's webhooks go; may be repeated.")
    ] = None,
    secret: Annotated[
        list[str] | None, typer.Option(metavar="VENDOR=SECRET", help="What webhooks are proven with; else made up.")
    ] = None,
    api_key: Annotated[
        list[str] | None, typer.Option(metavar="VENDOR=KEY", help="The key that a twin asks for; else made up.")
    ] = None,
    world: _World = None,
    json: Annotated[
        bool, typer.Option("--json", help="One line on stdout once it serves: base URLs, control URL, keys, secrets.")
    ] = False,
) -> None:
    """Simulate vendors: their API, their errors, their webhooks, and the phones behind them.

    Ctrl-C ends it. Contacts are driven through the control API, see its index at /_sim/.
    """
    from gateway.simulator import serve

    screen: Screen = ctx.obj
    chosen = check_vendors(vendors)
    serve(
        chosen,
        host=host,
        port=port,
        seed=seed,
        webhooks=_pairs(webhook, "--webhook", chosen),
        secrets=_pairs(secret, "--secret", chosen),
        api_keys=_pairs(api_key, "--api-key", chosen),
        world=world,
        json_line=json,
        quiet=screen.quiet,
    )


def _pairs(given: list[str] | None, option: str, vendors: list[str]) -> dict[str, str]:
    """Read VENDOR=VALUE; what a value is stays out of complaints, for it may be a secret."""
    pairs: dict[str, str] = {}
    for each in given or []:
        vendor, equals, value = each.partition("=")
        if not (vendor and equals and value):
            raise Usage(f"{option} is not VENDOR=VALUE", hint=f"write it as {option} VENDOR=VALUE, without spaces")
        if vendor not in vendors:
            hint = nearest(vendor, vendors, f"there are: {', '.join(vendors)}; or add it to the command")
            raise Usage(f"{option} names {vendor}, which is not simulated", hint=hint)
        if vendor in pairs:
            raise Usage(f"{option} is given twice for {vendor}", hint="give it once for each vendor")
        pairs[vendor] = value
    return pairs
