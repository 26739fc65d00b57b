"""Several physical partitions: keys decide where an item lies, and readers live through a split."""

import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient, DatabaseProxy

from local.cosmos import EmbeddedTransport, Engine
from local.cosmos.wire.messages import Request
from local.cosmos.wire.serve import serve
from tests.contract.conftest import Clock, an_item

pytestmark = pytest.mark.usefixtures("engine")  # only an embedded engine is told how many to have

COUNT = 4
KEYS = [[f"u{n}", f"u{n}"] for n in range(12)]  # the first level alone decides the partition
DEFINITIONS = [
    PartitionKey("/key", version=1),
    PartitionKey("/key"),
    PartitionKey(["/key", "/other"]),
]


@pytest.fixture
def engine(clock: Clock) -> Iterator[Engine]:
    engine = Engine.open(None, clock=clock, partitions=COUNT)
    yield engine
    engine.close()


async def fill(container: ContainerProxy) -> set[str]:
    for _, user in KEYS:
        await container.create_item(an_item(user, tenantId=user, userId=user))
    return {user for _, user in KEYS}


def split(engine: Engine, container: ContainerProxy, range_id: str = "0") -> None:
    database = container.container_link.split("/")[1]
    engine.split(database, container.id, range_id)


async def ids(items: Any) -> list[str]:
    return [item["id"] async for item in items]


@pytest.mark.parametrize("definition", DEFINITIONS, ids=["version 1", "version 2", "hierarchical"])
async def test_keys_spread_over_all_partitions_and_each_range_has_its_own(
    engine: Engine, database: DatabaseProxy, definition: Any
) -> None:
    container = await database.create_container("c", definition)
    for n in range(100):
        await container.create_item({"id": str(n), "key": f"k{n}", "other": n})
    ranges = [each async for each in container.read_feed_ranges()]
    found = [
        await ids(container.query_items_change_feed(start_time="Beginning", feed_range=each))
        for each in ranges
    ]
    assert len(ranges) == COUNT
    assert sorted(chain.from_iterable(found)) == sorted(str(n) for n in range(100))
    assert all(len(each) > 10 for each in found)


async def test_an_answer_tells_of_the_session_in_its_own_partition(container: ContainerProxy) -> None:
    tokens = set()
    for _, user in KEYS:
        created = await container.create_item(an_item(user, tenantId=user, userId=user))
        headers = created.get_response_headers()
        own = headers["x-ms-documentdb-partitionkeyrangeid"]
        assert headers["x-ms-session-token"].startswith(f"{own}:-1#")
        tokens.add(own)
    assert len(tokens) > 1


async def test_items_are_found_again_wherever_they_lie(container: ContainerProxy) -> None:
    everyone = await fill(container)
    for key in KEYS:
        assert (await container.read_item(key[1], key))["id"] == key[1]
    assert set(await ids(container.query_items("SELECT * FROM c"))) == everyone
    assert set(await ids(container.read_all_items())) == everyone


async def test_a_feed_over_all_ranges_has_everything_once(container: ContainerProxy) -> None:
    everyone = await fill(container)
    pages: Any = container.query_items_change_feed(start_time="Beginning", max_item_count=1).by_page()
    found = [item["id"] async for page in pages async for item in page]
    assert (set(found), len(found)) == (everyone, len(everyone))
    token = container.client_connection.last_response_headers["etag"]
    await container.upsert_item(an_item("u3", tenantId="u3", userId="u3"))
    assert await ids(container.query_items_change_feed(continuation=token)) == ["u3"]


@pytest.mark.parametrize("pages_before", [0, 1, 5])
async def test_a_reader_of_the_change_feed_lives_through_a_split(
    engine: Engine, container: ContainerProxy, pages_before: int
) -> None:
    everyone = await fill(container)
    pages: Any = container.query_items_change_feed(start_time="Beginning", max_item_count=1).by_page()
    found = [item["id"] for _ in range(pages_before) async for item in await anext(pages)]
    for range_id in ("0", "1", "2", "3", "4"):
        split(engine, container, range_id)
    found += [item["id"] async for page in pages async for item in page]
    assert (set(found), len(found)) == (everyone, len(everyone))


async def test_a_continuation_from_before_a_split_goes_on_after_it(
    engine: Engine, container: ContainerProxy
) -> None:
    await fill(container)
    await ids(container.query_items_change_feed(start_time="Beginning"))
    token = container.client_connection.last_response_headers["etag"]
    for range_id in ("0", "1", "2", "3"):
        split(engine, container, range_id)
    for user in ("u1", "u5", "u9"):
        await container.upsert_item(an_item(user, tenantId=user, userId=user))
    rest = await ids(container.query_items_change_feed(continuation=token))
    assert sorted(rest) == ["u1", "u5", "u9"]


async def test_a_range_that_was_split_is_gone_and_its_children_name_it(
    engine: Engine, container: ContainerProxy
) -> None:
    before = [each async for each in container.read_feed_ranges()]
    split(engine, container, "1")
    split(engine, container, "5")
    asked = {"a-im": "Incremental Feed", "x-ms-documentdb-partitionkeyrangeid": "1"}
    answer = await serve(engine, Request("GET", f"/{container.container_link}/docs", asked, b""))
    assert (answer.status, answer.headers["x-ms-substatus"]) == (410, "1002")
    after = [each async for each in container.read_feed_ranges(force_refresh=True)]
    assert (len(before), len(after)) == (COUNT, COUNT + 2)
    parents = {each.id: each.parents for each in engine.catalogue.container(*names(container)).ranges}
    assert parents == {"0": (), "2": (), "3": (), "4": ("1",), "6": ("1", "5"), "7": ("1", "5")}


def names(container: ContainerProxy) -> tuple[str, str]:
    return container.container_link.split("/")[1], container.id


async def test_a_session_goes_on_through_a_split(engine: Engine, container: ContainerProxy) -> None:
    everyone = await fill(container)
    await container.read_item("u0", ["u0", "u0"])
    for range_id in ("0", "1", "2", "3"):
        split(engine, container, range_id)
    for key in KEYS:
        await container.upsert_item(an_item(key[1], tenantId=key[0], userId=key[1], n=2))
        assert (await container.read_item(key[1], key))["n"] == 2
    assert set(await ids(container.query_items("SELECT * FROM c WHERE c.n = 2"))) == everyone


async def test_a_range_of_before_the_split_still_says_what_to_read(
    engine: Engine, container: ContainerProxy
) -> None:
    everyone = await fill(container)
    ranges = [each async for each in container.read_feed_ranges()]
    for range_id in ("0", "1", "2", "3"):
        split(engine, container, range_id)
    found = [await ids(container.query_items("SELECT * FROM c", feed_range=each)) for each in ranges]
    assert sorted(chain.from_iterable(found)) == sorted(everyone)


async def test_the_list_of_items_keeps_to_the_part_that_is_named(
    engine: Engine, container: ContainerProxy
) -> None:
    everyone = await fill(container)
    path = f"/{container.container_link}/docs"
    found: list[str] = []
    for range_id in map(str, range(COUNT)):
        asked = {"x-ms-documentdb-partitionkeyrangeid": range_id}
        answer = await serve(engine, Request("GET", path, asked, b""))
        own = [item["id"] for item in json.loads(answer.body)["Documents"]]
        assert len(own) < len(everyone)
        found += own
    assert sorted(found) == sorted(everyone)
    of_one = {"x-ms-documentdb-partitionkey": '["u1","u1"]'}
    answer = await serve(engine, Request("GET", path, of_one, b""))
    assert [item["id"] for item in json.loads(answer.body)["Documents"]] == ["u1"]


async def test_a_query_costs_by_the_partitions_that_it_asks(container: ContainerProxy) -> None:
    await fill(container)
    charges: list[float] = []
    scopes: list[Any] = [{"partition_key": KEYS[0]}, {}]
    for where in scopes:
        items = container.query_items(
            "SELECT * FROM c",
            response_hook=lambda headers, _: charges.append(float(headers["x-ms-request-charge"])),
            **where,
        )
        await ids(items)
    assert charges[1] > charges[0] + 2 * (COUNT - 1)


async def test_partitions_survive_reopening(tmp_path: Any) -> None:
    for partitions in (COUNT, 1):
        engine = Engine.open(tmp_path, partitions=partitions)
        async with CosmosClient(engine.url, engine.key, transport=EmbeddedTransport(engine)) as client:
            database = await client.create_database_if_not_exists("d")
            container = await database.create_container_if_not_exists("c", PartitionKey("/key"))
            assert len([each async for each in container.read_feed_ranges()]) == COUNT + (partitions == 1)
        if partitions == COUNT:
            engine.split("d", "c", "2")
        engine.close()
