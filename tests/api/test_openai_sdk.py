"""The official `openai` SDKs, unmodified, are clients of a running server."""

import asyncio
import shutil
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import openai
import pytest

from tests.api.conftest import Service
from tests.api.script import Script
from tests.api.server import Server, eventually
from tests.api.serving import served
from tests.packages import from_npm

JAVASCRIPT = Path(__file__).parent / "javascript"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A process of its own, with the offline model and the change feed."""
    server = Server(tmp_path / "data")
    await server.start()
    yield server
    await server.close()


@pytest.fixture
async def client(service: Service) -> AsyncIterator[openai.AsyncOpenAI]:
    """A client of the service on a port."""
    async with (
        served() as http,
        openai.AsyncOpenAI(base_url=str(http.base_url), api_key="none") as client,
    ):
        yield client


async def test_the_javascript_sdk_does_its_work(server: Server) -> None:
    script = shutil.copy(JAVASCRIPT / "main.mjs", await asyncio.to_thread(from_npm, JAVASCRIPT))
    node = await asyncio.create_subprocess_exec(
        *("node", str(script), str(server.http.base_url).rstrip("/")), stdout=PIPE, stderr=PIPE
    )
    async with asyncio.timeout(30):
        told, wrong = await node.communicate()
    assert (node.returncode, told) == (0, b"done\n"), wrong.decode()


async def test_the_synchronous_sdk_does_its_work(client: openai.AsyncOpenAI) -> None:
    await asyncio.to_thread(_work, str(client.base_url))


def _work(base_url: str) -> None:
    with openai.OpenAI(base_url=base_url, api_key="none") as client:
        conversation = client.conversations.create(metadata={"topic": "bread"})
        made = client.responses.create(input="What is rye?", conversation=conversation.id)
        assert made.status == "completed"
        with client.responses.stream(
            input="And spelt?", previous_response_id=made.id, model="default"
        ) as stream:
            said = [event.delta for event in stream if event.type == "response.output_text.delta"]
            final = stream.get_final_response()
        assert final.output_text == "".join(said)
        assert final.previous_response_id == made.id
        with client.responses.create(input="And oats?", conversation=conversation.id, stream=True) as events:
            seen = list(events)
        assert seen[0].type == "response.created"
        with client.responses.retrieve(seen[0].response.id, stream=True, starting_after=5) as rest:
            assert list(rest) == seen[6:]
        listed = [item.id for item in client.conversations.items.list(conversation.id, limit=2)]
        assert len(listed) == len(set(listed)) == 6
        assert len(list(client.responses.input_items.list(made.id))) == 1


async def test_conversations_and_items(client: openai.AsyncOpenAI) -> None:
    first = {"type": "message", "role": "user", "content": "Hello"}
    made = await client.conversations.create(metadata={"a": "b"}, items=[first])  # type: ignore[list-item]
    assert made.metadata == {"a": "b"}
    assert (await client.conversations.update(made.id, metadata={"c": "d"})).metadata == {"c": "d"}
    assert (await client.conversations.retrieve(made.id)).metadata == {"c": "d"}

    brief = {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Be brief"}]}
    added = await client.conversations.items.create(made.id, items=[brief])  # type: ignore[list-item]
    listed = [item async for item in client.conversations.items.list(made.id, limit=1)]
    assert [(item.role, item.content[0].text) for item in listed] == [  # type: ignore[union-attr, index]
        ("system", "Be brief"),
        ("user", "Hello"),
    ]
    one = await client.conversations.items.retrieve(str(added.data[0].id), conversation_id=made.id)
    assert one == listed[0]
    await client.conversations.items.delete(str(one.id), conversation_id=made.id)
    assert len([item async for item in client.conversations.items.list(made.id)]) == 1
    assert (await client.conversations.delete(made.id)).deleted


async def test_a_response_has_its_text_its_usage_and_no_conversation(
    client: openai.AsyncOpenAI, service: Service
) -> None:
    made = await client.responses.create(
        input="What is rye?", instructions="Be brief.", temperature=0.5, top_p=0.9, metadata={"a": "b"}
    )

    assert made.status == "completed"
    assert "What is rye?" in made.output_text
    assert made.usage
    assert made.usage.total_tokens == made.usage.input_tokens + made.usage.output_tokens
    assert (made.conversation, made.metadata) == (None, {"a": "b"})
    assert (await client.responses.retrieve(made.id)).output_text == made.output_text
    sent = service.model.requests[-1]
    assert (sent["temperature"], sent["top_p"]) == (0.5, 0.9)
    assert sent["messages"][0] == {"role": "system", "content": "Be brief."}
    assert (await service.http.get("conversations")).json()["data"] == []


async def test_a_response_after_another_goes_on_in_its_conversation(
    client: openai.AsyncOpenAI, service: Service
) -> None:
    first = await client.responses.create(input="What is rye?")
    second = await client.responses.create(input="And spelt?", previous_response_id=first.id)

    assert second.previous_response_id == first.id
    sent = [message["content"] for message in service.model.requests[-1]["messages"]]
    assert sent == ["What is rye?", first.output_text, "And spelt?"]
    asked = [item async for item in client.responses.input_items.list(second.id)]
    assert asked[0].content[0].text == "And spelt?"  # type: ignore[union-attr, index]


async def test_the_stream_helper_gives_text_and_the_final_response(
    client: openai.AsyncOpenAI, service: Service
) -> None:
    service.model.scripts = [Script("Rye ", "is ", "grain.", finish="stop")]

    async with client.responses.stream(input="What is rye?", model="default") as stream:
        events = [event async for event in stream]
        final = await stream.get_final_response()

    assert [event.sequence_number for event in events] == list(range(len(events)))
    said = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert said == ["Rye ", "is ", "grain."]
    assert (final.output_text, final.status, final.conversation) == ("Rye is grain.", "completed", None)


async def test_a_stream_is_taken_up_again_from_any_event(
    client: openai.AsyncOpenAI, service: Service
) -> None:
    service.model.scripts = [Script("Rye ", "is ", "grain.", finish="stop")]
    seen = [event async for event in await client.responses.create(input="Hm?", stream=True)]
    assert seen[0].type == "response.created"
    turn = seen[0].response.id

    for cut in range(len(seen)):
        rest = await client.responses.retrieve(turn, stream=True, starting_after=cut)
        assert [event async for event in rest] == seen[cut + 1 :]
    async with client.responses.stream(response_id=turn, starting_after=4) as resumed:
        assert (await resumed.get_final_response()).output_text == "Rye is grain."


async def test_a_response_is_cancelled_and_deleted(client: openai.AsyncOpenAI, service: Service) -> None:
    service.model.scripts = [Script("Half")]
    stream = await client.responses.create(input="Slow?", stream=True)
    first = await anext(stream)
    assert first.type == "response.created"

    cancelled = await client.responses.cancel(first.response.id)
    await client.responses.delete(first.response.id)

    assert cancelled.status == "cancelled"
    with pytest.raises(openai.NotFoundError) as refused:
        await client.responses.retrieve(first.response.id)
    assert refused.value.code == "response_not_found"


async def test_a_response_in_the_background(server: Server) -> None:
    async with openai.AsyncOpenAI(base_url=str(server.http.base_url), api_key="none") as client:
        queued = await client.responses.create(input="What is spelt?", background=True)
        assert queued.status == "queued"

        async def ended() -> bool:
            return (await client.responses.retrieve(queued.id)).status == "completed"

        await eventually(ended, seconds=10)
        assert (await client.responses.cancel(queued.id)).status == "completed"


async def test_a_model_that_fails_is_the_sdks_error_and_is_not_asked_twice(
    client: openai.AsyncOpenAI, service: Service
) -> None:
    service.model.failing = httpx2.Response(500, headers={"x-should-retry": "false"})

    with pytest.raises(openai.InternalServerError) as failed:
        await client.responses.create(input="Hm?")

    assert failed.value.code == "model_error"
    assert len(service.model.requests) == 1


async def test_models_are_the_deployments_allowed(client: openai.AsyncOpenAI) -> None:
    assert {model.id async for model in client.models.list()} == {"default", "small", "large"}
    with pytest.raises(openai.BadRequestError) as refused:
        await client.responses.create(input="x", model="another")
    assert refused.value.param == "model"


async def test_the_sdk_names_what_cannot_be_honoured(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await client.responses.create(input="x", tools=[{"type": "web_search"}])
    assert refused.value.param == "tools"
