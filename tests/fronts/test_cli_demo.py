import json
import re
import subprocess
from collections import Counter
from typing import Any

import pytest

from gateway.cli.demo import command, heard, phone
from gateway.cli.demo.house import Doors
from gateway.cli.demo.stage import Script, staged
from gateway.cli.demo.story import STEPS
from gateway.cli.demo.telling import People, Place
from gateway.cli.demo.verdict import Outcome, Verdict
from gateway.cli.screen import Screen
from gateway.cli.simulate import real_vendors
from gateway.simulator import Fault, FaultKind, Stage
from tests.fronts.cli_runs import PROGRAM, interrupt, line_with, run, running

ARROW = re.compile(r"^ {5}\d\d:\d\d:\d\d\.\d{3}  (-->|<--|==>)  \S.* +(\d{3}|no answer) +[\d.]+ ms$")


def test_the_demo_plays_everything_on_every_vendor() -> None:
    """`gateway demo --once` exits 0; each step of each connection has its place in the table, none is missed."""
    done = subprocess.run([*PROGRAM, "demo", "--once"], capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stderr)
    lines = done.stdout.splitlines()
    rows = {step.name: next(line for line in reversed(lines) if line.startswith(f"{step.name} ")) for step in STEPS}
    counts = {name: len(re.findall(r"[✓≈×–] ", row)) for name, row in rows.items()}
    assert dict.fromkeys(rows, len(real_vendors())) == counts
    arrows = [match[1] for line in lines if (match := ARROW.match(line))]
    went = map(int, re.findall(r"(\d+) calls, (\d+) webhooks, (\d+) events", lines[-1])[0])
    assert [*went] == [arrows.count(each) for each in ("-->", "<--", "==>")]
    assert max(map(len, lines)) <= 100
    assert "\x1b" not in done.stdout


def test_the_demo_tells_it_to_programs_too() -> None:
    """With `--json` every line is a document: calls, webhooks, steps, and the whole at the end."""
    result = run("demo", "echo", "--once", "--json")
    told: list[dict[str, Any]] = [json.loads(line) for line in result.stdout.splitlines()]
    assert (0, "") == (result.exit_code, result.stderr)
    assert ("opening", "closing") == (told[0]["type"], told[-1]["type"])
    assert {"opening", "call", "webhook", "forward", "phone", "step", "closing"} == {each["type"] for each in told}
    assert [step.name for step in STEPS] == [each["step"] for each in told if each["type"] == "step"]
    outcomes = {each["step"]: each["outcome"] for each in told[-1]["steps"]}
    # this vendor has two effects and no typing dots, and knows which messages there are
    assert {"effect": "adapted", "typing": "refused", "refused at once": "refused", "text": "ok"} == {
        name: outcomes[name] for name in ("effect", "typing", "refused at once", "text")
    }
    assert told[-1]["ok"] is True


def test_no_address_is_in_a_call_or_a_webhook() -> None:
    """Paths are shown as templates."""
    result = run("demo", "--once", "--json")
    contact = json.loads(result.stdout.splitlines()[0])["contact"]
    shown = [line for line in result.stdout.splitlines() if json.loads(line)["type"] in {"call", "webhook", "forward"}]
    assert shown
    assert [] == [line for line in shown if contact in line or contact.replace("+", "%2B") in line]


def test_without_the_service_the_demo_plays_on_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who installed no extra sees the same conversation, and is told what there is more, and how to get it."""
    monkeypatch.setattr(command, "_has_service", lambda: False)
    result = run("demo", "echo", "--once")
    assert 0 == result.exit_code
    assert "they come with: pip install 'messaging-gateway[server]'" in result.stderr
    assert "every step happened as it had to" in result.stdout.splitlines()[-1]
    assert "API key" not in result.stdout


def test_the_demo_stays_to_be_talked_to_and_ends_well() -> None:
    """The printed line, run as it is, makes the contact write; the bot's answer is shown; Ctrl-C exits 0."""
    with running("demo", "echo") as process:
        command = line_with(process.stdout, "  curl ").strip()
        answer = subprocess.run(["sh", "-c", f"{command} --silent"], capture_output=True, text=True, check=False)
        assert "hello" == json.loads(answer.stdout)["message"]["text"]
        assert "the phone shows “You said: hello”" in line_with(process.stdout, "You said: hello")
        code, _, told = interrupt(process)
    assert (0, "") == (code, told)


def test_an_interrupt_before_the_end_is_exit_code_130() -> None:
    """Ctrl-C in the middle of the conversation ends it without a traceback."""
    # with every vendor, so that there is enough left of it: one conversation is over in no time
    with running("demo", "--once") as process:
        line_with(process.stdout, "first message")
        code, _, told = interrupt(process)
    assert (130, "interrupted\n") == (code, told)


def test_a_port_that_is_taken_ends_the_demo_before_it_begins() -> None:
    """The port of the simulator may be chosen, and a taken one is said."""
    with running("simulate", "echo", "--json") as process:
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["control_url"].rpartition(":")[2].partition("/")[0]
        result = run("demo", "echo", "--once", "--port", port)
    # the first line comes before all that takes a while, so it is there
    assert (3, 1) == (result.exit_code, len(result.stdout.split("\n\n")[0].splitlines()))
    assert result.stderr.startswith(f"error: cannot listen on 127.0.0.1 port {port}")


# ── that it can fail ──────────────────────────────────────────────────────────────────────────────────────────────


class Silent:
    """Remembers verdicts, and says nothing."""

    def __init__(self, place: Place) -> None:
        self.verdicts: dict[str, Verdict] = {}
        self.troubles: list[str] = []

    def phones(self) -> None: ...
    def opening(self, doors: Doors) -> None: ...
    def section(self, connection: str) -> None: ...
    def step(self, *step: object) -> None: ...
    def seen(self, *seen: object) -> None: ...
    def closing(self, *how: object, fine: bool) -> None: ...
    def invitation(self) -> None: ...
    def farewell(self) -> None: ...

    def verdict(self, connection: str, step: Any, verdict: Verdict) -> None:
        self.verdicts[step.name] = verdict

    def trouble(self, words: str) -> None:
        self.troubles.append(words)


async def played(fault: Fault, house: str) -> tuple[Silent, bool]:
    """Play the conversation over a vendor with this fault."""
    async with staged(Silent, Script(["echo"], house=house)) as stage:
        stage.simulation.faults.add(fault)
        await stage.converse("echo")
        assert isinstance(stage.telling, Silent)
        return stage.telling, stage.is_fine()


HOUSES = pytest.mark.parametrize("house", ["service", "library"])


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take things as not happening sooner."""
    monkeypatch.setattr(phone, "PATIENCE", 0.5)
    monkeypatch.setattr(heard, "PATIENCE", 0.5)


@HOUSES
async def test_a_step_that_the_vendor_refuses_by_mistake_is_missed(house: str) -> None:
    """Reactions are declared: a refusal of one is no expected refusal, and the demo is not fine."""
    fault = Fault(stage=Stage.REQUEST, kind=FaultKind.ANSWER, status=400, path="*/reactions/*", times=None)
    told, fine = await played(fault, house)
    assert (Outcome.MISSED, False) == (told.verdicts["tapback out"].outcome, fine)
    assert Outcome.OK is told.verdicts["reply"].outcome


@HOUSES
@pytest.mark.usefixtures("impatient")
async def test_a_report_that_does_not_come_is_missed(house: str) -> None:
    """A webhook that is lost is noticed by the step that waits for it."""
    told, fine = await played(Fault(stage=Stage.WEBHOOK, kind=FaultKind.DROP, event="reaction", times=None), house)
    assert (Verdict(Outcome.MISSED, "no event says that the contact reacted"), False) == (
        told.verdicts["tapback in"],
        fine,
    )


@HOUSES
async def test_a_webhook_that_the_gateway_refuses_is_a_fault_of_the_demo(house: str) -> None:
    """A forged signature is refused by the gateway; the demo shows it and is not fine, though every step went on."""
    forged = Fault(stage=Stage.WEBHOOK, kind=FaultKind.SIGNATURE, event="message.status", times=1)
    _, fine = await played(forged, house)
    assert fine is False


def test_the_closing_words_are_honest(capsys: pytest.CaptureFixture[str]) -> None:
    """One missed step is counted, and the last line says so."""
    place = Place({"a": "A"}, {"a": "a"}, {"a": "http://a"}, "http://c", "+12025550123", "Ada")
    people = People(Screen(), place)
    people.verdict("a", STEPS[0], Verdict(Outcome.OK, "well"))
    people.verdict("a", STEPS[1], Verdict(Outcome.MISSED, "not so well"))
    people.closing(1.0, Counter({"call": 3, "webhook": 5}), fine=False)
    last = capsys.readouterr().out.splitlines()[-1]
    assert "1 of 2 steps did not happen, see the lines with !   3 calls, 5 webhooks, 1.0 s" == last
