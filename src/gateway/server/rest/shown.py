"""What the API gives: resources as JSON, made of rows; no secret is in any of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Generic, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue
from pydantic_core import from_json

from gateway import outbox
from gateway.actions import Adaptation, DeliveryState, Receipt
from gateway.delivery import Delivery, MessageStatus
from gateway.model import Chat
from gateway.server.problems import Problem, fault_of
from gateway.server.requests import current_request
from gateway.server.service import Service
from gateway.store.rows import MessageRow, MessageState, StepRow
from gateway.tenancy import Account, Offer, Options, Page

__all__ = ["ConnectionOut", "MessageOut", "Output", "PageOut", "ProviderOut", "message_out", "page_out"]

T = TypeVar("T")
U = TypeVar("U")


class Output(BaseModel):
    """Base of all answers."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, use_attribute_docstrings=True)


class PageOut(Output, Generic[T]):
    """Some items of a list."""

    items: tuple[T, ...]
    next: str | None = None
    """Asks for the items after these, as `after`; none at the end."""


def page_out(page: Page[T], shown: Callable[[T], U]) -> PageOut[U]:
    """Show a page."""
    return PageOut(items=tuple(shown(item) for item in page.items), next=page.next)


class ProviderOut(Output):
    """A vendor that a connection can be made for."""

    name: str
    """The word to create a connection with."""
    title: str
    """The vendor's own spelling."""
    settings: dict[str, JsonValue]
    """JSON Schema of the settings that a connection takes; secrets have `writeOnly`."""
    secrets: tuple[str, ...]
    """Settings that are secret: never given back."""
    registers_webhook: bool
    """Whether the gateway can register the webhook at the vendor by itself."""
    how_to_register: tuple[str, ...]
    """What a person does instead, step by step."""

    @classmethod
    def of(cls, offer: Offer) -> ProviderOut:
        """Show an offer."""
        return cls(
            name=offer.provider,
            title=offer.title,
            settings=dict(offer.schema),
            secrets=offer.secrets,
            registers_webhook=offer.registers,
            how_to_register=tuple(
                step.replace("{url}", "the connection's webhook_url") for step in offer.how_to_register
            ),
        )


class ConnectionOut(Output):
    """A vendor account."""

    id: str
    name: str
    provider: str
    state: str
    """`active`, `disabled`, `broken` (it cannot be made) or `stopped` (the vendor does not take its credentials)."""
    reason: str | None
    """Why it is not active."""
    settings: dict[str, JsonValue]
    """What was given and is not secret."""
    secrets: tuple[str, ...]
    """Names of the secrets that are set; their values are never given back."""
    overlap_until: AwareDatetime | None
    """Until when webhooks may still be signed by a secret that was replaced."""
    options: Options
    webhook_url: str | None
    """Where the vendor has to deliver to; none as long as the service has no public URL."""
    webhook_path: str
    """The same, below the service's URL."""
    how_to_register: tuple[str, ...]
    """How the webhook gets registered at the vendor, step by step."""
    registers_webhook: bool
    """Whether `POST …/webhook` does that."""
    created_at: AwareDatetime
    updated_at: AwareDatetime

    @classmethod
    def of(cls, account: Account, service: Service) -> ConnectionOut:
        """Show an account."""
        offer = service.tenancy.accounts.offer(account.provider)
        url = service.tenancy.accounts.webhook_url(account.id)
        return cls(
            id=account.id,
            name=account.name,
            provider=account.provider,
            state=account.state,
            reason=account.reason,
            settings=dict(account.settings),
            secrets=account.secrets,
            overlap_until=account.overlap_until,
            options=account.options,
            webhook_url=url,
            webhook_path=account.webhook_path,
            how_to_register=tuple(step.replace("{url}", url or account.webhook_path) for step in offer.how_to_register),
            registers_webhook=offer.registers,
            created_at=account.created_at,
            updated_at=account.updated_at,
        )


class MessageOut(Output):
    """Something that was asked to be sent, and how far it has come."""

    id: str
    connection: str
    chat_id: str
    chat: Chat | None = Field(default=None, repr=False)
    """Where it goes, or went."""
    kind: str
    """What it is: `send_message`, `send_reaction`, `set_typing`, `mark_read`, …"""
    outcome: MessageState
    """Where it stands here; `accepted` is by the vendor."""
    state: DeliveryState
    """How far it has come, by everything that was reported."""
    needs_resolution: bool = False
    """Nobody knows whether it left, and no proof is to be had: see `POST …/resolve`."""
    steps: int = 1
    """How many calls to the vendor it takes."""
    waits_for: str | None = None
    """Why it has not left yet."""
    reference: str | None = None
    """Your own string."""
    adaptations: tuple[Adaptation, ...] = ()
    """What was changed to fit the vendor."""
    receipt: Receipt | None = Field(default=None, repr=False)
    """What the vendor accepted."""
    deliveries: tuple[Delivery, ...] = ()
    """How far each message at the vendor has come."""
    error: Problem | None = None
    """What it ended with, where it did not end well."""
    created_at: AwareDatetime
    due_at: AwareDatetime
    """When it may leave."""
    expires_at: AwareDatetime | None = None


async def message_out(service: Service, row: MessageRow, steps: Sequence[StepRow]) -> MessageOut:
    """Show a message by what is known of it now."""
    status = await service.gateway.status(row.id)
    receipt = outbox.receipt_of(row, steps)
    return _message_out(row, steps, status, receipt if receipt.sent or row.state is MessageState.ACCEPTED else None)


def _message_out(
    row: MessageRow, steps: Sequence[StepRow], status: MessageStatus, receipt: Receipt | None
) -> MessageOut:
    return MessageOut(
        id=row.id,
        connection=row.connection,
        chat_id=row.lane,
        chat=outbox.chat_at_vendor(row, steps) if steps else None,
        kind=row.kind,
        outcome=row.state,
        state=status.state,
        needs_resolution=row.parked and row.state is MessageState.UNKNOWN,
        steps=row.steps,
        waits_for=status.waits_for,
        reference=status.reference,
        adaptations=receipt.adaptations if receipt else adaptations_of(row),
        receipt=receipt,
        deliveries=status.deliveries,
        error=_error(row, steps),
        created_at=row.created_at,
        due_at=row.due_at,
        expires_at=row.expires_at,
    )


def adaptations_of(row: MessageRow) -> tuple[Adaptation, ...]:
    """Read what fitting changed."""
    return tuple(Adaptation.model_validate(item) for item in from_json(row.adaptations))


def _error(row: MessageRow, steps: Sequence[StepRow]) -> Problem | None:
    ended = not row.state.open or row.parked
    if row.state is MessageState.ACCEPTED or not (ended or row.state is MessageState.UNKNOWN):
        return None
    fault = fault_of(outbox.error_of(row, steps))
    return fault.problem(path=f"/v1/messages/{row.id}", request_id=current_request.get())
