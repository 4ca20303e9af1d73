"""Which migrations a database still needs, and when this version must not touch it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from gateway.errors import StoreError
from gateway.store.sql import Migration

__all__ = ["pending"]


def pending(known: Sequence[Migration], applied: Collection[str], *, late: bool) -> list[Migration]:
    """Give the migrations that are to be applied, in order.

    Those that must wait until no process of the version before is left are among them only when `late`. Raises
    `StoreError`, with the name, when something was applied that this version does not know.
    """
    names = {migration.name for migration in known}
    if strange := sorted(set(applied) - names):
        raise StoreError(
            f"the database is newer than this version: it has {strange[0]}",
            code="newer",
            hint="upgrade messaging-gateway, or restore a backup from before the upgrade",
        )
    missing = [migration for migration in known if migration.name not in applied]
    return [migration for migration in missing if late or not migration.late]
