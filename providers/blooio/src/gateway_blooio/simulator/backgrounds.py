"""The picture behind a chat: `/chats/{chatId}/background`."""

from __future__ import annotations

from gateway.simulator import Thread, TwinReply, TwinRequest
from gateway_blooio.simulator.account import Account
from gateway_blooio.simulator.answers import Json, Refusal, reply
from gateway_blooio.simulator.images import uploaded
from gateway_blooio.simulator.places import chat_id_of, opened_thread

__all__ = ["Backgrounds"]


class Backgrounds:
    """Get, set and remove; on phones that have iMessage."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def shown(self, request: TwinRequest) -> TwinReply:
        """`GET`; a chat in which nobody has written has none."""
        thread = self._thread(request)
        return reply(_shown(thread))

    def put(self, request: TwinRequest) -> TwinReply:
        """`PUT`; `changed` is false for the picture that is there already."""
        thread, image = self._thread(request), uploaded(request, "background")
        if not self._account.imessage(thread):
            raise Refusal(400, "Chat backgrounds need iMessage.")
        changed = thread.notes.get("background_digest") != image.digest
        if changed:
            thread.notes["background_digest"] = image.digest
            thread.notes["background_id"] = f"bg_{self._account.letters(12)}"
            thread.notes["background_version"] = _version(thread) + 1
        return reply({**_shown(thread), "changed": changed})

    def remove(self, request: TwinRequest) -> TwinReply:
        """`DELETE`; the versions count on."""
        thread = self._thread(request)
        thread.notes.pop("background_digest", None)
        thread.notes.pop("background_id", None)
        return reply(_shown(thread))

    def _thread(self, request: TwinRequest) -> Thread:
        thread = opened_thread(request, self._account)
        self._account.need_number()
        return thread


def _version(thread: Thread) -> int:
    version = thread.notes.get("background_version")
    return version if isinstance(version, int) else 0


def _shown(thread: Thread) -> Json:
    background = thread.notes.get("background_id")
    return {
        "chat_id": chat_id_of(thread),
        "has_background": background is not None,
        "background_id": background,
        "background_version": _version(thread) if background else None,
    }
