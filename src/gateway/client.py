"""The async library: one object that sends through any connection and hands over what arrives.

gateway = Gateway()
gateway.connect("PROVIDER", name="main", api_key="…")
receipt = await gateway.send("+1 323 111 2233", "hello")
"""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from gateway import outbox
from gateway.actions import (
    ConnectionInfo,
    GetStatus,
    Policy,
    Receipt,
    SendMessage,
    SendPoll,
    ShareContact,
)
from gateway.asking import Content, Recipient, aware, chat_of, in_time, messages_of, reaction_of, ref_of, said
from gateway.catchup import PAGES, SECONDS, CaughtUp
from gateway.clock import SYSTEM, Clock
from gateway.config import load_config
from gateway.connections import Connection
from gateway.delivery import MessageStatus, merge
from gateway.drift import Drift, drift
from gateway.engine import Engine, When, request_of
from gateway.errors import Cancelled, Conflict, InvalidMessage, NoRoute
from gateway.events import Event, MessageReceived, ReactionAdded, ReactionRemoved
from gateway.exchange import Reply
from gateway.files import LIFETIME, File, Files, Given
from gateway.fitting import Plan, fit, fit_contact, fit_poll, fit_reaction, fit_read, fit_typing, unthreaded
from gateway.ids import EventId, MessageId, Token, chat_id
from gateway.inbox import Stale
from gateway.ingress import ASGIApp, Ingress
from gateway.interface import Subject, Ticket, Urgency, Verdict
from gateway.model import Chat, Media, Message, MessageRef, Reaction
from gateway.pacing import Priority, Terms
from gateway.plugins import Plugins, load
from gateway.proof import look_again
from gateway.provider import WebhookRequest
from gateway.questions import Questions, located
from gateway.quotes import texts_at
from gateway.remote import RemoteGateway
from gateway.reparse import Reparsed, reparse
from gateway.retry import RetryPolicy
from gateway.routing import route
from gateway.standing import begin
from gateway.store import FactRow, MessageRow, MessageState, StepRow, StepState, Store
from gateway.story import Story, tell
from gateway.vault import Vault

__all__ = ["Gateway", "Ticket", "Urgency", "Verdict"]

T = TypeVar("T")
EventT = TypeVar("EventT", bound=Event)

DOTS = timedelta(seconds=10)
"""How long dots may wait to be shown: what they announce waits behind them in the chat, and then says it all."""
MARKS = timedelta(minutes=1)
"""How long a read mark may wait, and the end of dots: later it tells nobody anything, and the chat waits behind it."""


class Gateway(Questions):
    """Sends through any connection, and hands over what arrives.

    `store` is a URL (`memory:`) or a store; `policy` says what happens to what a vendor cannot carry; `public_url` is
    where `asgi()` can be reached from outside, so that attachments may be given as bytes or files. Use it as an async
    context manager, or call `aclose`; it starts by itself with the first call.

    On what terms it sends, for every connection that says nothing else: `pace` limits what goes out, by what is counted
    (`{"connection": "10/s", "recipient": "1/s"}`; line and chat are there too), beside the vendor's own rules.
    `consent` says what happens to a send to a contact who opted out: `enforce` refuses it, `warn` logs it, `off` looks
    away; `require_opt_in` refuses one to a contact who has neither opted in nor written. `queue` is how many messages
    may wait on a connection, `answers_per_minute` how many answers one chat gets, so that two bots come to rest.

    `files` says where the bytes of attachments and uploads are kept (`store:`, `file:///FOLDER` or
    `s3://BUCKET/PREFIX`), and `links` how long the URLs work, at least, under which vendors fetch them.

    One that does not work (`works=False`) keeps, receives, looks and decides; it leaves sending and handing over to
    other processes on the same store, or to a later one.
    """

    def __init__(
        self,
        store: str | Store = "memory:",
        policy: Policy | str = Policy.STRICT,
        clock: Clock = SYSTEM,
        *,
        public_url: str | None = None,
        retry: RetryPolicy | None = None,
        plugins: Plugins | None = None,
        chance: Callable[[], float] = random.random,
        stale: Stale | timedelta | None = Stale(),  # noqa: B008 - frozen
        catch_up: bool = False,
        pace: Mapping[str, str] | None = None,
        consent: str = "enforce",
        require_opt_in: bool | None = None,
        queue: int = 10_000,
        answers_per_minute: int = 20,
        works: bool = True,
        files: str | Vault = "store:",
        links: timedelta = LIFETIME,
    ) -> None:
        self.policy: Policy = Policy(policy)
        self.catches_up: bool = catch_up
        stale = stale if isinstance(stale, Stale) else Stale(after=stale)
        terms = Terms.read(
            pace=pace,
            consent=consent,
            require_opt_in=require_opt_in,
            queue=queue,
            answers_per_minute=answers_per_minute,
        )
        self._engine = Engine(
            store, plugins or load(), clock, retry=retry, chance=chance, stale=stale, terms=terms, works=works
        )
        self.files: Files = Files(self._engine.store, clock, place=files, public_url=public_url, lifetime=links)

    @staticmethod
    def remote(url: str, key: str, *, cursor: str | Path | None = None, timeout: float = 30.0) -> RemoteGateway:
        """Give the gateway that runs as a service at a URL: the same calls, over its API, with one of its keys.

        Handlers get what happens from now on; a `cursor` (of an earlier `RemoteGateway.cursor`, or a file that keeps
        it) goes on where it was left. `timeout` is how many seconds an answer may take beside what a call waits for.
        """
        return RemoteGateway(url, key, cursor=cursor, timeout=timeout)

    @classmethod
    def from_config(cls, path: str | Path, *, works: bool = True) -> Self:
        """Make a gateway with the connections of a TOML file; raises `ConfigurationError`."""
        config = load_config(path)
        gateway = cls(
            config.store,
            config.policy,
            public_url=config.public_url,
            stale=config.stale,
            catch_up=config.catch_up,
            works=works,
            **config.terms,
        )
        for item in config.connections:
            own = {"policy": item.policy, "labels": item.labels, "catch_up": item.catch_up, **item.terms}
            gateway.connect(item.provider, item.name, **own, **item.settings)
        return gateway

    def connect(
        self,
        provider: str,
        name: str | None = None,
        *,
        policy: Policy | str | None = None,
        labels: Mapping[str, str] | None = None,
        catch_up: bool | None = None,
        pace: Mapping[str, str] | None = None,
        consent: str | None = None,
        require_opt_in: bool | None = None,
        queue: int | None = None,
        answers_per_minute: int | None = None,
        **settings: Any,
    ) -> Connection:
        """Add a connection; the settings are the provider's. Raises `ConfigurationError`.

        `catch_up` fetches what the vendor could not deliver, at the start and every while. What is None is the
        gateway's own; so is an entry that `pace` does not have.
        """
        own = Policy(policy) if policy is not None else None
        catching = self.catches_up if catch_up is None else catch_up
        terms = Terms.read(
            self._engine.terms,
            pace=pace,
            consent=consent,
            require_opt_in=require_opt_in,
            queue=queue,
            answers_per_minute=answers_per_minute,
        )
        made = self._engine.connections.make(
            provider, name or provider, settings, policy=own, labels=labels, catch_up=catching, terms=terms
        )
        return self._engine.connections.add(made)

    @property
    def public_url(self) -> str | None:
        """Where `asgi()` can be reached from outside."""
        return self.files.public_url

    @public_url.setter
    def public_url(self, url: str | None) -> None:
        self.files.public_url = url

    @property
    def connections(self) -> tuple[Connection, ...]:
        """All connections, in the order they were added."""
        return tuple(self._engine.connections)

    @property
    def store(self) -> Store:
        """What is kept, for looking at it."""
        return self._engine.store

    async def __aenter__(self) -> Self:
        """Start."""
        await self._engine.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        await self.aclose()

    async def aclose(self) -> None:
        """Finish what is under way, then let go of everything. A closed gateway stays closed."""
        await self._engine.close()

    # ── sending ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def send(
        self,
        to: Recipient,
        message: Content,
        *,
        via: str | None = None,
        key: str | None = None,
        policy: Policy | str | None = None,
        wait: float = 30.0,
        at: datetime | None = None,
        expires: datetime | None = None,
        priority: Urgency | None = None,
    ) -> Receipt:
        """Send, and wait up to `wait` seconds until the vendor accepted it.

        `via` names the connection; an event as `to` names it itself. `key` makes a repetition of this call give the
        first result. `priority` says who goes first among chats; an event as `to` makes it a reply. Cancelling cancels
        the waiting only. Raises `InvalidMessage`, `Unsupported`, `NoRoute`, `Conflict`, `Overloaded`, a `SendError`, or
        `NotSettled`.
        """
        row, _ = await self._keep(to, message, via, key, policy, When(at, expires), priority)
        return await self._engine.outcome(row.id, wait)

    async def enqueue(
        self,
        to: Recipient,
        message: Content,
        *,
        via: str | None = None,
        key: str | None = None,
        policy: Policy | str | None = None,
        at: datetime | None = None,
        expires: datetime | None = None,
        priority: Urgency | None = None,
    ) -> Ticket:
        """Keep a message to be sent, at a time where one is given; what becomes of it comes as events.

        Raises what `send` raises before anything is sent.
        """
        row, plan = await self._keep(to, message, via, key, policy, When(at, expires), priority)
        return Ticket(message_id=row.id, connection=row.connection, adaptations=plan.adaptations)

    async def _keep(
        self,
        to: Recipient,
        message: Content,
        via: str | None,
        key: str | None,
        policy: Policy | str | None,
        when: When,
        priority: Urgency | None,
    ) -> tuple[MessageRow, Plan]:
        in_time(when.at, when.expires)
        rank = said(lambda: Priority.of(priority, answer=isinstance(to, Event)))
        connection, chat, messages = self._asked(to, message, via)
        chosen = self._policy(connection, policy)
        plan = await self._fit(connection, chat, messages, chosen, when.at)
        request = request_of(chat, chosen, messages=messages, at=when.at.isoformat() if when.at else None)
        named = via is not None or isinstance(to, Event)
        kept = await self._engine.promise(
            connection, plan, request, key=key, named=named, when=when._replace(priority=rank)
        )
        return kept, plan

    async def plan(
        self, to: Recipient, message: Content, *, via: str | None = None, policy: Policy | str | None = None
    ) -> Plan:
        """Say what would be sent, with which adaptations, and send nothing; raises `Unsupported` like `send`."""
        connection, chat, messages = self._asked(to, message, via)
        return await self._fit(connection, chat, messages, self._policy(connection, policy))

    def _asked(self, to: Recipient, message: Content, via: str | None) -> tuple[Connection, Chat, tuple[Message, ...]]:
        chat, where = chat_of(to)
        messages = messages_of(message)
        return self._route_to(chat, via or where, messages), chat, messages

    def _route_to(self, chat: Chat, via: str | None, messages: tuple[Message, ...] = ()) -> Connection:
        def action() -> SendMessage:
            return SendMessage.model_construct(chat=chat, messages=messages, key="", token=Token(""))

        return route(action, via, self._engine.connections, self._engine.plugins)

    def _policy(self, connection: Connection, policy: Policy | str | None) -> Policy:
        return Policy(policy) if policy is not None else connection.policy or self.policy

    async def _fit(
        self,
        connection: Connection,
        chat: Chat,
        messages: Sequence[Message],
        policy: Policy,
        at: datetime | None = None,
    ) -> Plan:
        table = connection.table
        if any(isinstance(part, Media) and part.url is None for item in messages for part in item.parts):
            await self._engine.start()
            uploads = table.find(chat.kind).limits.upload
            messages = await self.files.hosted(connection.name, messages, at=at, upload=uploads)
        messages = [await self._resolved(item) for item in messages]
        answered = unthreaded(chat, messages, table) if policy is Policy.GRACEFUL else ()
        quotes = await texts_at(self._engine.store, connection.name, answered)
        with located(connection):
            plan = fit(chat, messages, table, policy, quotes)
        return plan.aimed(await self._last_inbound(connection, chat)) if plan.has_dots else plan

    async def _resolved(self, message: Message) -> Message:
        """Replace our own id in a reply by the vendor's."""
        if message.reply_to is None or message.reply_to.message is None:
            return message
        return message.model_copy(update={"reply_to": await self._vendor_ref(message.reply_to)})

    async def _vendor_ref(self, ref: MessageRef) -> MessageRef:
        """Name one of our messages by the vendor's id, and the part within it."""
        if ref.message is None:
            return ref
        _, steps = await self._engine.look_up(ref.message)
        place = outbox.place_of(steps, ref.part)
        if place is None:
            raise InvalidMessage("the vendor does not have this message yet", hint="wait for its receipt")
        return ref_of(*place)

    # ── files ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def upload(
        self,
        source: bytes | Path,
        *,
        name: str | None = None,
        media_type: str | None = None,
        expires: datetime | None = None,
    ) -> File:
        """Keep a file, so that it can be sent by its id: `Attachment(file_id=file.id)`.

        What it is, is judged by its bytes too. It is kept until it `expires`, where a time is given. Raises
        `InvalidMessage` for one that is empty, larger than 100 MB, or that cannot be read.
        """
        aware(expires=expires)
        await self._engine.start()
        return await self.files.keep(source, Given(name=name, media_type=media_type, expires_at=expires))

    # ── reactions, typing, read marks ─────────────────────────────────────────────────────────────────────────────

    async def react(
        self,
        message: Subject,
        reaction: str | Reaction,
        *,
        part: int = 0,
        chat: Recipient | None = None,
        via: str | None = None,
        policy: Policy | str | None = None,
        wait: float = 30.0,
    ) -> Receipt:
        """Add a tapback or an emoji to a message; a bare vendor reference needs its `chat`."""
        return await self._react(message, reaction, part, chat, via, policy, wait, remove=False)

    async def unreact(
        self,
        message: Subject,
        reaction: str | Reaction,
        *,
        part: int = 0,
        chat: Recipient | None = None,
        via: str | None = None,
        policy: Policy | str | None = None,
        wait: float = 30.0,
    ) -> Receipt:
        """Take a reaction back."""
        return await self._react(message, reaction, part, chat, via, policy, wait, remove=True)

    async def _react(
        self,
        message: Subject,
        reaction: str | Reaction,
        part: int,
        chat: Recipient | None,
        via: str | None,
        policy: Policy | str | None,
        wait: float,
        *,
        remove: bool,
    ) -> Receipt:
        wanted = reaction_of(reaction)
        where, ref, named = await self._subject(message, part, chat)
        connection = self._route_to(where, via or named)
        chosen = self._policy(connection, policy)
        table = connection.table
        with located(connection):
            plan = fit_reaction(where, ref, wanted, remove=remove, table=table, policy=chosen)
        request = request_of(where, chosen, target=ref.model_dump(mode="json"), reaction=wanted.text, remove=remove)
        row = await self._engine.promise(connection, plan, request, when=_when(message))
        return await self._engine.outcome(row.id, wait)

    async def _subject(
        self, message: Subject, part: int, chat: Recipient | None
    ) -> tuple[Chat, MessageRef, str | None]:
        """Find chat, vendor reference and connection of a message that is already there."""
        if isinstance(message, Event):
            where, named = chat_of(message)
            return where, _ref_of_event(message, part), named
        if isinstance(message, Receipt):
            message = message.message_id
        ref = message if isinstance(message, MessageRef) else said(lambda: MessageRef(message=MessageId(message)))
        if part:
            ref = ref.model_copy(update={"part": part})
        if ref.message is not None:
            row, steps = await self._engine.look_up(ref.message)
            return outbox.chat_at_vendor(row, steps), await self._vendor_ref(ref), row.connection
        if chat is None:
            raise InvalidMessage("in which chat is this message?", hint='give it: chat="+1…"')
        where, named = chat_of(chat)
        return where, ref, named

    async def typing(
        self, chat: Recipient, seconds: float = 5.0, *, via: str | None = None, wait: float = 30.0
    ) -> None:
        """Show the typing dots for a while; 0 seconds takes them away. They go when a message is sent.

        Raises `Expired` where the vendor does not take them within ten seconds: then they are not shown any more.
        """
        where, named = chat_of(chat)
        connection = self._route_to(where, via or named)
        table = connection.table
        last = await self._last_inbound(connection, where)
        if not 0 <= seconds <= 600:
            raise InvalidMessage("typing takes 0 to 600 seconds", hint="0 takes the dots away")
        on = seconds > 0
        with located(connection):
            plan = fit_typing(
                where, on=on, seconds=seconds if on else None, target=last, table=table, policy=Policy.STRICT
            )
        asked = request_of(where, Policy.STRICT, typing=seconds)
        when = _when(chat)._replace(expires=self._engine.clock.now() + (DOTS if on else MARKS))
        row = await self._engine.promise(connection, plan, asked, when=when)
        await self._engine.outcome(row.id, wait)
        if on and table.find(where.kind).limits.typing_seconds is None:
            # this vendor shows the dots until it is told to stop
            with located(connection):
                off = fit_typing(where, on=False, seconds=None, target=last, table=table, policy=Policy.STRICT)
            at = self._engine.clock.now() + timedelta(seconds=seconds)
            later = when._replace(at=at, expires=at + MARKS)
            await self._engine.promise(connection, off, request_of(where, Policy.STRICT, typing=0), when=later)

    async def mark_read(self, chat: Recipient, *, via: str | None = None, wait: float = 30.0) -> None:
        """Mark a chat as read, and show that to the contact.

        Raises `Expired` where the vendor does not take it within a minute: then it is left out.
        """
        where, named = chat_of(chat)
        connection = self._route_to(where, via or named)
        last = await self._last_inbound(connection, where)
        with located(connection):
            plan = fit_read(where, target=last, table=connection.table, policy=Policy.STRICT)
        when = _when(chat)._replace(expires=self._engine.clock.now() + MARKS)
        row = await self._engine.promise(connection, plan, request_of(where, Policy.STRICT, read=True), when=when)
        await self._engine.outcome(row.id, wait)

    # ── polls, our contact card ───────────────────────────────────────────────────────────────────────────────────

    async def poll(
        self,
        chat: Recipient,
        options: Sequence[str],
        *,
        title: str | None = None,
        via: str | None = None,
        key: str | None = None,
        policy: Policy | str | None = None,
        wait: float = 30.0,
    ) -> Receipt:
        """Let a chat choose among options; votes come as `PollUpdated`, whose `poll_id` is the receipt's `vendor_id`.

        Kept, paced and settled like a message; under `graceful` it is one with numbered options where the vendor has
        no polls. Raises what `send` raises.
        """
        where, named = chat_of(chat)
        asked = said(lambda: SendPoll(chat=where, title=title, options=tuple(options), key="", token=Token("")))
        connection = self._route(asked, via or named)
        chosen = self._policy(connection, policy)
        with located(connection):
            plan = fit_poll(where, asked.title, asked.options, table=connection.table, policy=chosen)
        request = request_of(where, chosen, options=list(asked.options), title=asked.title)
        row = await self._engine.promise(
            connection, plan, request, key=key, named=(via or named) is not None, when=_when(chat)
        )
        return await self._engine.outcome(row.id, wait)

    async def share_contact(
        self, chat: Recipient, *, via: str | None = None, key: str | None = None, wait: float = 30.0
    ) -> Receipt:
        """Give a chat our name, picture or contact card, without a message; the receipt says where it goes later."""
        where, named = chat_of(chat)
        asked = ShareContact(chat=where, key="", token=Token(""))
        connection = self._route(asked, via or named)
        with located(connection):
            plan = fit_contact(where, table=connection.table)
        request = request_of(where, Policy.STRICT, share_contact=True)
        row = await self._engine.promise(
            connection, plan, request, key=key, named=(via or named) is not None, when=_when(chat)
        )
        return await self._engine.outcome(row.id, wait)

    async def _last_inbound(self, connection: Connection, chat: Chat) -> MessageRef | None:
        last = await self._engine.store.last_inbound(connection.name, chat_id(connection.name, chat.identity))
        return ref_of(last.vendor_id, 0) if last else None

    # ── what became of it ─────────────────────────────────────────────────────────────────────────────────────────

    async def status(self, message: Receipt | Ticket | str, *, refresh: bool = False) -> MessageStatus:
        """Say how far a send has come, by everything that was reported; `refresh` asks the vendor too.

        Of one whose outcome nobody knows the vendor is asked whether it has it by now. Raises what asking it raises.
        """
        id_ = message if isinstance(message, str) else message.message_id
        row, steps = await self._engine.look_up(id_)
        if refresh:
            connection = self._engine.connections.get(row.connection)
            with located(connection):
                clock = self._engine.clock
                send = connection.patient(clock, self._engine.chance)
                proven = await look_again(self._engine.store, row, steps, connection, send, clock.now())
            if proven:
                row, steps = await self._engine.look_up(id_)
            await self._refresh(row, steps)
        sent = outbox.receipt_of(row, steps).sent
        facts = await self._engine.store.facts(row.connection, [entry.vendor_id for entry in sent])
        deliveries = tuple(
            merge(entry.vendor_id, [fact for fact in facts if fact.vendor_id == entry.vendor_id], index=entry.index)
            for entry in sent
        )
        return outbox.status_of(row, steps, deliveries)

    async def _refresh(self, row: MessageRow, steps: Sequence[StepRow]) -> None:
        """Ask the vendor about each message, and keep what it says as facts."""
        connection = self._engine.connections.get(row.connection)
        now = self._engine.clock.now()
        facts = []
        for entry in outbox.receipt_of(row, steps).sent:
            question = GetStatus(vendor_id=entry.vendor_id, chat=outbox.chat_at_vendor(row, steps))
            report = await self.run(connection.name, connection.provider.get_status(question))
            facts.append(
                FactRow(
                    connection=row.connection,
                    vendor_id=entry.vendor_id,
                    state=report.state,
                    source=f"look-up:{now.isoformat()}",
                    received_at=now,
                    occurred_at=report.occurred_at,
                    channel=report.channel.value if report.channel else None,
                    code=report.code,
                    reason=report.reason,
                )
            )
        await self._engine.store.keep_facts(facts)

    async def next_slot(self, contact: Recipient, *, via: str | None = None) -> datetime:
        """Tell when the next message to a contact may go, by the limits of vendor and user and the rests of their chat.

        Now where nothing stands in its way. Takes nothing, so others may come first, and what waits in the chat already
        does. Raises `NotOptedIn` when the contact does not agree.
        """
        where, named = chat_of(contact)
        connection = self._route_to(where, via or named)
        return await self._engine.next_slot(connection, where, Priority.of(None, answer=isinstance(contact, Event)))

    async def cancel(self, message: Receipt | Ticket | str, *, wait: float = 5.0) -> None:
        """Take back what has not left; when this returns, it is certain that it will not.

        Of a sequence that has begun the rest is taken back. Raises `Conflict` when it has left, or may have, or when it
        is leaving and that does not end within `wait` seconds.
        """
        await self._engine.cancel(message if isinstance(message, str) else message.message_id, wait)

    async def resolve(self, message: str, verdict: Verdict, *, wait: float = 30.0) -> Receipt:
        """Settle a send whose outcome nobody knows: it was sent, send it again, or forget it.

        `mark_sent` and `resend` go on with the steps that are left; `drop` raises `Cancelled`, its outcome. What is
        sent again has no end any more, where it had one. Where the message's connection is not in use any more,
        `resend` raises `NoRoute`; `drop` and `mark_sent` need none, and what is left of a sequence is not sent: that
        raises `PartlySent`.
        """
        row, steps = await self._engine.look_up(message)
        step = next((step for step in steps if step.state is StepState.UNKNOWN), None)
        if row.state is not MessageState.UNKNOWN or step is None:
            raise Conflict(f"the outcome of {message} is known: {row.state.value}", hint="there is nothing to resolve")
        carrier, now = await self._engine.carrier(row), self._engine.clock.now()
        if verdict == "mark_sent":
            await self._begin(row, step, carrier, now)
            change = outbox.accepted(row, steps, step, Receipt(), None, carrier, now)
            if change.message.state is MessageState.QUEUED and isinstance(carrier, ConnectionInfo):
                # it would wait for good, and nobody would see that it does
                why = f"the connection {carrier.name} is not in use: what is left cannot go by it"
                change = outbox.left_over(change, steps[step.index + 1], carrier, now, why)
        elif verdict == "resend":
            self._goes_on(row, f'settle it without: gateway.resolve("{row.id}", "mark_sent" | "drop")')
            change = outbox.again(row, step, now)
        elif verdict == "drop":
            change = outbox.refused(
                row, step, Cancelled("dropped after its outcome stayed unknown"), None, carrier, now
            )
        else:
            raise InvalidMessage(f"{verdict!r} is no verdict", hint='use "resend", "mark_sent" or "drop"')
        if not await self._engine.store.amend(change, expect=MessageState.UNKNOWN):
            raise Conflict(f"the outcome of {message} became known meanwhile", hint="look at it again")
        return await self._engine.outcome(row.id, wait)

    async def _begin(self, row: MessageRow, step: StepRow, carrier: outbox.Carrier, now: datetime) -> None:
        """Note that a conversation has begun, before what is next in it may leave: somebody saw its first message.

        No limits are known of a connection that is not in use, and nothing leaves by it.
        """
        if isinstance(carrier, Connection) and isinstance(outbox.action_of(step), SendMessage | SendPoll):
            await begin(self._engine.store, carrier, row.lane, now)

    async def resend(self, message: str, *, wait: float = 30.0) -> Receipt:
        """Go on with a message that was partly sent, from the step that was refused; it has no end any more.

        Raises `NoRoute` where the message's connection is not in use any more.
        """
        row, steps = await self._engine.look_up(message)
        if row.state is not MessageState.PARTLY:
            raise Conflict(f"{message} is {row.state.value}", hint="only a partly sent message goes on; else send anew")
        self._goes_on(row, "send the rest anew by another one: via=…")
        step = next(step for step in steps if step.state is not StepState.ACCEPTED)
        if not await self._engine.store.amend(
            outbox.again(row, step, self._engine.clock.now()), expect=MessageState.PARTLY
        ):
            raise Conflict(f"{message} changed meanwhile", hint="look at it again")
        return await self._engine.outcome(row.id, wait)

    def _goes_on(self, row: MessageRow, instead: str) -> None:
        """Make sure that what is left of a message can leave; raises `NoRoute`, with what can be done instead."""
        connections = self._engine.connections
        if connections.find(row.connection) is None:
            why = connections.away.get(row.connection, "not there any more")
            raise NoRoute(
                f"the connection {row.connection}, by which {row.id} goes, is {why}",
                hint=f"put it to use again under this name, or {instead}",
            )

    # ── receiving ─────────────────────────────────────────────────────────────────────────────────────────────────

    @overload
    def on(
        self, event: type[EventT], handler: None = None, *, connection: str | None = None
    ) -> Callable[[Callable[[EventT], Any]], Callable[[EventT], Any]]: ...
    @overload
    def on(
        self, event: type[EventT], handler: Callable[[EventT], Any], *, connection: str | None = None
    ) -> Callable[[EventT], Any]: ...
    def on(
        self,
        event: type[EventT],
        handler: Callable[[EventT], Any] | None = None,
        *,
        connection: str | None = None,
    ) -> Callable[..., Any]:
        """Register a handler, sync or async, for a type of event; also as a decorator.

        Called at least once for each event, in order per chat. One that raises is called again, then the event is
        parked. `Event` stands for all types.
        """
        if handler is None:
            return lambda function: self.on(event, function, connection=connection)
        self._engine.dispatcher.add(event, handler, connection)
        return handler

    async def receive(
        self,
        connection: str,
        headers: Mapping[str, str] | Iterable[tuple[str, str]],
        body: bytes,
        *,
        method: str = "POST",
        query: str = "",
    ) -> Reply:
        """Take a webhook in by its raw bytes; when this returns it is kept, and the reply is what to answer.

        Handlers get its events. Raises `BadSignature` or `BadPayload`, with the status to answer as `answer`.
        """
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        lowered = [(name.lower(), value) for name, value in pairs]
        return await self._taken(connection, lowered, bytes(body), method=method, query=query)

    def _taken(
        self, connection: str, headers: list[tuple[str, str]], body: bytes, *, method: str = "POST", query: str = ""
    ) -> Coroutine[Any, Any, Reply]:
        """Take a webhook in whose headers have names in lower case already, as those that come by HTTP."""
        now = self._engine.clock.now()
        hook = WebhookRequest(headers=tuple(headers), body=body, received_at=now, method=method, query=query)
        return self._engine.receive(connection, hook)

    async def catch_up(
        self, connection: str, *, since: datetime | None = None, pages: int = PAGES, seconds: float = SECONDS
    ) -> CaughtUp:
        """Fetch the webhooks that the vendor kept and could not deliver; each event is handed over once.

        It goes on where it was left the last time, a day ago at first; `since` goes further back. Not more than
        `pages` and `seconds` at once: then it is not `complete`, and another call goes on. Raises `Unsupported` where
        the vendor keeps none.
        """
        aware(since=since)
        await self._engine.start()
        found = self._engine.connections.get(connection)
        return await self._engine.catch_up.once(found, since=since, pages=pages, seconds=seconds)

    async def reparse(
        self,
        since: datetime | None = None,
        *,
        connection: str | None = None,
        apply: bool = True,
        after: int = 0,
        limit: int = 10_000,
    ) -> Reparsed:
        """Parse kept webhooks again: all since a time, or without one those that no parser could read.

        Says what differs from what was made of them then. New events are kept and handed over; what was handed over
        stays. With `apply=False` nothing is kept. The oldest come first; where `limit` left some out, the result says
        `after` which one to go on.
        """
        aware(since=since)
        await self._engine.start()
        engine = self._engine
        return await reparse(
            engine.store,
            engine.connections,
            engine.inbox,
            since=since,
            connection=connection,
            apply=apply,
            after=after,
            limit=limit,
        )

    async def drift(
        self, since: datetime | None = None, *, connection: str | None = None, limit: int = 10_000
    ) -> Drift:
        """Count what vendors sent that is new to their providers: events, fields, words, codes, unread webhooks.

        Looks through the newest `limit` webhooks and messages that are kept, or those since a time; changes nothing.
        """
        aware(since=since)
        await self._engine.start()
        engine = self._engine
        return await drift(engine.store, engine.connections, since=since, connection=connection, limit=limit)

    async def replay(self, event: Event | str) -> None:
        """Hand an event over again.

        A parked one waits in its chat again, for the handlers that failed. One that was handed over, or that was kept
        back because it was stale, goes to all handlers now, before this returns; what they raise comes out of here.
        Raises `NotFound`, and `Conflict` while it still waits for its first time, or where no handler here takes it.
        """
        await self._engine.start()
        await self._engine.dispatcher.replay(EventId(event if isinstance(event, str) else event.id))

    async def story(self, message: Receipt | Ticket | str) -> Story:
        """Tell a message's whole life: call, steps, attempts, answers, reports, handlers; raises `NotFound`."""
        await self._engine.start()
        row, steps = await self._engine.look_up(message if isinstance(message, str) else message.message_id)
        return await tell(self._engine.store, row, steps)

    def asgi(self) -> ASGIApp:
        """Give an ASGI application: `POST /webhooks/{connection}`, and the files that vendors fetch.

        Mount it in any framework, or serve it as it is.
        """
        return Ingress(self._taken, self.files, start=self._engine.start, stop=self._engine.close)


def _when(subject: Recipient | Subject) -> When:
    """At once; what is done to an event goes before what nobody waits for."""
    return When(priority=Priority.of(None, answer=isinstance(subject, Event)))


def _ref_of_event(event: Event, part: int) -> MessageRef:
    match event:
        case MessageReceived():
            return ref_of(event.vendor_id, part)
        case ReactionAdded() | ReactionRemoved():
            return event.target
    raise InvalidMessage(f"a {event.type} event names no message", hint="use the event of a message")
