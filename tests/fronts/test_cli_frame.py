import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from gateway.cli import app
from gateway.cli.commands import Commands
from gateway.cli.screen import Screen, flags_first, printable
from tests.fronts.cli_runs import PROGRAM, problem, run

GROUPS = {
    "config": ("show", "check"),
    "connections": (
        *("list", "test", "show", "add", "update", "rotate", "disable", "enable", "remove"),
        *("webhooks", "register", "unregister", "catch-up"),
    ),
    "events": ("tail", "list", "show"),
    "endpoints": ("add", "list", "show", "update", "rotate", "pause", "resume", "test", "remove"),
    "deliveries": ("list", "show", "resend", "recover"),
    "messages": ("send", "list", "show", "resolve", "resend", "cancel"),
    "files": ("put", "list", "show", "link", "remove"),
    "contacts": ("list", "consents", "reach", "unsubscribe", "opt-in-link"),
    "keys": ("create", "list", "rotate", "revoke", "me"),
    "tenants": ("create", "list", "update", "key"),
    "audit": ("list", "verify"),
    "quarantine": ("list", "show", "reparse"),
    "plugin": ("new", "check"),
    "scenario": ("run", "record"),
}
COMMANDS = (
    *("demo", "simulate", "scenario", "providers", "plugin", "connections", "send", "plan", "diff-providers"),
    *("listen", "events", "replay", "endpoints", "deliveries", "trigger", "serve", "config", "worker", "messages"),
    *("files", "contacts", "export", "erase", "keys", "tenants", "audit", "catch-up", "quarantine", "reparse"),
    *("drift", "doctor", "migrate", "backup"),
)
INNER = [f"{group} {name}" for group, names in GROUPS.items() for name in names]


def test_without_a_command_the_help_is_shown_and_all_is_well() -> None:
    """`gateway` alone says what there is, on stdout, and exits 0."""
    result = run()
    assert (0, "") == (result.exit_code, result.stderr)
    assert [] == [name for name in COMMANDS if name not in result.stdout]


@pytest.mark.parametrize("command", [*COMMANDS, *INNER])
def test_every_command_explains_itself(command: str) -> None:
    """`--help` works for every command and exits 0."""
    result = run(*command.split(), "--help")
    assert (0, "") == (result.exit_code, result.stderr)
    assert f"gateway {command}" in result.stdout


def test_every_command_that_prints_data_takes_json() -> None:
    """There is no command without `--json`."""
    commands = [*(name for name in COMMANDS if name not in GROUPS), *INNER]
    helps = {name: run(*name.split(), "--help", env={"COLUMNS": "120"}).stdout for name in commands}
    assert [] == [name for name, text in helps.items() if "--json" not in text]


def test_help_as_json_describes_every_command() -> None:
    """`--help --json` is one document of all commands, their arguments and options, and what exit codes mean."""
    result = run("--help", "--json")
    told = json.loads(result.stdout)
    described = {each["name"]: each for each in told["commands"]}

    assert (0, "") == (result.exit_code, result.stderr)
    assert ["gateway", *(f"gateway {name}" for name in (*COMMANDS, *INNER))] == sorted(
        described, key=["gateway", *(f"gateway {name}" for name in (*COMMANDS, *INNER))].index
    )
    assert sorted(["gateway", *(f"gateway {group}" for group in GROUPS)]) == sorted(
        name for name, each in described.items() if each["group"]
    )
    send = described["gateway send"]
    options = {name: option for option in send["options"] for name in option["names"]}
    assert "Send one message, and wait until the vendor accepted it." in send["help"][0]
    assert ["to", "text"] == [argument["names"][0] for argument in send["arguments"]]
    assert [True, False] == [argument["required"] for argument in send["arguments"]]
    assert (True, "URL|PATH") == (options["--attach"]["repeated"], options["--attach"]["value"])
    assert ("GATEWAY_CONFIG", "NAME") == (options["--config"]["environment"], options["--effect"]["value"])
    assert "value" not in options["--voice"]
    assert {"0": "ok", "8": "problems", "130": "interrupted"}.items() <= told["exit_codes"].items()


def test_help_as_json_may_be_of_one_command() -> None:
    """Of a command, or of a group with what is in it; a misspelt one is a wrong call as ever, and `--` ends it."""

    def names(*arguments: str) -> list[str]:
        return [each["name"] for each in json.loads(run(*arguments, "--help", "--json").stdout)["commands"]]

    assert ["gateway plan"] == names("plan")
    assert ["gateway audit", "gateway audit list", "gateway audit verify"] == names("audit")
    assert ["gateway messages show"] == names("messages", "show")
    assert 2 == run("plna", "--help", "--json").exit_code
    assert "commands" not in run("plan", "--help", "--", "--json").stdout.split('"')


def test_the_version_is_the_distributions() -> None:
    """`--version` prints one line."""
    result = run("--version")
    assert (0, "") == (result.exit_code, result.stderr)
    assert re.fullmatch(r"gateway \d+\.\d+\.\d+\S*\n", result.stdout)


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        ("simulat echo", "there is no command 'simulat'", "did you mean simulate?"),
        ("frobnicate", "there is no command 'frobnicate'", f"there are: {', '.join(COMMANDS)}"),
        ("connections tst", "there is no command 'tst'", "did you mean test?"),
        ("send +12025550123 hi --efect slam", "no such option: --efect", "did you mean --effect?"),
        ("send +12025550123 hi --effect slamm", "--effect has no 'slamm'", "did you mean slam?"),
        ("send +12025550123 hi --channel imesage", "--channel has no 'imesage'", "did you mean imessage?"),
        ("send +12025550123 hi --policy gracefull", "--policy has no 'gracefull'", "did you mean graceful?"),
        ("simulate ecko", "there is no simulator of 'ecko'", "did you mean echo?"),
        ("demo ecko", "there is no simulator of 'ecko'", "did you mean echo?"),
        ("send", "missing argument 'TO'", "see: gateway send --help"),
        ("send +12025550123 hi there", "there are more arguments than this command takes", None),
        (
            "listen --port x",
            "invalid value for '--port': Input should be a valid integer, unable to parse string as an integer",
            "see: gateway listen --help",
        ),
    ],
)
def test_a_wrong_call_is_said_in_two_lines(arguments: str, error: str, hint: str | None) -> None:
    """A wrong call exits 2, says what is wrong and how to call it right, and prints no data."""
    result = run(*arguments.split())
    lines = result.stderr.splitlines()
    assert (2, "") == (result.exit_code, result.stdout)
    assert [f"error: {error}", "hint: "] == [lines[0], lines[1][:6]]
    assert hint is None or f"hint: {hint}" == lines[1]
    assert 2 == len(lines)


def test_a_text_that_was_not_quoted_is_not_repeated() -> None:
    """What may be the text of a message is in no complaint."""
    assert "secret words" not in run("send", "+12025550123", "hi", "secret words").output


def test_with_json_a_problem_is_the_data() -> None:
    """With `--json` stdout has one problem document and stderr says the same for people, wherever it went wrong."""
    result = run("send", "--json", "--efect", "slam")
    expected = {
        "type": "about:blank",
        "title": "usage",
        "detail": "no such option: --efect",
        "code": "usage",
        "exit_code": 2,
        "retryable": False,
        "hint": "did you mean --effect?",
    }
    assert expected == problem(result)
    assert "error: no such option: --efect\nhint: did you mean --effect?\n" == result.stderr


def test_flags_of_the_program_may_stand_anywhere_before_a_text() -> None:
    """`--debug`, `--no-color` and `--quiet` come to the front; what is behind `--` is text."""
    given = ["send", "+1", "--no-color", "--debug", "--quiet", "--", "--debug"]
    assert ["--no-color", "--debug", "--quiet", "send", "+1", "--", "--debug"] == flags_first(given)
    asked = Screen.asked(["send", "--", "--json", "--debug", "--no-color", "--quiet"])
    assert (False, False, True, False) == (asked.as_json, asked.debug, asked.color, asked.quiet)


def test_quiet_leaves_errors_and_data(tmp_path: Path) -> None:
    """With `--quiet` nothing but errors is on stderr, and stdout is as it was."""
    empty = tmp_path / "empty.toml"
    empty.write_text("")
    told, quiet = (run("connections", "list", "--config", empty, *flags) for flags in ((), ("--quiet",)))
    assert (f"{empty} has no connections\n", "") == (told.stderr, quiet.stderr)
    assert "error: there is no command" in run("nonsense", "--quiet").stderr
    assert run("--version").stdout == run("--version", "--quiet").stdout


def test_a_list_says_of_a_command_what_it_says_of_itself() -> None:
    """The list of commands imports none of them, and its lines are their own first sentences."""
    root = typer.main.get_command(app)
    assert isinstance(root, Commands)
    own = {name: " ".join((command.help or "").split("\n\n")[0].split()) for name, command in root.commands.items()}
    listed = {name: place.line for name, place in root.places.items()}
    assert listed == {name: re.split(r"(?<=[.!?]) (?=[A-Z])", words)[0].rstrip(".") for name, words in own.items()}


@pytest.mark.parametrize("flag", ["--version", "--help"])
def test_a_command_imports_what_it_needs(flag: str) -> None:
    """`--version` and `--help` wait for nothing of the engine or the vendors."""
    told = "import sys; from gateway.cli import main\ntry: main()\nfinally: print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", told, flag], capture_output=True, text=True, check=True)
    costly = {"gateway.client", "gateway.plugins", "gateway.log", "httpx", "structlog", "uvicorn"}
    assert set() == costly & set(done.stderr.split())


def test_the_version_waits_for_no_parser() -> None:
    """What scripts ask for most often needs neither the reading of a command line nor anything that draws."""
    told = "import sys; from gateway.cli import main; main(); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", told, "--version"], capture_output=True, text=True, check=True)
    assert set() == {"pydantic", "rich"} & set(done.stderr.split())
    assert run("--version").stdout == done.stdout


def test_a_reader_that_goes_away_is_no_reason_for_words() -> None:
    """`gateway … | head` ends without a traceback and without a complaint."""
    with subprocess.Popen(
        [*PROGRAM, "--help", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert "" == process.stderr.read()
    assert 1 == process.returncode


def test_a_traceback_is_shown_only_with_debug(tmp_path: Path) -> None:
    """An error is a sentence; with `--debug` it also says where it came from."""
    missing = tmp_path / "missing.toml"
    assert "Traceback" not in run("send", "+12025550123", "hi", "--config", missing).output
    assert "Traceback" in run("send", "+12025550123", "hi", "--config", missing, "--debug").stderr


@pytest.mark.parametrize("arguments", [["providers", "--no-color"], ["--no-color", "--help"], ["nonsense"]])
def test_there_is_no_colour_where_nobody_can_see_it(arguments: list[str]) -> None:
    """Into a pipe, or without colour, no escape code is written."""
    done = subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, check=False)
    assert "\x1b" not in done.stdout + done.stderr


def test_the_shell_can_complete_commands_and_options() -> None:
    """Completion as the shell asks for it names commands, options, vendors and effects."""

    def completed(words: str, count: int) -> list[str]:
        env = {"_GATEWAY_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(count)}
        return run(env=env).stdout.split()

    assert ["send"] == completed("gateway sen", 1)
    assert ["echo"] == completed("gateway simulate ech", 2)
    assert ["slam", "spotlight", "shooting-star"] == completed("gateway send --effect s", 3)
    assert ["--effect"] == completed("gateway send --ef", 2)


def test_what_a_contact_wrote_cannot_steer_the_terminal() -> None:
    """Escape codes, line ends and invisible marks are shown as what they are; emoji stay whole."""
    assert r"\x1b[31mred ⏎ two\x202e" == printable("\x1b[31mred\ntwo\u202e")
    assert "👩\u200d🚀❤\ufe0f" == printable("👩\u200d🚀❤\ufe0f")
    assert "abc…" == printable("abcdef", most=4)


def test_an_interrupt_is_told_by_the_exit_code() -> None:
    """Ctrl-C in the middle of something exits 130, in a word."""

    @app.command("interrupted", hidden=True)
    def interrupted() -> None:
        raise KeyboardInterrupt

    try:
        result = run("interrupted")
    finally:
        app.registered_commands.pop()
    assert (130, "", "interrupted\n") == (result.exit_code, result.stdout, result.stderr)


def test_data_is_one_document_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A JSON document has no line end and no escape code of its own."""
    Screen().data({"text": "a\nb\x1b"})
    assert {"text": "a\nb\x1b"} == json.loads(capsys.readouterr().out.removesuffix("\n"))
