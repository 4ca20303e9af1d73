"""What an action takes from which limit, and how long an empty one asks to wait."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.actions import MarkRead, SendMessage, SendReaction, SetTyping
from gateway.consent import ConsentMode
from gateway.errors import ConfigurationError
from gateway.ids import ChatId, Token, chat_id
from gateway.model import Chat, Message, MessageRef, Reaction
from gateway.pacing import (
    Known,
    Priority,
    Sending,
    Terms,
    by_recipient,
    is_answer,
    looks_back,
    may_be_answer,
    pause_name,
    pause_names,
    tolls,
    wait_of,
)
from gateway.rules import DailyCap, Pace, Pause, Rules, Scope, Whom
from gateway.store.rows import Bucket, Marked
from gateway.store.rules import spend

NOW = datetime(2026, 11, 5, 12, tzinfo=UTC)
PHONE, OTHER = "+12025550123", "+12025550124"
LANE = ChatId("chat_one")
NO_RULES, NO_TERMS = Rules(), Terms()

SILENT = Known(begun=True, last_wrote=NOW - timedelta(days=2))
RECENT = Known(begun=True, last_wrote=NOW - timedelta(hours=1))
STRANGER = Known(begun=False)
WRITTEN_TO = Known(begun=True)


def message(chat: Chat | None = None) -> SendMessage:
    """Make a message."""
    where = chat or Chat.direct(PHONE)
    return SendMessage(chat=where, messages=(Message("x"),), key="k", token=Token("t"))


REACTION = SendReaction(
    chat=Chat.direct(PHONE),
    target=MessageRef(vendor_id="1"),
    reaction=Reaction.parse("love"),
    key="k",
    token=Token("t"),
)
TYPING = SetTyping(chat=Chat.direct(PHONE))
READ = MarkRead(chat=Chat.direct(PHONE))


def sending(action: SendMessage | SendReaction | SetTyping | MarkRead | None = None, **changes: object) -> Sending:
    """Make something that is to go."""
    made = Sending(action or message(), "main", LANE, Priority.NORMAL, NOW)
    return made._replace(**changes)  # type: ignore[arg-type]


def keys(made: Sending, rules: Rules = NO_RULES, terms: Terms = NO_TERMS, known: Known = RECENT) -> list[str]:
    """Name the buckets that it takes from."""
    return [toll.bucket.key for toll in tolls(made, rules, terms, known)]


# ── what is written ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("rate", "interval", "burst"),
    [
        ("10/s", 0.1, 1),
        ("1 / second", 1.0, 1),
        ("30/min burst 10", 2.0, 10),
        ("1/120s", 120.0, 1),
        ("2 per 15 minutes", 450.0, 1),
        ("1000/day", 86.4, 1),
        ("60/h", 60.0, 1),
    ],
)
def test_a_pace_is_written_as_so_many_in_a_time(rate: str, interval: float, burst: int) -> None:
    """Spread evenly, unless a burst says how many may come at once."""
    pace = Pace.parse("recipient", rate)

    assert (Scope.RECIPIENT, interval, burst) == (pace.scope, pace.interval, pace.burst)
    assert rate in pace.why


@pytest.mark.parametrize("rate", ["", "fast", "0/s", "10", "10/fortnight", "1/0s", "-1/s", "1/s burst 0"])
def test_what_is_no_pace_is_an_error(rate: str) -> None:
    """A limit that was misread would be no limit."""
    with pytest.raises(ValueError, match=r"pace"):
        Pace.parse("connection", rate)


def test_terms_are_read_over_those_of_the_gateway() -> None:
    """What a connection does not say is the gateway's, entry by entry."""
    gateway = Terms.read(pace={"connection": "10/s", "recipient": "1/s"}, consent="warn", queue=5)
    own = Terms.read(gateway, pace={"recipient": "1/min"}, queue=None, answers_per_minute=0)

    assert {"connection": 0.1, "recipient": 60.0} == {pace.scope.value: pace.interval for pace in own.paces}
    assert (ConsentMode.WARN, None, 5, 0) == (own.consent, own.require_opt_in, own.queue, own.answers_per_minute)
    assert Terms() == Terms.read()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"pace": {"planet": "1/s"}}, "pace of 'planet'"),
        ({"pace": {"chat": "often"}}, "pace of 'chat'"),
        ({"pace": {"chat": 3}}, "pace of 'chat'"),
        ({"consent": "maybe"}, "consent is 'maybe'"),
        ({"queue": 0}, "queue is 0"),
        ({"queue": True}, "queue is True"),
        ({"answers_per_minute": -1}, "answers_per_minute is -1"),
        ({"require_opt_in": "yes"}, "require_opt_in"),
    ],
)
def test_terms_that_are_wrong_are_named(given: dict[str, Any], words: str) -> None:
    """Before anything is sent on them."""
    with pytest.raises(ConfigurationError, match=words) as caught:
        Terms.read(**given)

    assert caught.value.hint


def test_rules_that_make_no_sense_cannot_be_declared() -> None:
    """A provider's mistake is found when the connection is made."""
    for make in (
        lambda: Pace("x", Scope.CHAT, 0),
        lambda: Pace("x", Scope.CHAT, 1, 0),
        lambda: DailyCap("x", Scope.LINE, (), date(2026, 1, 1)),
        lambda: DailyCap("x", Scope.LINE, ((2, 1),), date(2026, 1, 1)),
        lambda: DailyCap("x", Scope.LINE, ((1, 5), (1, 6)), date(2026, 1, 1)),
        lambda: Pause(0),
        lambda: Pause(1, scope=Scope.RECIPIENT),
        lambda: Rules(paces=(Pace("x", Scope.CHAT, 1), Pace("x", Scope.LINE, 1))),
    ):
        with pytest.raises(ValueError, match=r"\w"):
            make()


@pytest.mark.parametrize(
    ("word", "answer", "rank"), [(None, True, 0), (None, False, 1), ("bulk", True, 2), ("reply", False, 0)]
)
def test_an_answer_is_a_reply_unless_somebody_says_otherwise(word: str | None, *, answer: bool, rank: int) -> None:
    """Who waits for an answer does not wait behind a campaign."""
    assert Priority(rank) is Priority.of(word, answer=answer)


def test_there_is_no_other_priority() -> None:
    """A misspelt one would be bulk, or a reply."""
    with pytest.raises(ValueError, match="urgent"):
        Priority.of("urgent", answer=False)


# ── what is taken ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("whom", "known", "meant"),
    [
        (Whom.EVERYONE, RECENT, True),
        (Whom.EVERYONE, STRANGER, True),
        (Whom.SILENT, RECENT, False),
        (Whom.SILENT, SILENT, True),
        (Whom.SILENT, STRANGER, True),
        (Whom.SILENT, WRITTEN_TO, True),
        (Whom.NEW, STRANGER, True),
        (Whom.NEW, WRITTEN_TO, False),
        (Whom.NEW, SILENT, False),
    ],
)
def test_whom_a_limit_is_about(whom: Whom, known: Known, *, meant: bool) -> None:
    """Silent: has not written lately. New: nobody has written in the chat."""
    rules = Rules(paces=(Pace("p", Scope.CONNECTION, 1, whom=whom),), recent=timedelta(hours=24))

    assert (["main:p:"] if meant else []) == keys(sending(), rules, known=known)


def test_what_is_counted_together() -> None:
    """One bucket for a connection, a line, a chat, and one for each recipient, however the chat is named."""
    both = Chat.several(PHONE, OTHER)
    rules = Rules(paces=tuple(Pace(scope.value, scope, 1) for scope in Scope))
    one, two = (chat_id("main", f"direct:{phone}") for phone in (PHONE, OTHER))

    assert ["main:connection:", "main:line:", f"main:recipient:{one}", f"main:chat:{LANE}"] == keys(sending(), rules)
    assert {f"main:recipient:{one}", f"main:recipient:{two}"} <= set(keys(sending(message(both)), rules))
    assert f"main:recipient:{LANE}" in keys(sending(message(Chat.of_group("g"))), rules)
    lines = [keys(sending(message(Chat.direct(PHONE, line=line))), rules)[1] for line in ("a", "b", "a")]
    assert lines[0] == lines[2] != lines[1]


def test_a_recipient_is_counted_by_the_chat_that_is_kept() -> None:
    """However they are named; a set with two names of one contact counts them once."""
    rules = Rules(paces=(Pace("p", Scope.RECIPIENT, 1),))
    known = RECENT._replace(recipients=(ChatId("chat_kept"),))

    for chat in (Chat.direct(PHONE), Chat.several(PHONE, "contact:c-1")):
        assert ["main:p:chat_kept"] == keys(sending(message(chat)), rules, known=known)
    assert [f"main:p:{LANE}"] == keys(sending(message(Chat.of_group("g"))), rules, known=known)
    assert [True, False] == [by_recipient(found, ()) for found in (rules, NO_RULES)]
    assert by_recipient(NO_RULES, rules.paces)


def test_no_address_is_in_the_name_of_a_bucket() -> None:
    """Names are kept, and shown with what waits."""
    rules = Rules(paces=tuple(Pace(scope.value, scope, 1) for scope in Scope))
    made = sending(message(Chat.direct(PHONE, line=OTHER)))

    assert "202555" not in " ".join([*keys(made, rules), pause_name(made, Pause(1, Whom.NEW, Scope.LINE))])


@pytest.mark.parametrize("action", [TYPING, READ])
def test_typing_and_reading_count_for_the_connection_alone(action: SetTyping | MarkRead) -> None:
    """The vendor gets a call, the contact no message."""
    rules = Rules(
        paces=(*(Pace(scope.value, scope, 1) for scope in Scope), Pace("s", Scope.CONNECTION, 1, whom=Whom.SILENT))
    )

    assert ["main:connection:"] == keys(sending(action), rules, known=SILENT)
    assert "main:s:" in keys(sending(REACTION), rules, known=SILENT)


def test_only_answers_can_be_a_loop() -> None:
    """What a person or a program sends to somebody who is silent is none, however much it is."""
    answer = sending(priority=Priority.REPLY)

    assert [f"main:answers:{LANE}"] == keys(answer)
    assert [] == keys(answer, terms=Terms(answers_per_minute=0))
    assert [] == keys(sending(priority=Priority.NORMAL))
    assert [] == keys(sending(TYPING, priority=Priority.REPLY))


@pytest.mark.parametrize("priority", Priority)
def test_in_a_conversation_every_message_is_an_answer(priority: Priority) -> None:
    """Whatever it is called; not what is no message."""
    talking = RECENT._replace(talking=True)

    assert [f"main:answers:{LANE}"] == keys(sending(priority=priority), known=talking)
    assert [] == keys(sending(priority=priority), terms=Terms(answers_per_minute=0), known=talking)
    assert [] == keys(sending(READ, priority=priority), known=talking)


@pytest.mark.parametrize(
    ("wrote", "due", "now", "answers"),
    [
        (0, None, 60, True),
        (0, None, 61, False),
        (0, 60, 500, True),
        (0, -500, 60, True),
        (0, 3600, 3600, False),
    ],
)
def test_an_answer_follows_what_the_contact_wrote(wrote: int, due: int | None, now: int, *, answers: bool) -> None:
    """Within a minute, by when it was due: what was queued then stays one, what was asked for later is none."""
    at = [NOW + timedelta(seconds=seconds) if seconds is not None else None for seconds in (wrote, due, now)]
    assert at[0] is not None

    assert answers is is_answer(sending(due=at[1], now=at[2]), at[0])


def test_when_the_contact_wrote_is_asked_only_where_it_counts() -> None:
    """Not for what is an answer anyway, nor for what no contact answers."""
    none = Terms(answers_per_minute=0)

    assert [True, True, False] == [may_be_answer(sending(priority=priority), NO_TERMS) for priority in (1, 2, 0)]
    assert [False, False] == [may_be_answer(sending(TYPING), NO_TERMS), may_be_answer(sending(), none)]


def test_a_cap_grows_with_the_days() -> None:
    """By the table of its warm-up; before the first day it is as on the first."""
    cap = DailyCap("c", Scope.LINE, ((1, 2), (3, 5), (22, 50)), date(2026, 11, 1))

    assert [2, 2, 2, 5, 5, 50, 50] == [
        cap.most(date(2026, 11, 1) + timedelta(days=days)) for days in (-9, 0, 1, 2, 20, 21, 400)
    ]


def test_only_limits_that_look_back_need_to_know_the_past() -> None:
    """For the others nothing is looked up."""
    assert not looks_back(Rules(paces=(Pace("a", Scope.CHAT, 1),)), (), (Pause(1),))
    assert looks_back(Rules(caps=(DailyCap("c", Scope.LINE, ((1, 2),), date(2026, 1, 1), Whom.NEW),)), (), ())
    assert looks_back(Rules(), (), (Pause(1, Whom.SILENT),))


# ── what is waited for ────────────────────────────────────────────────────────────────────────────────────────────


def test_an_empty_bucket_says_until_when_and_why() -> None:
    """And whether all of the connection waits with it."""
    rules = Rules(paces=(Pace("a", Scope.CONNECTION, 5, why="five"), Pace("b", Scope.CHAT, 9, why="nine")))
    taken = tolls(sending(), rules, Terms(), RECENT)
    later = NOW + timedelta(seconds=5)
    whole = wait_of(Marked(until=later, limit="main:a:"), taken, NOW)
    single = wait_of(Marked(until=later, limit=f"main:b:{LANE}"), taken, NOW)

    assert whole is not None
    assert single is not None
    assert (later, "five", True, False) == (whole.until, whole.why, whole.whole, whole.loop)
    assert (later, "nine", False, False) == (single.until, single.why, single.whole, single.loop)
    assert wait_of(Marked(), taken, NOW) is None
    assert wait_of(Marked(lost=True), taken, NOW) is None


def test_a_days_cap_ends_with_the_day() -> None:
    """At midnight, UTC, another bucket takes its place."""
    cap = DailyCap("c", Scope.LINE, ((1, 1),), date(2026, 11, 1), Whom.NEW, "one a day")
    taken = tolls(sending(), Rules(caps=(cap,)), Terms(), STRANGER)
    arrivals: dict[str, int] = {}
    buckets = [toll.bucket for toll in taken]
    assert spend(buckets, arrivals, NOW).written
    wait = wait_of(spend(buckets, arrivals, NOW + timedelta(hours=1)), taken, NOW)

    assert wait is not None
    assert (datetime(2026, 11, 6, tzinfo=UTC), "one a day (1 on this day)") == (wait.until, wait.why)
    [tomorrow] = tolls(sending(now=wait.until), Rules(caps=(cap,)), Terms(), STRANGER)
    assert spend([tomorrow.bucket], arrivals, wait.until).written


def test_a_loop_rests_for_a_minute() -> None:
    """Not only until the next one would fit: two bots would go on for ever."""
    taken = tolls(sending(priority=Priority.REPLY), Rules(), Terms(answers_per_minute=2), RECENT)
    arrivals: dict[str, int] = {}
    buckets = [toll.bucket for toll in taken]
    assert [True, True, False] == [spend(buckets, arrivals, NOW).written for _ in range(3)]
    wait = wait_of(spend(buckets, arrivals, NOW), taken, NOW)

    assert wait is not None
    assert (NOW + timedelta(minutes=1), True) == (wait.until, wait.loop)
    assert "2 answers in a minute" in wait.why


def test_pauses_stop_what_they_are_about() -> None:
    """New conversations of one line, and nothing else; all calls where everything is stopped."""
    pauses = (Pause(60, Whom.NEW, Scope.LINE), Pause(60, Whom.SILENT), Pause(60))
    by_line = sending(message(Chat.direct(PHONE, line="a")))

    assert [pause_name(by_line, pause) for pause in pauses] == pause_names(by_line, pauses, Rules(), STRANGER)
    assert [pause_name(by_line, pauses[1]), pause_name(by_line, pauses[2])] == pause_names(
        by_line, pauses, Rules(), WRITTEN_TO
    )
    assert [pause_name(by_line, pauses[2])] == pause_names(by_line, pauses, Rules(), RECENT)
    assert [pause_name(by_line, pauses[2])] == pause_names(sending(READ), pauses, Rules(), STRANGER)
    assert pause_name(by_line, pauses[0]) != pause_name(sending(), pauses[0])


# ── kept, whatever comes ──────────────────────────────────────────────────────────────────────────────────────────

_GAPS = st.lists(st.floats(0, 40_000, allow_nan=False), min_size=1, max_size=60)


@given(gaps=_GAPS, interval=st.floats(0.5, 5000), burst=st.integers(1, 5))
def test_a_pace_is_kept_for_any_arrivals(gaps: list[float], interval: float, burst: int) -> None:
    """Of `burst + 1` that went, the last one is at least one interval after the first."""
    bucket, now = Bucket("b", interval, burst), NOW
    arrivals: dict[str, int] = {}
    went: list[datetime] = []
    for gap in gaps:
        now += timedelta(seconds=gap)
        if spend([bucket], arrivals, now).written:
            went.append(now)

    spans = [(later - earlier).total_seconds() for earlier, later in zip(went, went[burst:], strict=False)]
    assert all(span >= interval - 0.001 for span in spans)


@given(gaps=_GAPS, most=st.integers(0, 7))
def test_a_cap_is_kept_for_any_arrivals(gaps: list[float], most: int) -> None:
    """No day sees more than it may, and what waits goes on the day after."""
    cap = DailyCap("c", Scope.LINE, ((1, most),), date(2026, 11, 1), Whom.NEW)
    arrivals: dict[str, int] = {}
    went: dict[date, int] = {}
    now = NOW
    for gap in gaps:
        now += timedelta(seconds=gap)
        taken = tolls(sending(now=now), Rules(caps=(cap,)), Terms(), STRANGER)
        marked = spend([toll.bucket for toll in taken], arrivals, now)
        if marked.written:
            went[now.date()] = went.get(now.date(), 0) + 1
        elif (wait := wait_of(marked, taken, now)) is not None:
            assert wait.until == datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), UTC)

    assert all(count <= most for count in went.values())


@given(st.permutations([0, 1, 2]))
def test_all_buckets_or_none(order: list[int]) -> None:
    """One that is empty keeps the others as they were."""
    arrivals: dict[str, int] = {}
    empty = Bucket("empty", 100)
    spend([empty], arrivals, NOW)
    before = dict(arrivals)
    buckets = [Bucket("a", 1), empty, Bucket("b", 7)]

    assert not spend([buckets[index] for index in order], arrivals, NOW).written
    assert before == arrivals
