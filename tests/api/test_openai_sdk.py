"""The official openai SDK, unmodified, is a client of a real server."""

from collections.abc import AsyncIterator
from pathlib import Path

import openai
import pytest

from tests.api.server import Server, eventually


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[openai.AsyncOpenAI]:
    server = Server(tmp_path / "data")
    await server.start()
    async with openai.AsyncOpenAI(base_url=str(server.http.base_url), api_key="none") as client:
        yield client
    await server.close()


async def test_conversations_and_items(client: openai.AsyncOpenAI) -> None:
    first = {"type": "message", "role": "user", "content": "Hello"}
    made = await client.conversations.create(metadata={"a": "b"}, items=[first])  # type: ignore[list-item]
    assert made.metadata == {"a": "b"}
    assert (await client.conversations.update(made.id, metadata={"c": "d"})).metadata == {"c": "d"}

    added = [
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Be brief"}]}
    ]
    await client.conversations.items.create(made.id, items=added)  # type: ignore[arg-type]
    listed = [item async for item in client.conversations.items.list(made.id, limit=1)]
    assert [(item.role, item.content[0].text) for item in listed] == [  # type: ignore[union-attr, index]
        ("system", "Be brief"),
        ("user", "Hello"),
    ]
    assert (await client.conversations.delete(made.id)).deleted


async def test_responses_streamed_whole_and_again(client: openai.AsyncOpenAI) -> None:
    async with client.responses.stream(input="Tell me about rye", model="default") as stream:
        events = [event async for event in stream]
        told = await stream.get_final_response()
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert told.status == "completed"
    assert told.conversation is None

    resumed = await client.responses.retrieve(told.id, stream=True, starting_after=10)
    again = [event async for event in resumed]
    assert [event.sequence_number for event in again] == list(range(11, len(events)))
    head = "".join(event.delta for event in events[:11] if event.type == "response.output_text.delta")
    rest = "".join(event.delta for event in again if event.type == "response.output_text.delta")
    assert head + rest == told.output_text

    next_one = await client.responses.create(
        input="And wheat?", previous_response_id=told.id, model="default"
    )
    assert "Tell me about rye" in next_one.output_text
    asked = [item async for item in client.responses.input_items.list(next_one.id)]
    assert asked[0].content[0].text == "And wheat?"  # type: ignore[union-attr, index]
    await client.responses.delete(next_one.id)
    with pytest.raises(openai.NotFoundError):
        await client.responses.retrieve(next_one.id)


async def test_a_response_in_the_background(client: openai.AsyncOpenAI) -> None:
    queued = await client.responses.create(input="What is spelt?", model="default", background=True)
    assert queued.status == "queued"

    async def ended() -> bool:
        return (await client.responses.retrieve(queued.id)).status == "completed"

    await eventually(ended, seconds=10)
    assert (await client.responses.cancel(queued.id)).status == "completed"


async def test_what_cannot_be_honoured_is_named(client: openai.AsyncOpenAI) -> None:
    assert "default" in [model.id async for model in client.models.list()]
    with pytest.raises(openai.BadRequestError) as refused:
        await client.responses.create(input="x", model="default", tools=[{"type": "web_search"}])
    assert refused.value.param == "tools"
    with pytest.raises(openai.BadRequestError) as refused:
        await client.responses.create(input="x", model="another")
    assert refused.value.param == "model"
