"""Transactional batches: all or nothing in one logical partition."""

from copy import deepcopy
from typing import Any

import pytest
from azure.cosmos import exceptions
from azure.cosmos.aio import ContainerProxy

from tests.contract.conftest import KEY, LARGE_BODIES, an_item

NINE = [{"op": "set", "path": "/n", "value": 9}]


async def ids(container: ContainerProxy) -> list[str]:
    return [item["id"] async for item in container.read_all_items()]


async def test_a_batch_does_all_kinds_of_operations(container: ContainerProxy) -> None:
    for name in "abcd":
        await container.create_item(an_item(name, n=1))
    results = await container.execute_item_batch(
        [
            ("create", (an_item("new"),)),
            ("upsert", (an_item("a", n=2),)),
            ("replace", ("b", an_item("b", n=3))),
            ("patch", ("c", NINE), {"filter_predicate": "from c where c.n = 1"}),
            ("delete", ("d",)),
            ("read", ("c",)),
        ],
        KEY,
    )
    assert [result["statusCode"] for result in results] == [201, 200, 200, 200, 204, 200]
    assert results[5]["resourceBody"]["n"] == 9
    assert results[3]["eTag"] == results[5]["resourceBody"]["_etag"]
    assert sorted(await ids(container)) == ["a", "b", "c", "new"]


async def test_a_failing_operation_undoes_the_others(container: ContainerProxy) -> None:
    before = await container.create_item(an_item("a", n=1))
    with pytest.raises(exceptions.CosmosBatchOperationError) as failed:
        await container.execute_item_batch(
            [
                ("create", (an_item("new"),)),
                ("patch", ("a", NINE)),
                ("delete", ("missing",)),
                ("read", ("a",)),
            ],
            KEY,
        )
    assert failed.value.error_index == 2
    assert [each["statusCode"] for each in failed.value.operation_responses] == [424, 424, 404, 424]
    assert await ids(container) == ["a"]
    assert dict(await container.read_item("a", KEY)) == dict(before)


FAILURES: dict[int, list[tuple[Any, ...]]] = {
    409: [("create", (an_item("a", email="other"),))],
    412: [("replace", ("a", an_item("a")), {"if_match_etag": '"old"'})],
    404: [("patch", ("missing", NINE))],
    400: [("create", (an_item("b", userId="u2"),))],
}


@pytest.mark.parametrize(("status", "operations"), FAILURES.items())
async def test_the_culprit_has_its_status(
    container: ContainerProxy, status: int, operations: list[tuple[Any, ...]]
) -> None:
    await container.create_item(an_item("a", n=1))
    with pytest.raises(exceptions.CosmosBatchOperationError) as failed:
        await container.execute_item_batch(
            [("read", ("a",)), *deepcopy(operations)], KEY
        )  # the SDK empties them
    assert [each["statusCode"] for each in failed.value.operation_responses] == [424, status]


async def test_a_false_condition_fails_the_batch(container: ContainerProxy) -> None:
    await container.create_item(an_item("a", n=1))
    patch = ("patch", ("a", NINE), {"filter_predicate": "from c where c.n = 5"})
    with pytest.raises(exceptions.CosmosBatchOperationError) as failed:
        await container.execute_item_batch([patch, ("create", (an_item("b"),))], KEY)
    assert [each["statusCode"] for each in failed.value.operation_responses] == [412, 424]
    assert await ids(container) == ["a"]


async def test_a_partition_of_a_batch_that_failed_takes_items_later(container: ContainerProxy) -> None:
    with pytest.raises(exceptions.CosmosBatchOperationError):
        await container.execute_item_batch([("create", (an_item("a"),)), ("delete", ("missing",))], KEY)
    await container.create_item(an_item("a", userId="u2"))
    await container.create_item(an_item("a"))
    assert (await container.read_item("a", KEY))["userId"] == "u1"


@pytest.mark.parametrize("count", [1, 100])
async def test_a_batch_has_up_to_100_operations(container: ContainerProxy, count: int) -> None:
    results = await container.execute_item_batch([("create", (an_item(str(n)),)) for n in range(count)], KEY)
    assert len(results) == count


async def test_101_operations_are_refused(container: ContainerProxy) -> None:
    with pytest.raises(exceptions.CosmosHttpResponseError) as refused:
        await container.execute_item_batch([("create", (an_item(str(n)),)) for n in range(101)], KEY)
    assert refused.value.status_code == 400
    assert await ids(container) == []


@LARGE_BODIES
async def test_two_megabytes_are_too_large(container: ContainerProxy) -> None:
    large = [("create", (an_item(name, text="x" * 800_000),)) for name in "abc"]
    with pytest.raises(exceptions.CosmosHttpResponseError) as refused:
        await container.execute_item_batch(large, KEY)
    assert refused.value.status_code == 413


@LARGE_BODIES
async def test_bytes_count_as_they_are_stored_not_as_the_sdk_escapes_them(container: ContainerProxy) -> None:
    large = [("create", (an_item(name, text="ä" * 400_000),)) for name in "ab"]
    assert len(await container.execute_item_batch(large, KEY)) == 2


async def test_a_key_with_too_few_levels_is_refused(container: ContainerProxy) -> None:
    with pytest.raises(exceptions.CosmosHttpResponseError) as refused:
        await container.execute_item_batch([("read", ("a",))], ["t1"])
    assert (refused.value.status_code, refused.value.sub_status) == (400, 1001)


async def test_a_batch_costs_the_sum_of_its_operations(container: ContainerProxy) -> None:
    results = await container.execute_item_batch([("create", (an_item(name),)) for name in "abc"], KEY)
    headers = results.get_response_headers()
    total = sum(result["requestCharge"] for result in results)
    assert float(headers["x-ms-request-charge"]) == pytest.approx(total, abs=0.1)
