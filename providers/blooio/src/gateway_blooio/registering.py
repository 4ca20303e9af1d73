"""Where webhooks are delivered: one subscription for each URL, whose secret the vendor makes and shows once."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import SecretStr

from gateway.provider import Exchange, NotFound, Registration, VendorFault
from gateway_blooio import api

__all__ = ["register", "registered", "unregister"]


def registered() -> Exchange[Sequence[Registration]]:
    """List the subscriptions of the key."""
    listed = yield from api.list_webhooks()
    return [
        Registration(each.webhook_id, each.webhook_url or "", active=each.is_active is not False)
        for each in listed.webhooks
    ]


def register(url: str) -> Exchange[Registration]:
    """Subscribe a URL to everything.

    The vendor answers for a URL that is there already without its secret, and perhaps with fewer kinds: it gets all
    kinds again, and another secret, since nobody can be asked for the one that it has.
    """
    made = yield from api.create_webhook(url, webhook_type="all", valid_until=-1)
    if made.webhook_id is None:
        raise VendorFault("the answer names no webhook", hint="list them: it may be there all the same")
    secret = made.signing_secret
    if secret is None:
        yield from api.update_webhook(made.webhook_id, webhook_type="all", valid_until=-1, deprecate=False)
        secret = (yield from api.rotate_webhook_secret(made.webhook_id)).signing_secret
    if secret is None:
        raise VendorFault("the answer has no signing_secret", hint="rotate it on the vendor's page, and set it here")
    return Registration(made.webhook_id, url, settings={"webhook_secret": SecretStr(secret)})


def unregister(registration: str) -> Exchange[None]:
    """Delete a subscription; one that is gone is no error."""
    try:
        yield from api.delete_webhook(registration)
    except NotFound:
        return
