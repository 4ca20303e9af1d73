"""Files: taken in as they come, named by an id, handed out by signed links.

A file belongs to a tenant; one that was sent or received by a connection is seen by keys that know the connection. The
links themselves need no key: whoever has one may fetch that one file until the link ends, as vendors do.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from email.message import Message as Header
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException

from gateway.errors import NotFound
from gateway.files import File, Files, Given
from gateway.server.access import Needs, service_of
from gateway.server.problems import Fault
from gateway.store.records.audit import Deed
from gateway.store.records.uploads import no_file
from gateway.tenancy import READ, SEND, Caller
from gateway.tenancy.paging import Page, page_of, place_of
from gateway.vault.port import CHUNK, Missing
from gateway.vault.serving import guarded

__all__ = ["FileLink", "FilePage", "router", "streamed"]

router: APIRouter = APIRouter(prefix="/v1/files", tags=["files"])

_LISTS = "files"
_MOST_FIELDS = 10


class FilePage(BaseModel):
    """Some files, newest first."""

    model_config: ClassVar[ConfigDict] = ConfigDict(use_attribute_docstrings=True, frozen=True)

    items: tuple[File, ...]
    next: str | None = None
    """Asks for the files after these, as `after`; none at the end."""


class FileLink(BaseModel):
    """A URL that works for everybody who has it, for a while."""

    model_config: ClassVar[ConfigDict] = ConfigDict(use_attribute_docstrings=True, frozen=True)

    url: str = Field(repr=False)
    """At most 256 characters."""
    expires_at: AwareDatetime
    """When it ends."""


def streamed(method: str, path: str) -> bool:
    """Tell whether a request brings a file, which is read as it comes and not before."""
    return method == "POST" and path.rstrip("/") == router.prefix


# ── in ────────────────────────────────────────────────────────────────────────────────────────────────────────────

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary", "description": "The file."}},
                }
            },
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


@router.post("", status_code=201, operation_id="upload_file", openapi_extra=_BODY)
async def upload(
    request: Request,
    response: Response,
    caller: Annotated[Caller, Needs(SEND)],
    expires_at: Annotated[AwareDatetime | None, Query(description="When it is let go; without it, it is kept.")] = None,
) -> File:
    """Take a file: as the one field `file` of a form, or as the body itself, named by `Content-Disposition`.

    Its type is judged by its bytes, its name and what you say; the answer has all three. Send it by its `id`.
    """
    files = service_of(request).gateway.files
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        kept = await _of_form(request, files, caller, expires_at)
    else:
        given = Given(
            tenant=caller.tenant, name=_name_of(request.headers), media_type=_type_of(kind), expires_at=expires_at
        )
        kept = await files.keep(request.stream(), given)
    response.headers["location"] = f"{router.prefix}/{kept.id}"
    return kept


async def _of_form(request: Request, files: Files, caller: Caller, expires_at: datetime | None) -> File:
    """Read a form; what is long goes through a temporary file, never through memory."""
    try:
        async with request.form(max_files=1, max_fields=_MOST_FIELDS) as form:
            part = form.get("file")
            if not isinstance(part, UploadFile):
                raise Fault(422, "invalid_request", "the form has no file", hint="send one field `file`, with a name")
            given = Given(
                tenant=caller.tenant,
                name=part.filename,
                media_type=_type_of((part.content_type or "").partition(";")[0].strip().lower()),
                expires_at=expires_at,
            )
            return await files.keep(_pieces(part), given)
    except MultiPartException:
        raise Fault(400, "bad_request", "the form cannot be read", hint="send one field `file`, with a name") from None


async def _pieces(part: UploadFile) -> AsyncIterator[bytes]:
    while piece := await part.read(CHUNK):
        yield piece


def _name_of(headers: Mapping[str, str]) -> str | None:
    """Read the name of a file from `Content-Disposition`, in either spelling (RFC 6266)."""
    header = Header()
    header["content-disposition"] = headers.get("content-disposition", "").encode("latin-1").decode("utf-8", "replace")
    name = header.get_filename()
    return name[:255] if name else None


def _type_of(kind: str) -> str | None:
    # what clients send of themselves says nothing about the file
    return None if kind in {"", "application/octet-stream", "application/x-www-form-urlencoded"} else kind[:255]


# ── out ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("", operation_id="list_files")
async def list_files(
    request: Request,
    caller: Annotated[Caller, Needs(READ)],
    after: Annotated[str | None, Query(max_length=512, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    event: Annotated[str | None, Query(max_length=64, description="Only what this event brought.")] = None,
) -> FilePage:
    """List files, newest first; of one event, those that its message brought."""
    page = await page_of_files(service_of(request).gateway.files, caller, after=after, limit=limit, event=event)
    return FilePage(items=page.items, next=page.next)


async def page_of_files(
    files: Files, caller: Caller, *, after: str | None = None, limit: int = 50, event: str | None = None
) -> Page[File]:
    """Give a page of what a caller may see; what belongs to a connection that its key does not know is left out."""
    at, upload_id = place_of(_LISTS, after, ("", ""))
    before = (_moment(at), str(upload_id)) if at else None
    rows = await files.page(caller.tenant, before=before, limit=limit + 1, event=event)
    page = page_of(_LISTS, rows, limit, lambda file: (file.created_at.isoformat(), file.id))
    # of one event there is one page: a message brings few
    return Page(tuple(file for file in page.items if _visible(caller, file)), None if event else page.next)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Fault(422, "invalid_request", "this cursor is none of this list's", hint="give `next` as it is") from None


def _visible(caller: Caller, file: File) -> bool:
    bound = caller.connections
    return bound is None or file.connection in bound


async def file_of(files: Files, caller: Caller, upload_id: str) -> File:
    """Give a caller's file; raises `NotFound`. One that belongs to no connection is found by any key of the tenant."""
    found = await files.get(upload_id, tenant=caller.tenant)
    if found.connection is not None and not _visible(caller, found):
        raise no_file(upload_id)
    return found


@router.get("/{id}", operation_id="get_file")
async def get_file(request: Request, id: str, caller: Annotated[Caller, Needs(READ)]) -> File:  # noqa: A002 - the API's word
    """Tell what is known of a file."""
    return await file_of(service_of(request).gateway.files, caller, id)


@router.get(
    "/{id}/content",
    operation_id="get_file_content",
    response_class=StreamingResponse,
    responses={200: {"content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}}},
)
async def get_content(
    request: Request,
    id: str,  # noqa: A002 - the API's word
    caller: Annotated[Caller, Needs(READ)],
) -> StreamingResponse:
    """Give the bytes of a file, under headers that let a browser do nothing with them."""
    files = service_of(request).gateway.files
    found = await file_of(files, caller, id)
    try:
        size = await files.vault.size(found.digest)
    except Missing:
        raise NotFound("the bytes of this file are gone", hint="upload it again") from None
    headers = guarded(found.kind, found.name) | {"content-length": str(size)}
    return StreamingResponse(files.read(found), headers=headers, media_type=None)


@router.post("/{id}/link", operation_id="link_file")
async def link_file(
    request: Request,
    id: str,  # noqa: A002 - the API's word
    caller: Annotated[Caller, Needs(READ)],
) -> FileLink:
    """Make a signed URL of a file, short enough for every vendor."""
    files = service_of(request).gateway.files
    found = await file_of(files, caller, id)
    url = await files.link(found)
    signed = (await files.links()).read(url)
    if signed is None:  # it was made a line ago
        raise no_file(id)
    return FileLink(url=url, expires_at=signed.until)


@router.delete("/{id}", status_code=204, operation_id="delete_file")
async def delete_file(request: Request, id: str, caller: Annotated[Caller, Needs(SEND)]) -> None:  # noqa: A002
    """Forget a file; its links end at once, unless somebody else has the same bytes."""
    service = service_of(request)
    found = await file_of(service.gateway.files, caller, id)
    await service.gateway.files.remove(found.id, tenant=caller.tenant)
    await service.tenancy.audit.note(Deed(caller.tenant, caller.key_id, "file.removed", found.id))
