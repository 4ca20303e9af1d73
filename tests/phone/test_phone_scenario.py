"""Conversations as files: played by the command line and in tests, recorded from a session."""

from __future__ import annotations

import asyncio
import json
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ConfigurationError
from gateway.simulator import Simulation
from gateway.simulator.scenario import Played, Scenario, play, record
from gateway.testing.phone import TestPhone, phone_fixture, phone_for
from tests.fronts.cli_runs import run
from tests.phone.test_phone_fixture import add_bot

GREETING = """
name = "greeting"

[[step]]
phone = 1
says = "hi"

[[step]]
expect = "HI"

[[step]]
expect_state = "read"

[[step]]
says = "one,two"
effect = "slam"

[[step]]
expect_pattern = "^O"

[[step]]
expect = "TWO"

[[step]]
reacts = "love"

[[step]]
expect = "thanks"

[[step]]
says = "love"

[[step]]
expect_reaction = "love"

[[step]]
phone = "+12025550123"
says = "secret"

[[step]]
expect_silence = 0.05
"""

phone = phone_fixture(add_bot, "echo")


async def played(phone: TestPhone, text: str) -> Played:
    """Play a scenario against the bot."""
    return await play(Scenario.read(text), phone.simulation.scene, "echo")


async def test_a_scenario_is_played(phone: TestPhone) -> None:
    """Every step is done, and what is expected comes."""
    outcome = await played(phone, GREETING)
    assert [] == [step for step in outcome.steps if not step.fine]
    assert (True, 12) == (outcome.fine, len(outcome.steps))


@pytest.mark.parametrize(
    ("step", "why"),
    [
        ('expect = "HO"', "the message 'HO' was expected, and 'HI' came"),
        ('expect_pattern = "^X"', "the message '/^X/' was expected, and 'HI' came"),
        ('expect_reaction = "like"\nwithin = 0.05', "the reaction like did not come within 0.05 s"),
        ("expect_silence = 5", "nothing was to come, and 'HI' came"),
        ('phone = 99\nsays = "x"', "there is no phone 99: the world has 6"),
        ('via = "nobody"\nsays = "x"', "there is no vendor 'nobody' here: there are: echo"),
        ('via = "ecko"\nsays = "x"', "there is no vendor 'ecko' here: did you mean echo?"),
        ("switch = { ofline = true }", "a phone has no switch 'ofline': did you mean offline?"),
        ('renames = "x"', 'no group was started: start one with starts_group, or name one: group = "…"'),
        ('group = "Lunch"\nsays = "x"', "the contact is in no group 'Lunch': name one as it is called now"),
        (
            'reacts = "love"\nto = "nothing"',
            "there is no such message in the chat: to is the whole text of a message, or -1 for the last one",
        ),
        ('votes = "Cake"', "there is no poll in the chat: make one with polls, or name the message with to"),
        ("retries = true", "only what was not delivered is tried again: choose a failed message"),
        ("expect_typing = true\nwithin = 0.05", "typing dots on did not come within 0.05 s"),
    ],
)
async def test_what_does_not_happen_is_said_and_ends_it(phone: TestPhone, step: str, why: str) -> None:
    """The steps after it are not played."""
    outcome = await played(phone, f'name = "x"\n[[step]]\nsays = "hi"\n[[step]]\n{step}\n[[step]]\nsays = "never"\n')
    assert (False, 1, why) == (outcome.fine, outcome.left, outcome.steps[-1].words)


async def test_groups_faults_switches_and_time_are_part_of_it(phone: TestPhone) -> None:
    """A step may do whatever a contact can, and what goes wrong on demand."""
    outcome = await played(
        phone,
        """
        name = "all"
        [[step]]
        starts_group = { others = ["2"], text = "hi all", name = "Lunch" }
        [[step]]
        group = false
        expect = "HI ALL"
        [[step]]
        switch = { offline = true }
        [[step]]
        switch = { offline = false }
        [[step]]
        fault = { stage = "webhook", kind = "duplicate" }
        [[step]]
        types = true
        [[step]]
        says = "hi"
        [[step]]
        expect = "HI"
        within = 20
        [[step]]
        replies = "you"
        [[step]]
        expect = "YOU"
        [[step]]
        advance = 60
        [[step]]
        reads = true
        [[step]]
        calls = true
        [[step]]
        opts_in = "START"
        [[step]]
        stops = "STOP"
        """,
    )
    assert [] == [step.words for step in outcome.steps if not step.fine]
    assert ["Lunch"] == [thread.name for thread in phone.simulation.world.threads() if thread.group]


async def test_a_session_is_recorded_and_can_be_played_again(phone: TestPhone) -> None:
    """What the contact did is done, what the bot answered is expected."""
    phone.says("hi")
    await phone.wait_for_message("HI")
    phone.reacts("love")
    await phone.wait_for_message("thanks")
    phone.says('a "quoted"\nline\\', effect="slam")
    await phone.wait_for_message()
    scenario = Scenario.read(record(phone.simulation.scene, "mine"))
    assert ["says", "expect", "reacts", "expect", "says", "expect"] == [step.what for step in scenario.step]
    async with phone_for(add_bot, "echo") as other:
        outcome = await play(scenario, other.simulation.scene, "echo")
    assert [] == [step for step in outcome.steps if not step.fine]


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1), min_size=1, max_size=5))
def test_any_text_is_recorded_as_it_was(texts: list[str]) -> None:
    """Whatever a contact wrote is read back from the file."""
    sim = Simulation(["echo"], clock="virtual")
    contact = sim.contact(sim.world.phones()[0].address)
    for text in texts:
        contact.write(text, vendor="echo")
    assert texts == [step.says for step in Scenario.read(record(sim.scene)).step]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "name: Field required"),
        ('name = "x"\nstep = []', "step: Tuple should have at least 1 item"),
        ('name = "x"\n[[step]]\n', "step 1 (line 2): a step does or expects exactly one thing, not nothing"),
        (
            'name = "x"\n[[step]]\nsays="a"\n[[step]]\nsays="a"\nexpect="b"',
            "step 2 (line 4): a step does or expects exactly one",
        ),
        ('name = "x"\n[[step]]\nsayz = "a"', "step 1 (line 2) sayz: there is no such step: did you mean says?"),
        ('name = "x"\n[[step]]\nunsend = true', "step 1 (line 2) unsend: there is no such step: did you mean unsends?"),
        ('name = "x"\n[[step]]\nquux = true', "step 1 (line 2) quux: there is no such step"),
        ('name = "x"\n[[step]]\nsays = "a"\neffect = "slamm"', "step 1 (line 2) effect: did you mean slam?"),
        ('name = "x"\n[[step]]\nexpect_state = "deliverd"', "step 1 (line 2) expect_state: did you mean delivered?"),
        ('name = "x"\n[[step]]\nfault = { stage = "webhok", kind = "drop" }', "fault.stage: did you mean webhook?"),
        ('name = "x"\n[[step]]\nsays = "a"\nto = 3', "to counts from the end of the chat: the last message is -1"),
        ('name = "x"\n[[step]]\ncalls = true\nto = -1', "to goes with edits, reacts, replies"),
        ('name = "x"\n[[step]]\nedits = "a"\npart = 1', "part goes with reacts, replies, says, unreacts"),
        ('name = "x"\n[[step]]\npolls = { options = ["one"] }', "polls.options: Tuple should have at least 2 items"),
        (
            'name = "x"\n[[step]]\nexpect_pattern = "("',
            "step 1 (line 2) expect_pattern: the pattern is no regular expression",
        ),
        (
            'name = "x"\n[[step]]\nreacts = "love"\neffect = "slam"',
            "step 1 (line 2): attachments, subject and effect go with says",
        ),
        ("name = ", "the scenario is no TOML"),
    ],
)
def test_a_scenario_that_is_wrong_names_the_step(text: str, why: str) -> None:
    """And what is wrong with it, before anything is played."""
    with pytest.raises(ConfigurationError) as caught:
        Scenario.read(text)
    assert why in str(caught.value)


def test_the_command_plays_a_file_against_the_echo_bot(tmp_path: Path) -> None:
    """Exit code 0 where all happened, 1 where not, 2 for a usage that makes no sense; JSON for programs."""
    file = tmp_path / "hello.toml"
    file.write_text('name = "hello"\n[[step]]\nsays = "hi"\n[[step]]\nexpect = "You said: hi"\nwithin = 30\n')
    done = run("scenario", "run", str(file), "--via", "echo", "--json")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert (0, [True, True, True]) == (done.exit_code, [line["ok"] for line in told])
    file.write_text(
        'name = "hello"\n[[step]]\nsays = "hi"\n[[step]]\nexpect = "no"\nwithin = 30\n[[step]]\nsays = "x"\n'
    )
    done = run("scenario", "run", str(file), "--via", "echo")
    assert (1, True) == (done.exit_code, "step 2 did not happen; 1 further steps were not played" in done.stdout)
    assert 2 == run("scenario", "run", str(file), "--via", "echo", "--forward-to", "ftp://x").exit_code
    assert 0 != run("scenario", "run", str(tmp_path / "none.toml")).exit_code


class _Gullible(BaseHTTPRequestHandler):
    """An application that takes whatever comes."""

    def do_POST(self) -> None:
        """Say yes."""
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_the_command_says_what_the_lint_found(tmp_path: Path) -> None:
    """A finding is a line; with --strict it is a failure. The echo bot is clean."""
    file = tmp_path / "forged.toml"
    forged = '[[step]]\nfault = { stage = "webhook", kind = "signature" }\n[[step]]\nsays = "hi"\n'
    file.write_text(f'name = "forged"\n{forged}[[step]]\nexpect_silence = 0.5\n')
    with ThreadingHTTPServer(("127.0.0.1", 0), _Gullible) as server:
        threading.Thread(target=server.serve_forever).start()
        options = ("--via", "echo", "--forward-to", f"http://127.0.0.1:{server.server_port}/")
        told = [json.loads(line) for line in run("scenario", "run", str(file), *options, "--json").stdout.splitlines()]
        assert ["accepts-forgery"] == [line["rule"] for line in told if line["type"] == "finding"]
        done = run("scenario", "run", str(file), *options, "--strict")
        assert (1, True) == (done.exit_code, "accepts-forgery" in done.stdout)
        server.shutdown()
    file.write_text('name = "hello"\n[[step]]\nsays = "hi"\n[[step]]\nexpect = "You said: hi"\nwithin = 30\n')
    assert 0 == run("scenario", "run", str(file), "--via", "echo", "--strict").exit_code


async def test_the_command_records_what_was_said(tmp_path: Path) -> None:
    """From a simulator that runs, to a file or to stdout; a file that is there is left alone."""
    file = tmp_path / "mine.toml"
    async with Simulation(["echo"], seed=7) as sim:
        sim.contact(sim.world.phones()[0].address).write("hello", vendor="echo")
        command = partial(run, "scenario", "record", sim.control_url)
        assert 0 == (await asyncio.to_thread(command, str(file), "--name", "mine")).exit_code
        assert 2 == (await asyncio.to_thread(command, str(file))).exit_code
        assert 0 == (await asyncio.to_thread(command, str(file), "--force", "--name", "mine")).exit_code
        shown = await asyncio.to_thread(command, "--name", "mine")
    assert file.read_text() == shown.stdout
    scenario = Scenario.load(file)
    assert ("mine", 7, ["hello"]) == (scenario.name, scenario.seed, [step.says for step in scenario.step])
    assert 2 == (await asyncio.to_thread(run, "scenario", "record", f"{sim.url}/_sim")).exit_code


async def test_a_phone_plays_a_scenario_and_tells_what_the_lint_found(phone: TestPhone, tmp_path: Path) -> None:
    """Where a step fails the test fails with its words; a bot that behaves has no findings."""
    file = tmp_path / "greeting.toml"
    file.write_text(GREETING)
    assert (await phone.plays(file)).fine
    assert [] == phone.findings
    with pytest.raises(AssertionError, match=r"short: step 2 \(expect\): the message 'no' was expected, and 'HI' came"):
        await phone.plays(Scenario.read('name = "short"\n[[step]]\nsays = "hi"\n[[step]]\nexpect = "no"\n'))
