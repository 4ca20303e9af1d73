"""Every setting of the service, with its default and what it does; `docs/reference/configuration.md` is made of this.

A section is a table of the file, and the middle word of a variable: `[server] port` is `GATEWAY__SERVER__PORT`. Sizes
are bytes, times are seconds where nothing else is said.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator

from gateway.actions import Policy

__all__ = [
    "SECTIONS",
    "FilesSection",
    "ForwardSection",
    "GatewaySection",
    "LimitsSection",
    "RetentionSection",
    "Section",
    "SecuritySection",
    "ServerSection",
]


class Section(BaseModel):
    """One table of settings: frozen, closed, and silent about values, which may be secrets."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True, validate_default=True
    )


def _http(url: str) -> str:
    if not url.startswith(("https://", "http://")):
        raise ValueError("has to begin with https:// or http://")
    return url.rstrip("/")


class GatewaySection(Section):
    """The gateway itself; the library reads the same table."""

    store: SecretStr = SecretStr("sqlite:///gateway.db")
    """Where everything is kept: `sqlite:///PATH` or `postgresql://…`."""
    policy: Policy = Policy.STRICT
    """What happens to what a vendor cannot carry, for connections that say nothing else."""
    public_url: Annotated[str, AfterValidator(_http)] | None = None
    """Where this service can be reached from outside; webhooks and files have URLs below it."""
    catch_up: bool = False
    """Fetch what the vendors could not deliver, for connections that say nothing else."""
    stale_after: float = Field(default=3600, ge=0, lt=10**9)
    """Seconds after which an event is marked as old news; 0 marks nothing."""
    dispatch_stale: bool = True
    """Hand over what is old news, to handlers and endpoints; false only keeps it."""
    pace: dict[str, str] = {}
    """What goes out at most, by what is counted: `connection = "10/s"`; line, chat and recipient are there too."""
    consent: str = "enforce"
    """What happens to a send to a contact who opted out: `enforce`, `warn` or `off`."""
    require_opt_in: bool | None = None
    """Refuse a send to a contact who has neither opted in nor written."""
    queue: int = Field(default=10_000, ge=1)
    """Messages that may wait on one connection."""
    answers_per_minute: int = Field(default=20, ge=1)
    """Answers that one chat gets in a minute, so that two bots come to rest."""


class ServerSection(Section):
    """The process that serves HTTP."""

    profile: Literal["development", "production"] = "development"
    """`production` refuses to start with what is insecure, and says what that is."""
    host: str = "127.0.0.1"
    """Address to listen on; `0.0.0.0` or `::` is every one."""
    port: int = Field(default=8080, ge=0, le=65535)
    """Port to listen on; 0 picks a free one."""
    proxies: tuple[str, ...] = ()
    """Addresses of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed; `*` believes everybody."""
    admin_key: SecretStr | None = Field(default=None, min_length=32)
    """A key that may do everything in the default tenant, 32 characters at least; two with a comma between while one
    takes the place of the other. Without one a key is made and shown once, at the first start."""
    drain: float = Field(default=25, ge=0, le=600)
    """Seconds that requests under way get at SIGTERM, before they are cut."""
    gc: Literal["tuned", "default"] = "tuned"
    """`tuned` lets the garbage collector look less often, and not at what was there at the start."""
    log: Literal["json", "text"] = "json"
    """How the log's lines look."""
    log_level: Literal["debug", "info", "warning", "error", "critical"] = "info"
    """What is logged."""
    metrics: Literal["open", "key", "off"] = "open"
    """Who gets `/metrics`: everybody, the operator (an `admin` key of the default tenant), or nobody."""
    introspection: bool | None = None
    """Tell the GraphQL schema to clients; by default only in development."""


class LimitsSection(Section):
    """How much one request, one key and one address may take."""

    json_bytes: int = Field(default=256 * 1024, ge=1024)
    """Longest body of a call of the API."""
    json_depth: int = Field(default=64, ge=4, le=100)
    """Deepest nesting of JSON."""
    json_keys: int = Field(default=1000, ge=10)
    """Most keys of one JSON object."""
    json_text: int = Field(default=100 * 1024, ge=1024)
    """Longest string in JSON, in characters."""
    upload_bytes: int = Field(default=100 * 1024 * 1024, ge=1024)
    """Longest file."""
    header_bytes: int = Field(default=16 * 1024, ge=1024, le=64 * 1024)
    """Longest head of a request."""
    receive: float = Field(default=10, gt=0, le=600)
    """Seconds in which head and body of a request have to arrive, each."""
    upload: float = Field(default=60, gt=0, le=3600)
    """Seconds in which a file has to arrive."""
    per_address: int = Field(default=200, ge=0)
    """Connections that one address may have open at once; 0 counts none. Behind a proxy, all are the proxy's."""
    rate: float = Field(default=60, gt=0)
    """Calls a second that one key may make."""
    burst: int = Field(default=120, ge=1)
    """Calls that one key may make at once, after a pause."""
    streams: int = Field(default=50, ge=1)
    """Event streams that one tenant may have open."""


class SecuritySection(Section):
    """What keeps secrets secret, and the inside of the network closed."""

    master_key: SecretStr | None = None
    """Seals vendors' credentials: `ID:BASE64` of 32 bytes; several with commas between, the first one seals."""
    reseal: bool | None = None
    """Seal everything anew by the first master key at the start, so that the others may go afterwards; by default where
    one process is all there is. Several processes need to have the new key, all of them, before one does it."""
    loopback: bool | None = None
    """Forward events to this machine itself too, by `http://` as well; by default only in development."""
    private_networks: tuple[str, ...] = ()
    """Networks in the inside that endpoints and files may be in, such as `10.1.2.0/24`."""
    unverified: bool = False
    """Let a connection take webhooks that prove nothing, where its vendor would sign them."""
    idempotency_hours: int = Field(default=72, ge=24, le=24 * 90)
    """How long the answer to an `Idempotency-Key` is kept."""

    @field_validator("private_networks")
    @classmethod
    def _are_networks(cls, networks: tuple[str, ...]) -> tuple[str, ...]:
        for network in networks:
            if network != "*":
                ip_network(network)
        return networks


class RetentionSection(Section):
    """How long things are kept; a tenant may have its own times. 0 keeps for ever."""

    raw_days: int = Field(default=7, ge=0)
    """Raw webhooks and what vendors answered."""
    bodies_days: int = Field(default=30, ge=0)
    """Texts, files and the bodies of deliveries."""
    metadata_days: int = Field(default=180, ge=0)
    """Everything else about a message."""


class FilesSection(Section):
    """Where uploaded files and pinned media are kept."""

    place: SecretStr = SecretStr("store:")
    """`store:` (beside everything else), `file:///FOLDER`, or `s3://BUCKET/PREFIX`."""
    link_seconds: int = Field(default=24 * 3600, ge=60, le=7 * 24 * 3600)
    """How long a signed URL of a file works."""


class ForwardSection(Section):
    """Deliveries to endpoints."""

    schedule: tuple[float, ...] = (0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
    """Seconds before each attempt, the first one included."""
    total: float = Field(default=15, gt=0, le=60)
    """Seconds that one attempt may take."""
    connect: float = Field(default=5, gt=0, le=60)
    """Seconds of it in which the receiver has to answer the phone."""
    sinks: dict[str, SecretStr] = {}
    """Streams that get every event, by names of yours: `x = "nats://host:4222?stream=NAME"`; a name keeps its place."""


SECTIONS: dict[str, type[Section]] = {
    "gateway": GatewaySection,
    "server": ServerSection,
    "limits": LimitsSection,
    "security": SecuritySection,
    "retention": RetentionSection,
    "files": FilesSection,
    "forward": ForwardSection,
}
"""Every section by its name; `[connections.NAME]` and `[platforms]` are tables of the user's own words beside them."""
