"""Addresses: every spelling of one address is one address.

Sources: E.164 (ITU-T), RFC 3966 (`tel:`), RFC 6068 (`mailto:`); the service prefixes `iMessage;-;` and the like are
those of the chat ids in the Messages database. A number is never refused because a numbering plan calls it invalid:
the numbers in the vendors' own documents would fail that.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from functools import lru_cache
from typing import Any, ClassVar, Self, TypeVar
from urllib.parse import unquote

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_serializer, model_validator

__all__ = ["Address", "AddressKind", "Word", "mask", "redact"]

_PREFIX = re.compile(r"^(?:(?:imessage|sms|rcs|whatsapp|any);-;|tel:|mailto:|sms:|imessage:|whatsapp:)", re.IGNORECASE)
#: Marks of direction, of width zero and of byte order: contact cards and web pages copy them along, unseen.
_UNSEEN = str.maketrans(
    "", "", "\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)
#: Between the digits of a phone, beside every space and dash of Unicode.
_PHONE_FILLERS = frozenset("()[]./\t\u2212")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+")
_LOOKS_LIKE_PHONE = re.compile(r"[+0-9]+")
# no comma: it stands between the addresses of a chat
_CONTACT = re.compile(r"[!-+\--~]{1,128}")
_MAX_EMAIL = 254

_put = object.__setattr__
"""Words are frozen, for all but their own making."""


class Word(BaseModel):
    """Base of all words: frozen, closed, and with input hidden in errors (it may hold numbers and text).

    What must hold of a word as a whole is asked in `model_post_init`, which is called once, when it is made; a
    validator that runs "after" is called again by each word that takes it as a part.
    """

    # A length that no text has: with any bound at all, pydantic looks at the text itself, and refuses half a surrogate
    # pair, which no JSON and no store could hold later.
    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        str_max_length=1 << 40,
    )

    def __copy__(self) -> Self:
        """Copy it as pydantic does, in half the time where there are no extra and no private fields."""
        if self.__pydantic_extra__ is not None or self.__pydantic_private__ is not None:
            return super().__copy__()
        return self._with({})

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy it with other values, which nobody looks at, as pydantic does; in half the time as above."""
        if deep or self.__pydantic_extra__ is not None or self.__pydantic_private__ is not None:
            return super().model_copy(update=update, deep=deep)
        return self._with(update or {})

    def _with(self, changes: Mapping[str, Any]) -> Self:
        """Copy it with other values, which nobody looks at, as `model_copy` does; for words without private fields."""
        made = object.__new__(type(self))
        _put(made, "__dict__", {**self.__dict__, **changes})
        _put(made, "__pydantic_extra__", None)
        _put(made, "__pydantic_fields_set__", self.__pydantic_fields_set__.union(changes))
        _put(made, "__pydantic_private__", None)
        return made


class AddressKind(StrEnum):
    """What an address is."""

    PHONE = "phone"
    EMAIL = "email"
    CONTACT = "contact"

    __hash__ = str.__hash__  # an enum's own is written in Python, and each look-up of an address asks for it


_SHAPES = {AddressKind.PHONE: _E164, AddressKind.EMAIL: _EMAIL, AddressKind.CONTACT: _CONTACT}


def mask(value: str) -> str:
    """Show who without showing whom: `+1•••••••33`, `j•••@example.com`, `•••f2`."""
    if value.startswith("+"):
        return f"{value[:2]}{'•' * max(len(value) - 4, 3)}{value[-2:]}"
    name, at, host = value.partition("@")
    if at:
        return f"{name[:1]}•••@{host}"
    return f"•••{value[-2:]}"


_PHONE_IN_TEXT = re.compile(r"\+?\d[\d ()./\t\u00a0\u2009\u2010-\u2015\u202f\u2212-]{5,18}\d")
# A run without `@` matches as well, and stays as it is: looking for one from each of its characters anew would take a
# text of a stranger minutes.
_EMAIL_IN_TEXT = re.compile(r"(?:[^@\s\"'<>,;:/=%]|%(?!40))++((?:@|%40)[^@\s\"'<>,;:/?&]+)?")


def redact(text: str, *, limit: int = 500) -> str:
    """Mask everything in a vendor's text that may be a phone number or an email, and cut it to `limit` characters.

    Cautious on purpose: a long number that is no phone is masked too.
    """
    cut = text if len(text) <= limit else text[:limit] + "…"
    if "@" in cut or "%40" in cut:
        cut = _EMAIL_IN_TEXT.sub(_masked_email, cut)
    return _PHONE_IN_TEXT.sub(lambda match: f"•••{match[0][-2:]}", cut)


def _masked_email(match: re.Match[str]) -> str:
    return mask(match[0].lower().replace("%40", "@")) if match[1] else match[0]


class Address(Word):
    """One party: a phone in E.164, an email (an Apple ID) in lower case, or a vendor's opaque contact id.

    `Address.parse("tel:+1 (323) 111-2233")` and `Address.parse("iMessage;-;+13231112233")` are equal. `repr` and
    `str` are masked; `value` is the address itself.
    """

    kind: AddressKind
    """Phone, email or contact id."""
    value: str = Field(repr=False)
    """The canonical spelling."""

    CONTACT_PREFIX: ClassVar[str] = "contact:"

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, data: Any) -> Any:
        """Accept a plain string wherever an address is asked for, and any spelling of a value beside its kind."""
        if isinstance(data, str):
            return _split(data)
        if isinstance(data, dict) and isinstance(value := data.get("value"), str):
            return {**data, "value": _canonical(data.get("kind"), value)}
        return data

    def model_post_init(self, context: Any, /) -> None:
        """Raise `ValueError` for a value that its kind does not have."""
        if not _SHAPES[self.kind].fullmatch(self.value):
            raise ValueError(_complaint(self.kind))
        if self.kind is AddressKind.EMAIL and len(self.value) > _MAX_EMAIL:
            raise ValueError(f"an email address has at most {_MAX_EMAIL} characters")

    @model_serializer
    def _to_text(self) -> str:
        return self.text if self.kind is AddressKind.CONTACT else self.value

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read any spelling of one address.

        Phones need their country code (`+…`, or `00…`); emails are recognised by `@`; an opaque contact id is
        written `contact:…`. Raises `pydantic.ValidationError` (a `ValueError`) for anything else.
        """
        return cls.model_validate(text)

    @classmethod
    def contact(cls, vendor_id: str) -> Self:
        """Name a contact by the vendor's own id."""
        return cls(kind=AddressKind.CONTACT, value=vendor_id)

    @classmethod
    def read(cls, text: str | None) -> Self | None:
        """Read a party as a vendor names it: what is neither phone nor email (a short code, a business) is a contact.

        None for nothing, and for what cannot name anybody.
        """
        return _party(cls, text) if text else None

    @property
    def text(self) -> str:
        """The spelling that `parse` reads back."""
        return f"{self.CONTACT_PREFIX}{self.value}" if self.kind is AddressKind.CONTACT else self.value

    @property
    def masked(self) -> str:
        """The address as it may be logged."""
        return mask(self.value)

    def __str__(self) -> str:
        """Masked: an address in a log line or an error is a leak."""
        return self.masked

    def __repr__(self) -> str:
        """Masked, like `str`."""
        return f"Address({self.kind.value} {self.masked})"


AddressT = TypeVar("AddressT", bound=Address)


@lru_cache(4096)  # each message of a chat names the same parties, most of them twice
def _party(cls: type[AddressT], text: str) -> AddressT | None:
    for reading in (cls.parse, cls.contact):
        with suppress(ValidationError):
            return reading(text)
    return None


@lru_cache(4096)  # the same few addresses come with every message of a chat
def _split(text: str) -> Mapping[str, str]:
    """Tell what kind of address a text is, and bring it into its canonical spelling."""
    if text.startswith(Address.CONTACT_PREFIX):
        return {"kind": "contact", "value": text.removeprefix(Address.CONTACT_PREFIX).strip()}
    bare = text.translate(_UNSEEN).strip()
    while match := _PREFIX.match(bare):
        # RFC 3966 parameters (`;ext=…`) and RFC 6068 headers (`?subject=…`) are not part of the address
        bare = unquote(bare[match.end() :]).split("?", 1)[0].strip()
    if "@" in bare:
        return {"kind": "email", "value": _canonical(AddressKind.EMAIL, bare)}
    digits = _canonical(AddressKind.PHONE, bare.split(";", 1)[0])
    if _LOOKS_LIKE_PHONE.fullmatch(digits):
        return {"kind": "phone", "value": digits}
    raise ValueError(
        "not an address: expected a phone with country code (+1 323 111 2233), an email, or contact:ID for a "
        "vendor's contact id"
    )


def _canonical(kind: object, value: str) -> str:
    """Bring the value of one kind into its canonical spelling; another kind's vendor knows its own."""
    bare = value.translate(_UNSEEN).strip()
    if kind == AddressKind.EMAIL:
        # not `casefold`: that makes another mailbox of one with a sharp s
        return unicodedata.normalize("NFC", unicodedata.normalize("NFC", bare).lower())
    if kind != AddressKind.PHONE:
        return value.strip()
    digits = "".join(character for character in bare if not _is_filler(character))
    return f"+{digits[2:]}" if digits.startswith("00") else digits


def _is_filler(character: str) -> bool:
    return character in _PHONE_FILLERS or unicodedata.category(character) in {"Zs", "Pd"}


def _complaint(kind: AddressKind) -> str:
    return {
        AddressKind.PHONE: "a phone number is + and 7 to 15 digits, country code first (E.164)",
        AddressKind.EMAIL: "an email address is name@host",
        AddressKind.CONTACT: "a contact id is 1 to 128 visible ASCII characters, no comma",
    }[kind]
