"""A run of a timer takes up so much and no more, and two runs at once do no harm."""

import asyncio
from typing import Any

import pytest

from functions.background import purge, sweep
from tests.api.conftest import Service
from tests.api.pages import walk

DAY = 24 * 60 * 60


async def _titles(service: Service, made: list[dict[str, Any]]) -> list[str | None]:
    return [(await service.get(one["id"]))["title_source"] for one in made]


async def _due(service: Service, count: int) -> list[dict[str, Any]]:
    """Conversations whose titles no event has brought about."""
    made = [await service.new_conversation() for _ in range(count)]
    for one in made:
        await service.add(one["id"], "How do I bake bread?")
    service.clock.pass_seconds(61)
    return made


async def _expired(service: Service, count: int) -> list[str]:
    made = [(await service.new_conversation())["id"] for _ in range(count)]
    for one in made:
        await service.add(one, "Hello.")
        await service.http.delete(f"conversations/{one}")
    service.clock.pass_seconds(31 * DAY)
    return made


async def test_a_sweep_leaves_the_rest_for_the_next(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.repository.background.RUN_LIMIT", 3)
    made = await _due(service, 5)

    await sweep(None)
    assert (await _titles(service, made)).count("auto") == 3
    await sweep(None)
    assert (await _titles(service, made)).count("auto") == 5


async def test_a_purge_leaves_the_rest_for_the_next(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.repository.background.RUN_LIMIT", 3)
    await _expired(service, 5)

    await purge(None)
    assert len(await walk(service, "conversations", deleted="only")) == 2
    await purge(None)
    assert await walk(service, "conversations", deleted="only") == []


async def test_two_sweeps_at_once_give_each_title_once(service: Service) -> None:
    made = await _due(service, 10)

    await asyncio.gather(sweep(None), sweep(None))

    assert await _titles(service, made) == ["auto"] * 10
    titles = {(await service.get(one["id"]))["title"] for one in made}
    assert len(titles) == 1
    asked = len(service.model.requests)
    await sweep(None)
    assert len(service.model.requests) == asked


async def test_two_sweeps_at_once_close_a_dead_turn_once(service: Service) -> None:
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}"

    async def die() -> None:
        del service.model.before_answering  # the sweeps ask it for a title
        service.clock.pass_seconds(120)
        await asyncio.gather(sweep(None), sweep(None))

    service.model.before_answering = die  # type: ignore[method-assign]
    answer = await service.http.post(f"{path}/ask", json={"content": "Hello?"})

    assert answer.json()["answers"][0]["incomplete_reason"] == "interrupted"
    found = await service.get(conversation["id"])
    assert found["message_count"] == 2
    figures = (await service.http.get(f"{path}/analytics")).json()
    assert figures["conversation_flow"]["turns"] == 1


async def test_restoring_and_purging_at_once_is_one_or_the_other(service: Service) -> None:
    (identifier,) = await _expired(service, 1)
    service.clock.now -= 2 * DAY * 1_000  # it has a day left
    path = f"conversations/{identifier}"

    restoring = asyncio.create_task(service.http.post(f"{path}/restore"))
    purging = asyncio.create_task(service.http.delete(f"{path}?purge=true"))
    await asyncio.gather(restoring, purging, purge(None))

    assert purging.result().status_code == 200
    assert restoring.result().status_code in (200, 404)
    assert (await service.http.get(path)).status_code == 404
    assert await walk(service, "conversations", deleted="include", sort="created_at") == []
