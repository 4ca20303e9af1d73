"""What becomes of reactions, typing dots and read marks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.actions import MarkRead, Policy, SendMessage, SendPoll, SendReaction, SetTyping, ShareContact
from gateway.capabilities import CapabilityRow, CapabilityTable, Feature, Limits
from gateway.errors import Unsupported
from gateway.fitting import (
    Plan,
    Step,
    explain,
    fit_contact,
    fit_poll,
    fit_reaction,
    fit_read,
    fit_typing,
    require,
)
from gateway.ids import Token
from gateway.model import Chat, ChatKind, Message, MessageRef, Reaction, Tapback
from tests.unit.capability_tables import BUBBLES, PAIRS, table

ANN = Chat.direct("+13231112233")
THAT = MessageRef(vendor_id="M")
DIRECT = CapabilityTable(
    rows=(CapabilityRow(kind=ChatKind.DIRECT, capabilities=table(Feature.CHATS).rows[0].capabilities),)
)
"""Direct chats and nothing else."""


def react(
    reaction: str,
    *,
    on: CapabilityTable,
    policy: Policy = Policy.STRICT,
    target: MessageRef = THAT,
    remove: bool = False,
) -> Plan:
    """Fit a reaction to one message."""
    return fit_reaction(ANN, target, Reaction.parse(reaction), remove=remove, table=on, policy=policy)


def refused(reaction: str, *, on: CapabilityTable, target: MessageRef = THAT, remove: bool = False) -> tuple[str, ...]:
    """The features that graceful refuses too."""
    with pytest.raises(Unsupported) as caught:
        react(reaction, on=on, target=target, remove=remove, policy=Policy.GRACEFUL)
    return caught.value.features


@pytest.mark.parametrize("remove", [False, True])
def test_a_tapback_is_one_step(*, remove: bool) -> None:
    """Added or taken back, as it was asked."""
    action = SendReaction(
        chat=ANN, target=THAT, reaction=Reaction(tapback=Tapback.LOVE), remove=remove, key="", token=Token("")
    )
    assert Plan(steps=(Step(action=action),)) == react("love", on=PAIRS, remove=remove)


@pytest.mark.parametrize(
    ("emoji", "nearest"),
    [("❤️", "love"), ("👍🏽", "like"), ("👎", "dislike"), ("😂", "laugh"), ("‼️", "emphasize"), ("❓", "question")],
)
def test_an_emoji_is_the_nearest_tapback_where_there_are_only_those(emoji: str, nearest: str) -> None:
    """Strict refuses that and names the tapback; graceful sends and reports it."""
    plan = react(emoji, on=PAIRS, policy=Policy.GRACEFUL)
    assert [nearest] == [step.action.reaction.text for step in plan.steps if isinstance(step.action, SendReaction)]
    assert [(Feature.EMOJI_REACTION, f"sent as {nearest}")] == [(c.feature, c.happened) for c in plan.adaptations]
    with pytest.raises(Unsupported) as caught:
        react(emoji, on=PAIRS)
    assert (("emoji reaction",), (nearest,)) == (caught.value.features, caught.value.alternatives)
    assert emoji == react(emoji, on=BUBBLES).steps[0].action.model_dump(mode="json")["reaction"]


def test_an_emoji_like_no_tapback_is_refused() -> None:
    """Nobody means a dinosaur by a heart."""
    assert ("emoji reaction",) == refused("🦖", on=PAIRS)


def test_a_tapback_that_is_missing_has_no_stand_in() -> None:
    """Another tapback says something else."""
    on = table(Feature.REACTION, limits=Limits(tapbacks=frozenset({Tapback.LIKE})))
    assert ("reaction",) == refused("love", on=on)
    assert ("emoji reaction",) == refused("❤️", on=on)


@pytest.mark.parametrize(
    ("features", "target", "remove", "missing"),
    [
        ((), THAT, False, "reaction"),
        ((Feature.REACTION,), THAT, True, "remove reaction"),
        ((Feature.REACTION,), MessageRef(index=-1), False, "reaction by index"),
        ((Feature.REACTION,), MessageRef(guid="G"), False, "reaction"),
    ],
)
def test_a_reaction_is_nothing_but_itself(
    features: tuple[Feature, ...], target: MessageRef, *, remove: bool, missing: str
) -> None:
    """Where it cannot be made, be taken back or name its message, every policy refuses it."""
    assert (missing,) == refused("love", on=table(*features), target=target, remove=remove)


def test_a_reaction_to_a_part_is_one_to_the_whole() -> None:
    """Where the vendor does not know parts."""
    plan = react("love", on=PAIRS, target=MessageRef(vendor_id="M", part=1), policy=Policy.GRACEFUL)
    assert react("love", on=PAIRS).steps == plan.steps
    assert ["reacts to the whole message"] == [change.happened for change in plan.adaptations]


def test_a_reaction_to_a_part_stays_one_where_parts_can_be_named() -> None:
    """Nothing is changed, and nothing has to be told."""
    on = table(Feature.REACTION, Feature.REACTION_PART)
    plan = react("love", on=on, target=MessageRef(vendor_id="V", part=2))
    [step] = plan.steps
    assert isinstance(step.action, SendReaction)
    assert (MessageRef(vendor_id="V", part=2), ()) == (step.action.target, plan.adaptations)


@pytest.mark.parametrize(("on", "told"), [(PAIRS, 5.0), (BUBBLES, None)])
def test_typing_tells_seconds_to_a_vendor_that_counts(on: CapabilityTable, told: float | None) -> None:
    """The others show the dots until they are told to stop."""
    plan = fit_typing(ANN, on=True, seconds=5, target=THAT, table=on, policy=Policy.STRICT)
    assert Plan(steps=(Step(action=SetTyping(chat=ANN, seconds=told, target=THAT)),)) == plan


def test_typing_ends_at_the_vendors_limit() -> None:
    """Longer dots are shortened under graceful and refused under strict."""
    plan = fit_typing(ANN, on=True, seconds=90, target=None, table=PAIRS, policy=Policy.GRACEFUL)
    assert Step(action=SetTyping(chat=ANN, seconds=60)) == plan.steps[0]
    assert [(Feature.TYPING, "shown for 60 seconds")] == [(c.feature, c.happened) for c in plan.adaptations]
    with pytest.raises(Unsupported):
        fit_typing(ANN, on=True, seconds=90, target=None, table=PAIRS, policy=Policy.STRICT)


def test_typing_off_has_no_seconds() -> None:
    """Taking the dots away takes no time."""
    plan = fit_typing(ANN, on=False, seconds=5, target=None, table=PAIRS, policy=Policy.STRICT)
    assert Plan(steps=(Step(action=SetTyping(chat=ANN, on=False)),)) == plan


def test_a_chat_is_marked_as_read_in_one_step() -> None:
    """The last message that was read goes along for vendors that find the chat by it."""
    plan = fit_read(ANN, target=THAT, table=PAIRS, policy=Policy.STRICT)
    assert Plan(steps=(Step(action=MarkRead(chat=ANN, target=THAT)),)) == plan


@pytest.mark.parametrize("policy", Policy)
def test_typing_and_reading_are_refused_where_they_do_not_exist(policy: Policy) -> None:
    """There is nothing that could stand for them."""
    with pytest.raises(Unsupported) as typing:
        fit_typing(ANN, on=True, seconds=None, target=None, table=table(), policy=policy)
    with pytest.raises(Unsupported) as read:
        fit_read(ANN, target=None, table=table(), policy=policy)
    assert (("typing",), ("mark read",)) == (typing.value.features, read.value.features)


def test_a_gesture_needs_a_chat_that_exists() -> None:
    """What cannot be written to cannot be reacted in."""
    several = Chat.several("+13231112233", "+13232223344")
    with pytest.raises(Unsupported) as caught:
        fit_read(several, target=None, table=PAIRS, policy=Policy.GRACEFUL)
    assert "several addresses" in caught.value.features


def test_gestures_are_told_too() -> None:
    """One line each."""
    assert ["1. react"] == explain(react("love", on=PAIRS))
    assert ["1. take a reaction back"] == explain(react("love", on=PAIRS, remove=True))
    off = fit_typing(ANN, on=False, seconds=None, target=None, table=PAIRS, policy=Policy.STRICT)
    assert ["1. typing dots off"] == explain(off)
    assert ["1. mark as read"] == explain(fit_read(ANN, target=None, table=PAIRS, policy=Policy.STRICT))


def test_a_poll_is_one_step_and_told_without_its_words() -> None:
    """As it was asked."""
    plan = fit_poll(ANN, "Lunch?", ("yes", "no"), table=table(Feature.POLL), policy=Policy.STRICT)
    action = SendPoll(chat=ANN, title="Lunch?", options=("yes", "no"), key="", token=Token(""))
    assert Plan(steps=(Step(action=action),)) == plan
    assert ["1. send a poll of 2 options"] == explain(plan)


def test_a_contact_card_goes_by_itself_or_with_a_message() -> None:
    """Where it only goes with one, the refusal says so."""
    plan = fit_contact(ANN, table=table(Feature.CONTACT_CARD))
    assert Plan(steps=(Step(action=ShareContact(chat=ANN, key="", token=Token(""))),)) == plan
    assert ["1. share our contact card"] == explain(plan)
    for on, instead in (
        (table(Feature.SHARE_CONTACT), "a message with share_contact"),
        (table(), "a message that says who we are"),
    ):
        with pytest.raises(Unsupported) as caught:
            fit_contact(ANN, table=on)
        assert (("contact card by itself",), (instead,)) == (caught.value.features, caught.value.alternatives)


def test_neither_goes_to_a_chat_that_does_not_exist_here() -> None:
    """The kind of chat is refused, before anything else is looked at."""
    group = Chat.of_group("g")
    asks: list[Callable[[], Plan]] = [
        lambda: fit_poll(group, None, ("a", "b"), table=DIRECT, policy=Policy.GRACEFUL),
        lambda: fit_contact(group, table=DIRECT),
    ]
    for ask in asks:
        with pytest.raises(Unsupported) as caught:
            ask()
        assert ("group chat",) == caught.value.features


def test_what_is_asked_directly_has_to_be_offered() -> None:
    """In that kind of chat, or in any where no chat is named."""
    require(Feature.CHATS, DIRECT)
    require(Feature.CHATS, DIRECT, ANN)
    with pytest.raises(Unsupported, match="history: it is not offered here"):
        require(Feature.HISTORY, DIRECT)
    with pytest.raises(Unsupported, match="list of chats: it is not offered for a group here"):
        require(Feature.CHATS, DIRECT, Chat.of_group("g"))


@pytest.mark.parametrize(
    ("title", "text"), [("Lunch?", "Lunch?\n1. yes\n2. no\n3. later"), (None, "1. yes\n2. no\n3. later")]
)
@pytest.mark.parametrize(
    ("on", "why"),
    [
        (table(), "there are no polls here"),
        (table(Feature.POLL, limits=Limits(poll_options=2)), "a poll here has at most 2 options"),
    ],
)
def test_a_poll_that_cannot_be_one_is_a_text_with_numbered_options(
    on: CapabilityTable, why: str, title: str | None, text: str
) -> None:
    """Strict refuses that; graceful reports it, beside what becomes of the text."""
    options = ("yes", "no", "later")
    plan = fit_poll(ANN, title, options, table=on, policy=Policy.GRACEFUL)
    assert [Message(text)] == [step.action.message for step in plan.steps if isinstance(step.action, SendMessage)]
    assert [(Feature.POLL, "sent as a text with numbered options", why)] == [
        (change.feature, change.happened, change.why) for change in plan.adaptations
    ]
    with pytest.raises(Unsupported) as caught:
        fit_poll(ANN, title, options, table=on, policy=Policy.STRICT)
    assert ("poll",) == caught.value.features


def test_a_long_text_of_a_poll_is_split_like_any() -> None:
    """Both changes are reported."""
    on = table(limits=Limits(text_length=20))
    plan = fit_poll(ANN, "What shall we eat?", ("a pizza", "a soup"), table=on, policy=Policy.GRACEFUL)
    assert [Feature.POLL, Feature.TEXT] == [change.feature for change in plan.adaptations]
    assert 2 == len(plan.steps)
