import json
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from gateway import plugins
from gateway.cli.providers import describe
from gateway.hookspecs import PROJECT
from tests.fronts.cli_runs import run


def listed() -> list[dict[str, Any]]:
    """What `providers --json` prints."""
    result = run("providers", "--json")
    assert (0, "") == (result.exit_code, result.stderr)
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def test_the_table_names_every_provider_and_where_it_is_from() -> None:
    """`gateway providers` shows name, version and distribution of each."""
    result = run("providers")
    assert (0, "") == (result.exit_code, result.stderr)
    rows = {line.split()[0]: line for line in result.stdout.splitlines()[1:]}
    assert set(plugins.load().providers) == set(rows)
    assert "messaging-gateway-echo (gateway_echo)" in rows["echo"]


def test_json_tells_everything_of_each_provider() -> None:
    """Every object has the same keys, and its capabilities are those of the provider with their limits."""
    keys = {
        *("name", "title", "distribution", "version", "source", "problems", "hooks"),
        *("simulator", "capabilities", "settings", "codes"),
    }
    assert [keys] * len(listed()) == [set(each) for each in listed()]
    echo = next(each for each in listed() if each["name"] == "echo")
    shown = {key: echo[key] for key in ("title", "distribution", "source", "problems", "hooks", "simulator")}
    assert {
        "title": "Echo",
        "distribution": "messaging-gateway-echo",
        "source": "gateway_echo",
        "problems": [],
        "hooks": [],
        "simulator": True,
    } == shown
    [row] = echo["capabilities"]["rows"]
    assert ("direct", "partial") == (row["kind"], row["capabilities"]["levels"]["effect"])
    assert 2000 == row["capabilities"]["limits"]["text_length"]
    assert "confetti" in row["capabilities"]["limits"]["effects"]


def test_json_is_the_crosswalk_of_codes() -> None:
    """Every code of every provider, by phase: the error that it becomes, what that makes certain, and a hint."""
    providers = plugins.load().providers
    for each in listed():
        table = {(phase.value, code): row for (phase, code), row in providers[each["name"]].codes}
        assert list(table) == [(row["phase"], row["code"]) for row in each["codes"]] != []
        assert [(row.error.slug, row.certain, row.retriable, row.hint) for row in table.values()] == [
            (row["error"], row["certain"], row["retriable"], row["hint"]) for row in each["codes"]
        ]


@pytest.mark.parametrize("each", listed(), ids=lambda each: str(each["name"]))
def test_the_settings_are_a_json_schema_that_explains_them(each: dict[str, Any]) -> None:
    """The settings of every provider are described field by field, and what must not be seen is marked as such."""
    schema = each["settings"]
    assert ("object", False) == (schema["type"], schema["additionalProperties"])
    assert [] == [name for name, field in schema["properties"].items() if "description" not in field]
    assert "password" in [field.get("format") for field in schema["properties"].values()]
    assert each["capabilities"] is not None


def test_a_broken_plugin_is_shown_with_its_problem() -> None:
    """What cannot be imported has a name, a place and a problem, and neither capabilities nor settings."""
    broken = EntryPoint(name="broken", value="gateway_that_is_not_there", group=PROJECT)
    [found] = plugins.load_entries([broken]).found
    [described] = describe(found)
    assert ("broken", None, None) == (described["name"], described["capabilities"], described["settings"])
    assert ["it cannot be imported: ModuleNotFoundError: No module named 'gateway_that_is_not_there'"] == (
        described["problems"]
    )
