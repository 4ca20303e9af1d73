"""`gateway keys`, `files`, `contacts`, `export`, `erase`, `audit` against a running service."""

import contextlib
import json
import sqlite3
import stat
from pathlib import Path

import pytest

from tests.fronts.cli_runs import problem
from tests.fronts.cli_watched import Watched
from tests.server.desk import ADMIN_KEY, PHONE

MASKED = "+1••••••••23"
SOMEBODY = "+12025550177"


# ── tenants ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_tenant_is_made_listed_and_kept_otherwise(watched: Watched, tmp_path: Path) -> None:
    """With a key of its own, in a file, by which other commands work there."""
    assert watched.data("tenants", "create", "Ada's", "--dry-run")["dry_run"]
    file = tmp_path / "ada.key"
    made = watched.data("tenants", "create", "Ada's", "--bodies-days", "3", "--save", file)
    tenant = made["tenant"]["id"]
    assert ({"tenant", "key", "saved_to"}, tenant) == (
        set(made),
        json.loads(watched.run("keys", "me", "--key-file", file, "--json").stdout)["tenant"],
    )
    refused = watched.run("tenants", "list", "--key-file", file, "--json")
    assert (4, "forbidden") == (refused.exit_code, problem(refused)["code"])
    assert watched.data("tenants", "update", tenant, "--raw-days", "0", "--dry-run")["dry_run"]
    changed = watched.run("tenants", "update", tenant, "--raw-days", "0")
    assert (0, True) == (changed.exit_code, "raw for ever, bodies 3 days" in changed.stdout)
    assert 2 == watched.run("tenants", "update", tenant).exit_code
    listed = watched.run("tenants", "list").stdout
    assert (True, True) == ("default" in listed, "raw for ever, bodies 3 days" in listed)


def test_a_tenants_people_are_let_in_again(watched: Watched) -> None:
    """By another key, which is shown once."""
    made = watched.run("tenants", "create", "Ben's")
    told = {line.split("  ")[0]: line.split("  ")[-1].strip() for line in made.stdout.splitlines()}
    assert (0, "first", "admin") == (made.exit_code, told["name"], told["scopes"])
    assert watched.data("tenants", "key", told["tenant"], "--dry-run")["dry_run"]
    again = watched.data("tenants", "key", told["tenant"], "--name", "again")
    env = {"GATEWAY_API_KEY": again["secret"]}
    keys = json.loads(watched.run("keys", "list", "--json", env=env).stdout)
    assert {"first", "again"} == {each["name"] for each in keys}
    assert 7 == watched.run("tenants", "key", "tn_none").exit_code


# ── keys ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_secret_is_shown_once(watched: Watched) -> None:
    """It works, and no list has it."""
    result = watched.run("keys", "create", "viewer", "--expires", "2099-01-01")
    told = {line.split("  ")[0]: line.split("  ")[-1].strip() for line in result.stdout.splitlines()}
    assert (0, "viewer", "read", "all") == (result.exit_code, told["name"], told["scopes"], told["connections"])
    assert "the secret is shown this once; keep it now\n" == result.stderr
    env = {"GATEWAY_API_KEY": told["secret"]}
    assert told["key"] == json.loads(watched.run("keys", "me", "--json", env=env).stdout)["key"]
    assert 4 == watched.run("keys", "list", env=env).exit_code
    listed = watched.run("keys", "list", "--all", "--json").stdout + watched.run("keys", "list").stdout
    assert (True, False) == (told["key"] in listed, told["secret"] in listed)


def test_a_secret_may_go_into_a_file_that_only_its_owner_reads(watched: Watched, tmp_path: Path) -> None:
    """It is on no screen; the file is the `--key-file` of other commands."""
    file = tmp_path / "ci.key"
    told = watched.data("keys", "create", "ci", "--scope", "send", "--via", "main", "--save", file)
    assert ({"key", "saved_to"}, 0o600) == (set(told), stat.S_IMODE(file.stat().st_mode))
    assert [f"connections:{watched.connection}", "send"] == told["key"]["scopes"]
    result = watched.run("keys", "list", "--key-file", file, "--json")
    assert (4, "forbidden") == (result.exit_code, problem(result)["code"])
    again = watched.run("keys", "create", "ci", "--save", file)
    assert (2, f"error: {file} is there already") == (again.exit_code, again.stderr.splitlines()[0])


def test_a_file_for_a_key_that_was_not_made_is_not_left(watched: Watched, tmp_path: Path) -> None:
    """A rotation of a key that is not there."""
    assert 7 == watched.run("keys", "rotate", "key_none", "--save", tmp_path / "key").exit_code
    assert [] == list(tmp_path.iterdir())


def test_a_key_is_replaced_and_ended(watched: Watched) -> None:
    """The old one counts for a while; an ended one only shows with --all."""
    first = watched.data("keys", "create", "one", "--scope", "read")
    second = watched.data("keys", "rotate", first["key"]["id"], "--overlap", "1")
    assert first["key"]["id"] == second["key"]["replaces"]
    assert 2 == watched.run("keys", "revoke", second["key"]["id"]).exit_code
    assert watched.data("keys", "revoke", second["key"]["id"], "--dry-run")["dry_run"]
    assert watched.data("keys", "revoke", second["key"]["id"], "--yes")["revoked"]
    env = {"GATEWAY_API_KEY": second["secret"]}
    assert 4 == watched.run("keys", "me", env=env).exit_code
    assert second["key"]["id"] not in watched.run("keys", "list").stdout
    assert "revoked" in next(
        line for line in watched.run("keys", "list", "--all").stdout.splitlines() if second["key"]["id"] in line
    )


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["create", "x", "--scope", "snd"], "hint: did you mean send?"),
        (["create", "x", "--expires", "soon"], "error: --expires is not a time"),
        (["create", "x", "--via", "mian"], "hint: did you mean main?"),
    ],
)
def test_a_wrong_wish_for_a_key_says_what_would_be_right(watched: Watched, arguments: list[str], line: str) -> None:
    """And no key is made."""
    before = watched.data("keys", "list")
    result = watched.run("keys", *arguments)
    assert result.exit_code in {2, 7}
    assert line in result.stderr.splitlines()
    assert before == watched.data("keys", "list")
    assert watched.data("keys", "create", "x", "--dry-run")["dry_run"]
    assert before == watched.data("keys", "list")


# ── files ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_files_are_brought_listed_linked_and_forgotten(
    watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link is printed alone, so that a script can take it."""
    monkeypatch.setattr(watched.desk.service.gateway, "public_url", watched.desk.url)
    one, two = tmp_path / "one.txt", tmp_path / "two.txt"
    one.write_text("hello")
    two.write_text("hello there")
    first, second = watched.data("files", "put", one, two, "--expires", "2099-01-01", "--type", "text/plain")
    assert [("one.txt", 5, True), ("two.txt", 11, True)] == [
        (each["name"], each["size"], each["expires_at"].startswith("20")) for each in (first, second)
    ]
    table = watched.run("files", "list").stdout.splitlines()
    assert [second["id"], "11", "B", "text/plain"] == table[1].split()[:4]
    assert "size          11 B (11 bytes)" in watched.run("files", "show", second["id"]).stdout
    link = watched.run("files", "link", second["id"])
    assert "hello there" == watched.do(watched.desk.client.get(link.stdout.strip())).text
    assert 2 == watched.run("files", "remove", second["id"]).exit_code
    assert watched.data("files", "remove", second["id"], "--dry-run")["dry_run"]
    assert {"id": second["id"], "removed": True} == watched.data("files", "remove", second["id"], "--yes")
    assert 7 == watched.run("files", "show", second["id"]).exit_code


def test_a_file_that_is_not_there_is_a_wrong_call(watched: Watched, tmp_path: Path) -> None:
    """Before anything is brought; a dry run says how much it would be."""
    there = tmp_path / "there.txt"
    there.write_text("hello")
    before = watched.data("files", "list")
    assert 2 == watched.run("files", "put", there, tmp_path / "not-there").exit_code
    assert 5 == watched.data("files", "put", there, "--dry-run")["bytes"]
    assert before == watched.data("files", "list")


# ── contacts ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_contacts_are_listed_masked(watched: Watched) -> None:
    """Whole with --reveal; for people by the connection's name."""
    watched.written("hello to the list")
    table = watched.run("contacts", "list")
    assert [MASKED, "main"] == next(line for line in table.stdout.splitlines() if MASKED in line).split()[:2]
    assert PHONE not in table.output + watched.run("contacts", "list", "--json").output
    assert PHONE in [each["address"] for each in watched.data("contacts", "list", "--reveal", "--via", "main")]


def test_a_contact_who_wants_no_more_is_noted(watched: Watched) -> None:
    """A dry run notes nothing; the list shows who it was only with --reveal."""
    assert watched.data("contacts", "unsubscribe", "+12025550188", "--dry-run")["dry_run"]
    assert [] == watched.data("contacts", "consents", "--out")
    result = watched.run("contacts", "unsubscribe", "+12025550188")
    assert (0, "unsubscribed  +1••••••••88") == (result.exit_code, result.stdout.splitlines()[0])
    (row,) = watched.data("contacts", "consents", "--out")
    assert ("+1••••••••88", False, "operator") == (row["address"], row["agreed"], row["source"])
    assert "+12025550188" == watched.data("contacts", "consents", "--reveal")[0]["address"]
    assert 5 == watched.run("contacts", "opt-in-link", "Join", "--set", "a=b").exit_code
    assert 5 == watched.run("contacts", "reach", PHONE).exit_code


# ── export, erase ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_somebody_is_exported_and_erased(watched: Watched, tmp_path: Path) -> None:
    """All of it goes into a file that only its owner reads; then it is gone, and not before somebody said yes."""
    watched.run("send", SOMEBODY, "secret words")
    exported = watched.run("export", SOMEBODY)
    kinds = {json.loads(line)["kind"] for line in exported.stdout.splitlines()}
    assert (0, True) == (exported.exit_code, "message" in kinds)
    assert "secret words" in exported.stdout
    file = tmp_path / "all.ndjson"
    told = watched.data("export", SOMEBODY, "--to", file)
    lines = [json.loads(line)["kind"] for line in file.read_text().splitlines()]
    assert (len(lines), 1, 0o600) == (told["lines"], lines.count("message"), stat.S_IMODE(file.stat().st_mode))
    assert kinds <= set(lines)  # reports of its delivery may have come meanwhile
    assert 2 == watched.run("export", SOMEBODY, "--to", file).exit_code

    counts = watched.data("erase", SOMEBODY, "--dry-run")
    assert (True, 1) == (counts["dry_run"], counts["messages"])
    refused = watched.run("erase", SOMEBODY)
    assert (2, 1) == (refused.exit_code, watched.data("erase", SOMEBODY, "--dry-run")["messages"])
    result = watched.run("erase", SOMEBODY, "--yes")
    assert (0, ["erased    +1••••••••77", "messages  1"]) == (result.exit_code, result.stdout.splitlines()[:2])
    assert SOMEBODY not in result.output + refused.output
    assert {"events": 0, "messages": 0, "webhooks": 0}.items() <= watched.data("erase", SOMEBODY, "--dry-run").items()
    assert 2 == watched.run("erase", "nobody", "--yes").exit_code


# ── audit ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_audit_says_who_did_what(watched: Watched) -> None:
    """By who, by what, newest first; no address is in it."""
    for name in ("one", "audited"):
        watched.data("keys", "create", name)
    newest = watched.data("audit", "list", "--limit", "1", "--action", "key.")[0]
    assert ("key.created", "key_configured") == (newest["action"], newest["actor"])
    assert [] == watched.data("audit", "list", "--actor", "key_none")
    table = watched.run("audit", "list", "--limit", "3")
    assert (4, "there may be more; give a larger --limit\n") == (len(table.stdout.splitlines()), table.stderr)
    assert [] == [word for word in (ADMIN_KEY, PHONE, "secret") if word in table.output]


def test_an_audit_that_was_changed_is_exit_code_8(watched: Watched) -> None:
    """A whole one is 0, and gives the head to keep."""
    for name in ("one", "two"):
        watched.data("keys", "create", name)
    whole = watched.run("audit", "verify")
    assert (0, "whole  yes") == (whole.exit_code, whole.stdout.splitlines()[0])

    place = watched.desk.service.config.gateway.store.get_secret_value().removeprefix("sqlite:///")
    with contextlib.closing(sqlite3.connect(place, timeout=30)) as base, base:
        base.execute("update audit set actor = 'nobody' where number = 2")
    told = watched.run("audit", "verify", "--json")
    assert (8, False) == (told.exit_code, json.loads(told.stdout)["whole"])
    assert "no, line" in watched.run("audit", "verify").stdout
