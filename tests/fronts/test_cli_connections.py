import json
import socket
from pathlib import Path
from typing import Any

from tests.fronts.cli_runs import document, problem, run
from tests.fronts.conftest import written


def test_the_list_shows_the_connections_and_no_secret(simulated: dict[str, Any], tmp_path: Path) -> None:
    """Name, provider, policy, where; for people and for programs."""
    config = written(tmp_path / "gateway.toml", simulated, one={}, two={"policy": "graceful"})
    table, listed = run("connections", "list", "--config", config), run("connections", "list", "-c", config, "--json")
    assert [0, 0] == [table.exit_code, listed.exit_code]
    assert [["one", "echo", "strict"], ["two", "echo", "graceful"]] == [
        line.split()[:3] for line in table.stdout.splitlines()[1:]
    ]
    assert {
        "name": "two",
        "provider": "echo",
        "title": "Echo",
        "policy": "graceful",
        "labels": {},
        "api": simulated["base_urls"]["echo"],
        "webhook_path": "/webhooks/two",
    } == document(listed.stdout)[1]
    secrets = [simulated["api_keys"]["echo"], simulated["secrets"]["echo"]]
    assert [] == [secret for secret in secrets if secret in table.output + listed.output]


def test_a_key_that_works_is_proven_by_the_vendor(config: Path) -> None:
    """Exit code 0, and what the vendor said."""
    result = run("connections", "test", "--config", config)
    assert (0, "✓ ok      main (echo)  Echo twin, lines: 1\n", "") == (result.exit_code, result.stdout, result.stderr)


def test_a_key_that_is_refused_is_exit_code_4(simulated: dict[str, Any], tmp_path: Path) -> None:
    """The result stays data, the problem is said on stderr; the secret is nowhere."""
    config = written(tmp_path / "gateway.toml", simulated, good={}, bad={"api_key": "not-the-key"})
    result = run("connections", "test", "--config", config)
    assert (4, ["✓ ok      good (echo)  Echo twin, lines: 1", "✗ failed  bad (echo)"]) == (
        result.exit_code,
        result.stdout.splitlines(),
    )
    assert "hint: mend the key, then: gateway connections test bad" in result.stderr
    assert "not-the-key" not in result.output
    assert 0 == run("connections", "test", "good", "--config", config).exit_code


def test_different_failures_are_exit_code_1(simulated: dict[str, Any], tmp_path: Path) -> None:
    """A wrong key and a vendor that is away; each problem has its own code in the document."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        away = {"base_url": f"http://127.0.0.1:{taken.getsockname()[1]}/v1"}
        config = written(tmp_path / "gateway.toml", simulated, bad={"api_key": "not-the-key"}, away=away)
        result = run("connections", "test", "--config", config, "--json")
    assert (1, "") == (result.exit_code, result.stderr)
    found = {each["name"]: each["problem"]["exit_code"] for each in json.loads(result.stdout)}
    assert {"bad": 4, "away": 6} == found


def test_a_connection_that_is_not_there_is_exit_code_7(config: Path) -> None:
    """The nearest name is suggested."""
    result = run("connections", "test", "mian", "--config", config, "--json")
    assert (7, "did you mean main?") == (result.exit_code, problem(result)["hint"])


def test_wrong_settings_are_exit_code_3(simulated: dict[str, Any], tmp_path: Path) -> None:
    """Every wrong setting is named with what was meant, and no value of it."""
    config = written(tmp_path / "gateway.toml", simulated, main={"api_kye": "hush-hush"})
    result = run("connections", "list", "--config", config)
    assert (3, "") == (result.exit_code, result.stdout)
    assert "did you mean api_key?" in result.stderr
    assert "hush" not in result.stderr


def test_a_misspelt_provider_is_exit_code_3(simulated: dict[str, Any], tmp_path: Path) -> None:
    """The nearest provider is suggested."""
    config = written(tmp_path / "gateway.toml", simulated, main={"provider": "ecko"})
    result = run("connections", "list", "--config", config, "--json")
    assert (3, "did you mean echo?") == (result.exit_code, problem(result)["hint"])
