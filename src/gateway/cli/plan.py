"""`gateway plan`: what would be sent and what would be changed, without sending."""

from __future__ import annotations

import asyncio
from pathlib import Path

import typer

from gateway.cli.api import Api, KeyFile, ServiceUrl, service_if
from gateway.cli.composing import (
    Attach,
    ChannelName,
    Composed,
    EffectName,
    PolicyName,
    ReplyTo,
    Subject,
    To,
    Via,
    VoiceFlag,
    Words,
    compose,
)
from gateway.cli.configured import DEFAULT, ConfigFile, JsonFlag, gateway_for
from gateway.cli.remote_sending import plan_there
from gateway.cli.screen import Screen, printable
from gateway.client import Gateway
from gateway.fitting import Plan, explain

__all__ = ["plan", "show_plan"]

# both are given when it is really sent
_LATER = {"steps": {"__all__": {"action": {"key", "token"}}}}


def plan(
    ctx: typer.Context,
    to: To,
    text: Words = None,
    *,
    config: ConfigFile = DEFAULT,
    url: ServiceUrl = None,
    key_file: KeyFile = None,
    via: Via = None,
    effect: EffectName = None,
    subject: Subject = None,
    attach: Attach = None,
    voice: VoiceFlag = False,
    reply_to: ReplyTo = None,
    channel: ChannelName = None,
    policy: PolicyName = None,
    json: JsonFlag = False,
) -> None:
    """Say which calls a message would take and what would be adapted, and send nothing.

    By a service, or else by the configuration. Exit code 5: the connection cannot carry it like this; every problem
    is named.
    """
    composed = compose(
        text,
        attach=attach,
        voice=voice,
        effect=effect,
        subject=subject,
        reply_to=reply_to,
        channel=channel,
        policy=policy,
    )
    show_plan(ctx, to, composed, config=config, service=service_if(ctx, url, key_file), via=via, json=json)


def show_plan(
    ctx: typer.Context, to: str, composed: Composed, *, config: Path, service: Api | None, via: str | None, json: bool
) -> None:
    """Show what a service would do with a message, or else the configuration's gateway."""
    screen: Screen = ctx.obj
    if service is None:
        planned = asyncio.run(_plan(gateway_for(config), to, composed, via=via))
    else:
        planned = service.run(lambda api: plan_there(api, screen, to, composed, via=via))
    if json:
        screen.data(planned.model_dump(mode="json", exclude=_LATER))
        return
    for line in explain(planned):
        screen.show(printable(line))


async def _plan(gateway: Gateway, to: str, composed: Composed, *, via: str | None) -> Plan:
    try:
        return await gateway.plan(to, composed.message, via=via, policy=composed.policy)
    finally:
        await gateway.aclose()
