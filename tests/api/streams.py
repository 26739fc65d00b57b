"""Turns as a client follows them, for the tests of streams."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from shared.services import services
from tests.api.conftest import Service
from tests.api.script import Script
from tests.api.server import eventually
from tests.api.sse import Event, events_from, events_in, until

HEAD = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
]
DELTA = "response.output_text.delta"
TAIL = ["response.output_text.done", "response.content_part.done", "response.output_item.done"]


async def streamed(service: Service, conversation_id: str, **body: Any) -> list[Event]:
    """Ask, and read the answer's events to the end."""
    path = f"conversations/{conversation_id}/ask"
    answer = await service.http.post(path, json={"content": "Hm?", "stream": True, **body})
    assert answer.status_code == 200, answer.text
    return events_in(answer.text)


async def replayed(http: httpx2.AsyncClient, turn_id: str, after: int | None = None) -> list[Event]:
    """A turn's events to the end, all or those behind one."""
    answer = await http.get(f"responses/{turn_id}", params=_params(after))
    assert answer.status_code == 200, answer.text
    return events_in(answer.text)


@asynccontextmanager
async def asking(http: httpx2.AsyncClient, conversation_id: str) -> AsyncIterator[AsyncIterator[Event]]:
    """Ask over a socket, and go away at the end of the context."""
    path, body = f"conversations/{conversation_id}/ask", {"content": "Hm?", "stream": True}
    async with http.stream("POST", path, json=body) as answer:
        assert answer.status_code == 200
        yield events_from(answer)


@asynccontextmanager
async def asked_whole(
    service: Service, conversation_id: str
) -> AsyncIterator[tuple[str, asyncio.Task[dict[str, Any]]]]:
    """A question whose answer is waited for whole, once it says "Half"; it ends within the context.

    The turn's id, and who waits.
    """
    script = Script("Half")
    service.model.scripts = [script]
    waiting = asyncio.create_task(service.ask(conversation_id, "Hm?"))
    turn = await running_turn(service, conversation_id)
    run = services().runner.find(turn)
    await eventually(lambda: asyncio.sleep(0, run and run.text(0)), 5)
    yield turn, waiting
    await eventually(lambda: asyncio.sleep(0, script.closed.is_set()), 5)


@asynccontextmanager
async def following(
    http: httpx2.AsyncClient, turn_id: str, after: int | None = None
) -> AsyncIterator[AsyncIterator[Event]]:
    """The events of a turn over a socket, all or those behind one; the service has found it as it is now."""
    async with http.stream("GET", f"responses/{turn_id}", params=_params(after)) as answer:
        assert answer.status_code == 200
        yield events_from(answer)


async def stored(http: httpx2.AsyncClient, turn_id: str, text: str) -> None:
    """Return when what was said so far can be read by one who follows from elsewhere."""
    async with following(http, turn_id) as events:
        await until(events, DELTA, delta=text)


def _params(after: int | None) -> dict[str, str]:
    return {"stream": "true"} | ({} if after is None else {"starting_after": str(after)})


async def running_turn(service: Service, conversation_id: str) -> str:
    """The turn of a question that was just sent, once the model is asked."""
    await eventually(lambda: asyncio.sleep(0, service.model.requests), 5)
    leaf = (await service.get(conversation_id))["leaf_message_id"]
    return f"resp_{leaf.removeprefix('msg_')}"


async def messages(service: Service, conversation_id: str) -> list[dict[str, Any]]:
    """The conversation's messages, oldest first."""
    listed = await service.http.get(f"conversations/{conversation_id}/messages")
    return list(listed.json()["data"])
