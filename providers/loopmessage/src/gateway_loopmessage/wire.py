"""The vendor's JSON, in the vendor's words.

Sources: docs.loopmessage.com (2026) and its older editions, whose spellings are read as well. Answers and webhooks
are read leniently: whatever the vendor has left out once may be missing, and what it adds is kept. `model_dump` with
`exclude_unset=True` gives back what was read.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
)

__all__ = [
    "Answer",
    "Contact",
    "ContactStatus",
    "Group",
    "HistoryItem",
    "Hook",
    "HookRecord",
    "Language",
    "OptInUrl",
    "Paged",
    "SendRequest",
    "SendResponse",
    "Sender",
    "ShowTypingRequest",
    "Speech",
    "StatusResponse",
    "Wire",
]

ItemT = TypeVar("ItemT", bound=BaseModel)


class Wire(BaseModel):
    """Base of all of the vendor's objects: frozen, open to new fields, and silent about what it holds."""

    # a number where the vendor's page has a string is read as one: an id of digits is still an id
    model_config = ConfigDict(
        frozen=True,
        extra="allow",
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        coerce_numbers_to_str=True,
    )

    def __repr__(self) -> str:
        """Name the fields that are there, not what they hold: that is numbers and text of people."""
        return f"{type(self).__name__}({', '.join(sorted(self.model_fields_set))})"

    __str__ = __repr__

    def body(self) -> dict[str, JsonValue]:
        """Give the JSON object to send: what was set and is not None."""
        dumped: dict[str, JsonValue] = self.model_dump(mode="json", exclude_none=True)
        return dumped

    def raw(self) -> dict[str, JsonValue]:
        """Give back the JSON object that was read."""
        dumped: dict[str, JsonValue] = self.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return dumped


# ── what is sent ──────────────────────────────────────────────────────────────────────────────────────────────────


class SendRequest(Wire):
    """POST `/message/send/`: the fields decide which of four shapes it is.

    `reaction` makes a reaction; else `media_url` a voice note; else `group` a text to a group; else `contact` a text.
    """

    contact: str | None = None
    """Phone, email, or (texts only) the vendor's contact id."""
    group: str | None = None
    """Group id, known from webhooks only."""
    text: str | None = None
    """Fewer than 10,000 characters; the vendor cuts what is over."""
    subject: str | None = None
    sender: str | None = None
    """Id of a sender name."""
    attachments: list[str] | None = None
    """Public https URLs of at most 256 characters."""
    effect: str | None = None
    reply_to_id: str | None = None
    passthrough: str | None = None
    """At most 1000 characters; returned on every webhook about this message."""
    channel: str | None = None
    contact_file: bool | None = None
    """Attach the sender's vCard."""
    media_url: str | None = None
    """Public https URL of a voice note: mp3, wav, m4a, caf or aac."""
    message_id: str | None = None
    """With `reaction`: the message it goes to."""
    reaction: str | None = None
    """A word, with `-` in front to take it back."""


class ShowTypingRequest(Wire):
    """POST `/message/show-typing/`: `message_id`, or `contact` and `sender`."""

    message_id: str | None = None
    contact: str | None = None
    sender: str | None = None
    typing: int | None = None
    """Seconds, at most 60."""
    read: bool | None = None
    """Mark as read; true by default where the dots are shown."""


# ── what is answered ──────────────────────────────────────────────────────────────────────────────────────────────


class Answer(Wire):
    """Any answer of the API: success or failure, in every spelling that was seen."""

    success: bool | None = None
    """False is a failure, at any HTTP status; newer editions leave it out of a success."""
    code: int | str | None = None
    error_code: int | str | None = None
    """What the status look-up calls `code`."""
    message: str | None = None
    """Words for a developer; not for end users."""

    @field_validator("code", "error_code", "message", mode="wrap")
    @classmethod
    def _or_none(cls, value: Any, read: ValidatorFunctionWrapHandler) -> Any:
        """Take one odd field for missing: it must not hide a refusal that the others tell."""
        return _read_or_none(value, read)

    @property
    def failure_code(self) -> str | None:
        """The vendor's code as text."""
        code = self.code if self.code is not None else self.error_code
        return None if code is None else str(code).strip() or None


class Group(Wire):
    """A group; its id is `id` in webhooks, and `group_id` or `id` in answers to a send."""

    id: str | None = None
    group_id: str | None = None
    name: str | None = None
    participants: list[str] = Field(default_factory=list)

    @field_validator("participants", mode="before")
    @classmethod
    def _known_participants(cls, value: Any) -> Any:
        """Keep who is named: without its members a group is still the group."""
        return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []

    @property
    def ref(self) -> str | None:
        """The id under either name."""
        return self.id or self.group_id or None


class SendResponse(Answer):
    """The answer to a send: queued, not delivered."""

    message_id: str | None = None
    contact: str | None = None
    recipient: str | None = None
    """What the answers to voice notes and reactions call `contact`."""
    group: Group | None = None
    text: str | None = None

    @property
    def address(self) -> str | None:
        """The contact as the vendor normalised it, under either name."""
        return self.contact or self.recipient or None


class StatusResponse(Answer):
    """How far a message is; `error_code` only where it failed."""

    message_id: str | None = None
    status: str | None = None
    """`processing`, `delivered`, `failed` or `unknown`; older: `scheduled`, `sent`, `timeout`."""
    contact: str | None = None
    text: str | None = None
    last_update: str | None = None


class OptInUrl(Answer):
    """Links by which a person opts in."""

    id: str | None = None
    url: str | None = None
    imessage: str | None = None
    sms: str | None = None
    whatsapp: str | None = None


class ContactStatus(Answer):
    """Whether a contact may be written to."""

    status: str | None = None
    """`active`, `unsubscribed` or `unknown`."""


class Paged(Answer, Generic[ItemT]):
    """One page of a list."""

    page: int = 1
    num_pages: int = 1
    per_page: int | None = None
    count: int | None = None
    items: list[ItemT]


class Contact(Wire):
    """One contact of the organization."""

    id: str | None = None
    value: str | None = None
    """Phone or email."""


class HistoryItem(Wire):
    """One message of the history with a contact."""

    id: str | None = None
    create_date: str | None = None
    channel: str | None = None
    direction: str | None = None
    """`inbound` or `outbound`."""
    language: Any = None
    """An upper-case code here, an object in webhooks."""
    type: str | None = None
    text: str | None = None


class Sender(Wire):
    """A sender name."""

    id: str | None = None
    name: str | None = None
    status: str | None = None
    """`active`, `pending`, `canceled` or `suspended`."""
    create_date: str | None = None
    imessage_link: str | None = None


class HookRecord(Wire):
    """One delivery of a webhook, as the vendor kept it."""

    attempt: int | None = None
    create_date: str | None = None
    event_type: str | None = None
    payload: dict[str, JsonValue] = Field(alias="json")
    """The payload as it was sent."""


# ── webhooks ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Language(Wire):
    """A guess, unreliable under 100 characters."""

    code: str | None = None
    """ISO 639-1."""
    name: str | None = None
    script: str | None = None
    """`Hans` or `Hant`."""


class Speech(Wire):
    """What was said in a voice note, where the vendor could transcribe it."""

    text: str | None = None
    language: Language | None = None
    metadata: dict[str, JsonValue] | None = None


class Hook(Wire):
    """The body of a webhook, of any event."""

    event: str | None = None
    webhook_id: str | None = None
    """The same on every attempt."""
    api_version: str | None = None
    type: str | None = None
    """`opt_in` marks an opt-in whose event is `message_inbound`."""
    message_id: str | None = None
    contact: str | None = None
    """The member who wrote, in a group."""
    recipient: str | None = None
    """The older word for `contact`."""
    group: Group | None = None
    sender: str | None = None
    """Id of the sender name."""
    sender_name: str | None = None
    """The older word for `sender`."""
    text: str | None = None
    subject: str | None = None
    attachments: list[JsonValue] | None = None
    """Download URLs."""
    message_type: str | None = None
    """`text`, `reaction`, `audio`, `attachments`, `sticker` or `location`."""
    channel: str | None = None
    reaction: str | None = None
    reply_to_id: str | None = None
    """Not documented; one integrator saw it on reactions."""
    thread_id: str | None = None
    language: Language | None = None
    speech: Speech | None = None
    error_code: int | str | None = None
    """A number; one integrator saw it as text."""
    success: bool | None = None
    """Only with the older `message_sent`."""
    passthrough: str | None = None
    organization_id: str | None = None
    parameters: dict[str, JsonValue] | None = None
    """What was given with the opt-in link."""
    phone_number: str | None = None
    """Of the sender, in `sender_name_updated`."""
    status: str | None = None
    """Of the sender, in `sender_name_updated`."""

    @field_validator(
        *("api_version", "channel", "language", "speech", "thread_id"),
        *("error_code", "organization_id", "phone_number", "status", "subject"),
        mode="wrap",
    )
    @classmethod
    def _or_none(cls, value: Any, read: ValidatorFunctionWrapHandler) -> Any:
        """Take what stands beside a fact for missing where it is odd: the fact is not lost for it, and it is in raw."""
        return _read_or_none(value, read)

    @field_validator("attachments", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        return value if value is None or isinstance(value, list) else [value]

    @property
    def who(self) -> str | None:
        """The contact under either name."""
        return self.contact or self.recipient or None

    @property
    def line(self) -> str | None:
        """The sender under either name."""
        return self.sender or self.sender_name or None

    @property
    def code(self) -> str | None:
        """The error code as text."""
        return None if self.error_code is None else str(self.error_code)


def _read_or_none(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    try:
        return read(value)
    except ValidationError:
        return None
