"""The same message under every vendor: what fitting would make of it, and what would be lost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.actions import Policy
from gateway.errors import GatewayError, Unsupported
from gateway.fitting import explain, fit
from gateway.model import Chat, ChatKind, Message
from gateway.simulator.phone.names import title_of
from gateway.simulator.proof import provider_of
from gateway.simulator.scene import Scene
from gateway.simulator.world import Bubble

__all__ = ["FittedLook", "fitted_looks"]


@dataclass(frozen=True, slots=True)
class FittedLook:
    """What a vendor would carry."""

    title: str
    outcome: str
    """`whole`, `adapted` or `refused`."""
    lines: tuple[str, ...]
    """Steps and changes, or why not."""


def fitted_looks(scene: Scene, bubble: Bubble, message: Message) -> Iterable[FittedLook]:
    """Fit a message to each vendor of the scene, gracefully; vendors without a provider are left out."""
    for vendor in scene.twins:
        provider = provider_of(scene, vendor)
        if provider is None:
            continue
        try:
            plan = fit(_chat(bubble), [message], provider.capabilities(), Policy.GRACEFUL)
        except Unsupported as refusal:
            yield FittedLook(title_of(vendor), "refused", (str(refusal), *refusal.alternatives))
        except GatewayError as error:
            yield FittedLook(title_of(vendor), "refused", (str(error),))
        else:
            outcome = "adapted" if plan.adaptations else "whole"
            yield FittedLook(title_of(vendor), outcome, tuple(explain(plan)))


def _chat(bubble: Bubble) -> Chat:
    thread = bubble.thread
    if thread.group is None:
        return Chat.direct(thread.members[0])
    return Chat(kind=ChatKind.GROUP, group=thread.group, addresses=thread.members)
