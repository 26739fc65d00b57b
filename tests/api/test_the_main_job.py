"""The main job on a real server: a conversation from its start to its restoration, over kill -9."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.api.server import Server, eventually


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    server = Server(tmp_path / "data")
    await server.start()
    yield server
    await server.close()


async def test_a_conversation_end_to_end(server: Server) -> None:
    conversation = await server.post("conversations", {"metadata": {"team": "bakery"}})
    path = f"conversations/{conversation['id']}"
    questions = ["How do I bake a rye bread?", "Which flour is best?", "How long?", "And without an oven?"]
    turns = [await server.post(f"{path}/ask", {"content": question}) for question in questions]

    async def described() -> bool:
        found = await server.get(path)
        return bool(found["title"] and found["summary"])

    assert await eventually(described, seconds=3) < 3
    titled = await server.get(path)
    assert "rye" in titled["title"].lower()
    assert titled["summary"]["through_seq"] >= 6
    last_answer = turns[-1]["answers"][0]["content"]
    assert all(question in last_answer for question in questions)

    renamed = await server.http.put(path, json={"title": "Bread"})
    assert renamed.json()["title"] == "Bread"
    other = await server.post("conversations", {"title": "Other"})
    listed = await server.get("conversations")
    assert [one["id"] for one in listed["data"]] == [other["id"], conversation["id"]]

    deleted = await server.http.delete(path)
    assert deleted.json()["deleted"] is True
    assert (await server.http.get(path)).status_code == 404
    assert [one["id"] for one in (await server.get("conversations"))["data"]] == [other["id"]]
    restored = await server.http.post(f"{path}/restore")
    assert restored.json()["title"] == "Bread"

    before, messages = await server.get(path), await server.get(f"{path}/messages")
    await server.kill()
    await server.start()

    assert await server.get(path) == before
    assert await server.get(f"{path}/messages") == messages
    assert [message["seq"] for message in messages["data"]] == list(range(1, 9))


async def test_kill_9_in_the_middle_of_writes_loses_none_that_was_acknowledged(server: Server) -> None:
    conversations = [(await server.post("conversations", {}))["id"] for _ in range(4)]
    acknowledged: list[dict[str, Any]] = []

    async def write(client: int) -> None:
        for number in range(25):
            path = f"conversations/{conversations[client % 4]}/messages"
            try:
                acknowledged.append(
                    await server.post(path, {"role": "user", "content": f"{client}.{number}"})
                )
            except httpx2.TransportError:
                return

    async def kill_in_the_middle() -> None:
        await eventually(lambda: asyncio.sleep(0, len(acknowledged) >= 60), seconds=10)
        await server.kill()

    await asyncio.gather(*(write(client) for client in range(8)), kill_in_the_middle())
    assert 60 <= len(acknowledged) < 200
    await server.start()

    stored: dict[str, dict[str, Any]] = {}
    for conversation_id in conversations:
        path = f"conversations/{conversation_id}"
        listed = (await server.get(f"{path}/messages?limit=100"))["data"]
        assert [message["seq"] for message in listed] == list(range(1, len(listed) + 1))
        assert (await server.get(path))["message_count"] == len(listed)
        assert len({message["content"] for message in listed}) == len(listed)
        stored |= {message["id"]: message for message in listed}
    assert [stored.get(message["id"]) for message in acknowledged] == acknowledged


async def test_titles_that_were_due_when_it_was_killed_are_written_after_the_restart(server: Server) -> None:
    async def begin(number: int) -> str:
        conversation = await server.post("conversations", {})
        body = {"role": "user", "content": f"What is the number {number}?"}
        await server.post(f"conversations/{conversation['id']}/messages", body)
        return str(conversation["id"])

    begun = await asyncio.gather(*(begin(number) for number in range(20)))
    await server.kill()
    await server.start()

    async def all_titled() -> bool:
        found = (await server.get("conversations?limit=100"))["data"]
        return {one["id"] for one in found if one["title"]} == set(begun)

    await eventually(all_titled, seconds=10)


async def test_a_stop_takes_less_than_five_seconds(server: Server) -> None:
    assert await server.stop() < 5
