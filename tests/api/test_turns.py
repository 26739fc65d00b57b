"""A question is stored, answered, and the answer stored; whatever becomes of the model."""

import asyncio

import httpx2
import pytest
from azure.core.exceptions import ServiceRequestError

from local.cosmos import Fault
from shared.services import services
from tests.api.conftest import Service
from tests.api.refusals import refused
from tests.api.script import Script
from tests.api.streams import DELTA, replayed, streamed


async def test_a_turn_of_nobodys_conversation_is_not_found_and_asks_no_model(service: Service) -> None:
    conversation = await service.new_conversation()

    for headers in ({"X-Local-User": "mallory"}, {"X-Local-Tenant": "elsewhere"}):
        answer = await service.http.post(
            f"conversations/{conversation['id']}/ask", json={"content": "Hello?"}, headers=headers
        )
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "conversation_not_found"
    assert service.model.requests == []
    assert (await service.get(conversation["id"]))["message_count"] == 0


async def test_an_answer_is_the_questions_child_with_its_model_and_usage(service: Service) -> None:
    conversation = await service.new_conversation()

    turn = await service.ask(conversation["id"], "How do I bake bread?")

    question, answer = turn["question"], turn["answers"][0]
    assert turn["object"] == "conversation.turn"
    assert turn["status"] == answer["status"] == "completed"
    assert turn["id"].removeprefix("resp_") == answer["id"].removeprefix("msg_")
    assert (question["role"], question["seq"], answer["role"], answer["seq"]) == ("user", 1, "assistant", 2)
    assert answer["parent_id"] == question["id"]
    assert "How do I bake bread?" in answer["content"]
    assert answer["model"] == "offline"
    assert turn["usage"] == answer["usage"]
    assert answer["usage"]["output_tokens"] > 0
    after = await service.get(conversation["id"])
    assert after["message_count"] == 2
    assert after["leaf_message_id"] == after["last_message_id"] == answer["id"]
    stored = await service.http.get(f"conversations/{conversation['id']}/messages/{answer['id']}")
    assert stored.json() == answer


async def test_a_question_is_stored_before_the_model_is_called(service: Service) -> None:
    conversation = await service.new_conversation()
    seen: list[dict[str, object]] = []

    async def look() -> None:
        listed = await service.http.get(f"conversations/{conversation['id']}/messages")
        seen.extend(listed.json()["data"])

    service.model.before_answering = look  # type: ignore[method-assign]
    await service.ask(conversation["id"], "Are you there?")

    assert [(message["content"], message["status"]) for message in seen] == [
        ("Are you there?", "completed"),
        ("", "in_progress"),
    ]


async def test_the_model_is_sent_instructions_and_the_path_oldest_first(service: Service) -> None:
    conversation = await service.new_conversation(instructions="Be brief.")
    await service.add(conversation["id"], "You are a baker.", role="system")
    await service.ask(conversation["id"], "What is rye?")
    await service.ask(conversation["id"], "And spelt?", instructions="Be long.")

    first, second = ([(m["role"], m["content"]) for m in r["messages"]] for r in service.model.requests)

    assert first == [("system", "Be brief."), ("system", "You are a baker."), ("user", "What is rye?")]
    assert second[0] == ("system", "Be long.")
    assert [role for role, _ in second] == ["system", "system", "user", "assistant", "user"]
    assert second[-1] == ("user", "And spelt?")


async def test_a_turn_from_an_earlier_message_leaves_the_other_branch_out(service: Service) -> None:
    conversation = await service.new_conversation()
    first = await service.ask(conversation["id"], "One?")
    await service.ask(conversation["id"], "Two?")

    third = await service.ask(conversation["id"], "Three?", parent_id=first["answers"][0]["id"])

    sent = [message["content"] for message in service.model.requests[-1]["messages"]]
    assert sent == ["One?", first["answers"][0]["content"], "Three?"]
    assert (await service.get(conversation["id"]))["leaf_message_id"] == third["answers"][0]["id"]


async def test_old_messages_past_the_token_budget_are_left_out_and_the_question_never(
    service: Service,
) -> None:
    conversation = await service.new_conversation()
    for number in range(6):
        await service.add(conversation["id"], f"{number} " + "word " * 4_000)

    await service.ask(conversation["id"], "The question.")

    sent = [message["content"].split()[0] for message in service.model.requests[-1]["messages"]]
    assert sent[-1] == "The"
    assert sent[:-1] == [str(number) for number in range(6 - len(sent[:-1]), 6)]
    assert 0 < len(sent[:-1]) < 6


async def test_older_system_messages_beyond_what_is_read_are_still_sent(service: Service) -> None:
    conversation = await service.new_conversation()
    await service.add(conversation["id"], "Answer in verse.", role="system")
    for number in range(160):
        await service.add(conversation["id"], f"note {number}")

    await service.ask(conversation["id"], "Now?")

    sent = service.model.requests[-1]["messages"]
    assert sent[0] == {"role": "system", "content": "Answer in verse."}
    assert sent[1]["content"] == "note 60"


async def test_one_turn_at_a_time_runs_in_a_conversation(service: Service) -> None:
    conversation = await service.new_conversation()
    working, done = asyncio.Event(), asyncio.Event()

    async def take_long() -> None:
        working.set()
        await done.wait()

    service.model.before_answering = take_long  # type: ignore[method-assign]
    running = asyncio.create_task(service.ask(conversation["id"], "Slow?"))
    await working.wait()

    refused = await service.http.post(f"conversations/{conversation['id']}/ask", json={"content": "Now?"})
    note = await service.add(conversation["id"], "A note meanwhile.")
    done.set()
    turn = await running

    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "conversation_busy"
    assert int(refused.headers["retry-after"]) >= 1
    assert note["parent_id"] == turn["answers"][0]["id"]
    assert (await service.get(conversation["id"]))["message_count"] == 3
    assert (await service.ask(conversation["id"], "And now?"))["status"] == "completed"


async def test_a_failing_model_leaves_the_question_and_a_failed_answer(service: Service) -> None:
    conversation = await service.new_conversation()
    no_retry = {"x-should-retry": "false"}
    cases: list[tuple[httpx2.Response | Exception, int, str]] = [
        (httpx2.Response(500, headers=no_retry, json={}), 502, "model_error"),
        (httpx2.Response(429, headers={**no_retry, "retry-after": "7"}, json={}), 429, "rate_limited"),
    ]
    for failing, status, code in cases:
        service.model.failing = failing
        answer = await service.http.post(f"conversations/{conversation['id']}/ask", json={"content": "Hm?"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.headers["retry-after"] == "7"

    service.model.failing = None
    turn = await service.ask(conversation["id"], "Again?")

    listed = (await service.http.get(f"conversations/{conversation['id']}/messages")).json()["data"]
    assert [message["status"] for message in listed] == ["completed", "failed"] * 2 + ["completed"] * 2
    assert [m["content"] for m in service.model.requests[-1]["messages"]] == ["Hm?", "Hm?", "Again?"]
    assert turn["question"]["seq"] == 5


async def test_a_filtered_answer_is_incomplete_with_its_reason(service: Service) -> None:
    conversation = await service.new_conversation()
    error = {"error": {"code": "content_filter", "message": "no"}}
    service.model.failing = httpx2.Response(400, json=error)

    turn = await service.ask(conversation["id"], "Something bad?")

    assert turn["status"] == "incomplete"
    assert turn["answers"][0]["incomplete_reason"] == "content_filter"


async def test_an_answer_cut_by_its_limit_is_incomplete_with_its_reason(service: Service) -> None:
    conversation = await service.new_conversation()

    turn = await service.ask(conversation["id"], "Write something long.", max_output_tokens=10)

    assert turn["status"] == "incomplete"
    assert turn["answers"][0]["incomplete_reason"] == "max_output_tokens"
    assert turn["answers"][0]["content"]


async def test_a_model_that_is_not_allowed_is_refused_by_name(service: Service) -> None:
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}/ask"

    refused = await service.http.post(path, json={"content": "Hm?", "model": "huge"})
    taken = await service.ask(conversation["id"], "Hm?", model="small")

    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "model"
    assert "small" in refused.json()["error"]["message"]
    assert taken["status"] == "completed"
    assert service.model.requests[-1]["model"] == "small"


async def test_a_dead_servers_turn_is_closed_by_the_next_question(service: Service) -> None:
    conversation = await service.new_conversation()
    dead = await _die_in_a_turn(service, conversation["id"])
    path = f"conversations/{conversation['id']}/ask"
    assert (await service.http.post(path, json={"content": "Now?"})).status_code == 409
    service.clock.pass_seconds(61)

    turn = await service.ask(conversation["id"], "And now?")

    closed = (await service.http.get(f"conversations/{conversation['id']}/messages/{dead}")).json()
    assert (closed["status"], closed["incomplete_reason"]) == ("incomplete", "interrupted")
    assert turn["status"] == "completed"
    assert (await service.get(conversation["id"]))["message_count"] == 4


async def test_a_dead_servers_turn_is_closed_by_the_sweep(service: Service) -> None:
    from functions.background import sweep

    conversation = await service.new_conversation()
    dead = await _die_in_a_turn(service, conversation["id"])
    service.clock.pass_seconds(61)

    await sweep(None)

    closed = (await service.http.get(f"conversations/{conversation['id']}/messages/{dead}")).json()
    assert (closed["status"], closed["incomplete_reason"]) == ("incomplete", "interrupted")


async def _die_in_a_turn(service: Service, conversation_id: str) -> str:
    """Leave a turn as a killed server leaves it; the id of its answer."""
    working = asyncio.Event()

    async def hang() -> None:
        working.set()
        await asyncio.Event().wait()

    service.model.before_answering = hang  # type: ignore[method-assign]
    running = asyncio.create_task(service.ask(conversation_id, "Anybody?"))
    await working.wait()
    await service.kill_turns()
    await asyncio.gather(running, return_exceptions=True)
    del service.model.before_answering
    return str((await service.get(conversation_id))["leaf_message_id"])


async def test_a_server_that_is_told_to_stop_closes_its_turn(service: Service) -> None:
    conversation = await service.new_conversation()
    working = asyncio.Event()

    async def hang() -> None:
        working.set()
        await asyncio.Event().wait()

    service.model.before_answering = hang  # type: ignore[method-assign]
    running = asyncio.create_task(service.ask(conversation["id"], "Anybody?"))
    await working.wait()
    await services().runner.close()
    told = await running
    del service.model.before_answering

    assert told["status"] == "incomplete"

    listed = (await service.http.get(f"conversations/{conversation['id']}/messages")).json()["data"]
    assert (listed[1]["status"], listed[1]["incomplete_reason"]) == ("incomplete", "interrupted")
    assert (await service.ask(conversation["id"], "And now?"))["status"] == "completed"


async def test_an_answer_longer_than_a_message_is_cut_and_says_so(service: Service) -> None:
    conversation = await service.new_conversation()
    message = {"role": "assistant", "content": "é" * 3_000_000}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    completion = {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [choice]}
    service.model.failing = httpx2.Response(200, json=completion)

    turn = await service.ask(conversation["id"], "Write a lot.")

    answer = turn["answers"][0]
    assert (len(answer["content"]), answer["status"]) == (100_000, "incomplete")
    assert answer["incomplete_reason"] == "max_output_tokens"


async def test_an_answer_that_cannot_be_stored_is_failed_and_the_conversation_free(service: Service) -> None:
    conversation = await service.new_conversation()

    async def refuse_the_end() -> None:
        service.engine.faults.add(Fault("batch", status=413))

    service.model.before_answering = refuse_the_end  # type: ignore[method-assign]
    answer = await service.http.post(f"conversations/{conversation['id']}/ask", json={"content": "Hm?"})
    del service.model.before_answering

    assert answer.status_code == 413
    listed = (await service.http.get(f"conversations/{conversation['id']}/messages")).json()["data"]
    assert [message["status"] for message in listed] == ["completed", "failed"]
    assert (await service.ask(conversation["id"], "Again?"))["status"] == "completed"


async def test_a_turn_takes_six_round_trips_at_most(service: Service) -> None:
    conversation = await service.new_conversation()
    await service.ask(conversation["id"], "Before?")  # the day's usage is known from now on
    await service.add(conversation["id"], "Answer in verse.", role="system")
    for number in range(120):
        last = await service.add(conversation["id"], f"note {number}")

    with service.engine.recording() as calls:
        await service.ask(conversation["id"], "Now?", parent_id=last["id"])

    assert [call.operation for call in calls] == ["read", "read", "batch", "query", "query", "batch"]


async def test_a_turn_behind_another_takes_six_round_trips_at_most(service: Service) -> None:
    conversation = await service.new_conversation()
    turn = await service.ask(conversation["id"], "Before?")
    body = {"input": "Now?", "previous_response_id": turn["id"]}

    with service.engine.recording() as calls:
        assert (await service.http.post("responses", json=body)).status_code == 201

    assert [call.operation for call in calls] == ["read", "read", "batch", "query", "batch"]


async def test_several_answers_read_what_the_model_is_sent_once(service: Service) -> None:
    conversation = await service.new_conversation()
    await service.ask(conversation["id"], "Before?")

    with service.engine.recording() as calls:
        turn = await service.ask(conversation["id"], "Now?", n=3)

    assert len(turn["answers"]) == 3
    assert [call.operation for call in calls] == ["read", "batch", "query", "batch"]


async def test_a_good_answer_is_not_failed_by_a_database_that_is_away_for_a_while(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = await service.new_conversation()

    async def lose_the_database() -> None:
        monkeypatch.setattr("shared.repository.changes.PATIENCE_SECONDS", 0.2)
        service.engine.faults.add(Fault("batch", error=ServiceRequestError("away"), times=4))

    service.model.before_answering = lose_the_database  # type: ignore[method-assign]
    path = f"conversations/{conversation['id']}"
    answer = await service.http.post(f"{path}/ask", json={"content": "Hm?"})
    service.engine.faults.clear()

    assert answer.status_code == 503
    (_, stored) = (await service.http.get(f"{path}/messages")).json()["data"]
    assert stored["status"] == "in_progress"  # to be closed as interrupted, not as the model's failure
    service.clock.pass_seconds(61)
    turn = (await service.http.get(f"responses/{stored['id'].replace('msg_', 'resp_')}")).json()
    assert turn["incomplete_details"] == {"reason": "interrupted"}
    assert "Hm?" in turn["output"][0]["content"][0]["text"]


async def test_a_parent_far_back_is_sent_with_its_path(service: Service) -> None:
    conversation = await service.new_conversation()
    await service.add(conversation["id"], "The root.")
    parent = await service.add(conversation["id"], "The parent.")
    for number in range(120):
        await service.add(conversation["id"], f"note {number}")

    await service.ask(conversation["id"], "Now?", parent_id=parent["id"])

    sent = [message["content"] for message in service.model.requests[-1]["messages"]]
    assert sent == ["The root.", "The parent.", "Now?"]


async def test_system_messages_of_another_branch_are_not_sent(service: Service) -> None:
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}/messages"
    root = await service.add(conversation["id"], "The root.")
    await service.add(conversation["id"], "Another branch's.", role="system")
    branch = {"role": "user", "content": "The branch.", "parent_id": root["id"]}
    await service.http.post(path, json=branch)
    for number in range(120):
        await service.add(conversation["id"], f"note {number}")

    await service.ask(conversation["id"], "Now?")

    assert "Another branch's." not in str(service.model.requests[-1]["messages"])


async def test_a_version_that_only_closing_a_dead_turn_has_moved_is_still_the_callers(
    service: Service,
) -> None:
    conversation = await service.new_conversation()
    await _die_in_a_turn(service, conversation["id"])
    service.clock.pass_seconds(61)
    path = f"conversations/{conversation['id']}"
    seen = (await service.http.get(path)).headers["etag"]

    answer = await service.http.post(f"{path}/ask", json={"content": "Hm?"}, headers={"If-Match": seen})

    assert answer.status_code == 201


@pytest.mark.parametrize("gone", ["", "/messages"], ids=["deleted", "cleared"])
async def test_the_turns_of_what_is_deleted_or_cleared_are_not_found(service: Service, gone: str) -> None:
    conversation = await service.new_conversation()
    turn = await service.ask(conversation["id"], "Hm?")
    assert (await service.http.delete(f"conversations/{conversation['id']}{gone}")).status_code == 200

    for path in ("", "?stream=true", "/input_items"):
        refused(await service.http.get(f"responses/{turn['id']}{path}"), 404, "response_not_found")
    for answer in (
        await service.http.post(f"responses/{turn['id']}/cancel"),
        await service.http.delete(f"responses/{turn['id']}"),
        await service.http.post("responses", json={"input": "?", "previous_response_id": turn["id"]}),
    ):
        refused(answer, 404, "response_not_found")


async def test_a_turn_comes_back_with_its_conversation(service: Service) -> None:
    conversation = await service.new_conversation()
    turn = await service.ask(conversation["id"], "Hm?")
    await service.http.delete(f"conversations/{conversation['id']}")

    await service.http.post(f"conversations/{conversation['id']}/restore")

    assert (await service.http.get(f"responses/{turn['id']}")).status_code == 200


@pytest.mark.parametrize("which", [1, 2])
async def test_an_alternative_that_is_deleted_is_not_told_any_more(service: Service, which: int) -> None:
    conversation = await service.new_conversation()
    service.model.scripts = [Script(said, finish="stop") for said in ("One.", "Two.", "Three.")]
    turn = (await streamed(service, conversation["id"], n=3))[0]["response"]["id"]
    path = f"conversations/{conversation['id']}/messages"
    _, *answers = [one["id"] for one in (await service.http.get(path)).json()["data"]]
    await service.http.delete(f"{path}/{answers[which]}")

    told = (await service.http.get(f"responses/{turn}")).json()["output"]
    events = await replayed(service.http, turn)

    assert [one["id"] for one in told] == [one for one in answers if one != answers[which]]
    assert events[-1]["response"]["output"] == told
    assert [one["delta"] for one in events if one["type"] == DELTA] == [
        one["content"][0]["text"] for one in told
    ]


@pytest.mark.parametrize("field", ["display_text", "question_config", "prompt_details", "metadata"])
async def test_what_belongs_to_a_new_question_is_refused_where_there_is_none(
    service: Service, field: str
) -> None:
    conversation = await service.new_conversation()
    question = (await service.ask(conversation["id"], "Hm?"))["question"]["id"]
    body = {"parent_id": question, field: "shown" if field == "display_text" else {"a": "b"}}

    answer = await service.http.post(f"conversations/{conversation['id']}/ask", json=body)

    refused(answer, 400, "invalid_request", field)
