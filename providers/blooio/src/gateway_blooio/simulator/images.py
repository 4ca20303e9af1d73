"""Pictures that are uploaded: multipart with one file, of a kind and size that the vendor takes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP

from gateway.simulator import TwinRequest
from gateway_blooio.simulator.answers import Refusal

__all__ = ["Image", "uploaded"]

_MOST_BYTES = 10 * 1024 * 1024
_BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a")
_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"})


@dataclass(frozen=True, slots=True)
class Image:
    """A picture that was accepted."""

    digest: str
    """Of its bytes: the same picture has the same one."""
    name: str
    content: bytes = field(repr=False)


def uploaded(request: TwinRequest, field: str) -> Image:
    """Read the file of a form; raises `Refusal` (400)."""
    content = _file(request, field)
    if content is None:
        raise Refusal(400, f"'{field}' is required: multipart/form-data with an image file.")
    body, name = content
    if len(body) > _MOST_BYTES:
        raise Refusal(400, "The image is larger than 10 MB.")
    if not _is_image(body):
        raise Refusal(400, "The image must be JPEG, PNG, GIF, WebP or HEIC/HEIF.")
    return Image(hashlib.sha256(body).hexdigest(), name, body)


def _file(request: TwinRequest, field: str) -> tuple[bytes, str] | None:
    kind = request.headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        return None
    whole = BytesParser(policy=HTTP).parsebytes(f"content-type: {kind}\r\n\r\n".encode("latin-1") + request.body)
    for part in whole.iter_parts():
        if part.get_param("name", header="content-disposition") == field:
            body = part.get_payload(decode=True)
            return (body, part.get_filename() or field) if isinstance(body, bytes) else None
    return None


def _is_image(body: bytes) -> bool:
    """Tell by the first bytes, as servers do: a name and a media type are only claims."""
    if body.startswith(_BEGINNINGS) or (body[:4] == b"RIFF" and body[8:12] == b"WEBP"):
        return True
    return body[4:8] == b"ftyp" and body[8:12] in _BRANDS
