"""Checks of the way out: what the capability table declares arrives at the twin, what it does not is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.actions import Policy, Receipt, SendMessage
from gateway.capabilities import Feature, Limits
from gateway.drive import first_call
from gateway.errors import Unsupported
from gateway.fitting import fit
from gateway.model import (
    Attachment,
    Channel,
    Chat,
    ChatKind,
    Effect,
    Link,
    Media,
    Message,
    MessageRef,
    Text,
    Voice,
)
from gateway.simulator import Bubble
from gateway.testing.providers.bench import Bench, Place
from gateway.testing.providers.places import KINDS, Where, wheres
from gateway.testing.providers.subject import Subject, failing

__all__ = ["FeatureChecks"]

_NO_GUID = "5A2B9C3D-0000-4000-8000-00000000KIT0"
_TYPES = {"image": ("image/png", "png"), "video": ("video/mp4", "mp4"), "audio": ("audio/mp4", "m4a")}


@dataclass(frozen=True, slots=True)
class Arrived:
    """What one sending of a message came to."""

    where: Where
    place: Place
    message: Message
    receipts: Sequence[Receipt]
    bubbles: Sequence[Bubble]
    """What it made in the world, oldest first."""
    wire: str
    """What the twin was asked, as JSON text of its journal."""
    bench: Bench

    def about(self, feature: Feature) -> str:
        """Begin a failure's message."""
        return f"{feature.value} in a {self.where.name}"


class FeatureChecks(Subject):
    """Messages, feature by feature, in every kind of chat and on every channel of the table."""

    # ── how a feature is tried ────────────────────────────────────────────────────────────────────────────────────

    def each(self, feature: Feature, make: Callable[[Where, Place], Message]) -> Iterator[Arrived]:
        """Send a message that uses a feature wherever it is declared; elsewhere `strict` has to refuse it by name."""
        for where in wheres(self.table):
            if not where.capabilities.has(feature):
                self.refused(feature, where, make)
                continue
            yield self.sent(where, make)

    def sent(self, where: Where, make: Callable[[Where, Place], Message]) -> Arrived:
        """Send a message in a place of its own."""
        bench = self.bench()
        place = bench.place(where.kind)
        message = make(where, place).model_copy(update={"channel": where.channel})
        before, seen = len(bench.bubbles()), bench.scene.journal.last
        try:
            receipts = bench.send(place.chat, message)
        except Unsupported as error:
            raise AssertionError(f"declared for a {where.name}, and refused: {error} {error.features}") from error
        return Arrived(where, place, message, receipts, bench.bubbles()[before:], bench.wire(seen), bench)

    def refused(self, feature: Feature, where: Where, make: Callable[[Where, Place], Message]) -> None:
        """Hold that `strict` refuses what is not declared, naming it."""
        bench = self.bench()
        place = bench.place(where.kind)
        message = make(where, place).model_copy(update={"channel": where.channel})
        self.is_refused(feature, bench, place.chat, message)

    def is_refused(self, feature: Feature, bench: Bench, chat: Chat, message: Message) -> None:
        """Hold that fitting refuses one message for one feature."""
        with failing(Unsupported, about=f"{feature.value} is not declared for a {chat.kind.value} chat") as caught:
            fit(chat, [message], bench.provider.capabilities(), Policy.STRICT)
        features = getattr(caught[0], "features", ())
        named = {feature.value, *(each.value for pair in _pairs(bench) if feature in pair for each in pair)}
        assert named & set(features), f"refused for {features}, and not for {feature.value}"

    # ── content ───────────────────────────────────────────────────────────────────────────────────────────────────

    def test_a_text_of_the_longest_length_arrives(self) -> None:
        """A text arrives character by character, up to the declared length; one character more is refused."""

        def longest(where: Where, _: Place) -> Message:
            most = where.capabilities.limits.text_length or 1000
            return Message(("Grüße 🎉\n" + "x" * most)[:most])

        for arrived in self.each(Feature.TEXT, longest):
            assert [arrived.message.text] == [bubble.text for bubble in arrived.bubbles], arrived.about(Feature.TEXT)
            if arrived.where.capabilities.limits.text_length:
                more = Message("x" + arrived.message.text)
                self.is_refused(Feature.TEXT, arrived.bench, arrived.place.chat, more)

    def test_every_kind_of_chat_is_carried_or_refused(self) -> None:
        """A direct chat, a group and several addresses: each arrives with whom it names, or is refused by name."""
        declared = {where.kind for where in wheres(self.table)}
        for kind, feature in KINDS.items():
            bench = self.bench()
            if kind in declared:
                place = bench.place(kind)
                bench.send(place.chat, "hello")
                assert _members(bench, place) == _members_of(bench.bubbles()[-1]), f"{kind.value}: it went elsewhere"
            else:
                named = [*self.contacts[:2]] if kind is ChatKind.SEVERAL else [self.contacts[0]]
                chat = Chat.of_group("group-of-nobody") if kind is ChatKind.GROUP else Chat.several(*named)
                self.is_refused(feature, bench, chat, Message("hello"))

    def test_attachments_arrive_up_to_the_limit(self) -> None:
        """As many as declared, in their order, at URLs of the longest length and of every scheme; one more is not."""

        def most(where: Where, _: Place) -> Message:
            return _files(where.capabilities.limits)

        for arrived in self.each(Feature.ATTACHMENT, most):
            limits = arrived.where.capabilities.limits
            wanted = [part.url for part in arrived.message.parts if isinstance(part, Media)]
            found = [part.url for bubble in arrived.bubbles for part in bubble.parts if isinstance(part, Media)]
            assert wanted == found, arrived.about(Feature.ATTACHMENT)
            if limits.attachment_count is not None:
                more = _files(limits, count=limits.attachment_count + 1)
                self.is_refused(Feature.ATTACHMENT, arrived.bench, arrived.place.chat, more)

    def test_the_name_of_an_attachment_arrives(self) -> None:
        """The name that a recipient shall see is on the wire, where names are declared."""
        name = "kit-report.png"

        def named(where: Where, _: Place) -> Message:
            return _files(where.capabilities.limits, count=1, name=name)

        for arrived in self.each(Feature.ATTACHMENT_NAME, named):
            assert name in arrived.wire, arrived.about(Feature.ATTACHMENT_NAME)

    def test_parts_share_one_bubble(self) -> None:
        """Text, attachment and text in one message arrive as one message, in their order."""

        def mixed(where: Where, _: Place) -> Message:
            return Message("first", _file(where.capabilities.limits, 1), "last")

        for arrived in self.each(Feature.MULTIPART, mixed):
            kinds = [[part.type for part in bubble.parts] for bubble in arrived.bubbles]
            assert [["text", "attachment", "text"]] == kinds, arrived.about(Feature.MULTIPART)
            assert ["firstlast"] == ["".join(bubble.text.split()) for bubble in arrived.bubbles]

    def test_a_mention_names_its_person(self) -> None:
        """The mentioned address is on the wire, beside the words that mention it."""

        def mentioning(_: Where, place: Place) -> Message:
            return Message(Text(text="Ada", mention=place.contact.address))

        for arrived in self.each(Feature.MENTION, mentioning):
            shown = [
                (part.text, part.mention)
                for bubble in arrived.bubbles
                for part in bubble.parts
                if isinstance(part, Text)
            ]
            assert [("Ada", arrived.place.contact.address)] == shown, arrived.about(Feature.MENTION)

    def test_a_link_arrives(self) -> None:
        """A link without a card of its own arrives as the same URL."""
        url = "https://example.com/kit?a=1&b=%20#c"
        for arrived in self.each(Feature.LINK, lambda *_: Message(Link(url=url))):
            parts = [part for bubble in arrived.bubbles for part in bubble.parts]
            assert [url] == [getattr(part, "url", getattr(part, "text", None)) for part in parts], arrived.where.name

    def test_the_card_of_a_link_arrives(self) -> None:
        """Picture and title of a card are on the wire, where cards are declared."""
        card = Link(url="https://example.com/kit", preview_image="https://example.com/kit-card.png", title="Kit card")
        for arrived in self.each(Feature.LINK_CARD, lambda *_: Message(card)):
            for piece in ("https://example.com/kit", "https://example.com/kit-card.png", "Kit card"):
                assert piece in arrived.wire, arrived.about(Feature.LINK_CARD)

    def test_a_voice_note_arrives_as_one(self) -> None:
        """In every declared format it arrives as a voice note, alone, and not as a file."""
        endings = {ending for where in self._declaring(Feature.VOICE) for ending in _endings(where)} or {"m4a"}
        for ending in sorted(endings):
            url = f"https://files.example/kit.{ending}"
            for arrived in self.each(Feature.VOICE, lambda *_, url=url: Message(Voice(url=url))):
                shown = [(part.type, getattr(part, "url", None)) for each in arrived.bubbles for part in each.parts]
                assert [("voice", url)] == shown, f"{arrived.about(Feature.VOICE)}, .{ending}"

    # ── how it is shown ───────────────────────────────────────────────────────────────────────────────────────────

    def test_a_subject_arrives(self) -> None:
        """The bold title is on the phone."""
        for arrived in self.each(Feature.SUBJECT, lambda *_: Message("body", subject="Kit subject")):
            assert ["Kit subject"] == [bubble.subject for bubble in arrived.bubbles], arrived.about(Feature.SUBJECT)

    def test_every_effect_arrives_or_is_refused(self) -> None:
        """Each declared effect plays on the phone; each other one of the thirteen is refused."""
        for effect in Effect:
            for arrived in self._effects(effect):
                about = f"{effect.value} in a {arrived.where.name}"
                assert [effect] == [bubble.effect for bubble in arrived.bubbles], about

    def _effects(self, effect: Effect) -> Iterator[Arrived]:
        for where in wheres(self.table):
            carried = where.capabilities.has(Feature.EFFECT) and effect in where.capabilities.limits.effects
            if carried:
                yield self.sent(where, lambda *_: Message("look", effect=effect))
            else:
                self.refused(Feature.EFFECT, where, lambda *_: Message("look", effect=effect))

    def test_a_reply_hangs_on_its_message(self) -> None:
        """The message that is answered is the one on the phone."""

        def answer(_: Where, place: Place) -> Message:
            return Message("an answer", reply_to=_ref(place))

        for arrived in self.each(Feature.REPLY, answer):
            wanted = arrived.place.written.vendor_id if arrived.place.written else None
            if wanted is not None:
                found = [bubble.reply_to for bubble in arrived.bubbles]
                assert [wanted] == found, arrived.about(Feature.REPLY)

    def test_a_reply_names_its_part(self) -> None:
        """The part that is answered is on the phone, where parts can be named."""
        for where in wheres(self.table):
            bench = self.bench()
            place = bench.place(where.kind)
            if place.written is None:
                continue
            files = ("https://files.example/a.png",)
            target = place.contact.write("two parts", attachments=files, vendor=bench.name, group=place.group)
            ref = MessageRef(vendor_id=target.vendor_id, part=1)
            message = Message("to the second", reply_to=ref, channel=where.channel)
            if not where.capabilities.has(Feature.REPLY):
                continue
            if not where.capabilities.has(Feature.REPLY_PART):
                self.is_refused(Feature.REPLY_PART, bench, place.chat, message)
                continue
            bench.send(place.chat, message)
            last = bench.bubbles()[-1]
            assert (target.vendor_id, 1) == (last.reply_to, last.reply_part), f"part of a reply in a {where.name}"

    def test_a_reply_by_guid_is_on_the_wire(self) -> None:
        """A raw iMessage GUID goes out as it is, where that is declared."""
        message = Message("an answer", reply_to=MessageRef(guid=_NO_GUID))
        for where in wheres(self.table):
            bench = self.bench()
            place = bench.place(where.kind)
            each = message.model_copy(update={"channel": where.channel})
            if not where.capabilities.has(Feature.REPLY):
                continue
            if not where.capabilities.has(Feature.REPLY_GUID):
                self.is_refused(Feature.REPLY_GUID, bench, place.chat, each)
                continue
            [action] = [made for made in bench.fitted(place.chat, each) if isinstance(made, SendMessage)]
            call = first_call(bench.provider.send_message(action))
            assert _NO_GUID in f"{call.json} {call.params}", f"GUID of a reply in a {where.name}"

    def test_the_channel_that_is_asked_for_is_on_the_wire(self) -> None:
        """Each declared channel makes another call than none does; each other one is refused."""
        table = self.table
        for where in [each for each in wheres(table) if each.channel is None]:
            declared = where.capabilities.limits.channels if where.capabilities.has(Feature.CHANNEL) else frozenset()
            for channel in Channel:
                message = Message("by that way", channel=channel)
                if channel in declared and table.find(where.kind, channel).has(Feature.CHANNEL):
                    traced = self._calls(where, message) != self._calls(where, Message("by that way"))
                    assert traced, f"{channel.value} is declared for a {where.name} and leaves no trace on the wire"
                else:
                    bench = self.bench()
                    self.is_refused(Feature.CHANNEL, bench, bench.place(where.kind).chat, message)

    def test_our_contact_card_goes_along(self) -> None:
        """`share_contact` makes another call than a message without it, where it is declared."""
        self._leaves_a_trace(Feature.SHARE_CONTACT, Message("with card", share_contact=True), Message("with card"))

    def test_typing_first_is_seen(self) -> None:
        """The dots before a message are in the call, or a step of their own before it."""
        for where in self._declaring(Feature.TYPING_FIRST):
            with_dots = self.sent(where, lambda *_: Message("slowly", typing=True))
            without = self.sent(where, lambda *_: Message("slowly"))
            assert with_dots.wire != without.wire, with_dots.about(Feature.TYPING_FIRST)

    def test_the_reference_goes_out_and_comes_back(self) -> None:
        """A reference of the longest length is on the wire, and on the reports about its message."""
        for where in self._declaring(Feature.REFERENCE):
            most = where.capabilities.limits.reference_length or 100
            reference = ("order-7·" + "r" * most)[:most]
            arrived = self.sent(where, lambda *_, text=reference: Message("hi", reference=text))
            assert reference in arrived.wire, arrived.about(Feature.REFERENCE)
            reports = [event for event in arrived.bench.events() if event.type == "delivery.updated"]
            assert {reference} == {event.reference for event in reports}, arrived.about(Feature.REFERENCE)

    # ── several at once ───────────────────────────────────────────────────────────────────────────────────────────

    def test_a_batch_is_one_call_and_as_many_messages(self) -> None:
        """Several texts leave in one call, and the receipt says which vendor id is which of them."""
        self._batch(Feature.BATCH, [Message("one"), Message("two"), Message("three")])

    def test_a_batch_of_links_is_one_call(self) -> None:
        """Several links with cards leave in one call."""
        cards = [Link(url=f"https://example.com/{name}", title=f"Card {name}") for name in "ab"]
        self._batch(Feature.LINK_BATCH, [Message(card) for card in cards])

    def _batch(self, feature: Feature, messages: list[Message]) -> None:
        for where in self._declaring(feature):
            bench = self.bench()
            place = bench.place(where.kind)
            before, calls = len(bench.bubbles()), len(bench.calls)
            [receipt] = bench.send(place.chat, *messages)
            made = bench.bubbles()[before:]
            assert 1 == len(bench.calls) - calls, f"{feature.value} in a {where.name}: more than one call"
            assert [bubble.vendor_id for bubble in made] == [sent.vendor_id for sent in receipt.sent], where.name
            assert [*range(len(made))] == [sent.index for sent in receipt.sent][: len(made)] or len(made) == 1
            texts = " ".join(bench.wire().split())
            assert all(_essence(message) in texts for message in messages), f"{feature.value} in a {where.name}"

    # ── pieces ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _declaring(self, feature: Feature) -> list[Where]:
        table = self.table
        return [where for where in wheres(table) if where.capabilities.has(feature)]

    def _leaves_a_trace(self, feature: Feature, message: Message, without: Message) -> None:
        for arrived in self.each(feature, lambda *_: message):
            traced = self._calls(arrived.where, message) != self._calls(arrived.where, without)
            assert traced, f"{arrived.about(feature)} is declared and leaves no trace on the wire"

    def _calls(self, where: Where, message: Message) -> list[Any]:
        """Give what the first calls of a message ask, on a bench of its own: same story, same keys."""
        bench = self.bench()
        chat = bench.place(where.kind).chat
        asked = message.model_copy(update={"channel": message.channel or where.channel})
        sends = [action for action in bench.fitted(chat, asked) if isinstance(action, SendMessage)]
        calls = [first_call(bench.provider.send_message(action)) for action in sends]
        return [(call.path, call.json, dict(call.params)) for call in calls]


def _pairs(bench: Bench) -> Iterator[tuple[Feature, Feature]]:
    """Give every pair that one message cannot have both of: where both are asked for, either may be named."""
    for row in bench.provider.capabilities().rows:
        yield from row.capabilities.limits.exclusive


def _members(bench: Bench, place: Place) -> list[str]:
    if place.chat.kind is ChatKind.DIRECT:
        return [place.contact.address.text]
    return sorted(bench.contact(number).address.text for number in (0, 1))


def _members_of(bubble: Bubble) -> list[str]:
    return sorted(address.text for address in bubble.thread.members)


def _essence(message: Message) -> str:
    part = message.parts[0]
    return part.url if isinstance(part, Link) else message.text


def _ref(place: Place) -> MessageRef:
    return MessageRef(vendor_id=place.written.vendor_id if place.written else "message-of-nobody")


def _endings(where: Where) -> tuple[str, ...]:
    return where.capabilities.limits.voice_formats or ("m4a",)


def _files(limits: Limits, count: int | None = None, **fields: Any) -> Message:
    """Make a message with attachments, with a text where the vendor wants one."""
    number = count if count is not None else limits.attachment_count or 1
    files = [_file(limits, index, **fields) for index in range(number)]
    return Message(*(["with files"] if limits.text_required else []), *files)


def _file(limits: Limits, index: int, **fields: Any) -> Attachment:
    """Make an attachment at a URL of the longest length, of each scheme in turn, of a type that is carried."""
    family = next((each.partition("/")[0] for each in limits.media_types or () if each.partition("/")[0] in _TYPES), "")
    media_type, ending = _TYPES.get(family, _TYPES["image"])
    schemes = limits.url_schemes or ("https",)
    scheme = schemes[index % len(schemes)]
    name = f"kit{index}.{ending}"
    url = f"{scheme}://files.example/{'u' * 400}/{name}"
    if limits.url_length is not None:
        url = f"{scheme}://files.example/{'u' * (limits.url_length - len(f'{scheme}://files.example//{name}'))}/{name}"
    return Attachment(url=url, media_type=media_type, **fields)
