"""What GraphQL gives: connections, messages, events and files in the shapes that its callers know."""

from __future__ import annotations

from datetime import datetime

import strawberry

from gateway import files
from gateway.addresses import Address
from gateway.events import Event as AnyEvent
from gateway.events import MessageReceived
from gateway.server.files import page_of_files
from gateway.server.graphql.context import Info
from gateway.server.graphql.fields import field
from gateway.server.graphql.scalars import Json, PlatformName
from gateway.server.problems import Problem
from gateway.server.rest.shown import ConnectionOut, MessageOut
from gateway.store.rows import EventRow, MessageState

__all__ = ["Event", "File", "Message", "MessageStatus", "Participant", "Platform", "PlatformConnection", "Trouble"]


@strawberry.type(description="A platform that a connection can be made for.")
class Platform:
    """A platform that a connection can be made for."""

    name: PlatformName
    provider: str = strawberry.field(description="Who serves it here.")
    config_schema: Json = strawberry.field(description="JSON Schema of the `config` that a connection takes.")


@strawberry.type(description="One vendor account.")
class PlatformConnection:
    """One vendor account."""

    id: strawberry.ID
    name: str
    platform_name: PlatformName | None = strawberry.field(description="The platform, where the service names one.")
    provider: str
    state: str = strawberry.field(description="`active`, `disabled`, `broken` or `stopped`.")
    reason: str | None = strawberry.field(description="Why it is not active.")
    webhook_url: str | None = strawberry.field(
        description="Where the vendor has to deliver to; none as long as the service has no public URL."
    )
    config: Json = strawberry.field(description="What was given and is not secret.")
    secrets: list[str] = strawberry.field(description="Names of the secrets that are set.")
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, shown: ConnectionOut, platform: str | None) -> PlatformConnection:
        """Show a connection as the API shows it."""
        return cls(
            id=strawberry.ID(shown.id),
            name=shown.name,
            platform_name=PlatformName(platform) if platform else None,
            provider=shown.provider,
            state=shown.state,
            reason=shown.reason,
            webhook_url=shown.webhook_url,
            config=Json(shown.settings),
            secrets=list(shown.secrets),
            created_at=shown.created_at,
            updated_at=shown.updated_at,
        )


@strawberry.type(description="What a message ended with.")
class Trouble:
    """What a message ended with."""

    code: str
    detail: str
    hint: str | None
    retryable: bool

    @classmethod
    def of(cls, problem: Problem) -> Trouble:
        """Show a problem."""
        return cls(code=problem.code, detail=problem.detail, hint=problem.hint, retryable=problem.retryable)


@strawberry.type(description="How far a message has come.")
class MessageStatus:
    """How far a message has come."""

    success: bool = strawberry.field(
        description="Nothing has gone wrong so far: it was accepted, or is kept and will be sent."
    )
    outcome: str = strawberry.field(
        description="Where it stands: `queued`, `accepted`, `refused`, `partly`, `unknown`, `cancelled`, `expired`."
    )
    state: str = strawberry.field(description="How far it has come, by everything that was reported.")
    error: Trouble | None


@strawberry.type(description="Somebody on the other side.")
class Participant:
    """Somebody on the other side."""

    external_id: str = strawberry.field(description="Phone number (E.164), email, or the vendor's own id.")

    @classmethod
    def of(cls, address: Address | None) -> Participant | None:
        """Show an address."""
        return cls(external_id=address.text) if address else None


_WRONG = frozenset({MessageState.QUEUED, MessageState.ACCEPTED})


@strawberry.type(description="Something that was asked to be sent.")
class Message:
    """Something that was asked to be sent."""

    id: strawberry.ID
    platform_connection_id: strawberry.ID
    chat_id: strawberry.ID
    to_external_id: str | None = strawberry.field(description="Where it goes: an address, several, or `group:ID`.")
    kind: str = strawberry.field(description="`send_message`, `send_reaction`, …")
    status: MessageStatus
    external_ids: list[str] = strawberry.field(description="The vendor's ids of it.")
    reference: str | None = strawberry.field(description="Your own string.")
    created_at: datetime
    due_at: datetime = strawberry.field(description="When it may leave.")

    @classmethod
    def of(cls, shown: MessageOut) -> Message:
        """Show a message as the API shows it."""
        status = MessageStatus(
            success=shown.outcome in _WRONG,
            outcome=shown.outcome.value,
            state=shown.state.value,
            error=Trouble.of(shown.error) if shown.error else None,
        )
        return cls(
            id=strawberry.ID(shown.id),
            platform_connection_id=strawberry.ID(shown.connection),
            chat_id=strawberry.ID(shown.chat_id),
            to_external_id=shown.chat.text if shown.chat else None,
            kind=shown.kind,
            status=status,
            external_ids=[sent.vendor_id for sent in shown.receipt.sent] if shown.receipt else [],
            reference=shown.reference,
            created_at=shown.created_at,
            due_at=shown.due_at,
        )


@strawberry.type(description="A file that the service keeps.")
class File:
    """A file that the service keeps."""

    id: strawberry.ID
    name: str
    media_type: str = strawberry.field(description="What it is served as.")
    declared_type: str | None = strawberry.field(description="What was said that it is.")
    named_type: str | None = strawberry.field(description="What its name says.")
    sniffed_type: str | None = strawberry.field(description="What its bytes say.")
    size: int = strawberry.field(description="Bytes.")
    digest: str = strawberry.field(description="SHA-256 of the bytes.")
    created_at: datetime
    expires_at: datetime | None

    @classmethod
    def of(cls, file: files.File) -> File:
        """Show a file."""
        return cls(
            id=strawberry.ID(file.id),
            name=file.name,
            media_type=file.media_type,
            declared_type=file.declared_type,
            named_type=file.named_type,
            sniffed_type=file.sniffed_type,
            size=file.size,
            digest=file.digest,
            created_at=file.created_at,
            expires_at=file.expires_at,
        )


@strawberry.type(description="Something that happened on a connection.")
class Event:
    """Something that happened on a connection."""

    id: strawberry.ID
    type: str = strawberry.field(description="`message.received`, `delivery.updated`, …")
    platform_connection_id: strawberry.ID
    chat_id: strawberry.ID | None
    message_id: strawberry.ID | None = strawberry.field(description="Our message that it is about.")
    sent_by: Participant | None
    text: str | None = strawberry.field(description="The text of a message that came in.")
    ours: bool = strawberry.field(description="This account did it.")
    received_at: datetime
    occurred_at: datetime | None
    payload: Json = strawberry.field(description="All of it, by its type; see the schemas of events.")

    @field("Files that it brought, where the connection keeps them.")
    async def files(self, info: Info) -> list[File]:
        """List the files that it brought."""
        page = await page_of_files(info.context.service.gateway.files, info.context.caller, event=str(self.id))
        return [File.of(file) for file in page.items]

    @classmethod
    def of(cls, row: EventRow) -> Event:
        """Show an event."""
        event: AnyEvent = row.event
        sender: Address | None = getattr(event, "sender", None)
        return cls(
            id=strawberry.ID(event.id),
            type=event.type,
            platform_connection_id=strawberry.ID(event.connection),
            chat_id=strawberry.ID(event.chat_id) if event.chat_id else None,
            message_id=strawberry.ID(event.message_id) if event.message_id else None,
            sent_by=Participant.of(sender),
            text=event.text if isinstance(event, MessageReceived) else None,
            ours=event.ours,
            received_at=event.received_at,
            occurred_at=event.occurred_at,
            payload=Json(event.model_dump(mode="json", exclude={"raw", "key", "token"})),
        )
