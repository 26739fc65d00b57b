"""Time to live: an item is gone, for everyone, from the second it ends."""

import pytest
from azure.cosmos import PartitionKey, exceptions
from azure.cosmos.aio import ContainerProxy, DatabaseProxy

from tests.contract.conftest import KEY, Clock, an_item

SET_N = [{"op": "set", "path": "/n", "value": 1}]


async def ids(container: ContainerProxy) -> list[str]:
    return [item["id"] async for item in container.read_all_items()]


async def test_an_item_ends_with_its_own_time_to_live(container: ContainerProxy, clock: Clock) -> None:
    await container.create_item(an_item("a", ttl=10))
    clock.advance(9)
    assert (await container.read_item("a", KEY))["ttl"] == 10
    clock.advance(1)
    with pytest.raises(exceptions.CosmosResourceNotFoundError):
        await container.read_item("a", KEY)


async def test_an_expired_item_is_not_there_for_anyone(container: ContainerProxy, clock: Clock) -> None:
    await container.create_item(an_item("a", ttl=10, rank=1, email="x"))
    clock.advance(10)
    with pytest.raises(exceptions.CosmosResourceNotFoundError):
        await container.patch_item("a", KEY, SET_N)
    ranked = container.query_items("SELECT * FROM c WHERE c.rank = 1", partition_key=KEY)
    assert [item async for item in ranked] == []
    assert [item async for item in container.query_items_change_feed(start_time="Beginning")] == []
    assert await ids(container) == []
    await container.create_item(an_item("b", email="x"))
    await container.create_item(an_item("a"))


async def test_a_write_begins_the_time_anew(container: ContainerProxy, clock: Clock) -> None:
    await container.create_item(an_item("a", ttl=10))
    clock.advance(9)
    await container.patch_item("a", KEY, SET_N)
    clock.advance(9)
    assert await ids(container) == ["a"]


async def test_a_patch_can_set_the_time_to_live(container: ContainerProxy, clock: Clock) -> None:
    await container.create_item(an_item("a"))
    clock.advance(1000)
    await container.patch_item("a", KEY, [{"op": "set", "path": "/ttl", "value": 5}])
    clock.advance(5)
    assert await ids(container) == []


async def test_the_containers_default_holds_unless_the_item_says(
    database: DatabaseProxy, clock: Clock
) -> None:
    events = await database.create_container("events", PartitionKey(path="/turnId"), default_ttl=60)
    await events.create_item({"id": "default", "turnId": "t"})
    await events.create_item({"id": "short", "turnId": "t", "ttl": 5})
    await events.create_item({"id": "for ever", "turnId": "t", "ttl": -1})
    clock.advance(5)
    assert await ids(events) == ["default", "for ever"]
    clock.advance(55)
    assert await ids(events) == ["for ever"]


async def test_without_a_default_nothing_ends(by_key: ContainerProxy, clock: Clock) -> None:
    await by_key.create_item({"id": "a", "key": "k", "ttl": 1})
    clock.advance(1000)
    assert await ids(by_key) == ["a"]


async def test_a_new_default_holds_for_items_that_are_there(
    by_key: ContainerProxy, database: DatabaseProxy, clock: Clock
) -> None:
    await by_key.create_item({"id": "a", "key": "k"})
    await by_key.create_item({"id": "b", "key": "k", "ttl": -1})
    await database.replace_container(by_key, PartitionKey(path="/key"), default_ttl=30)
    clock.advance(30)
    assert await ids(by_key) == ["b"]


@pytest.mark.parametrize("ttl", [0, -5, "10", 1.5, True])
async def test_a_time_to_live_that_is_none_is_refused(container: ContainerProxy, ttl: object) -> None:
    with pytest.raises(exceptions.CosmosHttpResponseError) as refused:
        await container.create_item(an_item("a", ttl=ttl))
    assert refused.value.status_code == 400
