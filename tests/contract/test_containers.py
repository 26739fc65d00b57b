"""Databases and containers: definitions, lists, throughput, and what goes with a container."""

from typing import Any
from uuid import uuid4

import pytest
from azure.cosmos import PartitionKey, ThroughputProperties, exceptions
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
        {"partition_key": BY_ID, "unique_key_policy": {"uniqueKeys": [{"paths": []}]}},
        {"partition_key": BY_ID, "unique_key_policy": {"uniqueKeys": [{"paths": ["/a"] * 17}]}},
        {"partition_key": BY_ID, "unique_key_policy": {"uniqueKeys": [{"paths": ["/a"]}] * 11}},
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


@pytest.mark.parametrize("throughput", [300, 450])
async def test_a_throughput_that_is_not_sold_is_refused(database: DatabaseProxy, throughput: int) -> None:
    with pytest.raises(exceptions.CosmosHttpResponseError) as refused:
        await database.create_container("c", BY_ID, offer_throughput=throughput)
    assert refused.value.status_code == 400


async def test_autoscale_is_told_and_changed(database: DatabaseProxy) -> None:
    most = ThroughputProperties(auto_scale_max_throughput=4000)
    container = await database.create_container("c", BY_ID, offer_throughput=most)
    assert (await container.get_throughput()).auto_scale_max_throughput == 4000
    await container.replace_throughput(ThroughputProperties(auto_scale_max_throughput=8000))
    assert (await container.get_throughput()).auto_scale_max_throughput == 8000


async def test_the_throughput_of_a_database_is_shared_by_its_containers(client: CosmosClient) -> None:
    shared = await client.create_database(f"contract-{uuid4()}", offer_throughput=1000)
    container = await shared.create_container("c", BY_ID)
    own = await shared.create_container("own", BY_ID, offer_throughput=500)
    assert (await shared.get_throughput()).offer_throughput == 1000
    assert (await own.get_throughput()).offer_throughput == 500
    with pytest.raises(AttributeError):  # what the SDK makes of an answer without an offer
        await container.get_throughput()
    await shared.replace_throughput(1200)
    assert (await shared.get_throughput()).offer_throughput == 1200
    await client.delete_database(shared)


async def test_databases_and_containers_are_queried(client: CosmosClient, database: DatabaseProxy) -> None:
    for name in ("b", "a"):
        await database.create_container(name, BY_ID)
    query: Any = {"parameters": [{"name": "@id", "value": database.id}]}
    databases = client.query_databases(query="SELECT * FROM r WHERE r.id = @id", **query)
    assert [each["id"] async for each in databases] == [database.id]
    containers = database.query_containers(query="SELECT VALUE r.id FROM r")
    assert {str(each) async for each in containers} == {"a", "b"}


async def test_one_range_holds_everything(container: ContainerProxy) -> None:
    assert len([each async for each in container.read_feed_ranges()]) >= 1


async def test_there_are_no_conflicts(container: ContainerProxy) -> None:
    assert [each async for each in container.list_conflicts()] == []
