"""The twin: files, groups made by hand, Basic on Verify, and what only the vendor's own tools use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from providers.sendblue.tests.conftest import ADA, BEN, CLEO, LINE, VENDOR

from gateway.provider import Blob, InvalidRequest, NotFound
from gateway_sendblue import api

if TYPE_CHECKING:
    from providers.sendblue.tests.conftest import Stand


@pytest.fixture
def picture(tmp_path: Path) -> Blob:
    """A small file on this machine."""
    where = tmp_path / "one.png"
    where.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    return Blob(str(where), "one.png", "image/png")


async def test_a_file_becomes_a_url(stand: Stand, picture: Blob) -> None:
    """By multipart; a form without the field is refused."""
    uploaded = await stand.run(api.media.upload_file(picture))
    wrong = await stand.http.post(f"{stand.sim.base_url(VENDOR)}/api/upload-file", files={"other": b"x"})
    assert str(uploaded.media_url).endswith("/one.png")
    assert (400, 400) == (wrong.status_code, (await stand.ask("POST", "/api/upload-file", {})).status_code)


async def test_a_group_made_by_hand_gets_a_picture(stand: Stand, picture: Blob) -> None:
    """By URL or as a file, and without one again; only https is fetched."""
    made = (await stand.run(api.groups.create({"from_number": LINE, "numbers": [ADA, BEN], "group_name": "Us"}))).data
    assert made is not None
    group = str(made.group_id)
    await stand.run(api.groups.upload_photo(group, picture))
    shown = (await stand.run(api.groups.get(group))).data
    assert shown is not None
    assert shown.group_photo is not None
    assert ("Us", True) == (shown.group_name, str(shown.group_photo.url).endswith("/one.png"))
    with pytest.raises(InvalidRequest):
        await stand.run(api.groups.set_photo(group, "http://a.example/1.png"))
    cleared = (await stand.run(api.groups.set_photo(group, None))).data
    assert cleared is not None
    assert cleared.group_photo is None


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/api/create-group", {"from_number": LINE, "numbers": [ADA]}, 400),
        ("POST", "/api/create-group", {"from_number": "+15125550199", "numbers": [ADA, BEN]}, 400),
        ("GET", "/api/v2/groups/unknown", None, 404),
        ("POST", "/api/modify-group", {"group_id": "unknown", "modify_type": "add_recipient", "number": CLEO}, 404),
        ("POST", "/api/modify-group", {"modify_type": "add_recipient", "number": CLEO}, 400),
        ("GET", "/api/evaluate-service?number=nobody", None, 400),
        ("POST", "/api/upload-media-object", {"media_url": "file"}, 400),
        ("GET", "/api/v2/contacts/12", None, 400),
        ("GET", "/api/v2/contacts/%2B12025550199", None, 404),
        ("POST", "/api/v2/contacts", {"number": ADA, "tags": "vip"}, 400),
        ("POST", "/api/v2/contacts", {"number": ADA, "custom_variables": []}, 400),
        ("POST", "/api/v2/contacts/bulk", {"contacts": [7]}, 400),
        ("POST", "/api/v2/contacts/opt-out", {"number": ADA, "opted_out": "yes"}, 400),
        ("GET", "/v3/verified-contacts/%2B12025550199", None, 404),
        ("GET", "/api/v2/lines/contact-status?number=x", None, 400),
        ("GET", "/api/lines/%2B12025550199/call-forwarding", None, 404),
        ("GET", "/api/location?from_number=x", None, 400),
        ("GET", "/api/v2/seats/unknown", None, 404),
        ("POST", "/v3/auth/tokens", {"expires_in_seconds": 0}, 400),
        ("POST", "/v3/auth/tokens", {"phone_numbers": [ADA]}, 400),
        ("DELETE", "/v3/auth/tokens/unknown", None, 404),
        ("POST", "/api/v2/totp/secrets", {"secret": "1"}, 400),
        ("POST", "/api/v2/totp/secrets", {"uri": "https://a.example"}, 400),
        ("GET", "/api/v2/totp/code/unknown", None, 404),
        ("POST", "/api/v2/verify/services/VA1/verifications", {"to": ADA, "hosted": {}}, 400),
        ("GET", "/api/v2/verify/services/VA1/verifications/unknown", None, 404),
        ("POST", "/api/messages/unknown/update-app-card", {"url": "https://a.example"}, 404),
        ("PUT", "/api/account/webhooks", {"webhooks": []}, 400),
        ("GET", "/api/status", None, 400),
        ("GET", "/api/unknown", None, 404),
    ],
)
async def test_what_is_not_there_or_malformed_is_refused(
    stand: Stand, method: str, path: str, body: Any, status: int
) -> None:
    """Each with its status, and nothing fails inside."""
    answer = await stand.ask(method, path, body)
    assert status == answer.status_code
    assert [] == stand.sim.scene.failures


async def test_a_deleted_message_leaves_the_lists_and_stays_on_the_phone(stand: Stand) -> None:
    """It is not unsent."""
    receipt = await stand.send("hi")
    await stand.run(api.messages.delete(receipt.vendor_id))
    assert [] == (await stand.run(api.messages.rows())).data
    assert stand.sim.world.find(VENDOR, receipt.vendor_id) is not None
    with pytest.raises(NotFound):
        await stand.run(api.messages.get(receipt.vendor_id))


async def test_basic_is_for_verify_only(stand: Stand) -> None:
    """For clients that were written for another vendor's Verify."""
    settings = stand.sim.settings(VENDOR)
    basic = (settings["api_key_id"], settings["api_secret_key"])
    bare = {"sb-api-key-id": "", "sb-api-secret-key": ""}
    answers = [
        await stand.ask("GET", "/api/v2/verify/verifications", headers=bare, auth=basic),
        await stand.ask("GET", "/api/v2/verify/verifications", headers=bare, auth=(basic[0], "wrong")),
        await stand.ask("GET", "/api/v2/verify/verifications", headers={**bare, "authorization": "Basic ?"}),
        await stand.ask("GET", "/api/v2/lines/state", headers=bare, auth=basic),
    ]
    assert [200, 401, 401, 401] == [answer.status_code for answer in answers]


async def test_what_only_the_vendors_tools_use_is_there_too(stand: Stand) -> None:
    """Their forms are made up, as the vendor documents none."""
    me, limits = await stand.run(api.account.me()), await stand.run(api.account.limits())
    await stand.run(api.account.verify_on_shared_line(ADA))
    shared = await stand.run(api.account.shared_contacts())
    assert ("dedicated", {"status", "limits"}) == (me.dump()["plan"], set(limits.dump()))
    assert [{"number": ADA, "verified": False}] == shared.dump()["contacts"]


async def test_the_stream_tells_of_both_sides(stand: Stand) -> None:
    """What was received, created and updated, with the ids by which the vendor's own tools know them."""
    theirs = stand.ada.write("hello", vendor=VENDOR)
    receipt = await stand.send("hi")
    await stand.sim.clock.advance(60)
    told = await stand.run(api.account.stream())
    updated = await stand.run(api.account.stream("message.updated"))
    assert [f"message:{theirs.vendor_id}:received", f"message:{receipt.vendor_id}:created"] == [
        event.id for event in told[:2]
    ]
    assert [told[2].id] == [event.id for event in updated]
    assert "DELIVERED" == (updated[0].data or {})["status"]
