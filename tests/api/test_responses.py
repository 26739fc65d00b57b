"""What OpenAI's `responses` can be asked for, and what is refused by its name."""

from typing import Any

import httpx2
import pytest

from local.cosmos import Fault
from tests.api.conftest import Service
from tests.api.refusals import refused
from tests.api.streams import messages

UNSUPPORTED: dict[str, Any] = {
    "tools": [{"type": "web_search"}],
    "tool_choice": "required",
    "max_tool_calls": 1,
    "store": False,
    "text": {"format": {"type": "json_object"}},
    "service_tier": "priority",
    "context_management": [{"type": "compaction"}],
    "moderation": {"model": "omni-moderation-latest"},
    "image": {"context_compression": "enabled"},
    "access_programs": {"cyber": "standard"},
    "reasoning": {"effort": "low"},
    "include": ["reasoning.encrypted_content"],
    "prompt": {"id": "p"},
    "top_logprobs": 2,
    "conversation": 7,
    "max_output_tokens": 0,
    "temperature": 3,
    "model": "another",
}


@pytest.mark.parametrize("name", UNSUPPORTED)
async def test_what_cannot_be_honoured_is_refused_by_name(service: Service, name: str) -> None:
    for way in ({}, {"stream": True}, {"background": True}):
        answer = await service.http.post("responses", json={"input": "Hm?", name: UNSUPPORTED[name], **way})
        assert answer.status_code == 400
        assert answer.json()["error"]["param"].split(".")[0] == name
    assert service.model.requests == []


@pytest.mark.parametrize(
    ("text", "param"),
    [
        ({"format": "json"}, "text.format"),
        ({"format": ["text"]}, "text.format"),
        ({"format": {"type": "json_schema", "name": "n", "schema": {}}}, "text.format.type"),
        ({"verbosity": "low"}, "text.verbosity"),
        ("text", "text"),
    ],
)
async def test_text_of_another_kind_is_refused_by_what_of_it(service: Service, text: Any, param: str) -> None:
    answer = await service.http.post("responses", json={"input": "Hm?", "text": text})

    refused(answer, 400, "invalid_request", param)


@pytest.mark.parametrize(
    ("conversation", "param"),
    [(7, "conversation"), ("", "conversation"), ({}, "conversation.id"), ({"id": 7}, "conversation.id")],
)
async def test_a_conversation_that_is_no_id_is_refused_by_that_name(
    service: Service, conversation: Any, param: str
) -> None:
    answer = await service.http.post("responses", json={"input": "Hm?", "conversation": conversation})

    refused(answer, 400, "invalid_request", param)


async def test_an_empty_previous_response_is_not_taken_for_none(service: Service) -> None:
    answer = await service.http.post("responses", json={"input": "Hm?", "previous_response_id": ""})

    refused(answer, 400, "invalid_request", "previous_response_id")


async def test_parts_of_a_message_take_no_more_together_than_a_message_does(service: Service) -> None:
    half = {"type": "input_text", "text": "x" * 50_000}
    body = {"input": [{"role": "user", "content": [half, half]}]}

    answer = await service.http.post("responses", json=body)

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "input[0].content")


async def test_a_picture_is_refused_by_its_place(service: Service) -> None:
    picture = [{"role": "user", "content": [{"type": "input_image", "image_url": "https://x"}]}]

    answer = await service.http.post("responses", json={"input": picture})

    assert answer.status_code == 400
    assert answer.json()["error"]["param"].startswith("input")


async def test_what_is_not_used_is_ignored(service: Service) -> None:
    ignored = {
        "user": "u",
        "prompt_cache_key": "k",
        "parallel_tool_calls": True,
        "stream_options": {},
        "service_tier": "auto",
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "image": {},
    }

    taken = await service.http.post("responses", json={"input": "Hm?", **ignored})

    assert taken.status_code == 201


async def test_two_places_for_one_question_are_refused(service: Service) -> None:
    conversation = await service.new_conversation()
    turn = await service.ask(conversation["id"], "Hm?")
    both = {"conversation": conversation["id"], "previous_response_id": turn["id"]}

    answer = await service.http.post("responses", json={"input": "Hm?", **both})

    told = refused(answer, 400, "invalid_request")
    assert told == "conversation and previous_response_id can't both be given."


async def test_input_items_behind_none_of_them_are_refused(service: Service) -> None:
    body = {"input": [{"role": "user", "content": text} for text in ("a", "b", "c")]}
    path = f"responses/{(await service.http.post('responses', json=body)).json()['id']}/input_items"
    first = (await service.http.get(path, params={"limit": 2})).json()

    second = (await service.http.get(path, params={"after": first["next_cursor"]})).json()

    assert [one["content"][0]["text"] for one in first["data"] + second["data"]] == ["c", "b", "a"]
    refused(await service.http.get(path, params={"after": "msg_x"}), 400, "invalid_cursor", "after")


async def test_a_query_parameter_that_is_not_used_may_come_twice(service: Service) -> None:
    response = (await service.http.post("responses", json={"input": "Hm?"})).json()["id"]
    path, unused = f"responses/{response}/input_items", "include[]=a&include[]=b"

    assert (await service.http.get(f"responses/{response}?{unused}")).status_code == 200
    assert (await service.http.get(f"{path}?{unused}")).status_code == 200
    refused(await service.http.get(f"{path}?{unused}&limit=1&limit=2"), 400, "invalid_request", "limit")


async def test_a_response_of_another_version_is_deleted_in_no_part(service: Service) -> None:
    conversation = await service.new_conversation()
    turn = await service.ask(conversation["id"], "Hm?", n=2)

    stale = await service.http.delete(f"responses/{turn['id']}", headers={"If-Match": '"stale"'})

    refused(stale, 412, "version_mismatch", "If-Match")
    assert len(await messages(service, conversation["id"])) == 3


async def test_a_response_that_was_deleted_by_half_can_be_deleted_again(service: Service) -> None:
    conversation = await service.new_conversation()
    turn = await service.ask(conversation["id"], "Hm?", n=2)
    service.engine.faults.add(Fault("batch"))  # the first of the two is let pass
    service.engine.faults.add(Fault("batch", status=400))

    broken = await service.http.delete(f"responses/{turn['id']}")
    again = await service.http.delete(f"responses/{turn['id']}")

    refused(broken, 500, "internal_error")
    assert again.status_code == 200
    assert [message["role"] for message in await messages(service, conversation["id"])] == ["user"]


async def test_what_is_too_long_is_cut_unless_the_caller_wants_all_or_nothing(service: Service) -> None:
    conversation = await service.new_conversation()
    for number in range(6):
        await service.add(conversation["id"], f"{number} " + "word " * 4_000)
    body = {"input": "The question.", "conversation": conversation["id"]}

    cut = await service.http.post("responses", json=body)
    whole = await service.http.post("responses", json={**body, "truncation": "disabled"})

    assert (cut.status_code, cut.json()["truncation"]) == (201, "auto")
    refused(whole, 400, "invalid_request", "truncation")
    assert [one["status"] for one in await messages(service, conversation["id"])][-2:] == [
        "completed",
        "failed",
    ]
    assert len(service.model.requests) == 1


async def test_what_fits_is_answered_whole_or_not_and_says_which_it_was(service: Service) -> None:
    answered = await service.http.post("responses", json={"input": "Hm?", "truncation": "disabled"})

    assert (answered.status_code, answered.json()["truncation"]) == (201, "disabled")


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
