"""The store in memory: every promise but durability, and the model that the durable stores are held against."""

from __future__ import annotations

from gateway.store.memory.store import MemoryStore

__all__ = ["MemoryStore"]
