"""An administrator sees the conversations of all users of their own tenant, and no one else does."""

from itertools import pairwise
from typing import Any

import pytest
from azure.cosmos import PartitionKey

from local.cosmos.ranges import KeyRange, KeyRanges
from tests.api.conftest import Service
from tests.api.refusals import refused

ROOT = {"X-Local-User": "root", "X-Local-Roles": "Conversations.Admin"}
UNKNOWN = "conv_01ARZ3NDEKTSV4RRFFQ69G5FAV"
USERS = [f"user-{number}" for number in range(7)]


async def _start(service: Service, user: str, tenant: str = "local-tenant", **fields: Any) -> dict[str, Any]:
    headers = {"X-Local-User": user, "X-Local-Tenant": tenant, "X-Local-Email": f"{user}@example.com"}
    answer = await service.http.post("conversations", json=fields, headers=headers)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def _all(service: Service, limit: int, **query: str) -> list[dict[str, Any]]:
    """Every page of the list."""
    found: list[dict[str, Any]] = []
    after: str | None = None
    for _ in range(100):
        params = {"limit": str(limit), **query} | ({"after": after} if after else {})
        answer = await service.http.get("tenant/conversations", params=params, headers=ROOT)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["data"]) <= limit
        found += page["data"]
        if not (after := page["next_cursor"]):
            assert page["has_more"] is False
            return found
    raise AssertionError("the pages find no end")


def _spread(service: Service, count: int) -> None:
    """Have the tenant lie in so many physical partitions, as one over 20 GB does."""
    container = service.engine.catalogue.container("conversations", "conversations")
    within = PartitionKey(["/tenantId", "/userId"], kind="MultiHash")
    prefix = str(within._get_effective_partition_key_string(["local-tenant", "any"]))[:32]
    bounds = ["", *(f"{prefix}{64 * number // count:02X}{'0' * 30}" for number in range(1, count)), "FF"]
    container.ranges = KeyRanges(
        KeyRange(str(number), 0, 1, low, high, ("0",))
        for number, (low, high) in enumerate(pairwise(bounds), start=1)
    )


@pytest.fixture(params=[1, 3], ids=["in-one-partition", "in-three-partitions"])
def spread(service: Service, request: pytest.FixtureRequest) -> None:
    if request.param > 1:
        _spread(service, request.param)


@pytest.mark.usefixtures("spread")
@pytest.mark.parametrize("limit", [1, 4, 50])
async def test_the_list_has_every_users_conversations_each_once_latest_first(
    service: Service, limit: int
) -> None:
    started = [await _start(service, user) for _ in range(3) for user in USERS]
    await _start(service, "user-1", tenant="elsewhere")

    listed = await _all(service, limit)

    assert [one["id"] for one in listed] == [one["id"] for one in reversed(started)]
    assert [one["user_id"] for one in listed] == list(reversed(USERS * 3))


@pytest.mark.usefixtures("spread")
async def test_the_list_is_filtered(service: Service) -> None:
    for user in USERS:
        for product in ("bread", "cake"):
            for org in ("north", "south"):
                await _start(service, user, product=product, org_id=org, title=f"{user} {product} {org}")
    (ended,) = [one for one in await _all(service, 50) if one["title"] == "user-3 cake north"]
    path = f"conversations/{ended['id']}/end"
    await service.http.post(path, json={}, headers={"X-Local-User": "user-3"})

    async def titles(**query: str) -> set[str]:
        return {one["title"] for one in await _all(service, 3, **query)}

    everyones = {
        f"{user} {product} {org}"
        for user in USERS
        for product in ("bread", "cake")
        for org in ("north", "south")
    }
    assert await titles(user_email="user-3@example.com") == {one for one in everyones if "user-3" in one}
    assert await titles(product="cake") == {one for one in everyones if "cake" in one}
    assert await titles(org_id="north") == {one for one in everyones if "north" in one}
    assert await titles(product="cake", org_id="north") == {one for one in everyones if "cake north" in one}
    assert await titles(status="ended") == {"user-3 cake north"}
    assert await titles(status="ended", product="bread") == set()
    assert await titles(user_email="nobody@example.com") == set()


async def test_a_page_is_stable_while_users_write(service: Service) -> None:
    started = [await _start(service, user) for user in USERS]
    first = (await service.http.get("tenant/conversations?limit=3", headers=ROOT)).json()
    await _start(service, "user-9")
    path = f"tenant/conversations?limit=50&after={first['next_cursor']}"

    rest = (await service.http.get(path, headers=ROOT)).json()["data"]

    assert [one["id"] for one in rest] == [one["id"] for one in reversed(started[:4])]


async def test_one_conversation_is_read_with_whose_it_is(service: Service) -> None:
    started = await _start(service, "user-1", title="Bread")

    answer = await service.http.get(f"tenant/conversations/{started['id']}", headers=ROOT)

    assert answer.json() == started | {"user_id": "user-1"}


async def test_what_is_deleted_or_another_tenants_is_not_there(service: Service) -> None:
    gone = await _start(service, "user-1")
    await service.http.delete(f"conversations/{gone['id']}", headers={"X-Local-User": "user-1"})
    theirs = await _start(service, "user-1", tenant="elsewhere")

    assert await _all(service, 50) == []
    for identifier in (gone["id"], theirs["id"], UNKNOWN, "conv_1", "%2e%2e"):
        answer = await service.http.get(f"tenant/conversations/{identifier}", headers=ROOT)
        refused(answer, 404, "conversation_not_found")


@pytest.mark.parametrize("roles", ["", "Conversations.ReadWrite", "conversations.admin"])
async def test_without_the_role_there_is_nothing_to_see(service: Service, roles: str) -> None:
    started = await _start(service, "user-1")
    headers = {"X-Local-User": "user-1", "X-Local-Roles": roles}

    for path in (
        "tenant/conversations",
        f"tenant/conversations/{started['id']}",
        f"tenant/conversations/{UNKNOWN}",
    ):
        refused(await service.http.get(path, headers=headers), 403, "forbidden")


async def test_a_cursor_is_good_for_its_administrator_and_filters_only(service: Service) -> None:
    for user in USERS:
        await _start(service, user, product="bread")
    page = (await service.http.get("tenant/conversations?limit=2", headers=ROOT)).json()
    after = page["next_cursor"]

    for query, headers in (
        ("", ROOT | {"X-Local-User": "another"}),
        ("", ROOT | {"X-Local-Tenant": "elsewhere"}),
        ("&product=bread", ROOT),
    ):
        answer = await service.http.get(f"tenant/conversations?after={after}{query}", headers=headers)
        refused(answer, 400, "invalid_cursor", "after")
    refused(
        await service.http.get(f"conversations?after={after}", headers=ROOT), 400, "invalid_cursor", "after"
    )


async def test_a_page_costs_the_same_beside_many_messages_and_reads_none(service: Service) -> None:
    for user in USERS * 3:
        await _start(service, user, title="Bread", instructions="i" * 600, product="bread")

    async def cost(path: str) -> float:
        with service.engine.recording() as calls:
            answer = await service.http.get(path, headers=ROOT)
        assert len(answer.json()["data"]) == 20
        assert "SECRET" not in answer.text
        queries = [call for call in calls if call.container == "conversations"]
        assert {call.operation for call in queries} <= {"query", "read_ranges"}
        return sum(call.charge for call in queries)

    paths = ["tenant/conversations", "tenant/conversations?product=bread"]
    before = [await cost(path) for path in paths]
    for user in USERS:
        owner = {"tenantId": "local-tenant", "userId": user}
        batch = [
            ("create", ({**owner, "id": f"msg_{number:026d}", "type": "message", "content": "SECRET" * 200},))
            for number in range(100)
        ]
        await service.conversations.execute_item_batch(batch, list(owner.values()))

    for path, cheap in zip(paths, before, strict=True):
        assert await cost(path) <= min(1.2 * cheap, 10)
