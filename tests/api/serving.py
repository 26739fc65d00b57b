"""Apps on a port, for what only a socket shows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import uvicorn
from starlette.types import ASGIApp

from local.host.http import Host
from local.host.registered import registered_functions
from local.server import listening


@asynccontextmanager
async def served() -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the service under test, for as long as it is served."""
    import function_app

    host = Host(registered_functions(function_app.app), prefix="v1")
    async with (
        on_a_port(host) as address,
        httpx2.AsyncClient(base_url=f"{address}/v1/", timeout=10) as http,
    ):
        yield http


@asynccontextmanager
async def on_a_port(app: ASGIApp) -> AsyncIterator[str]:
    """Where an app answers, for as long as it is served."""
    with listening("127.0.0.1", 0) as listener:
        server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, access_log=False))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving
