"""The vendor's operations, each a function that returns an exchange.

`gateway.run("loop-main", api.audience.contact_status("+1…"))` runs one on a connection, with its credentials, retries,
errors and logs; `gateway.pages("loop-main", api.audience.contacts())` goes through a list, page by page, and
`api.collected(…)` makes one list of it. Every function raises what `gateway_loopmessage.errors` makes of an answer that
is no success.
"""

from gateway_loopmessage.api import (
    audience,
    campaigns,
    message,
    opt_in,
    organization,
    paging,
    pool,
    sender,
    webhooks,
)
from gateway_loopmessage.api.paging import collected

__all__ = [
    "audience",
    "campaigns",
    "collected",
    "message",
    "opt_in",
    "organization",
    "paging",
    "pool",
    "sender",
    "webhooks",
]
