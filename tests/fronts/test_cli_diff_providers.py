"""`gateway diff-providers`: one message under every connection, side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fronts.cli_runs import document, problem, run

MESSAGE = {
    "text": "secret words",
    "subject": "News",
    "effect": "shooting-star",
    "parts": [{"type": "attachment", "url": "https://example.com/holiday.jpg"}],
}
AS_TOML = """
to = "+12025550123"
text = "secret words"
subject = "News"
effect = "shooting-star"

[[parts]]
type = "attachment"
url = "https://example.com/holiday.jpg"
"""


@pytest.fixture
def accounts(tmp_path: Path) -> Path:
    """Two connections, to a vendor that nobody reaches: nothing is called."""
    path = tmp_path / "accounts.toml"
    settings = 'provider = "echo"\napi_key = "k"\nwebhook_secret = "s"\nbase_url = "http://127.0.0.1:9"\n'
    path.write_text(f"[connections.main]\n{settings}[connections.other]\n{settings}")
    return path


def compared(file: str | Path, *arguments: str | Path, stdin: str | None = None) -> tuple[int, list[dict[str, Any]]]:
    """Give the exit code and the columns."""
    result = run("diff-providers", file, *arguments, "--json", stdin=stdin)
    return result.exit_code, document(result.stdout)["connections"]


@pytest.mark.parametrize(
    ("name", "text"),
    [("message.toml", AS_TOML), ("message.json", json.dumps(MESSAGE)), ("message", AS_TOML), ("-", AS_TOML)],
)
def test_a_message_is_read_as_toml_or_json(accounts: Path, tmp_path: Path, name: str, text: str) -> None:
    """By the file's ending, else whichever it is; `-` is stdin."""
    file = tmp_path / name
    if name != "-":
        file.write_text(text)
    code, columns = compared(name if name == "-" else file, "--config", accounts, stdin=text)

    assert (0, ["main", "other"]) == (code, [column["name"] for column in columns])
    assert [{"effect", "subject", "multipart"}] * 2 == [
        {change["feature"] for change in column["adaptations"]} for column in columns
    ]
    assert [("adapted", 2, "echo")] * 2 == [
        (column["outcome"], column["steps"], column["provider"]) for column in columns
    ]


@pytest.mark.parametrize(
    ("text", "outcome", "code"),
    [
        ('"hello"', "as asked", 0),
        ('["one", {"text": "two"}]', "as asked", 0),
        ('{"messages": ["one", "two"]}', "as asked", 0),
        ('{"text": "hi", "effect": "slam", "to": "+12025550123"}', "as asked", 0),
        ('{"text": "hi", "effect": "shooting-star"}', "adapted", 0),
        ('{"text": "hi", "to": "contact:ABC"}', "refused", 8),
    ],
)
def test_the_exit_code_says_whether_all_can_carry_it(accounts: Path, text: str, outcome: str, code: int) -> None:
    """Changed or not is 0; one that cannot at all makes it 8, and says what to ask for."""
    found, columns = compared("-", "--config", accounts, stdin=text)

    assert (code, [outcome] * 2) == (found, [column["outcome"] for column in columns])
    assert [outcome == "refused"] * 2 == [bool(column["refused"]) for column in columns]
    assert [outcome == "refused"] * 2 == [column["steps"] is None for column in columns]


def test_people_get_a_table_without_what_was_written(accounts: Path) -> None:
    """A column a connection, a row for what is lost; no text, no address, no URL."""
    shown = run("diff-providers", "-", "--config", accounts, stdin=AS_TOML)

    assert (0, "") == (shown.exit_code, shown.stderr)
    assert [] == [words for words in ("main (echo)", "adapted", "shooting-star", "steps") if words not in shown.stdout]
    assert [] == [words for words in ("secret", "holiday", "2025550123") if words in shown.output]


def test_without_a_configuration_every_vendor_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an account with default settings has it, and said so; a vendor that was made up for an example is not."""
    monkeypatch.chdir(tmp_path)
    result = run("diff-providers", "-", "--json", stdin='"hello"')
    columns = document(result.stdout)["connections"]

    assert (0, "there is no gateway.toml: every provider is shown with default settings\n") == (
        result.exit_code,
        result.stderr,
    )
    assert [column["provider"] for column in columns] == [column["name"] for column in columns] != []
    assert "echo" not in [column["name"] for column in columns]
    assert 3 == run("diff-providers", "-", "--config", "gateway.toml", stdin='"hello"').exit_code


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = [", "stdin cannot be read, as JSON"),
        ("7", "a message is a table of its fields"),
        ("[7]", "a message is a text, or a table of its fields"),
        ("{}", "parts: "),
        ('{"text": "secret words", "efect": "slam"}', "efect: Extra inputs are not permitted"),
        ('{"messages": []}', "`messages` is a list of messages"),
        ('{"messages": ["a"], "effect": "slam"}', "`messages` is a list of messages"),
        ('{"text": "secret words", "to": "12"}', "a phone number is + and 7 to 15 digits"),
        ('{"parts": 7}', "`parts` is a list"),
    ],
)
def test_what_is_no_message_is_a_usage_error(accounts: Path, text: str, words: str) -> None:
    """Exit code 2, what is wrong, and nothing of what was written."""
    result = run("diff-providers", "-", "--config", accounts, "--json", stdin=text)

    assert 2 == result.exit_code
    assert words in problem(result)["detail"]
    assert "secret" not in result.output


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Neither is a folder one, nor a picture."""
    picture = tmp_path / "a.png"
    picture.write_bytes(b"\x89PNG\xff\xfe")
    found = [run("diff-providers", each, "--json") for each in (tmp_path / "no.toml", tmp_path, picture)]

    assert [2, 2, 2] == [result.exit_code for result in found]
    assert [f"there is no file {tmp_path / 'no.toml'}", f"there is no file {tmp_path}"] == [
        problem(result)["detail"] for result in found[:2]
    ]
    assert problem(found[2])["detail"].endswith("is no text in UTF-8")
