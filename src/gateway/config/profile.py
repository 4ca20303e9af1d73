"""What the production profile refuses: combinations that are handy at a desk, and holes on a server."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from gateway.config.service import ServiceConfig

__all__ = ["insecure", "is_public"]


def insecure(config: ServiceConfig, *, keys: bool) -> list[str]:
    """Say everything that production forbids, each with its origin and what to do; nothing where all is well.

    `keys` says that there is an API key already, so that none has to be made and shown at the start.
    """
    return [*_secrets(config, keys=keys), *_network(config)]


def _secrets(config: ServiceConfig, *, keys: bool) -> Iterator[str]:
    if config.security.master_key is None:
        yield "there is no master key: set GATEWAY__SECURITY__MASTER_KEY, or …_FILE, to ID:BASE64 of 32 bytes"
    if not keys and config.server.admin_key is None:
        yield (
            f"{config.server.host} would be open without an API key: set GATEWAY__SERVER__ADMIN_KEY, or …_FILE, for the"
            " first start"
        )
    if config.server.log_level == "debug":
        yield f"{config.origin('server', 'log_level')}: log_level debug tells more than it should"
    if config.server.introspection:
        yield f"{config.origin('server', 'introspection')}: introspection tells the schema to everybody"


def _network(config: ServiceConfig) -> Iterator[str]:
    public = config.gateway.public_url
    if public is None:
        yield "there is no public_url: vendors need to know where webhooks go; set GATEWAY__GATEWAY__PUBLIC_URL"
    elif not public.startswith("https://"):
        yield f"{config.origin('gateway', 'public_url')}: public_url has to begin with https://"
    if config.security.loopback:
        yield f"{config.origin('security', 'loopback')}: loopback lets endpoints be on this machine, and without TLS"
    if config.security.unverified:
        yield f"{config.origin('security', 'unverified')}: unverified takes webhooks from anybody"
    for network in config.security.private_networks:
        if network == "*" or ip_network(network).prefixlen == 0:
            yield f"{config.origin('security', 'private_networks')}: private_networks {network} opens the whole network"
    if "*" in config.server.proxies and is_public(config.server.host):
        yield f"{config.origin('server', 'proxies')}: proxies * lets everybody say who they are"
    if config.server.metrics == "open" and is_public(config.server.host):
        yield f"{config.origin('server', 'metrics')}: metrics open shows them to everybody; use key or off"


def is_public(host: str) -> bool:
    """Tell whether an address to listen on can be reached from other machines."""
    try:
        return not ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"
