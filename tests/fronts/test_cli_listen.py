from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.events import line_of, summary
from gateway.provider import (
    Address,
    Attachment,
    Chat,
    DeliveryState,
    DeliveryUpdated,
    Event,
    Message,
    MessageReceived,
    MessageRef,
    OptedOut,
    Reaction,
    ReactionAdded,
    TypingStarted,
    UnknownEvent,
)
from tests.fronts.cli_runs import CONTACT, control, interrupt, line_with, problem, run, running


def contact_writes(simulated: dict[str, Any], told: str, text: str) -> None:
    """Point the vendor's webhooks to the address that `listen` told, and let a contact write."""
    control(simulated, "PUT", "/webhooks/echo", url=told.rsplit(maxsplit=1)[-1])
    control(simulated, "POST", f"/contacts/{CONTACT}/write", text=text)


def test_events_are_lines_with_masked_addresses(config: Path, simulated: dict[str, Any]) -> None:
    """What a contact writes is one safe line on stdout; where it listens is on stderr; Ctrl-C ends it well."""
    with running("listen", "--port", "0", "--config", config) as process:
        contact_writes(simulated, line_with(process.stderr, "/webhooks/main"), "Hello\x1b[2J\nthere")
        assert process.stdout is not None
        line = process.stdout.readline()
        code, rest, told = interrupt(process)
    assert r"from +1••••••••23: Hello\x1b[2J ⏎ there" in line
    assert ["main", "message.received"] == line.split()[1:3]
    assert (0, "", False) == (code, rest, "Traceback" in told)


def test_with_json_each_event_is_whole(config: Path, simulated: dict[str, Any]) -> None:
    """A program gets the event as it is, address and payload included."""
    with running("listen", "--port", "0", "--config", config, "--json") as process:
        contact_writes(simulated, line_with(process.stderr, "/webhooks/main"), "Hello")
        assert process.stdout is not None
        event = MessageReceived.model_validate_json(process.stdout.readline())
        interrupt(process)
    assert ("main", "Hello", Address.parse(CONTACT)) == (event.connection, event.text, event.sender)
    assert isinstance(event.raw, dict)


def test_a_port_that_is_taken_is_said(config: Path, simulated: dict[str, Any]) -> None:
    """The simulator has the port already."""
    port = simulated["control_url"].rpartition(":")[2].partition("/")[0]
    result = run("listen", "--port", port, "--config", config, "--json")
    assert (3, f"cannot listen on 127.0.0.1 port {port}: Address already in use") == (
        result.exit_code,
        problem(result)["detail"],
    )


def test_without_a_connection_there_is_nothing_to_listen_for(tmp_path: Path) -> None:
    """An empty configuration is a mistake."""
    config = tmp_path / "empty.toml"
    config.write_text("")
    result = run("listen", "--config", config)
    assert (3, "hint: add a [connections.NAME]") == (result.exit_code, result.stderr.splitlines()[1])


WHO = Address.parse(CONTACT)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (
            MessageReceived(
                key="k",
                vendor_id="v",
                sender=WHO,
                chat=Chat.of_group("g"),
                message=Message(
                    "Look", Attachment(url="https://example.com/a"), Attachment(url="https://example.com/b")
                ),
            ),
            "from +1••••••••23 in a group: Look, [2 × attachment]",
        ),
        (DeliveryUpdated(key="k", vendor_id="v", state=DeliveryState.DELIVERED), "delivered  v"),
        (
            DeliveryUpdated(key="k", vendor_id="v", state=DeliveryState.FAILED, code="7", reason="blocked"),
            "failed: blocked (code 7)  v",
        ),
        (
            ReactionAdded(key="k", target=MessageRef(vendor_id="v"), reaction=Reaction.parse("love"), sender=WHO),
            "love by +1••••••••23",
        ),
        (ReactionAdded(key="k", target=MessageRef(vendor_id="v"), reaction=None), "a reaction by someone"),
        (TypingStarted(key="k", sender=WHO), "+1••••••••23"),
        (OptedOut(key="k", address=WHO), "+1••••••••23"),
        (UnknownEvent(key="k", type="unknown", reason="a new kind of event"), "a new kind of event"),
    ],
    ids=lambda value: value.type if isinstance(value, Event) else "",
)
def test_each_kind_of_event_says_what_happened(event: Event, words: str) -> None:
    """One line each, and no address in it."""
    assert words == summary(event)


def test_a_line_has_time_place_and_kind() -> None:
    """In columns, so that many of them can be read."""
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    event = TypingStarted(key="k", sender=WHO).stamped(connection="main", provider="echo", received_at=now)
    assert f"{now.astimezone():%H:%M:%S}  main  typing.started     +1••••••••23" == line_of(event).plain
