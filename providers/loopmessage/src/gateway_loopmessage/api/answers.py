"""How every answer is read: success or failure first, then what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from gateway.provider import Call, Exchange, Page, Repeat, Reply
from gateway_loopmessage import wire
from gateway_loopmessage.errors import failure

__all__ = ["accepted", "acknowledged", "fetch", "listing"]

AnswerT = TypeVar("AnswerT", bound=wire.Answer)
ItemT = TypeVar("ItemT", bound=BaseModel)


def acknowledged(reply: Reply) -> wire.Answer:
    """Make sure that the call succeeded; its body may be anything, for the vendor does not document it.

    A failure is any status but 2xx, and `success: false` at any status; whether `success` is there says nothing, since
    the editions of the vendor's page disagree.
    """
    answer = _as_answer(reply)
    if not reply.ok or (answer is not None and answer.success is False):
        raise failure(reply, answer)
    return answer or wire.Answer()


def accepted(reply: Reply, model: type[AnswerT]) -> AnswerT:
    """Make sure that the call succeeded and read its body; raises `VendorFault`, not certain, when that fails."""
    acknowledged(reply)
    return reply.read(model)


def fetch(call: Call, model: type[AnswerT]) -> Exchange[AnswerT]:
    """Make one call and read its answer."""
    reply = yield call
    return accepted(reply, model)


def listing(url: str, item: type[ItemT], params: Mapping[str, str | None], page: int = 1) -> Exchange[Page[ItemT]]:
    """Fetch a page of a list, from page 1 on; parameters that are None are left out."""
    query = {name: value for name, value in params.items() if value is not None}
    call = Call("GET", url, params={"page": str(page), **query}, repeat=Repeat.SAFE)
    answer = yield from fetch(call, wire.Paged[item])  # type: ignore[valid-type]  # a model made at run time
    more = partial(listing, url, item, params, page + 1) if page < answer.num_pages else None
    return Page(answer.items, more, answer.count)


def _as_answer(reply: Reply) -> wire.Answer | None:
    """Read what all answers share; None for an HTML page or an empty body."""
    try:
        return wire.Answer.model_validate_json(reply.body)
    except ValidationError:
        return None
