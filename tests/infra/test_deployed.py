"""The main job on what is deployed alone: on the worker's own library, with production's settings.

The code is the deployable copy, the packages are requirements.txt's, the settings are Bicep's; only the
addresses in them lead to stand-ins on loopback: for Entra ID, the managed identity, Cosmos DB, Azure OpenAI.
There is no key of anything. What stands in for the Functions host speaks to the worker's library. The
instance that all tests share ran before it was known for which app, as on Flex Consumption; others did not.
"""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from openai import AsyncOpenAI

from tests.api.issuer import OTHER_TENANT, TENANT, USER
from tests.api.server import eventually
from tests.api.walk import UNKNOWN, operations
from tests.infra.gate import App
from tests.infra.stand_ins.deployment import Deployment, deployment, instance

pytestmark = pytest.mark.asyncio(loop_scope="module")

ANOTHER_USER = "aaaaaaaa-0000-4000-8000-000000000009"
WITHOUT_ANYTHING = "aaaaaaaa-0000-4000-8000-00000000000a"
OF_MODELS = "https://cognitiveservices.azure.com"
AT_ONCE = 32  # as infra/modules/functions.bicep has it
OF_NOBODY = {
    "conversation_id": f"conv_{UNKNOWN}",
    "message_id": f"msg_{UNKNOWN}",
    "item_id": f"msg_{UNKNOWN}",
    "response_id": f"resp_{UNKNOWN}",
    "operation_id": f"op_{UNKNOWN}",
    "dead_letter_id": f"conv_{UNKNOWN}",
    "user_id": "nobody",
}
QUESTION = {"content": "Hello?", "stream": True}
TIMERS = ("sweep", "purge", "run_operations", "end_inactive")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def deployed(
    production: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Deployment]:
    async with deployment(production, tmp_path_factory.mktemp("deployed")) as deployed:
        yield deployed


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def another(deployed: Deployment) -> AsyncIterator[Deployment]:
    """Another instance of the same."""
    log = deployed.log.with_name("another-log")
    async with instance(deployed.folder, log, deployed.around) as another:
        yield another


def response_of(told: list[str]) -> str:
    """The path of what a stream tells."""
    return f"responses/{json.loads(told[2].removeprefix('data: '))['response']['id']}"


async def until_a_word_has_come(lines: AsyncIterator[str]) -> list[str]:
    """What came until then."""
    told: list[str] = []
    async with asyncio.timeout(10):
        while told[-1:] != ["event: response.output_text.delta"]:
            told.append(await anext(lines))
    return told


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
    assert set(deployed.model.asked) == {f"Bearer {deployed.identity.token(OF_MODELS)}"}


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


async def test_another_instance_tells_a_stream_while_it_runs(
    deployed: Deployment, another: Deployment
) -> None:
    path = await deployed.start_conversation()
    async with deployed.ada.stream("POST", f"{path}/ask", json=QUESTION) as asked:
        with deployed.model.halted():
            lines = asked.aiter_lines()
            told = await until_a_word_has_come(lines)
            async with another.ada.stream("GET", f"{response_of(told)}?stream=true") as retold:
                lines_of_the_other = retold.aiter_lines()
                told_again = await until_a_word_has_come(lines_of_the_other)
                deployed.model.goes_on.set()
                told_again += [line async for line in lines_of_the_other]
        told += [line async for line in lines]
    assert told_again == told


async def test_a_stream_that_breaks_is_logged_without_what_was_written(
    deployed: Deployment, another: Deployment
) -> None:
    path = await deployed.start_conversation()
    container = deployed.around.container
    with deployed.model.halted():
        async with deployed.ada.stream("POST", f"{path}/ask", json=QUESTION) as asked:
            told = await until_a_word_has_come(asked.aiter_lines())
            answer = (await deployed.ada.get(f"{path}/messages")).json()["data"][-1]["id"]
            async with another.ada.stream("GET", f"{response_of(told)}?stream=true") as retold:
                lines = retold.aiter_lines()
                await until_a_word_has_come(lines)
                stored = await container.read_item(answer, [TENANT, USER])
                await container.upsert_item({**stored, "seq": "quokka"})
                rest = [line async for line in lines]

    assert "event: error" in rest
    assert '"code":"internal_error"' in "".join(rest)
    log = another.log.read_text()
    assert "ValidationError at" in log
    assert "quokka" not in log


async def test_what_is_asked_in_the_background_is_answered_by_its_trigger(deployed: Deployment) -> None:
    asked = await deployed.ada.post("responses", json={"input": "Hello?", "background": True})
    path = f"responses/{asked.json()['id']}"
    assert (await deployed.ada.get(path)).json()["status"] == "queued"

    await deployed.deliver_changes("run_background_turns")

    assert (await deployed.ada.get(path)).json()["status"] == "completed"


async def test_every_route_answers_and_asks_who_calls(deployed: Deployment) -> None:
    stranger, nobody = deployed.client(oid=WITHOUT_ANYTHING), deployed.anonymous()
    for operation in await operations(stranger):
        url = operation.url(OF_NOBODY)
        answer = await stranger.request(operation.method, url, json=operation.body)
        assert answer.status_code < 500, f"{operation.name}: {answer.text}"
        refused = await nobody.request(operation.method, url, json=operation.body)
        assert refused.status_code == 401, operation.name


async def test_openais_sdk_is_a_client(deployed: Deployment) -> None:
    key = deployed.ada.headers["Authorization"].removeprefix("Bearer ")
    client = AsyncOpenAI(api_key=key, base_url=str(deployed.ada.base_url), http_client=deployed.ada)
    stream = await client.responses.create(input="How do I bake a rye bread?", model="default", stream=True)
    told = [event async for event in stream]
    completed = told[-1]
    assert completed.type == "response.completed"
    written = "".join(event.delta for event in told if event.type == "response.output_text.delta")
    assert written == completed.response.output_text != ""


async def test_nobody_else_gets_in(deployed: Deployment) -> None:
    path = await deployed.start_conversation()
    another = deployed.client(oid=ANOTHER_USER)
    stranger = deployed.client(tid=OTHER_TENANT)

    assert (await another.get(path)).status_code == 404
    assert (await another.get("conversations")).json()["data"] == []
    assert (await stranger.get(path)).status_code == 401
    assert (await deployed.anonymous().get(path)).status_code == 401


async def test_an_instance_does_as_much_at_once_as_it_is_given(deployed: Deployment) -> None:
    paths = [await deployed.start_conversation() for _ in range(AT_ONCE)]
    asking = [
        deployed.ada.post(f"{path}/ask", json={"content": f"What is {number}?"})
        for number, path in enumerate(paths)
    ]
    turns = [answer.json() for answer in await asyncio.gather(*asking)]
    for number, turn in enumerate(turns):
        assert f"What is {number}?" in turn["answers"][0]["content"]


async def test_what_goes_wrong_is_told_in_the_services_words(deployed: Deployment) -> None:
    bad = await deployed.ada.post("conversations", content=b"{", headers={"Content-Type": "application/json"})
    large = await deployed.ada.post("conversations", content=b" " * (3 * 1024 * 1024))
    nowhere = await deployed.ada.get("nowhere")

    assert (bad.status_code, bad.json()["error"]["request_id"]) == (400, bad.headers["x-request-id"])
    assert (large.status_code, large.json()["error"]["code"]) == (413, "body_too_large")
    assert nowhere.status_code == 404


async def test_every_timer_runs(deployed: Deployment) -> None:
    now = json.dumps({"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": False})
    for timer in TIMERS:
        assert await deployed.worker.invoke(timer, json=now) is None


async def test_the_log_has_nothing_that_was_written_or_searched_for(deployed: Deployment) -> None:
    path = await deployed.start_conversation()
    await deployed.ada.post(f"{path}/ask", json={"content": "What is a quokka?"})
    await deployed.ada.get("conversations?query=quokka")

    log = deployed.log.read_text()
    assert "GET conversations 200" in log
    assert "quokka" not in log


async def test_what_fails_in_the_background_is_told_without_what_was_written(deployed: Deployment) -> None:
    broken = {"id": f"msg_{'0' * 26}", "tenantId": TENANT, "userId": USER, "type": "message"}
    container = deployed.around.container
    await container.create_item({**broken, "seq": "quokka", "turn": {"queued": True}})

    failure = await deployed.worker.invoke(
        "run_background_turns", json=json.dumps([{**broken, "turn": {"queued": True}}])
    )
    await container.delete_item(broken["id"], [TENANT, USER])

    assert failure
    assert "ValidationError at" in failure
    assert "quokka" not in failure
