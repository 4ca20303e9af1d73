"""A webhook of the journal told once more: signed anew, for a time gone by, or with another secret."""

from __future__ import annotations

from gateway.simulator.contact import Impossible
from gateway.simulator.journal import Entry
from gateway.simulator.scene import Scene

__all__ = ["tell_again", "webhook_of"]


def webhook_of(scene: Scene, seq: int) -> Entry | None:
    """Look up a webhook of the journal by its number."""
    hooks = scene.journal.entries("webhook", since=seq - 1, limit=1)
    return next((entry for entry in hooks if entry.seq == seq), None)


def tell_again(scene: Scene, seq: int, *, age: float = 0.0, wrongly: bool = False) -> None:
    """Let a vendor tell a webhook once more; raises `Impossible`.

    `age` is by how many seconds the signed time lies back, as where somebody captured it and plays it again; `wrongly`
    is the signature of somebody who has another secret.
    """
    entry, hook = webhook_of(scene, seq), scene.originals.webhook(seq)
    if entry is None or hook is None or entry.vendor not in scene.twins:
        raise Impossible("the journal no longer has the webhook", hint="let it happen once more", status=404)
    if hook.url is None and entry.vendor not in scene.sender.urls:
        hint = "PUT /_sim/webhooks/VENDOR says where they go"
        raise Impossible("this vendor's webhooks go nowhere", hint=hint, status=409)
    scene.sender.again(scene.twins[entry.vendor], hook, age=age, wrongly=wrongly)
