"""Every public method of the vendor's own client against the twin, its own models validating the answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from providers.sendblue.tests.client_methods_sendblue import methods_of
from providers.sendblue.tests.conftest import ADA, BEN, CLEO, LINE, OTHER_LINE, VENDOR

if TYPE_CHECKING:
    from providers.sendblue.tests.conftest import Stand

sendblue_api = pytest.importorskip("sendblue_api", reason="the vendor's client is in the development tools")

README = Path(__file__).parents[1] / "README.md"
HOOK = "https://application.example/hooks"
CARD = {
    "app_name": "Chess",
    "extension_bundle_id": "com.example.chess",
    "team_id": "TEAM123456",
    "url": "https://chess.example/game/1",
    "layout": {"caption": "Your move", "image_url": "https://chess.example/board.png", "image_title": "e4"},
}


class Journey:
    """What a call finds when it is made: messages both ways, a group, a card, a seat, a token, a verification."""

    def __init__(self, client: Any, stand: Stand) -> None:
        self.client = client
        self.stand = stand
        self.wrote = self.group = self.card = self.seat = self.token = self.totp = self.check = ""

    async def begin(self) -> None:
        """Make all of it, with the client itself."""
        client, ada = self.client, self.stand.ada
        self.wrote = ada.write("hello", vendor=VENDOR).vendor_id
        group = await client.groups.send_message(content="hi all", from_number=LINE, numbers=[ADA, BEN, CLEO])
        self.group = group.model_extra["group_id"]
        self.card = (await client.messages.send(number=ADA, from_number=LINE, app_card=CARD)).message_handle
        self.seat = (await client.v2.seats.list())[0].seat_id
        self.token = (await client.auth.tokens.create(expires_in_seconds=60)).token_id
        self.totp = (await client.v2.totp.secrets.create(secret="JBSWY3DPEHPK3PXP")).totp_secret.id
        self.check = (await client.verify.verifications.create("VA1", to=ADA)).sid
        await client.contacts.create(number=BEN)
        await client.verified_contacts.create(phone_number=CLEO)
        await client.request_location.create(number=ADA, from_number=LINE)
        await self.stand.sim.clock.advance(90)


Deed = Callable[[Any, Journey], Awaitable[Any]]


async def _events_of(stream: Any) -> list[Any]:
    return [event async for event in await stream]


DEEDS: dict[str, Deed] = {
    "messages.send": lambda client, journey: client.messages.send(
        number=ADA,
        from_number=LINE,
        content="hi",
        media_url="https://a.example/1.png",
        send_style="shooting_star",
        status_callback=HOOK,
        reply_to={"message_handle": journey.wrote, "part_index": 0},
        seat_id=journey.seat,
        pre_reply_override=True,
    ),
    "messages.list": lambda client, _: client.messages.list(
        account_email="team@example.com",
        created_at_gte="2020-01-01T00:00:00Z",
        is_outbound="true",
        limit=5,
        number=ADA,
        offset=0,
        order_by="updatedAt",
        order_direction="asc",
        sendblue_number=LINE,
        service="iMessage",
        status="DELIVERED",
        updated_at_lte="2100-01-01T00:00:00Z",
    ),
    "messages.retrieve": lambda client, journey: client.messages.retrieve(journey.wrote),
    "messages.get_status": lambda client, journey: client.messages.get_status(handle=journey.card),
    "messages.update_app_card": lambda client, journey: client.messages.update_app_card(
        journey.card, idempotency_key="k", layout={"caption": "Mate"}, url="https://chess.example/game/2"
    ),
    "messages.v2.verify.services.verifications.create": lambda client, _: (
        client.messages.v2.verify.services.verifications.create(
            "VA1", to=BEN, hosted={"parent_origin": "https://application.example"}
        )
    ),
    "messages.v2.verify.services.verifications.retrieve": lambda client, journey: (
        client.messages.v2.verify.services.verifications.retrieve(journey.check, service_sid="VA1")
    ),
    "groups.modify": lambda client, journey: client.groups.modify(
        group_id=journey.group, modify_type="add_recipient", number="dora@example.com", from_number=LINE
    ),
    "groups.send_message": lambda client, journey: client.groups.send_message(
        content="again", from_number=LINE, group_id=journey.group, media_url="https://a.example/1.png"
    ),
    "media_objects.upload": lambda client, _: client.media_objects.upload(media_url="https://a.example/1.png"),
    "lookups.lookup_number": lambda client, _: client.lookups.lookup_number(number=ADA),
    "typing_indicators.send": lambda client, _: client.typing_indicators.send(
        number=ADA, from_number=LINE, state="start", max_duration_ms=1000
    ),
    "send_carousel.send": lambda client, _: client.send_carousel.send(
        from_number=LINE,
        number=ADA,
        media_urls=["https://a.example/1.png", "https://a.example/2.png"],
        metadata={"a": 1},
    ),
    "request_location.create": lambda client, _: client.request_location.create(number=BEN, from_number=LINE),
    "location.list": lambda client, _: client.location.list(from_number=LINE),
    "location.retrieve": lambda client, _: client.location.retrieve(ADA, from_number=LINE),
    "location.watch": lambda client, _: _events_of(client.location.watch(ADA, from_number=LINE)),
    "contacts.create": lambda client, _: client.contacts.create(
        number="+12025550160",
        body_first_name_1="Dora",
        custom_variables={"a": "b"},
        tags=["vip"],
        update_if_exists=True,
    ),
    "contacts.retrieve": lambda client, _: client.contacts.retrieve(BEN),
    "contacts.update": lambda client, _: client.contacts.update(
        BEN, body_company_name_1="Acme", body_opt_out_1=True, custom_variables={"c": "d"}
    ),
    "contacts.list": lambda client, _: client.contacts.list(limit=5, offset=0, order_direction="asc"),
    "contacts.delete": lambda client, _: client.contacts.delete(BEN),
    "contacts.count": lambda client, _: client.contacts.count(),
    "contacts.opt_out": lambda client, _: client.contacts.opt_out(number=BEN, opted_out=True),
    "contacts.verify": lambda client, _: client.contacts.verify(number=BEN),
    "contacts.bulk.create": lambda client, _: client.contacts.bulk.create(contacts=[{"phone": "+12025550161"}]),
    "contacts.bulk.delete": lambda client, _: client.contacts.bulk.delete(contact_ids=[BEN]),
    "verified_contacts.create": lambda client, _: client.verified_contacts.create(phone_number=BEN),
    "verified_contacts.retrieve": lambda client, _: client.verified_contacts.retrieve(CLEO),
    "verified_contacts.list": lambda client, _: client.verified_contacts.list(),
    "webhooks.create": lambda client, _: client.webhooks.create(
        webhooks=[HOOK, {"url": f"{HOOK}/2", "secret": "s", "sendblue_numbers": [LINE]}],
        type="receive",
        global_secret="g",
    ),
    "webhooks.list": lambda client, _: client.webhooks.list(),
    "webhooks.update": lambda client, _: client.webhooks.update(
        webhooks={"outbound": [HOOK], "line_blocked": [{"url": HOOK}], "global_secret": "g"}
    ),
    "webhooks.delete": lambda client, _: client.webhooks.delete(webhooks=[HOOK], type="receive"),
    "lines.get_state": lambda client, _: client.lines.get_state(),
    "lines.get_usage": lambda client, _: client.lines.get_usage(),
    "lines.get_contact_status": lambda client, _: client.lines.get_contact_status(number=ADA, sendblue_number=LINE),
    "lines.call_forwarding.retrieve": lambda client, _: client.lines.call_forwarding.retrieve(LINE),
    "lines.call_forwarding.update": lambda client, _: client.lines.call_forwarding.update(LINE, forwarding_number=ADA),
    "lines.call_forwarding.delete": lambda client, _: client.lines.call_forwarding.delete(OTHER_LINE),
    "events.stream": lambda client, _: _events_of(client.events.stream(types="message.received,message.created")),
    "auth.tokens.create": lambda client, _: client.auth.tokens.create(phone_numbers=[LINE]),
    "auth.tokens.revoke": lambda client, journey: client.auth.tokens.revoke(journey.token),
    "verify.verifications.create": lambda client, _: client.verify.verifications.create("VA1", to=CLEO),
    "verify.verifications.retrieve": lambda client, journey: client.verify.verifications.retrieve(
        journey.check, service_sid="VA1"
    ),
    "verify.verifications.list": lambda client, _: client.verify.verifications.list(limit=5, offset=0),
    "v2.seats.list": lambda client, _: client.v2.seats.list(email="team@example.com"),
    "v2.seats.retrieve": lambda client, journey: client.v2.seats.retrieve(journey.seat),
    "v2.seats.count": lambda client, _: client.v2.seats.count(),
    "v2.totp.get_code": lambda client, journey: client.v2.totp.get_code(journey.totp),
    "v2.totp.secrets.create": lambda client, _: client.v2.totp.secrets.create(
        uri="otpauth://totp/Acme:ada?secret=JBSWY3DPEHPK3PXP&issuer=Acme"
    ),
    "v2.totp.secrets.list": lambda client, _: client.v2.totp.secrets.list(),
    "v2.totp.secrets.delete": lambda client, journey: client.v2.totp.secrets.delete(journey.totp),
    "v2.groups.retrieve": lambda client, journey: client.v2.groups.retrieve(journey.group),
    "v2.groups.rename": lambda client, journey: client.v2.groups.rename(journey.group, group_name="Trip"),
    "v2.groups.set_photo": lambda client, journey: client.v2.groups.set_photo(
        journey.group, photo_url="https://a.example/1.png"
    ),
}


@pytest.fixture
async def client(stand: Stand) -> AsyncIterator[Any]:
    """The client, with nothing changed but its address and its patience; its models hold to their types."""
    settings = stand.sim.settings(VENDOR)
    async with sendblue_api.AsyncSendblueAPI(
        api_key=settings["api_key_id"],
        api_secret=settings["api_secret_key"],
        base_url=stand.sim.base_url(VENDOR),
        max_retries=0,
        _strict_response_validation=True,
    ) as made:
        yield made


async def test_the_deeds_are_all_that_the_client_can_do(client: Any) -> None:
    """No method of the client is left out, and none is made up."""
    assert methods_of(client) == set(DEEDS)


@pytest.mark.parametrize("name", sorted(DEEDS))
async def test_it_can_be_done(stand: Stand, client: Any, name: str) -> None:
    """The twin answers with 2xx and with what the client's own models say."""
    journey = Journey(client, stand)
    await journey.begin()
    answer = await DEEDS[name](client, journey)
    assert answer is not None or name == "auth.tokens.revoke"
    unnamed = {} if isinstance(answer, list) or answer is None else dict(answer.model_extra or {})
    assert set() == set(unnamed) - {"sendblue_number", "group_id", "participants"}


async def test_the_page_names_each_method_with_our_counterpart(client: Any) -> None:
    """The table of the README is the client's methods, no more and no less."""
    section = README.read_text().partition("\n## The published client\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1].strip(" `") for line in section.splitlines() if line.startswith("| `")]
    assert sorted(methods_of(client)) == sorted(rows)


async def test_it_raises_its_own_errors(client: Any) -> None:
    """Each status is the client's class for it, with the body beside."""
    with pytest.raises(sendblue_api.BadRequestError) as refused:
        await client.messages.send(number="12", from_number=LINE, content="hi")
    assert ("ERROR", 4000) == (refused.value.body["status"], refused.value.body["error_code"])
    with pytest.raises(sendblue_api.NotFoundError):
        await client.messages.retrieve("no-such-message")
    with pytest.raises(sendblue_api.AuthenticationError):
        await client.with_options(api_key="wrong").lines.get_state()


async def test_its_retries_send_a_message_again(stand: Stand, client: Any) -> None:
    """A 503 after the acceptance: the client sends it three times, which is why the gateway never repeats a send."""
    stand.switch("accept_then_503", value=True)
    with pytest.raises(sendblue_api.InternalServerError):
        await client.with_options(max_retries=2).messages.send(number=ADA, from_number=LINE, content="thrice")
    thread = stand.sim.world.threads(VENDOR)[0]
    assert ["thrice"] * 3 == [bubble.text for bubble in thread.bubbles]
