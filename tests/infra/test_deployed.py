"""The main job on what is deployed alone: on the worker's own library, with production's settings.

The code is the deployable copy, the packages are requirements.txt's, the settings are Bicep's; only the
addresses in them lead to stand-ins on loopback: for Entra ID, for Cosmos DB, for Azure OpenAI, and for the
Functions host.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from azure.cosmos.aio import ContainerProxy, CosmosClient

from local.containers import create_containers
from local.cosmos.signature import WELL_KNOWN_KEY
from local.host.http import route_prefix
from tests.api.issuer import AUDIENCE, OTHER_TENANT, TENANT, USER, Issuer, issuing
from tests.api.server import eventually
from tests.contract.conftest import serving
from tests.infra.conftest import ROOT
from tests.infra.deployable import copy_deployable
from tests.infra.gate import App
from tests.infra.worker.environment import interpreter
from tests.infra.worker.host import Proxy, Worker
from tests.infra.worker.model_server import ModelServer, model_serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANOTHER_USER = "aaaaaaaa-0000-4000-8000-000000000009"
MODEL_KEY = "the-models-key"
TIMERS = ("sweep", "purge", "run_operations", "end_inactive")


QUESTION = {"content": "Hello?", "stream": True}


class Deployment:
    """The app as it runs, what stands in for Azure around it, and its clients."""

    def __init__(
        self, worker: Worker, folder: Path, issuer: Issuer, model: ModelServer, container: ContainerProxy
    ) -> None:
        self.worker, self.folder, self.issuer, self.model = worker, folder, issuer, model
        self.proxy = Proxy(worker, route_prefix(folder))
        self.ada = self.client()
        self._container = container
        self._read: dict[str, Any] = {"start_time": "Beginning"}

    def client(self, oid: str = USER, tid: str = TENANT) -> httpx2.AsyncClient:
        """Somebody with a token."""
        now = int(time.time())
        token = self.issuer.token(oid=oid, tid=tid, nbf=now - 10, exp=now + 3600)
        return httpx2.AsyncClient(
            transport=self.proxy,
            base_url="http://app.example/v1/",
            headers={"Authorization": f"Bearer {token}"},
        )

    async def start_conversation(self) -> str:
        """Its path."""
        answer = await self.ada.post("conversations", json={})
        assert answer.status_code == 201, answer.text
        return f"conversations/{answer.json()['id']}"

    async def deliver_changes(self, *functions: str) -> None:
        """Run these with what has changed since the last time, as the change-feed trigger would."""
        pages = self._container.query_items_change_feed(**self._read)
        documents = [document async for document in pages]
        self._read = {"continuation": self._container.client_connection.last_response_headers["etag"]}
        for function in functions if documents else ():
            assert await self.worker.invoke(function, json=json.dumps(documents)) is None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deployed")
    copy_deployable(ROOT, folder)
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def deployed(
    folder: Path, production: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Deployment]:
    beside = tmp_path_factory.mktemp("beside")
    with serving(beside / "data") as cosmos:
        async with (
            issuing() as issuer,
            model_serving() as model,
            CosmosClient(cosmos, WELL_KNOWN_KEY) as client,
        ):
            settings = {
                **production,
                "ENTRA_AUTHORITY": issuer.url,
                "ENTRA_TENANT_ID": TENANT,
                "ENTRA_AUDIENCE": AUDIENCE,
                "COSMOS_DB_ENDPOINT": cosmos,
                "COSMOS_DB_KEY": WELL_KNOWN_KEY,
                "AZURE_OPENAI_ENDPOINT": model.url,
                "AZURE_OPENAI_KEY": MODEL_KEY,
            }
            database, name = settings["COSMOS_DB_DATABASE_NAME"], settings["COSMOS_DB_CONTAINER_NAME"]
            await create_containers(client, database, name)
            worker = await Worker.start(interpreter(ROOT), folder, settings, beside / "log")
            container = client.get_database_client(database).get_container_client(name)
            deployment = Deployment(worker, folder, issuer, model, container)
            yield deployment
            await deployment.proxy.aclose()
            await worker.stop()


async def until_a_word_has_come(lines: AsyncIterator[str]) -> None:
    async with asyncio.timeout(10):
        async for line in lines:
            if line == "event: response.output_text.delta":
                return


async def test_every_function_indexes_in_the_worker(deployed: Deployment, app: App) -> None:
    said = deployed.worker.said
    assert said["failure"] is None
    assert {function["name"] for function in said["functions"]} == app.functions
    assert not [function for function in said["functions"] if function["failure"]]


async def test_the_worker_has_the_deployed_code_and_no_other(deployed: Deployment) -> None:
    said = deployed.worker.said
    assert said["strangers"] == []
    assert said["files"] == {
        "function_app": str(deployed.folder / "function_app.py"),
        "functions": str(deployed.folder / "functions" / "__init__.py"),
        "shared": str(deployed.folder / "shared" / "__init__.py"),
    }


async def test_it_is_ready(deployed: Deployment) -> None:
    answer = await deployed.ada.get("health/ready")
    assert answer.status_code == 200, answer.text


async def test_the_main_job(deployed: Deployment) -> None:
    path = await deployed.start_conversation()
    asked = await deployed.ada.post(f"{path}/ask", json={"content": "How do I bake a rye bread?"})
    assert (asked.status_code, asked.json()["status"]) == (201, "completed")
    for question in ("Which flour is best?", "How long does it take?"):
        await deployed.ada.post(f"{path}/ask", json={"content": question})

    await deployed.deliver_changes("enrich", "record_usage")
    described = (await deployed.ada.get(path)).json()
    assert "rye" in described["title"].lower()
    assert described["summary"]["text"]

    renamed = await deployed.ada.put(path, json={"title": "Bread"})
    assert renamed.json()["title"] == "Bread"
    listed = (await deployed.ada.get("conversations?query=bread")).json()
    assert [one["title"] for one in listed["data"]] == ["Bread"]
    messages = (await deployed.ada.get(f"{path}/messages")).json()
    assert [message["seq"] for message in messages["data"]] == list(range(1, 7))
    assert set(deployed.model.asked) == {f"Bearer {MODEL_KEY}"}


async def test_a_stream_arrives_while_the_model_writes(deployed: Deployment) -> None:
    path = await deployed.start_conversation()
    with deployed.model.halted():
        async with deployed.ada.stream("POST", f"{path}/ask", json=QUESTION) as answer:
            lines = answer.aiter_lines()
            await until_a_word_has_come(lines)
            deployed.model.goes_on.set()
            rest = [line async for line in lines]
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "event: response.completed" in rest


async def test_an_answer_is_stored_whole_when_its_reader_hangs_up(deployed: Deployment) -> None:
    path = await deployed.start_conversation()
    with deployed.model.halted():
        async with deployed.ada.stream("POST", f"{path}/ask", json=QUESTION) as answer:
            await until_a_word_has_come(answer.aiter_lines())

    async def stored() -> bool:
        messages = (await deployed.ada.get(f"{path}/messages")).json()["data"]
        return bool(messages[1:]) and messages[1]["content"].endswith("would answer here.")

    await eventually(stored, seconds=10)


async def test_what_is_asked_in_the_background_is_answered_by_its_trigger(deployed: Deployment) -> None:
    asked = await deployed.ada.post("responses", json={"input": "Hello?", "background": True})
    path = f"responses/{asked.json()['id']}"
    assert (await deployed.ada.get(path)).json()["status"] == "queued"

    await deployed.deliver_changes("run_background_turns")

    assert (await deployed.ada.get(path)).json()["status"] == "completed"


async def test_nobody_else_gets_in(deployed: Deployment) -> None:
    path = await deployed.start_conversation()
    another = deployed.client(oid=ANOTHER_USER)
    stranger = deployed.client(tid=OTHER_TENANT)
    nobody = httpx2.AsyncClient(transport=deployed.proxy, base_url=deployed.ada.base_url)

    assert (await another.get(path)).status_code == 404
    assert (await another.get("conversations")).json()["data"] == []
    assert (await stranger.get(path)).status_code == 401
    assert (await nobody.get(path)).status_code == 401


async def test_every_timer_runs(deployed: Deployment) -> None:
    now = json.dumps({"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": False})
    for timer in TIMERS:
        assert await deployed.worker.invoke(timer, json=now) is None
