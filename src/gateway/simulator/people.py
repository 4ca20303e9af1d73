"""The people of the world: made up from the seed."""

from __future__ import annotations

from random import Random

from gateway.addresses import Address

__all__ = ["contact_card", "first_people", "name_of"]


def name_of(seed: int, address: Address) -> str:
    """Make up the name of the person at an address; the same seed and address give the same name."""
    return Random(f"{seed}/name/{address.text}").choice(_NAMES)  # noqa: S311 - a made-up name is no secret


def contact_card(name: str, address: Address) -> bytes:
    """Make a vCard of somebody's name and address, as phones send it (RFC 2426)."""
    plain = "".join(character for character in name if character.isprintable() and character not in "\\;,")
    kind = "EMAIL" if "@" in address.text else "TEL;TYPE=CELL"
    lines = ("BEGIN:VCARD", "VERSION:3.0", f"FN:{plain}", f"N:{plain};;;;", f"{kind}:{address.text}", "END:VCARD", "")
    return "\r\n".join(lines).encode("utf-8", "replace")


def first_people(seed: int) -> list[tuple[Address, str, bool]]:
    """Make up those whom a world begins with: address, name, and whether their phone has iMessage.

    Three iPhones, one phone without iMessage, one Apple ID with an email. The numbers are those that North America
    keeps for fiction (555-0100 to 555-0199).
    """
    dice = Random(f"{seed}/phones")  # noqa: S311 - as above
    endings = sorted(dice.sample(range(100, 200), 4))
    names = dice.sample(_NAMES, 5)
    spelled = [*(f"+12025550{ending}" for ending in endings), f"{names[-1].lower()}@example.com"]
    addresses = [Address.parse(text) for text in spelled]
    return list(zip(addresses, names, (True, True, True, False, True), strict=True))


_NAMES = (
    "Ada Alan Amara Anton Aylin Bea Ben Carla Chidi Clara Dario Elif Emil Esra Fatma Felix Freya Grace Hana Hugo Ines "
    "Ivo Jana Jonas Kaan Kofi Lea Leyla Linus Lucia Malik Mara Mei Milo Nadia Nils Noor Olga Omar Oscar Pia Priya "
    "Quinn Rafa Ravi Rosa Samir Selma Sven Tara Theo Uma Viktor Wanda Yara Yusuf Zoe"
).split()
