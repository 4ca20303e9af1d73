"""The vendor's fronts for n8n and Pipedream: the same sending under other paths, keys and words.

Sources: the public actions of Pipedream, and a live integration on the front for n8n (October 2026). The real ones are
hosts of their own; the twin serves them beside the current API, under `/n8n` and `/pipedream`. What they have no path
for, they cannot do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gateway.simulator import Route, TwinReply, TwinRequest
from gateway_loopmessage.simulator.account import Account, Rejected
from gateway_loopmessage.simulator.fields import body_of, is_url
from gateway_loopmessage.simulator.messages import Messages

__all__ = ["Fronts"]

_N8N = "/n8n/api/v1/integrations/n8n"
_PIPEDREAM = "/pipedream/api/v1/integrations/pipedream"


class Fronts:
    """The endpoints of both."""

    def __init__(self, account: Account, messages: Messages) -> None:
        self._account = account
        self._messages = messages

    def routes(self) -> Iterator[Route]:
        """Give their routes, each with its own way to name the key and to say no."""
        yield self._n8n("POST", "/message/send/", self._send_by_name)
        yield self._n8n("GET", "/message-status/{id}/", self._messages.status)
        yield self._n8n("GET", "/sender-name-list/", self._senders)
        yield self._pipedream("POST", "/message/send/", self._messages.send)
        yield self._pipedream("POST", "/reaction/", self._messages.send)
        yield self._pipedream("POST", "/typing/", self._messages.show_typing)
        yield self._pipedream("GET", "/message/status/{id}/", self._messages.status, key="error_code")
        yield self._pipedream("GET", "/sender-name-list/", self._senders)
        yield self._pipedream("POST", "/update-pipedream-webhook/", self._subscribe)
        yield self._pipedream("DELETE", "/update-pipedream-webhook/", self._unsubscribe)

    # ── n8n ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _n8n(self, method: str, path: str, handler: Callable[[TwinRequest], TwinReply]) -> Route:
        """Take the key from its own header; a wrong one was seen to be HTTP 200 with `success: false`."""

        def answer(request: TwinRequest) -> TwinReply:
            try:
                self._account.enter(request.headers.get("x-api-key", ""))
            except Rejected as rejected:
                return TwinReply(200, {"success": False, "code": rejected.code, "message": rejected.message})
            return self._said(handler, request)

        return Route(method, f"{_N8N}{path}", answer)

    def _send_by_name(self, request: TwinRequest) -> TwinReply:
        """Send; the sender is a name here, and its id was seen to be refused with 220."""
        body = body_of(request)
        asked = body.get("sender")
        # the public node sends empty texts, and `None`, for what nobody filled in
        if asked in ("", "None"):
            body.pop("sender")
        elif asked is not None and asked not in [sender.name for sender in self._account.senders()]:
            raise Rejected(220)
        filled = {name: value for name, value in body.items() if value != ""}
        return self._messages.take(filled)

    # ── Pipedream ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _pipedream(
        self, method: str, path: str, handler: Callable[[TwinRequest], TwinReply], *, key: str = "code"
    ) -> Route:
        def answer(request: TwinRequest) -> TwinReply:
            try:
                self._account.enter(request.headers.get("authorization", ""))
            except Rejected as rejected:
                return self._account.refusal(rejected, key=key)
            return self._said(handler, request, key=key)

        return Route(method, f"{_PIPEDREAM}{path}", answer)

    def _senders(self, request: TwinRequest) -> TwinReply:
        """List the senders as options of a form."""
        return TwinReply(200, [{"label": one.name, "value": one.id} for one in self._account.senders(status="active")])

    def _subscribe(self, request: TwinRequest) -> TwinReply:
        url = body_of(request).get("webhook_url")
        if not isinstance(url, str) or not is_url(url):
            raise Rejected(115, "webhook_url has to be a URL")
        self._account.caller.webhook_url = url
        return TwinReply(200, {"success": True})

    def _unsubscribe(self, request: TwinRequest) -> TwinReply:
        self._account.caller.webhook_url = None
        return TwinReply(200, {"success": True})

    def _said(
        self, handler: Callable[[TwinRequest], TwinReply], request: TwinRequest, *, key: str = "code"
    ) -> TwinReply:
        try:
            return handler(request)
        except Rejected as rejected:
            return self._account.refusal(rejected, key=key)
