"""How the world looks as JSON, for the control API."""

from __future__ import annotations

from pydantic import JsonValue, TypeAdapter

from gateway.model import Part
from gateway.simulator.scene import Scene
from gateway.simulator.world import Bubble, Phone, Thread

__all__ = ["bubble_json", "clock_json", "phone_json", "state_json", "thread_json", "vendor_json"]

_PARTS: TypeAdapter[tuple[Part, ...]] = TypeAdapter(tuple[Part, ...])


def phone_json(phone: Phone) -> dict[str, JsonValue]:
    """Show a contact's phone and its switches."""
    return {
        "address": phone.address.text,
        "name": phone.name,
        "imessage": phone.imessage,
        "rcs": phone.rcs,
        "offline": phone.offline,
        "blocked": phone.blocked,
        "receipts": phone.receipts,
        "reads": phone.reads,
        "filters": phone.filters,
        "slow": phone.slow,
        "known": phone.known,
        "limits": phone.limits,
    }


def bubble_json(bubble: Bubble) -> dict[str, JsonValue]:
    """Show one message, the twin's own notes left out; one that was taken back says nothing, nor what it said."""
    gone = bubble.unsent_at is not None
    parts: JsonValue = [] if gone else _PARTS.dump_python(bubble.parts, mode="json", exclude_none=True)
    return {
        "id": bubble.vendor_id,
        "thread": bubble.thread.id,
        "ours": bubble.ours,
        "sender": bubble.sender,
        "text": "" if gone else bubble.text,
        "parts": parts,
        "subject": None if gone else bubble.subject,
        "effect": bubble.effect.value if bubble.effect else None,
        "reply_to": bubble.reply_to,
        "reply_part": bubble.reply_part,
        "channel": bubble.channel.value,
        "state": bubble.state.value,
        "code": bubble.code,
        "reason": bubble.reason,
        "reactions": {party: reaction.text for party, reaction in bubble.reactions.items()},
        "part_reactions": [
            {"party": party, "part": part, "reaction": reaction.text}
            for (party, part), reaction in bubble.part_reactions.items()
        ],
        "stickers": list(bubble.stickers),
        "votes": {option: list(voters) for option, voters in bubble.votes.items()},
        "edits": [
            {
                "parts": _PARTS.dump_python(edit.parts, mode="json", exclude_none=True),
                "until": edit.until.isoformat(),
            }
            for edit in bubble.edits
            if not gone
        ],
        "unsent_at": bubble.unsent_at.isoformat() if bubble.unsent_at else None,
        "created_at": bubble.created_at.isoformat(),
        "times": {state.value: when.isoformat() for state, when in bubble.times.items()},
    }


def thread_json(thread: Thread, *, bubbles: bool = False) -> dict[str, JsonValue]:
    """Show a thread, with its messages where that is asked."""
    shown: dict[str, JsonValue] = {
        "id": thread.id,
        "vendor": thread.vendor,
        "line": thread.line,
        "members": [member.text for member in thread.members],
        "group": thread.group,
        "name": thread.name,
        "former": [member.text for member in thread.former],
        "typing": thread.typing,
        "messages": len(thread.bubbles),
    }
    if bubbles:
        shown["bubbles"] = [bubble_json(bubble) for bubble in thread.bubbles]
    return shown


def vendor_json(scene: Scene, vendor: str) -> dict[str, JsonValue]:
    """Show a vendor's twin: where it is, its lines, switches and webhook URL; no secrets."""
    twin = scene.twins[vendor]
    return {
        "vendor": vendor,
        "base_url": scene.base_url(vendor),
        "lines": list(twin.open_lines),
        "webhook": scene.sender.urls.get(vendor),
        "switches": dict(twin.context.switches),
        "retry_delays": list(twin.retry_delays),
        "timeout": twin.timeout,
    }


def clock_json(scene: Scene) -> dict[str, JsonValue]:
    """Show the clock."""
    clock = scene.clock
    return {"now": clock.now().isoformat(), "mode": clock.mode, "elapsed": clock.elapsed, "pending": clock.pending}


def state_json(scene: Scene) -> dict[str, JsonValue]:
    """Show everything there is, except the journal."""
    return {
        "seed": scene.seed,
        "clock": clock_json(scene),
        "vendors": [vendor_json(scene, vendor) for vendor in scene.twins],
        "contacts": [phone_json(phone) for phone in scene.world.phones()],
        "threads": [thread_json(thread, bubbles=True) for thread in scene.world.threads()],
        "faults": [armed.json() for armed in scene.faults.all()],
        "journal": scene.journal.last,
    }
