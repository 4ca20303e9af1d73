"""Files, and what network a number has."""

from __future__ import annotations

from gateway.provider import Blob, Call, Exchange, path
from gateway_sendblue import wire
from gateway_sendblue.api.answers import ask, look_up

__all__ = ["evaluate_service", "upload_file", "upload_media_object"]


def upload_media_object(media_url: str) -> Exchange[wire.MediaObject]:
    """POST `/api/upload-media-object`: have the vendor fetch and keep a file."""
    return ask(Call("POST", path("/api/upload-media-object"), json={"media_url": media_url}), wire.MediaObject)


def upload_file(file: Blob) -> Exchange[wire.UploadedFile]:
    """POST `/api/upload-file`: bytes of at most 100 MB become a `media_url`. The vendor's own tools use it."""
    return ask(Call("POST", path("/api/upload-file"), files={"file": file}), wire.UploadedFile)


def evaluate_service(number: str) -> Exchange[wire.Lookup]:
    """GET `/api/evaluate-service`: whether a phone or an email has iMessage."""
    return look_up(path("/api/evaluate-service"), wire.Lookup, number=number)
