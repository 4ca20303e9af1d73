"""Fitting: message × capabilities × policy → steps and adaptations, or `Unsupported`. Pure.

    messages   all rules, one after the other   findings   what rules find; what a policy makes of it
    places     the chat and the channel         polls      a poll, or a text that asks the same
    parts      each part by itself              breaks     where a long text may be cut
    bubbles    the parts together               media      what is known of a file
    showing    subject, effect, reply, …        dots       typing before a message
    calls      which messages share a call      plan       the result, and how it is told
    quoting    a line in place of a thread      gestures   reactions, dots, read marks, our card

Decoration (effect, subject, mention, card, thread, contact card, dots, channel) may fall back; content (text, media,
recipients) may be reshaped and is never dropped; the reference is never touched. What has been fitted fits: fitting
it again, under `strict`, changes nothing. A level of `FALLBACK` is carried as it was asked: what the vendor itself
makes of it is not a change of ours.
"""

from __future__ import annotations

from gateway.fitting.gestures import fit_contact, fit_reaction, fit_read, fit_typing
from gateway.fitting.messages import fit
from gateway.fitting.places import require
from gateway.fitting.plan import Plan, Step, explain, shape
from gateway.fitting.polls import fit_poll
from gateway.fitting.quoting import Quotes, unthreaded

__all__ = [
    "Plan",
    "Quotes",
    "Step",
    "explain",
    "fit",
    "fit_contact",
    "fit_poll",
    "fit_reaction",
    "fit_read",
    "fit_typing",
    "require",
    "shape",
    "unthreaded",
]
