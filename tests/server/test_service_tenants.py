"""Every operation, asked with every kind of key: the routes are the list, so a new one is in it by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from gateway.store.records.tenants import TenantRow
from tests.server.desk import ON_BOTH_STORES, PHONE, Desk

FOREIGN = "tn_other"

SINCE = "2026-01-01T00:00:00Z"

BODIES: dict[str, Any] = {
    "POST /v1/connections": {
        "provider": "echo",
        "settings": {"api_key": "sk", "webhook_secret": "whsec", "base_url": "https://example.com"},
    },
    "PATCH /v1/connections/{connection}": {"name": "renamed"},
    "POST /v1/connections/{connection}/rotate": {"secrets": {"api_key": "sk_other"}},
    "POST /v1/messages": {"to": PHONE, "message": "hi", "connection": "{connection}"},
    "POST /v1/messages/plan": {"to": PHONE, "message": "hi", "connection": "{connection}"},
    "POST /v1/messages/{message}/resolve": {"verdict": "drop"},
    "POST /v1/reactions": {"message": "{message}", "reaction": "love"},
    "POST /v1/typing": {"chat": PHONE, "connection": "{connection}"},
    "POST /v1/read": {"chat": PHONE, "connection": "{connection}"},
    "POST /v1/polls": {"chat": PHONE, "options": ["a", "b"], "connection": "{connection}"},
    "POST /v1/contact-cards": {"chat": PHONE, "connection": "{connection}"},
    "POST /v1/groups": {"members": [PHONE], "connection": "{connection}"},
    "PATCH /v1/chats/{chat}/group": {"name": "friends"},
    "POST /v1/chats/{chat}/members": {"address": PHONE},
    "POST /v1/chats/{chat}/members/remove": {"address": PHONE},
    "POST /v1/contacts/reachability": {"address": PHONE, "connection": "{connection}"},
    "POST /v1/contacts/slot": {"address": PHONE, "connection": "{connection}"},
    "POST /v1/contacts/unsubscribe": {"address": "+12025550199", "connection": "{connection}"},
    "POST /v1/contacts/erase": {"address": "+12025550198"},
    "POST /v1/contacts/erase/preview": {"address": "+12025550198"},
    "POST /v1/contacts/export": {"address": "+12025550198"},
    "POST /v1/opt-in-links": {"body": "join", "connection": "{connection}"},
    "POST /v1/reparse": {"connection": "{connection}"},
    "POST /v1/endpoints": {"url": "https://example.com/hook"},
    "PATCH /v1/endpoints/{endpoint}": {"description": "changed"},
    "POST /v1/endpoints/{endpoint}/recover": {"since": SINCE},
    "POST /v1/endpoints/{endpoint}/replay": {"since": SINCE},
    "POST /v1/endpoints/{endpoint}/replay/preview": {"since": SINCE},
    "POST /v1/connections/{connection}/calls": {"method": "GET", "path": "/me"},
    "POST /graphql": {"query": "{ __typename }"},
    "POST /v1/keys": {"name": "new", "scopes": ["read"]},
    "POST /v1/tenants": {"name": "new"},
    "PATCH /v1/tenants/{tenant}": {"retention": {"raw_days": 3}},
}
"""The least that each operation takes, where it takes a body; `{…}` stands for what is the owner's."""

NEEDED = {
    "GET /v1/drift": {"connection": "{connection}"},
    "GET /v1/vendor-chats": {"connection": "{connection}"},
    "GET /v1/deliveries": {"event": "{event}"},
}
"""Parameters without which an operation answers nothing else."""

UPLOAD = "POST /v1/files"

WHOLE = {
    "GET /v1/providers/{provider}",
    "POST /v1/connections",
    "POST /v1/contacts/erase",
    "POST /v1/contacts/erase/preview",
    "POST /v1/contacts/export",
    "POST /v1/endpoints",
    "POST /graphql",
    "POST /v1/keys",
    UPLOAD,
}
"""Operations that name nothing of anybody's: for another tenant they work as for any."""

LATE = ("{connection}/disable", "DELETE", "webhook", "rotate")
LAST = "DELETE /v1/connections/{connection}"
"""What takes away what others need comes last."""

OPERATORS = "/v1/tenants"
"""What is the operator's alone, whatever another tenant's key may do."""

WITHIN = {"POST /graphql"}
"""Operations that look at scopes within: what they are asked decides."""


@dataclass
class Ward:
    """What a tenant owns, by the names of parameters."""

    ids: dict[str, str] = field(default_factory=dict)

    def filled(self, text: str) -> str:
        """Put the ids in the place of their names."""
        for name, value in self.ids.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    def body(self, value: Any) -> Any:
        """The same in a body."""
        if isinstance(value, dict):
            return {key: self.body(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.body(item) for item in value]
        return self.filled(value) if isinstance(value, str) else value


@dataclass
class Operation:
    """One operation of the API."""

    name: str
    method: str
    path: str
    scope: str | None
    streams: bool

    async def ask(self, client: httpx.AsyncClient, ward: Ward) -> tuple[int, str]:
        """Ask it with what somebody owns; of a stream only the beginning is read."""
        options: dict[str, Any] = {"params": ward.body(NEEDED.get(self.name, {}))}
        if self.name == UPLOAD:
            options["files"] = {"file": ("note.txt", b"hello", "text/plain")}
        elif (body := BODIES.get(self.name)) is not None:
            options["json"] = ward.body(body)
        path = ward.filled(self.path)
        assert "{" not in path, f"{self.name}: a new parameter needs somebody's id in this test"
        if self.streams:
            async with client.stream(self.method, path, **options) as answer:
                if answer.status_code != 200:
                    await answer.aread()
                    return answer.status_code, answer.text
                return answer.status_code, ""
        answer = await client.request(self.method, path, **options)
        return answer.status_code, answer.text


def operations(document: dict[str, Any]) -> list[Operation]:
    """Go through the description; what takes things away comes last."""
    found = []
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            streams = "text/event-stream" in str(told["responses"].get("200", ""))
            scope = told.get("x-scope")
            assert scope or "x-open" in told, f"{method} {path} lets everybody in, and does not say so"
            found.append(Operation(f"{method.upper()} {path}", method.upper(), path, scope, streams))
    return sorted(found, key=lambda operation: (operation.name == LAST, *(word in operation.name for word in LATE)))


async def owned(at: Desk) -> Ward:
    """Make one of everything."""
    connection = await at.connection(name="main")
    at.phone.write("hello", vendor="echo")
    events = await at.until(lambda: _items(at.client, "/v1/events?type=message.received"))
    message = await at.client.post("/v1/messages?wait=10", json={"to": PHONE, "message": "hi"})
    endpoint = await at.client.post("/v1/endpoints", json={"url": "https://127.0.0.1:9/hook"})
    assert (202, 201) == (message.status_code, endpoint.status_code), (message.text, endpoint.text)
    # the last that the vendor has to say of it: nothing is still on its way when the tests go on
    await at.until(lambda: _read(at.client, message.json()["id"]))
    endpoint_id = endpoint.json()["endpoint"]["id"]
    delivery = await at.client.post(f"/v1/endpoints/{endpoint_id}/test", json={"type": "message.received"})
    key = await at.client.post("/v1/keys", json={"name": "one", "scopes": ["read"]})
    file = await at.client.post("/v1/files", files={"file": ("a.txt", b"hello", "text/plain")})
    webhooks = await _items(at.client, "/v1/webhooks")
    tenant = await at.client.post("/v1/tenants", json={"name": "third"})
    return Ward(
        {
            "connection": connection,
            "event": events[0]["id"],
            "chat": events[0]["chat_id"],
            "message": message.json()["id"],
            "endpoint": endpoint_id,
            "delivery": delivery.json()["id"],
            "key": key.json()["key"]["id"],
            "id": file.json()["id"],
            "number": str(webhooks[0]["number"]),
            "registration": "wh_1",
            "tenant": tenant.json()["tenant"]["id"],
            "provider": "echo",
        }
    )


async def _items(client: httpx.AsyncClient, path: str) -> Any:
    return (await client.get(path)).json()["items"]


async def _read(client: httpx.AsyncClient, message: str) -> bool:
    events = await _items(client, f"/v1/events?type=delivery.updated&message={message}")
    return any(event["state"] == "read" for event in events)


async def asked_of_all(at: Desk, client: httpx.AsyncClient, ward: Ward) -> dict[str, tuple[int, str]]:
    """Ask every operation that needs a key."""
    document = (await at.client.get("/openapi.json")).json()
    return {each.name: await each.ask(client, ward) for each in operations(document) if each.scope}


async def test_nobody_gets_in_without_a_key_that_counts(at: Desk) -> None:
    """None, one that is none, one that ended, one that was revoked: 401 everywhere, and one answer for all of them."""
    ward = await owned(at)
    ended = await at.service.tenancy.keys.mint("tn_default", name="ended", scopes=["admin"])
    await at.service.tenancy.keys.revoke("tn_default", ended.row.id)
    expired = await at.key("admin", expires_at=datetime.now(UTC) + timedelta(milliseconds=1))
    for key in (None, "gw_live_nonsense", ended.text, expired):
        async with at.as_(key) as client:
            answers = await asked_of_all(at, client, ward)
        assert {401} == {status for status, _ in answers.values()}, [n for n, a in answers.items() if a[0] != 401]


async def test_a_key_does_what_its_scopes_say(at: Desk) -> None:
    """403 for what needs another scope; nothing else is 403."""
    ward = await owned(at)
    document = (await at.client.get("/openapi.json")).json()
    for scope, granted in (("read", {"read"}), ("send", {"send"})):
        async with at.as_(await at.key(scope)) as client:
            for each in operations(document):
                if each.scope and each.scope not in granted and each.name not in WITHIN:
                    status, text = await each.ask(client, ward)
                    assert (403, True) == (status, '"forbidden"' in text), each.name


@ON_BOTH_STORES
async def test_what_is_anothers_is_not_there(at: Desk) -> None:
    """With the key of another tenant every id is 404, and no list holds a thing of the first tenant."""
    ward = await owned(at)
    await at.service.tenancy.tenants.add(TenantRow(id=FOREIGN, name="other", created_at=datetime.now(UTC)))
    secrets = [value for name, value in ward.ids.items() if name not in {"number", "provider", "registration"}]
    async with at.as_(await at.key("admin", tenant=FOREIGN)) as client:
        answers = await asked_of_all(at, client, ward)
    for name, (status, text) in answers.items():
        names_something = "{" in name or "{" in str(BODIES.get(name, "")) or name in NEEDED
        if OPERATORS in name:
            assert (403, True) == (status, '"forbidden"' in text), (name, status, text)
        elif names_something and name not in WHOLE:
            assert 404 == status, (name, status, text)
        else:
            assert status < 400, (name, status, text)
            assert [] == [secret for secret in secrets if secret in text], name
    # and nothing of it was touched
    assert (await at.client.get(f"/v1/connections/{ward.ids['connection']}")).json()["name"] == "main"


@ON_BOTH_STORES
async def test_the_owner_gets_in_everywhere(at: Desk) -> None:
    """Each operation finds what is its owner's: what it then says is not that there is nothing, or no right."""
    ward = await owned(at)
    answers = await asked_of_all(at, at.client, ward)
    wrong = {name: answer for name, answer in answers.items() if answer[0] in {401, 403, 404} or answer[0] >= 500}
    assert not wrong, [f"{name}: {status} {text[:300]}" for name, (status, text) in wrong.items()]


@ON_BOTH_STORES
async def test_a_bound_key_knows_its_connections_only(at: Desk) -> None:
    """Other connections of the same tenant are not there for it, nor is what came by them."""
    ward = await owned(at)
    other = await at.connection(name="other")
    async with at.as_(await at.key("read", "send", f"connections:{other}")) as client:
        listed = await _items(client, "/v1/connections")
        assert [other] == [item["id"] for item in listed]
        for path in ("messages/{message}", "events/{event}", "chats/{chat}", "connections/{connection}"):
            assert 404 == (await client.get(ward.filled(f"/v1/{path}"))).status_code, path
        assert ([], []) == (await _items(client, "/v1/messages"), await _items(client, "/v1/events"))
        sent = await client.post(
            "/v1/messages", json={"to": PHONE, "message": "x", "connection": ward.ids["connection"]}
        )
        assert 404 == sent.status_code
