"""What holds for every message on every vendor."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.actions import Policy, SendMessage, SendPoll, SetTyping
from gateway.capabilities import CapabilityTable
from gateway.errors import Unsupported
from gateway.fitting import Plan, explain, fit, fit_poll, fit_reaction
from gateway.model import Attachment, Chat, Link, Message, MessageRef, Part, Reaction, Text, Voice
from tests.unit import strategies as some

ANY_TABLE = some.tables(generous=True) | some.tables()


def fitted(plan: Plan) -> list[tuple[int, Message]]:
    """The messages of all calls in order, each with the caller's message that it carries."""
    return [
        pair
        for step in plan.steps
        if isinstance(step.action, SendMessage)
        for pair in zip(step.indexes, step.action.messages, strict=True)
    ]


def visible(text: str) -> str:
    """The characters that are not white space."""
    return re.sub(r"\s", "", text)


def content(messages: Sequence[Message]) -> Iterator[str]:
    """Every character that a reader sees, and the source of every file, in order."""
    for message in messages:
        yield visible(message.subject or "")
        for part in message.parts:
            yield from said(part)


def said(part: Part) -> Iterator[str]:
    """The content of a part."""
    match part:
        case Text(text=text):
            yield visible(text)
        case Link(url=url, title=title):
            yield visible(title or "") + url
        case Attachment() | Voice():
            yield str(part.url or part.file or part.data)


def outcome(chat: Chat, messages: Sequence[Message], table: CapabilityTable, policy: Policy) -> Plan | Unsupported:
    """The plan, or the refusal."""
    try:
        return fit(chat, messages, table, policy)
    except Unsupported as error:
        return error


def plan_of(chat: Chat, messages: Sequence[Message], table: CapabilityTable, policy: Policy) -> Plan | None:
    """The plan, or None where it is refused; a refusal says what to do."""
    found = outcome(chat, messages, table, policy)
    if isinstance(found, Plan):
        return found
    assert found.hint
    assert 0 < len(found.features) == len(found.alternatives)
    return None


@settings(max_examples=200)
@given(some.chats, st.lists(some.messages(hostile=False), min_size=1, max_size=3), some.tables(generous=True))
def test_graceful_loses_nothing(chat: Chat, messages: list[Message], table: CapabilityTable) -> None:
    """Every visible character, every file and every link goes to the vendor, once and in order.

    A vendor that carries text and files refuses only what has no place to cut: a link or a character over its limit.
    """
    plan = outcome(chat, messages, table, Policy.GRACEFUL)
    if isinstance(plan, Unsupported):
        assert {"link", "text"} >= set(plan.features)
        return
    for index, message in enumerate(messages):
        pieces = [piece for at, piece in fitted(plan) if at == index]
        assert "".join(content([message])) == "".join(content(pieces))
    assert sorted(index for index, _ in fitted(plan)) == [index for index, _ in fitted(plan)]


@settings(max_examples=200)
@given(some.chats, st.lists(some.messages(hostile=False), min_size=1, max_size=3), ANY_TABLE)
def test_what_has_been_fitted_fits(chat: Chat, messages: list[Message], table: CapabilityTable) -> None:
    """Fitting what was fitted, strictly, gives the same messages in the same calls and changes nothing."""
    plan = plan_of(chat, messages, table, Policy.GRACEFUL)
    if plan is None:
        return
    again = fit(chat, [message for _, message in fitted(plan)], table, Policy.STRICT)
    assert () == again.adaptations
    assert [message for _, message in fitted(plan)] == [message for _, message in fitted(again)]


@settings(max_examples=200)
@given(some.chats, some.messages(hostile=False), ANY_TABLE, some.writings())
def test_a_quote_is_one_line_more_and_nothing_else(
    chat: Chat, message: Message, table: CapabilityTable, said: str
) -> None:
    """It makes no message and splits no text; without its line the messages are what they were."""
    answer = message.model_copy(update={"reply_to": MessageRef(vendor_id="M")})
    plain = plan_of(chat, [answer], table, Policy.GRACEFUL)
    if plain is None:
        return
    quoting = fit(chat, [answer], table, Policy.GRACEFUL, {MessageRef(vendor_id="M"): said})
    assert len(plain.steps) == len(quoting.steps)
    [before, after] = [[message for _, message in fitted(plan)] for plan in (plain, quoting)]
    if before != after:
        first = before[0].text
        assert after[0].text.startswith("> ")
        assert first == after[0].text.partition("\n")[2]
        assert before[1:] == after[1:]
    again = fit(chat, after, table, Policy.STRICT)
    assert () == again.adaptations


@given(some.chats, st.lists(some.messages(), min_size=1, max_size=2), ANY_TABLE)
def test_strict_is_graceful_without_a_change(chat: Chat, messages: list[Message], table: CapabilityTable) -> None:
    """Strict allows exactly what graceful would carry unchanged, and plans the same steps."""
    strict = plan_of(chat, messages, table, Policy.STRICT)
    graceful = plan_of(chat, messages, table, Policy.GRACEFUL)
    unchanged = graceful if graceful is not None and not graceful.adaptations else None
    assert unchanged == strict


@given(some.chats, st.lists(some.messages(), min_size=1, max_size=2), some.tables(generous=True))
def test_a_reference_and_extra_fields_stay_with_every_piece(
    chat: Chat, messages: list[Message], table: CapabilityTable
) -> None:
    """Whatever a message becomes, each piece says whose it is; only the first is shown in a special way."""
    plan = plan_of(chat, messages, table, Policy.GRACEFUL)
    if plan is None:
        return
    for index, message in enumerate(messages):
        pieces = [piece for at, piece in fitted(plan) if at == index]
        assert {message.reference} == {piece.reference for piece in pieces}
        assert all(message.extra == piece.extra for piece in pieces)
        assert not any(piece.effect or piece.subject or piece.reply_to or piece.typing for piece in pieces[1:])


@given(some.chats, some.messages(hostile=False), ANY_TABLE)
def test_typing_comes_before_its_message_and_pauses_it(chat: Chat, message: Message, table: CapabilityTable) -> None:
    """Dots that are a step are the first one, and only what follows them waits."""
    plan = plan_of(chat, [message], table, Policy.GRACEFUL)
    if plan is None:
        return
    dots = [isinstance(step.action, SetTyping) for step in plan.steps]
    assert dots.count(True) <= 1
    assert [True] * any(dots) == dots[: any(dots)]
    assert [number == 1 and dots[0] for number in range(len(dots))] == [step.pause > 0 for step in plan.steps]


@given(some.chats, st.lists(some.messages(), min_size=1, max_size=2), ANY_TABLE, some.policies)
def test_neither_a_refusal_nor_an_explanation_repeats_what_was_written(
    chat: Chat, messages: list[Message], table: CapabilityTable, policy: Policy
) -> None:
    """No URL, no address and no name of the caller is in an error, an adaptation or an explanation."""
    found = outcome(chat, messages, table, policy)
    if isinstance(found, Plan):
        shown = "\n".join(explain(found))
    else:
        shown = "\n".join((str(found), found.hint or "", *found.alternatives))
    private = [address.value for address in chat.addresses] + ["example.com", "holiday", "contract"]
    assert [] == [value for value in private if value in shown]


@given(
    chat=some.chats,
    target=some.refs,
    reaction=some.reactions,
    remove=st.booleans(),
    table=ANY_TABLE,
    policy=some.policies,
)
def test_a_fitted_reaction_fits(
    chat: Chat, target: MessageRef, reaction: Reaction, *, remove: bool, table: CapabilityTable, policy: Policy
) -> None:
    """Fitting a fitted reaction changes nothing."""
    try:
        plan = fit_reaction(chat, target, reaction, remove=remove, table=table, policy=policy)
    except Unsupported:
        return
    [step] = plan.steps
    assert step.action.type == "send_reaction"
    again = fit_reaction(
        chat, step.action.target, step.action.reaction, remove=remove, table=table, policy=Policy.STRICT
    )
    assert plan.steps == again.steps


@given(
    chat=some.chats,
    title=st.none() | some.writings(30),
    options=st.lists(some.writings(30), min_size=2, max_size=6, unique=True),
    table=ANY_TABLE,
)
def test_a_poll_loses_no_option(chat: Chat, title: str | None, options: list[str], table: CapabilityTable) -> None:
    """It goes as it was asked, or as texts that hold its title and every option in order; strict takes the first only.

    What a graceful poll became fits: fitting it again changes nothing.
    """
    try:
        plan = fit_poll(chat, title, options, table=table, policy=Policy.GRACEFUL)
    except Unsupported:
        return
    first = plan.steps[0].action
    if isinstance(first, SendPoll):
        assert (title, tuple(options), ()) == (first.title, first.options, plan.adaptations)
        assert plan == fit_poll(chat, title, options, table=table)
        return
    numbered = [f"{number}. {option}" for number, option in enumerate(options, 1)]
    sent = [message for _, message in fitted(plan)]
    assert visible("".join([title or "", *numbered])) == "".join(visible(message.text) for message in sent)
    assert () == fit(chat, sent, table, Policy.STRICT).adaptations
