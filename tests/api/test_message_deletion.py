"""A deleted message is seen and counted nowhere, until it is restored as it was or has expired."""

import logging
from typing import Any

import pytest

from functions.background import purge
from tests.api.conftest import Service
from tests.api.refusals import refused, stored

DAY = 24 * 60 * 60
LONG = "A long message. " * 100
NO_TIMER: Any = None  # the timers look at nothing of theirs


async def _shown(service: Service, conversation_id: str) -> dict[str, Any]:
    """All that a reader sees of a conversation, in every way there is."""
    path = f"conversations/{conversation_id}"
    ways = [path, f"{path}/messages", f"{path}/messages?order=desc", f"{path}/analytics", f"{path}/context"]
    ways += [f"{path}/messages?deleted=only", f"{path}/messages?deleted=include", "conversations"]
    shown = {way: (await service.http.get(way)).json() for way in ways}
    leaf = shown[path]["leaf_message_id"]
    if leaf:
        shown["path"] = (await service.http.get(f"{path}/messages?leaf={leaf}")).json()
    return shown


async def _rich(service: Service) -> tuple[str, list[str]]:
    """A conversation with every kind of message."""
    conversation = (await service.new_conversation(title="Bread"))["id"]
    ids = [(await service.add(conversation, "You are a baker.", "system"))["id"]]
    for question in ("What is rye?", "And spelt?"):
        turn = await service.ask(conversation, question)
        ids += [turn["question"]["id"], turn["answers"][0]["id"]]
    edit = {"role": "user", "content": "And oats?", "edited_from": ids[3]}
    ids.append((await service.http.post(f"conversations/{conversation}/messages", json=edit)).json()["id"])
    ids.append((await service.add(conversation, "Oats are …", "assistant"))["id"])
    path = f"conversations/{conversation}/messages"
    await service.http.put(f"{path}/{ids[2]}/rating", json={"rating": 5, "liked": True, "feedback": "Yes."})
    await service.http.put(f"{path}/{ids[6]}/rating", json={"liked": False})
    return conversation, ids


async def test_a_deletion_says_until_when_it_can_be_undone(service: Service) -> None:
    conversation = (await service.new_conversation())["id"]
    message = await service.add(conversation, "Hello.")

    answer = await service.http.delete(f"conversations/{conversation}/messages/{message['id']}")

    expires_at = message["created_at"] + 30 * DAY
    shown = {"id": message["id"], "object": "conversation.message.deleted", "deleted": True}
    assert (answer.status_code, answer.json()) == (200, shown | {"expires_at": expires_at})
    only = (await service.http.get(f"conversations/{conversation}/messages?deleted=only")).json()
    assert only["data"] == [message | {"deleted_at": message["created_at"]}]


@pytest.mark.parametrize("which", range(7))
async def test_restoring_brings_back_exactly_what_was_there(service: Service, which: int) -> None:
    conversation, ids = await _rich(service)
    before = await _shown(service, conversation)
    path = f"conversations/{conversation}/messages/{ids[which]}"
    message = (await service.http.get(path)).json()
    service.clock.pass_seconds(60)

    await service.http.delete(path)
    without = await _shown(service, conversation)
    restored = await service.http.post(f"{path}/restore")

    listed = [one["id"] for one in without[f"conversations/{conversation}/messages"]["data"]]
    assert listed == [*ids[:which], *ids[which + 1 :]]
    assert without[f"conversations/{conversation}"]["message_count"] == 6
    assert (restored.status_code, restored.json()) == (200, message)
    assert await _shown(service, conversation) == before


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1]])
async def test_whatever_the_order_of_undoing_it_is_as_it_was(service: Service, order: list[int]) -> None:
    conversation = (await service.new_conversation())["id"]
    ids = [(await service.add(conversation, f"Number {n}"))["id"] for n in range(3)]
    before = await _shown(service, conversation)
    path = f"conversations/{conversation}/messages"

    for which in (1, 2, 0):
        await service.http.delete(f"{path}/{ids[which]}")
    empty = await service.get(conversation)
    for which in order:
        await service.http.post(f"{path}/{ids[which]}/restore")

    assert (empty["message_count"], empty["last_message_id"], empty["leaf_message_id"]) == (0, None, None)
    assert await _shown(service, conversation) == before


async def test_the_leaf_and_the_last_message_are_the_newest_that_remain(service: Service) -> None:
    conversation = (await service.new_conversation())["id"]
    ids = [(await service.add(conversation, f"Number {n}"))["id"] for n in range(4)]

    for which, left in ((1, 3), (3, 2), (2, 0)):
        await service.http.delete(f"conversations/{conversation}/messages/{ids[which]}")
        now = await service.get(conversation)
        assert now["last_message_id"] == now["leaf_message_id"] == ids[left]
    later = await service.add(conversation, "On.")
    assert (later["seq"], later["parent_id"]) == (5, ids[0])


async def test_restoring_does_not_take_the_leaf_from_what_came_since(service: Service) -> None:
    conversation = (await service.new_conversation())["id"]
    first = await service.add(conversation, "One")
    await service.http.delete(f"conversations/{conversation}/messages/{first['id']}")
    second = await service.add(conversation, "Two")

    await service.http.post(f"conversations/{conversation}/messages/{first['id']}/restore")

    now = await service.get(conversation)
    assert now["last_message_id"] == now["leaf_message_id"] == second["id"]
    assert (now["message_count"], second["parent_id"]) == (2, None)


async def test_restoring_what_is_not_deleted_changes_nothing(service: Service) -> None:
    conversation = (await service.new_conversation())["id"]
    message = await service.add(conversation, "Hello.")
    before = await stored(service)

    answer = await service.http.post(f"conversations/{conversation}/messages/{message['id']}/restore")

    assert (answer.status_code, answer.json()) == (200, message)
    assert await stored(service) == before


async def test_a_restore_repeated_with_its_key_does_not_undo_a_later_delete(service: Service) -> None:
    conversation = (await service.new_conversation())["id"]
    path = f"conversations/{conversation}/messages/{(await service.add(conversation, 'Hello.'))['id']}"
    await service.http.delete(path)
    key = {"Idempotency-Key": "once"}
    first = await service.http.post(f"{path}/restore", headers=key)
    await service.http.delete(path)

    again = await service.http.post(f"{path}/restore", headers=key)

    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    refused(await service.http.get(path), 404, "message_not_found")
    other = await service.http.post(f"conversations/{conversation}/restore", headers=key)
    refused(other, 422, "idempotency_key_reused", "Idempotency-Key")


async def test_an_answer_that_is_being_given_is_not_deleted(service: Service) -> None:
    conversation = (await service.new_conversation())["id"]
    path, answers = f"conversations/{conversation}/messages", []

    async def meanwhile() -> None:
        question, answer = (await service.http.get(path)).json()["data"]
        answers.append(await service.http.delete(f"{path}/{answer['id']}"))
        answers.append(await service.http.delete(f"{path}/{question['id']}"))

    service.model.before_answering = meanwhile  # type: ignore[method-assign]
    turn = await service.ask(conversation, "Hello?")

    refused(answers[0], 409, "conversation_busy")
    assert int(answers[0].headers["retry-after"]) > 0
    assert answers[1].status_code == 200
    assert (await service.http.get(path)).json()["data"] == turn["answers"]
    assert (await service.get(conversation))["message_count"] == 1


async def test_a_long_message_that_comes_back_gets_its_line(service: Service) -> None:
    conversation = (await service.new_conversation())["id"]
    path = f"conversations/{conversation}/messages/{(await service.add(conversation, LONG))['id']}"
    await service.http.delete(path)
    await service.background()
    assert "A long message." not in str(service.model.requests)

    await service.http.post(f"{path}/restore")
    await service.background()

    assert (await service.http.get(path)).json()["summary"]


async def _expiry(service: Service, conversation: str) -> int:
    message = await service.add(conversation, "Hello.")
    deleted = await service.http.delete(f"conversations/{conversation}/messages/{message['id']}")
    return int(deleted.json()["expires_at"] - message["created_at"])


async def test_how_long_it_can_be_restored_is_the_tenants_policy(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    conversation = (await service.new_conversation())["id"]
    policy = {"id": "policy", "tenantId": "local-tenant", "scope": "policy", "retentionDays": 7}
    await service.tenant_ops.create_item(policy)

    assert await _expiry(service, conversation) == 7 * DAY
    await service.tenant_ops.upsert_item(policy | {"retentionDays": "many"})
    service.clock.pass_seconds(61)  # it is read once a minute
    with caplog.at_level(logging.ERROR):
        assert await _expiry(service, conversation) == 7 * DAY
    assert "policy of tenant local-tenant" in caplog.text


async def test_what_has_expired_is_removed_for_good_and_the_rest_stays(service: Service) -> None:
    conversation, ids = await _rich(service)
    path = f"conversations/{conversation}/messages"
    await service.http.delete(f"{path}/{ids[1]}")
    service.clock.pass_seconds(29 * DAY)
    await service.http.delete(f"{path}/{ids[2]}")
    await purge(NO_TIMER)
    assert {ids[1], ids[2]} < set(await stored(service))
    before = await service.get(conversation)

    service.clock.pass_seconds(1 * DAY)
    refused(await service.http.post(f"{path}/{ids[1]}/restore"), 404, "message_not_found")
    assert ids[1] in await stored(service)
    await purge(NO_TIMER)

    left = await stored(service)
    assert ids[1] not in left
    assert ids[2] in left
    refused(await service.http.post(f"{path}/{ids[1]}/restore"), 404, "message_not_found")
    assert (await service.http.post(f"{path}/{ids[2]}/restore")).status_code == 200
    assert (await service.get(conversation))["message_count"] == before["message_count"] + 1
