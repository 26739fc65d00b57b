"""An answer reaches its reader piece by piece, and is stored whoever reads it."""

import httpx2
import pytest

from local.cosmos import Fault
from shared.http import events as wire
from tests.api.conftest import Service
from tests.api.refusals import refused
from tests.api.script import Script
from tests.api.serving import served
from tests.api.sse import events_in, text_of, until
from tests.api.streams import DELTA, HEAD, TAIL, asking, messages, replayed, streamed


async def test_nothing_is_streamed_to_strangers_or_before_the_question_is_stored(service: Service) -> None:
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}/ask"
    events = await streamed(service, conversation["id"])
    turn = events[0]["response"]["id"]

    body = {"content": "Hm?", "stream": True}
    for stranger in ({"X-Local-User": "mallory"}, {"X-Local-Tenant": "elsewhere"}):
        refused(await service.http.post(path, json=body, headers=stranger), 404, "conversation_not_found")
        for suffix in ("", "?stream=true", "/input_items"):
            there = await service.http.get(f"responses/{turn}{suffix}", headers=stranger)
            refused(there, 404, "response_not_found")
        there = await service.http.post(f"responses/{turn}/cancel", headers=stranger)
        refused(there, 404, "response_not_found")
    refused(await service.http.post(path, json={**body, "model": "huge"}), 400, "invalid_request", "model")


async def test_a_streamed_answer_is_openais_events_and_what_is_stored_is_what_was_said(
    service: Service,
) -> None:
    conversation = await service.new_conversation()
    service.model.scripts = [Script("Bread ", "is ", "baked.", finish="stop")]

    path = f"conversations/{conversation['id']}/ask"
    told = await service.http.post(path, json={"content": "Hm?", "stream": True})

    assert told.headers["content-type"].startswith("text/event-stream")
    assert told.headers["cache-control"] == "no-store"
    events = events_in(told.text)
    assert [event["type"] for event in events] == [*HEAD, *[DELTA] * 3, *TAIL, "response.completed"]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    (_, answer) = await messages(service, conversation["id"])
    assert answer["content"] == text_of(events) == events[7]["text"] == "Bread is baked."
    assert answer["status"] == "completed"
    first, last = events[0]["response"], events[-1]["response"]
    assert (first["status"], first["output"]) == ("in_progress", [])
    assert last["output"][0]["content"][0]["text"] == answer["content"]
    assert last["conversation"] == {"id": conversation["id"]}
    assert {event["item_id"] for event in events if "item_id" in event} == {answer["id"]}


async def test_answers_side_by_side_are_streamed_by_their_index(service: Service) -> None:
    conversation = await service.new_conversation()
    service.model.scripts = [Script("a", "b", finish="stop"), Script("c", finish="length")]

    events = await streamed(service, conversation["id"], n=2)

    assert {text_of(events, 0), text_of(events, 1)} == {"ab", "c"}
    (question, first, second) = await messages(service, conversation["id"])
    assert first["parent_id"] == second["parent_id"] == question["id"]
    assert [first["content"], second["content"]] == [text_of(events, 0), text_of(events, 1)]
    assert {first["status"], second["status"]} == {"completed", "incomplete"}
    ids = {event["output_index"]: event["item_id"] for event in events if event["type"] == DELTA}
    assert ids == {0: first["id"], 1: second["id"]}
    assert events[-1]["response"]["id"].removeprefix("resp_") == first["id"].removeprefix("msg_")
    assert (await service.get(conversation["id"]))["leaf_message_id"] == first["id"]


@pytest.mark.parametrize(
    ("finish", "reason"), [("length", "max_output_tokens"), ("content_filter", "content_filter")]
)
async def test_an_answer_that_stops_early_is_incomplete_with_its_reason(
    service: Service, finish: str, reason: str
) -> None:
    conversation = await service.new_conversation()
    service.model.scripts = [Script("Half", finish=finish)]

    events = await streamed(service, conversation["id"])

    assert events[-1]["type"] == "response.incomplete"
    assert events[-1]["response"]["status"] == "incomplete"
    assert events[-1]["response"]["incomplete_details"] == {"reason": reason}
    (_, answer) = await messages(service, conversation["id"])
    assert (answer["content"], answer["status"], answer["incomplete_reason"]) == (
        "Half",
        "incomplete",
        reason,
    )


async def test_a_filtered_question_is_answered_by_an_incomplete_stream(service: Service) -> None:
    conversation = await service.new_conversation()
    error = {"error": {"code": "content_filter", "message": "no"}}
    service.model.failing = httpx2.Response(400, json=error)

    events = await streamed(service, conversation["id"])

    assert events[-1]["type"] == "response.incomplete"
    assert events[-1]["response"]["incomplete_details"] == {"reason": "content_filter"}
    assert text_of(events) == ""


@pytest.mark.parametrize("error", [None, httpx2.ReadError("gone")], ids=["cleanly", "with an error"])
async def test_a_model_that_breaks_off_fails_the_turn_and_what_it_said_is_kept(
    service: Service, error: Exception | None
) -> None:
    conversation = await service.new_conversation()
    script = Script("Half")
    script.break_off(error)
    service.model.scripts = [script]

    events = await streamed(service, conversation["id"])

    assert events[-1]["type"] == "response.failed"
    assert events[-1]["response"]["status"] == "failed"
    assert events[-1]["response"]["error"]["code"] in ("model_error", "unavailable")
    (_, answer) = await messages(service, conversation["id"])
    assert (answer["content"], answer["status"]) == ("Half", "failed")
    assert (await service.ask(conversation["id"], "Again?"))["status"] == "completed"


async def test_a_model_that_fails_at_once_is_told_by_an_event(service: Service) -> None:
    conversation = await service.new_conversation()
    service.model.failing = httpx2.Response(429, headers={"x-should-retry": "false"})

    events = await streamed(service, conversation["id"])

    assert events[-1]["type"] == "response.failed"
    assert events[-1]["response"]["error"]["code"] == "rate_limited"


async def test_an_end_that_cannot_be_stored_fails_the_stream_and_frees_the_conversation(
    service: Service,
) -> None:
    conversation = await service.new_conversation()

    async def refuse_the_end() -> None:
        service.engine.faults.add(Fault("batch", status=413))

    service.model.before_answering = refuse_the_end  # type: ignore[method-assign]
    events = await streamed(service, conversation["id"])
    del service.model.before_answering

    assert events[-1]["type"] == "response.failed"
    assert events[-1]["response"]["error"]["code"] == "body_too_large"
    assert (await service.ask(conversation["id"], "Again?"))["status"] == "completed"


async def test_a_reader_that_goes_away_does_not_stop_the_turn(service: Service) -> None:
    conversation = await service.new_conversation()
    script = Script("Half ")
    service.model.scripts = [script]
    async with served() as http:
        async with asking(http, conversation["id"]) as events:
            turn = (await until(events, "response.created"))["response"]["id"]
            await until(events, DELTA, delta="Half ")
        script.say("and half.")
        script.end()

        again = await replayed(http, turn)

    assert text_of(again) == "Half and half."
    assert again[-1]["type"] == "response.completed"
    (_, answer) = await messages(service, conversation["id"])
    assert (answer["content"], answer["status"]) == ("Half and half.", "completed")


async def test_what_is_being_said_when_its_conversation_is_deleted_is_there_when_it_is_restored(
    service: Service,
) -> None:
    conversation = await service.new_conversation()
    path, script = f"conversations/{conversation['id']}", Script("Half ")
    service.model.scripts = [script]
    async with served() as http, asking(http, conversation["id"]) as events:
        answer = (await until(events, DELTA))["item_id"]
        for busy in (f"{path}/messages/{answer}", f"{path}/messages", f"responses/resp_{answer[4:]}"):
            refused(await http.delete(busy), 409, "conversation_busy")
        assert (await http.delete(path)).status_code == 200
        script.say("and half.")
        script.end()
        await until(events, "response.completed")
        assert (await http.post(f"{path}/restore")).status_code == 200

    (_, stored) = await messages(service, conversation["id"])
    assert (stored["content"], stored["status"]) == ("Half and half.", "completed")
    assert (await service.ask(conversation["id"], "Next?"))["status"] == "completed"


async def test_events_arrive_one_by_one_with_a_comment_in_every_silence(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wire.HEARTBEAT_SECONDS == 15
    monkeypatch.setattr(wire, "HEARTBEAT_SECONDS", 0.02)
    conversation = await service.new_conversation()
    script = Script()
    service.model.scripts = [script]
    path, body = f"conversations/{conversation['id']}/ask", {"content": "Hm?", "stream": True}
    async with served() as http, http.stream("POST", path, json=body) as answer:
        chunks, seen = aiter(answer.aiter_text()), ""
        while "\n\n: " not in seen:
            seen += await anext(chunks)
        for word in ("One", "two"):
            script.say(word)
            while f'"delta":"{word}"' not in seen:
                seen += await anext(chunks)
        script.end()
        seen += "".join([chunk async for chunk in chunks])
    assert text_of(events_in(seen)) == "Onetwo"
    assert events_in(seen)[-1]["type"] == "response.completed"


async def test_a_streamed_question_repeated_is_a_stream_of_the_same_turn(service: Service) -> None:
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}/ask"
    body, key = {"content": "Hm?", "stream": True}, {"Idempotency-Key": "k"}
    first = await service.http.post(path, json=body, headers=key)

    again = await service.http.post(path, json=body, headers=key)

    assert again.headers["idempotency-replayed"] == "true"
    assert again.status_code == first.status_code
    assert again.headers["content-type"] == first.headers["content-type"]
    assert events_in(again.text) == events_in(first.text)
    assert len(service.model.requests) == 1
    other = {**body, "content": "Something else?"}
    refused(
        await service.http.post(path, json=other, headers=key),
        422,
        "idempotency_key_reused",
        "Idempotency-Key",
    )


async def test_a_streamed_question_repeated_while_it_is_answered_is_told_to_wait(service: Service) -> None:
    conversation = await service.new_conversation()
    script = Script("Half")
    service.model.scripts = [script]
    path = f"conversations/{conversation['id']}/ask"
    body, key = {"content": "Hm?", "stream": True}, {"Idempotency-Key": "k"}
    async with served() as http, http.stream("POST", path, json=body, headers=key):
        again = await http.post(path, json=body, headers=key)
        script.end()

    refused(again, 409, "request_in_progress")
    assert int(again.headers["retry-after"]) >= 1
