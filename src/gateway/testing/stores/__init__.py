"""The contracts of a store: subclass them, give one fixture, and every sentence of the port is proven.

    class TestMine(StoreContract):
        @pytest.fixture
        async def store(self) -> AsyncIterator[Store]:
            store = MyStore("mine:")
            await store.open()
            yield store
            await store.close()

`StoreContract` is for every store, `DurableContract` for one that outlives its process, `SharedContract` for one that
several processes use at once.
"""

from __future__ import annotations

from gateway.testing.stores.at_once import AtOnceContract
from gateway.testing.stores.durable import DurableContract, SharedContract
from gateway.testing.stores.events import EventsContract
from gateway.testing.stores.going_on import GoingOnContract
from gateway.testing.stores.lanes import LanesContract
from gateway.testing.stores.lookups import LookupsContract
from gateway.testing.stores.settling import SettlingContract
from gateway.testing.stores.waking import WakingContract

__all__ = ["DurableContract", "SharedContract", "StoreContract"]


class StoreContract(
    LanesContract,
    GoingOnContract,
    AtOnceContract,
    SettlingContract,
    EventsContract,
    LookupsContract,
    WakingContract,
):
    """What the port promises of every store; the subclass gives the fixture `store`, open and empty."""
