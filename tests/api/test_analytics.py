"""The figures of a conversation say what its list shows, from counters: no message is read for them."""

from typing import Any

import httpx2
import pytest

from tests.api.conftest import Service
from tests.api.refusals import refused


async def _analytics(service: Service, conversation: str) -> dict[str, Any]:
    answer = await service.http.get(f"conversations/{conversation}/analytics")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.mark.parametrize("stranger", [{"X-Local-User": "mallory"}, {"X-Local-Tenant": "elsewhere"}])
async def test_nobody_else_sees_them(service: Service, stranger: dict[str, str]) -> None:
    conversation = await service.new_conversation()

    answer = await service.http.get(f"conversations/{conversation['id']}/analytics", headers=stranger)

    refused(answer, 404, "conversation_not_found")


async def test_a_new_conversation_has_zeroes_and_nothing_made_up(service: Service) -> None:
    conversation = (await service.new_conversation())["id"]

    assert await _analytics(service, conversation) == {
        "object": "conversation.analytics",
        "conversation_id": conversation,
        "message_statistics": {
            "total_messages": 0,
            "by_role": {"user": 0, "assistant": 0, "system": 0},
            "average_length": 0,
        },
        "conversation_flow": {
            "duration_minutes": 0,
            "turns": 0,
            "average_answer_seconds": None,
            "first_answer_seconds": None,
        },
        "quality_metrics": {
            "satisfaction_rating": None,
            "liked": 0,
            "disliked": 0,
            "ratings": 0,
            "average_rating": None,
            "failed_answers": 0,
        },
        "usage": {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0, "request_units": 0},
    }


async def test_they_are_what_the_list_adds_up_to(service: Service) -> None:
    conversation = (await service.new_conversation())["id"]
    await service.add(conversation, "You are a baker.", "system")
    await service.add(conversation, "Grüße 😀")
    turns = [await service.ask(conversation, question) for question in ("What is rye?", "And spelt?")]

    shown = await _analytics(service, conversation)

    listed = (await service.http.get(f"conversations/{conversation}/messages")).json()["data"]
    average = round(sum(len(one["content"]) for one in listed) / len(listed), 3)
    assert shown["message_statistics"] == {
        "total_messages": 6,
        "by_role": {"user": 3, "assistant": 2, "system": 1},
        "average_length": average,
    }
    used = [turn["usage"] for turn in turns]
    assert shown["usage"]["input_tokens"] == sum(one["input_tokens"] for one in used) > 0
    assert shown["usage"]["output_tokens"] == sum(one["output_tokens"] for one in used) > 0
    assert shown["usage"]["total_tokens"] == sum(sum(one.values()) for one in used)
    assert shown["usage"]["request_units"] > 0


async def test_time_is_told_from_question_to_answer_and_from_the_start_to_the_last_word(
    service: Service,
) -> None:
    conversation = (await service.new_conversation())["id"]
    waits = [2, 4]

    async def think() -> None:
        service.clock.pass_seconds(waits.pop(0))

    service.model.before_answering = think  # type: ignore[method-assign]
    await service.ask(conversation, "What is rye?")
    service.clock.pass_seconds(114)
    await service.ask(conversation, "And spelt?")
    service.clock.pass_seconds(3600)  # time in which nothing happens

    flow = (await _analytics(service, conversation))["conversation_flow"]
    assert flow["turns"] == 2
    assert flow["first_answer_seconds"] == pytest.approx(2, abs=0.05)
    assert flow["average_answer_seconds"] == pytest.approx(3, abs=0.05)
    assert flow["duration_minutes"] == pytest.approx(2, abs=0.01)


async def test_a_failed_answer_is_counted_until_it_is_deleted(service: Service) -> None:
    conversation = (await service.new_conversation())["id"]
    service.model.failing = httpx2.Response(400, json={})
    await service.http.post(f"conversations/{conversation}/ask", json={"content": "Hello?"})
    shown = await _analytics(service, conversation)
    assert (shown["quality_metrics"]["failed_answers"], shown["conversation_flow"]["turns"]) == (1, 1)

    listed = (await service.http.get(f"conversations/{conversation}/messages")).json()["data"]
    await service.http.delete(f"conversations/{conversation}/messages/{listed[1]['id']}")

    shown = await _analytics(service, conversation)
    assert shown["quality_metrics"]["failed_answers"] == 0
    assert shown["message_statistics"]["by_role"] == {"user": 1, "assistant": 0, "system": 0}


async def test_what_turns_have_taken_stays_when_their_messages_are_deleted(service: Service) -> None:
    conversation = (await service.new_conversation())["id"]
    turn = await service.ask(conversation, "Hello?")
    before = await _analytics(service, conversation)

    for message in (turn["question"], *turn["answers"]):
        await service.http.delete(f"conversations/{conversation}/messages/{message['id']}")

    after = await _analytics(service, conversation)
    assert after["usage"] == before["usage"]
    assert after["conversation_flow"] == before["conversation_flow"]
    assert after["message_statistics"]["average_length"] == 0


async def test_they_cost_one_read_however_many_messages_there_are(service: Service) -> None:
    conversation = (await service.new_conversation())["id"]
    for number in range(30):
        await service.add(conversation, f"Number {number}")

    with service.engine.recording() as calls:
        await _analytics(service, conversation)

    assert [call.operation for call in calls] == ["read"]
