from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from gateway.addresses import Address
from gateway.errors import ConfigurationError, Refused
from gateway.log import configure, logger, no_leaks
from gateway.model import Message

PHONE = "+13231112233"
MAIL = "jane.doe@mail.example"
SECRET = "c4n4ry5ecr3tc4n4ry5ecr3tc4n4ry5ecr3t"
TEXT = "meet me at the old bridge"


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Each test begins and ends with nothing configured."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    root.handlers[:] = handlers
    root.setLevel(level)


def clean(**fields: Any) -> dict[str, Any]:
    """Redact a line."""
    return dict(no_leaks(None, "info", fields))


# ── redaction ─────────────────────────────────────────────────────────────────────────────────────────────────────


class Colour(Enum):
    """A thing with a name."""

    PHONE = PHONE


class Word(StrEnum):
    """A thing that is a string, too."""

    MAIL = MAIL


@dataclass
class Row:
    """A thing that prints itself."""

    phone: str = PHONE
    secret: str = SECRET


CANARIES: dict[str, Any] = {
    "plain": PHONE,
    "sentence": f"sent to {PHONE} and {MAIL}",
    "spelled": "call (323) 111-2233 or +1.323.111.2233",
    "narrow": "+1\u00a0323\u202f111\u20112233",
    "encoded": "/chats/%2B13231112233/messages or jane.doe%40mail.example",
    "upper": MAIL.upper(),
    "prefixed": f"iMessage;-;{PHONE} tel:{PHONE} mailto:{MAIL}",
    "number": 13231112233,
    "negative": -13231112233,
    "fraction": 13231112233.0,
    "listed": [PHONE, (MAIL, {PHONE}), [[PHONE]]],
    "mapped": {PHONE: MAIL, "deeper": {"authorization": SECRET, 13231112233: "x"}},
    "deep": [[[[[[[[PHONE]]]]]]]],
    "address": Address.parse(PHONE),
    "mail_address": Address.parse(MAIL),
    "error": Refused(f"no {PHONE}", raw=PHONE),
    "foreign": ValueError(f"bad address {MAIL} for Bearer {SECRET}"),
    "colour": Colour.PHONE,
    "word": Word.MAIL,
    "row": Row(),
    "message": Message.model_validate({"parts": [{"type": "text", "text": TEXT}]}),
    "secret_str": SecretStr(SECRET),
    "bytes": PHONE.encode(),
    "buffer": bytearray(PHONE.encode()),
    "view": memoryview(SECRET.encode()),
    "decimal": Decimal(13231112233),
    "path": Path("/home") / MAIL,
    "callable": lambda: PHONE,
    "authorization": f"Bearer {SECRET}",
    "Authorization": [SECRET],
    "api_key": SECRET,
    "apiKey": SECRET,
    "x-api-key": SECRET,
    "webhook_secret": SECRET,
    "client_secret_value": SECRET.encode(),
    "token": SECRET,
    "access_token": {"value": SECRET},
    "password": "hunter2-hunter2",
    "cookie": f"session={SECRET}",
    "signature": f"v1,{SECRET}",
    "private_key": SECRET,
    "pin_token": 123456,
    "text": TEXT,
    "message_text": TEXT,
    "body": TEXT.encode(),
    "content": {"text": TEXT},
    "subject": TEXT,
    "payload": [TEXT],
    "raw": Row(),
    "header": f"Authorization: Bearer {SECRET}",
    "basic": f"Basic {SECRET}",
    "said_json": f'{{"apiKey": "{SECRET}"}}',
    "said": f'{{"secret":"{SECRET}","x":1}}',
    "url": f"https://vendor.example/hook?token={SECRET}&to={PHONE}#x",
    "user_url": "https://user:hunter2-hunter2@vendor.example/",
    "known": "whsec_Q0FOQVJZQ0FOQVJZ and sk_live_Q0FOQVJZQ0FOQVJZ",
    "bare": f"key was {SECRET}.",
    "nothing": None,
    PHONE: "a key",
}

LEAKS = [
    "3231112233",
    "323) 111",
    "323.111",
    "323 111",
    "1112233",
    "jane.doe",
    "JANE.DOE",
    SECRET,
    SECRET[8:],
    "hunter2",
    "123456",
    "Q0FOQVJZ",
    "bridge",
]


@pytest.mark.parametrize("name", CANARIES)
def test_no_canary_leaks(name: str) -> None:
    """Whatever the kind of value, in a field or as the event: no number, mail, secret or text comes through."""
    line = json.dumps(clean(event="seen", **{name: CANARIES[name]}), ensure_ascii=False)

    assert [] == [leak for leak in LEAKS if leak in line]


@pytest.mark.parametrize("as_json", [True, False])
def test_no_canary_leaks_from_a_configured_process(as_json: bool) -> None:  # noqa: FBT001 a case
    """The whole pipeline is tight: bound fields, context, exceptions with their frames, and foreign loggers."""
    out = io.StringIO()
    configure(json=as_json, level="debug", stream=out)
    structlog.contextvars.bind_contextvars(caller=PHONE)
    ours, theirs, foreign = logger("gateway.test"), structlog.get_logger(), logging.getLogger("foreign")
    for name, value in CANARIES.items():
        ours.bind(**{name: value}).warning("seen")
        theirs.info("seen", **{name: value})
        foreign.error("seen %s", value if isinstance(value, str) and name in {"plain", "url", "bare"} else "")
    try:
        raise ValueError(f"{PHONE} {MAIL} Bearer {SECRET}")
    except ValueError:
        ours.exception("fell")
        theirs.exception("fell")
        foreign.exception("fell")

    text = out.getvalue()
    assert 3 * len(CANARIES) == text.count("seen")
    assert 3 <= text.count("ValueError")
    assert [] == [leak for leak in LEAKS if leak in text]


@given(st.integers(10**6, 10**15 - 1), st.sampled_from(["{}", "to {}!", "+{}", '{{"to":"+{}"}}', "tel:{};", "a{}b"]))
def test_no_phone_number_leaks(number: int, around: str) -> None:
    """Seven to fifteen digits in a row are never seen."""
    line = json.dumps(clean(event=around.format(number), fields=[around.format(number)]))

    assert str(number) not in line


def test_harmless_values_stay_readable() -> None:
    """Ids of ours, times, counts, flags and words are what a log is for."""
    now = datetime(2026, 11, 21, 4, 12, tzinfo=UTC)
    line = {
        "event": "webhook_stored",
        "message_id": "msg_01jd3k9999999999999999999z",
        "event_id": "evt_abcdefghijklmnopqrstuvwxyz",
        "vendor_id": "59C55Ce8-41d6-43Cc-9116-8cfb2e696d7b",
        "connection": "loop-main",
        "status": 503,
        "seconds": 0.25,
        "size": 1_048_576,
        "ours": True,
        "cursor": None,
        "path": "/chats/{chat}/messages",
        "at": now,
        "planned": "2026-11-21T04:12:00+00:00",
        "took": timedelta(minutes=2),
        "kinds": {"text", "voice"} - {"voice"},
    }

    assert line | {"at": "2026-11-21T04:12:00+00:00", "took": 120.0, "kinds": ["text"]} == clean(**line)


def test_what_is_masked_still_tells_apart() -> None:
    """A masked value keeps its end or its length, so that two lines can be compared."""
    assert {
        "to": "•••33",
        "who": "+1••••••••33",
        "text": "••• (25)",
        "body": "••• (3)",
        "data": "••• (3 bytes)",
        "thing": "<Row>",
        "digest": "9f86d0•••",
        "api_key": "•••",
    } == clean(
        to=PHONE,
        who=Address.parse(PHONE),
        text=TEXT,
        body=b"abc",
        data=b"abc",
        thing=Row(),
        digest="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        api_key=SECRET,
    )


def test_a_line_is_bounded() -> None:
    """A huge value is cut: a log is no store."""
    line = clean(long="word " * 1000, many=list(range(1000)), big={str(n): n for n in range(1000)})

    assert 501 >= len(line["long"])
    assert [*range(50), "…"] == line["many"]
    assert 50 == len(line["big"])


def test_an_exception_becomes_text() -> None:
    """Whoever renders it later cannot print the variables of its frames; a long one keeps its end."""
    hidden = f"{PHONE} in a variable"
    try:
        raise ValueError("x" * 9000 + " the end")
    except ValueError as error:
        lines = [clean(event="fell", exc_info=info) for info in (True, error, sys.exc_info())]

    assert hidden
    assert [{"event", "exception"}] * 3 == [set(line) for line in lines]
    assert [True] * 3 == [line["exception"].rstrip().endswith("the end") for line in lines]
    assert {"event": "calm"} == clean(event="calm", exc_info=False)


def test_redacting_twice_changes_nothing() -> None:
    """A line may pass an application's pipeline that redacts again."""
    once = clean(**{name: value for name, value in CANARIES.items() if isinstance(value, str)})

    assert once == clean(**once)


# ── in the library ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_library_configures_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Without anybody's configuration there is nothing on the screen but the standard library's warnings."""
    logger("gateway.quiet").info("seen", to=PHONE)

    assert not structlog.is_configured()
    assert ("", "") == capsys.readouterr()


def test_lines_go_to_the_standard_loggers(caplog: pytest.LogCaptureFixture) -> None:
    """An application that knows only `logging` gets redacted lines under the module's name, at their level."""
    caplog.set_level(logging.INFO, logger="gateway.test")
    log = logger("gateway.test")
    log.debug("hidden")
    log.info("seen", to=PHONE, n=1)
    log.bind(connection="main").warning("warned")
    try:
        raise Refused("no")
    except Refused:
        log.exception("fell")

    assert [
        ("gateway.test", logging.INFO, "seen to='•••33' n=1"),
        ("gateway.test", logging.WARNING, "warned connection='main'"),
    ] == caplog.record_tuples[:2]
    assert (logging.ERROR, "fell\nTraceback") == (caplog.records[2].levelno, caplog.records[2].getMessage()[:14])


def test_lines_go_to_the_applications_structlog() -> None:
    """An application that has configured structlog gets them there, redacted already, at any time after the import."""
    log = logger("gateway.test")
    with structlog.testing.capture_logs() as lines:
        log.info("seen", to=PHONE)
        log.bind(api_key=SECRET).error("failed")

    assert [
        {"event": "seen", "log_level": "info", "logger": "gateway.test", "to": "•••33"},
        {"event": "failed", "log_level": "error", "logger": "gateway.test", "api_key": "•••"},
    ] == lines


def test_the_applications_level_holds() -> None:
    """A line that nobody wants is dropped before it is redacted."""
    out = io.StringIO()
    structlog.configure(
        processors=[structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(out),
    )
    log = logger("gateway.test")
    log.info("hidden", unprintable=pytest)
    log.warning("seen")

    assert [{"event": "seen", "logger": "gateway.test"}] == [json.loads(line) for line in out.getvalue().splitlines()]


@pytest.mark.parametrize(("level", "expected"), [(logging.INFO, ["seen"]), (logging.ERROR, [])])
def test_an_application_on_both_gets_them_once(
    level: int, expected: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Where structlog stands on top of the standard library, it is served, and its level is asked."""
    structlog.configure(
        processors=[structlog.stdlib.render_to_log_kwargs],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    caplog.set_level(level, logger="gateway.test")
    logger("gateway.test").info("seen")

    assert expected == [record.getMessage() for record in caplog.records]


# ── in a process of our own ───────────────────────────────────────────────────────────────────────────────────────


def test_json_lines_are_json() -> None:
    """One object a line: level, time in UTC, logger and fields."""
    out = io.StringIO()
    configure(json=True, level="info", stream=out)
    logger("gateway.test").debug("hidden")
    logger("gateway.test").info("seen", n=1)
    logging.getLogger("somebody.else").info('GET /chats/%s "200 %d%%"', PHONE, 5)

    first, second = (json.loads(line) for line in out.getvalue().splitlines())
    assert datetime.fromisoformat(first.pop("timestamp")).tzinfo is UTC
    assert {"event": "seen", "level": "info", "logger": "gateway.test", "n": 1} == first
    assert ('GET /chats/•••33 "200 5%"', "somebody.else") == (second["event"], second["logger"])


def test_lines_for_people_are_plain_without_a_terminal() -> None:
    """No colour codes in a file."""
    out = io.StringIO()
    configure(json=False, level="WARNING", stream=out)
    logging.getLogger("foreign").info("hidden")
    logging.getLogger("foreign").critical("seen")

    assert "seen" in out.getvalue()
    assert "hidden" not in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_lines_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output belongs to what a command prints."""
    configure(json=True, level="info")
    logger("gateway.test").info("seen")

    out, err = capsys.readouterr()
    assert ("", "seen") == (out, json.loads(err)["event"])


@pytest.mark.parametrize("level", ["", "loud", "exception", "20"])
def test_an_unknown_level_is_refused(level: str) -> None:
    """It names the levels that there are."""
    with pytest.raises(ConfigurationError, match="no log level") as caught:
        configure(json=True, level=level)
    assert "debug, info, warning, error or critical" == caught.value.hint
