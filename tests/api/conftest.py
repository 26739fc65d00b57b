"""The whole service in process: real SDKs over the embedded engine and the offline model, asked over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import azure.functions as func
import httpx2
import pytest
from azure.cosmos.aio import ContainerProxy, CosmosClient

from local.containers import create_containers
from local.cosmos import EmbeddedTransport, Engine
from local.host.http import Host
from local.host.registered import registered_functions
from local.model import OfflineModel
from shared.services import Services, install, services
from shared.settings import Settings
from tests.api.script import Script


@dataclass
class FakeClock:
    """Unix milliseconds that pass when they are told to; no two events are at the same moment."""

    now: int = 1_800_000_000_000

    def __call__(self) -> int:
        self.now += 1
        return self.now

    def seconds(self) -> float:
        """The same time, as the engine takes it."""
        return self.now / 1000

    def pass_seconds(self, seconds: float) -> None:
        self.now += int(seconds * 1000)


class ModelServer(httpx2.AsyncBaseTransport):
    """The offline model. It remembers what it was asked, and fails while `failing` says how.

    scripts: what it says instead, one after the other.
    """

    def __init__(self) -> None:
        self._offline = OfflineModel(words_per_second=0)
        self.requests: list[dict[str, Any]] = []
        self.failing: httpx2.Response | Exception | None = None
        self.scripts: list[Script] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(json.loads(await request.aread()))
        await self.before_answering()
        if isinstance(self.failing, Exception):
            raise self.failing
        if self.scripts:
            return self.scripts.pop(0).response()
        return self.failing or await self._offline.handle_async_request(request)

    async def before_answering(self) -> None:
        """What a test puts here happens while the model is at work."""


@dataclass
class Service:
    """The service under test, and what stands around it."""

    http: httpx2.AsyncClient
    engine: Engine
    clock: FakeClock
    model: ModelServer
    conversations: ContainerProxy
    tenant_ops: ContainerProxy

    async def background(self) -> None:
        """Deliver every document's newest version to the change-feed function, until nothing is due."""
        from functions.background import enrich

        for _ in range(10):
            feed = self.conversations.query_items_change_feed(start_time="Beginning")
            documents = [func.Document.from_dict(document) async for document in feed]
            await enrich(func.DocumentList(documents))
            due = [one["dueAt"] for one in documents if one.get("dueAt") and not one.get("lease")]
            if all(at > self.clock.now for at in due):
                return
        raise AssertionError("the background work finds no end")

    async def kill_turns(self) -> None:
        """Have the turns under way die as they do with their server: nothing more is written of them."""
        tasks = [run.task for run in services().runner._runs.values() if run.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def new_conversation(self, **fields: Any) -> dict[str, Any]:
        """A conversation that was just started."""
        answer = await self.http.post("conversations", json=fields)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def add(self, conversation_id: str, content: str, role: str = "user") -> dict[str, Any]:
        """A message that was just added."""
        body = {"role": role, "content": content}
        answer = await self.http.post(f"conversations/{conversation_id}/messages", json=body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def ask(self, conversation_id: str, content: str, **fields: Any) -> dict[str, Any]:
        """A turn that has just ended."""
        body = {"content": content, **fields}
        answer = await self.http.post(f"conversations/{conversation_id}/ask", json=body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def get(self, conversation_id: str) -> dict[str, Any]:
        """A conversation as it is now."""
        answer = await self.http.get(f"conversations/{conversation_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture
def environment() -> dict[str, str]:
    """Settings other than those below; a module that needs some overrides this."""
    return {}


@pytest.fixture
async def service(environment: dict[str, str]) -> AsyncIterator[Service]:
    async with running_service(environment) as service:
        yield service


@asynccontextmanager
async def running_service(environment: dict[str, str] | None = None) -> AsyncIterator[Service]:
    """A new service with an empty database."""
    clock, model = FakeClock(), ModelServer()
    engine = Engine.open(None, clock=clock.seconds)
    settings = Settings.load(
        {
            "AUTH_MODE": "local",
            "COSMOS_DB_ENDPOINT": engine.url,
            "COSMOS_DB_KEY": engine.key,
            "OPENAI_BASE_URL": "http://offline.model/v1",
            "ALLOWED_MODELS": "small,large",
            **(environment or {}),
        }
    )
    made = Services(
        settings,
        cosmos_transport=EmbeddedTransport(engine),
        model_http_client=httpx2.AsyncClient(transport=model),
        clock=clock,
    )
    install(made)
    import function_app  # builds the app once; it looks its services up at every call

    host = Host(registered_functions(function_app.app), prefix="v1")
    async with (
        CosmosClient(engine.url, engine.key, transport=EmbeddedTransport(engine)) as cosmos,
        httpx2.AsyncClient(transport=httpx2.ASGITransport(host), base_url="http://test/v1/") as http,
    ):
        await create_containers(cosmos, "conversations", "conversations")
        containers = [
            cosmos.get_database_client("conversations").get_container_client(name)
            for name in ("conversations", "tenant_ops")
        ]
        yield Service(http, engine, clock, model, *containers)
    await made.close()
    engine.close()
