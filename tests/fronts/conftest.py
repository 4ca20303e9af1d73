"""A simulated vendor in a process of its own, and a configuration that names it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fronts.cli_runs import running
from tests.fronts.cli_watched import Ear, Watched, listening_ear, watched_service


@pytest.fixture(scope="module")
def simulated() -> Iterator[dict[str, Any]]:
    """What `gateway simulate echo --json` says, while it runs."""
    with running("simulate", "echo", "--json") as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())


@pytest.fixture
def config(simulated: dict[str, Any], tmp_path: Path) -> Path:
    """A configuration with one connection to it."""
    return written(tmp_path / "gateway.toml", simulated, main={})


@pytest.fixture
def durable(config: Path) -> Path:
    """The same, with a store that outlives a process."""
    store = f"sqlite:///{config.with_name('gateway.db')}"
    config.write_text(f"[gateway]\nstore = {json.dumps(store)}\n{config.read_text()}")
    return config


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A running service with the connection `main`, and commands that ask it; one for all tests of a file."""
    with watched_service(tmp_path_factory.mktemp("service")) as made:
        yield made


@pytest.fixture
def ear() -> Iterator[Ear]:
    """A receiver of deliveries."""
    with listening_ear() as made:
        yield made


def written(path: Path, simulated: dict[str, Any], **connections: dict[str, str]) -> Path:
    """Write a configuration with connections to the simulated vendor; what is given replaces what would work."""
    lines = []
    for name, own in connections.items():
        settings = {
            "provider": "echo",
            "api_key": simulated["api_keys"]["echo"],
            "webhook_secret": simulated["secrets"]["echo"],
            "base_url": simulated["base_urls"]["echo"],
            **own,
        }
        lines += [f"[connections.{name}]", *(f"{key} = {json.dumps(value)}" for key, value in settings.items())]
    path.write_text("\n".join(lines) + "\n")
    return path
