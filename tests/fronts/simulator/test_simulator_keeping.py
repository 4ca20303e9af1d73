"""A world that outlives its process: what is in its file, and which files are refused."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import httpx
import pytest

from gateway.cli.simulate import known_vendors
from gateway.errors import ConfigurationError
from gateway.simulator import Simulation
from gateway.simulator.keeping import Keeper
from tests.fronts.echo_twin import EchoTwin, SecondTwin
from tests.fronts.simulator.conftest import THEIRS
from tests.fronts.simulator.receiver import Receiver
from tests.loopback import NO_TLS


@pytest.mark.parametrize("vendor", known_vendors())
async def test_a_world_goes_on_where_it_was(tmp_path: Path, vendor: str) -> None:
    """Whatever the vendor: messages, ids, keys, the phone's URL; and what was on its way comes to its end."""
    file = tmp_path / "world"
    async with Simulation([vendor], seed=5, clock="virtual", world=file) as before:
        before.contact(THEIRS).write("hello", vendor=vendor)
        before.contact(THEIRS).switch(name="Ada")
        api_keys, secrets, now = before.api_keys, before.secrets, before.clock.now()
        token, ids = before.phone_url.partition("?")[2], [bubble_id(before, vendor)]
    async with Simulation([vendor], seed=9, clock="virtual", world=file) as after:
        assert (api_keys, secrets, 5) == (after.api_keys, after.secrets, after.scene.seed)
        assert (token, "Ada") == (after.phone_url.partition("?")[2], after.contact(THEIRS).phone.name)
        assert (ids, now) == ([bubble_id(after, vendor)], after.clock.now())
        after.contact(THEIRS).write("again", vendor=vendor)
        assert bubble_id(after, vendor) not in ids
        assert after.twin(vendor).world is after.world
        assert [] == after.failures


def bubble_id(sim: Simulation, vendor: str) -> str:
    """The id of the last message."""
    bubble = sim.contact(THEIRS).thread(vendor).last()
    assert bubble is not None
    return bubble.vendor_id


async def test_what_was_under_way_comes_to_its_end(tmp_path: Path) -> None:
    """A message that was sent is delivered, and a webhook that nobody took is told again."""
    file = tmp_path / "world"
    async with (
        Receiver() as app,
        Simulation([EchoTwin], clock="virtual", world=file, webhooks={"echo": app.url}) as before,
        httpx.AsyncClient(trust_env=False, verify=NO_TLS) as http,
    ):
        app.answers = [500]
        url = f"{before.base_url('echo')}/chats/{THEIRS}/messages"
        headers = {"authorization": f"Bearer {before.api_keys['echo']}"}
        sent = (await http.post(url, json={"text": "hi"}, headers=headers)).json()["id"]
        await before.clock.advance(0.6)
        assert ["sent"] == app.events
    async with (
        Receiver() as app,
        Simulation([EchoTwin], clock="virtual", world=file, webhooks={"echo": app.url}) as after,
    ):
        await after.clock.advance(10)
        bubble = after.world.find("echo", sent)
        assert bubble is not None
        assert "read" == bubble.state.value
        assert {"sent", "delivered", "read"} == {*app.events}


async def test_it_is_written_before_anybody_hears_of_it(tmp_path: Path) -> None:
    """What a call made is in the file when its answer comes; also where nothing is in the journal."""
    file = tmp_path / "world"
    async with Simulation([EchoTwin], world=file) as sim, httpx.AsyncClient(trust_env=False, verify=NO_TLS) as http:
        contact = f"{sim.control_url}/contacts/{THEIRS}"
        await http.post(f"{contact}/write", json={"text": "hi"})
        assert ["hi"] == texts(file)
        await http.patch(contact, json={"name": "Ada"})
        async with Simulation([EchoTwin], world=file) as other:
            assert "Ada" == other.contact(THEIRS).phone.name
    assert 0o600 == file.stat().st_mode & 0o777
    assert ["world"] == names(tmp_path)


def names(folder: Path) -> list[str]:
    """What is in a folder."""
    return [each.name for each in folder.iterdir()]


def texts(file: Path) -> list[str]:
    """What the file has of the messages."""
    sim = Simulation([EchoTwin], world=file)
    Keeper(file).attach(sim.scene, "token")
    return [bubble.text for thread in sim.world.threads() for bubble in thread.bubbles]


async def test_a_file_of_another_make_is_refused(tmp_path: Path) -> None:
    """Another version, other vendors, something else entirely; the hint says what to do, and nothing is written."""
    file = tmp_path / "world"
    async with Simulation([EchoTwin], world=file):
        pass
    head, _, rest = file.read_bytes().partition(b"\n")
    said = json.loads(head)
    for content, why in (
        (json.dumps({**said, "version": "0.0.0"}).encode() + b"\n" + rest, "version 0.0.0 wrote it"),
        (json.dumps({**said, "format": 99}).encode() + b"\n" + rest, "wrote it"),
        (b"nonsense\n", "cannot be read"),
        (b"[]\n", "cannot be read"),
    ):
        file.write_bytes(content)
        with pytest.raises(ConfigurationError, match=why) as caught:
            Simulation([EchoTwin], world=file)
        assert "delete this one" in str(caught.value.hint)
        assert content == file.read_bytes()
    file.write_bytes(head + b"\n" + rest)
    with pytest.raises(ConfigurationError, match="it has the vendors echo"):
        Simulation([EchoTwin, SecondTwin], world=file)


@pytest.mark.parametrize("content", [b"", b"broken", pickle.dumps(os.system)])
async def test_a_world_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    """One that breaks off, and one that would run a program: nothing of it is run."""
    file = tmp_path / "world"
    async with Simulation([EchoTwin], world=file):
        pass
    head, _, _ = file.read_bytes().partition(b"\n")
    file.write_bytes(head + b"\n" + content)
    sim = Simulation([EchoTwin], world=file)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        await sim.__aenter__()


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such modes")
async def test_a_file_that_others_can_write_is_refused(tmp_path: Path) -> None:
    """Reading it could run what they put there."""
    file = tmp_path / "world"
    async with Simulation([EchoTwin], world=file):
        pass
    file.chmod(0o666)
    with pytest.raises(ConfigurationError, match="others may have written"):
        Simulation([EchoTwin], world=file)
