"""Tenants are made by the operator, and by nobody else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from gateway.store.records.tenants import DEFAULT_TENANT
from tests.server.desk import ON_BOTH_STORES, VENDOR, Desk, config_of, desk
from tests.server.test_console import signed_in

SETTINGS = {"api_key": "sk", "webhook_secret": "whsec", "base_url": "https://example.com"}


@ON_BOTH_STORES
async def test_a_tenant_is_made_and_its_people_work_there(at: Desk) -> None:
    """The first key may do everything there; what is the operator's own is not there for it, nor the other way."""
    made = (await at.client.post("/v1/tenants", json={"name": "Ada's", "retention": {"bodies_days": 3}})).json()
    tenant = made["tenant"]["id"]
    await at.connection(name="main")
    async with at.as_(made["secret"]) as ada:
        assert (tenant, ["admin"]) == ((me := (await ada.get("/v1/me")).json())["tenant"], me["scopes"])
        asked = {"provider": VENDOR, "name": "main", "settings": SETTINGS}
        connection = (await ada.post("/v1/connections", json=asked)).json()["id"]
        assert [connection] == [each["id"] for each in (await ada.get("/v1/connections")).json()["items"]]
        assert 404 == (await at.client.get(f"/v1/connections/{connection}")).status_code
        actors = {line["action"]: line["actor"] for line in (await ada.get("/v1/audit")).json()["items"]}
        assert (True, "key_configured") == ((await ada.get("/v1/audit/chain")).json()["whole"], actors["key.created"])
    shown = {"id": tenant, "name": "Ada's", "created_at": made["tenant"]["created_at"]}
    kept = {"raw_days": None, "bodies_days": 3, "metadata_days": None}
    assert {**shown, "retention": kept} == (await at.client.get(f"/v1/tenants/{tenant}")).json()
    listed = (await at.client.get("/v1/tenants")).json()
    assert ({"default", "Ada's"}, False) == ({each["name"] for each in listed["items"]}, made["secret"] in str(listed))


async def test_things_of_a_tenant_are_kept_as_long_as_the_operator_says(at: Desk) -> None:
    """Days; what is not named stays, and none is as with everybody else."""
    tenant = (await at.client.post("/v1/tenants", json={"name": "one"})).json()["tenant"]["id"]
    path = f"/v1/tenants/{tenant}"
    for asked, kept in (
        ({"raw_days": 1, "metadata_days": 0}, [1, None, 0]),
        ({"bodies_days": 2}, [1, 2, 0]),
        ({"raw_days": None}, [None, 2, 0]),
    ):
        answer = (await at.client.patch(path, json={"retention": asked})).json()
        assert kept == [answer["retention"][f"{what}_days"] for what in ("raw", "bodies", "metadata")]
    row = await at.service.tenancy.tenants.get(tenant)
    found = at.service.tenancy.sweeper.retention.of(row)
    assert (7, 2, None) == (found.raw and found.raw.days, found.bodies and found.bodies.days, found.metadata)
    assert 422 == (await at.client.patch(path, json={"retention": {"raw_days": -1}})).status_code
    assert 404 == (await at.client.patch("/v1/tenants/tn_none", json={"retention": {"raw_days": 1}})).status_code


async def test_people_who_lost_their_key_are_let_in_again(at: Desk) -> None:
    """By a key that the operator makes for them, and that they see in their audit."""
    made = (await at.client.post("/v1/tenants", json={"name": "one"})).json()
    again = (await at.client.post(f"/v1/tenants/{made['tenant']['id']}/keys", json={"name": "again"})).json()
    async with at.as_(again["secret"]) as people:
        names = [each["name"] for each in (await people.get("/v1/keys")).json()["items"]]
        lines = [(line["action"], line["actor"]) for line in (await people.get("/v1/audit")).json()["items"]]
    assert (["again", "first"], [("key.created", "key_configured")] * 2) == (sorted(names), lines)
    assert 404 == (await at.client.post("/v1/tenants/tn_none/keys")).status_code


async def test_a_call_that_is_repeated_makes_one_tenant(at: Desk) -> None:
    """With an `Idempotency-Key` the first answer is given again, secret and all."""
    first, second = [
        (await at.client.post("/v1/tenants", json={"name": "one"}, headers={"idempotency-key": "t-1"})).json()
        for _ in range(2)
    ]
    assert first == second
    assert 2 == len((await at.client.get("/v1/tenants")).json()["items"])


async def test_a_tenant_sees_nothing_of_how_the_service_is_run(tmp_path: Path) -> None:
    """Neither its settings nor its metrics; the checks that it gets are of what it has itself."""
    async with desk(config_of(tmp_path, server={"metrics": "key"})) as at:
        made = (await at.client.post("/v1/tenants", json={"name": "one"})).json()
        async with signed_in(at, made["secret"]) as theirs, signed_in(at) as ours:
            pages = [(await client.get("/doctor")).text for client in (theirs, ours)]
        async with at.as_(made["secret"]) as people:
            asked = [await people.get("/metrics"), await at.client.get("/metrics")]
            checks = (await people.get("/v1/doctor")).json()["checks"]
    assert [False, True] == ["gateway.store" in page for page in pages]
    assert [False, True] == ["sqlite:///" in page for page in pages]
    assert [403, 200] == [answer.status_code for answer in asked]
    assert not {"disk", "files", "master key"} & {check["name"] for check in checks}


async def test_a_first_key_is_made_once_however_many_have_ended(tmp_path: Path) -> None:
    """One that counts is found behind a hundred that do so no more."""
    config = config_of(tmp_path)
    config = replace(config, server=config.server.model_copy(update={"admin_key": None}))
    async with desk(config) as at:
        keys = at.service.tenancy.keys
        [first] = (await keys.list(DEFAULT_TENANT)).items
        await keys.mint(DEFAULT_TENANT, name="last", scopes=["admin"])
        for _ in range(100):
            ended = await keys.mint(DEFAULT_TENANT, name="ended", scopes=["read"])
            await keys.revoke(DEFAULT_TENANT, ended.row.id)
        await keys.revoke(DEFAULT_TENANT, first.id)
        await keys.rotate(DEFAULT_TENANT, (await keys.list(DEFAULT_TENANT)).items[1].id, overlap=timedelta())
        assert at.service.first_key
    async with desk(config) as at:
        assert None is at.service.first_key


async def test_nobody_else_makes_tenants(at: Desk) -> None:
    """Not an admin of a tenant, not a key that is bound to a connection, not one with less."""
    made = (await at.client.post("/v1/tenants", json={"name": "one"})).json()
    connection = await at.connection(name="main")
    for key in (made["secret"], await at.key("admin", f"connections:{connection}"), await at.key("send", "read")):
        async with at.as_(key) as other:
            asked = [await other.get("/v1/tenants"), await other.post("/v1/tenants", json={"name": "two"})]
            asked.append(await other.post(f"/v1/tenants/{made['tenant']['id']}/keys"))
        assert [(403, "forbidden")] * 3 == [(answer.status_code, answer.json()["code"]) for answer in asked]
