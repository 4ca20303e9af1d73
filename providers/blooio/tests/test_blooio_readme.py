from __future__ import annotations

import re
from pathlib import Path

from gateway_blooio import BlooioSettings
from gateway_blooio.simulator.account import SWITCHES

README = (Path(__file__).parents[1] / "README.md").read_text()
HEADINGS = ["Settings", "What it carries", "Limitations and quirks", "Webhooks", "Simulator"]


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
