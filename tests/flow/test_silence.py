"""Logs, errors and reprs hold no secret, no number, no mail and no text, through a whole conversation."""

from __future__ import annotations

import logging

import pytest
import structlog

from gateway import GatewayError, Message, MessageReceived
from gateway.simulator import Fault, FaultKind
from tests.flow.stage import PHONE, VENDORS, stage


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_whole_conversation_leaves_no_trace_in_the_logs(vendor: str, caplog: pytest.LogCaptureFixture) -> None:
    """Accepted, refused, replied and received: nothing of it is in a log line or an error."""
    caplog.set_level(logging.DEBUG)
    errors: list[str] = []
    with structlog.testing.capture_logs() as lines:
        async with stage(vendor) as it:
            it.phone.write("canary text in", vendor=vendor)
            event = await it.event(MessageReceived)
            await it.gateway.send(event, Message("canary text out", reference="canary reference"))
            it.sim.faults.add(Fault(vendor=vendor, kind=FaultKind.ANSWER, status=400, message=f"no {PHONE}"))
            try:
                await it.gateway.send(event, "canary text refused")
            except GatewayError as error:
                errors.append(f"{error!r} {error} {vars(error)}")
            secrets = [str(value) for value in it.sim.settings(vendor).values() if isinstance(value, str)]
            secrets = [value for value in secrets if not value.startswith("http")]
            shown = " ".join([repr(it.gateway.connections), repr(event), repr(it.gateway.connections[0].provider)])

    said = f"{lines} {caplog.text} {errors} {shown}"
    assert errors
    assert "message_kept" in said
    for canary in (
        PHONE,
        PHONE.removeprefix("+"),
        "canary",
        *(value for value in secrets if not PHONE.endswith(value)),
    ):
        assert canary not in said
