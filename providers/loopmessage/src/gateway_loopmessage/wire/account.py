"""The account: sender names and their plans, pools of them, organizations."""

from __future__ import annotations

from pydantic import Field, JsonValue, SecretStr

from gateway_loopmessage.wire.values import Answer, Wire

__all__ = [
    "CardName",
    "Ordered",
    "OrderedSender",
    "Organization",
    "OrganizationRequest",
    "Plan",
    "Plans",
    "Pool",
    "Port",
    "Sender",
    "SenderOrder",
]


class Sender(Answer):
    """A sender name."""

    id: str | None = None
    name: str | None = None
    status: str | None = None
    """`active`, `pending`, `canceled` or `suspended`."""
    create_date: str | None = None
    imessage_link: str | None = None


class Plan(Wire):
    """What a sender name costs, and how many contacts it may write to."""

    id: str | None = None
    name: str | None = None
    daily_contacts: int | None = None
    monthly_contacts: int | None = None
    monthly_fee: float | None = None
    currency: str | None = None


class Plans(Answer):
    """All plans; the one list that comes without pages."""

    count: int | None = None
    items: list[Plan]


class CardName(Wire):
    """Whom the contact card of a sender names."""

    first_name: str
    last_name: str | None = None
    photo_url: str | None = None


class Port(Wire):
    """A number of yours that shall become a sender: what its present carrier wants to know."""

    phone_number: str = Field(repr=False)
    account_number: str = Field(repr=False)
    pin: str = Field(repr=False)
    carrier: str


class SenderOrder(Wire):
    """One sender to order: a phone (`phone_region`), or an email (`name` and `domain`)."""

    plan_id: str
    name: str | None = None
    """Of an email sender: what stands before the `@`."""
    domain: str | None = None
    """Of an email sender."""
    phone_region: str | None = None
    """`US` or `GB`; the older edition of the page calls it a boolean, the newer a string."""
    zip_code: str | None = None
    """Five digits, in the US."""
    sms_and_call: bool | None = None
    forwarding_to_phone_number: str | None = Field(default=None, repr=False)
    """Where calls go; only with `sms_and_call`."""
    rcs: bool | None = None
    whatsapp: bool | None = None
    init_conversations: bool | None = None
    """The sender may write to contacts who never wrote."""
    contact: CardName | None = None
    port: Port | None = None


class OrderedSender(Wire):
    """What was ordered, with its id; it is active when `sender_name_updated` says so."""

    id: str | None = None
    name: str | None = None


class Ordered(Answer):
    """The answer to an order: `items`, or for one email sender `id` and `name` alone."""

    count: int | None = None
    items: list[OrderedSender] = Field(default_factory=list)
    id: str | None = None
    name: str | None = None

    @property
    def senders(self) -> tuple[OrderedSender, ...]:
        """What was ordered, in either form of the answer."""
        alone = (OrderedSender(id=self.id, name=self.name),) if self.id and not self.items else ()
        return (*self.items, *alone)


class Pool(Answer):
    """Some senders over which new contacts are spread."""

    id: str | None = None
    name: str | None = None
    status: str | None = None
    count: int | None = None
    """How many senders are in it."""
    create_date: str | None = None


class OrganizationRequest(Wire):
    """What an organization is made of; a change sends only what was set."""

    name: str | None = None
    website: str | None = None
    support_url: str | None = None
    country: str | None = None
    """ISO 3166, two letters."""
    webhook_url: str | None = None
    """Where its webhooks go; without one a new organization gets no API key."""
    webhook_header: SecretStr | None = None
    """What its webhooks carry in `Authorization`."""

    def body(self) -> dict[str, JsonValue]:
        """Give the JSON object to send, the header's value in the open: only the call itself holds it."""
        body = super().body()
        if self.webhook_header is not None:
            body["webhook_header"] = self.webhook_header.get_secret_value()
        return body


class Organization(Answer):
    """One organization of the account."""

    id: str | None = None
    name: str | None = None
    status: str | None = None
    """`active`."""
    api_key: SecretStr | None = None
    """Its own key, where the vendor tells it."""
    create_date: str | None = None
