"""The contract suite's account: a fresh embedded engine a test, or the one that COSMOS_TEST_ENDPOINT names.

Tests that ask for `engine` or `clock` look below the wire and are skipped against a real account.
"""

import os
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import pytest
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient, DatabaseProxy

from local.cosmos import EmbeddedTransport, Engine

ENDPOINT = os.environ.get("COSMOS_TEST_ENDPOINT", "")
# Any, for the SDK says that policies are dictionaries of strings, which they are not.
INDEXING: Any = {
    "indexingMode": "consistent",
    "includedPaths": [{"path": f"/{name}/?"} for name in ("id", "rank", "team")],
    "excludedPaths": [{"path": "/*"}],
}
UNIQUE: Any = {"uniqueKeys": [{"paths": ["/email"]}]}

Item = dict[str, Any]


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    if ENDPOINT:
        pytest.skip("needs a clock that can be moved")
    return Clock()


@pytest.fixture
def engine(clock: Clock) -> Iterator[Engine]:
    engine = Engine.open(None, clock=clock)
    yield engine
    engine.close()


@pytest.fixture
async def client(request: pytest.FixtureRequest) -> AsyncIterator[CosmosClient]:
    if ENDPOINT:
        account = CosmosClient(ENDPOINT, os.environ["COSMOS_TEST_KEY"])
    else:
        engine = request.getfixturevalue("engine")
        account = CosmosClient(engine.url, engine.key, transport=EmbeddedTransport(engine))
    async with account as client:
        yield client


@pytest.fixture
async def database(client: CosmosClient) -> AsyncIterator[DatabaseProxy]:
    database = await client.create_database(f"contract-{uuid4()}")
    yield database
    await client.delete_database(database)


@pytest.fixture
async def container(database: DatabaseProxy) -> ContainerProxy:
    """Keyed by tenant and user, with time to live on and a small index."""
    return await database.create_container(
        "items",
        PartitionKey(path=["/tenantId", "/userId"], kind="MultiHash"),
        default_ttl=-1,
        indexing_policy=INDEXING,
        unique_key_policy=UNIQUE,
    )


@pytest.fixture
async def by_key(database: DatabaseProxy) -> ContainerProxy:
    """Keyed by one property, with everything indexed and time to live off."""
    return await database.create_container("by_key", PartitionKey(path="/key"))


KEY = ["t1", "u1"]
OTHER_KEY = ["t1", "u2"]


def an_item(id: str, **properties: Any) -> Item:  # noqa: A002  # the property's name
    """An item under KEY, unless the properties say otherwise. Its email is its id, for emails are unique."""
    return {"id": id, "tenantId": "t1", "userId": "u1", "email": id, **properties}
