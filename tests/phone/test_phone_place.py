"""All of a page's state is in its URL."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.addresses import Address
from gateway.simulator.phone.place import WINDOW, ChatKey, Held, Place

ADA, BEA = Address.parse("+12025550123"), Address.parse("bea@example.com")
TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
CHATS = st.builds(ChatKey, TEXT, TEXT, st.none() | TEXT)
PLACES = st.builds(
    Place,
    st.lists(st.builds(Held, st.sampled_from([ADA, BEA]), st.none() | CHATS), min_size=1, max_size=4).map(tuple),
    st.sampled_from(["", "wire", "control"]),
    st.none() | st.tuples(TEXT, TEXT),
    st.integers(WINDOW, 100_000),
)


@given(PLACES)
def test_a_place_is_read_back_from_its_query(place: Place) -> None:
    """Whatever vendors use in their ids, the URL means the same place."""
    assert place == Place.read(place.query, [ADA])


@given(st.text(max_size=60))
def test_any_query_is_some_place(query: str) -> None:
    """What makes no sense in a URL is left out; the first phone is there without any."""
    assert Place.read(query, [ADA]).phones


def test_a_place_without_a_query_is_the_first_phone() -> None:
    """Nothing is open, and nothing is beside it."""
    assert Place((Held(ADA),)) == Place.read("p=nonsense&pane=nothing&n=-3", [ADA, BEA])


def test_phones_are_put_beside_each_other_and_away() -> None:
    """At most four, at least one."""
    place = Place((Held(ADA),))
    four = place.beside(BEA).beside(ADA).beside(BEA).beside(ADA)
    assert (4, True) == (len(four.phones), four.full)
    assert (Held(BEA), Held(ADA), Held(BEA)) == four.without(0).phones
    assert place == place.without(0)
    assert (Held(BEA),) == place.taken(0, BEA).phones


def test_another_chat_begins_at_its_end() -> None:
    """Earlier messages that were asked for in one chat are not asked for in the next."""
    chat = ChatKey("echo", "+12025550100", "g~1/2")
    place = Place((Held(ADA),)).earlier()
    assert Place((Held(ADA, chat),), window=WINDOW) == place.opened(0, chat)
    assert chat == ChatKey.parse(chat.text)
