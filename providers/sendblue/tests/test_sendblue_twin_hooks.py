"""The twin's webhooks: who gets which, how each proves itself, and what is tried again."""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING

import pytest
from providers.sendblue.tests.conftest import ADA, BEN, LINE, OTHER_LINE, VENDOR

from gateway.provider import (
    Attachment,
    BadSignature,
    CallReceived,
    DeliveryState,
    DeliveryUpdated,
    InvalidRequest,
    MessageReceived,
    Opaque,
    OptedOut,
    Token,
    TypingStarted,
    TypingStopped,
)
from gateway.simulator import Fault, FaultKind, Stage
from gateway_sendblue import api, wire

if TYPE_CHECKING:
    from providers.sendblue.tests.conftest import Stand


# ── proofs ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("scheme", "headers"),
    [
        ("echo", {"sb-signing-secret"}),
        ("hmac", {"x-sendblue-signature"}),
        ("both", {"sb-signing-secret", "x-sendblue-signature"}),
        ("none", set()),
    ],
)
async def test_a_webhook_proves_itself_in_every_way_that_was_reported(
    stand: Stand, scheme: str, headers: set[str]
) -> None:
    """Each of them passes, and none of them does not."""
    stand.switch("signature", scheme)
    stand.ada.write("hello", vendor=VENDOR)
    await stand.sim.clock.advance(1)
    [hook] = stand.app.hooks
    assert headers == {name for name, _ in hook.headers if name.startswith(("sb-", "x-sendblue"))}
    if scheme == "none":
        with pytest.raises(BadSignature):
            stand.provider.verify(hook)
    else:
        stand.provider.verify(hook)


@pytest.mark.parametrize("kind", [FaultKind.SIGNATURE, FaultKind.STALE])
async def test_a_bad_or_old_signature_is_refused_whatever_the_echo_says(stand: Stand, kind: FaultKind) -> None:
    """The HMAC decides alone where it is there."""
    stand.switch("signature", "both")
    stand.sim.faults.add(Fault(vendor=VENDOR, stage=Stage.WEBHOOK, kind=kind))
    stand.ada.write("hello", vendor=VENDOR)
    await stand.sim.clock.advance(1)
    with pytest.raises(BadSignature):
        stand.provider.verify(stand.app.hooks[0])


async def test_a_status_callback_has_no_header_and_brings_the_token(stand: Stand) -> None:
    """Beside the `outbound` webhook, which must not hide it: only the callback says whose step it was."""
    stand.provider = stand.configured(callback_url=f"{stand.app.url}?x=1")
    receipt = await stand.send("hi")
    reports = [event for event in await stand.events() if isinstance(event, DeliveryUpdated)]
    tokens = [(report.state, report.token) for report in reports]
    token = Token("1".rjust(22, "0"))
    assert {receipt.vendor_id} == {report.vendor_id for report in reports}
    assert {(state, told) for state in (DeliveryState.SENT, DeliveryState.DELIVERED) for told in (None, token)} == set(
        tokens
    )
    assert 4 == len({report.key for report in reports})


# ── who gets what ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_each_type_has_its_own_urls(stand: Stand) -> None:
    """The URL of the start gets every type; those of the API get theirs, with their own secret or the global one."""
    own = [wire.Subscription(url=f"{stand.app.url}/own", secret="own-secret")]
    await stand.run(api.webhooks.append(own, type="receive"))
    await stand.run(api.webhooks.append([f"{stand.app.url}/out"], type="outbound", global_secret="global"))
    stand.ada.write("hello", vendor=VENDOR)
    await stand.sim.clock.advance(1)
    await stand.send("hi")
    await stand.sim.clock.advance(60)
    told = sorted(
        {
            (path, dict(hook.headers)["sb-signing-secret"])
            for path, hook in zip(stand.app.paths, stand.app.hooks, strict=True)
        }
    )
    secret = stand.sim.secrets[VENDOR]
    assert [("/hook", secret), ("/hook/out", "global"), ("/hook/own", "own-secret")] == told


async def test_a_put_replaces_everything(stand: Stand) -> None:
    """The URL of the start included; a line may have webhooks of its own."""
    entry = wire.Subscription(url=f"{stand.app.url}/line", sendblue_numbers=[OTHER_LINE])
    await stand.run(api.webhooks.replace(wire.Webhooks(receive=[entry], global_secret="global")))
    stand.ada.write("to the first", vendor=VENDOR)
    stand.ada.write("to the second", vendor=VENDOR, line=OTHER_LINE)
    await stand.sim.clock.advance(1)
    listed = (await stand.run(api.webhooks.listed())).webhooks
    assert ["/hook/line"] == stand.app.paths
    assert listed is not None
    assert ([entry], [], "global") == (listed.receive, listed.outbound, listed.global_secret)
    await stand.run(api.webhooks.delete([entry.url]))
    assert [] == ((await stand.run(api.webhooks.listed())).webhooks or wire.Webhooks()).receive


async def test_an_account_without_typing_webhooks_refuses_or_drops_them(stand: Stand) -> None:
    """POST says so, PUT does not: both were seen."""
    stand.switch("typing_webhooks", value=False)
    with pytest.raises(InvalidRequest, match="Invalid webhook type"):
        await stand.run(api.webhooks.append(["https://a.example"], type="typing_indicator"))
    entry = wire.Subscription(url="https://a.example")
    answer = await stand.run(api.webhooks.replace(wire.Webhooks(typing_indicator=[entry], outbound=[entry])))
    stand.ada.type(vendor=VENDOR)
    assert answer.webhooks is not None
    assert ([], [entry], []) == (answer.webhooks.typing_indicator, answer.webhooks.outbound, await stand.events())


# ── what is tried again ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("any_answer", "status", "attempts"), [(False, 500, 4), (False, 404, 1), (True, 404, 4), (True, 204, 1)]
)
async def test_only_a_5xx_is_tried_again(stand: Stand, any_answer: bool, status: int, attempts: int) -> None:  # noqa: FBT001 - a table
    """Three times more; by the switch anything but a 2xx is."""
    stand.switch("retry_any", any_answer)
    stand.app.answers = [status] * 10
    stand.ada.write("hello", vendor=VENDOR)
    await stand.sim.clock.advance(3600)
    assert attempts == len(stand.app.hooks)


# ── what contacts do ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_several_files_are_several_webhooks(stand: Stand) -> None:
    """Each with a handle of its own; the text goes with the first."""
    urls = [f"https://a.example/{number}.png" for number in range(3)]
    stand.ada.write("look", attachments=urls, vendor=VENDOR)
    told = [event for event in await stand.events() if isinstance(event, MessageReceived)]
    files = [part.url for event in told for part in event.message.parts if isinstance(part, Attachment)]
    assert (["look", "", ""], urls, 3) == (
        [event.text for event in told],
        files,
        len({event.vendor_id for event in told}),
    )


async def test_a_tapback_is_a_text_or_nothing(stand: Stand) -> None:
    """It quotes the message; taking it back is silent."""
    await stand.send("See you at eight")
    await stand.events()
    stand.ada.react("love", vendor=VENDOR)
    stand.ada.unreact("love", vendor=VENDOR)
    stand.ada.react("👀", vendor=VENDOR)
    told = [event.text for event in await stand.events() if isinstance(event, MessageReceived)]
    stand.switch("inbound_tapbacks", value=False)
    stand.ada.react("like", vendor=VENDOR)
    assert ["Loved “See you at eight”", "Reacted 👀 to “See you at eight”"] == told
    assert [] == await stand.events()


async def test_typing_calling_and_leaving_are_heard(stand: Stand) -> None:
    """Dots both ways, one call for its two webhooks, and STOP as message and opt-out."""
    stand.ada.type(vendor=VENDOR)
    stand.ada.type(vendor=VENDOR, on=False)
    stand.ada.call(vendor=VENDOR)
    stand.ada.stop(vendor=VENDOR)
    told = await stand.events()
    assert [TypingStarted, TypingStopped, CallReceived, CallReceived, MessageReceived, OptedOut] == [
        type(event) for event in told
    ]
    assert told[2].key == told[3].key


@pytest.mark.parametrize("empty", ["text", "null"])
async def test_empty_values_are_read_in_both_spellings(stand: Stand, empty: str) -> None:
    """A place that has none is no place, and a message without files has none."""
    stand.switch("empty", empty)
    bubble = stand.ada.write(parts=[Opaque(kind="location", data={"latitude": 1.5, "longitude": 2.5})], vendor=VENDOR)
    [told] = await stand.events()
    assert isinstance(told, MessageReceived)
    assert (bubble.vendor_id, "location", None) == (
        told.vendor_id,
        getattr(told.message.parts[0], "kind", None),
        told.chat.group if told.chat else "?",
    )


async def test_a_report_that_it_is_queued_may_come_first(stand: Stand) -> None:
    """By the switch; the same state in another order is the shell's fault `reorder`."""
    stand.switch("queued_report", value=True)
    await stand.send("hi")
    states = [event.state for event in await stand.events() if isinstance(event, DeliveryUpdated)]
    assert [DeliveryState.QUEUED, DeliveryState.SENT, DeliveryState.DELIVERED] == states


async def test_a_verification_is_approved_by_the_code(stand: Stand) -> None:
    """The contact sends it to a line; an old one expires."""
    made = await stand.run(api.verifications.create("VA1", ADA))
    other = await stand.run(api.verifications.create("VA1", BEN))
    assert made.delivery_target is not None
    stand.ada.write(f"my code is {made.delivery_target.code}", vendor=VENDOR)
    await stand.sim.clock.advance(700)
    states = [(await stand.run(api.verifications.get("VA1", str(each.sid)))).status for each in (made, other)]
    listed = await stand.run(api.verifications.listed(limit=1))
    assert (["approved", "expired"], True) == (states, listed.pagination is not None and listed.pagination.has_more)


async def test_one_time_codes_are_those_of_the_standard(stand: Stand) -> None:
    """RFC 6238 over RFC 4226, computed once more here; a code ends with its period, a secret when it is deleted."""
    secret = b"12345678901234567890"
    made = (await stand.run(api.totp.create({"secret": base64.b32encode(secret).decode(), "digits": 8}))).totp_secret
    assert made is not None
    for _ in range(2):
        now = int(stand.sim.clock.now().timestamp())
        digest = hmac.new(secret, (now // 30).to_bytes(8), "sha1").digest()
        number = int.from_bytes(digest[digest[-1] & 15 :][:4]) & 0x7FFFFFFF
        told = await stand.run(api.totp.code(str(made.id)))
        assert (f"{number:010d}"[-8:], 30 - now % 30) == (told.code, told.expires_in)
        await stand.sim.clock.advance(30)
    await stand.run(api.totp.delete(str(made.id)))
    assert [] == (await stand.run(api.totp.listed())).totp_secrets


async def test_a_location_is_shared_when_it_was_asked_for(stand: Stand) -> None:
    """After a minute; until then there is no fix, and before none is shared."""
    states = [(await stand.run(api.locations.one(ADA, LINE))).state]
    await stand.run(api.locations.request(ADA, LINE))
    states.append((await stand.run(api.locations.one(ADA, LINE))).state)
    await stand.sim.clock.advance(61)
    watched = await stand.run(api.locations.watch(ADA, LINE))
    assert ["not_shared", "shared_no_fix_yet"] == states
    assert [True, True, True] == [each.location is not None for each in watched]
