"""The vendor's operations, each a function that returns an exchange.

`gateway.run("loop-main", api.audience.contact_status("+1…"))` runs one on a connection, with its credentials, retries,
errors and logs. Every function raises what `gateway_loopmessage.errors` makes of an answer that is no success.
"""

from gateway_loopmessage.api import audience, message, opt_in, sender, webhooks

__all__ = ["audience", "message", "opt_in", "sender", "webhooks"]
