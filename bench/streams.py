"""`python -m bench.streams`: the time to the first word beyond the model's own, and 200 streams at once.

On a port, over the engine on disk, with the offline model at its usual pace.
"""

import asyncio
import logging
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import uvicorn
from azure.cosmos.aio import CosmosClient

from local.containers import create_containers
from local.cosmos import EmbeddedTransport, Engine
from local.host.http import Host
from local.host.registered import registered_functions
from local.model import OfflineModel
from local.server import listening
from shared.services import Services, install
from shared.settings import Settings

ROUNDS, STREAMS = 30, 200


class _Timed(OfflineModel):
    """Notes when each request for an answer came in; its first word comes at once."""

    def __init__(self, words_per_second: float) -> None:
        super().__init__(words_per_second)
        self.asked = 0.0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer, and note when it was asked."""
        self.asked = time.perf_counter()
        return await super().handle_async_request(request)


async def main() -> None:
    """Measure, and print a line each."""
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        engine = Engine.open(Path(folder))
        try:
            async with _served(engine, _Timed(0)) as (http, model):
                await _first_token(http, model)
            async with _served(engine, _Timed(20)) as (http, _):
                await _many(http)
        finally:
            engine.close()


@asynccontextmanager
async def _served(engine: Engine, model: _Timed) -> AsyncIterator[tuple[httpx2.AsyncClient, _Timed]]:
    settings = {
        "AUTH_MODE": "local",
        "COSMOS_DB_ENDPOINT": engine.url,
        "COSMOS_DB_KEY": engine.key,
        "OPENAI_BASE_URL": "http://offline.model/v1",
    }
    client = httpx2.AsyncClient(transport=model)
    services = Services(
        Settings.load(settings), cosmos_transport=EmbeddedTransport(engine), model_http_client=client
    )
    install(services)
    import function_app

    async with CosmosClient(engine.url, engine.key, transport=EmbeddedTransport(engine)) as cosmos:
        await create_containers(cosmos, "conversations", "conversations")
    host = Host(registered_functions(function_app.app), prefix="v1")
    with listening("127.0.0.1", 0) as listener:
        server = uvicorn.Server(uvicorn.Config(host, lifespan="off", log_config=None, access_log=False))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        base = f"http://127.0.0.1:{listener.getsockname()[1]}/v1/"
        limits = httpx2.Limits(max_connections=STREAMS)
        async with httpx2.AsyncClient(base_url=base, timeout=120, limits=limits) as http:
            yield http, model
        server.should_exit = True
        await serving
    await services.close()


async def _first_token(http: httpx2.AsyncClient, model: _Timed) -> None:
    """From the request to the model's being asked, and from there to the first word at the reader.

    In conversations of up to ten messages.
    """
    before, behind = [], []
    for number in range(ROUNDS):
        if number % 5 == 0:
            conversation = (await http.post("conversations", json={})).json()["id"]
        body = {"content": "How?", "stream": True}
        started, first = time.perf_counter(), True
        async with http.stream("POST", f"conversations/{conversation}/ask", json=body) as answer:
            async for line in answer.aiter_lines():
                if first and line.startswith("event: response.output_text.delta"):
                    behind.append(time.perf_counter() - model.asked)
                    before.append(model.asked - started)
                    first = False
    _say("before the model is asked", statistics.median(before) * 1000, "ms")
    _say("first token: beyond the model's own", statistics.median(behind) * 1000, "ms")


async def _many(http: httpx2.AsyncClient) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    async def one(number: int) -> tuple[float, float]:
        started = time.perf_counter()
        first = 0.0
        body = {"input": f"What is the number {number}?", "stream": True}
        async with http.stream("POST", "responses", json=body) as answer:
            async for line in answer.aiter_lines():
                if not first and line.startswith("event: response.output_text.delta"):
                    first = time.perf_counter() - started
        return first, time.perf_counter() - started

    times = await asyncio.gather(*(one(number) for number in range(STREAMS)))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    _say(f"{STREAMS} streams: slowest first token", max(first for first, _ in times), "s")
    _say(f"{STREAMS} streams: first to end", min(end for _, end in times), "s")
    _say(f"{STREAMS} streams: last to end", max(end for _, end in times), "s")
    _say("memory a stream, its reader included", grown / STREAMS, "KiB")


def _say(what: str, value: float, unit: str) -> None:
    sys.stdout.write(f"{what:<40}{value:>10.1f} {unit}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
