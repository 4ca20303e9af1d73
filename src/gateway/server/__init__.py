"""The service: REST, GraphQL, files and webhooks over HTTP, for many customers' vendor accounts at once.

Needs the extra `server`: `pip install messaging-gateway[server]`.
"""

from __future__ import annotations

from importlib.util import find_spec

from gateway.errors import ConfigurationError

for _needed in ("cryptography", "fastapi", "opentelemetry", "prometheus_client", "puremagic", "strawberry"):
    if find_spec(_needed) is None:  # pragma: no cover - the tests have the extra
        raise ConfigurationError(f"the service needs {_needed}", hint="pip install 'messaging-gateway[server]'")

from gateway.server.app import create_app  # noqa: E402 - after the check above, which names what is missing
from gateway.server.service import Service, open_service  # noqa: E402 - as above

__all__ = ["Service", "create_app", "open_service"]
