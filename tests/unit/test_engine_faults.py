"""Faults strike as told, and the calls of an engine can be counted."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import pytest
from azure.core.exceptions import ServiceResponseError
from azure.cosmos import PartitionKey, exceptions
from azure.cosmos.aio import ContainerProxy, CosmosClient

from local.cosmos import EmbeddedTransport, Engine, Fault

ITEM = {"id": "a", "key": "k"}


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine.open(None)
    yield engine
    engine.close()


@pytest.fixture
async def container(engine: Engine) -> AsyncIterator[ContainerProxy]:
    async with CosmosClient(engine.url, engine.key, transport=EmbeddedTransport(engine)) as client:
        database = await client.create_database("d")
        yield await database.create_container("c", PartitionKey(path="/key"))


async def test_a_fault_refuses_and_nothing_is_done(engine: Engine, container: ContainerProxy) -> None:
    engine.faults.add(Fault("create", status=449))
    with pytest.raises(exceptions.CosmosHttpResponseError) as refused:
        await container.create_item(ITEM)
    assert refused.value.status_code == 449
    await container.create_item(ITEM)


async def test_a_fault_after_the_commit_loses_only_the_answer(
    engine: Engine, container: ContainerProxy
) -> None:
    engine.faults.add(Fault("batch", status=408, after=True))
    with pytest.raises(exceptions.CosmosHttpResponseError):
        await container.execute_item_batch([("create", (ITEM,))], "k")
    assert (await container.read_item("a", "k"))["id"] == "a"


async def test_a_write_whose_connection_breaks_is_sent_once(
    engine: Engine, container: ContainerProxy
) -> None:
    engine.faults.add(Fault("create", container="c", error=ServiceResponseError("reset"), after=True))
    with engine.recording() as calls, pytest.raises(ServiceResponseError):
        await container.create_item(ITEM)
    assert [(call.operation, call.status) for call in calls] == [("create", 0)]


async def test_the_sdk_waits_and_tries_again_when_throttled(
    engine: Engine, container: ContainerProxy
) -> None:
    engine.faults.add(Fault("create", status=429, times=2))
    with engine.recording() as calls:
        await container.create_item(ITEM)
    assert [call.status for call in calls] == [429, 429, 201]


async def test_a_fault_for_another_container_waits(engine: Engine, container: ContainerProxy) -> None:
    engine.faults.add(Fault("create", container="other", status=503))
    await container.create_item(ITEM)
    engine.faults.clear()


async def test_a_slow_answer_is_still_right(engine: Engine, container: ContainerProxy) -> None:
    engine.faults.add(Fault("create", delay=0.01))
    assert (await container.create_item(ITEM))["id"] == "a"


async def test_a_client_that_is_told_to_wait_waits_so_long(engine: Engine, container: ContainerProxy) -> None:
    engine.faults.add(Fault("create", status=429, retry_after_ms=30))
    before = time.monotonic()
    await container.create_item(ITEM)
    assert time.monotonic() - before >= 0.03


STATUSES = [(449, 0), (410, 1002), (404, 1002), (408, 0)]


@pytest.mark.parametrize(("status", "sub_status"), STATUSES)
async def test_a_fault_comes_with_its_status(
    engine: Engine, container: ContainerProxy, status: int, sub_status: int
) -> None:
    engine.faults.add(Fault("create", status=status, sub_status=sub_status, times=9))
    with pytest.raises(exceptions.CosmosHttpResponseError) as refused:
        await container.create_item(ITEM)
    assert (refused.value.status_code, refused.value.sub_status) == (status, sub_status)


async def test_a_connection_dropped_after_the_write_leaves_it_written_once(
    engine: Engine, container: ContainerProxy
) -> None:
    engine.faults.add(Fault("create", dropped=True, after=True))
    with pytest.raises(ServiceResponseError):
        await container.create_item(ITEM)
    with pytest.raises(exceptions.CosmosResourceExistsError):
        await container.create_item(ITEM)


async def test_a_client_that_gives_up_waiting_may_still_have_written(
    engine: Engine, container: ContainerProxy
) -> None:
    engine.faults.add(Fault("create", delay=60, after=True))
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(container.create_item(ITEM), 0.01)
    assert (await container.read_item("a", "k"))["id"] == "a"


async def struck(engine: Engine, container: ContainerProxy, seed: int) -> list[bool]:
    """Which of 40 reads a fault of one in four struck."""
    engine.faults.clear()
    engine.faults.seed(seed)
    engine.faults.add(Fault("read", status=449, probability=0.25, times=None))
    with engine.recording() as calls:
        for _ in range(40):
            with suppress(exceptions.CosmosHttpResponseError):
                await container.read_item("a", "k")
    return [call.status == 449 for call in calls if call.operation == "read"]


async def test_luck_is_the_same_for_the_same_seed(engine: Engine, container: ContainerProxy) -> None:
    await container.create_item(ITEM)
    first, second, third = [await struck(engine, container, seed) for seed in (1, 1, 2)]
    assert first == second != third
    assert 3 < sum(first) < 20


@pytest.mark.parametrize("wrong", [{"operation": "creat"}, {"probability": 0}, {"probability": 2}])
def test_a_fault_that_could_never_strike_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"operation|probability"):
        Fault(**wrong)


async def test_recorded_calls_have_their_charges(engine: Engine, container: ContainerProxy) -> None:
    with engine.recording() as calls:
        await container.create_item(ITEM)
    await container.read_item("a", "k")
    assert [(call.method, call.operation, call.container, call.status) for call in calls] == [
        ("POST", "create", "c", 201)
    ]
    assert calls[0].charge > 1


async def test_two_engines_do_not_see_each_other(engine: Engine, container: ContainerProxy) -> None:
    other = Engine.open(None)
    async with CosmosClient(other.url, other.key, transport=EmbeddedTransport(other)) as client:
        assert [database async for database in client.list_databases()] == []
    other.close()
