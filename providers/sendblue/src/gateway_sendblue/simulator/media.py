"""Files that the vendor keeps, and what network a number has."""

from __future__ import annotations

import re
from email.parser import BytesParser
from email.policy import HTTP

from gateway.provider import AddressKind
from gateway.simulator import TwinReply, TwinRequest
from gateway_sendblue.simulator.account import Account
from gateway_sendblue.simulator.answers import Refusal, address_of, body_of, is_url, reply, string

__all__ = ["Media", "form_file"]

_MOST = 100_000_000
_PLAIN_NAME = re.compile(r"[^\w.-]")


def form_file(request: TwinRequest) -> tuple[str, bytes]:
    """Read the field `file` of a multipart form (RFC 7578): its name and its bytes; raises `Refusal`."""
    head = f"content-type: {request.headers.get('content-type', '')}\r\n\r\n".encode()
    form = BytesParser(policy=HTTP).parsebytes(head + request.body)
    for part in form.iter_parts() if form.is_multipart() else ():
        if part.get_param("name", header="content-disposition") == "file":
            content = part.get_payload(decode=True)
            name = _PLAIN_NAME.sub("_", part.get_filename() or "file")
            return name, content if isinstance(content, bytes) else b""
    raise Refusal(400, "file is required")


class Media:
    """`/api/upload-media-object`, `/api/upload-file`, `/api/evaluate-service`."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def upload_object(self, request: TwinRequest) -> TwinReply:
        """`POST /api/upload-media-object`: the vendor fetches the URL."""
        url = string(body_of(request), "media_url", required=True)
        if not is_url(url):
            raise Refusal(400, "media_url must be a URL")
        return reply({"status": "OK", "message": "Media uploaded", "mediaObjectId": self._account.uuid()})

    def upload_file(self, request: TwinRequest) -> TwinReply:
        """`POST /api/upload-file`: at most 100 MB become a URL."""
        name, content = form_file(request)
        if len(content) > _MOST:
            raise Refusal(413, "The file is larger than 100 MB")
        where = f"https://storage.googleapis.com/outbound-file-store/{self._account.uuid()}/{name}"
        return reply({"status": "OK", "media_url": where})

    def evaluate_service(self, request: TwinRequest) -> TwinReply:
        """`GET /api/evaluate-service`: of an email, `SMS` means no more than that it has no iMessage."""
        address = address_of(request.query.get("number"), "number")
        if address.kind is AddressKind.CONTACT:
            raise Refusal(400, "number must be a phone number in E.164 format or an email")
        service = "iMessage" if self._account.world.phone(address).imessage else "SMS"
        return reply({"number": address.value, "service": service})
