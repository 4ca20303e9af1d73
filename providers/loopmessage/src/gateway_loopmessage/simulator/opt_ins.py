"""Opt-in links: made by the API, followed by contacts."""

from __future__ import annotations

import string
from urllib.parse import quote

from gateway.simulator import TwinReply, TwinRequest
from gateway_loopmessage.api.opt_in import PLACEHOLDER
from gateway_loopmessage.simulator.account import SENDERS, Account, OptInLink, Rejected
from gateway_loopmessage.simulator.messages import body_of

__all__ = ["OptIns"]

_LETTERS = string.ascii_letters + string.digits


class OptIns:
    """The endpoint for opt-in links, and what they lead to."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def generate_url(self, request: TwinRequest) -> TwinReply:
        """POST `/opt-in/generate-url/`, or its older spelling: every field but `body` comes back on the webhook."""
        fields = body_of(request)
        body = fields.pop("body", None)
        if not isinstance(body, str) or PLACEHOLDER not in body:
            raise Rejected(125, f"body has to contain {PLACEHOLDER}")
        link_id, code = self._account.new_uuid(), f"#{self._letters(4)}-!{self._letters(4)}"
        link = OptInLink(link_id, code, body, self._urls(link_id, code, body), fields)
        self._account.links.append(link)
        return TwinReply(200, {"id": link_id, **link.urls})

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

    def _urls(self, link_id: str, code: str, body: str) -> dict[str, str]:
        """Spell the links as the vendor's sample does, odd separators included."""
        sender = quote(SENDERS[0].name, safe="")
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
