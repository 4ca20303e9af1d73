"""Answers that fail, look-ups, and what proves a send: exchanges fed by hand."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, TypeVar

import pytest

from gateway.provider import (
    Address,
    Attempt,
    Blocked,
    Call,
    Chat,
    CreateOptInLink,
    DeliveryState,
    Exchange,
    Found,
    GetStatus,
    InvalidMessage,
    InvalidRequest,
    LimitReached,
    Message,
    MessageReceived,
    Missed,
    NotFound,
    NotOptedIn,
    OptInLinks,
    Refused,
    Repeat,
    SendError,
    SendMessage,
    StatusReport,
    Token,
    Unauthorized,
    UnknownEvent,
    VendorFault,
    Voice,
    WebhookRequest,
)
from gateway_loopmessage import LoopMessage, LoopMessageSettings

T = TypeVar("T")


class Feed(Protocol):
    """See conftest."""

    def __call__(self, exchange: Exchange[T], *answers: tuple[int, object]) -> tuple[T, list[Call]]: ...


SAMPLES = Path(__file__).parent / "samples"
ACTION = SendMessage(
    chat=Chat.direct("+13231112233"), messages=(Message("hi"),), key="k", token=Token("0123456789abcdefghijkl")
)
BEGAN = datetime(2026, 10, 1, 12, 0, 0, tzinfo=UTC)
ATTEMPT = Attempt(action=ACTION, started_at=BEGAN)


@pytest.mark.parametrize(
    ("status", "body", "error", "certain"),
    [
        (400, {"success": False, "code": 100, "message": "m"}, InvalidRequest, True),
        (400, {"success": False, "code": 130}, Unauthorized, True),
        (200, {"success": False, "code": 130}, Unauthorized, True),
        (200, {"success": False, "code": "500"}, NotOptedIn, True),
        (200, {"success": False, "message": "no code at all"}, Refused, True),
        (400, {"error_code": 340}, Blocked, True),
        (402, {"success": False, "code": 550}, LimitReached, True),
        (402, {"success": False, "message": "nothing left"}, Unauthorized, True),
        (
            400,
            {"message_id": "M", "success": False, "message": "m", "contact": "+1", "text": "t"},
            InvalidRequest,
            True,
        ),
        (400, {"success": False, "code": 1030}, VendorFault, False),
        (404, b"<html>404</html>", NotFound, True),
        (500, {"success": False, "code": 100}, VendorFault, False),
        (502, b"<html>502</html>", VendorFault, False),
        (200, b"<html>200</html>", VendorFault, False),
        (200, b'{"message_id": "M-1", "succ', VendorFault, False),
        (200, {"success": True}, VendorFault, False),
        (200, {"success": True, "message_id": ""}, VendorFault, False),
        (200, [], VendorFault, False),
    ],
)
def test_what_is_no_acceptance_raises(
    provider: LoopMessage,
    feed: Feed,
    status: int,
    body: object,
    error: type[SendError],
    certain: bool,  # noqa: FBT001 - a column of the table above
) -> None:
    """By the code, else by the status; what could not be read, or names no message, is not certain."""
    with pytest.raises(error) as caught:
        feed(provider.send_message(ACTION), (status, body))
    assert type(caught.value) is error
    assert (certain, status) == (caught.value.certain, caught.value.status)
    assert caught.value.hint


@pytest.mark.parametrize("sample", [*SAMPLES.glob("send-*-400.json"), *SAMPLES.glob("send-*-402.json")])
def test_every_sample_of_a_failure_is_one(provider: LoopMessage, feed: Feed, sample: Path) -> None:
    """The vendor's examples of refused sends are refused, whatever their shape, even at status 200."""
    status = int(sample.stem.rpartition("-")[2])
    for at in (status, 200):
        with pytest.raises(SendError) as caught:
            feed(provider.send_message(ACTION), (at, json.loads(sample.read_text())))
        assert caught.value.certain
        assert "+1323" not in str(caught.value)
        assert "+1323" not in (caught.value.raw or "")


@pytest.mark.parametrize("sample", [*SAMPLES.glob("send-*-200*.json")], ids=lambda sample: sample.stem)
def test_every_sample_of_a_success_is_one(provider: LoopMessage, feed: Feed, sample: Path) -> None:
    """`success` may be there or not."""
    receipt, _ = feed(provider.send_message(ACTION), (200, json.loads(sample.read_text())))
    assert receipt.vendor_id == "2BC4FD6A-CE49-439F-81DF-E895C09CA49C"


def test_status_lives_beside_the_api(provider: LoopMessage, feed: Feed) -> None:
    """Its base is `/v1` without `/api`; the sample's code and time are read."""
    bases = {
        "api": "https://a.loopmessage.com/api/v1",
        "status": "https://a.loopmessage.com/v1",
        "tracker": "https://t.imsg.link/tracker-api/v1",
    }
    assert bases == provider.bases()
    sample = json.loads((SAMPLES / "status-200.json").read_text())
    report, calls = feed(provider.get_status(GetStatus(vendor_id="A/1")), (200, sample))
    assert [Call("GET", "/message/status/A%2F1/", base="status", repeat=Repeat.SAFE)] == calls
    assert (
        StatusReport(
            vendor_id="A/1",
            state=DeliveryState.QUEUED,
            code="100",
            occurred_at=datetime(2021, 12, 31, 23, 59, 59, 809000, tzinfo=UTC),
            raw=sample,
        )
        == report
    )


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("processing", DeliveryState.QUEUED),
        ("scheduled", DeliveryState.QUEUED),
        ("sent", DeliveryState.SENT),
        ("delivered", DeliveryState.DELIVERED),
        ("timeout", DeliveryState.FAILED),
        ("unknown", DeliveryState.UNKNOWN),
        ("brand-new", DeliveryState.UNKNOWN),
        (None, DeliveryState.UNKNOWN),
    ],
)
def test_every_word_for_a_status_is_read(
    provider: LoopMessage, feed: Feed, word: str | None, state: DeliveryState
) -> None:
    """Those of this generation, those of the older one, and those that nobody knows yet."""
    report, _ = feed(provider.get_status(GetStatus(vendor_id="M")), (200, {"status": word}))
    assert state == report.state


def test_a_failed_status_says_why(provider: LoopMessage, feed: Feed) -> None:
    """The code's meaning comes along, and whether another try may help."""
    report, _ = feed(provider.get_status(GetStatus(vendor_id="M")), (200, {"status": "failed", "error_code": 1010}))
    assert ("1010", "the sending was tried and failed", True) == (report.code, report.reason, report.retriable)


def test_an_unknown_message_has_no_status(provider: LoopMessage, feed: Feed) -> None:
    """404 without a body, or 400 with `error_code`."""
    with pytest.raises(NotFound):
        feed(provider.get_status(GetStatus(vendor_id="M")), (404, b""))
    sample = json.loads((SAMPLES / "failure-status-400.json").read_text())
    with pytest.raises(InvalidRequest) as caught:
        feed(provider.get_status(GetStatus(vendor_id="M")), (400, sample))
    assert caught.value.code == "100"


def test_an_opt_in_link_falls_back_to_the_other_spelling_of_its_path(provider: LoopMessage, feed: Feed) -> None:
    """The newer path first; on 404 the one that the older page prints."""
    request = json.loads((SAMPLES / "opt-in-request.json").read_text())
    sample = json.loads((SAMPLES / "opt-in-200.json").read_text())
    body = request["body"]
    parameters = {name: value for name, value in request.items() if name != "body"}
    action = CreateOptInLink(body=body, parameters=parameters)
    links, calls = feed(provider.create_opt_in_link(action), (404, b"<html/>"), (200, sample))
    paths = ("/opt-in/generate-url/", "/opt-in/geenrate-url/")
    assert [Call("POST", path, json=request, repeat=Repeat.SAFE) for path in paths] == calls
    expected = OptInLinks(
        id=sample["id"], url=sample["url"], imessage=sample["imessage"], sms=sample["sms"], raw=sample
    )
    assert expected == links
    _, calls = feed(provider.create_opt_in_link(action), (200, sample))
    assert len(calls) == 1


def test_an_opt_in_link_needs_the_place_for_its_code(provider: LoopMessage) -> None:
    """A text without it, or a parameter called `body`, is refused before any call."""
    with pytest.raises(InvalidMessage, match="opt-in-code"):
        next(provider.create_opt_in_link(CreateOptInLink(body="hi")))
    with pytest.raises(InvalidMessage, match="body"):
        next(provider.create_opt_in_link(CreateOptInLink(body="[opt-in-code]", parameters={"body": "x"})))


def test_a_check_counts_the_lines(provider: LoopMessage, feed: Feed) -> None:
    """One call that changes nothing; one line that names no line, since a line may be a number."""
    sample = json.loads((SAMPLES / "sender-list.json").read_text())
    told, calls = feed(provider.check(), (200, sample))
    query = {"page": "1", "per_page": "1000", "sort_by": "desc"}
    assert [Call("GET", "/sender/list/", params=query, repeat=Repeat.SAFE)] == calls
    assert told == "the key is valid; 1 of 1 senders are active; the configured sender is not among them"
    anonymous = LoopMessage(LoopMessageSettings.model_validate({"api_key": "key-1"}))
    assert feed(anonymous.check(), (200, sample))[0] == "the key is valid; 1 of 1 senders are active"
    with pytest.raises(Unauthorized):
        feed(provider.check(), (400, {"success": False, "code": 130}))


def history(*items: tuple[str, str, str], pages: int = 1) -> dict[str, object]:
    """A page of the history with a contact: id, time, text."""
    found = [{"id": name, "create_date": made, "text": text, "direction": "outbound"} for name, made, text in items]
    return {"page": 1, "num_pages": pages, "per_page": 100, "count": 2, "items": found}


def test_one_message_with_the_text_since_the_attempt_is_the_one(provider: LoopMessage, feed: Feed) -> None:
    """It is looked for in the contact's outbound history, from five seconds before the attempt."""
    page = history(
        ("M-3", "2026-10-01T12:00:02Z", "other"),
        ("M-2", "2026-10-01T11:59:56Z", "hi"),
        ("M-1", "2026-10-01T11:59:50Z", "hi"),
        pages=2,
    )
    found, calls = feed(provider.find(ATTEMPT), (200, page))
    query = {
        "page": "1",
        "per_page": "100",
        "sort_by": "desc",
        "from_date": "2026-10-01",
        "direction": "outbound",
    }
    assert [Call("GET", "/audience/messages/%2B13231112233/", params=query, repeat=Repeat.SAFE)] == calls
    assert Found(vendor_ids=("M-2",), alike=("M-2",)) == found


def test_two_messages_with_the_text_prove_nothing(provider: LoopMessage, feed: Feed) -> None:
    """The look goes on to the next page while all is recent; a second copy, there or here, ends the proof."""
    first = history(("M-2", "2026-10-01T12:00:02Z", "hi"), pages=2)
    second = history(("M-1", "2026-10-01T12:00:01Z", "hi"), pages=2)
    found, calls = feed(provider.find(ATTEMPT), (200, first), (200, second))
    assert [call.params["page"] for call in calls] == ["1", "2"]
    assert Found(alike=("M-1", "M-2")) == found
    assert Found() == feed(provider.find(ATTEMPT), (200, history()))[0]


@pytest.mark.parametrize(
    "action",
    [
        ACTION.model_copy(update={"chat": Chat.of_group("G-1")}),
        ACTION.model_copy(update={"chat": Chat.direct(Address.contact("c-1"))}),
        ACTION.model_copy(update={"messages": (Message(Voice(url="https://files.example/a.mp3")),)}),
    ],
)
def test_what_has_no_text_or_no_history_cannot_be_found(provider: LoopMessage, action: SendMessage) -> None:
    """No call is made for a group, a contact id or a voice note."""
    exchange = provider.find(Attempt(action=action, started_at=BEGAN))
    with pytest.raises(StopIteration) as done:
        next(exchange)
    assert Found() == done.value.value


def test_missed_webhooks_come_back_as_bodies_for_the_parser(provider: LoopMessage, feed: Feed) -> None:
    """Oldest first, page by page; the same webhook has the same key, pushed or fetched."""
    sample = json.loads((SAMPLES / "webhooks-history.json").read_text())
    missed, calls = feed(provider.missed(None), (200, {**sample, "num_pages": 2}))
    query = {"page": "1", "per_page": "100", "sort_by": "asc"}
    assert [Call("GET", "/webhooks/history/", params=query, repeat=Repeat.SAFE)] == calls
    pushed = (SAMPLES / "hook-message-inbound.json").read_bytes()
    when = datetime(2025, 1, 27, 22, 23, 51, tzinfo=UTC)
    (hook,) = missed.hooks
    assert json.loads(pushed) == json.loads(hook.body)
    assert when == hook.received_at
    assert missed.cursor == "2"
    direct = WebhookRequest(headers=(), body=pushed, received_at=when)
    assert provider.parse(direct) == provider.parse(hook)
    last, calls = feed(provider.missed("2"), (200, {**sample, "page": 2, "num_pages": 2}))
    assert calls[0].params["page"] == "2"
    assert Missed(hooks=last.hooks, cursor=None) == last


RECORD = {"attempt": 1, "create_date": "2026-10-01T12:00:00Z", "event_type": "message_inbound"}
WHOLE = {**RECORD, "json": {"event": "message_inbound", "message_id": "M-1", "contact": "+13231112233", "text": "hi"}}


@pytest.mark.parametrize(
    ("odd", "body"),
    [
        (RECORD, RECORD),
        ({**RECORD, "json": None}, {**RECORD, "json": None}),
        ({**RECORD, "json": [1]}, {**RECORD, "json": [1]}),
        ({**WHOLE, "json": json.dumps(WHOLE["json"])}, WHOLE["json"]),
        ({**WHOLE, "attempt": "first", "create_date": {}, "event_type": []}, WHOLE["json"]),
        (None, {"json": None}),
        ([1], {"json": [1]}),
    ],
)
def test_a_record_that_is_none_does_not_hide_its_page(
    provider: LoopMessage, feed: Feed, odd: object, body: object
) -> None:
    """It is handed on whole, as an event that nobody knows, where there is no payload to be read in it."""
    page = {"page": 1, "num_pages": 1, "count": 2, "items": [WHOLE, odd]}
    missed, _ = feed(provider.missed(None), (200, page))
    assert [WHOLE["json"], body] == [json.loads(hook.body) for hook in missed.hooks]
    kinds = [type(event) for hook in missed.hooks for event in provider.parse(hook)]
    assert [MessageReceived, MessageReceived if body == WHOLE["json"] else UnknownEvent] == kinds


@pytest.mark.parametrize("cursor", ["", "0", "-1", "x", "\u0663", "9" * 10])
def test_a_foreign_cursor_is_refused(provider: LoopMessage, cursor: str) -> None:
    """What we did not make is not a page."""
    with pytest.raises(InvalidMessage):
        next(provider.missed(cursor))


def test_a_history_that_is_not_sorted_as_asked_is_read_from_its_first_page(provider: LoopMessage, feed: Feed) -> None:
    """How it may be sorted is not documented: where the question is not understood, there is nothing to halve."""
    record = {"event_type": "message_inbound", "json": {"event": "x"}}
    newest_first = [{**record, "create_date": f"2026-10-01T12:00:0{second}Z"} for second in (3, 2, 1)]
    page = {"page": 1, "num_pages": 3, "count": 300, "items": newest_first}
    since = datetime(2026, 10, 1, 12, tzinfo=UTC)
    found, calls = feed(provider.missed(None, since=since), (200, page))
    assert (1, 3, "2") == (len(calls), len(found.hooks), found.cursor)


def test_what_stands_before_the_time_on_its_page_is_left_out(provider: LoopMessage, feed: Feed) -> None:
    """It was read before, and may have been let go of since; one that does not say when it was made is given."""
    record = {"event_type": "message_inbound", "json": {"event": "x"}}
    times = ("2026-09-01T12:00:00Z", None, "2026-10-01T12:00:00Z")
    page = {"page": 1, "num_pages": 1, "count": 3, "items": [{**record, "create_date": time} for time in times]}
    found, _ = feed(provider.missed(None, since=datetime(2026, 10, 1, 12, tzinfo=UTC)), (200, page))
    assert [1970, 2026] == [hook.received_at.year for hook in found.hooks]
