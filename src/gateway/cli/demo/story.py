"""The conversation: application code that is the same for every vendor, and the steps it is made of.

Nothing here asks which vendor it is. What a vendor can is read from its capabilities, and only to know what has to
happen: a refusal is expected where a feature is not declared, and a fault of the demo where it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from gateway.actions import DeliveryState, Policy, Receipt
from gateway.capabilities import Capabilities, CapabilityTable, Feature
from gateway.cli.demo.heard import Heard
from gateway.cli.demo.media import OTHER_PHOTO, PHOTO, VOICE
from gateway.cli.demo.phone import Hand
from gateway.cli.demo.verdict import Missed, Outcome, Verdict
from gateway.errors import GatewayError, SendError, Unsupported
from gateway.events import DeliveryUpdated, MessageReceived, OptedIn, ReactionAdded
from gateway.interface import Interface
from gateway.model import Attachment, ChatKind, Effect, Message, MessageRef, Voice
from gateway.simulator import Bubble, Impossible

__all__ = ["STEPS", "Step", "Teller", "add_bot", "converse"]

_LONGEST = 60.0
"""Seconds of one step, where everything goes on and nothing comes of it."""


def add_bot(gateway: Interface) -> None:
    """Answer whatever a contact writes, wherever it was written: the whole bot."""

    @gateway.on(MessageReceived)
    async def answer(event: MessageReceived) -> None:
        if not event.ours:
            await gateway.send(event, f"You said: {event.text}")


@dataclass(slots=True)
class Talk:
    """One conversation, as far as it has come."""

    gateway: Interface
    connection: str
    phone: Hand
    heard: Heard
    capabilities: Capabilities
    """In a direct chat."""
    group: Capabilities
    _first: MessageReceived | None = None
    _text: Receipt | None = None

    @property
    def first(self) -> MessageReceived:
        """What the contact wrote first; raises `Missed`."""
        if self._first is None:
            raise Missed("it needs the first message, which did not arrive")
        return self._first

    @first.setter
    def first(self, event: MessageReceived) -> None:
        self._first = event

    @property
    def text(self) -> Receipt:
        """The first message that was sent unasked; raises `Missed`."""
        if self._text is None:
            raise Missed("it needs the text, which was not sent")
        return self._text

    @text.setter
    def text(self, receipt: Receipt) -> None:
        self._text = receipt

    async def send(self, message: str | Message | Voice, *, policy: Policy = Policy.STRICT) -> Receipt:
        """Send to the contact, and wait until all of it has arrived."""
        receipt = await self.gateway.send(self.phone.address, message, via=self.connection, policy=policy)
        await self.arrived(receipt)
        return receipt

    async def offer(self, message: Message | Voice) -> tuple[Receipt, Unsupported | None]:
        """Send strictly; where that is refused, gracefully. Gives the refusal too."""
        try:
            return await self.send(message), None
        except Unsupported as refusal:
            return await self.send(message, policy=Policy.GRACEFUL), refusal

    async def arrived(self, receipt: Receipt) -> None:
        """Wait for the last report that this vendor gives."""
        last = _last_report(self.capabilities)
        if last is not None:
            for entry in receipt.sent:
                await self.reported(entry.vendor_id, last)

    async def reported(self, vendor_id: str, state: DeliveryState) -> DeliveryUpdated:
        """Wait for a report about a message of ours."""

        def fits(event: DeliveryUpdated) -> bool:
            mine = event.connection == self.connection and event.vendor_id == vendor_id
            return mine and event.state in {state, DeliveryState.FAILED}

        event = await self.heard.wait(f"no report says {state.value}", DeliveryUpdated, fits)
        if event.state is not state:
            raise Missed(f"a report says {event.state.value} instead of {state.value}")
        return event

    def shown(self, receipt: Receipt) -> list[Bubble]:
        """Give what the phone shows of a send."""
        return [self.phone.shown(entry.vendor_id) for entry in receipt.sent]


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its name in the table, what it is in a sentence, and what a vendor needs for it."""

    name: str
    title: str
    play: Callable[[Talk], Awaitable[Verdict]] = field(repr=False)
    needs: Feature | None = None
    """Where the vendor lacks it, the step has to be refused."""
    group: bool = False
    """It needs that in groups."""


class Teller(Protocol):
    """Whoever is told how it goes."""

    async def begin(self, vendor: str, number: int, step: Step) -> None:
        """A step begins."""

    async def end(self, vendor: str, step: Step, verdict: Verdict) -> None:
        """A step is over."""


async def converse(
    gateway: Interface, connection: str, table: CapabilityTable, phone: Hand, heard: Heard, teller: Teller
) -> None:
    """Hold the whole conversation with a contact on a connection, and tell what came of each step."""
    direct, group = table.find(ChatKind.DIRECT), table.find(ChatKind.GROUP)
    talk = Talk(gateway, connection, phone, heard, direct, group)
    for number, step in enumerate(STEPS, 1):
        await teller.begin(phone.vendor, number, step)
        declared = step.needs is None or (group if step.group else direct).has(step.needs)
        await teller.end(phone.vendor, step, await _played(step, talk, declared=declared))


async def _played(step: Step, talk: Talk, *, declared: bool) -> Verdict:
    try:
        async with asyncio.timeout(_LONGEST):
            verdict = await step.play(talk)
    except TimeoutError:
        return Verdict(Outcome.MISSED, f"it was not over after {_LONGEST:g} seconds")
    except Unsupported as refusal:
        return Verdict(Outcome.MISSED if declared else Outcome.REFUSED, _reason(refusal))
    except (Missed, Impossible, GatewayError) as error:
        return Verdict(Outcome.MISSED, str(error))
    if not declared and verdict.outcome is Outcome.OK:
        return Verdict(Outcome.MISSED, "it was carried, and the vendor's capabilities do not say so")
    return verdict


def _need(condition: object, what: str) -> None:
    if not condition:
        raise Missed(what)


def _ok(words: str) -> Verdict:
    return Verdict(Outcome.OK, words)


# ── the steps ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def _opt_in(talk: Talk) -> Verdict:
    if not talk.capabilities.has(Feature.OPT_IN_LINK):
        return Verdict(Outcome.NONE, "this vendor asks for no opt-in")
    talk.phone.opt_in()
    await talk.heard.wait("no event says that the contact opted in", OptedIn, lambda e: e.connection == talk.connection)
    return _ok(f"{talk.phone.name} may be written to")


async def _first(talk: Talk) -> Verdict:
    wrote = talk.phone.write("Hello, is anybody there?")
    talk.first = await talk.heard.wait(
        "the message did not arrive", MessageReceived, lambda e: e.vendor_id == wrote.vendor_id
    )
    thread, wanted = talk.phone.thread(), f"You said: {wrote.text}"
    await talk.phone.until("the bot did not answer", lambda: _answer(thread.last(ours=True)) == wanted)
    await _settled(talk, thread.last(ours=True), talk.capabilities)
    return _ok("the bot answered")


def _answer(bubble: Bubble | None) -> str | None:
    return bubble.text if bubble else None


async def _settled(talk: Talk, bubble: Bubble | None, capabilities: Capabilities) -> None:
    """Wait for the reports about a message that the bot sent."""
    last = _last_report(capabilities)
    if bubble is not None and last is not None:
        await talk.reported(bubble.vendor_id, last)


def _last_report(capabilities: Capabilities) -> DeliveryState | None:
    """Name the last state that the vendor reports; None when it reports nothing."""
    if not capabilities.has(Feature.DELIVERED):
        return None
    return DeliveryState.READ if capabilities.has(Feature.READ_REPORT) else DeliveryState.DELIVERED


async def _text(talk: Talk) -> Verdict:
    message = Message("One line of code, whichever vendor carries it.", reference="demo-1")
    talk.text = await talk.gateway.send(talk.phone.address, message, via=talk.connection)
    _need(talk.shown(talk.text)[0].text == message.text, "the phone shows another text")
    return _ok("accepted; the phone has it")


async def _delivered(talk: Talk) -> Verdict:
    if not talk.capabilities.has(Feature.DELIVERED):
        return Verdict(Outcome.NONE, "this vendor reports no delivery")
    event = await talk.reported(talk.text.vendor_id, DeliveryState.DELIVERED)
    _need(event.message_id == talk.text.message_id, "the report does not say which message of ours it is about")
    _need(event.reference == "demo-1", "the report lost the application's reference")
    return _ok("delivered, and the report carries the application's own reference")


async def _read(talk: Talk) -> Verdict:
    if not talk.capabilities.has(Feature.READ_REPORT):
        return Verdict(Outcome.NONE, "this vendor reports no reading")
    await talk.reported(talk.text.vendor_id, DeliveryState.READ)
    return _ok("read")


async def _effect(talk: Talk) -> Verdict:
    receipt, refusal = await talk.offer(Message("Make a wish!", effect=Effect.SHOOTING_STAR))
    shows = talk.shown(receipt)[0].effect
    if refusal:
        _need(shows is None, f"the phone shows {shows}")
        return _adapted(receipt, refusal)
    _need(shows is Effect.SHOOTING_STAR, "the phone shows no shooting star")
    return _ok("the phone shows the shooting star")


async def _reply(talk: Talk) -> Verdict:
    receipt = await talk.send(Message("I am here, and I answer you.", reply_to=talk.first.ref))
    _need(talk.shown(receipt)[0].reply_to == talk.first.vendor_id, "the phone shows it outside the thread")
    return _ok("the phone shows it below the message it answers")


async def _react(talk: Talk) -> Verdict:
    await talk.gateway.react(talk.first, "love")
    reactions = talk.phone.shown(talk.first.vendor_id).reactions.values()
    _need("love" in [reaction.text for reaction in reactions], "the phone shows no reaction")
    return _ok("the phone shows a heart")


async def _reacted(talk: Talk) -> Verdict:
    if not talk.capabilities.has(Feature.REACTION_REPORT):
        return Verdict(Outcome.NONE, "this vendor reports no reactions")
    bubble = talk.phone.react("laugh")
    event = await talk.heard.wait(
        "no event says that the contact reacted", ReactionAdded, lambda e: e.target.vendor_id == bubble.vendor_id
    )
    _need(event.reaction and event.reaction.text == "laugh", "the event names another reaction")
    return _ok("the application hears of it")


async def _voice(talk: Talk) -> Verdict:
    receipt, refusal = await talk.offer(Voice(url=VOICE))
    kind = talk.shown(receipt)[0].parts[0].type
    if refusal:
        return _adapted(receipt, refusal)
    _need(kind == "voice", f"the phone shows a part of type {kind}")
    return _ok("the phone shows a voice note")


async def _attachment(talk: Talk) -> Verdict:
    receipt, refusal = await talk.offer(Message("The photo you asked for:", Attachment(url=PHOTO)))
    urls = [part.url for bubble in talk.shown(receipt) for part in bubble.parts if part.type == "attachment"]
    _need(urls == [PHOTO], "the phone does not show the photo")
    return _adapted(receipt, refusal) if refusal else _ok("the phone shows the photo")


async def _parts(talk: Talk) -> Verdict:
    before, after = Attachment(url=PHOTO), Attachment(url=OTHER_PHOTO)
    receipt, refusal = await talk.offer(Message("Before:", before, "And after:", after))
    bubbles = talk.shown(receipt)
    kinds = [part.type for bubble in bubbles for part in bubble.parts]
    _need(kinds == ["text", "attachment", "text", "attachment"], f"the phone shows {', '.join(kinds)}")
    if refusal:
        return _adapted(receipt, refusal)
    _need(len(bubbles) == 1, f"the phone shows {len(bubbles)} bubbles")
    return _ok("one bubble with four parts")


async def _typing(talk: Talk) -> Verdict:
    await talk.gateway.typing(talk.phone.address, 1, via=talk.connection)
    thread = talk.phone.thread()
    _need(thread.typing, "the phone shows no dots")
    if talk.capabilities.limits.typing_seconds is None:
        await talk.phone.until("the dots stay", lambda: not thread.typing)
        return _ok("the dots came, and the gateway took them away")
    return _ok("the dots came; this vendor takes them away by itself")


async def _mark_read(talk: Talk) -> Verdict:
    await talk.gateway.mark_read(talk.phone.address, via=talk.connection)
    wrote = talk.phone.shown(talk.first.vendor_id)
    _need(wrote.state is DeliveryState.READ, "the phone does not show that it was read")
    return _ok(f"{talk.phone.name} sees that it was read")


async def _group(talk: Talk) -> Verdict:
    if not talk.group.has(Feature.GROUP):
        await talk.gateway.send("group:demo", "Hello, all of you.", via=talk.connection)
    thread = talk.phone.start_group("Lunch, all of us?", "Lunch")
    wanted = "You said: Lunch, all of us?"
    await talk.phone.until("the bot did not answer into the group", lambda: _answer(thread.last(ours=True)) == wanted)
    await _settled(talk, thread.last(ours=True), talk.group)
    return _ok("the bot answered into the group, and nowhere else")


async def _refused(talk: Talk) -> Verdict:
    """Answer a message that is not there: the vendor says no at once."""
    gone = MessageRef(vendor_id="no-such-message")
    try:
        await talk.send(Message("About what you never wrote:", reply_to=gone))
    except SendError as refusal:
        return Verdict(Outcome.REFUSED, _reason(refusal))
    raise Missed("the vendor accepted an answer to a message that is not there")


async def _failed(talk: Talk) -> Verdict:
    """Write to an address that nobody can reach: the vendor accepts it, and reports the failure later."""
    unreachable = talk.phone.unreachable()
    try:
        receipt = await talk.gateway.send(unreachable, "Can you hear me?", via=talk.connection)
    except (SendError, Unsupported) as refusal:
        return Verdict(Outcome.REFUSED, _reason(refusal))
    event = await talk.reported(receipt.vendor_id, DeliveryState.FAILED)
    code = f" (code {event.code})" if event.code else ""
    return Verdict(Outcome.REFUSED, f"accepted, then reported as failed: {event.reason or 'no reason'}{code}")


def _reason(error: GatewayError) -> str:
    """Give the reason alone, and once: a vendor's words may be the meaning that we give its code."""
    meaning, _, words = error.message.partition(": ")
    if isinstance(error, Unsupported) and words:
        return words
    message = meaning if words == meaning else error.message
    return f"{message} (code {error.code})" if error.code else message


def _adapted(receipt: Receipt, refusal: Unsupported) -> Verdict:
    _need(receipt.adaptations, "something was changed and the receipt does not say what")
    changes = "; ".join(dict.fromkeys(f"{each.feature.value}: {each.happened}" for each in receipt.adaptations))
    return Verdict(Outcome.ADAPTED, f"strict refuses: {_reason(refusal)}\ngraceful sends: {changes}")


STEPS: tuple[Step, ...] = (
    Step("opt-in", "the contact agrees to be written to", _opt_in),
    Step("first message", "the contact writes, the bot answers", _first),
    Step("text", "the application writes by itself", _text),
    Step("delivery report", "the vendor says that it was delivered", _delivered),
    Step("read report", "the vendor says that it was read", _read),
    Step("effect", "a text with a shooting star", _effect),
    Step("reply", "an answer in the thread", _reply, Feature.REPLY),
    Step("tapback out", "a heart for what the contact wrote", _react, Feature.REACTION),
    Step("tapback in", "the contact laughs about our message", _reacted),
    Step("voice note", "a voice note", _voice),
    Step("attachment", "a text with a photo", _attachment),
    Step("several parts", "text, photo, text, photo, in this order", _parts),
    Step("typing", "typing dots for a second", _typing, Feature.TYPING),
    Step("read mark", "the contact sees that we read it", _mark_read, Feature.READ),
    Step("group", "the contact writes in a group, the bot answers into it", _group, Feature.GROUP, group=True),
    Step("refused at once", "an answer to a message that is not there", _refused),
    Step("failed later", "a message to an address without iMessage", _failed),
)
"""The conversation, in order."""
