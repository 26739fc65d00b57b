"""Session consistency: tokens move with every write, and one that is ahead is told apart from "not found"."""

import pytest
from azure.cosmos import exceptions
from azure.cosmos.aio import ContainerProxy, CosmosClient

from local.cosmos import EmbeddedTransport, Engine
from tests.contract.conftest import KEY, an_item

AHEAD = "0:-1#999"


def lsn(token: str) -> int:
    return int(token.split("#")[1])


async def test_each_commit_moves_the_session_and_reads_do_not(container: ContainerProxy) -> None:
    create = (await container.create_item(an_item("a"))).get_response_headers()["x-ms-session-token"]
    read = (await container.read_item("a", KEY)).get_response_headers()["x-ms-session-token"]
    batch = [("create", (an_item("b"),)), ("create", (an_item("c"),))]
    batched = (await container.execute_item_batch(batch, KEY)).get_response_headers()["x-ms-session-token"]
    assert lsn(create) == lsn(read) < lsn(batched)


async def test_a_batch_is_one_commit(container: ContainerProxy, engine: Engine) -> None:
    batch = [("create", (an_item(name),)) for name in "abc"]
    results = await container.execute_item_batch(batch, KEY)
    assert lsn(results.get_response_headers()["x-ms-session-token"]) == 1


async def test_a_refused_write_is_no_commit(container: ContainerProxy) -> None:
    first = await container.create_item(an_item("a"))
    with pytest.raises(exceptions.CosmosResourceExistsError) as refused:
        await container.create_item(an_item("a"))
    token = first.get_response_headers()["x-ms-session-token"]
    assert refused.value.headers["x-ms-session-token"] == token


async def test_a_token_ahead_of_the_container_is_not_simply_not_found(container: ContainerProxy) -> None:
    await container.create_item(an_item("a"))
    with pytest.raises(exceptions.CosmosResourceNotFoundError) as refused:
        await container.read_item("a", KEY, session_token=AHEAD)
    assert refused.value.sub_status == 1002


async def test_the_ranges_are_read_once(container: ContainerProxy, engine: Engine) -> None:
    await container.create_item(an_item("a"))
    await container.read_item("a", KEY)
    with engine.recording() as calls:
        for _ in range(3):
            await container.read_item("a", KEY)
            await container.upsert_item(an_item("a"))
            with pytest.raises(exceptions.CosmosResourceNotFoundError):
                await container.read_item("missing", KEY)
    assert [call.operation for call in calls] == ["read", "upsert", "read"] * 3


async def test_two_clients_of_one_engine_see_each_others_writes(
    container: ContainerProxy, engine: Engine
) -> None:
    database = container.container_link.split("/")[1]
    async with CosmosClient(engine.url, engine.key, transport=EmbeddedTransport(engine)) as other:
        theirs = other.get_database_client(database).get_container_client(container.id)
        await theirs.create_item(an_item("a", n=1))
        assert (await container.read_item("a", KEY))["n"] == 1
