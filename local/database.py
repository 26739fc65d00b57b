"""The database that the laptop host works with: the embedded engine, or an account."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from azure.core.pipeline.transport import AsyncHttpTransport
from azure.cosmos.aio import CosmosClient

from local.cosmos import EmbeddedTransport, Engine


@dataclass(frozen=True)
class Database:
    """How to reach it.

    place: where the data is, for people.
    owner: this host's name in leases, for which see local.host.leases. The engine's folder is locked by one
        process, so there it is always the same; with an account it is the machine and the port.
    """

    endpoint: str
    key: str
    place: str
    owner: str
    engine: Engine | None = None

    @property
    def transport(self) -> AsyncHttpTransport[Any, Any] | None:
        """For one more client; None is the SDK's own."""
        return EmbeddedTransport(self.engine) if self.engine else None

    async def client(self, resources: AsyncExitStack) -> CosmosClient:
        """A client of its own, closed with `resources`."""
        credential: Any = self.key  # a key or a token credential
        if not self.key:
            from azure.identity.aio import DefaultAzureCredential

            credential = await resources.enter_async_context(DefaultAzureCredential())
        options: dict[str, Any] = {"transport": self.transport} if self.engine else {}
        client = CosmosClient(self.endpoint, credential, **options)
        resources.push_async_callback(client.close)  # also if entering fails: it has a connection by then
        return await client.__aenter__()


@contextmanager
def open_database(environment: Mapping[str, str], folder: Path, port: int) -> Iterator[Database]:
    """The account of COSMOS_DB_ENDPOINT; without one the engine in `folder`, closed in the end.

    Raises what `Engine.open` does.
    """
    endpoint = environment.get("COSMOS_DB_ENDPOINT", "")
    if endpoint:
        owner = f"{socket.gethostname()}:{port}"
        yield Database(endpoint, environment.get("COSMOS_DB_KEY", ""), endpoint, owner)
        return
    engine = Engine.open(folder)
    try:
        yield Database(engine.url, engine.key, f"{folder.resolve()} (built-in database)", "laptop", engine)
    finally:
        engine.close()
