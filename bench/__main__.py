"""`make bench`: what a request takes, as ratios within one run.

Against a bare handler (`health/live`: routing, a log line, no database), and for a user with 10,000
conversations, or a conversation with 10,000 messages, against one with 10. In process, over the engine
on disk.
"""

import asyncio
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx2
from azure.cosmos.aio import CosmosClient

from local.containers import create_containers
from local.cosmos import EmbeddedTransport, Engine
from local.host.http import Host
from local.host.registered import registered_functions
from local.model import OfflineModel
from shared.services import Services, install
from shared.settings import Settings

FEW, MANY = 10, 10_000
ROUNDS = 200

Request = Callable[[], Awaitable[httpx2.Response]]


async def main() -> None:
    """Measure, and print a line each."""
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine.open(Path(folder))
        try:
            await _measure(engine)
        finally:
            engine.close()


async def _measure(engine: Engine) -> None:
    settings = {
        "AUTH_MODE": "local",
        "COSMOS_DB_ENDPOINT": engine.url,
        "COSMOS_DB_KEY": engine.key,
        "OPENAI_BASE_URL": "http://offline.model/v1",
    }
    model = httpx2.AsyncClient(transport=OfflineModel(words_per_second=0))
    services = Services(
        Settings.load(settings), cosmos_transport=EmbeddedTransport(engine), model_http_client=model
    )
    install(services)
    import function_app

    async with CosmosClient(engine.url, engine.key, transport=EmbeddedTransport(engine)) as client:
        await create_containers(client, "conversations", "conversations")
    host = httpx2.ASGITransport(Host(registered_functions(function_app.app), prefix="v1"))
    async with httpx2.AsyncClient(transport=host, base_url="http://bench/v1/") as http:
        await _compare(http)
    await services.close()


async def _compare(http: httpx2.AsyncClient) -> None:
    few = await _user(http, "few", FEW)
    many = await _user(http, "many", MANY)
    bare = await _median(lambda: http.get("health/live"))
    _say(f"{'request':<24}{'µs at ' + str(FEW):>12}{'at ' + str(MANY):>12}{'ratio':>8}{'to bare':>9}")
    _say(f"{'health/live (bare)':<24}{bare:>12.0f}")
    for name, small, large in zip(
        _NAMES, _requests(http, "few", few), _requests(http, "many", many), strict=True
    ):
        at_few, at_many = await _median_pair(small, large)
        _say(f"{name:<24}{at_few:>12.0f}{at_many:>12.0f}{at_many / at_few:>8.2f}{at_few / bare:>9.1f}")


_NAMES = ("get conversation", "list conversations", "list messages", "rename", "add message", "ask")


def _requests(http: httpx2.AsyncClient, user: str, conversation_id: str) -> list[Request]:
    path, headers = f"conversations/{conversation_id}", {"X-Local-User": user}
    message = {"role": "user", "content": "word " * 100}
    return [
        lambda: http.get(path, headers=headers),
        lambda: http.get(f"conversations?limit={FEW - 1}", headers=headers),
        lambda: http.get(f"{path}/messages?order=desc&limit={FEW - 1}", headers=headers),
        lambda: http.put(path, json={"title": "A title"}, headers=headers),
        lambda: http.post(f"{path}/messages", json=message, headers=headers),
        lambda: http.post(f"{path}/ask", json={"content": "How?"}, headers=headers),
    ]


async def _user(http: httpx2.AsyncClient, user: str, size: int) -> str:
    """A user with so many conversations, the last of them with so many messages; its id."""
    headers = {"X-Local-User": user}
    for _ in range(size):
        answer = await http.post("conversations", json={}, headers=headers)
    conversation_id = str(answer.json()["id"])
    message = {"role": "user", "content": "word " * 100}
    for _ in range(size):
        added = await http.post(f"conversations/{conversation_id}/messages", json=message, headers=headers)
        added.raise_for_status()
    return conversation_id


async def _median(request: Request) -> float:
    return (await _median_pair(request, request))[0]


async def _median_pair(first: Request, second: Request) -> tuple[float, float]:
    """Medians in microseconds, the two taken in turn, so that they see the same machine."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for request, taken in zip((first, second), times, strict=True):
            started = time.perf_counter()
            (await request()).raise_for_status()
            taken.append((time.perf_counter() - started) * 1e6)
    return statistics.median(times[0]), statistics.median(times[1])


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
