"""What is deployed, running by itself, with stand-ins for all that is around it in Azure."""

import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from azure.cosmos.aio import ContainerProxy, CosmosClient

from local.containers import create_containers
from local.cosmos import EmbeddedTransport, Engine
from local.host.http import route_prefix
from tests.api.issuer import AUDIENCE, TENANT, USER, Issuer, issuing
from tests.infra.conftest import ROOT
from tests.infra.deployable import copy_deployable
from tests.infra.stand_ins.account import account_serving
from tests.infra.stand_ins.environment import interpreter
from tests.infra.stand_ins.host import Proxy, Worker
from tests.infra.stand_ins.identity import ManagedIdentity, managed_identity
from tests.infra.stand_ins.model import ModelServer, model_serving

_PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class Surroundings:
    """The stand-ins. settings: production's, with their addresses. container: the one of conversations."""

    issuer: Issuer
    identity: ManagedIdentity
    model: ModelServer
    container: ContainerProxy
    settings: Mapping[str, str]


class Deployment:
    """An instance of the app in `folder`, and its clients. log: what it writes."""

    def __init__(self, worker: Worker, folder: Path, log: Path, around: Surroundings) -> None:
        self.worker, self.folder, self.log, self.around = worker, folder, log, around
        self.model, self.identity = around.model, around.identity
        self.proxy = Proxy(worker, route_prefix(folder))
        self._read: dict[str, Any] = {"start_time": "Beginning"}  # the SDK's arguments, of several types
        self.ada = self.client()

    def client(self, oid: str = USER, tid: str = TENANT) -> httpx2.AsyncClient:
        """Somebody with a token."""
        now = int(time.time())
        token = self.around.issuer.token(oid=oid, tid=tid, nbf=now - 10, exp=now + 3600)
        client = self.anonymous()
        client.headers["Authorization"] = f"Bearer {token}"
        return client

    def anonymous(self) -> httpx2.AsyncClient:
        """Somebody without."""
        return httpx2.AsyncClient(
            transport=self.proxy, base_url="http://app.example/v1/", timeout=_PATIENCE_SECONDS
        )

    async def start_conversation(self) -> str:
        """Its path."""
        answer = await self.ada.post("conversations", json={})
        assert answer.status_code == 201, answer.text
        return f"conversations/{answer.json()['id']}"

    async def deliver_changes(self, *functions: str) -> None:
        """Run these with what has changed since the last time, as the change-feed trigger would."""
        container = self.around.container
        documents = [document async for document in container.query_items_change_feed(**self._read)]
        self._read = {"continuation": container.client_connection.last_response_headers["etag"]}
        for function in functions:
            assert await self.worker.invoke(function, json=json.dumps(documents)) is None


@asynccontextmanager
async def deployment(production: Mapping[str, str], beside: Path) -> AsyncIterator[Deployment]:
    """The app deployed to a folder in `beside`."""
    folder = beside / "app"
    copy_deployable(ROOT, folder)
    async with AsyncExitStack() as stack:
        around = await _surroundings(stack, production, beside)
        yield await stack.enter_async_context(instance(folder, beside / "log", around, warm=True))


@asynccontextmanager
async def instance(
    folder: Path, log: Path, around: Surroundings, *, warm: bool = False
) -> AsyncIterator[Deployment]:
    """A process of the app, started anew or warm. None of its requests may have failed in the worker."""
    worker = await Worker.start(interpreter(ROOT), folder, around.settings, log, warm=warm)
    deployed = Deployment(worker, folder, log, around)
    try:
        yield deployed
    finally:
        await deployed.proxy.aclose()
        await worker.stop()
    assert deployed.proxy.failures == []


async def _surroundings(stack: AsyncExitStack, production: Mapping[str, str], beside: Path) -> Surroundings:
    """No key of anything: the app signs in by its identity, as in Azure."""
    engine = stack.enter_context(closing(Engine.open(None)))
    issuer = await stack.enter_async_context(issuing())
    identity = await stack.enter_async_context(managed_identity(production["AZURE_CLIENT_ID"]))
    model = await stack.enter_async_context(model_serving())
    account = await stack.enter_async_context(account_serving(engine, identity, beside))
    settings = {
        **production,
        **identity.settings,
        "ENTRA_AUTHORITY": issuer.url,
        "ENTRA_TENANT_ID": TENANT,
        "ENTRA_AUDIENCE": AUDIENCE,
        "COSMOS_DB_ENDPOINT": account.url,
        "AZURE_OPENAI_ENDPOINT": model.url,
    }
    container = await _made_container(stack, engine, settings)
    return Surroundings(issuer, identity, model, container, settings)


async def _made_container(
    stack: AsyncExitStack, engine: Engine, settings: Mapping[str, str]
) -> ContainerProxy:
    """The conversations', once there are all."""
    transport = EmbeddedTransport(engine)
    client = await stack.enter_async_context(CosmosClient(engine.url, engine.key, transport=transport))
    database, name = settings["COSMOS_DB_DATABASE_NAME"], settings["COSMOS_DB_CONTAINER_NAME"]
    await create_containers(client, database, name)
    return client.get_database_client(database).get_container_client(name)
