"""What is said about consent, and what follows for a send."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.actions import DeliveryState, MarkRead, SendMessage, SendReaction, SetTyping
from gateway.addresses import Address
from gateway.codes import Actor, CodeRow, CodeTable, Phase
from gateway.consent import ConsentMode, addresses_of, consents_of, objection, opt_in_mode, opted_out_by
from gateway.errors import InvalidRequest, NotOptedIn
from gateway.events import DeliveryUpdated, Event, MessageReceived, OptedIn, OptedOut
from gateway.ids import Token
from gateway.model import Chat, Message, MessageRef, Reaction
from gateway.store.rows import ConsentRow

NOW = datetime(2026, 11, 5, 12, tzinfo=UTC)
PHONE, OTHER = "+12025550123", "+12025550124"
CHAT = Chat.direct(PHONE)

_OUT = CodeRow(NotOptedIn, "the contact opted out", Actor.RECIPIENT, "wait", opts_out=True)
_BAD = CodeRow(InvalidRequest, "malformed", Actor.CALLER, "mend it")
CODES = CodeTable({(phase, code): row for phase in Phase for code, row in {"500": _OUT, "100": _BAD}.items()})

OFF, WARN, ENFORCE = ConsentMode.OFF, ConsentMode.WARN, ConsentMode.ENFORCE


def stamped(event: Event) -> Event:
    """Fill in what the core knows."""
    return event.stamped(connection="main", provider="p", received_at=NOW)


def written(text: str, chat: Chat = CHAT, *, ours: bool = False) -> Event:
    """Let the contact write."""
    return stamped(
        MessageReceived(
            key="k", chat=chat, vendor_id="1", sender=Address.parse(PHONE), message=Message(text), ours=ours
        )
    )


def said(event: Event) -> list[bool]:
    """Read what an event says: yes, no, or nothing."""
    return [row.agreed for row in consents_of([event], CODES)]


@pytest.mark.parametrize(
    "text",
    [
        "STOP",
        "stop",
        " Stop. ",
        "STOPALL",
        "stop all",
        "Unsubscribe",
        "CANCEL",
        "End",
        "quit!",
        "ARRET",
        "Arrêt",
        "opt-out",
    ],
)
def test_stop_words_opt_out(text: str) -> None:
    """As the whole message, however they are written."""
    assert [False] == said(written(text))


@pytest.mark.parametrize("text", ["START", "unstop", "Yes", "YES!", "opt in"])
def test_start_words_take_it_back(text: str) -> None:
    """The contact may be written to again."""
    assert [True] == said(written(text))


@pytest.mark.parametrize(
    "text",
    [
        *("stop it", "please stop", "the end", "yes please", "no", "👍", "", "cancel my order", "s t o p x" * 9),
        *("Cancel 4711", "End 5", "Yes, 2", "1. STOP", "start²"),
    ],
)
def test_a_word_in_a_sentence_is_none(text: str) -> None:
    """Conversation is not consent, nor is what names a number: an order, an item of a list."""
    assert [] == said(written(text or " "))


def test_only_the_contact_speaks_for_the_contact() -> None:
    """Not our own echo, and not one member for a group."""
    assert [] == said(written("STOP", ours=True))
    assert [] == said(written("STOP", Chat.of_group("g", members=(PHONE, OTHER))))
    assert [] == said(written("STOP", Chat.several(PHONE, OTHER)))


def test_events_of_the_vendor_are_words_too() -> None:
    """With the event as their source, and the vendor's time where it says one."""
    then = NOW - timedelta(hours=3)
    events = [
        stamped(OptedOut(key="1", chat=CHAT, address=Address.parse(OTHER))),
        stamped(OptedIn(key="2", address=Address.parse(PHONE), occurred_at=then)),
    ]

    assert [
        ConsentRow(connection="main", address=OTHER, agreed=False, source=events[0].id, changed_at=NOW),
        ConsentRow(connection="main", address=PHONE, agreed=True, source=events[1].id, changed_at=then),
    ] == consents_of(events, CODES)


def test_codes_of_the_vendor_are_words_in_both_phases() -> None:
    """Those that the provider marks, and only where it is clear who is meant."""
    failed = DeliveryUpdated(key="k", chat=CHAT, vendor_id="1", state=DeliveryState.FAILED, code="500")

    assert [False] == said(stamped(failed))
    assert [] == said(stamped(failed.model_copy(update={"code": "100"})))
    assert [] == said(stamped(failed.model_copy(update={"code": None})))
    assert [] == said(stamped(failed.model_copy(update={"state": DeliveryState.SENT})))
    assert [] == said(stamped(failed.model_copy(update={"chat": Chat.of_group("g")})))
    row = opted_out_by(NotOptedIn("x", code="500"), CODES, "main", CHAT, NOW)
    assert ConsentRow(connection="main", address=PHONE, agreed=False, source="code 500", changed_at=NOW) == row
    assert opted_out_by(InvalidRequest("x", code="100"), CODES, "main", CHAT, NOW) is None
    assert opted_out_by(NotOptedIn("x"), CODES, "main", CHAT, NOW) is None
    assert opted_out_by(NotOptedIn("x", code="500"), CODES, "main", Chat.of_group("g"), NOW) is None


def test_a_group_has_no_addresses_that_count() -> None:
    """Its members leave it by themselves."""
    assert 1 == len(addresses_of(CHAT))
    assert 2 == len(addresses_of(Chat.several(PHONE, OTHER)))
    assert () == addresses_of(Chat.of_group("g", members=(PHONE,)))


# ── what follows ──────────────────────────────────────────────────────────────────────────────────────────────────


def word(*, agreed: bool) -> ConsentRow:
    """Make a word."""
    return ConsentRow(connection="main", address=PHONE, agreed=agreed, source="evt_1", changed_at=NOW)


YES, NO = word(agreed=True), word(agreed=False)
SEND = SendMessage(chat=CHAT, messages=(Message("x"),), key="k", token=Token("t"))
REACT = SendReaction(
    chat=CHAT, target=MessageRef(vendor_id="1"), reaction=Reaction.parse("love"), key="k", token=Token("t")
)


@pytest.mark.parametrize(
    ("words", "wrote", "opt_out", "opt_in", "mode"),
    [
        ((), False, ENFORCE, OFF, None),
        ((NO,), True, ENFORCE, OFF, ENFORCE),
        ((NO,), True, WARN, OFF, WARN),
        ((NO,), True, OFF, OFF, None),
        ((YES, NO), True, ENFORCE, OFF, ENFORCE),
        ((YES,), False, ENFORCE, ENFORCE, None),
        ((), False, ENFORCE, ENFORCE, ENFORCE),
        ((), False, ENFORCE, WARN, WARN),
        ((), True, ENFORCE, ENFORCE, None),
        ((NO,), True, OFF, ENFORCE, None),
        ((NO,), False, OFF, ENFORCE, ENFORCE),
    ],
)
def test_what_speaks_against_sending(
    words: tuple[ConsentRow, ...], opt_out: ConsentMode, opt_in: ConsentMode, mode: ConsentMode | None, *, wrote: bool
) -> None:
    """An opt-out by one mode, a missing opt-in by another; who wrote has opted in."""
    found = objection(SEND, words, wrote=wrote, opt_out=opt_out, opt_in=opt_in)

    assert mode == (found.mode if found else None)
    assert found is None or (found.error.certain and found.error.hint)


def test_everything_that_reaches_the_contact_is_asked_for() -> None:
    """Reactions and typing dots too; a read mark tells nobody anything."""
    asked = [
        objection(action, (NO,), wrote=True, opt_out=ENFORCE, opt_in=OFF) is not None
        for action in (SEND, REACT, SetTyping(chat=CHAT), MarkRead(chat=CHAT))
    ]

    assert [True, True, True, False] == asked


def test_a_group_needs_no_opt_in() -> None:
    """It would not be there if nobody had written in it."""
    group = SEND.model_copy(update={"chat": Chat.of_group("g")})

    assert objection(group, (), wrote=False, opt_out=ENFORCE, opt_in=ENFORCE) is None


@pytest.mark.parametrize(
    ("mode", "required", "declared", "expected"),
    [
        (ENFORCE, None, False, OFF),
        (ENFORCE, None, True, WARN),
        (OFF, None, True, OFF),
        (ENFORCE, False, True, OFF),
        (OFF, True, False, ENFORCE),
    ],
)
def test_a_vendors_rule_warns_until_somebody_requires_it(
    mode: ConsentMode, expected: ConsentMode, *, required: bool | None, declared: bool
) -> None:
    """Refusing what a vendor might carry is the user's decision."""
    assert expected == opt_in_mode(mode, required=required, declared=declared)
