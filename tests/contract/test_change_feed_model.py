"""Readers of the change feed and writers in any order, and splits: nothing is lost, nothing goes back.

Readers keep a place for each feed range, and have one in each before anything is written: the SDK (4.17.1)
can't go on from a place in several ranges of which it has not read all.
"""

from dataclasses import dataclass, field
from typing import Any

from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient
from hypothesis import given, settings
from hypothesis import strategies as st

from local.cosmos import EmbeddedTransport, Engine

USERS = ["u0", "u1", "u2", "u3"]
WRITE = st.tuples(st.just("write"), st.sampled_from(USERS), st.lists(st.sampled_from("abcdef"), unique=True))
DELETE = st.tuples(st.just("delete"), st.sampled_from(USERS), st.sampled_from("abcdef"))
READ = st.tuples(st.just("read"), st.integers(0, 2), st.none())
SPLIT = st.tuples(st.just("split"), st.integers(0, 9), st.none())
ACTIONS = st.lists(st.one_of(WRITE, WRITE, WRITE, DELETE, READ, READ, READ, SPLIT), max_size=40)


@dataclass
class FeedReader:
    """Reads a page of each range at a time, as workers do that keep their places.

    scopes: where to begin. seen: the newest `n` of each item.
    """

    container: ContainerProxy
    max_items: int
    scopes: list[dict[str, Any]]
    seen: dict[str, int] = field(default_factory=dict)
    places: list[str] = field(default_factory=list)

    async def begin(self) -> "FeedReader":
        self.places = [await self.page({"start_time": "Beginning", **scope}) for scope in self.scopes]
        return self

    async def read(self) -> bool:
        before = dict(self.seen)
        self.places = [await self.page({"continuation": place}) for place in self.places]
        return self.seen != before

    async def page(self, start: dict[str, Any]) -> str:
        feed: Any = self.container.query_items_change_feed(max_item_count=self.max_items, **start)
        found = []
        async for page in feed.by_page():
            found = [item async for item in page]
            break
        for item in found:
            assert item["n"] >= self.seen.get(item["id"], 0), "an older version after a newer one"
            self.seen[item["id"]] = item["n"]
        return str(self.container.client_connection.last_response_headers["etag"])


async def write(container: ContainerProxy, user: str, names: list[str], n: int) -> list[str]:
    items = [{"id": f"{user}{name}", "user": user, "n": n} for name in names]
    if len(items) == 1:
        await container.upsert_item(items[0])
    elif items:
        await container.execute_item_batch([("upsert", (item,)) for item in items], user)
    return [str(item["id"]) for item in items]


@settings(max_examples=60, derandomize=True)
@given(ACTIONS)
async def test_every_reader_sees_the_newest_version_of_everything(actions: list[Any]) -> None:
    engine = Engine.open(None, partitions=2)
    async with CosmosClient(engine.url, engine.key, transport=EmbeddedTransport(engine)) as client:
        container = await (await client.create_database("d")).create_container("c", PartitionKey("/user"))
        ranges = [{"feed_range": each} async for each in container.read_feed_ranges()]
        scopes: list[list[dict[str, Any]]] = [ranges, ranges, [{"partition_key": "u1"}]]
        readers = [
            await FeedReader(container, size, of).begin() for size, of in zip((1, 3, 2), scopes, strict=True)
        ]
        newest: dict[str, int] = {}
        for n, (kind, which, argument) in enumerate(actions, start=1):
            if kind == "write":
                newest |= dict.fromkeys(await write(container, which, argument, n), n)
            elif kind == "delete" and newest.pop(f"{which}{argument}", None):
                await container.delete_item(f"{which}{argument}", which)
            elif kind == "read":
                await readers[which].read()
            elif kind == "split":
                present = engine.catalogue.container("d", "c").ranges
                engine.split("d", "c", present[which % len(present)].id)
        for reader in readers:
            while await reader.read():
                pass
        for reader in readers[:2]:
            assert newest.items() <= reader.seen.items()
        of_one = {name: n for name, n in newest.items() if name.startswith("u1")}
        assert of_one.items() <= readers[2].seen.items()
        assert all(name.startswith("u1") for name in readers[2].seen)
    engine.close()


@settings(max_examples=40, derandomize=True)
@given(st.lists(st.tuples(st.sampled_from(USERS), st.integers(1, 3)), max_size=12), st.integers(1, 5))
async def test_pages_one_after_the_other_are_the_whole(batches: list[tuple[str, int]], size: int) -> None:
    engine = Engine.open(None, partitions=3)
    async with CosmosClient(engine.url, engine.key, transport=EmbeddedTransport(engine)) as client:
        container = await (await client.create_database("d")).create_container("c", PartitionKey("/user"))
        written: list[str] = []
        for number, (user, count) in enumerate(batches):
            names = [f"{number}.{each}" for each in range(count)]
            written += await write(container, user, names, number)
        feed: Any = container.query_items_change_feed(start_time="Beginning", max_item_count=size)
        for pages in (feed.by_page(), container.read_all_items(max_item_count=size).by_page()):
            found = [item["id"] async for page in pages async for item in page]
            assert sorted(found) == sorted(written)
    engine.close()
