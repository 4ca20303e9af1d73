"""Every rule of fitting, one row each: what strict refuses is what graceful changes, and what arrives then."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from gateway.actions import Policy, SendMessage, SendReaction
from gateway.addresses import Address
from gateway.capabilities import CapabilityTable, Feature, Limits
from gateway.errors import Unsupported
from gateway.fitting import Plan, fit, fit_reaction
from gateway.model import Attachment, Channel, Chat, Link, Message, MessageRef, Part, Reaction, Text, Voice
from tests.unit.capability_tables import BUBBLES, PAIRS, table

F = Feature
ANN = Chat.direct("+13231112233")
THAT = MessageRef(vendor_id="M")
PHOTO = Attachment(url="https://example.com/a.jpg")
CLIP = Attachment(url="https://example.com/b.mp4")
CARD = Link(url="https://example.com/x", title="Look")
NOTE = Voice(url="https://example.com/n.mp3")
BEN = Address.parse("+13232223344")

PLAIN = table(F.ATTACHMENT)
"""Texts, links and files, and nothing to adorn them with."""
SHORT = table(limits=Limits(text_length=20))


@dataclass(frozen=True)
class Rule:
    """What is asked, and what becomes of it."""

    name: str
    asked: tuple[Message, ...]
    on: CapabilityTable
    features: frozenset[Feature]
    """What strict names, and graceful changes."""
    sent: tuple[Message, ...]
    """What graceful sends."""


def rule(name: str, asked: Message, on: CapabilityTable, features: Feature | set[Feature], *sent: Message) -> Rule:
    """Write a rule in one line."""
    return Rule(name, (asked,), on, frozenset(features if isinstance(features, set) else {features}), sent)


def text(*content: str | Part, **shown: object) -> Message:
    """Short for a message."""
    return Message(*content, **shown)  # type: ignore[arg-type]  # as a caller writes it


RULES = (
    rule(
        "cut between paragraphs",
        text("One one one.\n\nTwo two."),
        SHORT,
        F.TEXT,
        text("One one one."),
        text("Two two."),
    ),
    rule(
        "cut between lines", text("One one one\nTwo two two"), SHORT, F.TEXT, text("One one one"), text("Two two two")
    ),
    rule(
        "cut after a sentence",
        text("It is here. Where is it?"),
        SHORT,
        F.TEXT,
        text("It is here."),
        text("Where is it?"),
    ),
    rule("cut between words", text("one two three four five"), SHORT, F.TEXT, text("one two three four"), text("five")),
    rule("cut between characters", text("👍🏽" * 12), SHORT, F.TEXT, text("👍🏽" * 10), text("👍🏽" * 2)),
    rule(
        "too many attachments follow",
        text("four", PHOTO, CLIP, PHOTO, CLIP),
        PAIRS,
        F.ATTACHMENT,
        text("four", PHOTO, CLIP, PHOTO),
        text(CLIP),
    ),
    rule("parts one after the other", text(PHOTO, "a", CLIP), PLAIN, F.MULTIPART, text(PHOTO), text("a", CLIP)),
    rule("a mention is text", text(Text(text="Ben", mention=BEN)), PLAIN, F.MENTION, text("Ben")),
    rule("a card is its title and link", text(CARD), PLAIN, F.LINK_CARD, text("Look\nhttps://example.com/x")),
    rule("an effect is left out", text("hi", effect="slam"), PLAIN, F.EFFECT, text("hi")),
    rule("a subject is the first line", text("hi", subject="News"), PLAIN, F.SUBJECT, text("News\nhi")),
    rule(
        "an effect goes where parts exclude it",
        text(PHOTO, "below", effect="slam"),
        BUBBLES,
        F.EFFECT,
        text(PHOTO, "below"),
    ),
    rule(
        "a voice note is a file",
        text(NOTE),
        PLAIN,
        F.VOICE,
        text(Attachment(url=str(NOTE.url))),
    ),
    rule("a reply leaves its thread", text("yes", reply_to=THAT), PLAIN, F.REPLY, text("yes")),
    rule("dots are left out", text("hi", typing=True), PLAIN, F.TYPING_FIRST, text("hi")),
    rule("our card stays", text("hi", share_contact=True), PLAIN, F.SHARE_CONTACT, text("hi")),
    rule("the vendor chooses the channel", text("hi", channel="rcs"), PLAIN, F.CHANNEL, text("hi")),
    rule(
        "SMS has neither subject, effect nor thread",
        text("hi", channel="sms", subject="S", effect="slam", reply_to=THAT),
        PAIRS,
        {F.SUBJECT, F.EFFECT, F.REPLY},
        text("S\nhi", channel=Channel.SMS),
    ),
)

REFUSED = (
    ("a file at http", text(Attachment(url="http://example.com/a.jpg")), ANN, PAIRS, F.ATTACHMENT),
    ("a URL over the limit", text(Attachment(url="https://example.com/" + "a" * 300)), ANN, PAIRS, F.ATTACHMENT),
    ("a voice note at http", text(Voice(url="http://example.com/a.mp3")), ANN, PAIRS, F.VOICE),
    ("a reference over the limit", text("hi", reference="r" * 2_000), ANN, PAIRS, F.REFERENCE),
    ("a video by SMS", text(CLIP, channel="sms"), ANN, PAIRS, F.ATTACHMENT),
    ("several addresses where only groups are", text("hi"), Chat.several(BEN, "+13231112233"), PAIRS, F.SEVERAL),
    ("a link over the limit", text(Link(url="https://example.com/" + "a" * 30)), ANN, SHORT, F.LINK),
    ("a character over the limit", text("👨‍👩‍👧‍👦" * 9), ANN, table(limits=Limits(text_length=3)), F.TEXT),
)


def fitted(plan: Plan) -> tuple[Message, ...]:
    """All messages, call by call."""
    return tuple(m for step in plan.steps if isinstance(step.action, SendMessage) for m in step.action.messages)


@pytest.mark.parametrize("case", RULES, ids=[case.name for case in RULES])
def test_strict_refuses_what_graceful_changes(case: Rule) -> None:
    """The same features on both sides; every change is reported, and what it made fits as it is."""
    with pytest.raises(Unsupported) as caught:
        fit(ANN, case.asked, case.on, Policy.STRICT)
    plan = fit(ANN, case.asked, case.on, Policy.GRACEFUL)

    assert {feature.value for feature in case.features} == set(caught.value.features)
    assert case.features == {change.feature for change in plan.adaptations}
    assert case.sent == fitted(plan)
    assert () == fit(ANN, case.sent, case.on, Policy.STRICT).adaptations


@pytest.mark.parametrize("policy", Policy)
@pytest.mark.parametrize(("_name", "message", "to", "on", "feature"), REFUSED, ids=[row[0] for row in REFUSED])
def test_content_without_a_way_is_refused_by_both(
    _name: str, message: Message, to: Chat, on: CapabilityTable, feature: Feature, policy: Policy
) -> None:
    """Neither dropped nor cut: the error names the feature, what it would take, and nothing of the content."""
    with pytest.raises(Unsupported) as caught:
        fit(to, [message], on, policy)

    assert {feature.value} == set(caught.value.features)
    assert "example.com" not in str(caught.value)


def test_an_emoji_becomes_the_nearest_tapback_or_is_refused() -> None:
    """A reaction has its own call; the rule has the same two sides."""
    ask = {"remove": False, "table": table(F.REACTION)}
    with pytest.raises(Unsupported):
        fit_reaction(ANN, THAT, Reaction.parse("😂"), policy=Policy.STRICT, **ask)  # type: ignore[arg-type]  # as above
    plan = fit_reaction(ANN, THAT, Reaction.parse("😂"), policy=Policy.GRACEFUL, **ask)  # type: ignore[arg-type]

    assert ["laugh"] == [step.action.reaction.text for step in plan.steps if isinstance(step.action, SendReaction)]
    assert [F.EMOJI_REACTION] == [change.feature for change in plan.adaptations]


def test_batches_share_a_call_only_where_the_vendor_takes_them() -> None:
    """An array of texts and one of cards are a call each at one vendor, and a call for each message at another."""
    texts, cards = [text("a"), text("b")], [text(CARD), text(CARD)]
    here = [len(fit(ANN, each, BUBBLES, Policy.STRICT).steps) for each in (texts, cards)]
    there = [len(fit(ANN, each, table(F.LINK_CARD), Policy.STRICT).steps) for each in (texts, cards)]

    assert ([1, 1], [2, 2]) == (here, there)


# ── a quoted line in place of a thread ────────────────────────────────────────────────────────────────────────────

SAID = {THAT: "Shall we meet\n at noon?"}


def answered(message: Message, said: str, on: CapabilityTable = PLAIN) -> tuple[Message, ...]:
    """What a reply becomes when the text that it answers is known."""
    return fitted(fit(ANN, [message], on, Policy.GRACEFUL, {THAT: said}))


def test_a_reply_quotes_what_it_answers_where_there_are_no_threads() -> None:
    """In one line, reported; strict refuses it all the same, and a vendor with threads is given none."""
    message = text("yes", PHOTO, reply_to=THAT)
    plan = fit(ANN, [message], PLAIN, Policy.GRACEFUL, SAID)

    assert (text("> Shall we meet at noon?\nyes", PHOTO),) == fitted(plan)
    assert ["sent outside the thread, below a line of what it answers"] == [each.happened for each in plan.adaptations]
    assert "noon" not in str(plan.adaptations)
    with pytest.raises(Unsupported):
        fit(ANN, [message], PLAIN, Policy.STRICT, SAID)
    assert (message,) == fitted(fit(ANN, [message], BUBBLES, Policy.STRICT, SAID))


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("x" * 80, "> " + "x" * 80),
        ("x" * 81, "> " + "x" * 79 + "…"),
        ("é" + "🇩🇪" * 60, "> é" + "🇩🇪" * 39 + "…"),
        ("word " * 30, "> " + ("word " * 30)[:79].rstrip() + "…"),
    ],
)
def test_a_quote_is_cut_between_characters(said: str, line: str) -> None:
    """At most eighty of them, and no half flag."""
    assert (text(f"{line}\nyes"),) == answered(text("yes", reply_to=THAT), said)


@pytest.mark.parametrize(
    ("message", "said", "on"),
    [
        (text("yes", reply_to=THAT), "  \n ", PLAIN),
        (text("yes", reply_to=THAT), "", PLAIN),
        (text(PHOTO, reply_to=THAT), "Shall we?", PLAIN),
        (text(NOTE, reply_to=THAT), "Shall we?", table(F.VOICE)),
        (text("a text of twenty char", reply_to=THAT), "Shall we?", table(limits=Limits(text_length=30))),
    ],
)
def test_no_message_is_made_or_split_for_the_sake_of_a_quote(message: Message, said: str, on: CapabilityTable) -> None:
    """Without a text to stand above, or room for the line, the reply goes without it."""
    assert (message.model_copy(update={"reply_to": None}),) == answered(message, said, on)
