"""What becomes of messages on vendors that differ."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.actions import Adaptation, Policy, SendMessage, SetTyping
from gateway.addresses import Address, AddressKind
from gateway.capabilities import CapabilityTable, Feature, Limits
from gateway.errors import InvalidMessage, Unsupported
from gateway.fitting import Plan, Step, explain, fit
from gateway.ids import Token
from gateway.model import (
    Attachment,
    Channel,
    Chat,
    Effect,
    Link,
    Message,
    MessageRef,
    Opaque,
    Text,
    Voice,
)
from tests.unit.capability_tables import BUBBLES, PAIRS, table

ANN = Chat.direct("+13231112233")
GROUP = Chat.of_group("grp1")
PHOTO = Attachment(url="https://example.com/photo.jpg")
NOTE = Voice(url="https://example.com/note.m4a")
LINK = Link(url="https://example.com/page")
CARD = Link(url="https://example.com/page", title="A page", preview_image="https://example.com/page.png")


def strict(*messages: Message, to: Chat = ANN, on: CapabilityTable) -> Plan:
    """Fit under strict."""
    return fit(to, messages, on, Policy.STRICT)


def graceful(*messages: Message, to: Chat = ANN, on: CapabilityTable) -> Plan:
    """Fit under graceful."""
    return fit(to, messages, on, Policy.GRACEFUL)


def refusal(*messages: Message, to: Chat = ANN, on: CapabilityTable, policy: Policy = Policy.STRICT) -> Unsupported:
    """The refusal, which has to be one."""
    with pytest.raises(Unsupported) as caught:
        fit(to, messages, on, policy)
    return caught.value


def sent(plan: Plan) -> list[Message]:
    """All messages in order."""
    return [each for step in plan.steps if isinstance(step.action, SendMessage) for each in step.action.messages]


def changes(plan: Plan) -> list[tuple[Feature, str]]:
    """What was adapted, and how."""
    return [(change.feature, change.happened) for change in plan.adaptations]


# ── what needs no change ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_text_is_one_step_without_key_and_token() -> None:
    """The outbox gives a step its key and its token, fitting gives neither."""
    action = SendMessage(chat=ANN, messages=(Message("hi"),), key="", token=Token(""))
    assert Plan(steps=(Step(action=action, indexes=(0,)),)) == strict(Message("hi"), on=PAIRS)


@pytest.mark.parametrize("on", [BUBBLES, PAIRS])
def test_a_text_and_then_attachments_is_one_message_on_any_vendor(on: CapabilityTable) -> None:
    """No vendor loses anything of one text with attachments below it."""
    message = Message("look", PHOTO, PHOTO)
    assert [message] == sent(strict(message, on=on))


def test_parts_in_any_order_are_one_message_where_parts_are_carried() -> None:
    """A bubble of several parts goes as it is."""
    message = Message("look", PHOTO, "and this", PHOTO)
    assert [message] == sent(strict(message, on=BUBBLES))


def test_no_message_is_the_callers_mistake() -> None:
    """There is no plan for nothing."""
    with pytest.raises(InvalidMessage):
        strict(on=PAIRS)


# ── refusals ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_strict_names_every_problem_of_every_message_at_once() -> None:
    """Whoever mends the call mends it once."""
    ann = Address.parse("+13231112233")
    first = Message("hi", effect="shooting-star", subject="S")
    second = Message(Text(text="Ann", mention=ann), effect="shooting-star", reply_to=MessageRef(index=-1))
    error = refusal(first, second, on=BUBBLES)
    assert ("effect", "reply", "subject") == tuple(sorted(error.features))
    assert len(error.features) == len(error.alternatives)
    assert "message 0, 1, effect: there is no shooting-star here" in error.message
    assert "message 0, subject: there are no subjects here" in error.message
    assert "graceful" in str(error.hint)


def test_graceful_refuses_only_what_has_no_way_out() -> None:
    """A lost effect is no reason; a file that nobody can fetch is."""
    error = refusal(Message(Attachment(data=b"x"), effect="slam"), on=PAIRS, policy=Policy.GRACEFUL)
    assert ("attachment",) == error.features
    assert ("a public URL of it",) == error.alternatives
    assert "graceful" not in str(error.hint)


@pytest.mark.parametrize(
    ("message", "feature"),
    [
        (Message(Attachment(file=Path("a.jpg"))), "attachment"),
        (Message(Attachment(url="http://example.com/a.jpg")), "attachment"),
        (Message(Attachment(url="https://example.com/" + "a" * 256)), "attachment"),
        (Message(Voice(url="http://example.com/a.mp3")), "voice"),
        (Message("hi", reference="r" * 974), "reference"),
        (Message(Opaque(kind="sticker")), "attachment"),
        (Message(Attachment(url="https://example.com/a.pdf"), channel="sms"), "attachment"),
        (Message(Attachment(url="https://example.com/a", media_type="video/mp4"), channel="sms"), "attachment"),
    ],
)
@pytest.mark.parametrize("policy", Policy)
def test_content_that_cannot_be_carried_is_refused_by_every_policy(
    message: Message, feature: str, policy: Policy
) -> None:
    """Media and references are neither dropped nor cut."""
    assert (feature,) == refusal(message, on=PAIRS, policy=policy).features


@pytest.mark.parametrize(
    ("to", "on", "feature"),
    [
        (Chat.several("+13231112233", "+13232223344"), PAIRS, "several addresses"),
        (Chat.direct("contact:ABC"), BUBBLES, "direct chat"),
        (Chat.several("+13231112233", "contact:ABC"), BUBBLES, "several addresses"),
        (GROUP, table(Feature.EFFECT), "group chat"),
    ],
)
@pytest.mark.parametrize("policy", Policy)
def test_recipients_are_content(to: Chat, on: CapabilityTable, feature: str, policy: Policy) -> None:
    """A chat or an address that cannot be written to is refused, and named once for all messages."""
    error = refusal(Message("a", effect="slam"), Message("b"), to=to, on=on, policy=policy)
    assert (feature,) == error.features
    assert 1 == error.message.count("cannot be written to")


def test_a_refusal_reads_as_a_sentence() -> None:
    """One is one, an email has its article, and what to ask for instead names every kind of address."""
    one = table(Feature.MULTIPART, Feature.ATTACHMENT, limits=Limits(part_count=1, attachment_count=1))
    letter = table(limits=Limits(text_length=1))
    assert "a message here has at most 1 part" == refusal(Message("a", "b"), on=one).message.rpartition(": ")[2]
    photos = refusal(Message(PHOTO, PHOTO), on=one).message
    assert "a message here has at most 1 attachment" == photos.rpartition(": ")[2]
    assert "text: a text here has at most 1 character" in refusal(Message("abc"), on=letter).message
    phones = table(limits=Limits(addresses=frozenset({AddressKind.PHONE, AddressKind.CONTACT})))
    error = refusal(Message("a"), to=Chat.direct("ann@example.com"), on=phones)
    assert error.message.endswith("an email address cannot be written to here")
    assert ("a phone number or a contact id",) == error.alternatives


# ── decoration falls back ─────────────────────────────────────────────────────────────────────────────────────────


def test_an_effect_that_does_not_exist_is_left_out_and_reported() -> None:
    """The seventh of nine screen effects is missing at one vendor: strict says so, graceful sends without."""
    message = Message("hi", effect=Effect.SHOOTING_STAR)
    assert [message] == sent(strict(message, on=PAIRS))
    assert ("effect",) == refusal(message, on=BUBBLES).features
    plan = graceful(message, on=BUBBLES)
    assert [Message("hi")] == sent(plan)
    adaptation = Adaptation(feature=Feature.EFFECT, happened="left out", why="there is no shooting-star here")
    assert (adaptation,) == plan.adaptations


def test_an_effect_goes_where_parts_exclude_it() -> None:
    """Of two things that exclude each other the decoration goes; where parts are not needed, it stays."""
    several = Message("a", PHOTO, "b", effect="slam")
    plan = graceful(several, on=BUBBLES)
    assert [Message("a", PHOTO, "b")] == sent(plan)
    assert [(Feature.EFFECT, "left out")] == changes(plan)
    one = Message("a", PHOTO, effect="slam")
    assert [one] == sent(strict(one, on=BUBBLES))


def test_a_mention_is_plain_text_where_there_are_none() -> None:
    """The words stay, their mark goes."""
    mention = Message(Text(text="@Ann", mention=Address.parse("+13231112233")))
    assert [mention] == sent(strict(mention, on=BUBBLES))
    plan = graceful(mention, on=PAIRS)
    assert [Message("@Ann")] == sent(plan)
    assert [(Feature.MENTION, "sent as plain text")] == changes(plan)


def test_a_card_falls_back_to_its_link_and_the_title_to_a_line() -> None:
    """A link is carried without its card; the title is content and stays."""
    assert [Message(CARD)] == sent(strict(Message(CARD), on=BUBBLES))
    plan = graceful(Message(CARD), on=PAIRS)
    assert [Message("A page\nhttps://example.com/page")] == sent(plan)
    assert [(Feature.LINK_CARD, "sent as a plain link, the title as a line above it")] == changes(plan)
    pictured = Link(url=LINK.url, preview_image="https://example.com/page.png")
    assert [Message(LINK)] == sent(graceful(Message(pictured), on=PAIRS))
    assert [Message(LINK)] == sent(strict(Message(LINK), on=PAIRS))


def test_a_link_is_text_where_there_are_no_links() -> None:
    """A URL is text on any vendor, but a link was asked for."""
    [row] = table().rows
    textual = CapabilityTable(rows=(row.model_copy(update={"capabilities": row.capabilities.without(Feature.LINK)}),))
    plan = graceful(Message(LINK), on=textual)
    assert [Message("https://example.com/page")] == sent(plan)
    assert [(Feature.LINK, "sent as text")] == changes(plan)


def test_a_card_goes_without_a_picture_that_cannot_be_fetched() -> None:
    """The picture of a card has to be where the vendor fetches files from."""
    on = table(Feature.LINK_CARD, limits=Limits(url_schemes=("https",)))
    card = Link(url=LINK.url, title="A page", preview_image="http://example.com/page.png")
    plan = graceful(Message(card), on=on)
    assert [Message(Link(url=LINK.url, title="A page"))] == sent(plan)
    assert [(Feature.LINK_CARD, "sent without the picture on its card")] == changes(plan)


def test_a_card_that_was_all_picture_is_a_plain_link_without_it() -> None:
    """And, as any plain link is, text where there are none."""
    [row] = table(Feature.LINK_CARD, limits=Limits(url_schemes=("https",))).rows
    bare = CapabilityTable(rows=(row.model_copy(update={"capabilities": row.capabilities.without(Feature.LINK)}),))
    card = Message(Link(url=LINK.url, preview_image="http://example.com/page.png"))
    plan = graceful(card, on=bare)
    assert [Message(LINK.url)] == sent(plan)
    assert [
        (Feature.LINK_CARD, "sent without the picture on its card"),
        (Feature.LINK, "sent as text"),
    ] == changes(plan)
    assert [Message(LINK)] == sent(graceful(card, on=CapabilityTable(rows=(row,))))


def test_a_subject_is_the_first_line_where_there_are_none() -> None:
    """Words are content: those of a subject become text, before whatever comes first."""
    plan = graceful(Message("text", subject="Subject"), on=BUBBLES)
    assert [Message("Subject\ntext")] == sent(plan)
    assert [(Feature.SUBJECT, "sent as the first line of the text")] == changes(plan)
    assert [Message("Subject", PHOTO)] == sent(graceful(Message(PHOTO, subject="Subject"), on=BUBBLES))


def test_a_subject_over_its_limit_is_text_too() -> None:
    """A subject is not cut."""
    on = table(Feature.SUBJECT, limits=Limits(subject_length=3))
    assert [Message("text", subject="abc")] == sent(strict(Message("text", subject="abc"), on=on))
    assert [Message("abcd\ntext")] == sent(graceful(Message("text", subject="abcd"), on=on))


@pytest.mark.parametrize(
    ("target", "feature", "kept"),
    [
        (MessageRef(guid="G"), Feature.REPLY_GUID, None),
        (MessageRef(index=-1), Feature.REPLY, None),
        (MessageRef(vendor_id="M", part=2), Feature.REPLY_PART, MessageRef(vendor_id="M")),
    ],
)
def test_a_reply_leaves_the_thread_that_cannot_be_named(
    target: MessageRef, feature: Feature, kept: MessageRef | None
) -> None:
    """A reply to what the vendor cannot name is a message like any other; one to a part answers the whole."""
    plan = graceful(Message("yes", reply_to=target), on=PAIRS)
    assert [Message("yes", reply_to=kept)] == sent(plan)
    assert [feature] == [change.feature for change in plan.adaptations]
    assert (feature.value,) == refusal(Message("yes", reply_to=target), on=PAIRS).features


def test_sms_has_no_subject_effect_or_reply() -> None:
    """What holds on the channel that was asked for holds for the message."""
    message = Message("hi", channel="sms", effect="slam", subject="S", reply_to=MessageRef(vendor_id="M"))
    assert ("effect", "reply", "subject") == tuple(sorted(refusal(message, on=PAIRS).features))
    assert [Message("S\nhi", channel="sms")] == sent(graceful(message, on=PAIRS))


def test_a_channel_that_cannot_be_asked_for_is_left_to_the_vendor() -> None:
    """Neither a vendor without a choice nor a group takes a channel; what holds then is what holds without one."""
    message = Message("hi", channel=Channel.SMS, effect="slam")
    for to, on in ((ANN, BUBBLES), (GROUP, PAIRS)):
        plan = graceful(message, to=to, on=on)
        assert [Message("hi", effect="slam")] == sent(plan)
        assert [(Feature.CHANNEL, "the vendor chooses the channel")] == changes(plan)
    assert [message.channel] == [each.channel for each in sent(graceful(message, on=PAIRS))]


def test_a_voice_note_takes_no_channel_where_its_call_has_no_field_for_it() -> None:
    """What excludes the channel sends it back to the vendor."""
    plan = graceful(Message(NOTE, channel=Channel.IMESSAGE), on=PAIRS)
    assert [Message(NOTE)] == sent(plan)
    assert [(Feature.CHANNEL, "the vendor chooses the channel")] == changes(plan)


def test_a_contact_card_is_left_out_where_it_cannot_be_shared() -> None:
    """Groups of one vendor take no contact card."""
    message = Message("hi", share_contact=True)
    assert [message] == sent(strict(message, on=PAIRS))
    assert [(Feature.SHARE_CONTACT, "left out")] == changes(graceful(message, to=GROUP, on=PAIRS))


def test_a_name_is_lost_only_where_the_recipient_sees_another() -> None:
    """A vendor without names shows the end of the URL: the same name is no loss."""
    url = "https://example.com/files/my%20photo.jpg?token=1"
    same = Attachment(url=url, name="my photo.jpg")
    assert [Message(Attachment(url=url))] == sent(strict(Message(same), on=PAIRS))
    other = Attachment(url=url, name="ann.jpg")
    assert [Message(other)] == sent(strict(Message(other), on=BUBBLES))
    assert [(Feature.ATTACHMENT_NAME, "sent without its name")] == changes(graceful(Message(other), on=PAIRS))


# ── content is reshaped ───────────────────────────────────────────────────────────────────────────────────────────


def test_parts_become_a_sequence_where_they_cannot_be_one_message() -> None:
    """One bubble here, several messages there: strict refuses the second, graceful reports it."""
    message = Message("a", PHOTO, "b", effect="slam", subject="S", reply_to=MessageRef(vendor_id="M"), reference="r")
    assert ("multipart",) == refusal(message, on=PAIRS).features
    plan = graceful(message, on=PAIRS)
    first = Message("a", PHOTO, effect="slam", subject="S", reply_to=MessageRef(vendor_id="M"), reference="r")
    assert [first, Message("b", reference="r")] == sent(plan)
    assert [(Feature.MULTIPART, "sent as 2 messages, one after the other")] == changes(plan)
    assert [(0,), (0,)] == [step.indexes for step in plan.steps]


def test_too_many_attachments_become_a_sequence() -> None:
    """The text goes with the first of them."""
    pictures = [Attachment(url=f"https://example.com/{number}.jpg") for number in range(7)]
    plan = graceful(Message("look", *pictures), on=PAIRS)
    assert [Message("look", *pictures[:3]), Message(*pictures[3:6]), Message(*pictures[6:])] == sent(plan)
    assert [(Feature.ATTACHMENT, "sent as 3 messages, one after the other")] == changes(plan)
    assert ("attachment",) == refusal(Message("look", *pictures), on=PAIRS).features


def test_attachments_go_below_a_text_where_they_need_one() -> None:
    """Where no attachment goes alone, those in front go with the text that follows, and those without are refused."""
    on = table(Feature.ATTACHMENT, limits=Limits(text_required=True, attachment_count=2))
    plan = graceful(Message(PHOTO, PHOTO, "look"), on=on)
    assert [Message("look", PHOTO, PHOTO)] == sent(plan)
    assert [(Feature.ATTACHMENT, "shown below the text that follows")] == changes(plan)
    for alone in (Message(PHOTO), Message("look", PHOTO, PHOTO, PHOTO)):
        assert "attachment" in refusal(alone, on=on, policy=Policy.GRACEFUL).features


def test_audio_without_a_text_is_a_voice_note_where_attachments_need_one() -> None:
    """A voice note needs no text; what cannot be heard, or not in this format, is refused as before."""
    limits = Limits(text_required=True, voice_formats=("mp3",))
    on = table(Feature.ATTACHMENT, Feature.VOICE, limits=limits)
    song = Attachment(url="https://example.com/a.mp3")
    assert [Message(Voice(url="https://example.com/a.mp3"))] == sent(graceful(Message(song), on=on))
    assert (Feature.ATTACHMENT, "sent as a voice note") in changes(graceful(Message(song), on=on))
    assert ("attachment",) == refusal(Message(song), on=on).features
    assert [Message("listen", song)] == sent(graceful(Message("listen", song), on=on))
    for other in (PHOTO, Attachment(url="https://example.com/a.wav"), Attachment(url="https://example.com/a")):
        assert "attachment" in refusal(Message(other), on=on, policy=Policy.GRACEFUL).features
    no_voice = table(Feature.ATTACHMENT, limits=limits)
    assert "attachment" in refusal(Message(song), on=no_voice, policy=Policy.GRACEFUL).features


def test_a_link_stands_alone_among_parts() -> None:
    """A link is shown with a card only when it is a message by itself, on any vendor."""
    message = Message("look", LINK, "bye")
    assert ("multipart",) == refusal(message, on=BUBBLES).features
    assert [Message("look"), Message(LINK), Message("bye")] == sent(graceful(message, on=BUBBLES))


def test_a_text_over_the_limit_is_split_and_shown_with_the_first_piece() -> None:
    """One message of two texts is what one of ten thousand characters becomes."""
    text = "a" * 6000 + ". " + "b" * 6000
    message = Message(text, PHOTO, effect="slam", reference="r", extra={"v": {"x": 1}})
    plan = graceful(message, on=PAIRS)
    first = Message("a" * 6000 + ".", effect="slam", reference="r", extra={"v": {"x": 1}})
    assert [first, Message("b" * 6000, PHOTO, reference="r", extra={"v": {"x": 1}})] == sent(plan)
    assert [(Feature.TEXT, "split into 2")] == changes(plan)
    assert ("text",) == refusal(message, on=PAIRS).features


def test_a_mention_that_is_split_is_plain_text() -> None:
    """A mention marks one whole text, so it cannot go on in another."""
    on = table(Feature.MENTION, limits=Limits(text_length=5))
    plan = graceful(Message(Text(text="Ann Smith", mention=Address.parse("+13231112233"))), on=on)
    assert [Message("Ann"), Message("Smith")] == sent(plan)
    assert [Feature.MENTION, Feature.TEXT] == [change.feature for change in plan.adaptations]


def test_white_space_over_the_limit_is_no_second_message() -> None:
    """A text that fits without the white space around it is not split, yet it is reported."""
    plan = graceful(Message("hello \n"), on=table(limits=Limits(text_length=5)))
    assert [Message("hello")] == sent(plan)
    assert [(Feature.TEXT, "sent without the white space around it")] == changes(plan)


def test_one_character_over_the_limit_is_refused() -> None:
    """A family is one character: there is no place to cut it."""
    error = refusal(Message("👨‍👩‍👧‍👦"), on=table(limits=Limits(text_length=5)), policy=Policy.GRACEFUL)
    assert {"text"} == set(error.features)


def test_a_url_is_never_split() -> None:
    """Half a link is no link."""
    on = table(limits=Limits(text_length=20))
    assert {"link"} == set(refusal(Message(LINK), on=on, policy=Policy.GRACEFUL).features)


@pytest.mark.parametrize(
    ("voice", "carried"),
    [
        (NOTE, True),
        (Voice(url="https://example.com/NOTE.CAF"), True),
        (Voice(url="https://example.com/note", media_type="audio/x-m4a"), True),
        (Voice(url="https://example.com/note", name="note.aac"), True),
        (Voice(url="https://example.com/note?id=1"), True),
        (Voice(url="https://example.com/note.ogg"), False),
        (Voice(url="https://example.com/note", media_type="audio/ogg"), False),
        (Voice(url="https://example.com/note", name="note.opus"), False),
    ],
)
def test_a_voice_note_has_a_format_that_the_vendor_plays(voice: Voice, *, carried: bool) -> None:
    """A format that neither name nor type tells is left to the vendor; a wrong one is sent as a file."""
    plan = graceful(Message(voice), on=PAIRS)
    assert carried == isinstance(sent(plan)[0].parts[0], Voice)
    assert ([] if carried else ["voice"]) == [c.feature.value for c in plan.adaptations if c.feature is Feature.VOICE]


def test_a_voice_note_is_an_attachment_where_there_are_none() -> None:
    """The recording stays, its bubble with the waves goes."""
    plan = graceful(Message(NOTE, effect="slam"), on=BUBBLES)
    assert [Message(Attachment(url=NOTE.url or ""), effect="slam")] == sent(plan)
    assert [(Feature.VOICE, "sent as an audio attachment")] == changes(plan)


def test_what_a_voice_note_cannot_have_goes_before_it_or_is_left_out() -> None:
    """A subject becomes a message before it, which the effect goes with; a reply to nothing else is left out."""
    plan = graceful(Message(NOTE, subject="S", effect="slam"), on=PAIRS)
    assert [Message("S", effect="slam"), Message(NOTE)] == sent(plan)
    assert [Feature.SUBJECT, Feature.MULTIPART] == [change.feature for change in plan.adaptations]
    alone = graceful(Message(NOTE, reply_to=MessageRef(vendor_id="M")), on=PAIRS)
    assert [Message(NOTE)] == sent(alone)
    assert [(Feature.REPLY, "left out")] == changes(alone)


# ── typing first ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_typing_flag_stays_with_its_message_where_the_vendor_has_one() -> None:
    """A flag is a field of the call."""
    message = Message("hi", typing=True)
    assert [message] == sent(strict(message, on=BUBBLES))


@pytest.mark.parametrize(
    ("on", "typing", "told", "pause"),
    [(PAIRS, True, 2.0, 2.0), (PAIRS, 5.0, 5.0, 5.0), (BUBBLES, 5.0, None, 5.0)],
)
def test_typing_is_a_step_and_a_pause_elsewhere(
    on: CapabilityTable, *, typing: bool | float, told: float | None, pause: float
) -> None:
    """Seconds are never left to a flag; a vendor that does not count is told no seconds."""
    plan = strict(Message("hi", typing=typing), on=on)
    send = SendMessage(chat=ANN, messages=(Message("hi"),), key="", token=Token(""))
    dots = Step(action=SetTyping(chat=ANN, seconds=told))
    assert Plan(steps=(dots, Step(action=send, pause=pause, indexes=(0,)))) == plan


def test_typing_is_no_longer_than_the_vendor_shows_it() -> None:
    """A minute is the most on one vendor."""
    plan = graceful(Message("hi", typing=90.0), on=PAIRS)
    assert 60 == plan.steps[1].pause
    assert [(Feature.TYPING_FIRST, "shown for 60 seconds")] == changes(plan)
    assert ("typing first",) == refusal(Message("hi", typing=90.0), on=PAIRS).features


def test_a_flag_alone_does_not_keep_seconds() -> None:
    """Where there is only a flag, the length is the vendor's; where there is nothing, the dots are left out."""
    flag = graceful(Message("hi", typing=5.0), on=table(Feature.TYPING_FIRST))
    assert [Message("hi", typing=True)] == sent(flag)
    assert [(Feature.TYPING_FIRST, "the length is left to the vendor")] == changes(flag)
    assert [(Feature.TYPING_FIRST, "sent without typing dots")] == changes(
        graceful(Message("hi", typing=True), on=table())
    )


# ── calls ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_plain_texts_share_a_call_where_the_vendor_offers_that() -> None:
    """The answer's ids are told apart by the indexes."""
    plan = strict(Message("a"), Message("b"), on=BUBBLES)
    assert [((0, 1), [Message("a"), Message("b")])] == [(step.indexes, sent(plan)) for step in plan.steps]
    assert [(0,), (1,)] == [step.indexes for step in strict(Message("a"), Message("b"), on=PAIRS).steps]


@pytest.mark.parametrize(
    "second",
    [
        Message("b", effect="slam"),
        Message("b", reference="r"),
        Message("b", reply_to=MessageRef(vendor_id="M")),
        Message("b", PHOTO),
        Message("b", typing=3.0),
        Message("b", extra={"v": {"x": 1}}),
        Message(LINK),
    ],
)
def test_messages_that_differ_in_anything_have_their_own_call(second: Message) -> None:
    """A call has one set of options, and one reference on the wire."""
    plan = strict(Message("a"), second, on=BUBBLES)
    assert [(0,), (1,)] == [step.indexes for step in plan.steps if step.indexes]


def test_links_with_cards_share_a_call_of_their_own() -> None:
    """Texts and links are two kinds of batch."""
    plan = strict(Message("a"), Message("b"), Message(CARD), Message(CARD), Message("c"), on=BUBBLES)
    assert [(0, 1), (2, 3), (4,)] == [step.indexes for step in plan.steps]


def test_pieces_of_one_text_may_share_a_call_with_their_neighbours() -> None:
    """Indexes repeat when several messages at the vendor carry one of the caller's."""
    on = table(Feature.BATCH, limits=Limits(text_length=5))
    plan = graceful(Message("aaaa bbbb"), Message("c"), on=on)
    assert [(0, 0, 1)] == [step.indexes for step in plan.steps]


def test_what_excludes_a_batch_keeps_calls_apart() -> None:
    """A vendor may refuse effects on batches."""
    on = table(Feature.BATCH, Feature.EFFECT, limits=Limits(exclusive=((Feature.BATCH, Feature.EFFECT),)))
    slams = (Message("a", effect="slam"), Message("b", effect="slam"))
    assert [(0,), (1,)] == [step.indexes for step in strict(*slams, on=on).steps]


# ── the plan, told ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_plan_is_told_in_shapes_and_counts() -> None:
    """One line a step and one a change, without a word of the content."""
    message = Message("secret", PHOTO, PHOTO, "words", effect="shooting-star", typing=3.0, subject="quiet")
    assert [
        "1. typing dots on for 3 s",
        "2. after 3 s: send message 0 (text of 6 characters, 2 attachments, a subject, effect shooting-star)",
        "3. send message 0 (text of 5 characters)",
        (
            "adapted: multipart: sent as 2 messages, one after the other, because a message here is one text and then "
            "attachments, no other order and no second text"
        ),
    ] == explain(graceful(message, on=PAIRS))


def test_a_call_of_several_messages_is_told_as_one() -> None:
    """A change names its message where there are several."""
    assert [
        "1. send message 0 (text of 1 character), message 1 (text of 1 character) in one call",
        (
            "adapted: message 1, channel: the vendor chooses the channel, because sms cannot be asked for in a direct "
            "chat here"
        ),
    ] == explain(graceful(Message("a"), Message("b", channel="sms"), on=BUBBLES))
