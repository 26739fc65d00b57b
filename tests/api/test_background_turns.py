"""Turns in the background: stored as queued, run by a trigger of their own, once."""

import asyncio
from typing import Any

import pytest

from local.cosmos import Fault
from tests.api.conftest import Service
from tests.api.instances import another_instance
from tests.api.refusals import refused
from tests.api.script import Script
from tests.api.server import eventually
from tests.api.serving import served
from tests.api.sse import events_from, text_of
from tests.api.streams import TAIL, replayed
from tests.api.triggers import changes, deliver, run_turns


async def test_a_background_turn_is_queued_then_run_and_then_never_again(service: Service) -> None:
    queued = await _queued(service, temperature=0.5, instructions="Be brief.")
    assert (queued["status"], queued["background"], queued["output"]) == ("queued", True, [])
    assert service.model.requests == []

    await deliver(service)
    done = await _get(service, queued["id"])
    await deliver(service)

    assert done["status"] == "completed"
    assert "Hm?" in done["output"][0]["content"][0]["text"]
    (sent,) = service.model.requests
    assert sent["temperature"] == 0.5
    assert sent["messages"][0]["content"] == "Be brief."


async def test_delivered_twice_at_the_same_time_it_runs_once(service: Service) -> None:
    script = Script("Once.")
    service.model.scripts = [script, Script("Twice.", finish="stop")]
    queued = await _queued(service)

    here = [asyncio.create_task(run_turns(await changes(service))) for _ in range(2)]
    await asyncio.sleep(0)  # they have begun, with this instance
    async with another_instance(service):
        there = asyncio.create_task(run_turns(await changes(service)))
        await eventually(lambda: asyncio.sleep(0, service.model.requests), 5)
        await deliver(service)  # and once more while it runs
        script.end()
        await asyncio.gather(*here, there)

    done = await _get(service, queued["id"])
    assert (done["status"], done["output"][0]["content"][0]["text"]) == ("completed", "Once.")
    assert len(service.model.requests) == 1


async def test_a_queued_turn_holds_its_conversation_and_can_be_cancelled(service: Service) -> None:
    conversation = await service.new_conversation()
    queued = await _queued(service, conversation=conversation["id"])
    busy = await service.http.post(f"conversations/{conversation['id']}/ask", json={"content": "Now?"})

    cancelled = await service.http.post(f"responses/{queued['id']}/cancel")
    await deliver(service)

    refused(busy, 409, "conversation_busy")
    assert cancelled.json()["status"] == "cancelled"
    assert service.model.requests == []
    assert (await service.ask(conversation["id"], "Now?"))["status"] == "completed"


async def test_a_queued_turn_runs_though_its_conversation_is_deleted_and_may_come_back(
    service: Service,
) -> None:
    conversation = await service.new_conversation()
    queued = await _queued(service, conversation=conversation["id"])
    await service.http.delete(f"conversations/{conversation['id']}")
    await deliver(service)

    await service.http.post(f"conversations/{conversation['id']}/restore")

    assert (await _get(service, queued["id"]))["status"] == "completed"
    assert (await service.ask(conversation["id"], "Next?"))["status"] == "completed"


async def test_a_queued_turn_gives_way_to_an_interrupting_question(service: Service) -> None:
    conversation = await service.new_conversation()
    queued = await _queued(service, conversation=conversation["id"])

    turn = await service.ask(conversation["id"], "Now?", on_busy="interrupt")
    await deliver(service)

    assert turn["status"] == "completed"
    closed = await _get(service, queued["id"])
    assert (closed["status"], closed["incomplete_details"]) == ("incomplete", {"reason": "interrupted"})
    assert len(service.model.requests) == 1


async def test_a_background_turn_that_runs_is_cancelled(service: Service) -> None:
    script = Script("Half")
    service.model.scripts = [script]
    queued = await _queued(service)
    running = asyncio.create_task(deliver(service))
    await eventually(lambda: asyncio.sleep(0, service.model.requests), 5)

    cancelled = await service.http.post(f"responses/{queued['id']}/cancel")
    await running

    assert cancelled.json()["status"] == "cancelled"
    assert script.closed.is_set()


async def test_a_background_turn_that_is_taken_up_while_it_is_cancelled_is_stopped_too(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.repository.changes.random.uniform", lambda *_: 0.3)
    script = Script("Half")
    service.model.scripts = [script]
    queued = await _queued(service)
    fault = service.engine.faults.add(Fault("batch", status=412))
    cancelling = asyncio.create_task(service.http.post(f"responses/{queued['id']}/cancel"))
    await eventually(lambda: asyncio.sleep(0, fault.times == 0), 5)

    async with another_instance(service):
        running = asyncio.create_task(deliver(service))
        await eventually(lambda: asyncio.sleep(0, service.model.requests), 5)
        async with asyncio.timeout(2):
            await script.closed.wait()
        await running

    assert (await cancelling).json()["status"] == "cancelled"
    assert (await _get(service, queued["id"]))["status"] == "cancelled"


async def test_a_background_turn_whose_server_dies_is_closed_and_not_run_again(service: Service) -> None:
    service.model.scripts = [Script()]
    queued = await _queued(service)
    running = asyncio.create_task(deliver(service))
    await eventually(lambda: asyncio.sleep(0, service.model.requests), 5)
    await service.kill_turns()
    await asyncio.gather(running, return_exceptions=True)
    service.clock.pass_seconds(61)

    await deliver(service)

    closed = await _get(service, queued["id"])
    assert (closed["status"], closed["incomplete_details"]) == ("incomplete", {"reason": "interrupted"})
    assert len(service.model.requests) == 1


async def test_one_that_nobody_has_taken_up_is_closed_in_the_end(service: Service) -> None:
    from functions.background import sweep

    queued = await _queued(service)
    service.clock.pass_seconds(300)
    await sweep(None)
    assert (await _get(service, queued["id"]))["status"] == "queued"
    service.clock.pass_seconds(301)

    await sweep(None)

    assert (await _get(service, queued["id"]))["status"] == "incomplete"


async def test_a_model_that_fails_in_the_background_fails_the_turn_and_not_the_trigger(
    service: Service,
) -> None:
    broken = Script("Half")
    broken.break_off()
    service.model.scripts = [broken]
    queued = await _queued(service)

    await deliver(service)

    failed = await _get(service, queued["id"])
    assert (failed["status"], failed["error"]["code"]) == ("failed", "model_error")


async def test_a_turn_in_the_background_ends_before_its_function_is_ended(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.turns.queued.LONGEST_SECONDS", 0.2)
    script = Script("So far")
    service.model.scripts = [script]
    queued = await _queued(service)

    await deliver(service)

    answered = await _get(service, queued["id"])
    assert answered["incomplete_details"] == {"reason": "interrupted"}
    assert answered["output"][0]["content"][0]["text"] == "So far"
    assert script.closed.is_set()


async def test_a_background_turn_is_streamed_from_its_queue_to_its_end(service: Service) -> None:
    service.model.scripts = [Script("a", "b", finish="stop")]
    body = {"input": "Hm?", "background": True, "stream": True}
    async with served() as http, http.stream("POST", "responses", json=body) as answer:
        reading = events_from(answer)
        first = await anext(reading)
        await _deliver_elsewhere(service)
        events = [first, *[event async for event in reading]]

    assert [(event["type"], event["response"]["status"]) for event in events[:3]] == [
        ("response.created", "queued"),
        ("response.queued", "queued"),
        ("response.in_progress", "in_progress"),
    ]
    assert [event["type"] for event in events[-4:]] == [*TAIL, "response.completed"]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert text_of(events) == "ab"
    assert await replayed(service.http, first["response"]["id"]) == events


async def test_a_background_request_repeated_is_the_same_turn(service: Service) -> None:
    body, key = {"input": "Hm?", "background": True}, {"Idempotency-Key": "k"}
    first = await service.http.post("responses", json=body, headers=key)

    again = await service.http.post("responses", json=body, headers=key)
    await deliver(service)

    assert again.headers["idempotency-replayed"] == "true"
    assert again.content == first.content
    assert len(service.model.requests) == 1


async def test_a_background_request_repeated_when_it_has_run_gets_its_first_answer(service: Service) -> None:
    body, key = {"input": "Hm?", "background": True}, {"Idempotency-Key": "k"}
    first = await service.http.post("responses", json=body, headers=key)
    await deliver(service)

    again = await service.http.post("responses", json=body, headers=key)

    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert (await _get(service, first.json()["id"]))["status"] == "completed"


async def _queued(service: Service, **body: Any) -> dict[str, Any]:
    answer = await service.http.post("responses", json={"input": "Hm?", "background": True, **body})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def _deliver_elsewhere(service: Service) -> None:
    async with another_instance(service):
        await deliver(service)


async def _get(service: Service, turn: str) -> dict[str, Any]:
    answer = await service.http.get(f"responses/{turn}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())
