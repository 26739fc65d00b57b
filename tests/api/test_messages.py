"""Messages are appended, counted and read."""

import json
from typing import Any

import pytest

from tests.api.conftest import Service
from tests.api.refusals import refused


async def _add(service: Service, conversation_id: str, **fields: Any) -> dict[str, Any]:
    body = {"role": "user", "content": "Hello."} | fields
    answer = await service.http.post(f"conversations/{conversation_id}/messages", json=body)
    assert answer.status_code == 201, answer.text
    read = await service.http.get(f"conversations/{conversation_id}/messages/{answer.json()['id']}")
    assert (read.status_code, read.json()) == (200, answer.json())
    return dict(read.json())


async def test_a_message_is_its_callers_alone(service: Service) -> None:
    conversation = await service.new_conversation()
    message = await service.add(conversation["id"], "Secret.")
    path = f"conversations/{conversation['id']}/messages"

    for headers in ({"X-Local-User": "mallory"}, {"X-Local-Tenant": "elsewhere"}):
        for each in (path, f"{path}/{message['id']}"):
            refused(await service.http.get(each, headers=headers), 404, "conversation_not_found")


async def test_a_new_message_has_every_field_of_its_shape(service: Service) -> None:
    conversation = await service.new_conversation()

    message = await _add(service, conversation["id"], content="Hello.")

    assert message.pop("id").startswith("msg_")
    assert 1_800_000_000 == message.pop("created_at") == message.pop("updated_at")
    assert message == {
        "object": "conversation.message",
        "conversation_id": conversation["id"],
        "seq": 1,
        "parent_id": None,
        "edited_from": None,
        "role": "user",
        "content": "Hello.",
        "display_text": "Hello.",
        "is_json": False,
        "status": "completed",
        "incomplete_reason": None,
        "rating": None,
        "liked": None,
        "feedback": None,
        "question_config": None,
        "prompt_details": None,
        "summary": None,
        "model": None,
        "usage": None,
        "metadata": {},
        "deleted_at": None,
    }


@pytest.mark.parametrize("role", ["user", "assistant", "system"])
async def test_a_message_keeps_what_it_was_added_with(service: Service, role: str) -> None:
    conversation = await service.new_conversation()
    fields = {
        "role": role,
        "content": ' {"a": "Grüße 😀"}\n',
        "display_text": "",
        "is_json": True,
        "question_config": {"deep": {"list": [1, 2.5, True, None, "x"], "": "empty"}, "größe": -7},
        "prompt_details": {},
        "metadata": {"k": "v"},
    }

    message = await _add(service, conversation["id"], **fields)

    assert {name: message[name] for name in fields} == fields


async def test_fields_at_their_limits_are_taken(service: Service) -> None:
    conversation = await service.new_conversation()
    longest = {"list": [1] * 8_187}  # as compact JSON just 16 KB; with blanks it would be past them
    assert len(json.dumps(longest, separators=(",", ":"))) == 16 * 1024
    fields = {
        "content": "😀" * 100_000,
        "display_text": "é" * 100_000,
        "question_config": longest,
        "prompt_details": longest,
    }

    message = await _add(service, conversation["id"], **fields)

    assert {name: message[name] for name in fields} == fields


async def test_messages_are_numbered_and_counted_and_each_is_the_child_of_the_last(service: Service) -> None:
    conversation = await service.new_conversation()

    first, second, third = [await service.add(conversation["id"], text) for text in ("One", "Two", "Three")]

    assert [message["seq"] for message in (first, second, third)] == [1, 2, 3]
    assert [message["parent_id"] for message in (first, second, third)] == [None, first["id"], second["id"]]
    after = await service.get(conversation["id"])
    assert after["message_count"] == 3
    assert after["last_message_id"] == after["leaf_message_id"] == third["id"]


async def test_a_message_can_go_on_from_an_earlier_one(service: Service) -> None:
    conversation = await service.new_conversation()
    first = await service.add(conversation["id"], "One")
    await service.add(conversation["id"], "Two")

    branch = await _add(service, conversation["id"], parent_id=first["id"])

    assert (branch["seq"], branch["parent_id"]) == (3, first["id"])
    after = await service.get(conversation["id"])
    assert (after["leaf_message_id"], after["message_count"]) == (branch["id"], 3)


async def test_adding_a_message_is_activity_and_reading_is_not(service: Service) -> None:
    conversation = await service.new_conversation()
    service.clock.pass_seconds(60)

    message = await service.add(conversation["id"], "Hello.")
    service.clock.pass_seconds(60)
    await service.http.get(f"conversations/{conversation['id']}/messages")

    after = await service.get(conversation["id"])
    assert after["last_activity_at"] == message["created_at"] == conversation["created_at"] + 60


async def test_a_clock_that_goes_back_reorders_nothing(service: Service) -> None:
    conversation = await service.new_conversation()
    first = await service.add(conversation["id"], "One")
    service.clock.pass_seconds(-3600)

    second = await service.add(conversation["id"], "Two")

    listed = (await service.http.get(f"conversations/{conversation['id']}/messages")).json()["data"]
    assert [message["id"] for message in listed] == [first["id"], second["id"]]
    assert (await service.get(conversation["id"]))["last_activity_at"] == first["created_at"]


async def test_a_message_is_found_in_its_own_conversation_only(service: Service) -> None:
    conversation, other = await service.new_conversation(), await service.new_conversation()
    message = await service.add(conversation["id"], "Hello.")

    answer = await service.http.get(f"conversations/{other['id']}/messages/{message['id']}")

    refused(answer, 404, "message_not_found")
