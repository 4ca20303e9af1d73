"""What the service keeps beside the ledger: tenants, keys, connections, endpoints, deliveries, files, audit.

Each file holds the rows of one thing and the calls that keep and find them. Every call takes the tenant first, so that
XX
"""

from __future__ import annotations

from gateway.store.records.base import Records, records_of

__all__ = ["Records", "records_of"]
