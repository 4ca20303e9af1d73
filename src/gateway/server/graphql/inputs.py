"""What GraphQL takes that is more than a value."""

from __future__ import annotations

import strawberry

from gateway.asking import said
from gateway.model import Part
from gateway.server.rest.content import MediaIn, part_of

__all__ = ["AttachmentInput"]


@strawberry.input(description="A file to send along, from exactly one of `url`, `data` and `fileId`.")
class AttachmentInput:
    """A file to send along, from exactly one source."""

    url: str | None = strawberry.field(default=None, description="A URL that the vendor can fetch.")
    data: str | None = strawberry.field(
        default=None, description="The bytes themselves, in base 64; what is long is uploaded to `/v1/files` instead."
    )
    file_id: strawberry.ID | None = strawberry.field(default=None, description="A file that was uploaded before.")
    name: str | None = strawberry.field(default=None, description="The file's name, as the recipient sees it.")
    media_type: str | None = strawberry.field(
        default=None, description="What it is, such as `image/png`, where that is known."
    )
    voice: bool = strawberry.field(default=False, description="Send it as a voice note.")

    def asked(self) -> dict[str, str]:
        """Give what was said, as the REST API calls it."""
        given = {
            "type": "voice" if self.voice else "attachment",
            "url": self.url,
            "data": self.data,
            "file_id": self.file_id,
            "name": self.name,
            "media_type": self.media_type,
        }
        return {name: value for name, value in given.items() if value is not None}

    def part(self) -> Part:
        """Make the word; raises `InvalidMessage`."""
        return part_of(said(lambda: MediaIn.model_validate(self.asked())))
