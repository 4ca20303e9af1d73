"""When an action may go: the limits of vendor and user, turned into what it takes from which bucket. Pure.

The buckets are in the store, which takes one from each of them in the commit that marks the attempt, or none. What an
empty one asks for is waited out by the lane, not by the worker.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from enum import IntEnum
from typing import Any, NamedTuple

from gateway.actions import KeyedAction, SendMessage, SendPoll, StepAction
from gateway.consent import ConsentMode
from gateway.errors import ConfigurationError
from gateway.ids import ChatId, chat_id, direct_chat
from gateway.model import ChatKind
from gateway.rules import DailyCap, Pace, Pause, Rules, Scope, Whom
from gateway.store.rows import Bucket, Marked

__all__ = [
    "ANSWERS",
    "Known",
    "Priority",
    "Sending",
    "Terms",
    "Toll",
    "Wait",
    "by_recipient",
    "is_answer",
    "looks_back",
    "may_be_answer",
    "pause_name",
    "pause_names",
    "tolls",
    "wait_of",
]

ANSWERS = 20
"""Most answers in a minute to one chat, unless another number is given: a person does not ask that much."""
_TALKING = timedelta(seconds=60)
"""How long after a contact wrote a message that falls due is taken for an answer: a loop is quicker than that."""
_LOOP_REST = timedelta(seconds=60)
"""How long a chat rests whose answers look like a loop."""
_DAY = 86_400.0


class Priority(IntEnum):
    """Who goes first among the chats that are due; inside a chat the order is the one of the calls."""

    REPLY = 0
    """An answer to something that arrived; the loop breaker counts these wherever they go."""
    NORMAL = 1
    BULK = 2

    @classmethod
    def of(cls, word: str | None, *, answer: bool) -> Priority:
        """Read `reply`, `normal` or `bulk`; without a word an answer is a reply. Raises `ValueError`."""
        if word is None:
            return cls.REPLY if answer else cls.NORMAL
        if word.upper() not in cls.__members__:
            raise ValueError(f'{word!r} is no priority: use "reply", "normal" or "bulk"')
        return cls[word.upper()]


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms on which a connection sends."""

    paces: tuple[Pace, ...] = ()
    """The user's own limits, beside the vendor's."""
    consent: ConsentMode = ConsentMode.ENFORCE
    require_opt_in: bool | None = None
    """Whether a contact has to opt in or write first; None warns where the provider says that it has to."""
    queue: int = 10_000
    """Most messages that wait to leave; then a send is refused with `Overloaded`."""
    answers_per_minute: int = ANSWERS
    """Most answers in a minute to one chat; 0 is any number."""

    @classmethod
    def read(cls, default: Terms | None = None, **given: Any) -> Terms:
        """Make terms of what a user wrote; what is None is as in `default`. Raises `ConfigurationError`.

        `pace` is a table by what is counted, `{"connection": "10/s"}`; each entry stands in the place of the default's.
        """
        terms = default or cls()
        known = {pace.scope.value: pace for pace in terms.paces}
        paces = {**known, **_paces(given.pop("pace", None))}
        changes = {name: value for name, value in given.items() if value is not None}
        changes["consent"] = _consent(changes.get("consent", terms.consent))
        for name in ("queue", "answers_per_minute"):
            number = changes.get(name, 1)
            if isinstance(number, bool) or not isinstance(number, int) or number < (name == "queue"):
                raise ConfigurationError(f"{name} is {number!r}", hint="it is a whole number, and a queue holds one")
        if not isinstance(changes.get("require_opt_in", False), bool):
            raise ConfigurationError("require_opt_in is true or false", hint="leave it out for what the vendor says")
        return replace(terms, paces=tuple(paces.values()), **changes)


def _paces(table: Mapping[str, str | Pace] | None) -> dict[str, Pace]:
    made: dict[str, Pace] = {}
    for scope, rate in (table or {}).items():
        try:
            made[scope] = rate if isinstance(rate, Pace) else Pace.parse(scope, rate)
        except (AttributeError, ValueError) as error:
            raise ConfigurationError(
                f"the pace of {scope!r} is wrong: {error}",
                hint='write pace = {connection = "10/s", recipient = "1/s"}; line and chat are there too',
            ) from None
    return made


def _consent(mode: ConsentMode | str) -> ConsentMode:
    try:
        return ConsentMode(mode)
    except ValueError:
        raise ConfigurationError(f"consent is {mode!r}", hint='use "enforce", "warn" or "off"') from None


# ── what an action takes ──────────────────────────────────────────────────────────────────────────────────────────


class Known(NamedTuple):
    """What is known about a chat when an action is to go."""

    begun: bool = True
    """Somebody has written in it before."""
    last_wrote: datetime | None = None
    """When the contact last wrote, or opted in."""
    talking: bool = False
    """What goes there is an answer, whatever its priority."""
    recipients: tuple[ChatId, ...] = ()
    """The chats with each of its addresses alone, as they are kept: a contact has one, by whatever name."""


class Sending(NamedTuple):
    """An action that is to go, and where."""

    action: StepAction
    connection: str
    lane: ChatId
    priority: int
    now: datetime
    due: datetime | None = None
    """Since when it might have gone; None is since now."""


@dataclass(frozen=True, slots=True)
class Toll:
    """What an action takes from one bucket, and what is said while that is empty."""

    bucket: Bucket
    why: str
    ends: datetime | None = None
    """When another bucket takes its place: a day's cap."""
    rest: timedelta = field(default=timedelta())
    """The least that is waited once it is empty."""
    whole: bool = False
    """True where everything of the connection waits with it."""
    calls: bool = False
    """True where it counts calls, so that one that was refused counts too; the others count what people get."""


def tolls(sending: Sending, rules: Rules, terms: Terms, known: Known) -> tuple[Toll, ...]:
    """Say what an action takes: all of it, or it does not go."""
    found = []
    for pace in (*rules.paces, *terms.paces):
        if _counts(sending.action, pace.scope, pace.whom) and _is_meant(pace.whom, known, rules, sending.now):
            whole = pace.scope is Scope.CONNECTION and pace.whom is Whom.EVERYONE
            for subject in _subjects(sending, known, pace.scope):
                bucket = Bucket(_key(sending, pace.name, subject), pace.interval, pace.burst)
                calls = pace.scope in {Scope.CONNECTION, Scope.LINE} and pace.whom is Whom.EVERYONE
                found.append(Toll(bucket, pace.why or pace.name, whole=whole, calls=calls))
    for cap in rules.caps:
        if _counts(sending.action, cap.scope, cap.whom) and _is_meant(cap.whom, known, rules, sending.now):
            found += [_capped(sending, cap, subject) for subject in _subjects(sending, known, cap.scope)]
    if _looped(sending, terms) and (sending.priority == Priority.REPLY or known.talking):
        bucket = Bucket(_key(sending, "answers", sending.lane), 60 / terms.answers_per_minute, terms.answers_per_minute)
        why = f"more than {terms.answers_per_minute} answers in a minute to one chat, which looks like a loop"
        found.append(Toll(bucket, why, rest=_LOOP_REST))
    return tuple(found)


def may_be_answer(sending: Sending, terms: Terms) -> bool:
    """Tell whether it counts when the contact last wrote: not for what is an answer anyway, or can be no loop."""
    return _looped(sending, terms) and sending.priority != Priority.REPLY


def is_answer(sending: Sending, last_wrote: datetime) -> bool:
    """Tell whether a message is taken for an answer because the contact wrote shortly before it was due, or since.

    By when it was due, not by when it leaves: what a loop has queued goes on counting while the chat rests.
    """
    return (sending.due or sending.now) - last_wrote <= _TALKING


def _looped(sending: Sending, terms: Terms) -> bool:
    """Tell whether an action could be part of a loop: a contact answers messages."""
    return terms.answers_per_minute > 0 and isinstance(sending.action, SendMessage | SendPoll)


def _capped(sending: Sending, cap: DailyCap, subject: str) -> Toll:
    """Make a bucket that is used for one day: as many as are allowed, and nothing comes back before it ends."""
    day = sending.now.astimezone(UTC).date()
    ends = datetime.combine(day + timedelta(days=1), time(), UTC)
    most = cap.most(day)
    bucket = Bucket(_key(sending, f"{cap.name}:{day.isoformat()}", subject), _DAY, most)
    return Toll(bucket, f"{cap.why or cap.name} ({most} on this day)", ends=ends)


def _counts(action: StepAction, scope: Scope, whom: Whom) -> bool:
    """Tell whether a limit is about such an action: contacts get what they are notified of, the vendor every call."""
    if isinstance(action, KeyedAction):
        return True
    return scope is Scope.CONNECTION and whom is Whom.EVERYONE


def _is_meant(whom: Whom, known: Known, rules: Rules, now: datetime) -> bool:
    match whom:
        case Whom.EVERYONE:
            return True
        case Whom.SILENT:
            return known.last_wrote is None or now - known.last_wrote > rules.recent
        case Whom.NEW:
            return not known.begun


def _subjects(sending: Sending, known: Known, scope: Scope) -> Sequence[str]:
    """Name what is counted; addresses only as ids, for the names of buckets are kept."""
    chat = sending.action.chat
    match scope:
        case Scope.CONNECTION:
            return [""]
        case Scope.LINE:
            return [_hidden(sending.connection, chat.line)]
        case Scope.CHAT:
            return [sending.lane]
        case Scope.RECIPIENT if chat.kind is ChatKind.GROUP:
            return [sending.lane]
        case Scope.RECIPIENT:
            return known.recipients or [direct_chat(sending.connection, address.text) for address in chat.addresses]


def _hidden(connection: str, line: str | None) -> str:
    return chat_id(connection, f"line:{line}") if line else ""


def _key(sending: Sending, name: str, subject: str) -> str:
    return f"{sending.connection}:{name}:{subject}"


# ── what is waited for ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Wait:
    """Until when, and what for."""

    until: datetime
    why: str
    whole: bool = False
    """True where everything of the connection waits."""
    loop: bool = False


def wait_of(marked: Marked, taken: Sequence[Toll], now: datetime) -> Wait | None:
    """Say what a marker that was not written waits for; None where no bucket is empty."""
    if marked.until is None:
        return None
    toll = next((toll for toll in taken if toll.bucket.key == marked.limit), None)
    if toll is None:
        return Wait(marked.until, "a limit")
    until = max(marked.until, now + toll.rest)
    if toll.ends is not None:
        until = min(until, toll.ends)
    return Wait(until, toll.why, whole=toll.whole, loop=bool(toll.rest))


def pause_names(sending: Sending, pauses: Iterable[Pause], rules: Rules, known: Known) -> list[str]:
    """Name those of the pauses that a vendor's codes may set which would stop an action, as the store keeps them."""
    return [
        pause_name(sending, pause)
        for pause in pauses
        if _counts(sending.action, pause.scope, pause.whom) and _is_meant(pause.whom, known, rules, sending.now)
    ]


def pause_name(sending: Sending, pause: Pause) -> str:
    """Name a pause as the store keeps it."""
    line = _hidden(sending.connection, sending.action.chat.line) if pause.scope is Scope.LINE else ""
    return f"pause:{sending.connection}:{pause.whom.value}:{pause.scope.value}:{line}"


def by_recipient(rules: Rules, paces: Iterable[Pace]) -> bool:
    """Tell whether any limit counts what one contact gets."""
    scopes = [pace.scope for pace in (*rules.paces, *paces)] + [cap.scope for cap in rules.caps]
    return Scope.RECIPIENT in scopes


def looks_back(rules: Rules, paces: Iterable[Pace], pauses: Iterable[Pause]) -> bool:
    """Tell whether any limit asks what has happened in a chat before."""
    whom = [limit.whom for limit in (*rules.paces, *paces)] + [cap.whom for cap in rules.caps]
    return {*whom, *(pause.whom for pause in pauses)} - {Whom.EVERYONE} != set()
