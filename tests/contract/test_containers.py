"""Databases and containers: definitions, lists, throughput, and what goes with a container."""

from typing import Any

import pytest
from azure.cosmos import PartitionKey, exceptions
from azure.cosmos.aio import ContainerProxy, CosmosClient, DatabaseProxy

from tests.contract.conftest import KEY, an_item

BY_ID = PartitionKey(path="/id")


async def test_a_container_tells_its_definition(container: ContainerProxy) -> None:
    definition = await container.read()
    assert definition["partitionKey"] == {
        "paths": ["/tenantId", "/userId"],
        "kind": "MultiHash",
        "version": 2,
    }
    assert definition["defaultTtl"] == -1
    assert definition["uniqueKeyPolicy"] == {"uniqueKeys": [{"paths": ["/email"]}]}


async def test_creating_what_exists_is_a_conflict(client: CosmosClient, database: DatabaseProxy) -> None:
    await database.create_container("c", BY_ID)
    with pytest.raises(exceptions.CosmosResourceExistsError):
        await database.create_container("c", BY_ID)
    with pytest.raises(exceptions.CosmosResourceExistsError):
        await client.create_database(database.id)
    await client.create_database_if_not_exists(database.id)
    await database.create_container_if_not_exists("c", BY_ID)


async def test_databases_and_containers_are_listed(client: CosmosClient, database: DatabaseProxy) -> None:
    for name in ("b", "a"):
        await database.create_container(name, BY_ID)
    assert {each["id"] async for each in database.list_containers()} == {"a", "b"}
    assert database.id in [each["id"] async for each in client.list_databases()]


async def test_a_deleted_container_takes_its_items_along(database: DatabaseProxy) -> None:
    first = await database.create_container("c", BY_ID)
    await first.create_item({"id": "a"})
    old = await first.read()
    await database.delete_container("c")
    with pytest.raises(exceptions.CosmosResourceNotFoundError):
        await first.read()
    second = await database.create_container("c", BY_ID)
    await second.create_item({"id": "b"})
    assert [item["id"] async for item in second.read_all_items()] == ["b"]
    assert (await second.read())["_rid"] != old["_rid"]


async def test_a_client_with_an_older_container_in_mind_still_finds_the_new_one(
    database: DatabaseProxy,
) -> None:
    old = await database.create_container("c", BY_ID)
    await old.create_item({"id": "a"})
    await database.delete_container("c")
    await database.create_container("c", BY_ID)
    assert (await old.create_item({"id": "a"}))["id"] == "a"


async def test_another_indexing_policy_holds_for_items_that_are_there(
    container: ContainerProxy, database: DatabaseProxy
) -> None:
    await container.create_item(an_item("a", size=2))
    await container.create_item(an_item("b", size=1))
    policy: Any = {"includedPaths": [{"path": "/size/?"}], "excludedPaths": [{"path": "/*"}]}
    key = PartitionKey(path=["/tenantId", "/userId"], kind="MultiHash")
    definition = await container.read()
    with pytest.raises(exceptions.CosmosHttpResponseError):
        await database.replace_container(container, key, indexing_policy=policy)
    await container.client_connection.ReplaceContainer(
        container.container_link, {**definition, "indexingPolicy": policy}
    )
    query = "SELECT * FROM c ORDER BY c.size"
    assert [item["id"] async for item in container.query_items(query, partition_key=KEY)] == ["b", "a"]


@pytest.mark.parametrize(
    "definition",
    [
        {"partition_key": {"paths": []}},
        {"partition_key": {"paths": ["no slash"]}},
        {"partition_key": {"paths": ["/a", "/b", "/c", "/d"], "kind": "MultiHash"}},
        {"partition_key": BY_ID, "default_ttl": 0},
        {"partition_key": BY_ID, "indexing_policy": {"includedPaths": [{"path": "no slash"}]}},
    ],
)
async def test_a_wrong_definition_is_refused(database: DatabaseProxy, definition: dict[str, Any]) -> None:
    with pytest.raises(exceptions.CosmosHttpResponseError) as refused:
        await database.create_container("c", **definition)
    assert refused.value.status_code == 400


async def test_the_throughput_is_told_and_changed(database: DatabaseProxy) -> None:
    container = await database.create_container("c", BY_ID, offer_throughput=600)
    assert (await container.get_throughput()).offer_throughput == 600
    await container.replace_throughput(800)
    assert (await container.get_throughput()).offer_throughput == 800


async def test_one_range_holds_everything(container: ContainerProxy) -> None:
    assert len([each async for each in container.read_feed_ranges()]) >= 1


async def test_there_are_no_conflicts(container: ContainerProxy) -> None:
    assert [each async for each in container.list_conflicts()] == []
