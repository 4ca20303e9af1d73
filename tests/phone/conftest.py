"""A simulation of two made-up vendors in virtual time, and a page that was let in to its phone."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlencode

import httpx
import pytest

from gateway.simulator import Bubble, Contact, Simulation
from gateway.simulator.phone.place import ChatKey, Held, Place
from tests.fronts.echo_twin import LINE, EchoTwin, SecondTwin

CHAT = ChatKey("echo", LINE)


@dataclass
class Page:
    """A browser without eyes: it holds the cookie, and posts forms."""

    sim: Simulation
    http: httpx.AsyncClient
    place: Place = field(init=False)

    def __post_init__(self) -> None:
        self.place = Place((Held(self.contact.address, CHAT),))

    @property
    def contact(self) -> Contact:
        """Whose phone it is: the first of the world."""
        return self.sim.contact(self.sim.world.phones()[0].address)

    @property
    def root(self) -> str:
        """The phone's own URL, without a slash at the end."""
        return f"{self.sim.url}/_phone"

    async def let_in(self) -> Self:
        """Open the URL that was printed."""
        answer = await self.http.get(self.sim.phone_url)
        assert 303 == answer.status_code
        return self

    async def get(self, place: Place | None = None) -> str:
        """Give the page of a place."""
        answer = await self.http.get(f"{self.root}/?{(place or self.place).query}")
        assert 200 == answer.status_code, answer.text
        return answer.text

    async def do(self, deed: str, **fields: str | list[str]) -> httpx.Response:
        """Send a form, as the first phone in the open chat."""
        held = self.place.phones[0]
        whole = {"phone": held.address.text, "chat": held.chat.text if held.chat else "", **fields}
        body = urlencode(whole, doseq=True)
        headers = {"hx-request": "true", "content-type": "application/x-www-form-urlencoded", "origin": self.sim.url}
        return await self.http.post(f"{self.root}/do/{deed}", content=body, headers=headers)

    async def fine(self, deed: str, **fields: str | list[str]) -> None:
        """Send a form that has to be carried out."""
        answer = await self.do(deed, **fields)
        assert 200 == answer.status_code, answer.text

    async def send(self, text: str = "hello", to: str | None = None) -> Bubble:
        """Let the application send through the first vendor."""
        answer = await self.http.post(
            f"{self.sim.base_url('echo')}/chats/{to or self.contact.address.text}/messages",
            json={"text": text},
            headers={"authorization": f"Bearer {self.sim.api_keys['echo']}"},
        )
        bubble = self.sim.world.find("echo", answer.json()["id"])
        assert bubble is not None
        return bubble

    def last(self) -> Bubble:
        """Give the last message of the open chat."""
        bubble = self.contact.thread("echo", line=LINE).last()
        assert bubble is not None
        return bubble


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    """A page of the first phone, with the chat of the first vendor open; time stands still."""
    async with (
        Simulation([EchoTwin, SecondTwin], seed=7, clock="virtual") as sim,
        httpx.AsyncClient(trust_env=False) as http,
    ):
        yield await Page(sim, http).let_in()


def words(html: str) -> str:
    """Give what a page says, without its tags."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())
