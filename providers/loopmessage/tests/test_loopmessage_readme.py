"""What the README says is so: settings, switches, endpoints, and the counterparts of the vendor's SDK."""

import re
from functools import reduce
from pathlib import Path

import pytest

import gateway
import gateway_loopmessage
from gateway_loopmessage import LoopMessageSettings, api, errors
from gateway_loopmessage.simulator import LoopMessageTwin

TEXT = (Path(__file__).parents[1] / "README.md").read_text()
HEADINGS = ["Settings", "What it carries", "Operations", "Limitations and quirks", "Webhooks", "Simulator"]
SECTIONS = dict(zip(HEADINGS, re.split(r"^## .*$", TEXT, flags=re.MULTILINE)[1:], strict=True))

#: Every row of the SDK's own tables: its client's options and methods, its webhook functions, its errors.
SDK = (
    "new LoopMessageClient, apiKey, defaultSender, baseUrl, timeout, retries, retryDelay,"
    " messages.send, messages.sendGroup, messages.sendVoice, messages.sendReaction, messages.showTyping,"
    " messages.markRead, messages.getStatus,"
    " audience.list, audience.listAll, audience.collectAll, audience.checkStatus, audience.unsubscribe,"
    " audience.messageHistory, campaigns.create, senders.list, senders.listAll, pools.list, pools.listAll,"
    " optIn.generateUrl, parseWebhook, dispatchWebhook, createWebhookHandler, createNodeWebhookHandler,"
    " handlers.onAny, isMessageInbound, isMessageDelivered, isMessageFailed, isMessageReaction, isOptIn,"
    " isInboundCall, isSenderNameUpdated, isUnknownEvent,"
    " validateAttachments, validateMediaUrl, validateOptInBody, validatePassthrough,"
    " validateTyping, validateDate, LoopMessageError, isRetryable, RETRYABLE_CODES,"
    " isFatal, FATAL_CODES, codeDescription, ERROR_MESSAGES"
).split(", ")


def rows(text: str) -> list[list[str]]:
    """The cells of all tables of a text, without heads and rulers."""
    lines = [line for line in text.splitlines() if line.startswith("|") and not line.startswith("|---")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def words(cell: str) -> list[str]:
    """What is marked as code in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def firsts(heading: str) -> list[str]:
    """The first cell of each row of a section that is one marked word."""
    return [found[0] for row in rows(SECTIONS[heading]) if len(found := words(row[0])) == 1]


def counterpart(name: str) -> object:
    """What a dotted name of the README names; raises `AttributeError`."""
    root, *path = name.split(".")
    places = {"api": api, "errors": errors}
    start = places.get(root) or getattr(gateway_loopmessage, root, None) or getattr(gateway, root)
    if start is LoopMessageSettings:
        return LoopMessageSettings.model_fields[path[0]]
    return reduce(getattr, path, start)


def test_it_has_its_headings_settings_and_switches() -> None:
    """In the fixed order; every setting and switch has its row, and no other has one."""
    assert HEADINGS == re.findall(r"^## (.*)$", TEXT, re.MULTILINE)
    assert list(LoopMessageSettings.model_fields) == firsts("Settings")
    assert list(LoopMessageTwin.switches) == firsts("Simulator")


def sdk() -> list[list[str]]:
    """The rows of the table of the SDK."""
    _, _, table = SECTIONS["Operations"].partition("### Coming from")
    return rows(table)[1:]


def test_every_row_of_the_sdk_has_a_counterpart() -> None:
    """In the order of the SDK's own pages."""
    assert list(SDK) == [name for row in sdk() for name in words(row[0])]
    assert all(words(row[1]) for row in sdk())


@pytest.mark.parametrize("name", sorted({name for row in sdk() for name in words(row[1])}))
def test_every_counterpart_exists(name: str) -> None:
    """What is named can be imported."""
    assert counterpart(name) is not None


def test_a_counterpart_that_does_not_exist_is_found_out() -> None:
    """The test above can fail."""
    with pytest.raises(AttributeError):
        counterpart("Gateway.collect_all")


def test_every_operation_is_in_the_table() -> None:
    """Each function of the api once, but for the one that the two forms of a campaign share, and the list of lists."""
    table, _, _ = SECTIONS["Operations"].partition("### Coming from")
    told = [name for row in rows(table)[1:] for name in words(row[1])]
    modules = {name: module for name in api.__all__ if hasattr(module := getattr(api, name), "__all__")}
    found = {f"api.{name}.{what}" for name, module in modules.items() for what in module.__all__ if what.islower()}
    assert sorted(told) == sorted(found - {"api.campaigns.create", "api.paging.collected"})
