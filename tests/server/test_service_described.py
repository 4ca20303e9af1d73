"""The description of the API is committed, holds for every answer, and no input that it allows makes a 500."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import response_schema_conformance

from gateway.server.schemas import event_json, event_schemas, event_types
from gateway.tenancy import Caller
from tests.fronts.cli_runs import interrupt, start
from tests.server.desk import ADMIN_KEY, MASTER, PHONE, Desk

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of `gateway serve`, which runs for all tests of this file."""
    folder = tmp_path_factory.mktemp("served")
    environment = {
        "GATEWAY__SERVER__ADMIN_KEY": ADMIN_KEY,
        "GATEWAY__SECURITY__MASTER_KEY": MASTER,
        "GATEWAY__LIMITS__RATE": "10000",
        "GATEWAY__LIMITS__BURST": "100000",
        "GATEWAY__SERVER__LOG_LEVEL": "error",
    }
    store = f"sqlite:///{folder / 'gateway.db'}"
    process = start("serve", "--store", store, "--port", "0", "--json", env=environment)
    assert process.stdout is not None
    yield str(json.loads(process.stdout.readline())["url"])
    code, _, err = interrupt(process)
    assert (0, []) == (code, [line for line in err.splitlines() if '"level": "error"' in line])


@cache
def described(url: str) -> Any:
    """Read the description from the running service."""
    return schemathesis.openapi.from_dict(httpx.get(f"{url}/openapi.json", trust_env=False, timeout=60).json())


SLOW = {"/v1/events/stream", "/readyz"}
"""What waits on purpose."""
PATHS = sorted(set(json.loads((ROOT / "docs/reference/openapi.json").read_text("utf-8"))["paths"]) - SLOW)


@pytest.mark.parametrize("path", PATHS)
def test_no_input_makes_a_500_and_every_answer_is_as_described(served: str, path: str) -> None:
    """Each operation gets what its description allows, and worse; what comes is JSON as described, or a problem."""
    seen: Counter[int] = Counter()
    found: list[str] = []
    for method in described(served)[path]:
        found += _tried(described(served)[path][method], served, seen)
    assert [] == found
    # it was really asked, and really answered
    assert seen.total() >= 1


def _tried(operation: Any, url: str, seen: Counter[int]) -> list[str]:
    """Try one operation; gives what was wrong, in one line each."""
    wrong: list[str] = []
    strategy = operation.as_strategy() | operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)

    @settings(
        max_examples=6,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def one(case: Any) -> None:
        case.headers = {**(case.headers or {}), "Authorization": f"Bearer {ADMIN_KEY}"}
        if case.query:
            case.query.pop("wait", None)
        answer = case.call(base_url=url, timeout=60)
        seen[answer.status_code] += 1
        wrong.extend(_wrong(case, answer))

    given(case=strategy)(one)()
    return list(dict.fromkeys(wrong))


def _wrong(case: Any, answer: Any) -> list[str]:
    name = f"{case.operation.method.upper()} {case.operation.path} {answer.status_code}"
    kind = answer.headers.get("content-type", [""])[0]
    if answer.status_code >= 500 and answer.status_code not in {502, 504}:
        return [f"{name}: {answer.text[:300]}"]
    if answer.status_code >= 400:
        return [] if kind == "application/problem+json" else [f"{name}: {kind}"]
    try:
        case.validate_response(answer, checks=[response_schema_conformance])
    except FailureGroup as error:
        return [f"{name}: {str(error.exceptions[0])[:500]}"]
    return []


def test_the_description_is_committed() -> None:
    """A change of the API is a change of this file, which somebody looks at: `python docs/generate.py` writes it."""
    committed = json.loads((ROOT / "docs/reference/openapi.json").read_text("utf-8"))
    assert "3.1.0" == committed["openapi"]
    assert set(event_types()) == set(committed["webhooks"])


async def test_what_runs_is_what_is_committed(at: Desk) -> None:
    """The service describes itself as the file does, and follows its own rules for names."""
    committed = json.loads((ROOT / "docs/reference/openapi.json").read_text("utf-8"))
    assert committed == (await at.client.get("/openapi.json")).json()
    named = [told["operationId"] for each in committed["paths"].values() for told in each.values()]
    assert len(named) == len(set(named))


async def test_every_problem_has_a_page(at: Desk) -> None:
    """The `type` of a problem can be asked for."""
    async with at.as_(None) as client:
        problem = (await client.get("/v1/messages")).json()
        page = await client.get(problem["type"])
    assert (200, "unauthenticated") == (page.status_code, page.text.splitlines()[0])


async def test_events_are_as_their_schemas_say(at: Desk) -> None:
    """What lists give is valid by `/schemas/{type}.json`, which everybody may read."""
    await at.connection()
    at.phone.write("hello", vendor="echo")
    await at.client.post("/v1/messages?wait=10", json={"to": PHONE, "message": "hi"})

    async def some() -> Any:
        items = (await at.client.get("/v1/events")).json()["items"]
        return items if len({item["type"] for item in items}) > 1 else None

    for event in await at.until(some):
        async with at.as_(None) as client:
            schema = (await client.get(f"/schemas/{event['type']}.json")).json()
        jsonschema_rs.validate(schema, event)
        assert schema == event_schemas()[event["type"]]
    assert {"raw", "key", "token"}.isdisjoint(event_json(await at.service.event(_anybody(), event["id"])))


def _anybody() -> Any:
    return Caller("tn_default", "key_test", frozenset({"admin"}))
