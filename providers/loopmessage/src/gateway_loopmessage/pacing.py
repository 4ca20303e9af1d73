"""What LoopMessage asks of whoever sends: space between messages to silent contacts, few new conversations a day."""

from __future__ import annotations

from datetime import timedelta

from gateway.provider import DailyCap, Pace, Rules, Scope, Whom
from gateway_loopmessage.settings import LoopMessageSettings

__all__ = ["rules"]

_QUARTER_HOUR = 900.0
#: The vendor counts from when a message reaches it, and one may be quicker on its way than the one before.
_ON_THE_WAY = 1.0

#: From which day of a sender on, how many new conversations a day.
_WARM_UP = ((1, 2), (3, 5), (5, 10), (8, 20), (15, 30), (22, 50))


def rules(settings: LoopMessageSettings) -> Rules:
    """Make the rules of a connection.

    The two minutes are the vendor's own (docs.loopmessage.com, "Sending messages": contacts who have not written
    lately), and name no sender, so the whole account is counted. What new conversations may be is told by a third
    party who quotes the vendor's help page: it holds only where the settings say that the sender starts some.
    """
    paces, caps = [], []
    if settings.silent_spacing:
        why = f"{settings.silent_spacing:g} seconds between messages to contacts who have not written lately"
        paces.append(Pace("silent", Scope.CONNECTION, settings.silent_spacing + _ON_THE_WAY, whom=Whom.SILENT, why=why))
    if settings.conversations_since:
        why = "15 minutes between new conversations"
        paces.append(Pace("new", Scope.LINE, _QUARTER_HOUR + _ON_THE_WAY, whom=Whom.NEW, why=why))
        why = "the new conversations of one day, as few as a new sender may start"
        caps.append(DailyCap("warm-up", Scope.LINE, _WARM_UP, settings.conversations_since, Whom.NEW, why))
    return Rules(
        paces=tuple(paces),
        caps=tuple(caps),
        recent=timedelta(hours=settings.recent_hours),
        # without that feature only contacts who opted in, or wrote first, can be written to (codes 510, 520, 530)
        opt_in_first=settings.conversations_since is None,
    )
