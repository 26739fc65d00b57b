"""The contract suite's account. Each test runs against every implementation of one:

- in process: a fresh embedded engine a test, under the SDK as its transport;
- in parts: the same, with several physical partitions (but for queries, which have tests of their own);
- served: one `python -m local.cosmos` for all tests, over HTTP on loopback. Tests that ask for `engine` or
  `clock` look below the wire and run in process only;
- with COSMOS_TEST_ENDPOINT set: that account or emulator instead of both, with the key in COSMOS_TEST_KEY (by
  default the emulator's). Each test makes a database `contract-…` and deletes it again. What the service
  serves and the engine refuses (all versions and deletes) fails there.

  COSMOS_TEST_ENDPOINT=http://127.0.0.1:8081 .venv/bin/python -m pytest tests/contract
"""

import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient, DatabaseProxy

from local.cosmos import EmbeddedTransport, Engine
from local.cosmos.signature import WELL_KNOWN_KEY

ROOT = Path(__file__).parents[2]
ENDPOINT = os.environ.get("COSMOS_TEST_ENDPOINT", "")
KEY_OF_ENDPOINT = os.environ.get("COSMOS_TEST_KEY", WELL_KNOWN_KEY)
# What aiohttp says about bodies over 1 MiB that come in one piece, as the SDK's do.
LARGE_BODIES = pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
IN_PROCESS, IN_PARTS, SERVED, ACCOUNT = "in process", "in parts", "served", "account"
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


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    below_the_wire = not {"engine", "clock"}.isdisjoint(metafunc.fixturenames)
    queries = "test_queries" in metafunc.module.__name__
    embedded = [IN_PROCESS, SERVED] if queries else [IN_PROCESS, IN_PARTS, SERVED]
    if "client" in metafunc.fixturenames and not below_the_wire:
        metafunc.parametrize("account", [ACCOUNT] if ENDPOINT else embedded)


@pytest.fixture
def account() -> str:
    """Which implementation the test meets; in process unless `pytest_generate_tests` says otherwise."""
    if ENDPOINT:
        pytest.skip("looks below the wire, where an account can't be seen")
    return IN_PROCESS


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(clock: Clock, account: str) -> Iterator[Engine]:
    engine = Engine.open(None, clock=clock, partitions=4 if account == IN_PARTS else 1)
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an engine that is served for as long as the tests run, with the emulator's key."""
    with serving(tmp_path_factory.mktemp("served")) as address:
        yield address


@pytest.fixture(scope="session")
def served_in_three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The same, with three physical partitions in each container."""
    with serving(tmp_path_factory.mktemp("served"), "--partitions", "3") as address:
        yield address


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[str]:
    process = subprocess.Popen(  # noqa: S603  # the tests' own Python
        [sys.executable, "-m", "local.cosmos", "--port", "0", "--data", folder, *options],
        cwd=ROOT,
        env={**os.environ, "COSMOS_DB_KEY": WELL_KNOWN_KEY},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        said = ""
        while not said.endswith("Ctrl-C\n"):
            said += process.stdout.readline()
            assert process.poll() is None, said
        (address,) = re.findall(r"address +(\S+)", said)
        yield address
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
async def client(account: str, request: pytest.FixtureRequest) -> AsyncIterator[CosmosClient]:
    if account in (IN_PROCESS, IN_PARTS):
        engine = request.getfixturevalue("engine")
        client = CosmosClient(engine.url, engine.key, transport=EmbeddedTransport(engine))
    elif account == SERVED:
        client = CosmosClient(request.getfixturevalue("served"), WELL_KNOWN_KEY)
    else:
        client = CosmosClient(ENDPOINT, KEY_OF_ENDPOINT)
    async with client:
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
