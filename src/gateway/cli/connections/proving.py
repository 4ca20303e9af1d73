"""`gateway connections test`: whether credentials work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import JsonValue
from rich.text import Text

from gateway.cli.api import Api, KeyFile, ServiceUrl, path, service_if
from gateway.cli.configured import (
    DEFAULT,
    ConfigFile,
    JsonFlag,
    check_connection,
    complete_connection,
    gateway_for,
    opened,
)
from gateway.cli.failing import ExitCode, Problem, problem_of
from gateway.cli.screen import Screen, printable
from gateway.errors import Forbidden, GatewayError, Unauthenticated

if TYPE_CHECKING:
    from gateway.client import Gateway

__all__ = ["prove"]


def prove(
    ctx: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(help="Which connection; all where none is named.", autocompletion=complete_connection),
    ] = None,
    *,
    config: ConfigFile = DEFAULT,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Prove that the credentials work, by a call that changes nothing at the vendor.

    Those of a service, or else of the configuration. The exit code is that of the failure; 1 where several failed in
    different ways.
    """
    screen: Screen = ctx.obj
    service = service_if(ctx, url, key_file)
    if service is None:
        results = asyncio.run(_test(screen, gateway_for(config), name))
    else:
        results = service.run(lambda api: _test_there(api, name))
    if json:
        screen.data([result.json() for result in results])
    else:
        for result in results:
            _tell(screen, result)
    codes = {result.problem.exit_code for result in results if result.problem}
    raise typer.Exit(codes.pop() if len(codes) == 1 else ExitCode.FAILED if codes else ExitCode.OK)


@dataclass(frozen=True, slots=True)
class _Result:
    """What came of the test of one connection."""

    connection: str
    provider: str
    says: str | None = None
    problem: Problem | None = None

    def json(self) -> dict[str, JsonValue]:
        base: dict[str, JsonValue] = {"name": self.connection, "provider": self.provider, "ok": self.problem is None}
        if self.problem:
            return {**base, "detail": None, "problem": self.problem.json()}
        return {**base, "detail": self.says, "problem": None}


async def _test(screen: Screen, gateway: Gateway, name: str | None) -> list[_Result]:
    async with opened(screen, gateway):
        if name is not None:
            check_connection(gateway, name)
        named = [(each.name, each.provider.name) for each in gateway.connections if name in (None, each.name)]
        return list(await asyncio.gather(*(_check(*each, gateway.check(each[0])) for each in named)))


async def _test_there(api: Api, name: str | None) -> list[_Result]:
    wanted = None if name is None else await api.connection(name)
    found = [each for each in await api.connections() if wanted in (None, each["id"])]
    if wanted is not None and not found:
        found = [await api.get(path("connections", wanted))]
    return list(await asyncio.gather(*(_check(each["name"], each["provider"], _ask(api, each)) for each in found)))


async def _ask(api: Api, told: dict[str, Any]) -> str:
    return str((await api.look(path("connections", told["id"], "test"), None))["says"])


async def _check(name: str, provider: str, asked: Awaitable[str]) -> _Result:
    try:
        return _Result(name, provider, says=await asked)
    except (Unauthenticated, Forbidden):
        raise  # it is our key that the service refuses, not the vendor's
    except GatewayError as error:
        return _Result(name, provider, problem=problem_of(error, reading=True))


def _tell(screen: Screen, result: _Result) -> None:
    if result.problem:
        failed = f"failed  {result.connection} ({result.provider})"
        screen.show(Text.assemble(("✗ ", "bold red"), failed))
        screen.complain(result.problem)
    else:
        ok = f"ok      {result.connection} ({result.provider})  {printable(result.says or '')}"
        screen.show(Text.assemble(("✓ ", "bold green"), ok))
