"""The client that is not asynchronous, on the same engine."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from azure.cosmos import ContainerProxy, CosmosClient, PartitionKey, exceptions

from local.cosmos import BlockingTransport, Engine, Fault


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine.open(None, partitions=2)
    yield engine
    engine.close()


@pytest.fixture
def container(engine: Engine) -> Iterator[ContainerProxy]:
    with CosmosClient(engine.url, engine.key, transport=BlockingTransport(engine)) as client:
        yield client.create_database("d").create_container("c", PartitionKey("/key"))


def test_it_does_what_the_other_does(container: ContainerProxy) -> None:
    created = container.create_item({"id": "a", "key": "k", "n": 1})
    patched = container.patch_item("a", "k", [{"op": "incr", "path": "/n", "value": 1}])
    assert container.read_item("a", "k") == patched != created
    batch: Any = [("create", ({"id": name, "key": "k", "n": 5},)) for name in "bcd"]
    assert [each["statusCode"] for each in container.execute_item_batch(batch, "k")] == [201, 201, 201]
    found: Any = container.query_items(
        "SELECT VALUE c.id FROM c WHERE c.n = 5", partition_key="k", max_item_count=2
    )
    assert list(found) == ["b", "c", "d"]
    feed = container.query_items_change_feed(start_time="Beginning")
    assert [item["id"] for item in feed] == ["a", "b", "c", "d"]
    container.delete_item("a", "k")
    with pytest.raises(exceptions.CosmosResourceNotFoundError):
        container.read_item("a", "k")


def test_threads_write_at_once(engine: Engine, container: ContainerProxy) -> None:
    container.create_item({"id": "counter", "key": "k", "n": 0})
    count = [{"op": "incr", "path": "/n", "value": 1}]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: container.patch_item("counter", "k", count), range(200)))
    assert container.read_item("counter", "k")["n"] == 200


def test_faults_strike_here_too(engine: Engine, container: ContainerProxy) -> None:
    engine.faults.add(Fault("create", status=449))
    with pytest.raises(exceptions.CosmosHttpResponseError) as refused:
        container.create_item({"id": "a", "key": "k"})
    assert refused.value.status_code == 449
    engine.faults.add(Fault("create", delay=0.02))
    before = time.monotonic()
    container.create_item({"id": "a", "key": "k"})
    assert time.monotonic() - before >= 0.02
