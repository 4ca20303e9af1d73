"""The configuration file: what is wrong with it is said with its place and the next step."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from gateway import ConfigurationError, Gateway, Policy, Stale
from gateway.config import Config, ConnectionConfig, load_config


@pytest.fixture
def write(tmp_path: Path) -> object:
    """Write a configuration file and give its path."""
    return lambda text: _written(tmp_path / "gateway.toml", text)


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_whole_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets are given as they are, by environment, or by a file beside the configuration; in lists and tables too."""
    monkeypatch.setenv("A_KEY", "from env")
    (tmp_path / "secret.txt").write_text("from file\n")
    path = _written(
        tmp_path / "gateway.toml",
        """
        [gateway]
        store = "memory:"
        policy = "graceful"
        public_url = "https://example.com/x"
        [connections.main]
        provider = "p"
        policy = "strict"
        labels = {team = "blue"}
        api_key = "env:A_KEY"
        secrets = ["file:secret.txt", "plain"]
        deep = {key = "env:A_KEY", number = 3}
        """,
    )

    assert Config(
        store="memory:",
        policy=Policy.GRACEFUL,
        public_url="https://example.com/x",
        connections=(
            ConnectionConfig(
                name="main",
                provider="p",
                policy=Policy.STRICT,
                labels={"team": "blue"},
                settings={
                    "api_key": "from env",
                    "secrets": ["from file", "plain"],
                    "deep": {"key": "from env", "number": 3},
                },
            ),
        ),
    ) == load_config(path)


def test_what_comes_after_an_outage_is_set_in_the_file(tmp_path: Path) -> None:
    """Whether it is fetched, by connection too; when it is old news, and whether handlers get it then."""
    path = _written(
        tmp_path / "gateway.toml",
        """
        [gateway]
        catch_up = true
        stale_after = 7200
        dispatch_stale = false
        [connections.main]
        provider = "p"
        catch_up = false
        """,
    )
    main = ConnectionConfig(name="main", provider="p", settings={}, catch_up=False)
    stale = Stale(timedelta(hours=2), dispatch=False)

    assert Config(catch_up=True, stale=stale, connections=(main,)) == load_config(path)
    assert Stale(None) == load_config(_written(path, "[gateway]\nstale_after = 0")).stale


@pytest.mark.parametrize(
    ("text", "words", "hint"),
    [
        ("[gatewya]", "has no 'gatewya'", "did you mean gateway?"),
        ("[gateway]\npolcy = 'strict'", "[gateway] has no 'polcy'", "did you mean policy?"),
        ("[gateway]\npolicy = 'loose'", "policy is 'loose'", '"strict" or "graceful"'),
        ("[gateway]\nstore = 3", "store has to be a string", "quotes"),
        ("[connections.a]\napi_key = 'x'", "names no provider", "provider"),
        ("[connections]\na = 3", "[connections.a] has to be a table", "key = value"),
        ("[connections.a]\nprovider = 'p'\nkey = 'env:NOT_SET_HERE'", "NOT_SET_HERE", "export NOT_SET_HERE"),
        ("[connections.a]\nprovider = 'p'\nkey = 'file:nowhere'", "nowhere", "check path"),
        ("[gateway]\ncatch_up = 'yes'", "[gateway] catch_up has to be true or false", "without quotes"),
        ("[connections.a]\nprovider = 'p'\ncatch_up = 1", "[connections.a] catch_up has to be", "without quotes"),
        ("[gateway]\nstale_after = true", "stale_after has to be seconds", "3600"),
        ("[gateway]\nstale_after = -1", "stale_after has to be seconds", "3600"),
        ("[gateway]\ndispatch_stale = 0", "dispatch_stale has to be true or false", "without quotes"),
        ("[gateway", "is not TOML", "quotes"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, words: str, hint: str) -> None:
    """The place, what is wrong there, and what to do."""
    with pytest.raises(ConfigurationError) as caught:
        load_config(_written(tmp_path / "gateway.toml", text))

    assert words in caught.value.message
    assert hint in (caught.value.hint or "")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """No traceback about opening files."""
    with pytest.raises(ConfigurationError, match="there is no file"):
        load_config(tmp_path / "nowhere.toml")


def test_the_store_may_be_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its URL can hold a password: it comes by the environment or a file, and is never shown."""
    monkeypatch.setenv("A_STORE", "sqlite:///canary.db")
    (tmp_path / "store.txt").write_text("sqlite:///canary.db\n")
    for text in ("env:A_STORE", "file:store.txt", "sqlite:///canary.db"):
        config = load_config(_written(tmp_path / "gateway.toml", f'[gateway]\nstore = "{text}"'))
        assert ("sqlite:///canary.db", False) == (config.store, "canary" in repr(config))
    missing = _written(tmp_path / "gateway.toml", '[gateway]\nstore = "env:NOT_SET"')
    with pytest.raises(ConfigurationError, match=r"\[gateway\] store needs the environment variable NOT_SET"):
        load_config(missing)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:canary@/db?pooler=session",
        "postgresql://me:canary@host:port/db",
        "postgresql://me@host/db?password=canary&connections=0",
        "postgres://me:canary@host/db",
        "sqlite:/canary",
        "sqlite:///canary?mode=ro",
        "mysql://me:canary@host/db",
        "canary@host/db",
    ],
)
def test_a_wrong_url_of_a_store_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """The error says what is wrong with it, in words."""
    monkeypatch.setenv("A_STORE", url)
    with pytest.raises(ConfigurationError) as caught:
        Gateway.from_config(_written(tmp_path / "gateway.toml", '[gateway]\nstore = "env:A_STORE"'))
    assert ("canary" in f"{caught.value} {caught.value.hint}", caught.value.__cause__) == (False, None)


def test_secrets_are_not_printed(tmp_path: Path) -> None:
    """`repr` of the configuration holds no setting."""
    path = _written(tmp_path / "gateway.toml", "[connections.a]\nprovider = 'p'\napi_key = 'hush'")

    assert "hush" not in repr(load_config(path))


async def test_wrong_settings_name_the_key_and_hide_the_value(tmp_path: Path) -> None:
    """Every provider's settings are checked before anything runs, with the nearest name for a misspelt one."""
    path = _written(tmp_path / "gateway.toml", "[connections.a]\nprovider = 'echo'\napi_kye = 'hush'")
    with pytest.raises(ConfigurationError) as caught:
        Gateway.from_config(path)

    assert "did you mean api_key?" in caught.value.message
    assert "hush" not in str(caught.value) + str(caught.value.hint)
