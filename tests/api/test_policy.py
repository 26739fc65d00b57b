"""What a tenant has decided holds for it and no other, within a minute, and never breaks a request."""

from typing import Any

import pytest

from local.cosmos import Fault
from tests.api.conftest import Service
from tests.api.refusals import refused, stored

DAY = 24 * 60 * 60


async def decide(service: Service, tenant: str = "local-tenant", **policy: Any) -> None:
    """Write a tenant's policy, as whoever runs the service does."""
    document = {"id": "policy", "tenantId": tenant, "scope": "policy", "type": "policy", **policy}
    await service.tenant_ops.upsert_item(document)


async def _lives(service: Service, **headers: str) -> int:
    """For how many days a conversation that is deleted now can be restored."""
    one = (await service.http.post("conversations", headers=headers)).json()
    gone = (await service.http.delete(f"conversations/{one['id']}", headers=headers)).json()
    return int((gone["expires_at"] - service.clock.now // 1000) / DAY)


async def test_without_a_policy_any_product_is_taken_and_deleted_ones_live_for_thirty_days(
    service: Service,
) -> None:
    assert (await service.new_conversation(product="anything_1"))["product"] == "anything_1"
    assert await _lives(service) == 30


async def test_a_product_is_one_of_the_tenants(service: Service) -> None:
    await decide(service, products=["co_pilot", "bakery"])
    one = await service.new_conversation(product="bakery")
    await service.new_conversation()
    before = await stored(service)
    path = f"conversations/{one['id']}"

    for answer in (
        await service.http.post("conversations", json={"product": "doc_creator"}),
        await service.http.patch(path, json={"product": "doc_creator"}),
    ):
        message = refused(answer, 400, "invalid_request", "product")
        assert "co_pilot, bakery" in message
    assert await stored(service) == before
    assert (await service.http.patch(path, json={"product": "co_pilot"})).status_code == 200
    assert (await service.http.patch(path, json={"product": None})).status_code == 200


async def test_what_has_a_product_from_before_is_still_found_changed_and_forked(service: Service) -> None:
    one = await service.new_conversation(product="former")
    await decide(service, products=["bakery"])
    service.clock.pass_seconds(61)
    path = f"conversations/{one['id']}"

    assert (await service.http.patch(path, json={"pinned": True})).json()["product"] == "former"
    assert (await service.http.get("conversations?product=former")).json()["data"] != []
    assert (await service.http.post(f"{path}/fork")).json()["product"] == "former"


async def test_a_policy_is_its_own_tenants(service: Service) -> None:
    await decide(service, "elsewhere", products=[], retentionDays=1)

    assert await _lives(service) == 30
    assert (await service.new_conversation(product="any"))["product"] == "any"
    assert await _lives(service, **{"X-Local-Tenant": "elsewhere"}) == 1
    answer = await service.http.post(
        "conversations", json={"product": "any"}, headers={"X-Local-Tenant": "elsewhere"}
    )
    refused(answer, 400, "invalid_request", "product")


@pytest.mark.parametrize("days", [0, 1, 90, 3650])
async def test_deleted_ones_live_as_long_as_the_tenant_says(service: Service, days: int) -> None:
    await decide(service, retentionDays=days)

    assert await _lives(service) == days


async def test_a_policy_is_read_once_a_minute(service: Service) -> None:
    await decide(service, retentionDays=1)
    with service.engine.recording() as calls:
        assert [await _lives(service) for _ in range(3)] == [1, 1, 1]
    assert [call.operation for call in calls if call.container == "tenant_ops"].count("read") == 1

    await decide(service, retentionDays=2)
    service.clock.pass_seconds(50)
    assert await _lives(service) == 1
    service.clock.pass_seconds(11)
    assert await _lives(service) == 2


@pytest.mark.parametrize(
    "broken",
    [
        {"retentionDays": -1},
        {"retentionDays": 3651},
        {"retentionDays": "soon"},
        {"retentionDays": {"days": 3}},
        {"products": "co_pilot"},
        {"products": [7]},
        {"inactiveAfterMinutes": 0},
        {"inactiveAfterMinutes": [1]},
    ],
)
async def test_a_policy_that_cant_be_understood_is_logged_and_the_last_one_goes_on(
    service: Service, broken: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    await decide(service, retentionDays=7)
    assert await _lives(service) == 7
    await decide(service, **{"retentionDays": 8, **broken})
    service.clock.pass_seconds(61)

    assert await _lives(service) == 7

    assert "the policy of tenant local-tenant can't be understood" in caplog.text
    assert await _lives(service, **{"X-Local-Tenant": "elsewhere"}) == 30
    await decide(service, retentionDays=9)
    service.clock.pass_seconds(61)
    assert await _lives(service) == 9


async def test_what_a_newer_version_has_added_to_a_policy_is_no_error(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    await decide(service, retentionDays=7, newSetting={"a": 1})

    assert await _lives(service) == 7
    assert "can't be understood" not in caplog.text


async def test_while_the_policy_cant_be_read_what_needs_it_is_unavailable_and_the_rest_goes_on(
    service: Service,
) -> None:
    one = await service.new_conversation()
    service.engine.faults.add(Fault("read", container="tenant_ops", status=408, times=100))

    refused(await service.http.post("conversations", json={"product": "any"}), 503, "unavailable")
    assert (await service.http.post("conversations", json={})).status_code == 201
    assert (await service.get(one["id"]))["id"] == one["id"]
