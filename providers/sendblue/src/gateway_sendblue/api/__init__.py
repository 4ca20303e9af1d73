"""The vendor's operations, each a function that returns an exchange.

`gateway.run("blue-main", api.contacts.opt_out("+1…"))` runs one on a connection, with its credentials, retries, errors
and logs. Every function raises what `gateway_sendblue.errors` makes of an answer that is no success; an answer of 2xx
that says `ERROR` or `DECLINED` is none. Source: the published client `sendblue` 1.33.0 and docs.sendblue.com (2026).
"""

from gateway_sendblue.api import (
    account,
    contacts,
    groups,
    lines,
    locations,
    media,
    messages,
    totp,
    verifications,
    webhooks,
)

__all__ = [
    "account",
    "contacts",
    "groups",
    "lines",
    "locations",
    "media",
    "messages",
    "totp",
    "verifications",
    "webhooks",
]
