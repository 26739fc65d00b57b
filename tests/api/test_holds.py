"""What an administrator holds can't be erased until the hold is lifted."""

from typing import Any

import httpx2

from functions.background import run_operations
from tests.api.conftest import Service
from tests.api.raw_store import everything
from tests.api.refusals import refused

ROOT = {"X-Local-User": "root", "X-Local-Roles": "Conversations.Admin"}
HOLD = "tenant/holds/local-user"


async def _hold(service: Service, reason: str | None) -> httpx2.Response:
    return await service.http.put(HOLD, json={"reason": reason}, headers=ROOT)


async def _fill(service: Service, documents: int) -> None:
    owner = {"tenantId": "local-tenant", "userId": "local-user"}
    for start in range(0, documents, 100):
        numbers = range(start, start + 100)
        batch = [("create", ({**owner, "id": f"msg_{n:026d}", "type": "message"},)) for n in numbers]
        await service.conversations.execute_item_batch(batch, list(owner.values()))


async def _after_a_minute(service: Service, operation: dict[str, Any]) -> dict[str, Any]:
    service.clock.pass_seconds(61)
    await run_operations(None)
    return dict((await service.http.get(f"operations/{operation['id']}")).json())


async def test_a_hold_blocks_an_erasure_and_says_why(service: Service) -> None:
    conversation = await service.new_conversation()
    held = await _hold(service, "Case 7.")

    answer = await service.http.post("me/erase")

    expected = {"id": "local-user", "object": "hold", "held": True, "reason": "Case 7."}
    assert (held.status_code, held.json()) == (200, expected)
    assert refused(answer, 409, "legal_hold") == "The data must be kept: Case 7."
    assert await service.get(conversation["id"]) == conversation
    assert "operation" not in {row["type"] for row in (await everything(service))["tenant_ops"]}
    assert (await service.http.post("me/export")).status_code == 202


async def test_a_hold_that_is_lifted_blocks_nothing(service: Service) -> None:
    await _hold(service, "Case 7.")

    assert (await _hold(service, None)).json()["held"] is False

    assert (await service.http.post("me/erase")).json()["state"] == "completed"


async def test_a_hold_is_of_one_user_of_one_tenant(service: Service) -> None:
    await _hold(service, "Case 7.")

    for headers in ({"X-Local-User": "bob"}, {"X-Local-Tenant": "elsewhere"}):
        assert (await service.http.post("me/erase", headers=headers)).status_code == 202


async def test_a_hold_placed_in_the_middle_stops_an_erasure_until_it_is_lifted(service: Service) -> None:
    await _fill(service, 400)
    operation = (await service.http.post("me/erase")).json()
    await _hold(service, "Case 7.")

    held = [await _after_a_minute(service, operation) for _ in range(3)][-1]

    assert (held["state"], held["blocked"]) == ("running", "The data must be kept: Case 7.")
    left = len((await everything(service))["conversations"])
    assert left == 200
    await _hold(service, None)
    done = await _after_a_minute(service, operation)
    assert (done["state"], done["blocked"], done["counts"]) == ("completed", None, {"message": 400})
    assert (await everything(service))["conversations"] == []


async def test_only_an_administrator_of_the_tenant_can_place_or_lift_a_hold(service: Service) -> None:
    await _hold(service, "Case 7.")

    refused(await service.http.put(HOLD, json={"reason": None}), 403, "forbidden")
    elsewhere = ROOT | {"X-Local-Tenant": "elsewhere"}
    assert (await service.http.put(HOLD, json={"reason": None}, headers=elsewhere)).status_code == 200

    refused(await service.http.post("me/erase"), 409, "legal_hold")
