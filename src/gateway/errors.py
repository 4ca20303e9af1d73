"""Every error of the gateway, grouped by what the catcher does next.

    GatewayError
    ├── InvalidMessage              fix the call
    ├── Unsupported                 this connection cannot; names every feature and the nearest alternative
    ├── NoRoute                     no connection carries this
    ├── SendError (certain)
    │   ├── Retriable               RateLimited (retry_after) · Unreachable · VendorFault
    │   ├── Refused                 InvalidRequest · InvalidRecipient · NotOptedIn · Blocked · LimitReached
    │   │                           · ContentRefused · SenderUnavailable · NotFound · Cancelled · Expired
    │   ├── Unauthorized            the key is wrong or the account suspended: stops the connection
    │   ├── PartlySent (receipt, remaining)
    │   └── OutcomeUnknown          may have been sent; never certain
    ├── NotSettled (ticket)         waiting ran out; not an outcome
    ├── Conflict                    idempotency key reused with other content; too late to cancel
    ├── Overloaded (retry_after)    too much waits to leave already; nothing was kept
    ├── WebhookError                BadSignature (401) · BadPayload (400)
    ├── Unauthenticated             no key, or none that counts
    ├── Forbidden                   the key may not do this
    ├── SecretsLocked               what is sealed cannot be opened: the master key is missing, or another one
    └── StoreError
    ConfigurationError              outside the tree: no send policy may swallow it

Errors hold strings and numbers, never models: a word may import this file, this file imports nothing of ours.
"""

from __future__ import annotations

import inspect
from typing import Any, Self

__all__ = [
    "BadPayload",
    "BadSignature",
    "Blocked",
    "Cancelled",
    "ConfigurationError",
    "Conflict",
    "ContentRefused",
    "Expired",
    "Forbidden",
    "GatewayError",
    "InvalidMessage",
    "InvalidRecipient",
    "InvalidRequest",
    "LimitReached",
    "NoRoute",
    "NotFound",
    "NotOptedIn",
    "NotSettled",
    "OutcomeUnknown",
    "Overloaded",
    "PartlySent",
    "RateLimited",
    "Refused",
    "Retriable",
    "SecretsLocked",
    "SendError",
    "SenderUnavailable",
    "StoreError",
    "Unauthenticated",
    "Unauthorized",
    "Unreachable",
    "Unsupported",
    "VendorFault",
    "WebhookError",
]


class GatewayError(Exception):
    """Something failed; the message says what, `hint` says what to do about it.

    Every field is a string or a number, already free of secrets and addresses, so that an error can be logged,
    stored and shown as it is.
    """

    #: A stable word for programs, the class's own name in lower snake case.
    slug: str = "gateway_error"

    def __init_subclass__(cls) -> None:
        """Give each class its slug."""
        cls.slug = "".join(f"_{c.lower()}" if c.isupper() else c for c in cls.__name__).lstrip("_")

    def __init__(
        self,
        message: str = "",
        *,
        provider: str | None = None,
        connection: str | None = None,
        code: str | None = None,
        status: int | None = None,
        hint: str | None = None,
        raw: str | None = None,
    ) -> None:
        self.message: str = message or _first_line(type(self))
        self.provider = provider
        self.connection = connection
        #: The vendor's own code, as text.
        self.code = code
        #: HTTP status of the vendor's answer.
        self.status = status
        self.hint = hint
        #: The vendor's answer, cut and redacted.
        self.raw = raw
        super().__init__(self.message)

    def __str__(self) -> str:
        """Say what failed, where, and with which vendor code."""
        where = "/".join(part for part in (self.connection, self.provider) if part)
        code = f" (code {self.code})" if self.code is not None else ""
        return f"{where}: {self.message}{code}" if where else f"{self.message}{code}"

    def locate(self, *, provider: str | None = None, connection: str | None = None) -> Self:
        """Note where it happened, unless that is known already; returns the same error, for `raise … from`."""
        self.provider = self.provider or provider
        self.connection = self.connection or connection
        return self

    def describe(self) -> dict[str, Any]:
        """Give the error as plain data, for a store or for JSON; `revive` makes it again."""
        fields = {name: value for name, value in self.__dict__.items() if value is not None}
        return {"error": self.slug, **fields}

    @staticmethod
    def revive(description: dict[str, Any]) -> GatewayError:
        """Make the error that `describe` described; a class that is no longer there becomes a `GatewayError`."""
        fields = {name: value for name, value in description.items() if name != "error"}
        cls = _by_slug(GatewayError).get(str(description.get("error")), GatewayError)
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()
        }
        return cls(**values)

    def __reduce__(self) -> tuple[Any, ...]:
        """Survive pickling and copying with every field."""
        return (_restore, (type(self), self.__dict__.copy()))


def _first_line(cls: type[BaseException]) -> str:
    doc = inspect.getdoc(cls) or cls.__name__
    return doc.splitlines()[0].rstrip(".")


def _by_slug(cls: type[GatewayError]) -> dict[str, type[GatewayError]]:
    found = {cls.slug: cls}
    for sub in cls.__subclasses__():
        found |= _by_slug(sub)
    return found


def _restore(cls: type[GatewayError], fields: dict[str, Any]) -> GatewayError:
    error = cls.__new__(cls)
    Exception.__init__(error, fields["message"])
    error.__dict__.update(fields)
    return error


# ── before anything leaves ────────────────────────────────────────────────────────────────────────────────────────


class InvalidMessage(GatewayError, ValueError):
    """The message or its recipient is malformed: fix the call."""


class Unsupported(GatewayError):
    """This connection cannot do what was asked; nothing was sent.

    `features` names every feature that cannot be carried, not only the first; `alternatives` the nearest thing that
    could be, in the same order where there is one.
    """

    def __init__(
        self,
        message: str = "",
        *,
        features: tuple[str, ...] = (),
        alternatives: tuple[str, ...] = (),
        **context: Any,
    ) -> None:
        super().__init__(message, **context)
        self.features = features
        self.alternatives = alternatives


class NoRoute(GatewayError, LookupError):
    """No connection carries this action."""


# ── the outcome of a send ─────────────────────────────────────────────────────────────────────────────────────────


class SendError(GatewayError):
    """The vendor did not accept the action, or nobody knows.

    `certain` is True when it is certain that nothing was carried out, so that repeating cannot do it twice.
    """

    certain: bool = True

    def __init__(self, message: str = "", *, certain: bool | None = None, **context: Any) -> None:
        super().__init__(message, **context)
        if certain is not None:
            self.certain = certain


class Retriable(SendError):
    """Did not work this time; the same action may work later."""

    def __init__(self, message: str = "", *, retry_after: float | None = None, **context: Any) -> None:
        super().__init__(message, **context)
        #: Seconds that the vendor asks to wait, where it says so.
        self.retry_after = retry_after


class RateLimited(Retriable):
    """The vendor asks for a slower pace."""


class Unreachable(Retriable, ConnectionError):
    """The vendor could not be reached; nothing left this machine."""


class VendorFault(Retriable):
    """The vendor failed, or its answer could not be read."""

    certain = False


class Refused(SendError):
    """The vendor will not do this; repeating it changes nothing."""


class InvalidRequest(Refused):
    """The vendor says that the request is malformed."""


class InvalidRecipient(Refused):
    """The vendor cannot reach this address."""


class NotOptedIn(Refused):
    """The recipient has to write or opt in first, or has opted out."""


class Blocked(Refused):
    """The recipient blocks messages from this sender."""


class LimitReached(Refused):
    """A quota of the account, the line or the recipient is used up."""

    def __init__(self, message: str = "", *, retry_after: float | None = None, **context: Any) -> None:
        super().__init__(message, **context)
        #: Seconds until the quota may have room again, where that is known.
        self.retry_after = retry_after


class ContentRefused(Refused):
    """The vendor refuses this content."""


class SenderUnavailable(Refused):
    """The line that should send is missing, inactive, unpaid or suspended."""


class NotFound(Refused, LookupError):
    """The vendor does not know the thing that was named."""


class Cancelled(Refused):
    """Cancelled before it left."""


class Expired(Refused):
    """Its time ran out before it could leave."""


class Unauthorized(SendError):
    """The key is wrong or the account suspended: the whole connection stops."""


class PartlySent(SendError):
    """The first steps were accepted, a later one was refused; `__cause__` says why.

    `receipt` is the JSON text of the receipt so far, `remaining` the number of steps that did not leave.
    """

    certain = False

    def __init__(self, message: str = "", *, receipt: str = "", remaining: int = 0, **context: Any) -> None:
        super().__init__(message, **context)
        self.receipt = receipt
        self.remaining = remaining


class OutcomeUnknown(SendError):
    """May have been sent: it is not repeated until there is proof, or until you resolve it."""

    certain = False

    def __init__(self, message: str = "", *, message_id: str | None = None, **context: Any) -> None:
        super().__init__(message, **context)
        #: Our message id, for `resolve`.
        self.message_id = message_id


class NotSettled(GatewayError, TimeoutError):
    """Waiting ran out before there was an outcome; the send goes on. `ticket` is our message id."""

    def __init__(self, message: str = "", *, ticket: str = "", **context: Any) -> None:
        super().__init__(message, **context)
        self.ticket = ticket


class Conflict(GatewayError):
    """The idempotency key was used before with other content, or what was asked comes too late."""


class Overloaded(GatewayError):
    """Too much waits to leave on this connection already: nothing was kept, try again later.

    A front answers it with 429 or 503 and `Retry-After`.
    """

    def __init__(self, message: str = "", *, retry_after: float = 1.0, **context: Any) -> None:
        super().__init__(message, **context)
        #: Seconds after which there may be room.
        self.retry_after = retry_after


# ── the way in, the store, the settings ───────────────────────────────────────────────────────────────────────────


class WebhookError(GatewayError):
    """A webhook was not accepted; `answer` is the HTTP status to give."""

    answer: int = 400


class BadSignature(WebhookError):
    """The webhook does not prove that the vendor sent it."""

    answer = 401


class BadPayload(WebhookError):
    """The webhook's body is not what it has to be."""


class Unauthenticated(GatewayError):
    """There is no key, or none that counts; which of the reasons it is, is not told to whoever asks."""


class Forbidden(GatewayError):
    """The key is known, and may not do this."""


class SecretsLocked(GatewayError):
    """What is sealed cannot be opened; `code` says why: `no_master_key`, `unknown_master_key` or `broken`."""


class StoreError(GatewayError):
    """The store failed."""


class ConfigurationError(Exception):
    """The settings are wrong; `hint` says how to mend them."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
