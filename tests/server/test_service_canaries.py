"""What must not be seen is not seen: secrets, numbers and texts in logs, metrics, problems, traces and URLs."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway import log
from tests.server.desk import ADMIN_KEY, Desk, config_of, desk

CANARY = "+12025550177"
DIGITS = CANARY.removeprefix("+1")
TEXT = "the canary sings at dawn"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """What an application's SDK would get."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    return exporter


async def busy(at: Desk) -> list[str]:
    """Do a bit of everything with the canaries in it; gives the problems that came of it."""
    await at.connection()
    at.sim.contact(CANARY).write(TEXT, vendor="echo")
    await at.client.post("/v1/messages?wait=10", json={"to": CANARY, "message": TEXT})
    refused = [
        await at.client.post("/v1/messages", json={"to": f"{CANARY}x", "message": TEXT}),
        await at.client.post("/v1/messages", json={"to": CANARY, "message": {"text": TEXT, CANARY: 1}}),
        await at.client.post("/v1/messages", json={"to": CANARY, "message": {"parts": [{"type": CANARY}]}}),
        await at.client.get(f"/v1/contacts/{CANARY}"),
        await at.client.get("/v1/events", params={"type": CANARY}),
        await at.client.get("/v1/messages", params={"after": CANARY}),
        await at.client.post("/v1/connections", json={"provider": "echo", "settings": {"api_key": 5, "x": ADMIN_KEY}}),
        await at.client.post(f"/webhooks/{CANARY}", content=TEXT.encode()),
        await at.client.get("/v1/me", headers={"authorization": f"Bearer {ADMIN_KEY}{TEXT}"}),
    ]
    assert all(400 <= answer.status_code < 500 for answer in refused), [r.status_code for r in refused]
    return [answer.text for answer in refused]


async def test_nothing_leaks(tmp_path: Path, spans: InMemorySpanExporter) -> None:
    """Logs at their loudest, metrics, problems and spans hold neither secret, number nor text."""
    out = io.StringIO()
    log.configure(json=True, level="debug", stream=out)
    async with desk(config_of(tmp_path, server={"log_level": "debug"})) as made:
        problems = await busy(made)
        metrics = (await made.client.get("/metrics")).text
        secrets = [ADMIN_KEY, *made.sim.api_keys.values(), *made.sim.secrets.values()]
    seen = {
        "log": out.getvalue(),
        "metrics": metrics,
        "problems": "\n".join(problems),
        "spans": "\n".join(span.to_json() for span in spans.get_finished_spans()),
    }
    assert all(seen.values())
    found = [(where, what) for where, text in seen.items() for what in (DIGITS, TEXT, *secrets) if what in text]
    assert [] == found


async def test_metrics_have_the_promised_names_and_no_label_of_a_person(at: Desk) -> None:
    """The minimum set, and labels of a closed list."""
    await busy(at)
    text = (await at.client.get("/metrics")).text
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert {
        "ingress_events_total",
        "ingress_ack_seconds",
        "events_quarantined_total",
        "events_recovered_total",
        "sends_total",
        "send_seconds",
        "outbox_depth",
        "outbox_oldest_age_seconds",
        "deliveries_total",
        "endpoint_disabled_total",
        "signature_failures_total",
        "ssrf_blocked_total",
        "build_info",
    } <= names
    labels = set(re.findall(r"[{,]([a-z_]+)=", text))
    assert labels <= {"provider", "outcome", "state", "reason", "le", "method", "route", "status", "version"}


async def test_metrics_may_take_a_key_or_be_off(tmp_path: Path) -> None:
    """As the setting says."""
    for allowed, expected in (("key", (401, 200)), ("off", (404, 404))):
        async with desk(config_of(tmp_path, server={"metrics": allowed})) as made, made.as_(None) as nobody:
            answers = [await nobody.get("/metrics"), await made.client.get("/metrics")]
        assert expected == tuple(answer.status_code for answer in answers)


async def test_a_request_is_part_of_the_callers_trace(tmp_path: Path, spans: InMemorySpanExporter) -> None:
    """By `traceparent`, and named for its route."""
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    async with desk(config_of(tmp_path)) as made:
        await made.client.get("/v1/me", headers={"traceparent": parent})
    [span] = [each for each in spans.get_finished_spans() if each.name == "GET /v1/me"]
    assert span.context is not None
    assert "0af7651916cd43dd8448eb211c80319c" == format(span.context.trace_id, "032x")


async def test_an_attempt_is_part_of_the_trace_that_asked_for_it(tmp_path: Path, spans: InMemorySpanExporter) -> None:
    """The trace is kept with the message: the worker has nothing else to know it by."""
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    async with desk(config_of(tmp_path)) as made:
        connection = await made.connection()
        body = {"to": CANARY, "message": TEXT}
        sent = await made.client.post("/v1/messages?wait=10", json=body, headers={"traceparent": parent})
        again = await made.client.post("/v1/messages?wait=10", json=body)
    [span, other] = [each for each in spans.get_finished_spans() if each.name == "send echo"]
    told = span.attributes or {}
    assert (connection, sent.json()["id"]) == (told["messaging.destination.name"], told["messaging.message.id"])
    traces = [format(each.context.trace_id, "032x") for each in (span, other) if each.context]
    assert "0af7651916cd43dd8448eb211c80319c" == traces[0] != traces[1]
    assert 202 == again.status_code
