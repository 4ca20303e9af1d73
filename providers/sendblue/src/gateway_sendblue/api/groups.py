"""Groups: members, name and picture."""

from __future__ import annotations

from typing import Literal

from pydantic import JsonValue

from gateway.provider import Blob, Call, Exchange, Repeat, path
from gateway_sendblue import wire
from gateway_sendblue.api.answers import ask, look_up

__all__ = ["create", "get", "modify", "rename", "set_photo", "upload_photo"]


def create(body: dict[str, JsonValue]) -> Exchange[wire.GroupAnswer]:
    """POST `/api/create-group`, which the vendor's own tools name; its fields are not documented."""
    return ask(Call("POST", path("/api/create-group"), json=body), wire.GroupAnswer)


def get(group: str) -> Exchange[wire.GroupAnswer]:
    """GET `/api/v2/groups/{group_id}`: name, picture and participants."""
    return look_up(path("/api/v2/groups/{group}", group=group), wire.GroupAnswer)


def modify(
    group: str,
    change: Literal["add_recipient", "remove_recipient"],
    number: str,
    *,
    from_number: str | None = None,
) -> Exchange[wire.GroupChange]:
    """POST `/api/modify-group`: add or remove a member, by phone or email.

    Only in iMessage groups; four members have to be there before one can be removed. Adding one who is there changes
    nothing. `from_number` may be left out where exactly one line of ours is in the group.
    """
    body: dict[str, JsonValue] = {"group_id": group, "modify_type": change, "number": number}
    if from_number is not None:
        body["from_number"] = from_number
    return ask(Call("POST", path("/api/modify-group"), json=body, repeat=Repeat.SAFE), wire.GroupChange)


def rename(group: str, name: str | None, *, from_number: str | None = None) -> Exchange[wire.GroupAnswer]:
    """POST `/api/v2/groups/{group_id}/name`: every member sees it; None takes the name away."""
    body: dict[str, JsonValue] = {"group_name": name}
    return _change(group, "name", body, from_number)


def set_photo(group: str, photo_url: str | None, *, from_number: str | None = None) -> Exchange[wire.GroupAnswer]:
    """POST `/api/v2/groups/{group_id}/photo`: by https URL without redirects; None takes the picture away.

    JPEG, PNG or GIF of at most 5 MB and 25 million pixels.
    """
    body: dict[str, JsonValue] = {"photo_url": photo_url}
    return _change(group, "photo", body, from_number)


def upload_photo(group: str, photo: Blob) -> Exchange[wire.GroupAnswer]:
    """The same, with the file itself."""
    where = path("/api/v2/groups/{group}/photo", group=group)
    return ask(Call("POST", where, files={"file": photo}, repeat=Repeat.SAFE), wire.GroupAnswer)


def _change(
    group: str, what: Literal["name", "photo"], body: dict[str, JsonValue], from_number: str | None
) -> Exchange[wire.GroupAnswer]:
    """Both are made at once and never repeated by the vendor: a second copy sets the same again."""
    where = path("/api/v2/groups/{group}/" + what, group=group)
    whole = body if from_number is None else {**body, "from_number": from_number}
    return ask(Call("POST", where, json=whole, repeat=Repeat.SAFE), wire.GroupAnswer)
