"""Events reach their endpoints: signed, at least once, in order per chat, on both stores."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from gateway.clock import SYSTEM
from gateway.errors import Conflict, InvalidRequest, NotFound, SecretsLocked
from gateway.events import DeliveryUpdated
from gateway.forward import EVENT_TYPES, Endpoints, Format, KeyKind, Verdict
from gateway.forward.samples import sample
from gateway.model import Chat
from gateway.store import open_store
from gateway.store.records import endpoints, records_of
from gateway.store.records.deliveries import DeliveryRow, Standing
from gateway.store.records.forwarding import ForwardingRecords, Held, Patience, Share
from gateway.tenancy.sealing import KeyRing, Sealer
from gateway.testing.stores.samples import LEASE, attempt_of, enqueued, finished, started
from tests.flow.receivers import QUICK, TENANT, Got, Receiver, Town, receiving, until, until_async


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty store of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'gateway.db'}"
    else:
        yield request.getfixturevalue("postgres_url")


@pytest.fixture
async def town(store_url: str) -> AsyncIterator[Town]:
    """A store with its default tenant."""
    store = open_store(store_url, {})
    await store.open()
    made = Town(store)
    await made.settle()
    yield made
    await made.egress.aclose()
    await store.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver that takes everything."""
    async with receiving() as made:
        yield made


async def test_an_event_reaches_its_endpoint_signed(town: Town, receiver: Receiver) -> None:
    """The id of the delivery is the event's, and the signature is by the secret that was shown."""
    made = await town.endpoints.create(TENANT, receiver.url)
    async with town.forwarding():
        [event] = await town.keep(town.message("hello"))
        await until(lambda: receiver.got)

    [got] = receiver.got
    assert (event, "hello", Verdict.GENUINE) == (got.id, got.text, got.verdict(*made.secrets))
    page = await town.deliveries.list(TENANT, made.endpoint.id)
    assert [("delivered", 1, 200)] == [(row.state, row.attempts, row.status) for row in page.items]


async def test_what_is_told_of_a_message_is_part_of_the_trace_that_sent_it(town: Town, receiver: Receiver) -> None:
    """By `traceparent`; what is about no message of ours, about one without a trace or of another line, has none."""
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    traced = await enqueued(town.store, "traced", request=json.dumps({"to": "+12025550123", "trace": trace}))
    plain = await enqueued(town.store, "plain")
    reports = [
        sample("delivery.updated", SYSTEM.now(), connection="main").model_copy(update={"message_id": row.id})
        for row in (traced, plain)
    ]
    elsewhere = sample("delivery.updated", SYSTEM.now(), connection="other").model_copy(
        update={"message_id": traced.id}
    )
    await town.endpoints.create(TENANT, receiver.url)
    async with town.forwarding():
        of_traced, of_plain, other, received = await town.keep(*reports, elsewhere, town.message("hello"))
        await until(lambda: len(receiver.got) == 4)

    told = {got.id: got.headers.get("traceparent") for got in receiver.got}
    assert {of_traced: trace, of_plain: None, other: None, received: None} == told


async def test_events_of_a_chat_go_in_order_and_chats_do_not_wait_for_each_other(
    town: Town, receiver: Receiver
) -> None:
    """What fails is tried again before the next one of its chat; another chat goes on meanwhile."""
    seen: Counter[str] = Counter()

    def answer(got: Got) -> tuple[int, dict[str, str]]:
        seen[got.text] += 1
        well = got.text == "b0" or (seen["b0"] and seen[got.text] >= 3)
        return (200 if well else 500, {})

    receiver.answer = answer
    await town.endpoints.create(TENANT, receiver.url)
    await town.keep(*(town.message(f"a{n}") for n in range(3)), town.message("b0", "+12025550124"))
    async with town.forwarding(replace(QUICK, schedule=(0.0, *(0.01,) * 1_000))):
        await until(lambda: seen["a2"] == 3)

    ours = [got.text for got in receiver.got if got.text != "b0"]
    assert ["a0"] * seen["a0"] + ["a1"] * 3 + ["a2"] * 3 == ours
    assert (1, True) == (seen["b0"], seen["a0"] >= 3)


async def test_an_endpoint_gets_what_it_wants(town: Town, receiver: Receiver) -> None:
    """By type, or family of types, and by connection."""
    await town.endpoints.create(TENANT, receiver.url, types=["typing.*", "opted.out"])
    await town.endpoints.create(TENANT, f"{receiver.url}/of-other", connections=["other"])
    message, typing = town.message("no"), sample("typing.started", SYSTEM.now(), connection="main")
    other, last = town.message("yes", connection="other"), sample("opted.out", SYSTEM.now(), connection="main")
    async with town.forwarding():
        await town.keep(message, typing, other, last)
        await until(lambda: len(receiver.got) == 3)

    assert {("/hook", typing.id), ("/hook", last.id), ("/hook/of-other", other.id)} == {
        (got.path, got.id) for got in receiver.got
    }


async def test_tenants_hear_only_of_their_own(town: Town, receiver: Receiver) -> None:
    """An event belongs to the tenant of its connection; one whose connection is gone is nobody's."""
    await town.add_tenant("tn_b", "pc_of_b")
    await town.endpoints.create("tn_b", f"{receiver.url}/b")
    await town.endpoints.create(TENANT, f"{receiver.url}/default")
    theirs, ours = town.message("b", connection="pc_of_b"), town.message("default")
    async with town.forwarding():
        await town.keep(town.message("lost", connection="pc_gone"), theirs, ours)
        await until(lambda: len(receiver.got) == 2)

    assert {("/hook/b", theirs.id), ("/hook/default", ours.id)} == {(got.path, got.id) for got in receiver.got}
    [row] = (await town.deliveries.list(TENANT, event=ours.id)).items
    with pytest.raises(NotFound):
        await town.deliveries.get("tn_b", row.id)
    with pytest.raises(NotFound):
        await town.deliveries.list("tn_b", row.endpoint)
    with pytest.raises(NotFound):
        await town.endpoints.create(TENANT, receiver.url, connections=["pc_of_b"])


@pytest.mark.parametrize(("status", "headers"), [(302, {"location": "/elsewhere"}), (404, {}), (500, {})])
async def test_only_2xx_is_success(status: int, headers: dict[str, str], town: Town, receiver: Receiver) -> None:
    """Everything else is tried again as the schedule says, then it is dead; nobody follows a redirect."""
    receiver.answer = lambda _: (status, headers)
    receiver.said = b"x" * 5000
    made = await town.endpoints.create(TENANT, receiver.url)
    async with town.forwarding():
        await town.keep(town.message("hello"))
        [row] = await until_async(lambda: town.rows(made.endpoint.id, Standing.DEAD))

    story = await town.deliveries.get(TENANT, row.id)
    assert {"/hook"} == {got.path for got in receiver.got}
    assert (3, 3, status) == (row.attempts, row.tries, row.status)
    assert [(n, status, "x" * 4096) for n in (1, 2, 3)] == [(a.number, a.status, a.answer) for a in story.attempts]


async def test_gone_disables_the_endpoint_and_the_others_hear_of_it(town: Town, receiver: Receiver) -> None:
    """410 ends it at once; another endpoint of the tenant gets `endpoint.disabled`."""
    receiver.answer = lambda got: (410 if got.path.endswith("/gone") else 200, {})
    gone = await town.endpoints.create(TENANT, f"{receiver.url}/gone", types=["message.*"])
    watch = await town.endpoints.create(TENANT, receiver.url, types=["endpoint.disabled"])
    async with town.forwarding() as forwarder:
        await town.keep(town.message("hello"))
        await until(lambda: len(receiver.got) == 2)
        await town.keep(town.message("for nobody"))
        await until(lambda: forwarder.counts["delivered"] == 1)

    notice = receiver.got[-1]
    endpoint = await town.endpoints.get(TENANT, gone.endpoint.id)
    assert ("disabled", "its receiver answered 410 Gone") == (endpoint.state, endpoint.reason)
    assert ("endpoint.disabled", gone.endpoint.id) == (notice.json["type"], notice.json["data"]["endpoint"])
    assert Verdict.GENUINE is notice.verdict(*watch.secrets)
    assert 2 == len(receiver.got)


async def test_a_receiver_may_end_a_delivery_or_all_of_them(town: Town, receiver: Receiver) -> None:
    """`webhook-delivery: abort-message` ends the one, `disable` the endpoint, a success included."""
    wishes = iter(["abort-message", "disable"])
    receiver.answer = lambda got: (400 if got.text == "one" else 200, {"webhook-delivery": next(wishes)})
    made = await town.endpoints.create(TENANT, receiver.url)
    await town.keep(town.message("one"), town.message("two"), town.message("three"))
    async with town.forwarding() as forwarder:
        await until(lambda: forwarder.counts["disabled"])

    states = [row.state for row in (await town.deliveries.list(TENANT, made.endpoint.id)).items]
    assert ["pending", "delivered", "aborted"] == states


async def test_a_receiver_that_asks_for_less_is_left_alone(town: Town, receiver: Receiver) -> None:
    """After 429 with Retry-After nothing goes to the endpoint until then, of no chat."""
    receiver.answer = lambda _: (429, {"retry-after": "1"}) if len(receiver.got) == 1 else (200, {})
    made = await town.endpoints.create(TENANT, receiver.url)
    async with town.forwarding(replace(QUICK, each=1)):
        await town.keep(town.message("a"), town.message("b", "+12025550124"))
        await until(lambda: len(receiver.got) == 3)

    assert {"a", "b"} == {got.text for got in receiver.got}
    [first, *later] = [attempt for row in await town.rows(made.endpoint.id) for attempt in await town.tries(row)]
    first, *later = sorted([first, *later], key=lambda attempt: attempt.started_at)
    assert [] == [attempt for attempt in later if attempt.started_at < first.ended_at + timedelta(seconds=1)]


async def test_a_breaker_lets_one_probe_through_at_a_time(town: Town, receiver: Receiver) -> None:
    """After some failures in a row one delivery is tried in an interval, and the first success lets all go."""
    rules = replace(QUICK, patience=Patience(failures=3, interval=0.2, give_up=timedelta(days=5)))
    rules = replace(rules, schedule=(0.0, *(0.0 for _ in range(50))))
    down = [True]
    receiver.answer = lambda _: (500 if down[0] else 200, {})
    made = await town.endpoints.create(TENANT, receiver.url)
    chats = [f"+1202555{n:04}" for n in range(100, 110)]
    await town.keep(*(town.message(chat, chat) for chat in chats))
    async with town.forwarding(rules) as forwarder:
        await until(lambda: len(receiver.got) == 8)
        closed = (await town.endpoints.get(TENANT, made.endpoint.id)).closed_until
        down[0] = False
        await until(lambda: forwarder.counts["delivered"] == len(chats))

    attempts = [attempt.started_at for row in await town.rows(made.endpoint.id) for attempt in await town.tries(row)]
    # those under way together when it opened may be a few more than three
    probes = sorted(attempts)[rules.each + 2 : 8]
    assert closed is not None
    assert [] == [(a, b) for a, b in pairwise(probes) if b - a < timedelta(seconds=0.2)]
    assert None is (await town.endpoints.get(TENANT, made.endpoint.id)).failing_since


async def test_an_endpoint_that_fails_for_days_is_disabled(town: Town, receiver: Receiver) -> None:
    """Since when it fails is kept; past the limit it is disabled, and says why."""
    rules = replace(QUICK, patience=Patience(failures=100, interval=0.05, give_up=timedelta(seconds=0)))
    receiver.answer = lambda _: (500, {})
    made = await town.endpoints.create(TENANT, receiver.url)
    async with town.forwarding(rules) as forwarder:
        await town.keep(town.message("hello"))
        await until(lambda: forwarder.counts["disabled"])

    assert "disabled" == (await town.endpoints.get(TENANT, made.endpoint.id)).state
    assert 1 == len(receiver.got)


async def test_no_endpoint_gets_more_than_its_share_at_a_time(town: Town, receiver: Receiver) -> None:
    """Four at a time, however many chats wait."""
    receiver.delay = 0.05
    await town.endpoints.create(TENANT, receiver.url)
    await town.keep(*(town.message("x", f"+1202555{n:04}") for n in range(100, 120)))
    async with town.forwarding():
        await until(lambda: len(receiver.got) == 20)

    assert QUICK.each == receiver.at_once


async def test_what_waits_for_a_paused_endpoint_goes_when_it_is_resumed(town: Town, receiver: Receiver) -> None:
    """Events that come while it is paused are kept for it."""
    made = await town.endpoints.create(TENANT, receiver.url)
    await town.endpoints.pause(TENANT, made.endpoint.id, reason="moving")
    async with town.forwarding():
        await town.keep(town.message("hello"))
        await until_async(lambda: town.rows(made.endpoint.id, Standing.PENDING))
        assert [] == receiver.got
        await town.endpoints.resume(TENANT, made.endpoint.id)
        await until(lambda: receiver.got)


async def test_secrets_are_replaced_without_a_gap(town: Town, receiver: Receiver) -> None:
    """During the overlap both sign, by whichever secret the receiver verifies; afterwards only the new one."""
    made = await town.endpoints.create(TENANT, receiver.url, kinds=[KeyKind.V1, KeyKind.V1A])
    new = await town.endpoints.rotate(TENANT, made.endpoint.id, overlap=3600)
    async with town.forwarding():
        await town.keep(town.message("hello"))
        await until(lambda: receiver.got)
        await town.endpoints.rotate(TENANT, made.endpoint.id, overlap=0)
        await town.keep(town.message("bye"))
        await until(lambda: len(receiver.got) == 2)

    first, second = receiver.got
    assert [Verdict.GENUINE] * 4 == [first.verdict(secret) for secret in (*made.secrets, *new.secrets)]
    assert [Verdict.FORGED] * 4 == [second.verdict(secret) for secret in (*made.secrets, *new.secrets)]
    published = [secret for secret in (*made.secrets, *new.secrets) if secret.startswith("whsec_")]
    for secret in published:
        assert json.loads(first.body) == Webhook(secret).verify(first.body, first.headers)


async def test_secrets_outlive_the_master_key(town: Town, receiver: Receiver) -> None:
    """Sealed anew by its successor they are the same, and the former master key may go."""
    made = await town.endpoints.create(TENANT, receiver.url)
    ring = KeyRing.fresh(town.ring)
    both = Endpoints(town.store, SYSTEM, Sealer(ring), town.egress)
    assert (1, 0) == (await both.rewrap(), await both.rewrap())
    town.sealer = Sealer(KeyRing({str(ring.current): ring.keys[str(ring.current)]}))
    async with town.forwarding():
        await town.keep(town.message("hello"))
        await until(lambda: receiver.got)

    assert Verdict.GENUINE is receiver.got[0].verdict(*made.secrets)


async def test_secrets_are_kept_by_nobody_else(town: Town, receiver: Receiver, store_url: str) -> None:
    """What is in the database opens only with the master key; without it nothing is signed by chance."""
    made = await town.endpoints.create(TENANT, receiver.url)
    rows = await records_of(town.store).rows("all_endpoints", "", 10)
    assert made.secrets[0].removeprefix("whsec_") not in repr([tuple(row) for row in rows])
    with pytest.raises(SecretsLocked):
        await Endpoints(town.store, SYSTEM, Sealer(KeyRing.fresh()), town.egress).get(TENANT, made.endpoint.id)


async def test_what_cannot_be_signed_waits(town: Town, receiver: Receiver) -> None:
    """Without the master key nothing leaves, and nothing is held against the endpoint."""
    made = await town.endpoints.create(TENANT, receiver.url)
    right, town.sealer = town.sealer, Sealer()
    began = SYSTEM.now()
    async with town.forwarding():
        await town.keep(town.message("hello"))
        [row] = await until_async(lambda: later(town, made.endpoint.id, began))
    town.sealer = right

    assert (Standing.PENDING, 0, []) == (row.state, row.attempts, receiver.got)
    assert None is (await town.endpoints.get(TENANT, made.endpoint.id)).failing_since


async def later(town: Town, endpoint: str, began: datetime) -> list[DeliveryRow]:
    """List deliveries that were put off for half a minute or more."""
    return [row for row in await town.rows(endpoint) if row.next_at > began + timedelta(seconds=30)]


async def test_dead_deliveries_are_sent_again(town: Town, receiver: Receiver) -> None:
    """One by its id, or all since a time; in order, under the same `webhook-id`, as often as the schedule says."""
    down = [True]
    receiver.answer = lambda _: (500 if down[0] else 200, {})
    made = await town.endpoints.create(TENANT, receiver.url)
    began = SYSTEM.now()
    events = await town.keep(*(town.message(f"m{n}") for n in range(4)))
    async with town.forwarding() as forwarder:
        await until(lambda: forwarder.counts["dead"] == 4)
        down[0] = False
        receiver.got.clear()
        dead = await town.rows(made.endpoint.id, Standing.DEAD)
        await town.deliveries.resend(TENANT, dead[0].id)
        await until(lambda: forwarder.counts["delivered"] == 1)
        told = [progress async for progress in town.deliveries.recover(TENANT, made.endpoint.id, began)]
        await until(lambda: forwarder.counts["delivered"] == 4)

    assert [events[3], *events[:3]] == [got.id for got in receiver.got]
    assert [(0, 3), (3, 3)] == [(progress.done, progress.total) for progress in told]
    assert [4] * 4 == [row.attempts for row in await town.rows(made.endpoint.id)]


async def test_what_is_under_way_is_not_sent_again(town: Town, receiver: Receiver) -> None:
    """Nor is anything sent to an endpoint that is disabled."""
    made = await town.endpoints.create(TENANT, receiver.url)
    await town.endpoints.pause(TENANT, made.endpoint.id)
    async with town.forwarding():
        await town.keep(town.message("hello"))
        [row] = await until_async(lambda: town.rows(made.endpoint.id))
    with pytest.raises(Conflict, match="still being tried"):
        await town.deliveries.resend(TENANT, row.id)
    await town.endpoints.disable(TENANT, made.endpoint.id, reason="closed")
    with pytest.raises(Conflict, match="closed"):
        await town.deliveries.test(TENANT, made.endpoint.id, "message.received")


async def test_a_range_of_events_is_replayed(town: Town, receiver: Receiver) -> None:
    """To an endpoint that was not there when they came: what it wants, as many as the preview said, in order."""
    await town.endpoints.create(TENANT, f"{receiver.url}/early")
    typing = sample("typing.started", SYSTEM.now(), connection="main")
    events = await town.keep(town.message("m0"), typing, town.message("m1"), town.message("m2", connection="other"))
    late = await town.endpoints.create(TENANT, receiver.url, types=["message.*"], connections=["main"])
    until_now = SYSTEM.now() + timedelta(seconds=1)
    span = (TENANT, late.endpoint.id, until_now - timedelta(hours=1), until_now)
    async with town.forwarding() as forwarder:
        await until(lambda: forwarder.counts["delivered"] == 4 + 2)
        receiver.got.clear()
        assert (2, 0) == (await town.deliveries.preview(*span), await town.deliveries.preview(*span, missing=True))
        told = [progress async for progress in town.deliveries.replay(*span)]
        await until(lambda: forwarder.counts["delivered"] == 4 + 4)

    assert [events[0], events[2]] == [got.id for got in receiver.got]
    assert [(0, 2), (2, 2)] == [(progress.done, progress.total) for progress in told]


async def test_what_was_kept_back_is_sent_when_somebody_asks(town: Town, receiver: Receiver) -> None:
    """What is by policy not handed over goes to no endpoint by itself; it is missing there, and a replay has it."""
    made = await town.endpoints.create(TENANT, receiver.url)
    async with town.forwarding() as forwarder:
        [old] = await town.keep(town.message("yesterday"), back=True)
        [new] = await town.keep(town.message("now"))
        await until(lambda: forwarder.counts["delivered"] == 1)
        now = SYSTEM.now()
        span = (TENANT, made.endpoint.id, now - timedelta(hours=1), now + timedelta(seconds=1))
        assert 1 == [progress async for progress in town.deliveries.replay(*span, missing=True)][-1].done
        await until(lambda: forwarder.counts["delivered"] == 2)

    assert [(new, "now"), (old, "yesterday")] == [(got.id, got.text) for got in receiver.got]


async def test_what_was_never_tried_is_replayed_by_itself(town: Town, receiver: Receiver) -> None:
    """What came while the endpoint was disabled, and nothing else."""
    made = await town.endpoints.create(TENANT, receiver.url)
    await town.endpoints.create(TENANT, f"{receiver.url}/other")
    async with town.forwarding() as forwarder:
        await town.keep(town.message("before"))
        await until(lambda: forwarder.counts["delivered"] == 2)
        await town.endpoints.disable(TENANT, made.endpoint.id)
        [missed] = await town.keep(town.message("meanwhile"))
        await until(lambda: forwarder.counts["delivered"] == 3)
        await town.endpoints.resume(TENANT, made.endpoint.id)
        now = SYSTEM.now()
        span = (TENANT, made.endpoint.id, now - timedelta(hours=1), now)
        assert 1 == await town.deliveries.preview(*span, missing=True)
        assert 1 == [progress async for progress in town.deliveries.replay(*span, missing=True)][-1].done
        await until(lambda: forwarder.counts["delivered"] == 4)

    assert (missed, "/hook") == (receiver.got[-1].id, receiver.got[-1].path)


@pytest.mark.parametrize("form", list(Format))
async def test_every_type_of_event_can_be_tried_out(form: Format, town: Town, receiver: Receiver) -> None:
    """A test is an example, delivered once, in the endpoint's format, whatever its filter says."""
    made = await town.endpoints.create(TENANT, receiver.url, types=["opted.in"], form=form)
    async with town.forwarding() as forwarder:
        for kind in EVENT_TYPES:
            await town.deliveries.test(TENANT, made.endpoint.id, kind)
        await until(lambda: forwarder.counts["delivered"] == len(EVENT_TYPES))
    with pytest.raises(InvalidRequest, match="no type of event"):
        await town.deliveries.test(TENANT, made.endpoint.id, "message.recieved")

    assert len(EVENT_TYPES) == len({got.id for got in receiver.got})
    assert {Verdict.GENUINE} == {got.verdict(*made.secrets) for got in receiver.got}


async def test_a_report_that_came_early_waits_for_what_it_is_about(town: Town, receiver: Receiver) -> None:
    """One that joins no message in the end says that it is not ours."""
    await town.endpoints.create(TENANT, receiver.url)
    event = sample("delivery.updated", SYSTEM.now(), connection="main")
    async with town.forwarding():
        await town.keep(event)
        await until(lambda: receiver.got)

    [got] = receiver.got
    assert False is got.json["data"]["ours"]
    assert timedelta(seconds=1) <= SYSTEM.now() - event.received_at


async def test_a_report_waits_for_a_send_that_is_undecided(town: Town, receiver: Receiver) -> None:
    """However long ago the vendor sent it; what comes in another chat goes meanwhile."""
    await town.endpoints.create(TENANT, receiver.url)
    now = SYSTEM.now()
    chat = Chat.model_validate("+12025550123")
    words = {"key": "d", "vendor_id": "v1", "chat": chat, "state": "sent", "reference": "order-7"}
    report = DeliveryUpdated.model_validate(words).stamped(
        connection="main", provider="test", received_at=now - timedelta(hours=2)
    )
    await enqueued(town.store, "1", report.chat_id or "", created_at=now, due_at=now)
    [work] = await town.store.claim(now, LEASE, 1)
    step = started(work, now)
    assert not (await town.store.mark(work, step, attempt_of(step, now))).lost
    async with town.forwarding():
        await town.keep(report, town.message("meanwhile", "+12025550188"))
        await until(lambda: receiver.got)
        await asyncio.sleep(1)
        early = [got.json["type"] for got in receiver.got]
        await town.store.settle(work, finished(work, sent=("v1",)))
        await until(lambda: len(receiver.got) > 1)

    assert ["message.received"] == early
    assert ("msg_1", True) == (receiver.got[1].json["data"]["message_id"], receiver.got[1].json["data"]["ours"])


async def test_what_is_no_longer_kept_is_not_sent(town: Town, receiver: Receiver) -> None:
    """A delivery whose event was erased ends as erased."""
    made = await town.endpoints.create(TENANT, receiver.url)
    await town.endpoints.pause(TENANT, made.endpoint.id)
    async with town.forwarding() as forwarder:
        [event] = await town.keep(town.message("hello"))
        await until_async(lambda: town.rows(made.endpoint.id))
        await town.erase(event)
        await town.endpoints.resume(TENANT, made.endpoint.id)
        await until(lambda: forwarder.counts["erased"])

    assert [] == receiver.got


async def lanes(town: Town, endpoint: str, chat: str | None) -> bool:
    """Tell whether two deliveries wait, both with one chat."""
    return [f"{endpoint}:{chat}"] * 2 == [row.lane for row in await town.rows(endpoint)]


async def test_two_chats_that_turn_out_to_be_one_keep_their_order(town: Town, receiver: Receiver) -> None:
    """What waited for the other name goes before what is new."""
    down = [True]
    receiver.answer = lambda _: (500 if down[0] else 200, {})
    made = await town.endpoints.create(TENANT, receiver.url)
    first, second = town.message("first", "contact:1"), town.message("second")
    rules = replace(QUICK, schedule=(0.0, *(0.05 for _ in range(100))))
    async with town.forwarding(rules) as forwarder:
        await town.keep(first)
        await until(lambda: receiver.got)
        assert first.chat_id is not None
        assert second.chat_id is not None
        await town.link(first.chat_id, second.chat_id)
        await town.keep(second)
        await until_async(lambda: lanes(town, made.endpoint.id, second.chat_id))
        down[0] = False
        await until(lambda: forwarder.counts["delivered"] == 2)

    assert ["first", "second"] == [got.text for got in receiver.got if got.text == "second" or got is receiver.got[-2]]


async def test_stopping_waits_for_what_is_under_way(town: Town, receiver: Receiver) -> None:
    """A delivery that has left is written down before the loop ends."""
    receiver.delay = 0.3
    made = await town.endpoints.create(TENANT, receiver.url)
    await town.keep(town.message("hello"))
    async with town.forwarding():
        await until(lambda: receiver.got)

    assert [Standing.DELIVERED] == [row.state for row in await town.rows(made.endpoint.id)]


async def test_nothing_new_is_begun_while_stopping(town: Town, receiver: Receiver) -> None:
    """What is under way is written down, and what waits goes with whoever comes next, at once."""
    receiver.delay = 0.3
    made = await town.endpoints.create(TENANT, receiver.url)
    await town.keep(*(town.message("x", f"+1202555{n:04}") for n in range(100, 110)))
    async with town.forwarding():
        await until(lambda: len(receiver.got) == QUICK.each)
    ended = Counter(row.state for row in await town.rows(made.endpoint.id))
    receiver.delay = 0.0
    async with town.forwarding() as forwarder:
        await until(lambda: sum(forwarder.counts.values()) == 10 - QUICK.each)

    assert {Standing.DELIVERED: QUICK.each, Standing.PENDING: 10 - QUICK.each} == ended
    assert 10 == len(receiver.got)


async def test_who_settles_goes_on(town: Town, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next deliveries are held by the commit that ends the last ones; nobody looks for them in between."""
    looks = []
    hold = ForwardingRecords.hold

    async def counted(self: ForwardingRecords, now: datetime, share: Share, patience: Patience) -> list[Held]:
        found = await hold(self, now, share, patience)
        looks.append(len(found))
        return found

    monkeypatch.setattr(ForwardingRecords, "hold", counted)
    await town.endpoints.create(TENANT, receiver.url)
    await town.keep(*(town.message(f"{n}", f"+1202555{100 + n % 20:04}") for n in range(60)))
    async with town.forwarding() as forwarder:
        await until(lambda: forwarder.counts["delivered"] == 60)

    assert [QUICK.each] == [found for found in looks if found]


async def test_several_processes_share_the_work(postgres_url: str, receiver: Receiver) -> None:
    """Each event goes once, and in order per chat, whichever of them delivers it."""
    stores = [open_store(postgres_url, {}) for _ in range(3)]
    towns = [Town(store) for store in stores]
    for town in towns:
        await town.store.open()
        town.sealer = towns[0].sealer
    await towns[0].settle()
    made = await towns[0].endpoints.create(TENANT, receiver.url)
    chats = [f"+1202555{n:04}" for n in range(100, 110)]
    async with contextlib.AsyncExitStack() as stack:
        forwarders = [await stack.enter_async_context(town.forwarding()) for town in towns]
        for number in range(10):
            for place, chat in enumerate(chats):
                await towns[place % 3].keep(towns[place % 3].message(f"{number}", chat, connection=f"c{place}"))
        await until(lambda: sum(forwarder.counts["delivered"] for forwarder in forwarders) == 100)
    for town in towns:
        await town.egress.aclose()
        await town.store.close()

    by_chat: dict[str, list[str]] = {}
    for got in receiver.got:
        by_chat.setdefault(got.json["data"]["chat_id"], []).append(got.text)
    assert [[str(number) for number in range(10)]] * 10 == list(by_chat.values())
    assert {Verdict.GENUINE} == {got.verdict(*made.secrets) for got in receiver.got}
    assert 1 < sum(bool(forwarder.counts["delivered"]) for forwarder in forwarders)


async def test_an_endpoint_goes_bit_by_bit(town: Town, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """With all that was delivered to it and all that waits; it gets nothing more, and its neighbour keeps its own."""
    monkeypatch.setattr(endpoints, "CHUNK", 2)
    made = await town.endpoints.create(TENANT, receiver.url)
    neighbour = await town.endpoints.create(TENANT, receiver.url)
    async with town.forwarding():
        for number in range(5):
            await town.keep(town.message(f"{number}"))
        await until(lambda: len(receiver.got) == 10)
        await until_async(lambda: _all_settled(town, made.endpoint.id, neighbour.endpoint.id))
    await town.endpoints.pause(TENANT, made.endpoint.id)
    await town.deliveries.test(TENANT, made.endpoint.id, "message.received")
    await town.endpoints.remove(TENANT, made.endpoint.id)
    left = await records_of(town.store).rows("deliveries", TENANT, made.endpoint.id, "~", "", 9)
    assert (0, 5) == (len(left), len(await town.rows(neighbour.endpoint.id)))
    with pytest.raises(NotFound):
        await town.endpoints.remove(TENANT, made.endpoint.id)


async def _all_settled(town: Town, *ids: str) -> bool:
    return all([len(await town.rows(id_, Standing.DELIVERED)) == 5 for id_ in ids])
