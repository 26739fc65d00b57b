"""The service under test on a port, for what only a socket shows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import uvicorn

from local.host.http import Host
from local.host.registered import registered_functions
from local.server import listening
from tests.api.conftest import Service


@asynccontextmanager
async def served(service: Service) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of it, for as long as it is served."""
    import function_app

    host = Host(registered_functions(function_app.app), prefix="v1")
    with listening("127.0.0.1", 0) as listener:
        config = uvicorn.Config(host, lifespan="off", log_config=None, access_log=False)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        base = f"http://127.0.0.1:{listener.getsockname()[1]}/v1/"
        try:
            async with httpx2.AsyncClient(base_url=base, timeout=10) as http:
                yield http
        finally:
            server.should_exit = True
            await serving
