"""Every act of an administrator, or of a service in a user's name, is on record."""

import json
from typing import Any

import httpx2
import pytest

from local.cosmos import Fault
from shared.http.endpoint import endpoints
from shared.records import digest_of
from tests.api.conftest import Service
from tests.api.raw_store import everything
from tests.api.refusals import refused

ROOT = {"X-Local-User": "root", "X-Local-Roles": "Conversations.Admin"}
SERVICE = {
    "X-Local-User": "the-service",
    "X-Local-Roles": "Conversations.OnBehalf",
    "X-On-Behalf-Of": "alice",
}
MONTH = "2027-01"


async def _entries(service: Service, **query: str) -> list[dict[str, Any]]:
    """The month's entries, newest first, all pages."""
    found: list[dict[str, Any]] = []
    after = None
    while True:
        params = {"limit": "3", **query} | ({"after": after} if after else {})
        answer = await service.http.get("tenant/audit", params=params, headers=ROOT)
        assert answer.status_code == 200, answer.text
        found += answer.json()["data"]
        if not (after := answer.json()["next_cursor"]):
            return found


async def test_an_administrators_act_is_on_record_with_who_what_when_and_request(service: Service) -> None:
    conversation = await service.new_conversation()
    path = f"tenant/conversations/{conversation['id']}"
    await service.http.get(path, headers=ROOT | {"x-request-id": "request-1"})

    (_, entry) = await _entries(service)

    told = {name: entry[name] for name in ("actor", "on", "act", "about", "request_id")}
    assert told == {
        "actor": "root",
        "on": "",
        "act": "get_tenant_conversation",
        "about": conversation["id"],
        "request_id": "request-1",
    }
    assert 0 <= service.clock.now // 1000 - entry["at"] <= 1


async def test_every_act_of_a_service_in_a_users_name_is_on_record(service: Service) -> None:
    started = (await service.http.post("conversations", headers=SERVICE)).json()
    path = f"conversations/{started['id']}"
    await service.http.post(f"{path}/ask", json={"content": "Hello?"}, headers=SERVICE)
    await service.http.get(f"{path}/messages", headers=SERVICE)
    await service.http.get(path, headers={"X-Local-User": "alice"})  # by herself

    _, listed, asked, created = await _entries(service)

    assert [one["act"] for one in (created, asked, listed)] == ["create_conversation", "ask", "list_messages"]
    assert {(one["actor"], one["on"]) for one in (created, asked, listed)} == {
        ("the-service", digest_of("alice"))
    }
    assert (asked["about"], created["about"]) == (started["id"], "")


async def test_an_act_that_is_refused_is_not_on_record_as_done(service: Service) -> None:
    routes = [one for one in endpoints() if one.administrator]
    for route in routes:
        path = route.route.replace("{", "").replace("}", "")
        refused(await service.http.request(route.method, path, json={}), 403, "forbidden")

    assert len(routes) >= 6
    assert (await everything(service))["tenant_ops"] == []


async def test_nothing_is_done_that_cannot_be_put_on_record(service: Service) -> None:
    await service.http.get("tenant/audit", headers=ROOT)
    service.engine.faults.add(Fault("batch", container="tenant_ops", status=403, times=None))

    answer = await service.http.put("tenant/holds/alice", json={"reason": "Court."}, headers=ROOT)

    refused(answer, 500, "internal_error")
    assert "hold" not in {row["type"] for row in (await everything(service))["tenant_ops"]}


async def test_the_log_is_paged_by_month_newest_first_each_entry_once(service: Service) -> None:
    for _ in range(10):
        await service.http.get("tenant/conversations", headers=ROOT)
    january = await _entries(service)
    service.clock.pass_seconds(31 * 86_400)
    for _ in range(2):
        await service.http.get("tenant/conversations", headers=ROOT)

    again, february = await _entries(service, month=MONTH), await _entries(service)

    assert again[-10:] == january[-10:]
    assert len({entry["id"] for entry in again}) == len(again) == len(january) + 3
    assert [entry["at"] for entry in again] == sorted((entry["at"] for entry in again), reverse=True)
    assert {entry["act"] for entry in february[-2:]} == {"list_tenant_conversations"}
    assert await _entries(service, month="2026-12") == []


async def test_a_log_is_its_own_tenants(service: Service) -> None:
    await service.http.get("tenant/conversations", headers=ROOT)
    cursor = (await service.http.get("tenant/audit?limit=1", headers=ROOT)).json()["next_cursor"]
    theirs = ROOT | {"X-Local-Tenant": "elsewhere"}

    (entry,) = (await service.http.get("tenant/audit", headers=theirs)).json()["data"]
    answer = await service.http.get(f"tenant/audit?after={cursor}", headers=theirs)

    assert entry["act"] == "list_audit"
    refused(answer, 400, "invalid_cursor", "after")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["tenant/audit", "tenant/audit/0-1"])
async def test_no_route_changes_or_removes_an_entry(service: Service, method: str, path: str) -> None:
    await service.http.get("tenant/audit", headers=ROOT)
    before = await everything(service)

    answer: httpx2.Response = await service.http.request(method, path, json={}, headers=ROOT)

    assert answer.status_code == 404
    assert await everything(service) == before


async def test_what_is_on_record_about_an_erased_user_names_nobody(service: Service) -> None:
    user = SERVICE | {"X-On-Behalf-Of": "canary-user"}
    await service.http.post("conversations", json={"title": "canary-title"}, headers=user)
    await service.http.put("tenant/holds/canary-user", json={"reason": None}, headers=ROOT)
    await service.http.post("me/erase", headers=user)

    entries = await _entries(service)

    assert "canary" not in json.dumps(entries)
    assert {one["on"] for one in entries if one["actor"] == "the-service"} == {digest_of("canary-user")}
    assert [one["about"] for one in entries if one["act"] == "hold_user"] == [digest_of("canary-user")]
