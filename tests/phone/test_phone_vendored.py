"""What is not ours in the phone is what its makers published, with their licence beside it."""

import hashlib
from importlib.resources import files

VENDOR = files("gateway.simulator.phone") / "static" / "vendor"


def sums() -> dict[str, str]:
    """The checksums by file name."""
    lines = (VENDOR / "SHA256SUMS").read_text().splitlines()
    return {name: digest for digest, name in (line.split("  ") for line in lines)}


def test_every_vendored_file_is_the_one_that_was_published() -> None:
    """The folder holds what its list says, byte for byte, and nothing else but the list and the note on origin."""
    found = {
        each.name: hashlib.sha256(each.read_bytes()).hexdigest()
        for each in VENDOR.iterdir()
        if each.name not in {"SHA256SUMS", "README.md"}
    }
    assert sums() == found


def test_its_licence_is_beside_it() -> None:
    """The licence of htmx is Zero-Clause BSD."""
    assert "Zero-Clause BSD" in (VENDOR / "LICENSE.htmx.txt").read_text()
