"""Stopping a turn: what was said is kept, the model is not asked on, and the conversation is free at once."""

import asyncio
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

from local.cosmos import Fault
from tests.api.conftest import Service
from tests.api.instances import another_instance
from tests.api.refusals import refused
from tests.api.script import Script
from tests.api.server import Server, eventually
from tests.api.serving import served
from tests.api.sse import events_from, events_in, text_of, until
from tests.api.streams import DELTA, asked_whole, asking, following, messages, replayed, running_turn, stored

FREE_SECONDS, CALL_SECONDS = 2.0, 1.0
wherever = pytest.mark.parametrize("elsewhere", [False, True], ids=["here", "elsewhere"])


@wherever
async def test_a_cancelled_turn_keeps_what_there_is_and_frees_the_conversation(
    service: Service, elsewhere: bool
) -> None:
    conversation = await service.new_conversation()
    script = Script("Half")
    service.model.scripts = [script]
    async with served() as http, asking(http, conversation["id"]) as events:
        turn = (await until(events, DELTA, delta="Half"))["item_id"].replace("msg_", "resp_")
        async with another_instance(service) if elsewhere else nullcontext():
            started = time.monotonic()
            cancelling = asyncio.create_task(http.post(f"responses/{turn}/cancel"))
            async with asyncio.timeout(CALL_SECONDS):
                await script.closed.wait()
            cancelled = await cancelling
            assert time.monotonic() - started < FREE_SECONDS
            next_turn = await service.ask(conversation["id"], "Next?")
        last = await until(events, "response.incomplete")

    told = cancelled.json()
    assert (cancelled.status_code, told["status"]) == (200, "cancelled")
    assert told["output"][0]["content"][0]["text"] == "Half"
    assert last["response"]["status"] == "cancelled"
    assert last["response"]["incomplete_details"] == {"reason": "cancelled"}
    assert next_turn["status"] == "completed"
    (_, answer, *_) = await messages(service, conversation["id"])
    assert (answer["content"], answer["status"], answer["incomplete_reason"]) == (
        "Half",
        "incomplete",
        "cancelled",
    )
    again = await service.http.post(f"responses/{turn}/cancel")
    assert again.json() == told


async def test_all_answers_of_a_turn_are_stopped_however_many_want_it(service: Service) -> None:
    conversation = await service.new_conversation()
    scripts = [Script("One"), Script("two")]
    service.model.scripts = list(scripts)
    path, body = f"conversations/{conversation['id']}/ask", {"content": "Hm?", "stream": True, "n": 2}
    async with served() as http, http.stream("POST", path, json=body) as answer:
        events = events_from(answer)
        said = [(await until(events, DELTA))["delta"] for _ in scripts]
        turn = await running_turn(service, conversation["id"])
        told = await asyncio.gather(*(http.post(f"responses/{turn}/cancel") for _ in range(3)))
        last = await until(events, "response.incomplete")

    assert all(script.closed.is_set() for script in scripts)
    assert {one.status_code for one in told} == {200}
    assert [one.json() for one in told] == [last["response"]] * 3
    (_, *answers) = await messages(service, conversation["id"])
    assert [(one["incomplete_reason"], one["content"]) for one in answers] == [
        ("cancelled", text) for text in said
    ]


async def test_one_that_has_ended_stays_as_it_is_when_it_is_cancelled(service: Service) -> None:
    conversation = await service.new_conversation()
    turn = await service.ask(conversation["id"], "Hm?")

    cancelled = await service.http.post(f"responses/{turn['id']}/cancel")

    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "completed")
    assert (await messages(service, conversation["id"]))[1] == turn["answers"][0]


async def test_a_cancellation_is_answered_once_per_key(service: Service) -> None:
    conversation = await service.new_conversation()
    turn = await service.ask(conversation["id"], "Hm?")
    path, key = f"responses/{turn['id']}/cancel", {"Idempotency-Key": "stop"}

    first = await service.http.post(path, headers=key)
    await service.http.delete(f"conversations/{conversation['id']}/messages/{turn['answers'][0]['id']}")
    again = await service.http.post(path, headers=key)

    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    refused(
        await service.http.post("conversations", headers=key),
        422,
        "idempotency_key_reused",
        "Idempotency-Key",
    )


@wherever
async def test_an_interrupting_question_ends_the_running_turn_first(
    service: Service, elsewhere: bool
) -> None:
    conversation = await service.new_conversation()
    script = Script("Half")
    service.model.scripts = [script]
    async with served() as http, asking(http, conversation["id"]) as events:
        await until(events, DELTA, delta="Half")
        async with another_instance(service) if elsewhere else nullcontext():
            path = f"conversations/{conversation['id']}/ask"
            refused(await http.post(path, json={"content": "Now?"}), 409, "conversation_busy")
            started = time.monotonic()
            next_turn = await service.ask(conversation["id"], "Now?", on_busy="interrupt")
            assert time.monotonic() - started < FREE_SECONDS
        last = await until(events, "response.incomplete")

    assert script.closed.is_set()
    assert last["response"]["status"] == "incomplete"
    assert last["response"]["incomplete_details"] == {"reason": "interrupted"}
    (_, old, question, answer) = await messages(service, conversation["id"])
    assert (old["content"], old["status"], old["incomplete_reason"]) == ("Half", "incomplete", "interrupted")
    assert question["parent_id"] == old["id"]
    assert (next_turn["status"], next_turn["answers"][0]) == ("completed", answer)
    sent = service.model.requests[-1]["messages"]
    assert [message["content"] for message in sent] == ["Hm?", "Half", "Now?"]


async def test_a_question_that_is_refused_interrupts_nothing(service: Service) -> None:
    conversation = await service.new_conversation()
    before = await service.ask(conversation["id"], "Before?")
    path, answer = f"conversations/{conversation['id']}/ask", before["answers"][0]["id"]
    script = Script("Half")
    service.model.scripts = [script]
    asked = asyncio.create_task(service.ask(conversation["id"], "Hm?"))
    await eventually(lambda: asyncio.sleep(0, not service.model.scripts), 5)

    body = {"content": "Now?", "on_busy": "interrupt"}
    stale = await service.http.post(path, json=body, headers={"If-Match": '"stale"'})
    empty = await service.http.post(path, json={"parent_id": answer, "on_busy": "interrupt"})
    script.end()

    refused(stale, 412, "version_mismatch", "If-Match")
    refused(empty, 400, "invalid_request", "content")
    assert (await asked)["status"] == "completed"


async def test_a_question_that_is_sent_twice_at_once_does_not_interrupt_itself(service: Service) -> None:
    conversation = await service.new_conversation()
    path, body = f"conversations/{conversation['id']}/ask", {"content": "Hm?", "on_busy": "interrupt"}
    script = Script("All of it.")
    service.model.scripts = [script]
    service.engine.faults.add(Fault("read"))  # of the receipt
    reading = service.engine.faults.add(Fault("read", delay=0.5))  # of the conversation
    again = asyncio.create_task(service.http.post(path, json=body, headers={"Idempotency-Key": "k"}))
    await eventually(lambda: asyncio.sleep(0, reading.times == 0), 5)
    first = asyncio.create_task(service.http.post(path, json=body, headers={"Idempotency-Key": "k"}))

    refused(await again, 409, "request_in_progress")
    script.end()

    assert (await first).json()["status"] == "completed"


async def test_a_question_behind_the_answer_that_it_interrupts_is_told_what_that_had_said(
    service: Service,
) -> None:
    conversation = await service.new_conversation()
    service.model.scripts = [Script("Half")]
    async with served() as http, asking(http, conversation["id"]) as events:
        running = (await until(events, DELTA, delta="Half"))["item_id"]
        await service.ask(conversation["id"], "Now?", on_busy="interrupt", parent_id=running)

    sent = service.model.requests[-1]["messages"]
    assert [message["content"] for message in sent] == ["Hm?", "Half", "Now?"]


async def test_a_question_behind_a_dead_servers_answer_is_told_what_that_had_said(service: Service) -> None:
    conversation = await service.new_conversation()
    turn = await _die_in_mid_stream(service, conversation["id"])
    service.clock.pass_seconds(61)

    await service.ask(conversation["id"], "Next?", parent_id=turn.replace("resp_", "msg_"))

    sent = service.model.requests[-1]["messages"]
    assert [message["content"] for message in sent] == ["Hm?", "Half", "Next?"]


@wherever
@pytest.mark.parametrize("how", ["cancelled", "interrupted"])
async def test_a_question_asked_whole_is_stopped_with_what_there_was(
    service: Service, how: str, elsewhere: bool
) -> None:
    conversation = await service.new_conversation()
    async with (
        asked_whole(service, conversation["id"]) as (turn, asked),
        another_instance(service) if elsewhere else nullcontext(),
        asyncio.timeout(FREE_SECONDS),
    ):
        if how == "cancelled":
            await service.http.post(f"responses/{turn}/cancel")
        after = await service.ask(conversation["id"], "Now?", on_busy="interrupt")
        told = await asked

    (answer,) = told["answers"]
    assert (answer["content"], answer["status"], answer["incomplete_reason"]) == ("Half", "incomplete", how)
    assert (await messages(service, conversation["id"]))[1] == answer
    assert (after["status"], after["question"]["parent_id"]) == ("completed", answer["id"])


async def test_one_who_follows_from_elsewhere_is_told_that_it_was_cancelled(service: Service) -> None:
    conversation = await service.new_conversation()
    service.model.scripts = [Script("Half")]
    async with served() as http, asking(http, conversation["id"]) as events:
        turn = (await anext(events))["response"]["id"]
        async with another_instance(service), following(http, turn) as there:
            await until(there, DELTA, delta="Half")
            await http.post(f"responses/{turn}/cancel")
            last = await until(there, "response.incomplete")

    assert last["response"]["status"] == "cancelled"


async def test_a_dead_servers_turn_is_closed_with_the_text_that_was_stored(service: Service) -> None:
    conversation = await service.new_conversation()
    turn = await _die_in_mid_stream(service, conversation["id"])
    service.clock.pass_seconds(61)

    closed = (await service.http.get(f"responses/{turn}")).json()

    assert (closed["status"], closed["incomplete_details"]) == ("incomplete", {"reason": "interrupted"})
    assert closed["output"][0]["content"][0]["text"] == "Half"
    events = await replayed(service.http, turn)
    assert text_of(events) == "Half"
    assert events[-1]["type"] == "response.incomplete"
    assert (await service.ask(conversation["id"], "Next?"))["status"] == "completed"


async def test_what_a_whole_answer_said_survives_its_server(service: Service) -> None:
    conversation = await service.new_conversation()
    async with asked_whole(service, conversation["id"]) as (turn, asked):
        async with served() as http:
            await stored(http, turn, "Half")
        await service.kill_turns()
        await asyncio.gather(asked, return_exceptions=True)
    service.clock.pass_seconds(61)

    closed = (await service.http.get(f"responses/{turn}")).json()

    assert closed["incomplete_details"] == {"reason": "interrupted"}
    assert closed["output"][0]["content"][0]["text"] == "Half"


async def test_a_turn_that_was_taken_for_dead_asks_its_model_no_longer(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.turns.leases.RENEW_SECONDS", 0.5)
    conversation = await service.new_conversation()
    script = Script("Half")
    service.model.scripts = [script]
    async with served() as http, asking(http, conversation["id"]) as events:
        turn = (await until(events, DELTA, delta="Half"))["item_id"].replace("msg_", "resp_")
        service.clock.pass_seconds(61)
        closed = (await http.get(f"responses/{turn}")).json()
        async with asyncio.timeout(CALL_SECONDS):
            await script.closed.wait()
        *_, last = [event async for event in events]

    assert closed["incomplete_details"] == {"reason": "interrupted"}
    assert last["response"] == closed


async def test_a_streamed_question_whose_server_died_is_not_asked_again_by_its_retry(
    service: Service,
) -> None:
    conversation = await service.new_conversation()
    await _die_in_mid_stream(service, conversation["id"], {"Idempotency-Key": "k"})
    service.clock.pass_seconds(61)
    path, body = f"conversations/{conversation['id']}/ask", {"content": "Hm?", "stream": True}

    again = await service.http.post(path, json=body, headers={"Idempotency-Key": "k"})

    events = events_in(again.text)
    assert again.headers["idempotency-replayed"] == "true"
    assert (text_of(events), events[-1]["type"]) == ("Half", "response.incomplete")
    assert len(service.model.requests) == 1
    assert len(await messages(service, conversation["id"])) == 2


async def test_a_retry_is_not_put_off_for_ever_where_the_dead_servers_answer_was_deleted(
    service: Service,
) -> None:
    from functions.background import sweep

    conversation = await service.new_conversation()
    turn = await _die_in_mid_stream(service, conversation["id"], {"Idempotency-Key": "k"})
    path, body = f"conversations/{conversation['id']}/ask", {"content": "Hm?", "stream": True}
    early = await service.http.post(path, json=body, headers={"Idempotency-Key": "k"})
    service.clock.pass_seconds(61)
    await sweep(None)
    await service.http.delete(f"responses/{turn}")

    late = await service.http.post(path, json=body, headers={"Idempotency-Key": "k"})

    refused(early, 409, "request_in_progress")
    refused(late, 404, "response_not_found")


async def _die_in_mid_stream(
    service: Service, conversation_id: str, headers: dict[str, str] | None = None
) -> str:
    """Leave a turn as a killed server leaves it, some of it said and stored; its id."""
    service.model.scripts = [Script("Half")]
    path, body = f"conversations/{conversation_id}/ask", {"content": "Hm?", "stream": True}
    asked = asyncio.create_task(service.http.post(path, json=body, headers=headers))
    turn = await running_turn(service, conversation_id)
    async with served() as http:
        await stored(http, turn, "Half")
    await service.kill_turns()
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    return turn


@pytest.mark.parametrize("how", ["cancel", "interrupt"])
async def test_a_turn_whose_server_has_died_is_stopped_before_its_lease_is_over(
    service: Service, how: str
) -> None:
    conversation = await service.new_conversation()
    service.model.scripts = [Script("Half")]
    async with served() as http:
        async with asking(http, conversation["id"]) as events:
            turn = (await until(events, DELTA, delta="Half"))["item_id"].replace("msg_", "resp_")
            await stored(http, turn, "Half")
        await service.kill_turns()

        started = time.monotonic()
        if how == "cancel":
            await http.post(f"responses/{turn}/cancel")
        after = await service.ask(conversation["id"], "Next?", on_busy="interrupt")
        assert time.monotonic() - started < FREE_SECONDS

    (_, answer, *_) = await messages(service, conversation["id"])
    assert answer["incomplete_reason"] == ("cancelled" if how == "cancel" else "interrupted")
    assert (answer["content"], answer["status"], after["status"]) == ("Half", "incomplete", "completed")


async def test_of_questions_that_interrupt_at_once_each_is_asked_and_the_last_is_answered(
    service: Service,
) -> None:
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}/ask"
    service.model.scripts = [Script("Half") for _ in range(3)]
    running = asyncio.create_task(service.ask(conversation["id"], "First?"))
    await running_turn(service, conversation["id"])

    interrupting = [{"content": f"{number}?", "on_busy": "interrupt"} for number in range(3)]
    answers = await asyncio.gather(*(service.http.post(path, json=body) for body in interrupting))

    assert [answer.status_code for answer in answers] == [201, 201, 201]
    first = await running
    ends = [one["status"] for one in (first, *(answer.json() for answer in answers))]
    assert sorted(ends) == ["completed", "incomplete", "incomplete", "incomplete"]
    assert (await service.get(conversation["id"]))["message_count"] == 8


async def test_who_follows_a_turn_when_its_server_is_stopped_is_told_how_it_ends(tmp_path: Path) -> None:
    server = Server(tmp_path)
    await server.start(OFFLINE_MODEL_WORDS_PER_SECOND="20")
    conversation = await server.post("conversations", {})
    body = {"content": "Tell me a long story.", "stream": True}
    async with server.http.stream("POST", f"conversations/{conversation['id']}/ask", json=body) as answer:
        events = events_from(answer)
        await until(events, DELTA)
        stopping = asyncio.create_task(server.stop())
        last = await until(events, "response.incomplete")
    seconds = await stopping
    await server.close()

    assert last["response"]["incomplete_details"] == {"reason": "interrupted"}
    assert seconds < 5
