"""Campaigns on the twin: taken in at once, sent on the clock, within the hours that were given."""

from datetime import UTC, date, datetime, time
from typing import Any, Protocol, TypeVar

import pytest
from pydantic import JsonValue

from gateway.provider import DeliveryState, DeliveryUpdated, Event, Exchange, NotOptedIn
from gateway.simulator import Bubble, Scene
from gateway.simulator.contact import Contact
from gateway_loopmessage import LoopMessage, api, wire
from gateway_loopmessage.simulator import LoopMessageTwin

T = TypeVar("T")

PEOPLE = ("+12025550123", "+12025550124", "+12025550125")
NEW = "/api/v1/campaigns/new/"
ALL_DAY = wire.Schedule(from_time=time(0), to_time=time(23, 59), timezone="UTC")


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
    async def events(self, seconds: float = 10) -> list[Event]: ...


@pytest.fixture
def talking(account: Account) -> Account:
    """Three contacts who have talked with the sender."""
    for person in PEOPLE:
        account.scene.contact(person).write("hello", vendor="loopmessage")
    return account


def sent(account: Account) -> list[Bubble]:
    """Every message of ours in the world, in order of sending."""
    bubbles = [bubble for thread in account.scene.world.threads("loopmessage") for bubble in thread.bubbles]
    return sorted((bubble for bubble in bubbles if bubble.ours), key=lambda bubble: bubble.created_at)


async def test_one_text_goes_to_each_contact_on_the_clock(talking: Account) -> None:
    """One after the other, two seconds apart; reports come as for any message."""
    made = talking.run(
        api.campaigns.broadcast(
            "drop",
            PEOPLE,
            "hi",
            attachments=["https://files.example/a.png"],
            subject="Title",
            effect="slam",
            schedule=ALL_DAY,
        )
    )
    assert ("drop", "2026-01-01T12:00:00Z") == (made.name, made.create_date)
    assert made.api_key is not None
    assert talking.twin.context.api_key == made.api_key.get_secret_value()
    assert [] == sent(talking)
    events = await talking.events(10)
    bubbles = sent(talking)
    assert [("hi", "Title")] * 3 == [(bubble.text, bubble.subject) for bubble in bubbles]
    assert [0, 2, 4] == [(bubble.created_at - bubbles[0].created_at).total_seconds() for bubble in bubbles]
    delivered = [event for event in events if isinstance(event, DeliveryUpdated)]
    assert {bubble.vendor_id for bubble in bubbles} == {event.vendor_id for event in delivered}
    assert {DeliveryState.DELIVERED} == {event.state for event in delivered}


async def test_each_contact_can_get_a_text_of_its_own(talking: Account) -> None:
    """In the order of the request."""
    messages = [wire.CampaignMessage(contact=person, text=f"yo {number}") for number, person in enumerate(PEOPLE)]
    talking.run(api.campaigns.individual("outreach", messages, schedule=ALL_DAY))
    await talking.events(10)
    assert ["yo 0", "yo 1", "yo 2"] == [bubble.text for bubble in sent(talking)]


async def test_it_waits_for_its_day_and_its_hours(talking: Account) -> None:
    """By the clock of its time zone; what does not fit into a day goes on the next."""
    schedule = wire.Schedule(
        from_date=date(2026, 1, 2), from_time=time(9), to_time=time(9, 1), timezone="America/New_York"
    )
    talking.switch(campaign_spacing=50)
    talking.run(api.campaigns.broadcast("drop", PEOPLE, "hi", schedule=schedule))
    await talking.events(3 * 86_400)
    opens = datetime(2026, 1, 2, 14, tzinfo=UTC)
    first, second, third = (bubble.created_at for bubble in sent(talking))
    assert (opens, opens.replace(second=50), opens.replace(day=3)) == (first, second, third)


async def test_by_default_it_sends_by_day_in_new_york(talking: Account) -> None:
    """From ten o'clock on: at noon UTC it is too early there."""
    talking.run(api.campaigns.broadcast("drop", PEOPLE[:1], "hi"))
    await talking.events(3 * 3600 - 1)
    assert [] == sent(talking)
    await talking.events(10)
    assert [datetime(2026, 1, 1, 15, tzinfo=UTC)] == [bubble.created_at for bubble in sent(talking)]


async def test_whoever_never_wrote_is_left_out(talking: Account) -> None:
    """Or refuses the whole, where the vendor does so; a campaign for nobody else is refused."""
    talking.run(api.campaigns.broadcast("drop", ["+12025550199", PEOPLE[0]], "hi", schedule=ALL_DAY))
    await talking.events(10)
    assert 1 == len(sent(talking))
    for people, cold in ((["+12025550199"], "skip"), (["+12025550199", PEOPLE[0]], "refuse")):
        talking.switch(campaign_cold=cold)
        with pytest.raises(NotOptedIn):
            talking.run(api.campaigns.broadcast("drop", people, "hi"))


async def test_whoever_opts_out_meanwhile_gets_nothing(talking: Account) -> None:
    """The report says why."""
    talking.run(api.campaigns.broadcast("drop", PEOPLE[:1], "hi"))
    talking.scene.contact(PEOPLE[0]).write("STOP", vendor="loopmessage")
    events = await talking.events(4 * 3600)
    failed = [event for event in events if isinstance(event, DeliveryUpdated)]
    assert [(DeliveryState.FAILED, "500")] == [(event.state, event.code) for event in failed]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"name": None}, 120),
        ({"contacts": None}, 120),
        ({"contacts": []}, 115),
        ({"contacts": [7]}, 150),
        ({"contacts": ["nobody"]}, 160),
        ({"text": None}, 140),
        ({"messages": []}, 125),
        ({"contacts": None, "messages": []}, 115),
        ({"contacts": None, "messages": [{"contact": PEOPLE[0]}], "text": None}, 140),
        ({"contacts": None, "messages": [{"text": "hi"}]}, 150),
        ({"attachments": ["https://files.example/a.png"] * 4}, 125),
        ({"effect": "Slam"}, 580),
        ({"from_date": "soon"}, 125),
        ({"from_date": "9999-12-31", "from_time": "21:00"}, 125),
        ({"from_time": "9 o'clock"}, 125),
        ({"from_time": "12:00", "to_time": "11:00"}, 125),
        ({"timezone": "Mars/Base"}, 125),
    ],
)
def test_a_campaign_is_checked_whole(talking: Account, fields: dict[str, object], code: int) -> None:
    """Before anything of it is taken."""
    body = {"name": "drop", "contacts": [PEOPLE[0]], "text": "hi", **fields}
    status, answer = talking.request("POST", NEW, {name: value for name, value in body.items() if value is not None})
    assert (400, code) == (status, answer["code"])
    assert [] == sent(talking)
