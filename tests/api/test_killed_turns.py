"""kill -9 at every stage of a turn: the conversation is whole and free again, and no turn runs twice.

What is killed is a server in a process of its own; another instance, on the same database, sees what is left.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from local.cosmos.gateway import gateway
from local.cosmos.signature import Signature
from tests.api.conftest import Service
from tests.api.gates import Gate, model_app
from tests.api.refusals import refused
from tests.api.script import Script
from tests.api.server import Server, eventually
from tests.api.serving import on_a_port
from tests.api.sse import events_in, text_of
from tests.api.streams import messages, stored
from tests.api.triggers import deliver

LEASE_SECONDS = 60 + 15  # and what the test may have taken
KEY = {"Idempotency-Key": "k"}
ways = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


@dataclass
class Victim:
    """A server that is going to be killed, and the other instance that is left."""

    server: Server
    left: Service
    gate: Gate

    async def ask(self, conversation: str, *, stream: bool) -> "asyncio.Task[httpx2.Response]":
        body, path = {"content": "Hm?", "stream": stream}, f"conversations/{conversation}/ask"
        return asyncio.create_task(self.server.http.post(path, json=body, headers=KEY, timeout=20))

    async def kill(self, asked: "asyncio.Task[httpx2.Response]") -> None:
        """kill -9; whoever asked is left without an answer."""
        await self.server.kill()
        with pytest.raises(httpx2.TransportError):
            await asked

    async def killed_at_batch(self, number: int, *, done: bool, stream: bool) -> str:
        """Ask, and kill it at the question's batch (1) or the answer's (2); the conversation."""
        conversation = str((await self.left.new_conversation())["id"])
        self.gate.hold(number, done=done)
        asked = await self.ask(conversation, stream=stream)
        await self.gate.held.wait()
        await self.kill(asked)
        return conversation

    async def ask_again(self, conversation: str, *, stream: bool) -> httpx2.Response:
        """Repeat the request at the other instance."""
        body, path = {"content": "Hm?", "stream": stream}, f"conversations/{conversation}/ask"
        return await self.left.http.post(path, json=body, headers=KEY)

    def times_asked(self) -> int:
        """How often the model was asked for an answer, not for a title."""
        return sum("response_format" not in request for request in self.left.model.requests)


@pytest.fixture
async def victim(service: Service, tmp_path: Path) -> AsyncIterator[Victim]:
    service.clock.now = int(time.time() * 1000)  # as the other server has it
    gate = Gate(gateway(service.engine, Signature(service.engine.key)))
    server = Server(tmp_path / "data")
    async with AsyncExitStack() as resources:
        database = await resources.enter_async_context(on_a_port(gate))
        model = await resources.enter_async_context(on_a_port(model_app(service.model)))
        resources.push_async_callback(server.close)
        await server.start(
            COSMOS_DB_ENDPOINT=database,
            COSMOS_DB_KEY=service.engine.key,
            OPENAI_BASE_URL=f"{model}/v1",
            OPENAI_API_KEY="none",
        )
        yield Victim(server, service, gate)


async def test_before_the_question_is_stored_nothing_is_there_and_the_retry_runs_it(victim: Victim) -> None:
    conversation = await victim.killed_at_batch(1, done=False, stream=False)
    assert await _is_whole(victim.left, conversation) == []

    again = await victim.ask_again(conversation, stream=False)

    assert again.status_code == 201
    assert "idempotency-replayed" not in again.headers
    assert await _is_whole(victim.left, conversation) == ["completed", "completed"]
    assert victim.times_asked() == 1


async def test_after_the_question_is_stored_it_is_closed_unanswered_and_never_asked(victim: Victim) -> None:
    conversation = await victim.killed_at_batch(1, done=True, stream=True)

    await _is_closed_with(victim, conversation, "", stream=True)
    assert victim.times_asked() == 0


async def test_before_the_first_word_it_is_closed_without_any(victim: Victim) -> None:
    conversation = (await victim.left.new_conversation())["id"]
    victim.left.model.scripts = [Script()]
    asked = await victim.ask(conversation, stream=True)
    await eventually(lambda: asyncio.sleep(0, victim.times_asked()), 5)
    await victim.kill(asked)

    await _is_closed_with(victim, conversation, "", stream=True)
    assert victim.times_asked() == 1


async def test_in_mid_stream_it_is_closed_with_what_was_stored_of_it(victim: Victim) -> None:
    conversation = (await victim.left.new_conversation())["id"]
    victim.left.model.scripts = [Script("Half")]
    asked = await victim.ask(conversation, stream=True)
    await eventually(lambda: messages(victim.left, conversation), 5)
    (_, answer) = await messages(victim.left, conversation)
    await stored(victim.server.http, answer["id"].replace("msg_", "resp_"), "Half")
    await victim.kill(asked)

    await _is_closed_with(victim, conversation, "Half", stream=True)
    assert victim.times_asked() == 1


@ways
async def test_before_the_answer_is_stored_it_is_closed_and_not_asked_again(
    victim: Victim, stream: bool
) -> None:
    conversation = await victim.killed_at_batch(2, done=False, stream=stream)

    await _is_closed_with(victim, conversation, None, stream=stream)
    assert victim.times_asked() == 1


@ways
async def test_after_the_answer_is_stored_the_retry_gets_it_and_nothing_runs_again(
    victim: Victim, stream: bool
) -> None:
    conversation = await victim.killed_at_batch(2, done=True, stream=stream)
    assert await _is_whole(victim.left, conversation) == ["completed", "completed"]

    again = await victim.ask_again(conversation, stream=stream)

    (_, answer) = await messages(victim.left, conversation)
    assert again.headers["idempotency-replayed"] == "true"
    assert _told(again) == ("completed", answer["content"])
    assert victim.times_asked() == 1
    await victim.left.ask(conversation, "And now?")
    assert await _is_whole(victim.left, conversation) == ["completed"] * 4


async def test_a_background_turn_is_closed_and_not_run_again(victim: Victim) -> None:
    left = victim.left
    left.model.scripts = [Script("Half")]
    queued = (await left.http.post("responses", json={"input": "Hm?", "background": True})).json()
    await eventually(lambda: asyncio.sleep(0, victim.times_asked()), 10)  # its feed has brought it there
    await victim.server.kill()
    left.clock.pass_seconds(LEASE_SECONDS)

    await deliver(left)

    closed = (await left.http.get(f"responses/{queued['id']}")).json()
    assert (closed["status"], closed["incomplete_details"]) == ("incomplete", {"reason": "interrupted"})
    assert victim.times_asked() == 1


async def _is_closed_with(victim: Victim, conversation: str, text: str | None, *, stream: bool) -> None:
    """Assert that a retry closes the turn with this text (None is any), and the conversation is free."""
    assert await _is_whole(victim.left, conversation) == ["completed", "in_progress"]
    refused(await victim.ask_again(conversation, stream=stream), 409, "request_in_progress")
    victim.left.clock.pass_seconds(LEASE_SECONDS)

    again = await victim.ask_again(conversation, stream=stream)

    (_, answer) = await messages(victim.left, conversation)
    assert again.headers["idempotency-replayed"] == "true"
    assert _told(again) == ("incomplete", answer["content"])
    assert answer["incomplete_reason"] == "interrupted"
    assert text in (None, answer["content"])
    await victim.left.ask(conversation, "And now?")
    assert await _is_whole(victim.left, conversation) == ["completed", "incomplete", "completed", "completed"]
    victim.left.model.requests.pop()


async def _is_whole(service: Service, conversation: str) -> list[str]:
    """The messages' statuses, once what counts them agrees with them."""
    found, listed = await service.get(conversation), await messages(service, conversation)
    assert [message["seq"] for message in listed] == list(range(1, len(listed) + 1))
    assert found["message_count"] == len(listed)
    assert found["last_message_id"] == (listed[-1]["id"] if listed else None)
    return [message["status"] for message in listed]


def _told(answer: httpx2.Response) -> tuple[str, str]:
    """The status and the text that an answer tells, whole or streamed."""
    if answer.headers["content-type"].startswith("text/event-stream"):
        events = events_in(answer.text)
        return events[-1]["response"]["status"], text_of(events)
    turn: dict[str, Any] = answer.json()
    return turn["status"], turn["answers"][0]["content"]
