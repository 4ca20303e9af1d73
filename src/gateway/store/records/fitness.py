"""How a durable store itself is: whole, and of this version."""

from __future__ import annotations

from gateway.store.records.durable import Records
from gateway.store.sql import migrations

__all__ = ["Fitness"]


class Fitness(Records):
    """Questions to the database that are about no tenant."""

    async def problem(self) -> str | None:
        """Look whether the database's file is whole; None when it is, or when its server looks after that."""
        rows = await self._rows("integrity")
        said = str(rows[0][0])
        return None if said == "ok" else said

    async def waiting(self) -> list[str]:
        """Name the migrations that are still to be applied."""
        applied = {str(name) for (name,) in await self._rows("known_migrations")}
        # both dialects have the same ones
        return [migration.name for migration in migrations("sqlite") if migration.name not in applied]
