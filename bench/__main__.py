"""`make bench`: what a request takes, as ratios within one run.

Against a bare handler (`health/live`: routing, a log line, no database), and for a user with 10,000
conversations, or a conversation with 10,000 messages, against one with 10; then a purge. In process, over
the engine on disk.
"""

import asyncio
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
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
    async with in_process() as http:
        await _compare(http)


@asynccontextmanager
async def in_process() -> AsyncIterator[httpx2.AsyncClient]:
    """The service over an engine on disk, and who asks it."""
    with tempfile.TemporaryDirectory() as folder, closing(Engine.open(Path(folder))) as engine:
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
            yield http
        await services.close()


async def _compare(http: httpx2.AsyncClient) -> None:
    few, many = await _user(http, "few", FEW), await _user(http, "many", MANY)
    bare = await _median(lambda: http.get("health/live"))
    say(f"{'request':<28}{'µs at ' + str(FEW):>12}{'at ' + str(MANY):>12}{'ratio':>8}{'to bare':>9}")
    say(f"{'health/live (bare)':<28}{bare:>12.0f}")
    for (name, small), large in zip(few.items(), many.values(), strict=True):
        at_few, at_many = await _median_pair(small, large)
        say(f"{name:<28}{at_few:>12.0f}{at_many:>12.0f}{at_many / at_few:>8.2f}{at_few / bare:>9.1f}")
    started = time.perf_counter()
    answer = await http.delete(await _newest(http, "many") + "?purge=true", headers={"X-Local-User": "many"})
    taken = (time.perf_counter() - started) * 1000
    say(f"purge of {MANY} messages: {answer.status_code} after {taken:.0f} ms")


async def _user(http: httpx2.AsyncClient, user: str, size: int) -> dict[str, Request]:
    """A user with so many conversations, the newest of them with so many messages; what they ask for."""
    headers = {"X-Local-User": user}
    message = {"role": "user", "content": "word " * 100}
    for _ in range(size):
        answer = await http.post("conversations", json={"product": "co_pilot"}, headers=headers)
    path = f"conversations/{answer.json()['id']}"
    for _ in range(size - 2):
        (await http.post(f"{path}/messages", json=message, headers=headers)).raise_for_status()
    turn = (await http.post(f"{path}/ask", json={"content": "Why?"}, headers=headers)).json()
    answer_path, page = f"{path}/messages/{turn['answers'][0]['id']}", f"limit={FEW - 1}"

    def get(where: str) -> Request:
        return lambda: http.get(where, headers=headers)

    def send(method: str, where: str, body: object) -> Request:
        return lambda: http.request(method, where, json=body, headers=headers)

    async def delete_and_restore() -> httpx2.Response:
        (await http.delete(answer_path, headers=headers)).raise_for_status()
        return await http.post(f"{answer_path}/restore", headers=headers)

    return {
        "get conversation": get(path),
        "analytics": get(f"{path}/analytics"),
        "list conversations": get(f"conversations?{page}"),
        "  of a product": get(f"conversations?{page}&product=co_pilot"),
        "  by title": get(f"conversations?{page}&sort=title"),
        "  by age": get(f"conversations?{page}&sort=created_at"),
        "list messages": get(f"{path}/messages?order=desc&{page}"),
        "  of a path": get(f"{path}/messages?leaf={turn['answers'][0]['id']}&{page}"),
        "get message": get(answer_path),
        "rename": send("PUT", path, {"title": "A title"}),
        "rate message": send("PUT", f"{answer_path}/rating", {"rating": 4}),
        "delete, restore message": delete_and_restore,
        "add message": send("POST", f"{path}/messages", message),
        # These read a page of messages, which 10 don't fill; after the round above they do.
        "context": get(f"{path}/context?max_tokens=500"),
        "ask": send("POST", f"{path}/ask", {"content": "How?"}),
    }


async def _newest(http: httpx2.AsyncClient, user: str) -> str:
    """The path of a user's newest conversation."""
    answer = await http.get("conversations?limit=1", headers={"X-Local-User": user})
    return f"conversations/{answer.json()['data'][0]['id']}"


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


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
