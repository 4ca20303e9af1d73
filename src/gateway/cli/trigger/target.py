"""Where a triggered webhook goes, and what proves it there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from pydantic import SecretStr

from gateway.cli.api import Api
from gateway.cli.failing import Usage, nearest
from gateway.config import load_config
from gateway.config.connections import ConnectionConfig
from gateway.errors import ConfigurationError, NoRoute

__all__ = ["LISTEN", "SECRET", "Target", "local_target", "secret_of", "service_target"]

LISTEN = "http://127.0.0.1:8000"
"""Where `gateway listen` takes webhooks in, unless it is told otherwise."""
SECRET = "GATEWAY_WEBHOOK_SECRET"  # noqa: S105 - a name
"""The variable with the secret of a connection that no configuration here has."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that takes webhooks, and the secret that its connection checks them with."""

    url: str
    secret: str | None = field(default=None, repr=False)
    config: Path | None = None
    """The configuration that it is from."""


def secret_of(file: Path | None) -> str | None:
    """Give the secret that was handed over beside a configuration; raises `ConfigurationError`."""
    if file is None:
        return os.environ.get(SECRET, "").strip() or None
    try:
        text = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(f"the secret file {file} cannot be read", hint="check its path and rights") from None
    if not text:
        raise ConfigurationError(f"the secret file {file} is empty", hint="write the webhook secret into it")
    return text


def local_target(
    config: Path, vendor: str, connection: str | None, to: str | None, fields: Sequence[str], *, asked: bool
) -> Target:
    """Take the connection of a configuration on this machine; `asked` says that the file was named.

    Without a file there has to be `to`. Raises `Usage`, `NoRoute`, `ConfigurationError`.
    """
    found = _found(config, vendor, connection) if asked or config.exists() else None
    if found is None and connection is not None:
        raise ConfigurationError(
            f"there is no {config} to find the connection {connection} in",
            hint="name it by --config FILE, or a service by --url URL",
        )
    if found is None:
        if to is None:
            raise Usage("where to?", hint="give --to URL, --connection NAME of a configuration, or --url URL too")
        return Target(_checked(to))
    url = _checked(to) if to is not None else f"{LISTEN}/webhooks/{quote(found.name, safe='')}"
    secret = next((_text(found.settings[name]) for name in fields if found.settings.get(name)), None)
    return Target(url, secret, config)


def _found(config: Path, vendor: str, connection: str | None) -> ConnectionConfig | None:
    """Find the connection: the one that is named, or the only one of that vendor; None where there is none of it."""
    known = {each.name: each for each in load_config(config).connections}
    if connection is None:
        mine = [each for each in known.values() if each.provider == vendor]
        if len(mine) > 1:
            names = ", ".join(each.name for each in mine)
            raise Usage(f"several connections are of {vendor}", hint=f"name one by --connection: {names}")
        return mine[0] if mine else None
    if connection not in known:
        there_are = f"there are: {', '.join(known) or 'none'}"
        raise NoRoute(f"there is no connection {connection!r}", hint=nearest(connection, known, there_are))
    _same_vendor(connection, known[connection].provider, vendor)
    return known[connection]


async def service_target(api: Api, vendor: str, connection: str | None) -> Target:
    """Take a connection of a running service, below the URL by which the service is asked."""
    mine = [each for each in await api.connections() if each["provider"] == vendor]
    if connection is not None:
        id_ = await api.connection(connection)
        found = next((each for each in await api.connections() if each["id"] == id_), None)
        if found is None:
            raise NoRoute(f"the service has no connection {id_}", hint="list them: gateway connections list")
        _same_vendor(connection, found["provider"], vendor)
    elif len(mine) == 1:
        [found] = mine
    else:
        names = ", ".join(each["name"] for each in mine)
        hint = f"name one by --connection: {names}" if mine else f"add one: gateway connections add {vendor}"
        raise Usage(f"the service has {len(mine)} connections of {vendor}", hint=hint)
    return Target(f"{api.url}{found['webhook_path']}")


def _same_vendor(connection: str, has: str, vendor: str) -> None:
    if has != vendor:
        raise Usage(f"the connection {connection} is of {has}", hint=f"gateway trigger {has} EVENT")


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Usage("--to is no URL", hint=f"write it as {LISTEN}/webhooks/NAME")
    return url


def _text(value: Any) -> str | None:
    """Read a setting that is a secret, or several: the first is the present one."""
    if isinstance(value, list | tuple):
        value = value[0] if value else None
    return value.get_secret_value() if isinstance(value, SecretStr) else value
