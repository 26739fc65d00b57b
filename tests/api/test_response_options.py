"""What OpenAI's clients ask for is honoured, or said not to be."""

import asyncio

import azure.functions as func
import httpx2
import pytest

from shared.turns import queued
from tests.api.conftest import Service
from tests.api.script import Script
from tests.api.server import eventually
from tests.api.sse import events_in
from tests.api.streams import messages


async def test_what_is_too_long_is_cut_unless_the_caller_wants_all_or_nothing(service: Service) -> None:
    conversation = await service.new_conversation()
    for number in range(6):
        await service.add(conversation["id"], f"{number} " + "word " * 4_000)
    body = {"input": "The question.", "conversation": conversation["id"]}

    cut = await service.http.post("responses", json=body)
    refused = await service.http.post("responses", json={**body, "truncation": "disabled"})

    assert (cut.status_code, cut.json()["truncation"]) == (201, "auto")
    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == "truncation"
    assert [one["status"] for one in await messages(service, conversation["id"])][-2:] == [
        "completed",
        "failed",
    ]
    assert len(service.model.requests) == 1


async def test_what_fits_is_answered_whole_or_not_and_says_which_it_was(service: Service) -> None:
    answered = await service.http.post("responses", json={"input": "Hm?", "truncation": "disabled"})

    assert (answered.status_code, answered.json()["truncation"]) == (201, "disabled")


async def test_a_stream_from_the_background_says_that_it_waits_until_it_does_not(service: Service) -> None:
    from functions.background import run_background_turns

    body = {"input": "Hm?", "background": True, "stream": True}
    asked = asyncio.create_task(service.http.post("responses", json=body))
    await eventually(lambda: _fed(service), 5)
    await run_background_turns(await _fed(service))
    events = events_in((await asked).text)
    again = await service.http.get(f"responses/{events[0]['response']['id']}?stream=true")

    assert [(event["type"], event["response"]["status"]) for event in events[:3]] == [
        ("response.created", "queued"),
        ("response.queued", "queued"),
        ("response.in_progress", "in_progress"),
    ]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert events_in(again.text)[:4] == events[:4]
    assert events_in(again.text)[-1] == events[-1]


async def test_a_turn_in_the_background_ends_before_its_function_is_ended(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    from functions.background import run_background_turns

    monkeypatch.setattr(queued, "LONGEST_SECONDS", 0.2)
    script = Script("So far")
    service.model.failing = script.response()
    asked = await service.http.post("responses", json={"input": "Hm?", "background": True})

    await run_background_turns(await _fed(service))

    answered = (await service.http.get(f"responses/{asked.json()['id']}")).json()
    assert answered["incomplete_details"] == {"reason": "interrupted"}
    assert answered["output"][0]["content"][0]["text"] == "So far"
    assert script.closed.is_set()


async def _fed(service: Service) -> func.DocumentList:
    """The turns that the change feed tells of."""
    feed = service.conversations.query_items_change_feed(start_time="Beginning")
    return func.DocumentList([func.Document.from_dict(one) async for one in feed if one.get("turn")])


async def test_a_stored_failure_is_repeated_and_no_sdk_asks_again(service: Service) -> None:
    service.model.failing = httpx2.Response(500, headers={"x-should-retry": "false"}, json={})
    key = {"Idempotency-Key": "once"}

    first = await service.http.post("responses", json={"input": "Hm?"}, headers=key)
    service.model.failing = None
    again = await service.http.post("responses", json={"input": "Hm?"}, headers=key)

    for answer in (first, again):
        assert (answer.status_code, answer.headers["x-should-retry"]) == (502, "false")
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
