"""Every operation of the vendor: what it calls, what a second copy would do, and what the twin answers."""

from collections.abc import Callable
from datetime import date, time
from typing import Any, NamedTuple, Protocol, TypeVar

import pytest
from pydantic import JsonValue

from gateway.provider import Call, Exchange, InvalidRequest, NotFound, Page, Repeat
from gateway.simulator import Scene
from gateway.simulator.contact import Contact
from gateway_loopmessage import LoopMessage, api, wire
from gateway_loopmessage.simulator import LoopMessageTwin
from gateway_loopmessage.simulator.directory import ALIAS, SENDERS
from gateway_loopmessage.simulator.senders import PLANS

T = TypeVar("T")

PHONE = "+12025550123"
LINE = LoopMessageTwin.lines[0]
PLAN = str(PLANS[0]["id"])


class Account(Protocol):
    """See conftest."""

    scene: Scene
    contact: Contact
    provider: LoopMessage
    twin: LoopMessageTwin

    def switch(self, **switches: JsonValue) -> None: ...
    def run(self, exchange: Exchange[T]) -> T: ...
    def counted(self, exchange: Exchange[T]) -> tuple[T, int]: ...


class Row(NamedTuple):
    """One call of one operation."""

    operation: str
    """Module and function of the api."""
    call: str
    """Method, base and template of the path."""
    repeat: Repeat
    why: str
    """Why a second copy is or is no harm."""
    ask: Callable[[], Exchange[Any]]


READS = "it only reads"
SAME = "it is as it was asked for, however often"

#: The vendor's index of endpoints, row by row.
ROWS = (
    Row(
        "message.send",
        "POST api:/message/send/",
        Repeat.NEVER,
        "a second copy is a second message",
        lambda: api.message.send(wire.SendRequest(contact=PHONE, text="hi")),
    ),
    Row(
        "message.send",
        "POST api:/message/send/",
        Repeat.TRACED,
        "a second copy is a second message, but our token comes back",
        lambda: api.message.send(wire.SendRequest(contact=PHONE, text="hi", passthrough=f"gw1.{'t' * 22}.")),
    ),
    Row(
        "message.send",
        "POST api:/message/send/",
        Repeat.SAFE,
        "a message has one reaction of ours",
        lambda: api.message.send(wire.SendRequest(contact=PHONE, message_id="M", reaction="love")),
    ),
    Row(
        "message.show_typing",
        "POST api:/message/show-typing/",
        Repeat.SAFE,
        "the dots are shown already",
        lambda: api.message.show_typing(wire.ShowTypingRequest(message_id="M", typing=3)),
    ),
    Row("message.status", "GET status:/message/status/{id}/", Repeat.SAFE, READS, lambda: api.message.status("M")),
    Row("audience.contacts", "GET api:/audience/list/", Repeat.SAFE, READS, api.audience.contacts),
    Row(
        "audience.contact_status",
        "GET api:/audience/check-status/{contact}/",
        Repeat.SAFE,
        READS,
        lambda: api.audience.contact_status(PHONE),
    ),
    Row(
        "audience.unsubscribe",
        "DELETE api:/audience/delete/{contact}/",
        Repeat.SAFE,
        SAME,
        lambda: api.audience.unsubscribe(PHONE),
    ),
    Row(
        "audience.messages",
        "GET api:/audience/messages/{contact}/",
        Repeat.SAFE,
        READS,
        lambda: api.audience.messages(PHONE),
    ),
    Row("audience.tracker", "GET api:/audience/tracker/", Repeat.SAFE, READS, api.audience.tracker),
    Row("webhooks.history", "GET api:/webhooks/history/", Repeat.SAFE, READS, api.webhooks.history),
    Row(
        "campaigns.broadcast",
        "POST api:/campaigns/new/",
        Repeat.NEVER,
        "a second copy writes to everybody again",
        lambda: api.campaigns.broadcast("drop", [PHONE], "hi"),
    ),
    Row(
        "opt_in.generate_url",
        "POST api:/opt-in/generate-url/",
        Repeat.SAFE,
        "another link that nobody gets does no harm",
        lambda: api.opt_in.generate_url("[opt-in-code]"),
    ),
    Row(
        "opt_in.generate_url_in_browser",
        "GET tracker:/generate-url/{organization_id}/",
        Repeat.SAFE,
        "another link that nobody gets does no harm",
        lambda: api.opt_in.generate_url_in_browser("O", "[opt-in-code]"),
    ),
    Row("sender.senders", "GET api:/sender/list/", Repeat.SAFE, READS, api.sender.senders),
    Row("sender.details", "GET api:/sender/{id}/", Repeat.SAFE, READS, lambda: api.sender.details(LINE)),
    Row("sender.move", "PATCH api:/sender/{id}/", Repeat.SAFE, SAME, lambda: api.sender.move(LINE, "O")),
    Row("sender.cancel", "DELETE api:/sender/{id}/cancel/", Repeat.SAFE, SAME, lambda: api.sender.cancel(LINE)),
    Row(
        "sender.cancel_alias",
        "DELETE api:/sender/{alias_id}/alias/cancel/",
        Repeat.SAFE,
        SAME,
        lambda: api.sender.cancel_alias(ALIAS),
    ),
    Row("sender.plans", "GET api:/sender/plans/", Repeat.SAFE, READS, api.sender.plans),
    Row(
        "sender.order",
        "POST api:/sender/new/",
        Repeat.NEVER,
        "a second copy is a second purchase",
        lambda: api.sender.order(wire.SenderOrder(plan_id=PLAN, name="a", domain="imsg.tel"), test=True),
    ),
    Row("pool.pools", "GET api:/pool/list/", Repeat.SAFE, READS, api.pool.pools),
    Row(
        "pool.create",
        "POST api:/pool/new/",
        Repeat.NEVER,
        "a second copy is a second pool",
        lambda: api.pool.create("new"),
    ),
    Row("pool.details", "GET api:/pool/{id}/", Repeat.SAFE, READS, lambda: api.pool.details("P")),
    Row("pool.change", "PATCH api:/pool/{id}/", Repeat.SAFE, SAME, lambda: api.pool.change("P", name="new")),
    Row("pool.delete", "DELETE api:/pool/{id}/", Repeat.SAFE, SAME, lambda: api.pool.delete("P")),
    Row(
        "organization.organizations", "GET api:/organizations/list/", Repeat.SAFE, READS, api.organization.organizations
    ),
    Row(
        "organization.details",
        "GET api:/organizations/details/{id}/",
        Repeat.SAFE,
        READS,
        lambda: api.organization.details("O"),
    ),
    Row(
        "organization.change",
        "PATCH api:/organizations/details/{id}/",
        Repeat.SAFE,
        SAME,
        lambda: api.organization.change("O", wire.OrganizationRequest(name="x")),
    ),
    Row(
        "organization.delete",
        "DELETE api:/organizations/details/{id}/",
        Repeat.SAFE,
        SAME,
        lambda: api.organization.delete("O"),
    ),
    Row(
        "organization.create",
        "POST api:/organizations/new/",
        Repeat.NEVER,
        "a second copy is a second organization",
        lambda: api.organization.create("n", website="https://a", support_url="https://b", country="US"),
    ),
)


def spelt(call: Call) -> str:
    """Method, base and template of a call."""
    return f"{call.method} {call.base}:{call.template}"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.call} {row.repeat.value}")
def test_every_operation_says_what_a_second_copy_would_do(row: Row) -> None:
    """Where it calls, and whether it may be repeated."""
    call = next(row.ask())
    assert (row.call, row.repeat) == (spelt(call), call.repeat)
    assert row.why


def test_every_function_of_the_api_is_an_operation_of_the_table() -> None:
    """Nothing is left out; four more are made of these."""
    modules = {name: module for name in api.__all__ if hasattr(module := getattr(api, name), "__all__")}
    found = {f"{name}.{what}" for name, module in modules.items() for what in module.__all__}
    functions = {name for name in found if name.rpartition(".")[2].islower()}
    composed = {"audience.all_contacts", "campaigns.create", "campaigns.individual", "paging.collected"}
    assert functions == {row.operation for row in ROWS} | composed
    assert 29 == len({row.call for row in ROWS})


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.call} {row.repeat.value}")
def test_the_twin_has_every_endpoint(account: Account, row: Row) -> None:
    """With the same method and pattern, so that none answers as if it did not exist."""
    call = next(row.ask())
    base = account.provider.bases()[call.base].removeprefix(f"{account.scene.root}/loopmessage")
    patterns = [(route.method, route.pattern) for route in account.twin.routes()]
    assert (call.method, f"{base}{call.template}") in patterns


def test_the_tracker_gets_no_key(account: Account) -> None:
    """It is made for browsers; all others get the key, raw."""
    key = account.twin.context.api_key
    tracked = next(api.opt_in.generate_url_in_browser("O", "[opt-in-code]"))
    assert {} == account.provider.authorize(tracked).headers
    assert key == account.provider.authorize(next(api.pool.pools())).headers["Authorization"]


# ── lists ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_list_is_collected_whole(account: Account) -> None:
    """Page by page in one exchange, in the order of the list; as the vendor's SDK does by `collectAll`."""
    people = [f"+1202555{number:04d}" for number in range(100, 105)]
    for person in people:
        account.scene.contact(person).write("hello", vendor="loopmessage")
    found, calls = account.counted(api.collected(api.audience.contacts(per_page=2, sort_by="asc")))
    assert (people, 3) == ([contact.value for contact in found], calls)
    everybody, calls = account.counted(api.audience.all_contacts())
    assert (people, 1) == ([contact.value for contact in everybody], calls)
    assert [people[0]] == [contact.value for contact in account.run(api.audience.all_contacts(search="0100"))]


def test_a_list_goes_on_page_by_page(account: Account) -> None:
    """Each page gives the next one, as the SDK's `listAll` does; the last gives none."""
    for person in ("+12025550100", "+12025550101", "+12025550102"):
        account.scene.contact(person).write("hello", vendor="loopmessage")
    page: Page[wire.Contact] | None = account.run(api.audience.contacts(per_page=2))
    sizes = []
    while page is not None:
        sizes.append((len(page.items), page.total))
        page = account.run(page.more()) if page.more else None
    assert [(2, 3), (1, 3)] == sizes


def test_contacts_can_be_asked_for_by_day(account: Account) -> None:
    """The clock of the world stands at the first day of 2026."""
    account.contact.write("hello", vendor="loopmessage")
    on, after = date(2026, 1, 1), date(2026, 1, 2)
    assert 1 == len(account.run(api.audience.contacts(from_date=on, to_date=on)).items)
    assert [] == account.run(api.audience.contacts(from_date=after)).items


def test_the_tracker_tells_who_opened_a_link(account: Account) -> None:
    """By the vendor's fields, the newest first; nobody did, as long as no link was followed."""
    assert [] == account.run(api.audience.tracker()).items
    links = account.run(api.opt_in.generate_url("Ready? [opt-in-code]", {"origin": "https://shop.example/"}))
    account.contact.opt_in(vendor="loopmessage", link=links.id)
    (item,) = account.run(api.audience.tracker(from_date=date(2026, 1, 1))).items
    assert ("opt_in", "https://shop.example/", "US") == (item.type, item.origin, item.geo and item.geo.country)
    assert item.user_agent is not None
    assert (True, "iOS") == (item.user_agent.mobile, item.user_agent.os)
    assert [] == account.run(api.audience.tracker(from_date=date(2026, 1, 2))).items


# ── links ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_link_for_web_pages_is_like_any(account: Account) -> None:
    """Its parameters come back on the webhook; an unknown organization is not found."""
    mine = account.twin.account.directory.default.id
    links = account.run(api.opt_in.generate_url_in_browser(mine, "Hi [opt-in-code]", {"campaign": "spring"}))
    assert (links.url or "").startswith("https://opt-in.imsg.link/opt-in/")
    found = account.twin.account.links[0]
    assert ({"campaign": "spring"}, links.id) == (found.parameters, found.id)
    with pytest.raises(NotFound):
        account.run(api.opt_in.generate_url_in_browser("O-unknown", "Hi [opt-in-code]"))
    with pytest.raises(InvalidRequest):
        account.run(api.opt_in.generate_url_in_browser(mine, "no place"))


def test_a_link_of_a_pool_leads_to_the_sender_with_the_fewest_conversations(account: Account) -> None:
    """New contacts are spread over the pool."""
    first, second = (line.id for line in SENDERS)
    pool = account.run(api.pool.create("both", [first, second]))
    account.contact.write("hello", vendor="loopmessage", line=first)
    links = account.run(api.opt_in.generate_url("[opt-in-code]", {"pool_id": str(pool.id)}))
    assert (links.imessage or "").startswith("imessage://hello%40imsg.tel")
    with pytest.raises(InvalidRequest, match="pool"):
        account.run(api.opt_in.generate_url("[opt-in-code]", {"pool_id": "P-unknown"}))


# ── requests in the vendor's spelling ─────────────────────────────────────────────────────────────────────────────


def test_a_campaign_is_spelt_as_the_vendor_spells_it() -> None:
    """Both forms, and a schedule: days, hours and a time zone."""
    schedule = wire.Schedule(
        from_date=date(2026, 6, 1), from_time=time(9), to_time=time(18, 30), timezone="America/Los_Angeles"
    )
    many = next(
        api.campaigns.broadcast(
            "drop",
            [PHONE],
            "hi",
            attachments=["https://files.example/a.png"],
            effect="slam",
            subject="Title",
            schedule=schedule,
        )
    )
    when = {
        "from_date": "2026-06-01",
        "from_time": "09:00",
        "to_time": "18:30",
        "timezone": "America/Los_Angeles",
    }
    expected = {
        "name": "drop",
        "contacts": [PHONE],
        "text": "hi",
        "attachments": ["https://files.example/a.png"],
        "effect": "slam",
        "subject": "Title",
        **when,
    }
    assert expected == many.json
    messages = [wire.CampaignMessage(contact=PHONE, text="yo")]
    each = next(api.campaigns.individual("drop", messages, schedule=wire.Schedule(timezone="Europe/Berlin")))
    assert each.json == {"name": "drop", "messages": [{"contact": PHONE, "text": "yo"}], "timezone": "Europe/Berlin"}


def test_an_order_is_one_object_or_a_list() -> None:
    """`test` stands beside either; an order of nothing is none."""
    one = wire.SenderOrder(plan_id=PLAN, phone_region="US", contact=wire.CardName(first_name="Jo"))
    body = {"plan_id": PLAN, "phone_region": "US", "contact": {"first_name": "Jo"}}
    assert body == next(api.sender.order(one)).json
    assert {"senders": [body, body], "test": True} == next(api.sender.order(one, one, test=True)).json
    with pytest.raises(ValueError, match="at least one"):
        next(api.sender.order())


def test_the_header_of_webhooks_travels_and_is_not_shown() -> None:
    """It is a secret like the key."""
    request = wire.OrganizationRequest.model_validate({"webhook_header": "Bearer hook-1", "name": "n"})
    call = next(api.organization.change("O", request))
    assert {"webhook_header": "Bearer hook-1", "name": "n"} == call.json
    assert "hook-1" not in repr(request) + str(request) + repr(call)
