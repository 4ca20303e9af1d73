"""Opt-in links: made by the API, followed by contacts."""

from __future__ import annotations

import string
from collections.abc import Sequence
from urllib.parse import quote

from pydantic import JsonValue

from gateway.simulator import OptIn, TwinReply, TwinRequest
from gateway_loopmessage.api.opt_in import PLACEHOLDER
from gateway_loopmessage.simulator.account import Account, Opening, OptInLink, Rejected
from gateway_loopmessage.simulator.fields import body_of

__all__ = ["OptIns"]

_LETTERS = string.ascii_letters + string.digits


class OptIns:
    """The endpoints for opt-in links, and what they lead to."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def generate_url(self, request: TwinRequest) -> TwinReply:
        """POST `/opt-in/generate-url/`, or its older spelling: every field but `body` comes back on the webhook."""
        return self._made(body_of(request))

    def generate_url_in_browser(self, request: TwinRequest) -> TwinReply:
        """GET `/generate-url/{organization_id}/` of the tracker: the same by a query, for pages that have no key."""
        organization = self._account.directory.organizations.get(request.params["organization_id"])
        if organization is None:
            return self._account.not_found()
        self._account.caller = organization
        return self._made(dict(request.query))

    def find(self, named: str | None, text: str) -> OptInLink | None:
        """Find the link that was followed: by its id or one of its URLs, else by the code in the text."""
        for link in self._account.links:
            by_name = named is not None and (link.id in named or named in link.urls.values())
            if by_name or link.code in text:
                return link
        return None

    def spoken(self, link: OptInLink) -> str:
        """Give the text that the webhook carries: what the person sent, less the code."""
        return link.body.replace(PLACEHOLDER, "").strip()

    def composed(self) -> Sequence[OptIn]:
        """Give what a phone composes for each link, as its URL for iMessage has it."""
        return [OptIn(link.body.replace(PLACEHOLDER, f'"{link.code}"'), link.sender) for link in self._account.links]

    def opened(self, link: OptInLink) -> None:
        """Keep for the tracker that somebody followed a link."""
        account = self._account
        account.openings.append(Opening(account.new_uuid(), link, account.context.now()))

    def _made(self, fields: dict[str, JsonValue]) -> TwinReply:
        body = fields.pop("body", None)
        if not isinstance(body, str) or PLACEHOLDER not in body:
            raise Rejected(125, f"body has to contain {PLACEHOLDER}")
        sender = self._sender(fields)
        link_id, code = self._account.new_uuid(), f"#{self._letters(4)}-!{self._letters(4)}"
        name = self._account.directory.senders[sender].name
        link = OptInLink(link_id, code, body, self._urls(link_id, code, body, name), fields, sender)
        self._account.links.append(link)
        return TwinReply(200, {"id": link_id, **link.urls})

    def _sender(self, fields: dict[str, JsonValue]) -> str:
        """Choose whom the person shall write to: of a pool the one with the fewest conversations."""
        active = [sender.id for sender in self._account.senders(status="active")]
        asked = fields.get("pool_id")
        if asked is not None:
            pool = self._account.pool(str(asked))
            if pool is None:
                raise Rejected(125, "pool_id names no pool")
            active = [line for line in active if line in pool.senders]
        if not active:
            raise Rejected(260)
        return self._account.least_used(active) if asked is not None else active[0]

    def _urls(self, link_id: str, code: str, body: str, name: str) -> dict[str, str]:
        """Spell the links as the vendor's sample does, odd separators included."""
        sender = quote(name, safe="")
        coded = quote(body.replace(PLACEHOLDER, f'"{code}"'), safe="")
        # the web page puts the code in by itself
        plain = quote(body.replace(PLACEHOLDER, f'"{PLACEHOLDER}"'), safe="")
        return {
            "imessage": f"imessage://{sender}&body={coded}",
            "sms": f"sms:{sender}&body={coded}",
            "url": f"https://opt-in.imsg.link/opt-in/{self._letters(5)}/?id={link_id}&body={plain}",
            "whatsapp": f"whatsapp://send?phone={sender}&text={coded}",
        }

    def _letters(self, count: int) -> str:
        return "".join(self._account.context.random.choice(_LETTERS) for _ in range(count))
