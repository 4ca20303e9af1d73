"""The simulator as a process, killed under an open page: nothing is lost, and nothing is there twice."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.phone.browser.conftest import LIGHT_WIDE

pytestmark = pytest.mark.asyncio(loop_scope="module")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        port: int = plug.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def simulator(port: int, world: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, Any]]]:
    """Run `gateway simulate` with a world that is kept; gives the process and what it printed."""
    command = f"simulate echo --port {port} --seed 7 --json --quiet --world".split()
    code = "from gateway.cli import main; main()"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, *command, str(world), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        line = await process.stdout.readline()
        assert line, "the simulator printed nothing"
        yield process, json.loads(line)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def said(page: Any) -> list[str]:
    """What the bubbles of the page say."""
    texts: list[str] = await page.locator("#log-0 .text").all_text_contents()
    return texts


async def test_a_killed_process_loses_and_doubles_no_bubble(browser: Any, tmp_path: Path) -> None:
    """Killed in the middle of a burst, twice: what was acknowledged is there once, in its order."""
    port, world = free_port(), tmp_path / "world"
    acknowledged: list[str] = []
    context = await browser.new_context(**LIGHT_WIDE)
    page, bad = await context.new_page(), []
    page.on("pageerror", lambda error: bad.append(str(error)))
    for life in range(3):
        async with simulator(port, world) as (process, told), httpx.AsyncClient(trust_env=False) as http:
            if life == 0:
                await page.goto(told["phone_url"])
                await page.locator(".chats a").first.click()
            control, people = told["control_url"], await http.get(f"{told['control_url']}/contacts")
            contact = f"{control}/contacts/{people.json()['contacts'][0]['address']}/write"
            burst = asyncio.create_task(burst_of(http, contact, life, acknowledged))
            if life < 2:
                while len(acknowledged) < 10 * (life + 1):
                    await asyncio.sleep(0.005)
                process.send_signal(signal.SIGKILL)
                await process.wait()
                burst.cancel()
                await asyncio.gather(burst, return_exceptions=True)
                continue
            await burst
            threads = (await http.get(f"{control}/threads")).json()["threads"]
            kept = (await http.get(f"{control}/threads/{threads[0]['id']}")).json()["thread"]["bubbles"]
            await page.locator("#log-0").get_by_text(acknowledged[-1], exact=True).last.wait_for()
            texts = [bubble["text"] for bubble in kept]
            assert acknowledged == [text for text in texts if text in acknowledged]
            assert len(texts) == len({*texts})
            # what was asked for when it was killed may be there too, once, though nobody was told
            assert 2 >= len({*texts} - {*acknowledged})
            assert texts == await said(page)
    assert [] == bad
    await context.close()


async def burst_of(http: httpx.AsyncClient, url: str, life: int, acknowledged: list[str]) -> None:
    """Write one message after the other, and note those that were acknowledged."""
    for number in range(200 if life < 2 else 5):
        text = f"life {life} number {number}"
        answer = await http.post(url, json={"text": text, "vendor": "echo"})
        if answer.status_code == 200:
            acknowledged.append(text)
