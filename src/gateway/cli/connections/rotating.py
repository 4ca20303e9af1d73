"""`gateway connections rotate`: new secrets, while those before them still pass for a while."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from gateway.cli.api import Api, KeyFile, ServiceUrl, path, service_at
from gateway.cli.configured import JsonFlag
from gateway.cli.connections.listing import There, account, facts
from gateway.cli.connections.settings import SetEnv, SetFile, Settings
from gateway.cli.deciding import DryRun, would
from gateway.cli.failing import Usage
from gateway.cli.screen import Screen

__all__ = ["rotate"]


def rotate(
    ctx: typer.Context,
    connection: There,
    *,
    set_file: SetFile = None,
    set_env: SetEnv = None,
    overlap: Annotated[
        float, typer.Option(min=0, max=720, metavar="HOURS", help="How long webhooks may still be signed by the old.")
    ] = 24,
    dry_run: DryRun = False,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    json: JsonFlag = False,
) -> None:
    """Replace secrets of a connection; webhooks that are signed by those before still pass for a while."""
    screen: Screen = ctx.obj

    async def ask(api: Api) -> dict[str, Any] | None:
        before = await account(api, connection)
        settings = Settings(await api.get(path("providers", before["provider"])))
        secrets = settings.read(None, set_file, set_env)
        if not secrets:
            there_are = ", ".join(sorted(settings.secrets)) or "none"
            raise Usage("no secret was given", hint=f"--set-file KEY=PATH; {before['provider']} has: {there_are}")
        if dry_run:
            words = f"replace {', '.join(secrets)} of {before['name']}"
            would(screen, words, json=json, connection=before["id"], secrets=[*secrets])
            return None
        body = {"secrets": secrets, "overlap_hours": overlap}
        told: dict[str, Any] = await api.post(path("connections", before["id"], "rotate"), body)
        return told

    told = service_at(url, key_file).run(ask)
    if told is None:
        return
    if json:
        screen.data(told)
        return
    screen.facts(facts(told))
    screen.note(f"prove the new ones: gateway connections test {told['name']}")
