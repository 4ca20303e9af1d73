"""What can be done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import strawberry

from gateway.asking import said
from gateway.errors import InvalidMessage
from gateway.model import Attachment, MessageRef, Part, Text
from gateway.model import Message as Word
from gateway.server.graphql.context import Info
from gateway.server.graphql.fields import mutation
from gateway.server.graphql.inputs import AttachmentInput
from gateway.server.graphql.queries import shown_connection
from gateway.server.graphql.repeating import Once, once
from gateway.server.graphql.scalars import Json, PlatformName
from gateway.server.graphql.types import Message, PlatformConnection
from gateway.server.rest.content import recipient_of
from gateway.server.rest.messages import settled
from gateway.server.rest.shown import message_out
from gateway.tenancy import ADMIN, SEND

__all__ = ["Mutation"]

MOST_WAIT = 30.0
"""Seconds that a mutation may wait for the outcome of a send."""

Key = Annotated[
    str | None,
    strawberry.argument(
        description="Your own word for this request, 1 to 255 visible ASCII characters: the same mutation with the same"
        " key is carried out once."
    ),
]
To = Annotated[
    str, strawberry.argument(description="A phone number, an email, `group:ID`, a chat (`chat_…`), or an event.")
]
Files = Annotated[
    list[AttachmentInput] | None, strawberry.argument(description="Files from anywhere, behind those of `fileIds`.")
]
ReplyTo = Annotated[
    strawberry.ID | None, strawberry.argument(description="Our id of a message, or the event that brought one.")
]
Wait = Annotated[float, strawberry.argument(description="Seconds to wait for the outcome, at most 30.")]


@strawberry.type(description="What can be done.")
class Mutation:
    """What can be done."""

    @mutation("Add a vendor account; the vendor then has to deliver to `webhookUrl`.")
    async def create_platform_connection(
        self, info: Info, platform_name: PlatformName, name: str, config: Json, idempotency_key: Key = None
    ) -> PlatformConnection:
        """Add a connection."""
        context = info.context
        context.caller.demand(ADMIN)
        provider, accounts = context.provider_of(platform_name), context.service.tenancy.accounts
        settings: Any = config
        context.service.allow(settings)

        async def create(_: Once) -> str:
            made = await accounts.create(context.caller.tenant, provider, settings, name=name, by=context.caller.key_id)
            return made.id

        asked = {"provider": provider, "name": name, "config": settings}
        made = await once(context, "createPlatformConnection", idempotency_key, asked, create)
        return shown_connection(info, await accounts.get(context.caller.tenant, made))

    @mutation("Forget a vendor account and its secrets; its messages and events stay.")
    async def remove_platform_connection(self, info: Info, id: strawberry.ID) -> strawberry.ID:  # noqa: A002 - its word
        """Remove a connection; gives its id."""
        context = info.context
        context.caller.demand(ADMIN)
        await context.service.tenancy.accounts.remove(context.caller.tenant, str(id), by=context.caller.key_id)
        return id

    @mutation("Send a message; from the answer on it is kept, and will be sent.")
    async def send_message(
        self,
        info: Info,
        platform_connection_id: strawberry.ID,
        to_external_id: To,
        message: str | None = None,
        file_ids: list[strawberry.ID] | None = None,
        attachments: Files = None,
        reply_to_message_id: ReplyTo = None,
        reference: str | None = None,
        wait: Wait = 10.0,
        idempotency_key: Key = None,
    ) -> Message:
        """Send a text, files, or both in one message."""
        context = info.context
        connection = context.service.running(context.caller, str(platform_connection_id), SEND)
        content = _content(message, file_ids or (), attachments or (), reference)
        answered = await _answered(info, reply_to_message_id)
        content = content.model_copy(update={"reply_to": answered}) if answered else content
        to, _ = await recipient_of(context.service, context.caller, to_external_id)

        async def send(turn: Once) -> str:
            ticket = await context.service.gateway.enqueue(to, content, via=connection.name, key=turn.engine_key)
            return ticket.message_id

        asked = {
            "connection": connection.name,
            "to": to_external_id,
            "message": message,
            "files": list(file_ids or ()),
            "reply_to": reply_to_message_id,
            "reference": reference,
            # not where there are none: what was asked before there was this word has another print with it
            **({"attachments": [each.asked() for each in attachments]} if attachments else {}),
        }
        kept = await once(context, "sendMessage", idempotency_key, asked, send)
        return await _after(info, kept, wait)

    @mutation("Add a reaction to a message, or take it back.")
    async def send_reaction(
        self,
        info: Info,
        to_message_id: Annotated[
            strawberry.ID, strawberry.argument(description="Our id of a message, or the event that brought one.")
        ],
        reaction: Annotated[str, strawberry.argument(description="`love`, `like`, `laugh`, …, or one emoji.")],
        remove: bool = False,
    ) -> bool:
        """React to a message; true once the vendor took it."""
        context = info.context
        subject, connection = await _subject(info, str(to_message_id))
        context.service.running(context.caller, connection, SEND)
        act = context.service.gateway.unreact if remove else context.service.gateway.react
        await act(subject, reaction, via=connection)
        return True

    @mutation("Take a message back that has not left.")
    async def cancel_message(self, info: Info, id: strawberry.ID) -> Message:  # noqa: A002 - its word
        """Cancel a message; when this answers, it is certain that it does not leave."""
        context = info.context
        row, _ = await context.service.message(context.caller, str(id))
        context.service.running(context.caller, row.connection, SEND)
        await context.service.gateway.cancel(str(id))
        return Message.of(await message_out(context.service, *await context.service.engine.look_up(str(id))))


def _content(
    message: str | None, file_ids: Sequence[str], attachments: Sequence[AttachmentInput], reference: str | None
) -> Word:
    """Make one message of a text and files; raises `InvalidMessage`."""
    text: tuple[Part, ...] = (said(lambda: Text(text=message)),) if message else ()
    parts = (*text, *(_attachment(each) for each in file_ids), *(each.part() for each in attachments))
    if not parts:
        raise InvalidMessage("there is nothing to send", hint="give a message, fileIds or attachments")
    return said(lambda: Word(parts=parts, reference=reference))


def _attachment(file_id: str) -> Attachment:
    return said(lambda: Attachment(file_id=file_id))


async def _answered(info: Info, id_: str | None) -> MessageRef | None:
    """Name the message that is answered, by our id of it or the event that brought it; raises `NotFound`."""
    if id_ is None:
        return None
    subject, _ = await _subject(info, id_)
    vendor_id = getattr(subject, "vendor_id", None)
    return MessageRef(vendor_id=vendor_id) if vendor_id else said(lambda: MessageRef.model_validate({"message": id_}))


async def _subject(info: Info, id_: str) -> tuple[Any, str]:
    """Find a message of the caller's that is already there, and its connection; raises `NotFound`."""
    context = info.context
    if id_.startswith("evt_"):
        event = await context.service.event(context.caller, id_)
        return event, event.connection
    row, _ = await context.service.message(context.caller, id_)
    return row.id, row.connection


async def _after(info: Info, message: str, wait: float) -> Message:
    """Show a message that is kept, once its outcome is there or the time is over."""
    service = info.context.service
    row, _ = await service.message(info.context.caller, message)
    if wait > 0:
        with settled():
            await service.engine.outcome(row.id, min(wait, MOST_WAIT))
    return Message.of(await message_out(service, *await service.engine.look_up(message)))
