"""`gateway connections` against a running service."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fronts.cli_runs import problem
from tests.fronts.cli_watched import Watched
from tests.server.desk import VENDOR, plain


def given(watched: Watched, **more: Any) -> dict[str, str]:
    """The settings of the twin, in the environment, where a command line may name them."""
    settings = {name: plain(value) for name, value in watched.desk.sim.settings(VENDOR).items()}
    return {f"TWIN_{name.upper()}": str(value) for name, value in {**settings, **more}.items()}


SECRETS = ("--set-env", "api_key=TWIN_API_KEY", "--set-env", "webhook_secret=TWIN_WEBHOOK_SECRET")


def added(watched: Watched, name: str, *more: str) -> dict[str, Any]:
    """Add a connection to the twin; gives what the command said."""
    env = given(watched)
    base = f"base_url={env['TWIN_BASE_URL']}"
    result = watched.run(
        "connections", "add", VENDOR, "--name", name, "--set", base, *SECRETS, *more, "--json", env=env
    )
    assert 0 == result.exit_code, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def secrets(watched: Watched) -> list[str]:
    """What must be in no output."""
    env = given(watched)
    return [env["TWIN_API_KEY"], env["TWIN_WEBHOOK_SECRET"]]


# ── add ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_account_is_added_and_says_where_its_vendor_has_to_deliver(watched: Watched) -> None:
    """The webhook's URL and the steps to register it, and no secret."""
    env = given(watched)
    result = watched.run(
        *("connections", "add", VENDOR, "--name", "shown", "--set", f"base_url={env['TWIN_BASE_URL']}"),
        *(*SECRETS, "--label", "team=a", "--pace", "connection=10/s", "--policy", "graceful", "--pin-media"),
        env=env,
    )
    found = watched.data("connections", "show", "shown")
    assert (0, "graceful", {"team": "a"}, True) == (
        result.exit_code,
        found["options"]["policy"],
        found["options"]["labels"],
        found["options"]["pin_media"],
    )
    path = found["webhook_path"]
    assert [path, "api_key, webhook_secret"] == [
        word for word in (path, "api_key, webhook_secret") if word in result.stdout
    ]
    assert "have the vendor deliver here:\n  1. " in result.stderr
    assert "then: gateway connections test shown\n" in result.stderr
    assert [] == [secret for secret in secrets(watched) if secret in result.output]


def test_json_is_the_connection_as_the_api_has_it(watched: Watched) -> None:
    """One document."""
    told = added(watched, "as-json")
    assert ("as-json", VENDOR, "active", ["api_key", "webhook_secret"]) == (
        told["name"],
        told["provider"],
        told["state"],
        sorted(told["secrets"]),
    )
    assert told == {
        name: value for name, value in watched.data("connections", "show", "as-json").items() if name in told
    }


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (["ecko"], "the service has no provider 'ecko'", None),
        (["echo", "--set", "api_ky=1"], "echo has no setting 'api_ky'", "did you mean api_key?"),
        (
            ["echo", "--set", "api_key=sk_1"],
            "api_key is secret, and a command line is seen by others",
            "--set-file api_key=PATH, or --set-env api_key=VARIABLE",
        ),
        (["echo", "--set", "line"], "--set takes KEY=VALUE", "write it as --set name=value"),
        (["echo", "--set-env", "api_key=NOT_THERE_1"], "there is no environment variable NOT_THERE_1", None),
        (["echo", "--set-file", "api_key=not/there"], "the file not/there cannot be read", None),
        (["echo"], "not given: api_key, webhook_secret", "--set-file api_key=PATH (The key, without `Bearer`.)"),
        (["echo", "--policy", "gracefull"], "--policy has no 'gracefull'", "did you mean graceful?"),
    ],
)
def test_a_wrong_call_says_what_would_be_right(
    watched: Watched, arguments: list[str], error: str, hint: str | None
) -> None:
    """Exit code 2, nothing is asked where nobody sits, and a secret that stood there is not repeated."""
    result = watched.run("connections", "add", *arguments)
    lines = result.stderr.splitlines()
    assert (2, "", f"error: {error}") == (result.exit_code, result.stdout, lines[0])
    assert hint is None or f"hint: {hint}" == lines[1]
    assert "sk_1" not in result.output


def test_settings_that_the_provider_refuses_are_exit_code_3(watched: Watched) -> None:
    """The service says which one, and not what stood in it."""
    env = given(watched, base_url="no url")
    result = watched.run(
        "connections", "add", VENDOR, "--set-env", "base_url=TWIN_BASE_URL", *SECRETS, "--json", env=env
    )
    assert (3, "configuration") == (result.exit_code, problem(result)["code"])
    assert "base_url" in problem(result)["detail"]
    assert [] == [secret for secret in secrets(watched) if secret in result.output]


def test_a_secret_may_be_in_a_file_or_come_through_a_pipe(watched: Watched, tmp_path: Path) -> None:
    """`--set-file key=-` reads stdin; the line end behind it is not part of it."""
    env = given(watched)
    file = tmp_path / "secret"
    file.write_text(env["TWIN_WEBHOOK_SECRET"] + "\n")
    arguments = (
        "--set-file",
        "api_key=-",
        "--set-file",
        f"webhook_secret={file}",
        "--set",
        f"base_url={env['TWIN_BASE_URL']}",
    )
    result = watched.run("connections", "add", VENDOR, "--name", "piped", *arguments, stdin=env["TWIN_API_KEY"] + "\n")
    assert (0, 0) == (result.exit_code, watched.run("connections", "test", "piped").exit_code)


def test_a_dry_run_adds_nothing(watched: Watched) -> None:
    """It says what it would do; secrets are dots."""
    before = watched.data("connections", "list")
    result = watched.run("connections", "add", VENDOR, *SECRETS, "--dry-run", env=given(watched))
    assert (
        0,
        "api_key         •••\nwebhook_secret  •••\n",
        f"nothing was done; it would add a connection to {VENDOR}\n",
    ) == (
        result.exit_code,
        result.stdout,
        result.stderr,
    )
    assert before == watched.data("connections", "list")


# ── list, show, test ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_connections_of_a_service_are_listed_where_one_is_named(watched: Watched) -> None:
    """By its URL in the environment; name, provider, state and id, and no secret."""
    table = watched.run("connections", "list")
    assert ["main", VENDOR, "active", watched.connection] == next(
        line.split() for line in table.stdout.splitlines() if line.startswith("main ")
    )
    assert "main" in [each["name"] for each in watched.data("connections", "list")]
    assert [] == [secret for secret in secrets(watched) if secret in table.output]


def test_a_configuration_on_the_command_line_goes_before_a_url_in_the_environment(
    watched: Watched, config: Path
) -> None:
    """What is nearer counts; two places on the command line are one too many."""
    listed = watched.run("connections", "list", "--config", config, "--json")
    assert ["/webhooks/main"] == [each["webhook_path"] for each in json.loads(listed.stdout)]
    both = watched.run("connections", "list", "--config", config, "--url", watched.desk.url)
    assert (2, "error: --config and --url name two places\nhint: give one of them\n") == (both.exit_code, both.stderr)


def test_one_connection_is_shown_with_how_it_does(watched: Watched) -> None:
    """By name or by id; what waits, and when something last came in."""
    by_name, by_id = (watched.run("connections", "show", word) for word in ("main", watched.connection))
    assert (0, by_name.stdout) == (by_id.exit_code, by_id.stdout)
    facts = {line.split("  ")[0]: line.split("  ")[-1].strip() for line in by_name.stdout.splitlines()}
    assert ("main", "active", "0 to leave") == (facts["connection"], facts["state"], facts["waiting"])
    assert watched.connection == watched.data("connections", "show", "main")["id"]


def test_a_connection_that_is_not_there_is_exit_code_7(watched: Watched) -> None:
    """The nearest is named."""
    result = watched.run("connections", "show", "mian")
    assert (7, "error: the service has no connection 'mian'\nhint: did you mean main?\n") == (
        result.exit_code,
        result.stderr,
    )
    assert 7 == watched.run("connections", "show", "pc_none").exit_code


def test_credentials_are_proven_through_the_service(watched: Watched) -> None:
    """The same lines as of a configuration; a key that the vendor refuses is exit code 4."""
    result = watched.run("connections", "test", "main")
    assert (0, f"✓ ok      main ({VENDOR})  Echo twin, lines: 1\n") == (result.exit_code, result.stdout)
    env = {**given(watched), "TWIN_API_KEY": "not-the-key"}
    base = f"base_url={env['TWIN_BASE_URL']}"
    watched.run("connections", "add", VENDOR, "--name", "bad", "--set", base, *SECRETS, env=env)
    bad = watched.run("connections", "test", "bad", "--json")
    (told,) = json.loads(bad.stdout)
    assert (4, False, 4) == (bad.exit_code, told["ok"], told["problem"]["exit_code"])
    assert "not-the-key" not in bad.output


# ── changed ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_connection_is_changed_in_what_is_named(watched: Watched) -> None:
    """The rest stays; a setting can be taken away; nothing at all is a wrong call."""
    added(watched, "before", "--label", "team=a")
    changed = watched.data("connections", "update", "before", "--name", "after", "--set", "line=+12025550100")
    assert ("after", "+12025550100", {"team": "a"}) == (
        changed["name"],
        changed["settings"]["line"],
        changed["options"]["labels"],
    )
    assert "line" not in watched.data("connections", "update", "after", "--unset", "line")["settings"]
    assert 2 == watched.run("connections", "update", "after").exit_code
    dry = watched.data("connections", "update", "after", "--name", "again", "--dry-run")
    assert (True, ["name"]) == (dry["dry_run"], dry["changes"])


def test_secrets_are_rotated_while_those_before_them_count(watched: Watched) -> None:
    """It says until when; no secret at all is a wrong call that names them."""
    told = added(watched, "rotated")
    env = {"TWIN_WEBHOOK_SECRET": "another-secret"}
    result = watched.run("connections", "rotate", "rotated", "--set-env", "webhook_secret=TWIN_WEBHOOK_SECRET", env=env)
    assert 0 == result.exit_code, result.output
    assert "old secrets" in result.stdout
    assert "another-secret" not in result.output
    assert watched.data("connections", "show", told["id"])["overlap_until"] is not None
    none = watched.run("connections", "rotate", "rotated")
    assert (2, "hint: --set-file KEY=PATH; echo has: api_key, webhook_secret") == (
        none.exit_code,
        none.stderr.splitlines()[1],
    )
    assert ["api_key"] == watched.data("connections", "rotate", "rotated", "--set-env", "api_key=HOME", "--dry-run")[
        "secrets"
    ]


def test_a_connection_is_disabled_and_enabled(watched: Watched) -> None:
    """With the reason; a dry run leaves it as it is."""
    added(watched, "switched")
    assert "active" == watched.data("connections", "disable", "switched", "--dry-run")["state"]
    result = watched.run("connections", "disable", "switched", "--reason", "maintenance")
    assert "connection  switched\nstate       disabled\nreason      maintenance\n" == result.stdout
    assert 7 == watched.run("connections", "test", "switched").exit_code
    assert "active" == watched.data("connections", "enable", "switched")["state"]


def test_nothing_is_removed_unasked(watched: Watched) -> None:
    """Without a terminal it takes --yes; a dry run does nothing."""
    told = added(watched, "gone")
    refused = watched.run("connections", "remove", "gone")
    assert (
        2,
        "error: this cannot be undone, and there is nobody to ask\nhint: say --yes, or try --dry-run first\n",
    ) == (
        refused.exit_code,
        refused.stderr,
    )
    assert watched.data("connections", "remove", "gone", "--dry-run")["dry_run"]
    assert {"id": told["id"], "name": "gone", "removed": True} == watched.data("connections", "remove", "gone", "--yes")
    assert 7 == watched.run("connections", "show", "gone").exit_code


def test_what_a_vendor_cannot_is_exit_code_5(watched: Watched) -> None:
    """This one has no API for webhooks, and keeps none that could be fetched later."""
    for command in ("webhooks", "catch-up"):
        result = watched.run("connections", command, "main", "--json")
        assert (5, "unsupported") == (result.exit_code, problem(result)["code"]), command
    assert watched.data("connections", "register", "main", "--dry-run")["url"] is None
    # without a public URL of the service there is nothing to register
    assert 3 == watched.run("connections", "register", "main").exit_code
