"""`python -m bench.engine`: what the embedded engine costs, as ratios within one run.

Point operations and the change feed against the SDK alone, over a transport that answers from memory with the
same answer; a page out of 100,000 documents against one out of 100. The engine is on disk.
"""

import asyncio
import gc
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from azure.core.pipeline.transport import HttpRequest
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient

from local.cosmos import EmbeddedTransport, Engine
from local.cosmos.transport import EmbeddedResponse

SIZES = (100, 10_000, 100_000)
ROUNDS, PAGE, FEED_PAGE = 400, 20, 100
KEY = PartitionKey(["/tenant", "/user"])
INDEX: Any = {  # Any: the SDK says that policies are dictionaries of strings, which they are not
    "includedPaths": [{"path": "/rank/?"}, {"path": "/state/?"}],
    "excludedPaths": [{"path": "/*"}],
    "compositeIndexes": [[{"path": "/state"}, {"path": "/rank", "order": "descending"}]],
}
QUERY = "SELECT * FROM c WHERE c.state = 'active' ORDER BY c.rank DESC"

Task = Callable[[], Awaitable[object]]


class Recording(EmbeddedTransport):
    """Keeps the answer to each kind of request, to be given again without an engine."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.replaying = False
        self._answers: dict[tuple[str, str], EmbeddedResponse] = {}

    async def send(self, request: HttpRequest, **options: Any) -> EmbeddedResponse:
        """From memory while replaying; else from the engine."""
        kind = (request.method, request.headers.get("x-ms-thinclient-proxy-operation-type", ""))
        if self.replaying:
            await asyncio.sleep(0)
            return self._answers[kind]
        self._answers[kind] = answer = await super().send(request, **options)
        return answer


async def main() -> None:
    """Measure, and print a line each."""
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine.open(Path(folder))
        transport = Recording(engine)
        async with CosmosClient(engine.url, engine.key, transport=transport) as client:
            database = await client.create_database("bench")
            container = await database.create_container("c", KEY, indexing_policy=INDEX)
            everything = await database.create_container("everything", KEY)
            await _against_the_sdk(container, everything, transport)
            await _by_size(container)
        engine.close()


async def _against_the_sdk(
    container: ContainerProxy, everything: ContainerProxy, transport: Recording
) -> None:
    _say(f"{'operation':<28}{'SDK alone, µs':>14}{'engine, µs':>12}{'ratio':>8}")
    await _fill(container, "few", SIZES[0])
    numbers = iter(range(10**9))
    key = ["t", "few"]

    def new() -> dict[str, Any]:
        return _item("writes", next(numbers))

    tasks: dict[str, Task] = {
        "point read": lambda: container.read_item("few7", key),
        "create": lambda: container.create_item(new()),
        "create, all indexed": lambda: everything.create_item(new()),
        "replace": lambda: container.replace_item("few7", _item("few", 7)),
        "batch: patch and append": lambda: _append(container, new()),
        f"query, a page of {PAGE}": lambda: _page(container, "few"),
        f"change feed, page of {FEED_PAGE}": lambda: _changes(container),
    }
    for name, task in tasks.items():
        await task()
        alone, engine = await _pair(_replayed(transport, task), task)
        _say(f"{name:<28}{alone:>14.0f}{engine:>12.0f}{engine / alone:>8.2f}")
    per_second = FEED_PAGE / await _median(tasks[f"change feed, page of {FEED_PAGE}"]) * 1e6
    _say(f"change feed: {per_second:,.0f} documents a second")


async def _by_size(container: ContainerProxy) -> None:
    _say(f"\n{'documents in the partition':<28}{'page, µs':>14}{'ratio':>8}")
    for size in SIZES[1:]:
        await _fill(container, str(size), size)
    for size in SIZES:
        few, many = await _pair(partial(_page, container, "few"), partial(_page, container, _user(size)))
        _say(f"{size:<28,}{many:>14.0f}{many / few:>8.2f}")


def _user(size: int) -> str:
    return "few" if size == SIZES[0] else str(size)


def _replayed(transport: Recording, task: Task) -> Task:
    async def run() -> None:
        transport.replaying = True
        try:
            await task()
        finally:
            transport.replaying = False

    return run


async def _fill(container: ContainerProxy, user: str, count: int) -> None:
    for start in range(0, count, 100):
        batch: list[Any] = [("create", (_item(user, n),)) for n in range(start, start + 100)]
        await container.execute_item_batch(batch, ["t", user])
    counter = {"id": "counter", "tenant": "t", "user": "writes", "count": 0}
    await container.upsert_item(counter)


def _item(user: str, number: int) -> dict[str, Any]:
    text = "word " * 150
    state = "ended" if number % 3 else "active"
    return {
        "id": f"{user}{number}",
        "tenant": "t",
        "user": user,
        "rank": number,
        "state": state,
        "text": text,
    }


async def _append(container: ContainerProxy, item: dict[str, Any]) -> None:
    count = [{"op": "incr", "path": "/count", "value": 1}]
    await container.execute_item_batch([("patch", ("counter", count)), ("create", (item,))], ["t", "writes"])


async def _page(container: ContainerProxy, user: str) -> None:
    pages: Any = container.query_items(QUERY, partition_key=["t", user], max_item_count=PAGE).by_page()
    _require(PAGE, [item async for item in await anext(pages)])


async def _changes(container: ContainerProxy) -> None:
    feed: Any = container.query_items_change_feed(start_time="Beginning", max_item_count=FEED_PAGE).by_page()
    _require(FEED_PAGE, [item async for item in await anext(feed)])


def _require(count: int, items: list[Any]) -> None:
    """So that nobody is quick by leaving out."""
    if len(items) < count:
        raise ValueError(f"{len(items)} items in place of {count}")


async def _median(task: Task) -> float:
    return (await _pair(task, task))[0]


async def _pair(first: Task, second: Task) -> tuple[float, float]:
    """Medians in microseconds, the two taken in turn, so that they see the same machine."""
    times: tuple[list[float], list[float]] = ([], [])
    gc.collect()
    for _ in range(ROUNDS):
        for task, taken in zip((first, second), times, strict=True):
            started = time.perf_counter()
            await task()
            taken.append((time.perf_counter() - started) * 1e6)
    return statistics.median(times[0]), statistics.median(times[1])


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
