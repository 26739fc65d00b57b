"""A question whose answer is waited for whole runs as a streamed one does: it is stopped and followed too."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from shared.services import services
from tests.api.conftest import Service
from tests.api.script import Script
from tests.api.server import eventually
from tests.api.sse import text_of
from tests.api.streams import messages, replayed, running_turn

SAID = "Once upon a time"


@asynccontextmanager
async def said_so_far(service: Service, asked: Coroutine[Any, Any, Any]) -> AsyncIterator[asyncio.Task[Any]]:
    """A question whose answer has begun, and doesn't go on."""
    script = Script(SAID)
    service.model.failing = script.response()
    asking = asyncio.create_task(asked)
    await eventually(lambda: asyncio.sleep(0, _texts() == [SAID]), 5)
    service.model.failing = None
    yield asking
    await eventually(lambda: asyncio.sleep(0, script.closed.is_set()), 5)


def _texts() -> list[str]:
    return [run.text(0) for run in services().runner._runs.values()]


async def test_a_whole_answer_that_is_cancelled_keeps_what_there_was(service: Service) -> None:
    conversation = await service.new_conversation()

    async with said_so_far(service, service.ask(conversation["id"], "Tell me a story.")) as asking:
        turn_id = await running_turn(service, conversation["id"])
        cancelled = await service.http.post(f"responses/{turn_id}/cancel")
        turn = await asking

    assert cancelled.json()["status"] == turn["status"] == "cancelled"
    assert cancelled.json()["output"][0]["content"][0]["text"] == SAID
    (answer,) = turn["answers"]
    assert (answer["content"], answer["status"]) == (SAID, "incomplete")
    assert answer["incomplete_reason"] == "cancelled"
    assert (await messages(service, conversation["id"]))[1] == answer
    assert (await service.ask(conversation["id"], "Again?"))["status"] == "completed"


async def test_a_whole_answer_that_is_interrupted_keeps_what_there_was(service: Service) -> None:
    conversation = await service.new_conversation()

    async with said_so_far(service, service.ask(conversation["id"], "Tell me a story.")) as asking:
        turn = await service.ask(conversation["id"], "Stop. What is rye?", on_busy="interrupt")
        first = await asking

    assert turn["status"] == "completed"
    assert first["answers"][0]["content"] == SAID
    assert first["answers"][0]["incomplete_reason"] == "interrupted"
    assert turn["question"]["parent_id"] == first["answers"][0]["id"]


async def test_a_whole_answer_is_followed_while_it_is_made(service: Service) -> None:
    conversation = await service.new_conversation()

    async with said_so_far(service, service.ask(conversation["id"], "Tell me a story.")) as asking:
        turn_id = await running_turn(service, conversation["id"])
        following = asyncio.create_task(replayed(service.http, turn_id))
        await service.http.post(f"responses/{turn_id}/cancel")
        events = await following
        await asking

    assert text_of(events) == SAID
    assert events[-1]["type"] == "response.incomplete"
    assert events[-1]["response"]["status"] == "cancelled"


async def test_what_a_whole_answer_said_survives_its_server(service: Service) -> None:
    conversation = await service.new_conversation()

    async with said_so_far(service, service.ask(conversation["id"], "Tell me a story.")) as asking:
        turn_id = await running_turn(service, conversation["id"])
        await eventually(lambda: asyncio.sleep(0, _stored_pieces() == 1), 5)
        await service.kill_turns()
        await asyncio.gather(asking, return_exceptions=True)
    service.clock.pass_seconds(61)
    closed = (await service.http.get(f"responses/{turn_id}")).json()

    assert closed["incomplete_details"] == {"reason": "interrupted"}
    assert closed["output"][0]["content"][0]["text"] == SAID


def _stored_pieces() -> int:
    return sum(run.stored for run in services().runner._runs.values())


async def test_an_answer_that_was_over_at_once_leaves_no_events_and_is_told_in_one_piece(
    service: Service,
) -> None:
    conversation = await service.new_conversation()

    with service.engine.recording() as calls:
        turn = await service.ask(conversation["id"], "What is rye?")
    events = await replayed(service.http, turn["id"])
    rest = await replayed(service.http, turn["id"], after=2)

    assert rest == events[3:]
    assert not [call for call in calls if call.container == "turn_events"]
    assert text_of(events) == turn["answers"][0]["content"]
    assert events[-1]["response"]["output"][0]["id"] == turn["answers"][0]["id"]
