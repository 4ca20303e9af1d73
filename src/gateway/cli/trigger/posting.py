"""A triggered webhook on its way: proven, posted, and what is said about both."""

from __future__ import annotations

import json as json_text
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import JsonValue
from pydantic_core import to_json

from gateway.cli.failing import ExitCode
from gateway.cli.screen import Screen, printable
from gateway.cli.trigger.day import Told
from gateway.errors import GatewayError, Unreachable
from gateway.provider import WebhookRequest
from gateway.transport import ClientError, plain_client

__all__ = ["Answer", "Made", "code_of", "made", "post", "show"]

HIDDEN = "•••"
_PATIENCE = 30.0
"""Seconds that the gateway has for its answer; vendors give it ten to fifteen."""
_MOST_ANSWER = 2_000


@dataclass(frozen=True, slots=True)
class Made:
    """A webhook as it leaves."""

    hook: WebhookRequest
    payload: dict[str, JsonValue]
    proof: frozenset[str]
    """Names of the headers that prove it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gateway said to it."""

    status: int
    body: str
    milliseconds: int

    @property
    def problem(self) -> dict[str, Any]:
        """The problem document that it is, or nothing."""
        try:
            read = json_text.loads(self.body)
        except ValueError:
            return {}
        return read if isinstance(read, dict) and "title" in read else {}


def made(chosen: Told, payload: dict[str, JsonValue], secret: str | None, *, unsigned: bool) -> Made:
    """Prove a webhook as its vendor does, now; `unsigned` leaves the proof out again."""
    hook = chosen.stage.hook(chosen.heard, to_json(payload), secret, datetime.now(UTC))
    signed = chosen.stage.provider.signed(hook)
    plain = {"content-type", *(name.lower() for name in chosen.heard.webhook.headers)}
    others = {name for name, _ in hook.headers} - plain
    proof = frozenset(signed.headers) if signed else frozenset(others)
    if unsigned:
        kept = tuple(pair for pair in hook.headers if pair[0] not in proof | others)
        hook = WebhookRequest(kept, hook.body, hook.received_at)
    return Made(hook, payload, proof)


async def post(made: Made, url: str) -> Answer:
    """Send it once; raises `Unreachable` where nobody answers."""
    async with plain_client(_PATIENCE) as client:
        began = time.perf_counter()
        try:
            answer = await client.post(url, headers=list(made.hook.headers), content=made.hook.body)
        except ClientError as error:
            raise _nobody(error) from None
    return Answer(answer.status_code, answer.text[:_MOST_ANSWER], round((time.perf_counter() - began) * 1000))


def _nobody(error: Exception) -> GatewayError:
    return Unreachable(
        f"nobody took the webhook ({type(error).__name__})",
        hint="start `gateway listen` or `gateway serve` first, or say where by --to URL",
    )


def code_of(status: int) -> ExitCode:
    """Say by the exit code what the gateway thought of it."""
    if 200 <= status < 300:
        return ExitCode.OK
    known = {401: ExitCode.UNAUTHORIZED, 404: ExitCode.NOT_FOUND}
    return known.get(status, ExitCode.TEMPORARY if status >= 500 or status in {408, 429} else ExitCode.REFUSED)


# ── what is said ──────────────────────────────────────────────────────────────────────────────────────────────────


def show(screen: Screen, chosen: Told, made: Made, url: str, answer: Answer | None, *, json: bool) -> None:
    """Print what was sent, or would be, and what the gateway said; the proof is hidden."""
    headers = {name: HIDDEN if name in made.proof else value for name, value in made.hook.headers}
    if json:
        told: dict[str, Any] = {
            "event": chosen.event,
            "when": chosen.when,
            "becomes": list(chosen.types),
            "url": url,
            "headers": headers,
            "body": made.payload,
        }
        told |= {"dry_run": True} if answer is None else _told(answer)
        screen.data(told)
        return
    from rich.text import Text

    now = f"{datetime.now():%H:%M:%S}"  # noqa: DTZ005 - this machine's time, for whoever sits there
    words = ", ".join(chosen.types)
    becomes = f"  becomes {', '.join(chosen.types)}" if chosen.types else ""
    for name, value in headers.items():
        screen.show(Text.assemble((f"{name}: ", "dim"), printable(value)))
    screen.show(Text(json_text.dumps(made.payload, indent=2, ensure_ascii=False)))
    if answer is None:
        screen.note(f"nothing was sent; it would go to {printable(url)}{f' and become {words}' if words else ''}")
        return
    screen.show(
        Text.assemble((now, "dim"), " --> ", (chosen.event, "bold"), f" POST {printable(url)}", (becomes, "dim"))
    )
    fine = 200 <= answer.status < 300
    screen.show(
        Text.assemble(
            (now, "dim"),
            " <-- ",
            (f"[{answer.status}]", "green" if fine else "bold red"),
            f" {answer.milliseconds} ms",
            "" if fine else f"  {printable(_why(answer))}",
        )
    )


def _told(answer: Answer) -> dict[str, Any]:
    read: Any = answer.problem or answer.body
    return {"status": answer.status, "milliseconds": answer.milliseconds, "answer": read}


def _why(answer: Answer) -> str:
    """Say what the gateway had against it."""
    problem = answer.problem
    return ": ".join(str(problem[name]) for name in ("title", "detail") if problem.get(name)) or answer.body[:200]
