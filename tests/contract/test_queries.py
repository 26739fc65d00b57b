"""Queries by page: in one logical partition, in a prefix, and across partitions."""

from typing import Any

import pytest
from azure.cosmos import exceptions
from azure.cosmos.aio import ContainerProxy

from tests.contract.conftest import KEY, OTHER_KEY, an_item

BY_RANK = "SELECT * FROM c WHERE c.rank >= @least ORDER BY c.rank DESC"
LEAST_0 = [{"name": "@least", "value": 0}]


async def fill(container: ContainerProxy, count: int) -> None:
    for n in range(count):
        await container.create_item(an_item(f"i{n}", rank=n, team=n % 2))
    await container.create_item(an_item("other", userId="u2", rank=5, team=1))
    await container.create_item(an_item("far", tenantId="t2", rank=5, team=1))


async def ids(container: ContainerProxy, query: str, **options: Any) -> list[Any]:
    return [item["id"] async for item in container.query_items(query, **options)]


async def test_a_query_sees_its_logical_partition_only(container: ContainerProxy) -> None:
    await fill(container, 3)
    assert await ids(container, BY_RANK, parameters=LEAST_0, partition_key=KEY) == ["i2", "i1", "i0"]
    assert await ids(container, BY_RANK, parameters=LEAST_0, partition_key=OTHER_KEY) == ["other"]
    assert await ids(container, BY_RANK, parameters=LEAST_0, partition_key=["t9", "u9"]) == []


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
async def test_pages_give_each_item_once_and_in_order(container: ContainerProxy, size: int) -> None:
    await fill(container, 7)
    pages = container.query_items(
        BY_RANK, parameters=LEAST_0, partition_key=KEY, max_item_count=size
    ).by_page()
    found = [[item["rank"] async for item in page] async for page in pages]
    assert [rank for page in found for rank in page] == [6, 5, 4, 3, 2, 1, 0]
    assert all(len(page) <= size for page in found)


async def test_equal_keys_are_paged_without_loss(container: ContainerProxy) -> None:
    for n in range(5):
        await container.create_item(an_item(f"i{n}", rank=1))
    found = await ids(container, BY_RANK, parameters=LEAST_0, partition_key=KEY, max_item_count=2)
    assert sorted(found) == [f"i{n}" for n in range(5)]


async def test_a_token_goes_on_past_writes_in_between(container: ContainerProxy) -> None:
    await fill(container, 6)
    options: dict[str, Any] = {"parameters": LEAST_0, "partition_key": KEY, "max_item_count": 2}
    pages: Any = container.query_items(BY_RANK, **options).by_page()
    assert [item["rank"] async for item in await anext(pages)] == [5, 4]
    await container.delete_item("i4", KEY)
    await container.create_item(an_item("top", rank=99))
    rest: Any = container.query_items(BY_RANK, **options).by_page(pages.continuation_token)
    assert [item["rank"] async for page in rest async for item in page] == [3, 2, 1, 0]


async def test_a_token_of_another_partition_is_refused(container: ContainerProxy) -> None:
    await fill(container, 4)
    pages: Any = container.query_items(
        BY_RANK, parameters=LEAST_0, partition_key=KEY, max_item_count=2
    ).by_page()
    await anext(pages)
    other = container.query_items(BY_RANK, parameters=LEAST_0, partition_key=OTHER_KEY)
    with pytest.raises(exceptions.CosmosHttpResponseError) as refused:
        await anext(other.by_page(pages.continuation_token))
    assert refused.value.status_code == 400


async def test_a_prefix_of_the_key_sees_what_begins_with_it(container: ContainerProxy) -> None:
    await fill(container, 2)
    query = "SELECT * FROM c WHERE c.rank >= 0"
    assert sorted(await ids(container, query, partition_key=["t1"])) == ["i0", "i1", "other"]
    assert await ids(container, query, partition_key=["t2"]) == ["far"]


async def test_a_filter_runs_across_partitions(container: ContainerProxy) -> None:
    await fill(container, 2)
    assert sorted(await ids(container, "SELECT * FROM c WHERE c.team = 1")) == ["far", "i1", "other"]


async def test_pages_across_partitions_give_each_item_once(container: ContainerProxy) -> None:
    await fill(container, 6)
    found = await ids(container, "SELECT * FROM c WHERE c.rank >= 0", max_item_count=3)
    assert sorted(found) == ["far", "i0", "i1", "i2", "i3", "i4", "i5", "other"]


async def test_an_aggregate_of_one_partition_is_one_value(container: ContainerProxy) -> None:
    await fill(container, 3)
    counted: Any = container.query_items("SELECT VALUE COUNT(1) FROM c", partition_key=KEY)
    assert [value async for value in counted] == [3]


@pytest.mark.parametrize("query", ["SELECT", "SELECT * FROM c WHERE", "SELECT * FROM c WHERE UNKNOWN(c.x)"])
async def test_a_query_that_can_not_be_understood_is_refused(container: ContainerProxy, query: str) -> None:
    with pytest.raises(exceptions.CosmosHttpResponseError) as refused:
        await ids(container, query, partition_key=KEY)
    assert refused.value.status_code == 400


async def test_an_order_without_an_index_is_refused(container: ContainerProxy) -> None:
    with pytest.raises(exceptions.CosmosHttpResponseError) as refused:
        await ids(container, "SELECT * FROM c ORDER BY c.unindexed", partition_key=KEY)
    assert refused.value.status_code == 400


async def test_all_items_come_in_pages(container: ContainerProxy) -> None:
    await fill(container, 4)
    pages = container.read_all_items(max_item_count=4).by_page()
    found = [[item["id"] async for item in page] async for page in pages]
    assert [len(page) for page in found] == [4, 2]
    assert len({item for page in found for item in page}) == 6


async def test_many_items_are_read_at_once(container: ContainerProxy) -> None:
    await fill(container, 3)
    wanted: list[Any] = [("i0", KEY), ("i2", KEY), ("far", ["t2", "u1"]), ("missing", KEY)]
    found = await container.read_items(wanted)
    assert sorted(item["id"] for item in found) == ["far", "i0", "i2"]


async def test_the_index_follows_changes_and_deletes(container: ContainerProxy) -> None:
    await fill(container, 3)
    await container.patch_item("i0", KEY, [{"op": "set", "path": "/rank", "value": 10}])
    await container.patch_item("i1", KEY, [{"op": "remove", "path": "/rank"}])
    await container.delete_item("i2", KEY)
    assert await ids(container, BY_RANK, parameters=LEAST_0, partition_key=KEY) == ["i0"]


async def test_a_scan_costs_more_than_an_indexed_query(container: ContainerProxy) -> None:
    await fill(container, 30)
    charges: list[float] = []

    def note(headers: Any, _: Any) -> None:
        charges.append(float(headers["x-ms-request-charge"]))

    await ids(container, "SELECT * FROM c WHERE c.rank = 5", partition_key=KEY, response_hook=note)
    await ids(container, "SELECT * FROM c WHERE c.email = 'i5'", partition_key=KEY, response_hook=note)
    assert 2 < charges[0] < charges[1]
