import json

import pytest

from gateway.cli.simulate import known_vendors, real_vendors
from tests.fronts.cli_runs import control, interrupt, line_with, problem, run, running


def test_json_says_in_one_line_where_everything_is() -> None:
    """Once it serves, one line on stdout has base URLs, control URL, keys and secrets; Ctrl-C ends it well."""
    vendors = known_vendors()
    options = [f"--api-key={name}=key-of-{name}" for name in vendors]
    with running("simulate", *vendors, "--port", "0", *options, "--seed", "7", "--json") as process:
        assert process.stdout is not None
        summary = json.loads(process.stdout.readline())
        index = control(summary, "GET", "/")
        code, rest, told = interrupt(process)
    assert {"base_urls", "control_url", "phone_url", "api_keys", "secrets"} == set(summary)
    assert {name: f"key-of-{name}" for name in vendors} == summary["api_keys"]
    assert [set(vendors)] * 2 == [set(summary["base_urls"]), set(summary["secrets"])]
    assert (vendors, 7) == (index["vendors"], index["seed"])
    assert (0, "") == (code, rest)
    assert "Traceback" not in told


def test_without_json_everything_is_for_people_on_stderr() -> None:
    """Without `--json` nothing goes to stdout."""
    with running("simulate", "echo") as process:
        assert "http://127.0.0.1:" in line_with(process.stderr, "control")
        code, out, _ = interrupt(process)
    assert (0, "") == (code, out)


@pytest.mark.parametrize("option", ["--webhook", "--secret", "--api-key"])
def test_a_pair_that_is_none_is_refused_without_its_value(option: str) -> None:
    """VENDOR=VALUE is asked for, and a value that may be a secret is not repeated."""
    result = run("simulate", "echo", option, "=hush-hush", "--json")
    assert (2, f"{option} is not VENDOR=VALUE") == (result.exit_code, problem(result)["detail"])
    assert "hush" not in result.output


def test_a_vendor_has_one_value_each() -> None:
    """The same vendor twice is a mistake, not a choice."""
    result = run("simulate", "echo", "--secret", "echo=a", "--secret", "echo=b")
    assert (2, "error: --secret is given twice for echo") == (result.exit_code, result.stderr.splitlines()[0])


def test_a_value_for_a_vendor_that_is_not_simulated_is_refused() -> None:
    """A misspelt vendor in an option is not overlooked."""
    result = run("simulate", "echo", "--webhook", "ecko=http://127.0.0.1:1/")
    assert (2, "error: --webhook names ecko, which is not simulated") == (
        result.exit_code,
        result.stderr.splitlines()[0],
    )


def test_an_invented_vendor_is_shown_only_when_it_is_named() -> None:
    """What no user has an account at is no part of the demo, and can be simulated all the same."""
    assert "echo" in known_vendors()
    assert real_vendors() == [name for name in known_vendors() if name != "echo"]
