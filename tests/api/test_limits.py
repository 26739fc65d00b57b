"""Every field takes what its limit allows, wherever it is said, and not one more."""

from typing import Any

import pytest

from tests.api.conftest import Service
from tests.api.refusals import refused, stored

EMOJI = "👩"  # one character, of four bytes and two UTF-16 units
# A field, what is just right, what is too much, and the param that is named.
Limit = tuple[str, Any, Any, str]
OF_CONVERSATIONS: list[Limit] = [
    ("title", EMOJI * 200, EMOJI * 201, "title"),
    ("product", "a" * 40, "a" * 41, "product"),
    ("product", "a_0", "a-0", "product"),
    ("product", "a", "", "product"),
    ("agent_id", EMOJI * 128, EMOJI * 129, "agent_id"),
    ("org_id", EMOJI * 128, EMOJI * 129, "org_id"),
    ("entity_type", "LEAD", "BOT", "entity_type"),
    ("instructions", EMOJI * 32_000, EMOJI * 32_001, "instructions"),
    ("tags", [str(n) for n in range(20)], [str(n) for n in range(21)], "tags"),
    ("tags", [EMOJI * 64], [EMOJI * 65], "tags[0]"),
    ("metadata", {EMOJI * 64: EMOJI * 512}, {"a": EMOJI * 513}, "metadata.a"),
    ("metadata", {"k" * 64: ""}, {"k" * 65: ""}, f"metadata.{'k' * 65}"),
    ("metadata", {str(n): "v" for n in range(16)}, {str(n): "v" for n in range(17)}, "metadata"),
    ("metadata", {"a": "1"}, {"a": {"b": "c"}}, "metadata.a"),
    ("pinned", True, "true", "pinned"),
]
OF_MESSAGES: list[Limit] = [
    ("content", EMOJI * 100_000, EMOJI * 100_001, "content"),
    ("display_text", EMOJI * 100_000, EMOJI * 100_001, "display_text"),
    ("question_config", {"a": "b" * (16_384 - 8)}, {"a": "b" * (16_384 - 7)}, "question_config"),
    ("question_config", {"a": EMOJI * 4_094}, {"a": EMOJI * 4_095}, "question_config"),
    ("prompt_details", {"a": "b" * (16_384 - 8)}, {"a": "b" * (16_384 - 7)}, "prompt_details"),
    ("metadata", {"k" * 64: EMOJI * 512}, {"k": EMOJI * 513}, "metadata.k"),
    ("metadata", {str(n): "v" for n in range(16)}, {str(n): "v" for n in range(17)}, "metadata"),
]
OF_CHANGED_MESSAGES = [one for one in OF_MESSAGES if one[0] in ("display_text", "metadata")]
OF_ENDS: list[Limit] = [
    ("rating", 1, 0, "rating"),
    ("rating", 5, 6, "rating"),
    ("rating", 3, 2.5, "rating"),
    ("rating", 3, "3", "rating"),
    ("rating", 3, True, "rating"),
    ("feedback", EMOJI * 4_000, EMOJI * 4_001, "feedback"),
    ("feedback", "x", " ", "feedback"),
]
OF_RATINGS: list[Limit] = [*OF_ENDS, ("liked", False, "false", "liked"), ("liked", True, 1, "liked")]


async def _message(service: Service) -> str:
    """The path of an answer."""
    conversation = await service.new_conversation()
    turn = await service.ask(conversation["id"], "What is rye?")
    return f"conversations/{conversation['id']}/messages/{turn['answers'][0]['id']}"


async def _holds(service: Service, method: str, path: str, limit: Limit, **body: Any) -> dict[str, Any]:
    """Assert that too much is refused and stores nothing, and that what is right is stored; its answer."""
    field, right, wrong, param = limit
    before = await stored(service)
    refused(
        await service.http.request(method, path, json=body | {field: wrong}), 400, "invalid_request", param
    )
    assert await stored(service) == before
    answer = await service.http.request(method, path, json=body | {field: right})
    assert answer.status_code in (200, 201), answer.text
    return dict(answer.json())


@pytest.mark.parametrize("limit", OF_CONVERSATIONS, ids=lambda one: one[0])
async def test_a_new_conversations_fields_have_limits(service: Service, limit: Limit) -> None:
    made = await _holds(service, "POST", "conversations", limit)

    assert made[limit[0]] == limit[1]
    assert await service.get(made["id"]) == made


@pytest.mark.parametrize("limit", OF_CONVERSATIONS, ids=lambda one: one[0])
async def test_a_changed_conversations_fields_have_the_same(service: Service, limit: Limit) -> None:
    conversation = await service.new_conversation()

    changed = await _holds(service, "PATCH", f"conversations/{conversation['id']}", limit)

    assert changed[limit[0]] == limit[1]
    assert await service.get(conversation["id"]) == changed


@pytest.mark.parametrize("limit", OF_MESSAGES, ids=lambda one: one[0])
@pytest.mark.parametrize("route", ["messages", "ask"])
async def test_a_new_messages_fields_have_limits(service: Service, limit: Limit, route: str) -> None:
    path = f"conversations/{(await service.new_conversation())['id']}/{route}"
    body = {"content": "Hello."} | ({"role": "user"} if route == "messages" else {})

    made = await _holds(service, "POST", path, limit, **body)

    message = made if route == "messages" else made["question"]
    assert message[limit[0]] == limit[1]


@pytest.mark.parametrize("limit", OF_CHANGED_MESSAGES, ids=lambda one: one[0])
async def test_a_changed_messages_fields_have_the_same(service: Service, limit: Limit) -> None:
    changed = await _holds(service, "PATCH", await _message(service), limit)

    assert changed[limit[0]] == limit[1]


@pytest.mark.parametrize("limit", OF_RATINGS, ids=lambda one: one[0])
async def test_a_rating_has_limits(service: Service, limit: Limit) -> None:
    rated = await _holds(service, "PUT", f"{await _message(service)}/rating", limit, liked=True)

    assert rated[limit[0]] == limit[1]


@pytest.mark.parametrize("limit", OF_ENDS, ids=lambda one: one[0])
async def test_the_end_of_a_conversation_has_limits(service: Service, limit: Limit) -> None:
    conversation = await service.new_conversation()

    ended = await _holds(service, "POST", f"conversations/{conversation['id']}/end", limit)

    assert ended[limit[0]] == limit[1]


async def test_all_at_its_limit_at_once_is_stored_and_listed(service: Service) -> None:
    everything = {name: right for name, right, _, _ in OF_CONVERSATIONS if name != "metadata"}
    everything["metadata"] = {f"{n:02d}" + EMOJI * 62: EMOJI * 512 for n in range(16)}
    everything["tags"] = [f"{n:02d}" + EMOJI * 62 for n in range(20)]
    made = await service.new_conversation(**everything)
    for number in range(19):
        await service.http.post("conversations", json=everything | {"title": str(number)})

    page = (await service.http.get("conversations")).json()

    assert len(page["data"]) == 20
    assert page["data"][-1] == made


async def test_tags_that_come_twice_are_one(service: Service) -> None:
    made = await service.new_conversation(tags=["b", "a", "b"])

    assert made["tags"] == ["b", "a"]


async def test_a_title_has_no_blanks_around_it(service: Service) -> None:
    made = await service.new_conversation(title="  Bread \n")

    assert made["title"] == "Bread"


async def test_the_email_is_the_callers_whatever_a_body_says(service: Service) -> None:
    headers = {"X-Local-Email": "ada@example.com"}
    made = (await service.http.post("conversations", headers=headers)).json()
    other = (await service.http.patch(f"conversations/{made['id']}", json={"pinned": True})).json()

    assert made["user_email"] == other["user_email"] == "ada@example.com"
    assert (await service.new_conversation())["user_email"] is None
