"""Webhook subscriptions, and the log of every attempt to deliver.

The URL that the simulator was started with is a subscription too: it is listed once something was sent there, and
its type is the switch `webhook_type`. Those made by the API have a secret and a type of their own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from pydantic_core import from_json

from gateway.simulator import Deliver, Tried, TwinReply, TwinRequest, Webhook
from gateway_blooio.simulator.account import Account
from gateway_blooio.simulator.answers import Json, Refusal, body_of, milliseconds, page, reply, split_url, whole_number
from gateway_blooio.simulator.payloads import wanted

__all__ = ["Webhooks"]

_MOST = 64
_TYPES = frozenset({"message", "status", "poll", "all"})
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_MOST_LOGS = 20_000


@dataclass(slots=True)
class _Subscription:
    """Where webhooks go."""

    id: str
    url: str
    type: str
    created_at: datetime
    secret: str | None = None
    """None is the account's, for the URL that the simulator was started with."""
    valid_until: int = -1
    deprecated_at: datetime | None = None
    last_triggered: datetime | None = None
    failures: int = 0
    rotations: int = 0
    logs: deque[Json] = field(default_factory=lambda: deque(maxlen=_MOST_LOGS))


class Webhooks:
    """`/webhooks`."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._made: dict[str, _Subscription] = {}
        self._configured: _Subscription | None = None
        self._replays: dict[str, list[str]] = {}
        """Ids that were given to replays under way, by the id of the original."""

    # ── deliveries ────────────────────────────────────────────────────────────────────────────────────────────────

    def addressed(self, hook: Webhook) -> Sequence[Webhook]:
        """Give one copy for each subscription that wants the event."""
        configured = self._configured
        default = [hook] if wanted(hook.event, self._account.word("webhook_type")) else []
        if configured is not None and configured.deprecated_at is not None:
            default = []
        now = milliseconds(self._account.now())
        others = [each for each in self._made.values() if each is not configured and _is_active(each, now)]
        return [
            *default,
            *(replace(hook, url=each.url, secret=each.secret) for each in others if wanted(hook.event, each.type)),
        ]

    def tried(self, tried: Tried) -> None:
        """Note an attempt in the log of its subscription."""
        subscription = self._subscription_of(tried)
        if subscription is None:
            return
        subscription.last_triggered = tried.at
        subscription.failures += not _is_fine(tried)
        subscription.logs.append(self._entry(tried))

    def _subscription_of(self, tried: Tried) -> _Subscription | None:
        if tried.webhook.url is not None:
            return next((each for each in self._made.values() if each.url == tried.url), None)
        if self._configured is None:
            kind = self._account.word("webhook_type")
            self._configured = _Subscription(self._new_id(), tried.url, kind, tried.at)
            self._made[self._configured.id] = self._configured
        self._configured.url = tried.url
        return self._configured

    def _entry(self, tried: Tried) -> Json:
        hook = tried.webhook
        original = hook.headers.get("X-Original-Event-Id")
        answered = tried.status is not None
        promised = self._replays.get(original or "", [])
        return {
            "event_id": promised.pop(0) if promised else self._new_event_id(),
            "scope": "api",
            "attempted_time": milliseconds(tried.at),
            "response_received_at": milliseconds(self._account.now()) if answered else None,
            "webhook_url": tried.url,
            "event_body": dict(hook.payload),
            "response_status": tried.status,
            "response_json": _json(tried.body),
            "metadata": {
                "duration_ms": round(tried.seconds * 1000),
                "event_name": hook.event,
                "message_id": hook.message_id,
                "organization_id": "org_simulated",
                "is_replay": original is not None,
                "original_event_id": original,
            },
        }

    # ── subscriptions ─────────────────────────────────────────────────────────────────────────────────────────────

    def listed(self, _: TwinRequest) -> TwinReply:
        """`GET /webhooks`; there is no paging."""
        return reply({"webhooks": [_shown(each) for each in self._made.values()]})

    def create(self, request: TwinRequest) -> TwinReply:
        """`POST /webhooks`: 201 with the secret, which is shown once; 200 without it for a URL that is there."""
        body = body_of(request)
        url, kind = _url(body), _type(body, "message")
        known = next((each for each in self._made.values() if each.url == url), None)
        if known is not None:
            shown = {"webhook_id": known.id, "webhook_url": url, "scope": "api_key"}
            return reply({**shown, "message": "Webhook already exists"})
        if len(self._made) >= _MOST:
            raise Refusal(409, "Webhook limit reached for this organization.")
        made = _Subscription(self._new_id(), url, kind, self._account.now(), self._new_secret())
        made.valid_until = _valid_until(body)
        self._made[made.id] = made
        return reply({**_brief(made), "signing_secret": made.secret}, 201)

    def one(self, request: TwinRequest) -> TwinReply:
        """`GET /webhooks/{webhookId}`."""
        return reply(_shown(self._subscription(request)))

    def change(self, request: TwinRequest) -> TwinReply:
        """`PATCH /webhooks/{webhookId}`; a deprecated one gets nothing and keeps its log."""
        subscription, body = self._subscription(request), body_of(request)
        subscription.type = _type(body, subscription.type)
        if subscription is self._configured:
            self._account.context.switches["webhook_type"] = subscription.type
        if "valid_until" in body:
            subscription.valid_until = _valid_until(body)
        if isinstance(deprecate := body.get("deprecate"), bool):
            subscription.deprecated_at = self._account.now() if deprecate else None
        return reply(_shown(subscription))

    def delete(self, request: TwinRequest) -> TwinReply:
        """`DELETE /webhooks/{webhookId}`; the one that the simulator was started with comes back when it is used."""
        subscription = self._subscription(request)
        del self._made[subscription.id]
        if subscription is self._configured:
            self._configured = None
        return reply({"success": True, "message": "Webhook deleted"})

    def rotate(self, request: TwinRequest) -> TwinReply:
        """`POST /webhooks/{webhookId}/secret/rotate`; the old secret is dead at once."""
        subscription, secret = self._subscription(request), self._new_secret()
        if subscription is self._configured:
            self._account.context.secret = secret
        else:
            subscription.secret = secret
        subscription.rotations += 1
        return reply(
            {
                "webhook_id": subscription.id,
                "signing_secret": secret,
                "rotated_at": milliseconds(self._account.now()),
                "rotated_by": "api_key",
                "rotation_count": subscription.rotations,
            }
        )

    # ── the log ───────────────────────────────────────────────────────────────────────────────────────────────────

    def logs(self, request: TwinRequest) -> TwinReply:
        """`GET /webhooks/{webhookId}/logs`, by the time of the attempt, the newest first unless asked otherwise."""
        found = [entry for entry in self._subscription(request).logs if _has_status(entry, request)]
        order = request.query.get("sort", "desc")
        if order not in {"asc", "desc"}:
            raise Refusal(400, "'sort' is invalid.")
        shown, pagination = page(request, found if order == "asc" else found[::-1], dict)
        more = pagination["offset"] + len(shown) < len(found)
        return reply({"logs": shown, "pagination": {**pagination, "returned": len(shown), "has_more": more}})

    def replay(self, request: TwinRequest) -> Deliver:
        """`POST /webhooks/{webhookId}/logs/{eventId}/replay`: deliver once, and tell what the application said."""
        subscription, event_id = self._subscription(request), request.params["event"]
        entry = next((entry for entry in subscription.logs if entry["event_id"] == event_id), None)
        if entry is None:
            raise Refusal(404, "Event not found")
        original = entry["metadata"]["original_event_id"] or event_id
        name, message = entry["metadata"]["event_name"], entry["metadata"]["message_id"]
        headers = {"X-Blooio-Event": name, "X-Blooio-Replay": "true", "X-Original-Event-Id": original}
        if message:
            headers["X-Blooio-Message-Id"] = message
        target = None if subscription is self._configured else subscription.url
        replay_id = self._new_event_id()
        self._replays.setdefault(original, []).append(replay_id)
        hook = Webhook(name, entry["event_body"], headers, message, target, subscription.secret)
        shown = {
            "replay_event_id": replay_id,
            "original_event_id": original,
            "webhook_id": subscription.id,
            "webhook_url": subscription.url,
        }
        return Deliver(hook, lambda tried: reply({**shown, **_outcome(tried)}))

    # ── small things ──────────────────────────────────────────────────────────────────────────────────────────────

    def _subscription(self, request: TwinRequest) -> _Subscription:
        found = self._made.get(request.params["webhook"])
        if found is None:
            raise Refusal(404, "Webhook not found")
        return found

    def _new_id(self) -> str:
        return f"wh_{self._account.letters(16)}"

    def _new_event_id(self) -> str:
        return f"evt_{self._account.letters(16)}"

    def _new_secret(self) -> str:
        return f"whsec_{self._account.letters(32, '0123456789abcdef')}"


def _is_active(subscription: _Subscription, now: int) -> bool:
    return subscription.deprecated_at is None and not 0 <= subscription.valid_until < now


def _brief(subscription: _Subscription) -> Json:
    return {
        "webhook_id": subscription.id,
        "webhook_url": subscription.url,
        "webhook_type": subscription.type,
        "scope": "api_key",
        "created_at": milliseconds(subscription.created_at),
    }


def _shown(subscription: _Subscription) -> Json:
    deprecated, last = subscription.deprecated_at, subscription.last_triggered
    return {
        **_brief(subscription),
        "api_key_name": "simulated",
        "integration_name": None,
        "deprecated_at": milliseconds(deprecated) if deprecated else None,
        "valid_until": subscription.valid_until,
        "last_triggered": milliseconds(last) if last else None,
        "failure_count": subscription.failures,
        "is_active": deprecated is None,
    }


def _outcome(tried: Tried) -> Json:
    """Tell what the application said to a replay; two of the names are in camel case."""
    took = round(tried.seconds * 1000)
    return {
        "success": _is_fine(tried),
        "response_status": tried.status,
        "duration_ms": took,
        "response_data": {
            "body": _json(tried.body),
            "headers": dict(tried.headers),
            "size": len(tried.body),
            "contentType": tried.headers.get("content-type"),
            "duration": took,
            "error": tried.error,
            "errorType": tried.error,
        },
    }


def _is_fine(tried: Tried) -> bool:
    return tried.status is not None and 200 <= tried.status < 300


def _url(body: Mapping[str, Any]) -> str:
    """Read the URL: HTTPS, or plain HTTP to this machine, without which nobody could try it here."""
    url = body.get("webhook_url")
    pieces = split_url(url)
    if pieces is None:
        raise Refusal(400, "'webhook_url' is required.")
    if pieces.scheme != "https" and pieces.hostname not in _LOOPBACK:
        raise Refusal(400, "'webhook_url' must be an HTTPS URL.")
    return str(url)


def _type(body: Mapping[str, Any], default: str) -> str:
    kind = body.get("webhook_type") or default
    if kind not in _TYPES:
        raise Refusal(400, "'webhook_type' must be message, status, poll or all.")
    return str(kind)


def _valid_until(body: Mapping[str, Any]) -> int:
    """Read until when it holds, Unix milliseconds; -1 and null are for ever."""
    moment = body.get("valid_until")
    if moment is None:
        return -1
    if not isinstance(moment, int) or isinstance(moment, bool):
        raise Refusal(400, "'valid_until' must be Unix milliseconds or -1.")
    return moment


def _has_status(entry: Json, request: TwinRequest) -> bool:
    status = entry["response_status"]
    exact = whole_number(request, "status", -1)
    least, most = whole_number(request, "min_status", -1), whole_number(request, "max_status", -1)
    if status is None:
        return max(exact, least, most) < 0
    return exact in (-1, status) and status >= least and (most < 0 or status <= most)


def _json(body: bytes) -> Any:
    try:
        return from_json(body)
    except ValueError:
        return None
