"""What the service keeps beside the ledger: tenants, keys, connections, endpoints, deliveries, files, audit.

Each file holds the rows of one thing and the calls that keep and find them. Every call takes the tenant first, so that
nobody reads or writes what belongs to another one; what is not the tenant's is not there.
"""

from __future__ import annotations

from gateway.store.records.durable import Records, records_of

__all__ = ["Records", "records_of"]
