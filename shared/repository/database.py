"""The Cosmos client of the process, opened on first use."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import AzureError
from azure.core.pipeline.transport import AsyncHttpTransport
from azure.cosmos.aio import ContainerProxy, CosmosClient

from shared.errors import Unavailable
from shared.settings import Settings

# The SDK logs every request's headers at INFO.
logging.getLogger("azure").setLevel(logging.WARNING)


# Any: the request and response types are private to the SDK.
Transport = AsyncHttpTransport[Any, Any]


class Database:
    """Hands out containers of the configured database.

    transport: what the SDK sends its HTTP requests through; None is its own. Without `COSMOS_DB_KEY` the
    managed identity (or the developer's own) signs the requests.
    """

    def __init__(self, settings: Settings, transport: Transport | None = None) -> None:
        self._settings = settings
        self._transport = transport
        self._resources = AsyncExitStack()
        self._client: CosmosClient | None = None
        self._opening = asyncio.Lock()

    async def container(self, name: str) -> ContainerProxy:
        """A container of the database. Only opening the client asks the service, which may be Unavailable."""
        client = self._client or await self._open()
        database = client.get_database_client(self._settings.cosmos_db_database_name)
        return database.get_container_client(name)

    async def ping(self) -> None:
        """Raise Unavailable where the database can't be reached or isn't there."""
        container = await self.container(self._settings.cosmos_db_container_name)
        with _reaching():
            await container.read()

    async def close(self) -> None:
        """Close the client and what it uses."""
        self._client = None
        await self._resources.aclose()

    async def _open(self) -> CosmosClient:
        async with self._opening:
            if self._client is None:
                async with AsyncExitStack() as opened:
                    self._client = await self._opened(opened)
                    self._resources = opened.pop_all()
            return self._client

    async def _opened(self, resources: AsyncExitStack) -> CosmosClient:
        """A client that has found its account; what it uses is closed with `resources`."""
        options: dict[str, Any] = {"transport": self._transport} if self._transport else {}
        client = CosmosClient(
            self._settings.cosmos_db_endpoint,
            await self._credential(resources),
            enable_compact_utf8_item_writes=True,
            connection_timeout=5,
            read_timeout=10,
            retry_throttle_total=5,
            retry_throttle_backoff_max=5,
            **options,
        )
        resources.push_async_callback(client.close)
        with _reaching():
            return await client.__aenter__()

    async def _credential(self, resources: AsyncExitStack) -> str | AsyncTokenCredential:
        if self._settings.cosmos_db_key:
            return self._settings.cosmos_db_key
        from azure.identity.aio import DefaultAzureCredential  # costs a cold start 0.15 s

        return await resources.enter_async_context(DefaultAzureCredential())


@contextmanager
def _reaching() -> Iterator[None]:
    try:
        yield
    except (AzureError, TimeoutError) as error:
        raise Unavailable("The database can't be reached.", param="database", retry_after=5) from error
