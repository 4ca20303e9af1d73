"""Metrics and traces: what is counted, and how a request is followed.

Labels are connection's provider, event type, outcome and the like; never a phone, a chat or a message. Spans are made
with the API package alone: without an SDK in the process they cost nothing and go nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.metadata import version

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from gateway.server.body import Scope

__all__ = ["CONTENT_TYPE", "SpanTraces", "Telemetry", "route_of"]

CONTENT_TYPE = CONTENT_TYPE_LATEST

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Telemetry:
    """The metrics of one service, and its tracer."""

    def __init__(self) -> None:
        # when a counter began is of no use here, and would double the lines
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no types there
        registry = CollectorRegistry()
        self.registry: CollectorRegistry = registry
        self._tracer = trace.get_tracer("gateway", version("messaging-gateway"))
        self.traces: SpanTraces = SpanTraces(self._tracer)
        """Follows sends; for the engine."""
        self._blocked = 0
        self._of_the_way_in(registry)
        self._of_the_way_out(registry)
        self._of_the_service(registry)

    def _of_the_way_in(self, registry: CollectorRegistry) -> None:
        self.ingress: Counter = Counter(
            "ingress_events", "Webhooks, by what came of them", ["provider", "outcome"], registry=registry
        )
        self.ack: Histogram = Histogram(
            "ingress_ack_seconds", "Time until a webhook is answered", registry=registry, buckets=_SECONDS
        )
        self.quarantined: Counter = Counter(
            "events_quarantined", "Webhooks that no parser reads", ["provider"], registry=registry
        )
        lost = "Events that only catching up found: a webhook was lost"
        self.recovered: Counter = Counter("events_recovered", lost, ["provider"], registry=registry)
        self.signatures: Counter = Counter(
            "signature_failures", "Webhooks that proved nothing, by reason", ["reason"], registry=registry
        )

    def _of_the_way_out(self, registry: CollectorRegistry) -> None:
        self.sends: Counter = Counter(
            "sends", "Messages, by how far they came", ["provider", "state"], registry=registry
        )
        self.send_seconds: Histogram = Histogram(
            "send_seconds", "Time from a promise to its outcome", ["provider"], registry=registry, buckets=_SECONDS
        )
        self.depth: Gauge = Gauge("outbox_depth", "Messages that wait to leave", ["provider"], registry=registry)
        self.oldest: Gauge = Gauge(
            "outbox_oldest_age_seconds", "Age of the oldest message that waits", registry=registry
        )
        self.deliveries: Counter = Counter(
            "deliveries", "Attempts to deliver to endpoints, by outcome", ["outcome"], registry=registry
        )
        self.disabled: Counter = Counter("endpoint_disabled", "Endpoints that were disabled", registry=registry)
        self.ssrf: Counter = Counter(
            "ssrf_blocked", "Connections into closed networks that were refused", registry=registry
        )

    def _of_the_service(self, registry: CollectorRegistry) -> None:
        self.requests: Histogram = Histogram(
            "http_request_seconds",
            "Time until a request is answered",
            ["method", "route", "status"],
            registry=registry,
            buckets=_SECONDS,
        )
        build = Gauge("build_info", "What runs here; always 1", ["version"], registry=registry)
        build.labels(version("messaging-gateway")).set(1)

    def exposed(self) -> bytes:
        """Write all metrics down, in Prometheus' text format."""
        return generate_latest(self.registry)

    def blocked(self, total: int) -> None:
        """Take over how many connections into closed networks were refused since the start."""
        self.ssrf.inc(total - self._blocked)
        self._blocked = total

    @contextmanager
    def request(self, scope: Scope) -> Iterator[Span]:
        """Follow a request, as part of the caller's trace where it names one."""
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        parent = propagate.extract({name: headers[name] for name in ("traceparent", "tracestate") if name in headers})
        with self._tracer.start_as_current_span(
            scope["method"],
            context=parent,
            kind=SpanKind.SERVER,
            attributes={"http.request.method": scope["method"], "url.scheme": scope.get("scheme", "http")},
            record_exception=False,
        ) as span:
            yield span

    def answered(self, span: Span, scope: Scope, status: int, seconds: float) -> None:
        """Note how a request ended."""
        route = route_of(scope)
        span.update_name(f"{scope['method']} {route}")
        span.set_attribute("http.route", route)
        span.set_attribute("http.response.status_code", status)
        self.requests.labels(scope["method"], route, str(status)).observe(seconds)
        if status >= 500:
            span.set_status(Status(StatusCode.ERROR))


class SpanTraces:
    """Has an attempt to send be a part of the trace in which it was asked for, also after a restart.

    Names are those of OpenTelemetry's conventions for messaging, which are still in development: few, and plain.
    """

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def here(self) -> str | None:
        """Give the current trace as `traceparent` writes it; None where there is none."""
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        return carrier.get("traceparent")

    def attempt(
        self, trace: str | None, *, connection: str, provider: str, message: str
    ) -> AbstractContextManager[Span]:
        """Do one attempt as a part of a trace; a new one where none is given."""
        return self._tracer.start_as_current_span(
            f"send {provider}",
            context=propagate.extract({"traceparent": trace}) if trace else Context(),
            kind=SpanKind.CLIENT,
            attributes={
                "messaging.system": provider,
                "messaging.operation.name": "send",
                "messaging.operation.type": "send",
                "messaging.destination.name": connection,
                "messaging.message.id": message,
            },
            record_exception=False,
        )


def route_of(scope: Scope) -> str:
    """Name the route of a request, with the names of its parameters and not their values."""
    route = scope.get("route")
    return getattr(route, "path_format", None) or getattr(route, "path", None) or "(none)"
