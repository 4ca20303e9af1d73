"""GraphQL over the running service: the shapes that its callers know, and nothing beyond their rights."""

from __future__ import annotations

import ast
import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.plugins import load
from gateway.server.graphql import sdl
from tests.flow.stage import PHONE, VENDORS
from tests.fronts.service_site import Site, account, site

VENDOR = VENDORS[0]
REAL = [name for name in VENDORS if not load().providers[name].invented]
"""An example need not carry a text and a file in one message."""
SCHEMA = Path(__file__).parents[2] / "docs" / "reference" / "schema.graphql"

# The documents that callers of this shape have, as they are published; only ids are filled in.
CREATE = """
mutation {
  createPlatformConnection(
    platformName: IMESSAGE
    name: "iMessage"
    config: {
      api_key: "your-vendor-api-key"
    }
  ) {
    id
    webhookUrl
  }
}
"""
SEND = """
mutation {
  sendMessage(
    platformConnectionId: "pc_imessage_123"
    toExternalId: "+14155551234"
    message: "Hello from Outeract!"
  ) {
    id
    status {
      success
    }
  }
}
"""
SEND_FILE = """
mutation {
  sendMessage(
    platformConnectionId: "pc_imessage_123"
    toExternalId: "+14155551234"
    message: "Check this out!"
    fileIds: ["file_xyz789"]
  ) {
    id
  }
}
"""


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Site]:
    """Run a service."""
    async with site(tmp_path) as made:
        yield made


def problem(answer: dict[str, Any]) -> tuple[int, str]:
    """Give status and code of the first error."""
    found = answer["errors"][0]["extensions"]["problem"]
    return found["status"], found["code"]


def filled(document: str, connection: str, file: str = "") -> str:
    """Put real ids into a published document."""
    ids = {"pc_imessage_123": connection, "+14155551234": PHONE, "file_xyz789": file}
    for name, value in ids.items():
        document = document.replace(name, value)
    return document


async def test_the_published_document_makes_a_connection(tmp_path: Path) -> None:
    """A bare platform name, and an object as it stands in the query; who serves the platform is configuration."""
    async with site(tmp_path, platforms__imessage="loopmessage") as place:
        made = (await place.ask(CREATE))["data"]["createPlatformConnection"]
        [account_] = (await place.http.get("/v1/connections")).json()["items"]

    assert f"{place.url}/webhooks/{made['id']}" == made["webhookUrl"]
    assert (made["id"], "iMessage", "loopmessage", ["api_key"]) == (
        account_["id"],
        account_["name"],
        account_["provider"],
        account_["secrets"],
    )


@pytest.mark.parametrize("vendor", REAL)
async def test_the_published_documents_send(vendor: str, place: Site) -> None:
    """A text, and a text with a file by its id, which the vendor fetches by a signed link."""
    async with account(place, vendor) as (connection, sim):
        png = b"\x89PNG\r\n\x1a\n" + bytes(24)
        uploaded = await place.http.post("/v1/files", files={"file": ("a.png", png, "image/png")})
        sent = (await place.ask(filled(SEND, connection)))["data"]["sendMessage"]
        # most vendors fetch by https alone
        place.service.gateway.public_url = "https://gateway.example"
        told = await place.ask(filled(SEND_FILE, connection, uploaded.json()["id"]))
        bubbles = str([entry.json() for entry in sim.journal.entries("request", vendor=vendor)])

    assert {"success": True} == sent["status"]
    assert sent["id"].startswith("msg_")
    assert told["data"]["sendMessage"]["id"].startswith("msg_")
    assert "Hello from Outeract!" in bubbles
    assert "https://gateway.example/files/" in bubbles


@pytest.mark.parametrize("vendor", REAL)
async def test_a_file_comes_from_anywhere(vendor: str, place: Site) -> None:
    """By URL, as bytes, or by its id; what the service holds is fetched from it by a signed link."""
    query = """mutation ($id: ID!, $file: AttachmentInput!) {
      sendMessage(platformConnectionId: $id, toExternalId: "PHONE", message: "look", attachments: [$file]) {
        status { success error { code } }
      }
    }""".replace("PHONE", PHONE)
    png = b"\x89PNG\r\n\x1a\n" + bytes(24)
    async with account(place, vendor) as (connection, sim):
        uploaded = await place.http.post("/v1/files", files={"file": ("a.png", png, "image/png")})
        place.service.gateway.public_url = "https://gateway.example"
        files = [
            {"url": "https://example.com/a.png"},
            {"data": base64.b64encode(png).decode(), "name": "b.png", "mediaType": "image/png"},
            {"fileId": uploaded.json()["id"]},
        ]
        told = [(await place.ask(query, id=connection, file=file))["data"]["sendMessage"] for file in files]
        asked = str([entry.json() for entry in sim.journal.entries("request", vendor=vendor)])

    assert [{"status": {"success": True, "error": None}}] * 3 == told
    assert (1, 2) == (asked.count("https://example.com/a.png"), asked.count("https://gateway.example/files/"))


@pytest.mark.parametrize(
    "file",
    [{}, {"url": "https://example.com/a.png", "data": "AAAA"}, {"url": "file:///etc/passwd"}, {"data": "AAAAA"}],
)
async def test_a_file_from_nowhere_is_refused(file: dict[str, str], place: Site) -> None:
    """From exactly one source, and none of this machine's."""
    query = """mutation ($id: ID!, $file: AttachmentInput!) {
      sendMessage(platformConnectionId: $id, toExternalId: "PHONE", attachments: [$file]) { id }
    }""".replace("PHONE", PHONE)
    async with account(place, VENDOR) as (connection, _):
        answer = await place.ask(query, id=connection, file=file)

    assert (422, "invalid_message") == problem(answer)
    assert not any(value in str(answer) for value in file.values())


async def test_lists_go_on_where_they_were_left(place: Site) -> None:
    """Edges with opaque cursors; every item once, newest first, and no page longer than asked for."""
    query = """query ($id: ID!, $first: Int!, $after: String) {
      messages(platformConnectionId: $id, first: $first, after: $after) {
        edges { cursor node { id toExternalId kind status { success outcome state error { code } } externalIds } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      }
    }"""
    async with account(place, VENDOR) as (connection, _):
        ids = [(await place.ask(filled(SEND, connection)))["data"]["sendMessage"]["id"] for _ in range(3)]
        seen: list[str] = []
        after = None
        for more in (True, True, False):
            page = (await place.ask(query, id=connection, first=1, after=after))["data"]["messages"]
            assert (more, after is not None) == (page["pageInfo"]["hasNextPage"], page["pageInfo"]["hasPreviousPage"])
            [edge] = page["edges"]
            assert (PHONE, "send_message", True) == (
                edge["node"]["toExternalId"],
                edge["node"]["kind"],
                edge["node"]["status"]["success"],
            )
            seen.append(edge["node"]["id"])
            after = page["pageInfo"]["endCursor"]
        wrong = await place.ask(query, id=connection, first=101)
        broken = await place.ask(query, id=connection, first=1, after="bm9uc2Vuc2U")

    assert seen == list(reversed(ids))
    assert (422, "invalid_message") == problem(wrong) == problem(broken)


async def test_events_say_who_wrote_what(place: Site) -> None:
    """An event has the sender as the envelope of forwarded events has it, and all of itself as payload."""
    query = """{ events(first: 5, types: ["message.received"]) { edges { node {
        id type platformConnectionId text sentBy { externalId } payload files { id } } } } }"""
    async with account(place, VENDOR) as (connection, _):
        [edge] = (await place.ask(query))["data"]["events"]["edges"]
        one = await place.ask("query ($id: ID!) { event(id: $id) { text } }", id=edge["node"]["id"])

    node = edge["node"]
    assert ("message.received", connection, "hello there", {"externalId": PHONE}, []) == (
        node["type"],
        node["platformConnectionId"],
        node["text"],
        node["sentBy"],
        node["files"],
    )
    assert node["id"] == node["payload"]["id"]
    assert {"raw", "token"}.isdisjoint(node["payload"])
    assert {"data": {"event": {"text": "hello there"}}} == one


async def test_a_mutation_with_a_key_is_carried_out_once(place: Site) -> None:
    """The same again gives the same message; the key with other content is refused."""
    query = """mutation ($id: ID!, $text: String!) {
      sendMessage(platformConnectionId: $id, toExternalId: "PHONE", message: $text, idempotencyKey: "k-1") { id }
    }""".replace("PHONE", PHONE)
    async with account(place, VENDOR) as (connection, sim):
        first, second = [await place.ask(query, id=connection, text="once") for _ in range(2)]
        other = await place.ask(query, id=connection, text="twice")
        bubbles = [entry for entry in sim.journal.entries("request", vendor=VENDOR) if "once" in str(entry.json())]

    assert first == second
    assert (422, "idempotency_mismatch") == problem(other)
    assert 1 == len(bubbles)


async def test_two_at_once_with_one_key_are_one(place: Site) -> None:
    """Whoever comes second while the first is under way is told so, or gets what it came to."""
    query = """mutation { createPlatformConnection(platformName: "VENDOR", name: "one", config: {api_key: "k"},
      idempotencyKey: "k-2") { id } }""".replace("VENDOR", VENDOR)
    told = await asyncio.gather(*(place.ask(query) for _ in range(4)))
    made = {answer["data"]["createPlatformConnection"]["id"] for answer in told if "errors" not in answer}

    assert {(409, "in_progress")} >= {problem(answer) for answer in told if "errors" in answer}
    assert made or all("errors" in answer for answer in told)
    assert len(made) <= 1


async def test_scopes_hold(place: Site) -> None:
    """A key that reads does not send, one that sends does not read, and none of them makes a connection."""
    read = "{ messages { edges { node { id } } } }"
    async with account(place, VENDOR) as (connection, _):
        reads, sends, nobody = await place.client("read"), await place.client("send"), await place.client("read")
        nobody.headers["authorization"] = "Bearer gw_live_nonsense"
        answers = {}
        for name, client in {"read": reads, "send": sends}.items():
            for what, query in {"read": read, "send": filled(SEND, connection), "make": CREATE}.items():
                told = (await client.post("/graphql", json={"query": query})).json()
                answers[name, what] = problem(told)[1] if told.get("errors") else "ok"
        refused = await nobody.post("/graphql", json={"query": read})
        for client in (reads, sends, nobody):
            await client.aclose()

    assert {
        ("read", "read"): "ok",
        ("read", "send"): "forbidden",
        ("read", "make"): "forbidden",
        ("send", "read"): "forbidden",
        ("send", "send"): "ok",
        ("send", "make"): "forbidden",
    } == answers
    assert (401, "application/problem+json") == (refused.status_code, refused.headers["content-type"])


async def test_what_is_another_tenants_is_not_there(place: Site) -> None:
    """Whatever its id is used for."""
    async with account(place, VENDOR) as (connection, _):
        sent = (await place.ask(filled(SEND, connection)))["data"]["sendMessage"]["id"]
        file = (await place.http.post("/v1/files", files={"file": ("a.txt", b"text", "text/plain")})).json()["id"]
        event = (await place.ask("{ events { edges { node { id } } } }"))["data"]["events"]["edges"][0]["node"]["id"]
        stranger = await place.client("admin", tenant="tn_stranger")
        queries = {
            "connection": f'{{ platformConnection(id: "{connection}") {{ id }} }}',
            "message": f'{{ message(id: "{sent}") {{ id }} }}',
            "event": f'{{ event(id: "{event}") {{ id }} }}',
            "file": f'{{ file(id: "{file}") {{ id }} }}',
            "messages": f'{{ messages(platformConnectionId: "{connection}") {{ edges {{ cursor }} }} }}',
            "send": filled(SEND, connection),
            "remove": f'mutation {{ removePlatformConnection(id: "{connection}") }}',
            "cancel": f'mutation {{ cancelMessage(id: "{sent}") {{ id }} }}',
            "react": f'mutation {{ sendReaction(toMessageId: "{event}", reaction: "love") }}',
        }
        told = {
            name: (await stranger.post("/graphql", json={"query": query})).json() for name, query in queries.items()
        }
        lists = await stranger.post(
            "/graphql",
            json={
                "query": "{ platformConnections { edges { cursor } } events { edges { cursor } }"
                " files { edges { cursor } } }"
            },
        )
        await stranger.aclose()

    assert dict.fromkeys(queries, (404, "not_found")) == {name: problem(answer) for name, answer in told.items()}
    assert {"platformConnections": {"edges": []}, "events": {"edges": []}, "files": {"edges": []}} == lists.json()[
        "data"
    ]


CANARY = "canary-secret-13231112233"


@pytest.mark.parametrize(
    "body",
    [
        {"query": f'{{ message(id: "{CANARY}"'},
        {"query": f'{{ message(id: {{a: "{CANARY}"}}) {{ id }} }}'},
        {"query": f'{{ messages(first: "{CANARY}") {{ edges {{ cursor }} }} }}'},
        {"query": "query ($n: Int!) { messages(first: $n) { edges { cursor } } }", "variables": {"n": CANARY}},
        {"query": "query ($n: JSON!) { __typename }", "variables": {"n": CANARY}},
        {
            "query": f'mutation {{ createPlatformConnection(platformName: "{CANARY}!",'
            ' name: "a", config: {}) { id } }'
        },
        {"query": f'mutation {{ createPlatformConnection(platformName: A, name: "a", config: "{CANARY}") {{ id }} }}'},
        {
            "query": 'mutation { createPlatformConnection(platformName: VENDOR, name: "a",'
            f' config: {{x: "{CANARY}"}}) {{ id }} }}'
        },
        {"query": f'mutation {{ sendMessage(platformConnectionId: "pc_1", toExternalId: ["{CANARY}"]) {{ id }} }}'},
        {"query": f'{{ events(first: 1, "{CANARY}") }}'},
        {"query": "{ platforms { name } }", "variables": CANARY},
        {"query": ["{ platforms { name } }", CANARY]},
        [{"query": f'{{ file(id: "{CANARY}") {{ id }} }}'}],
    ],
)
async def test_no_error_repeats_a_value(place: Site, body: Any) -> None:
    """What was sent in the wrong place may be a key, a number or a text; batches are among what is refused."""
    text = str(body).replace("VENDOR", VENDOR.upper())
    answer = await place.http.post("/graphql", json=ast.literal_eval(text))

    assert CANARY not in answer.text
    told = answer.json()
    assert "code" in told or problem(told)[0] in {404, 422}


async def test_a_query_that_costs_too_much_is_refused_before_it_is_looked_at(place: Site) -> None:
    """With the status of the protocol for those who speak it, and 200 for those who do not."""
    chain = "{...f0}" + "".join(f"fragment f{n} on Query{{...f{n + 1} ...f{n + 1}}}" for n in range(9))
    query = f"{chain}fragment f9 on Query{{platforms{{name}}}}"
    plain = await place.http.post("/graphql", json={"query": query})
    spoken = await place.http.post(
        "/graphql", json={"query": query}, headers={"accept": "application/graphql-response+json"}
    )

    assert (200, 400) == (plain.status_code, spoken.status_code)
    assert (422, "invalid_message") == problem(plain.json()) == problem(spoken.json())
    assert "application/graphql-response+json" == spoken.headers["content-type"]


@pytest.mark.parametrize(("given", "open_"), [(None, True), (False, False), (True, True)])
async def test_the_schema_is_told_where_the_operator_says_so(tmp_path: Path, given: bool | None, open_: bool) -> None:  # noqa: FBT001
    """By default only in development."""
    flags = {} if given is None else {"server__introspection": given}
    async with site(tmp_path, **flags) as place:
        told = await place.ask("{ __schema { queryType { name } } }")

    assert open_ is ("errors" not in told)


async def test_our_own_faults_are_masked(place: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller gets a request id, the log the rest."""

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError(CANARY)

    monkeypatch.setattr(place.service.tenancy.listing, "messages", broken)
    answer = await place.http.post("/graphql", json={"query": "{ messages { edges { cursor } } }"})

    assert CANARY not in answer.text
    assert (500, "internal_error") == problem(answer.json())
    assert answer.headers["x-request-id"] == answer.json()["errors"][0]["extensions"]["problem"]["request_id"]


def test_the_schema_is_the_one_that_is_published() -> None:
    """A change of it is seen by whoever reads the commit: `python docs/generate.py` writes it anew."""
    assert SCHEMA.read_text("utf-8") == sdl()
