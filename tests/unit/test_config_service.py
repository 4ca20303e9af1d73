"""The whole configuration of the service: which source goes before which, and what is said about a mistake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway import ConfigurationError
from gateway.config import ServiceConfig, insecure, is_public, load_service

FILE = """\
[gateway]
store = "sqlite:///from-file.db"

[server]
port = 1111
proxies = ["10.0.0.1"]

[platforms]
imessage = "echo"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration file."""
    path = tmp_path / "gateway.toml"
    path.write_text(FILE, encoding="utf-8")
    return path


def test_a_flag_goes_before_the_environment_before_the_file_before_the_default(file: Path) -> None:
    """Each setting says where it comes from."""
    environment = {"GATEWAY__SERVER__PORT": "2222", "GATEWAY__SERVER__HOST": "::1", "OTHER": "x"}
    config = load_service(file, environment=environment, flags={("server", "host"): ("--host", "localhost")})
    assert (2222, "localhost", ("10.0.0.1",), 25) == (
        config.server.port,
        config.server.host,
        config.server.proxies,
        config.server.drain,
    )
    places = {key: str(config.origin("server", key)) for key in ("port", "host", "proxies", "drain")}
    assert {
        "port": "GATEWAY__SERVER__PORT",
        "host": "--host",
        "proxies": "gateway.toml:6",
        "drain": "default",
    } == places
    assert {"imessage": "echo"} == config.platforms


def test_lists_numbers_flags_and_tables_come_from_the_environment() -> None:
    """Commas between words, and a table by one word more."""
    config = load_service(
        environment={
            "GATEWAY__SERVER__PROXIES": "10.0.0.1, 10.0.0.2",
            "GATEWAY__GATEWAY__CATCH_UP": "true",
            "GATEWAY__GATEWAY__PACE__CONNECTION": "10/s",
            "GATEWAY__GATEWAY__PACE__RECIPIENT": "1/s",
            "GATEWAY__FORWARD__SCHEDULE": "0,5",
        }
    )
    assert (("10.0.0.1", "10.0.0.2"), True, {"connection": "10/s", "recipient": "1/s"}, (0.0, 5.0)) == (
        config.server.proxies,
        config.gateway.catch_up,
        config.gateway.pace,
        config.forward.schedule,
    )


def test_a_secret_may_be_in_a_mounted_file(tmp_path: Path) -> None:
    """`…_FILE` names it; both at once are refused, since nobody could tell which counts."""
    (tmp_path / "key").write_text(f"{'k' * 40}\n")
    variable = {"GATEWAY__SERVER__ADMIN_KEY_FILE": str(tmp_path / "key")}
    config = load_service(environment=variable)
    assert config.server.admin_key is not None
    assert "k" * 40 == config.server.admin_key.get_secret_value()
    with pytest.raises(ConfigurationError, match="give the same setting"):
        load_service(environment=variable | {"GATEWAY__SERVER__ADMIN_KEY": "k" * 40})


def test_connections_of_a_file_take_secrets_from_the_environment(tmp_path: Path) -> None:
    """By the name of the connection, whatever its capitals and dashes."""
    path = tmp_path / "gateway.toml"
    path.write_text('[connections.Main-One]\nprovider = "echo"\n')
    [connection] = load_service(path, environment={"GATEWAY__CONNECTIONS__MAIN_ONE__API_KEY": "sk"}).connections
    assert ("Main-One", {"api_key": "sk"}) == (connection.name, connection.settings)


@pytest.mark.parametrize(
    ("text", "environment", "message", "hint"),
    [
        ("[server]\nprot = 1", {}, "gateway.toml:2: [server] has no 'prot'", "did you mean port?"),
        ("[sever]\nport = 1", {}, "gateway.toml:2: there is no [sever]", "did you mean server?"),
        ("[server]\nport = 70000", {}, "gateway.toml:2: [server] port: ", "see the settings of [server]"),
        ("", {"GATEWAY__SERVER__PROT": "1"}, "GATEWAY__SERVER__PROT: [server] has no 'prot'", "did you mean port?"),
        ("", {"GATEWAY__SEVER__PORT": "1"}, "GATEWAY__SEVER__PORT: there is no section", "did you mean server?"),
        ("", {"GATEWAY__PORT": "1"}, "GATEWAY__PORT names no setting", "write it as GATEWAY__SECTION__KEY"),
        ("", {"GATEWAY__SERVER__PORT": "x"}, "GATEWAY__SERVER__PORT: [server] port: ", "see the settings"),
        ("port = 1", {}, "gateway.toml:1: there is no [port]", "there are"),
        ("[server\n", {}, "is not TOML", "strings need quotes"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_a_hint(
    tmp_path: Path, text: str, environment: dict[str, str], message: str, hint: str
) -> None:
    """File and line, or the variable; and the nearest word that exists."""
    path = tmp_path / "gateway.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_service(path, environment=environment)
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


def test_a_mistake_never_shows_a_value() -> None:
    """It may be a secret that was put in the wrong place."""
    with pytest.raises(ConfigurationError) as caught:
        load_service(environment={"GATEWAY__SERVER__ADMIN_KEY": "hushhush"})
    assert "hushhush" not in f"{caught.value.message}{caught.value.hint}"


def test_what_is_shown_holds_no_secret(tmp_path: Path) -> None:
    """Of a URL the password is hidden, of a secret everything."""
    path = tmp_path / "gateway.toml"
    path.write_text('[connections.main]\nprovider = "echo"\napi_key = "hush-1"\n')
    config = load_service(
        path,
        environment={
            "GATEWAY__GATEWAY__STORE": "postgresql://me:hush-2@db/gateway?password=hush-3",
            "GATEWAY__SERVER__ADMIN_KEY": "hush-4" * 8,
            "GATEWAY__SECURITY__MASTER_KEY": "hush-5",
        },
    )
    told = {(item.section, item.key): item.value for item in config.told()}
    assert ("postgresql://me:•••@db/gateway", "•••", "•••", "•••") == (
        told["gateway", "store"],
        told["server", "admin_key"],
        told["security", "master_key"],
        told["connections.main", "api_key"],
    )
    assert "hush" not in f"{told}{config!r}"


def _secure(**more: Any) -> ServiceConfig:
    settings: dict[tuple[str, str], Any] = {
        ("server", "profile"): "production",
        ("server", "admin_key"): "k" * 32,
        ("server", "metrics"): "off",
        ("server", "host"): "0.0.0.0",  # noqa: S104 - what is tested
        ("security", "master_key"): f"k1:{'A' * 43}=",
        ("gateway", "public_url"): "https://gateway.example.com",
    }
    settings |= {tuple(name.split("__")): value for name, value in more.items()}  # type: ignore[misc]  # two words each
    return load_service(
        flags={words: (f"--{words[1]}", value) for words, value in settings.items() if value is not None}
    )


def test_production_takes_what_is_secure() -> None:
    """Nothing is refused without a reason."""
    assert [] == insecure(_secure(), keys=False)
    assert [] == insecure(_secure(server__admin_key=None), keys=True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"security__master_key": None}, "no master key"),
        ({"server__admin_key": None}, "without an API key"),
        ({"gateway__public_url": None}, "no public_url"),
        ({"gateway__public_url": "http://gateway.example.com"}, "https://"),
        ({"security__loopback": True}, "loopback"),
        ({"security__unverified": True}, "unverified"),
        ({"security__private_networks": ("*",)}, "private_networks *"),
        ({"security__private_networks": ("0.0.0.0/0",)}, "private_networks 0.0.0.0/0"),
        ({"server__proxies": ("*",)}, "proxies *"),
        ({"server__metrics": "open"}, "metrics open"),
        ({"server__log_level": "debug"}, "log_level debug"),
        ({"server__introspection": True}, "introspection"),
    ],
)
def test_production_refuses_what_is_insecure(change: dict[str, Any], words: str) -> None:
    """Each combination by itself, in words that name it."""
    [problem] = insecure(_secure(**change), keys=False)
    assert words in problem


def test_an_address_is_public_unless_it_is_this_machines() -> None:
    """Names are looked at, not asked for."""
    assert [False, False, False, True, True, True] == [
        is_public(host)
        for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "::", "gateway.internal")  # noqa: S104
    ]
