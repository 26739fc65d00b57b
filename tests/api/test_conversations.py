"""Conversations are started, read, renamed, deleted and restored."""

import pytest

from tests.api.conftest import Service
from tests.api.refusals import refused, stored


async def test_a_conversation_is_its_callers_alone(service: Service) -> None:
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}"

    for headers in ({"X-Local-User": "mallory"}, {"X-Local-Tenant": "elsewhere"}):
        refused(await service.http.get(path, headers=headers), 404, "conversation_not_found")


async def test_a_new_conversation_has_every_field_of_its_shape(service: Service) -> None:
    answer = await service.http.post("conversations")

    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    shown = answer.json()
    assert shown.pop("id").startswith("conv_")
    assert 1_800_000_000 == shown.pop("created_at") == shown.pop("last_activity_at")
    assert shown == {
        "object": "conversation",
        "title": None,
        "title_source": None,
        "summary": None,
        "status": "active",
        "product": None,
        "agent_id": None,
        "entity_type": None,
        "org_id": None,
        "user_email": None,
        "instructions": None,
        "metadata": {},
        "tags": [],
        "pinned": False,
        "message_count": 0,
        "last_message_id": None,
        "leaf_message_id": None,
        "rating": None,
        "feedback": None,
        "ended_at": None,
        "end_reason": None,
        "deleted_at": None,
        "expires_at": None,
        "forked_from": None,
    }


async def test_a_conversation_keeps_what_it_was_started_with(service: Service) -> None:
    fields = {
        "title": "Bröd & 茶 🍞",
        "product": "bakery_2",
        "agent_id": "agent 7",
        "entity_type": "LEAD",
        "org_id": "org/1",
        "instructions": " Be brief.\n",
        "metadata": {"colour": "blå", "empty": "", "a.b[0]": "'\"\\"},
        "tags": ["rye", "Rye"],
        "pinned": True,
    }

    conversation = await service.new_conversation(**fields)

    assert {name: conversation[name] for name in fields} == fields
    assert conversation["title_source"] == "user"
    assert await service.get(conversation["id"]) == conversation


async def test_fields_at_their_limits_are_taken(service: Service) -> None:
    fields = {
        "title": "é" * 200,
        "agent_id": "a" * 128,
        "instructions": "😀" * 32_000,
        "metadata": {f"{number:02d}".ljust(64, "k"): "😀" * 512 for number in range(16)},
        "tags": [f"{number:02d}".ljust(64, "t") for number in range(20)],
    }

    conversation = await service.new_conversation(**fields)

    assert {name: conversation[name] for name in fields} == fields


async def test_a_title_loses_the_blanks_around_it_and_a_tag_its_double(service: Service) -> None:
    conversation = await service.new_conversation(title="  Bread \n", tags=["b", "a", "b"])

    assert conversation["title"] == "Bread"
    assert conversation["tags"] == ["b", "a"]


async def test_the_email_is_the_callers(service: Service) -> None:
    answer = await service.http.post("conversations", json={}, headers={"X-Local-Email": "ada@example.com"})

    assert answer.json()["user_email"] == "ada@example.com"


async def test_a_rename_changes_the_title_and_nothing_else(service: Service) -> None:
    conversation = await service.new_conversation(tags=["a"])
    await service.add(conversation["id"], "How do I bake bread?")
    await service.background()
    before = await service.get(conversation["id"])
    service.clock.pass_seconds(60)

    answer = await service.http.put(f"conversations/{conversation['id']}", json={"title": "Mine"})

    assert answer.status_code == 200
    assert answer.json() == before | {"title": "Mine", "title_source": "user"}
    assert await service.get(conversation["id"]) == answer.json()


async def test_a_deleted_conversation_is_gone_and_says_until_when_it_can_be_restored(
    service: Service,
) -> None:
    conversation = await service.new_conversation()

    answer = await service.http.delete(f"conversations/{conversation['id']}")

    assert answer.status_code == 200
    assert answer.json() == {
        "id": conversation["id"],
        "object": "conversation.deleted",
        "deleted": True,
        "expires_at": conversation["created_at"] + 30 * 24 * 60 * 60,
    }
    assert (await service.http.get("conversations")).json()["data"] == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PUT", "", {"title": "Mine"}),
        ("DELETE", "", None),
        ("GET", "/messages", None),
        ("POST", "/messages", {"role": "user", "content": "Hello?"}),
        ("GET", "/messages/{message}", None),
        ("POST", "/ask", {"content": "Hello?"}),
    ],
    ids=["get", "rename", "delete", "list_messages", "add_message", "get_message", "ask"],
)
async def test_a_deleted_conversation_takes_nothing_but_its_restoration(
    service: Service, method: str, path: str, body: dict[str, str] | None
) -> None:
    conversation = await service.new_conversation()
    message = await service.add(conversation["id"], "Hello.")
    await service.http.delete(f"conversations/{conversation['id']}")
    before = await stored(service)

    path = f"conversations/{conversation['id']}{path.format(message=message['id'])}"
    refused(await service.http.request(method, path, json=body), 404, "conversation_not_found")

    assert await stored(service) == before
    assert service.model.requests == []


async def test_a_restored_conversation_is_as_it_was_and_where_it_was(service: Service) -> None:
    older = await service.new_conversation()
    conversation = await service.new_conversation(title="Bread", tags=["a"])
    message = await service.add(conversation["id"], "Hello.")
    newer = await service.new_conversation()
    before = await service.get(conversation["id"])
    await service.http.delete(f"conversations/{conversation['id']}")
    service.clock.pass_seconds(60)

    answer = await service.http.post(f"conversations/{conversation['id']}/restore")

    assert answer.status_code == 200
    assert answer.json() == before == await service.get(conversation["id"])
    listed = (await service.http.get("conversations")).json()["data"]
    assert [each["id"] for each in listed] == [newer["id"], conversation["id"], older["id"]]
    messages = (await service.http.get(f"conversations/{conversation['id']}/messages")).json()["data"]
    assert messages == [message]


async def test_restoring_what_is_not_deleted_changes_nothing(service: Service) -> None:
    conversation = await service.new_conversation()
    before = await stored(service)

    answer = await service.http.post(f"conversations/{conversation['id']}/restore", json={})

    assert (answer.status_code, answer.json()) == (200, conversation)
    assert await stored(service) == before


async def test_a_title_that_was_due_is_written_after_the_restoration_only(service: Service) -> None:
    conversation = await service.new_conversation()
    await service.add(conversation["id"], "How do I bake bread?")
    await service.http.delete(f"conversations/{conversation['id']}")
    await service.background()
    assert service.model.requests == []

    await service.http.post(f"conversations/{conversation['id']}/restore")
    await service.background()

    assert (await service.get(conversation["id"]))["title_source"] == "auto"
