"""The settings of a connection: their base, and the kinds of setting that nearly every vendor has."""

from __future__ import annotations

from typing import Annotated, ClassVar, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, ValidationInfo

from gateway.addresses import Address, AddressKind

__all__ = ["BaseUrl", "PhoneNumber", "ProviderSettings", "Secret", "texts_of"]


class ProviderSettings(BaseModel):
    """Base of a provider's settings: frozen, closed; every secret is a `SecretStr`.

    Field names are the keys of `[connections.NAME]` in the configuration; `provider` and `policy` are the core's.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True
    )


def _visible(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value().strip()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("a secret is not empty and holds visible ASCII characters only")
    return SecretStr(text)


def _without_slash(url: str) -> str:
    return url.rstrip("/")


def _phone(number: str, info: ValidationInfo) -> str:
    try:
        address = Address.parse(number)
    except ValidationError:
        address = None
    if address is None or address.kind is not AddressKind.PHONE:
        raise ValueError(f"{info.field_name} is a phone number with country code, such as +1 202 555 0123")
    return address.value


Secret: TypeAlias = Annotated[SecretStr, AfterValidator(_visible)]
"""A key, or what webhooks are proven with; space around it goes.

Refused are an empty one, with which anybody could prove anything, and one that no header can carry.
"""

BaseUrl: TypeAlias = Annotated[str, Field(pattern=r"^https?://[^\s?#]+$"), AfterValidator(_without_slash)]
"""Where an API is; a trailing slash is dropped, since each path of a call begins with one."""

PhoneNumber: TypeAlias = Annotated[str, AfterValidator(_phone)]
"""A phone number, kept as E.164 however it is written. Give its field `repr=False`."""


def texts_of(*secrets: SecretStr | None) -> tuple[str, ...]:
    """Give the secrets that a webhook may be proven with, each once, in the order given; None is none."""
    return tuple(dict.fromkeys([secret.get_secret_value() for secret in secrets if secret is not None]))
