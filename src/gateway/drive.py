"""Runs an exchange: hands its calls to a sender and the replies back; no HTTP in it.

Errors of the road never enter the generator: it is closed and the error is raised. A provider therefore never sees a
timeout, and cannot swallow one.

    receipt = await drive(provider.send_message(action), transport.send)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from types import TracebackType
from typing import Any, Generic, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue
from pydantic_core import to_json

from gateway.actions import (
    MarkRead,
    Receipt,
    SendMessage,
    SendPoll,
    SendReaction,
    SetTyping,
    ShareContact,
    StepAction,
)
from gateway.exchange import Blob, Call, Exchange, Path, Repeat, Reply
from gateway.provider import Provider

__all__ = [
    "MOST_CALLS",
    "BrokenExchange",
    "Send",
    "SendBlocking",
    "drive",
    "drive_blocking",
    "drive_stored",
    "dump_call",
    "exchange_for",
    "first_call",
    "load_call",
]

T = TypeVar("T")

Send: TypeAlias = Callable[[Call], Awaitable[Reply]]
"""Carries one call; raises `SendError` where there is no answer."""

SendBlocking: TypeAlias = Callable[[Call], Reply]
"""The same, blocking."""

MOST_CALLS = 1000
"""The most calls of one exchange: far above any honest paging, and it ends a generator that never ends."""


class BrokenExchange(RuntimeError):
    """A provider broke the rules of the border: a fault of the plugin, outside the tree of errors.

    `calls` is how many of the exchange's calls had left before; at 0 it is certain that the vendor knows nothing of it.
    """

    def __init__(self, message: str, *, calls: int = 0) -> None:
        super().__init__(message)
        self.calls = calls


def exchange_for(provider: Provider[Any], action: StepAction) -> Exchange[Receipt]:
    """Start the exchange that performs an action."""
    match action:
        case SendMessage():
            return provider.send_message(action)
        case SendReaction():
            return provider.send_reaction(action)
        case SetTyping():
            return provider.set_typing(action)
        case MarkRead():
            return provider.mark_read(action)
        case SendPoll():
            return provider.send_poll(action)
        case ShareContact():
            return provider.share_contact(action)


async def drive(exchange: Exchange[T], send: Send, *, most: int = MOST_CALLS) -> T:
    """Run an exchange to its end and return its result.

    Raises what `send` raises, what the exchange raises, and `BrokenExchange` where it yields anything but calls or
    asks for more than `most` of them. The generator is closed whatever happens, cancellation included.
    """
    return await drive_stored(exchange, send, None, most=most)


async def drive_stored(exchange: Exchange[T], send: Send, stored: Call | None, *, most: int = MOST_CALLS) -> T:
    """Run an exchange, with `stored` in place of its first call where there is one.

    A vendor recognises a key together with its content, so a keyed call is repeated as it was stored: rebuilt by
    another version of the provider it might differ.
    """
    with _Crank(exchange, most) as crank:
        call = crank.turn(None)
        if call is not None and stored is not None:
            call = stored
        while call is not None:
            call = crank.turn(await send(call))
        return crank.result()


def drive_blocking(exchange: Exchange[T], send: SendBlocking, *, most: int = MOST_CALLS) -> T:
    """Run an exchange to its end on this thread; otherwise like `drive`."""
    with _Crank(exchange, most) as crank:
        call = crank.turn(None)
        while call is not None:
            call = crank.turn(send(call))
        return crank.result()


def first_call(exchange: Exchange[Any]) -> Call:
    """Tell the first call of an exchange without sending it, for dry runs; the exchange is closed.

    Raises `BrokenExchange` for one that ends without a call.
    """
    with _Crank(exchange, most=1) as crank:
        call = crank.turn(None)
    if call is None:
        raise BrokenExchange(f"the exchange {crank.name} asks the vendor nothing")
    return call


class _Crank(Generic[T]):
    """One run of a generator, with its rules kept."""

    def __init__(self, exchange: Exchange[T], most: int) -> None:
        self.name = getattr(exchange, "__qualname__", type(exchange).__qualname__)
        if not isinstance(exchange, Generator):
            raise BrokenExchange(f"{self.name} is no exchange: a generator that yields calls is needed")
        self._exchange = exchange
        self._most = most
        self._calls = 0
        self._results: list[T] = []

    def __enter__(self) -> _Crank[T]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the generator; what it does wrong while closing must not hide the error that ended it."""
        try:
            self._exchange.close()
        except Exception as fault:
            if error is None:
                raise BrokenExchange(f"the exchange {self.name} cannot be closed", calls=self._calls) from fault
            error.add_note(f"the exchange {self.name} raised {type(fault).__name__} when it was closed")

    def turn(self, reply: Reply | None) -> Call | None:
        """Hand over the reply to the last call, None at the start; gives the next call, None at the end."""
        if reply is not None:
            self._calls += 1
        try:
            # the first `send` of any generator has to be None, which its type does not tell
            call: object = next(self._exchange) if reply is None else self._exchange.send(reply)
        except StopIteration as end:
            self._results.append(end.value)
            return None
        if not isinstance(call, Call):
            raise BrokenExchange(f"the exchange {self.name} yielded {type(call).__name__}, no Call", calls=self._calls)
        if self._calls >= self._most:
            raise BrokenExchange(f"the exchange {self.name} asked for more than {self._most} calls", calls=self._calls)
        return call

    def result(self) -> T:
        """Give what the exchange returned, once `turn` has given None."""
        return self._results[0]


# ── a call as text, for the attempt that the store keeps ──────────────────────────────────────────────────────────


class _StoredBlob(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    source: str
    name: str
    media_type: str


class _StoredCall(BaseModel):
    """The stored form; fields are only ever added, with a default, because old rows stay readable."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    method: str
    path: str
    template: str | None
    json_: JsonValue
    params: dict[str, str]
    headers: dict[str, str]
    files: dict[str, _StoredBlob]
    base: str
    repeat: Repeat


def dump_call(call: Call) -> str:
    """Write a call as JSON text, the template of its path included; `load_call` gives an equal call.

    The text has addresses and content in it, and never credentials: it is made before `authorize`.
    """
    stored = {
        "method": call.method,
        "path": str(call.path),
        "template": call.path.template if isinstance(call.path, Path) else None,
        "json_": call.json,
        "params": dict(call.params),
        "headers": dict(call.headers),
        "files": {
            name: {"source": blob.source, "name": blob.name, "media_type": blob.media_type}
            for name, blob in call.files.items()
        },
        "base": call.base,
        "repeat": call.repeat.value,
    }
    # not through the model: this is done for every call that leaves, and only reading has anything to check
    return to_json(stored).decode()


def load_call(text: str) -> Call:
    """Read what `dump_call` wrote; raises `ValueError` for anything else."""
    stored = _StoredCall.model_validate_json(text)
    return Call(
        method=stored.method,
        path=stored.path if stored.template is None else Path(stored.path, stored.template),
        json=stored.json_,
        params=stored.params,
        headers=stored.headers,
        files={name: Blob(blob.source, blob.name, blob.media_type) for name, blob in stored.files.items()},
        base=stored.base,
        repeat=stored.repeat,
    )
