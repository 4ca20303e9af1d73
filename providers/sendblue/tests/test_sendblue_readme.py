"""The page of the provider tells what is there."""

from __future__ import annotations

import re
from pathlib import Path

from gateway_sendblue import SendblueSettings, api
from gateway_sendblue.simulator.account import SWITCHES

README = (Path(__file__).parents[1] / "README.md").read_text()
HEADINGS = [
    "Settings",
    "What it carries",
    "Limitations and quirks",
    "Webhooks",
    "Simulator",
    "The published client",
]


def rows(heading: str) -> dict[str, str]:
    """The first two cells of the table under a heading."""
    section = README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `(\w+)` \| ([^|]+?) \|", section, re.MULTILINE))


def shown(value: object) -> str:
    """A default as the tables spell it."""
    if value is None or value == ():
        return "none"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"`{text.removesuffix('.0')}`"


def test_the_page_has_the_headings_of_all_providers() -> None:
    """Whoever knows one provider's page finds their way in this one."""
    assert HEADINGS == re.findall(r"^## (.+)$", README, re.MULTILINE)


def test_every_setting_is_explained_with_its_default() -> None:
    """The table is the settings, no more and no less."""
    fields = SendblueSettings.model_fields.items()
    defaults = {name: "required" if field.is_required() else shown(field.default) for name, field in fields}
    assert defaults == rows("Settings")


def test_every_switch_is_explained_with_its_default() -> None:
    """The table is the simulator's switches, no more and no less."""
    assert {name: shown(value) for name, value in SWITCHES.items()} == rows("Simulator")


def test_every_operation_that_the_page_names_is_there() -> None:
    """`api.module.function` is a function of that module."""
    named = [each for each in re.findall(r"\bapi\.(\w+)\.(\w+)", README) if each[0] != "sendblue"]
    assert named
    assert [] == [f"{module}.{name}" for module, name in named if name not in getattr(api, module).__all__]
