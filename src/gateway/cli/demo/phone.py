"""The contact's side of the conversation: a phone in the simulated world, on one vendor."""

from __future__ import annotations

from collections.abc import Callable

from gateway.addresses import Address, AddressKind
from gateway.cli.demo.verdict import Missed
from gateway.simulator import Bubble, Contact, Simulation, Thread

__all__ = ["Hand"]

PATIENCE = 10.0
"""Seconds after which something is taken as not happening; all of it takes milliseconds."""


class Hand:
    """A contact who acts over one vendor, and what the contact's phone shows."""

    def __init__(self, simulation: Simulation, vendor: str, address: Address, friend: Address) -> None:
        self._simulation = simulation
        self.vendor = vendor
        self.address = address
        self.friend = friend

    @property
    def name(self) -> str:
        """The contact's name."""
        return self._contact.phone.name

    @property
    def _contact(self) -> Contact:
        return self._simulation.contact(self.address)

    # ── what the contact does ─────────────────────────────────────────────────────────────────────────────────────

    def opt_in(self) -> None:
        """Agree to be written to."""
        self._contact.opt_in(vendor=self.vendor)

    def write(self, text: str) -> Bubble:
        """Write to us."""
        return self._contact.write(text, vendor=self.vendor)

    def react(self, word: str) -> Bubble:
        """React to our last message."""
        return self._contact.react(word, vendor=self.vendor)

    def start_group(self, text: str, name: str) -> Thread:
        """Make a group with us and a friend, and write into it."""
        return self._contact.start_group([self.friend], text, vendor=self.vendor, name=name).thread

    def unreachable(self) -> Address:
        """Give the address of somebody whose device has no iMessage, and no number for anything else."""
        found = next(phone for phone in self._simulation.world.phones() if phone.address.kind is AddressKind.EMAIL)
        self._simulation.contact(found.address).switch(imessage=False)
        return found.address

    # ── what the phone shows ──────────────────────────────────────────────────────────────────────────────────────

    def thread(self) -> Thread:
        """Give the direct conversation."""
        return self._contact.thread(self.vendor)

    def shown(self, vendor_id: str) -> Bubble:
        """Give a message of ours as the phone has it; raises `Missed`."""
        bubble = self._simulation.world.find(self.vendor, vendor_id)
        if bubble is None:
            raise Missed("the phone does not have the message")
        return bubble

    async def until(self, what: str, happened: Callable[[], bool]) -> None:
        """Wait until something can be seen, looking whenever anything happens; raises `Missed` when nothing does."""
        journal = self._simulation.journal
        while not happened():
            if not await journal.wait(since=journal.last, seconds=PATIENCE):
                raise Missed(what)
