"""What an account owns, on the twin: senders that are ordered and cancelled, pools, organizations."""

from typing import Any, Protocol, TypeVar

import pytest
from pydantic import JsonValue

from gateway.provider import (
    Event,
    Exchange,
    InvalidRequest,
    LineState,
    LineUpdated,
    NotFound,
    SendError,
    SenderUnavailable,
)
from gateway.simulator import Impossible, Scene
from gateway.simulator.contact import Contact
from gateway_loopmessage import LoopMessage, api, wire
from gateway_loopmessage.simulator import LoopMessageTwin
from gateway_loopmessage.simulator.directory import ALIAS, SENDERS
from gateway_loopmessage.simulator.senders import PLANS

T = TypeVar("T")

PHONE = "+12025550123"
FIRST, SECOND = (line.id for line in SENDERS)
PLAN = str(PLANS[0]["id"])
US = wire.SenderOrder(plan_id=PLAN, phone_region="US", zip_code="20001")


class Account(Protocol):
    """See conftest."""

    scene: Scene
    contact: Contact
    provider: LoopMessage
    twin: LoopMessageTwin

    def switch(self, **switches: JsonValue) -> None: ...
    def request(
        self, method: str, path: str, body: object = None, *, query: Any = None, authorization: str | None = ""
    ) -> tuple[int, Any]: ...
    def run(self, exchange: Exchange[T]) -> T: ...
    async def hooks(self, seconds: float = 10) -> list[dict[str, JsonValue]]: ...
    async def events(self, seconds: float = 10) -> list[Event]: ...


def text(line: str | None = None) -> wire.SendRequest:
    """A text from a line."""
    return wire.SendRequest(contact=PHONE, text="hi", sender=line)


# ── senders ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_ordered_sender_is_pending_until_its_webhook(account: Account) -> None:
    """Five minutes later in a test, two hours otherwise; then it sends."""
    (ordered,) = account.run(api.sender.order(US, test=True))
    line = str(ordered.id)
    assert account.run(api.sender.details(line)).status == "pending"
    with pytest.raises(SenderUnavailable) as refused:
        account.run(api.message.send(text(line)))
    assert refused.value.code == "240"
    (event,) = await account.events(301)
    assert isinstance(event, LineUpdated)
    assert (line, LineState.ACTIVE) == (event.line, event.state)
    assert event.address is not None
    assert event.address.value == account.run(api.sender.details(line)).name
    assert account.run(api.message.send(text(line))).message_id
    assert account.scene.contact(PHONE).write("hello", vendor="loopmessage", line=line).thread.line == line


async def test_senders_can_be_ordered_in_bulk(account: Account) -> None:
    """Each has its id, and is active after two hours; at most one order in 30 seconds."""
    mail = wire.SenderOrder(plan_id=PLAN, name="Shop", domain="imsg.tel")
    british = wire.SenderOrder(plan_id=PLAN, phone_region="GB", sms_and_call=True, forwarding_to_phone_number=PHONE)
    ordered = account.run(api.sender.order(mail, british))
    assert ["shop@imsg.tel", None] == [one.name for one in ordered]
    with pytest.raises(InvalidRequest, match="30 seconds"):
        account.run(api.sender.order(US))
    hooks = await account.hooks(7201)
    assert ["sender_name_updated"] * 2 == [hook["event"] for hook in hooks]
    assert [one.id for one in ordered] == [hook["sender"] for hook in hooks]
    assert account.run(api.sender.order(mail))[0].name == "shop@imsg.tel"


@pytest.mark.parametrize(
    ("order", "code"),
    [
        ({}, 120),
        ({"plan_id": "unknown", "phone_region": "US"}, 115),
        ({"plan_id": PLAN}, 120),
        ({"plan_id": PLAN, "phone_region": True}, 115),
        ({"plan_id": PLAN, "phone_region": "FR"}, 115),
        ({"plan_id": PLAN, "name": "x"}, 120),
        ({"plan_id": PLAN, "phone_region": "US", "zip_code": "1"}, 125),
        ({"plan_id": PLAN, "phone_region": "GB", "zip_code": "20001"}, 125),
        ({"plan_id": PLAN, "phone_region": "US", "forwarding_to_phone_number": PHONE}, 125),
        ({"plan_id": PLAN, "phone_region": "US", "rcs": "yes"}, 125),
        ({"plan_id": PLAN, "phone_region": "US", "contact": {}}, 120),
        ({"plan_id": PLAN, "phone_region": "US", "port": {"phone_number": PHONE}}, 120),
        ({"plan_id": PLAN, "phone_region": "US", "port": "x"}, 125),
        ({"senders": []}, 125),
        ({"senders": [{"plan_id": PLAN, "phone_region": "US"}, {}]}, 120),
    ],
)
def test_an_order_is_checked_before_anything_is_bought(account: Account, order: dict[str, object], code: int) -> None:
    """All of it."""
    status, answer = account.request("POST", "/api/v1/sender/new/", {**order, "test": True})
    assert (400, code) == (status, answer["code"])
    assert 2 == len(account.run(api.sender.senders()).items)


async def test_a_cancelled_sender_is_told_and_sends_no_more(account: Account) -> None:
    """At once, by a webhook; the vendor then chooses among those that are left, until none is."""
    account.run(api.sender.cancel(FIRST))
    (event,) = await account.events(5)
    assert isinstance(event, LineUpdated)
    assert (FIRST, LineState.CANCELLED) == (event.line, event.state)
    message = account.run(api.message.send(text()))
    bubble = account.scene.world.find("loopmessage", str(message.message_id))
    assert bubble is not None
    assert bubble.thread.line == SECOND
    account.run(api.sender.cancel(SECOND))
    with pytest.raises(SenderUnavailable) as refused:
        account.run(api.message.send(text()))
    assert refused.value.code == "260"
    with pytest.raises(Impossible):
        account.contact.write("hello", vendor="loopmessage", line=SECOND)


def test_an_alias_is_cancelled_once(account: Account) -> None:
    """And is not found any more."""
    assert account.run(api.sender.cancel_alias(ALIAS)).success
    with pytest.raises(NotFound):
        account.run(api.sender.cancel_alias(ALIAS))


def test_plans_are_listed_without_pages(account: Account) -> None:
    """With what they allow and cost."""
    plans = account.run(api.sender.plans())
    assert (2, PLAN, 50, "USD") == (
        plans.count,
        plans.items[0].id,
        plans.items[0].daily_contacts,
        plans.items[0].currency,
    )


def test_what_is_unknown_is_not_found(account: Account) -> None:
    """With an empty body, or a page of HTML."""
    for body in ("empty", "html"):
        account.switch(not_found=body)
        asked: list[Exchange[Any]] = [
            api.message.status("M"),
            api.sender.details("S"),
            api.sender.cancel("S"),
            api.sender.move("S", "O"),
            api.pool.details("P"),
            api.pool.change("P", name="x"),
            api.pool.delete("P"),
            api.organization.details("O"),
            api.organization.change("O", wire.OrganizationRequest(name="x")),
            api.organization.delete("O"),
        ]
        for exchange in asked:
            with pytest.raises(NotFound):
                account.run(exchange)


# ── pools ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", ["pool", "sender"])
def test_a_pool_is_made_changed_and_deleted(account: Account, path: str) -> None:
    """Wherever the vendor really changes it: its page prints the path of senders."""
    account.switch(pool_path=path)
    made = account.run(api.pool.create("both", [FIRST, SECOND]))
    assert ("both", 2) == (made.name, made.count)
    assert ["both"] == [pool.name for pool in account.run(api.pool.pools()).items]
    assert account.run(api.pool.change(str(made.id), name="one", sender_ids=[FIRST])).success
    assert [("one", 1)] == [(pool.name, pool.count) for pool in account.run(api.pool.pools()).items]
    details = account.run(api.pool.details(str(made.id)))
    assert ("one", "active") == (details.name, details.status)
    assert account.run(api.pool.delete(str(made.id))).success
    assert [] == account.run(api.pool.pools()).items


def test_a_pool_has_known_senders_only(account: Account) -> None:
    """A name may be left out, and a change says something."""
    assert account.run(api.pool.create()).name == "Pool 1"
    with pytest.raises(InvalidRequest):
        account.run(api.pool.create("x", ["unknown"]))
    made = account.run(api.pool.create("x"))
    with pytest.raises(InvalidRequest):
        account.run(api.pool.change(str(made.id)))


def test_a_pool_may_be_the_sender(account: Account) -> None:
    """Where that is so, the one of its senders that talks with the contact sends; without such a one nobody does."""
    pool = str(account.run(api.pool.create("both", [FIRST, SECOND])).id)
    with pytest.raises(SenderUnavailable) as unknown:
        account.run(api.message.send(text(pool)))
    account.switch(pool_sender=True)
    with pytest.raises(SenderUnavailable) as silent:
        account.run(api.message.send(text(pool)))
    assert ("220", "210") == (unknown.value.code, silent.value.code)
    account.contact.write("hello", vendor="loopmessage", line=SECOND)
    message = account.run(api.message.send(text(pool)))
    bubble = account.scene.world.find("loopmessage", str(message.message_id))
    assert bubble is not None
    assert bubble.thread.line == SECOND


# ── organizations ─────────────────────────────────────────────────────────────────────────────────────────────────


def made(account: Account, **fields: str) -> wire.Organization:
    """A new organization with the fields that it has to have."""
    return account.run(
        api.organization.create(
            "Shop", website="https://shop.example", support_url="https://shop.example/help", country="US", **fields
        )
    )


def test_an_organization_gets_a_key_with_its_webhooks(account: Account) -> None:
    """Without a URL it gets none; the key then is its own, and not the admin's."""
    assert made(account).api_key is None
    second = made(account, webhook_url="https://shop.example/hook", webhook_header="Bearer shop")
    assert second.api_key is not None
    key = second.api_key.get_secret_value()
    assert key not in repr(second)
    status, answer = account.request("GET", "/api/v1/sender/list/", authorization=key)
    assert (200, []) == (status, answer["items"])
    status, answer = account.request("GET", "/api/v1/organizations/list/", authorization=key)
    assert (400, 100) == (status, answer["code"])
    names = [one.name for one in account.run(api.organization.organizations(search="sho")).items]
    assert ["Shop", "Shop"] == names


async def test_a_sender_can_be_moved_and_its_webhooks_with_it(account: Account) -> None:
    """The organization's own URL and header are used from then on."""
    other = made(account, webhook_url="https://shop.example/hook", webhook_header="Bearer shop")
    moved = account.run(api.sender.move(SECOND, str(other.id)))
    assert SECOND == moved.id
    assert [FIRST] == [sender.id for sender in account.run(api.sender.senders()).items]
    with pytest.raises(InvalidRequest):
        account.run(api.sender.move(FIRST, "O-unknown"))
    account.scene.sender.urls.clear()
    account.contact.write("hello", vendor="loopmessage", line=SECOND)
    (entry,) = account.scene.journal.entries("webhook")
    assert "https://shop.example/hook" == entry.data["sent_to"]
    (kept,) = account.twin.account.hooks.values()
    assert "Bearer shop" == kept.webhook.secret


def test_an_organization_with_senders_stays(account: Account) -> None:
    """The default one too, always."""
    other = str(made(account).id)
    account.run(api.sender.move(SECOND, other))
    for organization in (other, account.twin.account.directory.default.id):
        with pytest.raises(InvalidRequest):
            account.run(api.organization.delete(organization))
    account.run(api.sender.move(SECOND, account.twin.account.directory.default.id))
    assert account.run(api.organization.delete(other)).success


def test_an_organization_can_be_changed(account: Account) -> None:
    """Any of its fields; the answer is its details, with its key where it has one."""
    mine = account.twin.account.directory.default
    changed = account.run(api.organization.change(mine.id, wire.OrganizationRequest(name="Other")))
    assert ("Other", "active") == (changed.name, changed.status)
    told = account.run(api.organization.details(mine.id)).api_key
    assert told is not None
    assert account.twin.context.api_key == told.get_secret_value()


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"name": None}, 120),
        ({"website": "shop"}, 125),
        ({"country": "USA"}, 125),
        ({"support_url": 7}, 115),
        ({"webhook_url": "ftp://shop.example"}, 125),
        ({"webhook_url": "http://["}, 125),
        ({"webhook_url": "https://shop.example:99999/hook"}, 125),
        ({"webhook_header": "a\r\nb: c"}, 125),
    ],
)
def test_an_organization_is_checked(account: Account, fields: dict[str, object], code: int) -> None:
    """Four fields are needed, URLs are URLs, a country is two letters."""
    body = {
        "name": "Shop",
        "website": "https://shop.example",
        "support_url": "https://shop.example/help",
        "country": "US",
        **fields,
    }
    status, answer = account.request("POST", "/api/v1/organizations/new/", body)
    assert (400, code) == (status, answer["code"])


def test_the_sandbox_has_no_property(account: Account) -> None:
    """Orders, campaigns and organizations are not there."""
    account.switch(sandbox=True)
    asked: list[Exchange[Any]] = [
        api.sender.order(US),
        api.campaigns.broadcast("x", [PHONE], "hi"),
        api.organization.organizations(),
    ]
    for exchange in asked:
        with pytest.raises(SendError) as refused:
            account.run(exchange)
        assert refused.value.code == "270"
