"""A poll, and where there are none the text that asks the same."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.actions import Policy, SendPoll
from gateway.capabilities import Capabilities, CapabilityTable, Feature
from gateway.fitting.findings import adapted, collect, most_of, settle
from gateway.fitting.messages import fit
from gateway.fitting.places import fit_chat
from gateway.fitting.plan import Plan, Step
from gateway.ids import Token
from gateway.model import Chat, Message

__all__ = ["fit_poll"]


def fit_poll(
    chat: Chat,
    title: str | None,
    options: Sequence[str],
    *,
    table: CapabilityTable,
    policy: Policy = Policy.STRICT,
) -> Plan:
    """Fit a poll; under `graceful` one that the vendor cannot carry is a text with its options, numbered.

    Raises `Unsupported`.
    """
    capabilities = table.find(chat.kind)
    exists, findings = collect(fit_chat(chat, capabilities))
    why, instead = _no_poll(options, capabilities) if exists else ("", "")
    if why:
        findings.append(adapted(Feature.POLL, "sent as a text with numbered options", why, instead))
    adaptations = settle(findings, policy)
    if not why:
        action = SendPoll(chat=chat, title=title, options=tuple(options), key="", token=Token(""))
        return Plan(steps=(Step(action=action),))
    lines = [title] if title else []
    lines += [f"{number}. {option}" for number, option in enumerate(options, 1)]
    asked = fit(chat, [Message("\n".join(lines))], table, policy)
    return asked.model_copy(update={"adaptations": (*adaptations, *asked.adaptations)})


def _no_poll(options: Sequence[str], capabilities: Capabilities) -> tuple[str, str]:
    """Say why it cannot be a poll, and what could be asked for; empty where it can."""
    if not capabilities.has(Feature.POLL):
        return "there are no polls here", "a message that names the options"
    most = capabilities.limits.poll_options
    if most is not None and len(options) > most:
        limit = most_of(most, "option")
        return f"a poll here has {limit}", f"a poll of {limit}, or several polls"
    return "", ""
