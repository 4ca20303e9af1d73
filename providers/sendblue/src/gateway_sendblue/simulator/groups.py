"""Groups: born by the first message to a set of numbers, or by a contact who adds the line."""

from __future__ import annotations

from typing import Any

from gateway.provider import Address, AddressKind, Attachment
from gateway.simulator import Thread, TwinReply, TwinRequest
from gateway_sendblue.simulator.account import VENDOR, Account
from gateway_sendblue.simulator.answers import (
    Json,
    Refusal,
    address_of,
    body_of,
    is_url,
    iso,
    reply,
    string,
    strings,
)
from gateway_sendblue.simulator.media import form_file

__all__ = ["Groups"]

_LEAST_TO_REMOVE = 4
_MOST_MEMBERS = 25
_MOST_PHOTO = 5_000_000


class Groups:
    """`/api/modify-group`, `/api/v2/groups/…`, and `/api/create-group`, whose body is made up."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def create(self, request: TwinRequest) -> TwinReply:
        """`POST /api/create-group`: `{from_number, numbers, group_name?}`; an inbound plan could not."""
        body = body_of(request)
        line, numbers = self._line(string(body, "from_number", required=True)), strings(body, "numbers")
        members = tuple({address_of(number, "numbers") for number in numbers})
        if not 2 <= len(members) <= _MOST_MEMBERS:
            raise Refusal(400, f"A group has 2 to {_MOST_MEMBERS} members")
        known = self._account.world.find_group(VENDOR, line, members)
        name = string(body, "group_name")
        thread = known or self._account.world.make_group(VENDOR, line, members, self._account.uuid(), name)
        return reply({"status": "OK", "data": self._shown(thread)})

    def one(self, request: TwinRequest) -> TwinReply:
        """`GET /api/v2/groups/{group_id}`."""
        return reply({"status": "OK", "data": self._shown(self._group(request.params["group"]))})

    # ── members ───────────────────────────────────────────────────────────────────────────────────────────────────

    def modify(self, request: TwinRequest) -> TwinReply:
        """`POST /api/modify-group`."""
        body = body_of(request)
        thread = self._group(str(string(body, "group_id", required=True)))
        change, number = string(body, "modify_type", required=True), string(body, "number", required=True)
        if change not in {"add_recipient", "remove_recipient"}:
            raise Refusal(400, "modify_type must be add_recipient or remove_recipient")
        address = address_of(number, "number")
        self._acting(thread, string(body, "from_number"))
        if address.value in self._account.lines:
            raise Refusal(400, "A line of the account can neither be added nor removed", error="unsupported_line")
        if not self._account.world.recipient(thread).imessage:
            raise Refusal(422, "Only iMessage groups can be modified")
        self._change(thread, address, add=change == "add_recipient")
        done = {"group_id": thread.group, "modify_type": change, "number": number}
        return reply({"status": "OK", **done, "error": None, "error_message": None})

    def _change(self, thread: Thread, address: Address, *, add: bool) -> None:
        members = set(thread.members)
        if add and len(members) >= _MOST_MEMBERS:
            raise Refusal(400, f"A group has at most {_MOST_MEMBERS} members")
        if not add and address not in members:
            raise Refusal(404, "This number is not in the group")
        if not add and len(members) + 1 < _LEAST_TO_REMOVE:
            raise Refusal(400, f"A member can be removed from groups of {_LEAST_TO_REMOVE} or more only")
        if add:
            self._account.world.add_member(thread, address)
        else:
            self._account.world.remove_member(thread, address)
        thread.notes["updated_at"] = iso(self._account.now())

    # ── name and picture ──────────────────────────────────────────────────────────────────────────────────────────

    def rename(self, request: TwinRequest) -> TwinReply:
        """`POST /api/v2/groups/{group_id}/name`; null or an empty text takes the name away."""
        thread, body = self._group(request.params["group"]), body_of(request)
        name = body.get("group_name")
        if name is not None and (not isinstance(name, str) or (name and not name.strip())):
            raise Refusal(400, "group_name must not be blank")
        line = self._acting(thread, string(body, "from_number"))
        self._account.world.rename(thread, name or None)
        thread.notes["updated_at"] = iso(self._account.now())
        return reply(
            {"status": "OK", "data": {"group_id": thread.group, "group_name": name or "", "from_number": line}}
        )

    def photo(self, request: TwinRequest) -> TwinReply:
        """`POST /api/v2/groups/{group_id}/photo`: by https URL, or as a file; null takes it away."""
        thread = self._group(request.params["group"])
        if request.headers.get("content-type", "").startswith("multipart/"):
            name, content = form_file(request)
            if len(content) > _MOST_PHOTO:
                raise Refusal(400, "The photo is larger than 5 MB")
            return self._photo(thread, f"https://storage.googleapis.com/group-photos/{name}", None)
        body = body_of(request)
        url = body.get("photo_url")
        if url is not None and not is_url(url, "https"):
            raise Refusal(400, "photo_url must be an https URL")
        return self._photo(thread, url, string(body, "from_number"))

    def _photo(self, thread: Thread, url: str | None, named: str | None) -> TwinReply:
        line = self._acting(thread, named)
        photo: Any = None if url is None else {"photo_guid": self._account.uuid(), "url": url}
        thread.notes["photo"] = photo
        self._account.world.set_icon(thread, None if url is None else Attachment(url=url))
        return reply({"status": "OK", "data": {"group_id": thread.group, "group_photo": photo, "from_number": line}})

    # ── groups ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _group(self, group: str) -> Thread:
        thread = self._account.world.group(VENDOR, group)
        if thread is None:
            raise Refusal(404, "There is no such group")
        return thread

    def _line(self, line: str | None) -> str:
        if line is None or line not in self._account.lines:
            raise Refusal(400, "This phone number is not defined", error="line_not_registered")
        return line

    def _acting(self, thread: Thread, named: str | None) -> str:
        """Name the line that acts; the twin's groups have one line of the account each."""
        if named is not None and self._line(named) != thread.line:
            raise Refusal(400, "This line is not in the group", error="line_not_registered")
        return thread.line

    def _shown(self, thread: Thread) -> Json:
        bubbles = thread.bubbles
        last = bubbles[-1] if bubbles else None
        made = iso(bubbles[0].created_at if bubbles else self._account.now())
        return {
            "group_id": thread.group,
            "group_name": thread.name,
            "created_at": made,
            "updated_at": thread.notes.get("updated_at", made),
            "latest_comm_at": iso(last.created_at) if last else None,
            "latest_message_id": last.vendor_id if last else None,
            "worker_group_id": f"iMessage;+;{thread.id}",
            "participant_numbers": [m.value for m in thread.members if m.kind is AddressKind.PHONE] + [thread.line],
            "participants": [*(self._participant(member) for member in thread.members), _own(thread.line)],
            "group_photo": thread.notes.get("photo"),
        }

    def _participant(self, address: Address) -> Json:
        phone: Any = address.value if address.kind is AddressKind.PHONE else None
        return {
            "participant_id": f"part_{address.value}",
            "type": "contact",
            "handle": address.value,
            "phone": phone,
            "name": self._account.world.phone(address).name,
            "contact_id": f"contact_{address.value}",
            "seat_id": None,
        }


def _own(line: str) -> Json:
    return {
        "participant_id": f"part_{line}",
        "type": "seat",
        "handle": line,
        "phone": line,
        "name": None,
        "contact_id": None,
        "seat_id": None,
    }
