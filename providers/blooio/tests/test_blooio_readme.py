from __future__ import annotations

import inspect
import re
from functools import reduce
from pathlib import Path

import pytest

import gateway
import gateway_blooio
from gateway_blooio import BlooioSettings, api, errors
from gateway_blooio.simulator.account import SWITCHES

README = (Path(__file__).parents[1] / "README.md").read_text()
HEADINGS = ["Settings", "What it carries", "Operations", "Limitations and quirks", "Webhooks", "Simulator"]

#: Every row of the other vendor's SDK: its client's options and methods, its webhook functions, its errors.
SDK = (
    "new LoopMessageClient, apiKey, defaultSender, baseUrl, timeout, retries, retryDelay, messages.send,"
    " messages.sendGroup, messages.sendVoice, messages.sendReaction, messages.showTyping, messages.markRead,"
    " messages.getStatus, audience.list, audience.listAll, audience.collectAll, audience.checkStatus,"
    " audience.unsubscribe, audience.messageHistory, campaigns.create, senders.list, pools.list, optIn.generateUrl,"
    " parseWebhook, dispatchWebhook, createWebhookHandler, handlers.onAny, isMessageInbound, LoopMessageError,"
    " isRetryable, isFatal"
).split(", ")


def rows(heading: str) -> dict[str, str]:
    """The first two cells of the table under a heading."""
    section = README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `(\w+)` \| ([^|]+?) \|", section, re.MULTILINE))


def shown(value: object) -> str:
    """A default as the tables spell it."""
    return "none" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def test_the_page_has_the_headings_of_all_providers() -> None:
    """Whoever knows one provider's page finds their way in this one."""
    assert HEADINGS == re.findall(r"^## (.+)$", README, re.MULTILINE)


def test_every_setting_is_explained_with_its_default() -> None:
    """The table is the settings, no more and no less."""
    fields = BlooioSettings.model_fields
    defaults = {
        name: "required" if field.is_required() else shown(field.default or None) for name, field in fields.items()
    }
    assert defaults | {"allow_unsigned": "`false`"} == rows("Settings")


def test_every_switch_is_explained_with_its_default() -> None:
    """The table is the simulator's switches, no more and no less."""
    assert {name: shown(value) for name, value in SWITCHES.items()} == rows("Simulator")


# ── operations ────────────────────────────────────────────────────────────────────────────────────────────────────


def table(heading: str) -> list[tuple[list[str], list[str]]]:
    """What is marked as code in the first two cells of each row under a heading of any level."""
    section = re.split(r"^##", README.partition(f"# {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    lines = [line for line in section.splitlines() if line.startswith("|") and not line.startswith("|---")][1:]
    cells = [line.strip("|").split("|") for line in lines]
    return [(re.findall(r"`([^`]+)`", row[0]), re.findall(r"`([^`]+)`", row[1])) for row in cells]


CLIENT, OTHER = "Coming from the vendor's client", "Coming from another vendor's SDK"


def counterpart(name: str) -> object:
    """What a dotted name of the README names; raises `AttributeError` or `KeyError`."""
    root, *path = name.split(".")
    places = {"api": api, "errors": errors}
    start = places.get(root) or getattr(gateway_blooio, root, None) or getattr(gateway, root)
    return BlooioSettings.model_fields[path[0]] if start is BlooioSettings else reduce(getattr, path, start)


def test_every_operation_is_in_the_table() -> None:
    """Each function of the api once."""
    functions = {f"api.{name}" for name in api.__all__ if inspect.isfunction(getattr(api, name))}
    assert sorted(functions) == sorted(name for _, here in table("Operations") for name in here)


def test_every_method_of_the_vendors_client_has_a_row(client_methods: set[str]) -> None:
    """The methods of the installed client, found by looking into it, no more and no less."""
    assert sorted(client_methods) == sorted(name for theirs, _ in table(CLIENT) for name in theirs)


def test_every_row_of_the_other_sdk_is_there() -> None:
    """In the order of its own pages."""
    assert SDK == [name for theirs, _ in table(OTHER) for name in theirs]


@pytest.mark.parametrize(
    "name", sorted({name for heading in (CLIENT, OTHER) for _, here in table(heading) for name in here})
)
def test_every_counterpart_exists(name: str) -> None:
    """What is named can be imported and called."""
    assert counterpart(name) is not None


@pytest.mark.parametrize("name", ["Gateway.collect_all", "api.edit_message", "BlooioSettings.token"])
def test_a_counterpart_that_does_not_exist_is_found_out(name: str) -> None:
    """The test above can fail."""
    with pytest.raises((AttributeError, KeyError)):
        counterpart(name)
