"""One Idempotency-Key names one request: repeated, it has its effect and its answer once."""

import asyncio
from typing import Any

import httpx2
import pytest

from local.cosmos import Fault
from tests.api.conftest import Service
from tests.api.refusals import refused

KEY = {"Idempotency-Key": "k-1"}
MESSAGE = {"role": "user", "content": "Hello"}


async def posted(service: Service, path: str, body: Any = None, **headers: str) -> httpx2.Response:
    return await service.http.post(path, json=body, headers={**KEY, **headers})


async def test_a_key_of_another_user_is_another_key(service: Service) -> None:
    mine = await posted(service, "conversations", {"title": "Mine"})
    theirs = await posted(service, "conversations", {"title": "Theirs"}, **{"X-Local-User": "mallory"})

    assert theirs.status_code == 201
    assert theirs.json()["id"] != mine.json()["id"]


async def test_a_repeated_creation_gives_the_first_answer(service: Service) -> None:
    first = await posted(service, "conversations", {"title": "One"})
    again = await posted(service, "conversations", {"title": "One"})

    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert len((await service.http.get("conversations")).json()["data"]) == 1


async def test_a_repeated_message_is_stored_once(service: Service) -> None:
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}/messages"

    first = await posted(service, path, MESSAGE)
    await service.http.put(f"conversations/{conversation['id']}", json={"title": "Renamed since"})
    again = await posted(service, path, MESSAGE)

    assert again.json() == first.json()
    assert (await service.get(conversation["id"]))["message_count"] == 1


async def test_a_repeated_restore_does_not_undo_a_later_delete(service: Service) -> None:
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}"
    await service.http.delete(path)
    assert (await posted(service, f"{path}/restore")).status_code == 200
    await service.http.delete(path)

    again = await posted(service, f"{path}/restore")

    assert again.headers["idempotency-replayed"] == "true"
    assert (await service.http.get(path)).status_code == 404


async def test_a_repeated_question_asks_the_model_once(service: Service) -> None:
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}/ask"

    first = await posted(service, path, {"content": "Hello?"})
    again = await posted(service, path, {"content": "Hello?"})

    assert (again.status_code, again.json()) == (201, first.json())
    assert len(service.model.requests) == 1


async def test_a_failed_answer_is_repeated_too(service: Service) -> None:
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}/ask"
    service.model.failing = httpx2.Response(400, json={})
    first = await posted(service, path, {"content": "Hello?"})
    service.model.failing = None

    again = await posted(service, path, {"content": "Hello?"})

    assert first.status_code == again.status_code == 502
    assert again.json() == first.json()
    assert len(service.model.requests) == 1


async def test_a_request_that_failed_before_its_first_write_may_be_tried_again(service: Service) -> None:
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}"
    await service.http.delete(path)
    assert (await posted(service, f"{path}/messages", MESSAGE)).status_code == 404
    await service.http.post(f"{path}/restore")

    assert (await posted(service, f"{path}/messages", MESSAGE)).status_code == 201


@pytest.mark.parametrize("difference", ["body", "path"])
async def test_a_key_used_for_another_request_is_refused(service: Service, difference: str) -> None:
    one, other = await service.new_conversation(), await service.new_conversation()
    await posted(service, f"conversations/{one['id']}/messages", MESSAGE)

    path = f"conversations/{(other if difference == 'path' else one)['id']}/messages"
    body = {**MESSAGE, "content": "Other"} if difference == "body" else MESSAGE
    answer = await posted(service, path, body)

    refused(answer, 422, "idempotency_key_reused", param="Idempotency-Key")


async def test_the_order_of_a_bodys_fields_is_no_difference(service: Service) -> None:
    first = await posted(service, "conversations", {"title": "One", "pinned": True})
    again = await posted(service, "conversations", {"pinned": True, "title": "One"})
    assert again.json() == first.json()


@pytest.mark.parametrize("key", ["", "k" * 256, "tab\there", " blank"])
async def test_a_malformed_key_is_refused(service: Service, key: str) -> None:
    answer = await posted(service, "conversations", {}, **{"Idempotency-Key": key})
    refused(answer, 400, "invalid_request", param="Idempotency-Key")


async def test_twenty_at_once_have_one_effect(service: Service) -> None:
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}/messages"

    answers = await asyncio.gather(*(posted(service, path, MESSAGE) for _ in range(20)))

    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    assert {a.json()["error"]["code"] for a in answers if a.status_code == 409} <= {"request_in_progress"}
    assert (await service.get(conversation["id"]))["message_count"] == 1


async def test_while_the_first_runs_the_repeated_one_is_told_to_wait(service: Service) -> None:
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}/ask"
    working, done = asyncio.Event(), asyncio.Event()

    async def take_long() -> None:
        working.set()
        await done.wait()

    service.model.before_answering = take_long  # type: ignore[method-assign]
    running = asyncio.create_task(posted(service, path, {"content": "Slow?"}))
    await working.wait()
    meanwhile = await posted(service, path, {"content": "Slow?"})
    done.set()
    first = await running

    refused(meanwhile, 409, "request_in_progress")
    assert int(meanwhile.headers["retry-after"]) >= 1
    assert (await posted(service, path, {"content": "Slow?"})).json() == first.json()


async def test_after_a_crash_the_retry_closes_the_turn_and_does_not_run_it_again(service: Service) -> None:
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}/ask"
    working = asyncio.Event()

    async def hang() -> None:
        working.set()
        await asyncio.Event().wait()

    service.model.before_answering = hang  # type: ignore[method-assign]
    running = asyncio.create_task(posted(service, path, {"content": "Anybody?"}))
    await working.wait()
    await service.kill_turns()
    await asyncio.gather(running, return_exceptions=True)
    del service.model.before_answering
    refused(await posted(service, path, {"content": "Anybody?"}), 409, "request_in_progress")
    service.clock.pass_seconds(61)

    closed = await posted(service, path, {"content": "Anybody?"})

    assert closed.status_code == 201
    assert closed.json()["status"] == "incomplete"
    assert closed.json()["answers"][0]["incomplete_reason"] == "interrupted"
    assert len(service.model.requests) == 1
    assert (await service.get(conversation["id"]))["message_count"] == 2


@pytest.mark.parametrize(
    ("path", "body", "messages"),
    [
        ("conversations", {}, 0),
        ("conversations/{id}/messages", MESSAGE, 1),
        ("conversations/{id}/ask", {"content": "Hello?"}, 2),
    ],
)
async def test_an_answer_lost_after_the_write_doubles_nothing(
    service: Service, path: str, body: dict[str, str], messages: int
) -> None:
    conversation = await service.new_conversation()
    path = path.format(id=conversation["id"])
    service.engine.faults.add(Fault("batch", status=503, after=True, times=2))

    first = await posted(service, path, body)
    again = await posted(service, path, body)

    assert first.status_code == 201
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert (await service.get(conversation["id"]))["message_count"] == messages


async def test_a_key_is_forgotten_after_24_hours(service: Service) -> None:
    first = await posted(service, "conversations", {})
    service.clock.pass_seconds(24 * 60 * 60 + 2)
    assert (await posted(service, "conversations", {})).json()["id"] != first.json()["id"]


async def test_a_restore_whose_answer_is_lost_is_done_though_another_write_follows(service: Service) -> None:
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}"
    await service.http.delete(path)
    service.engine.faults.add(Fault("batch", status=408, after=True))

    async def rename() -> bool:
        tries = [await service.http.put(path, json={"title": "Renamed"}) for _ in range(20)]
        return any(answer.status_code == 200 for answer in tries)

    restored, renamed = await asyncio.gather(posted(service, f"{path}/restore"), rename())

    assert restored.status_code == 200
    assert renamed


async def test_the_same_question_at_once_is_in_progress_and_never_busy(service: Service) -> None:
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}/ask"

    answers = await asyncio.gather(*(posted(service, path, {"content": "Hello?"}) for _ in range(20)))

    codes = {answer.json()["error"]["code"] for answer in answers if answer.status_code != 201}
    assert codes <= {"request_in_progress"}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    assert len(service.model.requests) == 1


async def test_the_answer_of_a_crashed_turn_stays_what_the_first_retry_was_given(service: Service) -> None:
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}/ask"
    question = {"content": "Is it long? " * 200}
    working = asyncio.Event()

    async def hang() -> None:
        working.set()
        await asyncio.Event().wait()

    service.model.before_answering = hang  # type: ignore[method-assign]
    running = asyncio.create_task(posted(service, path, question))
    await working.wait()
    await service.kill_turns()
    await asyncio.gather(running, return_exceptions=True)
    del service.model.before_answering
    service.clock.pass_seconds(61)

    first = await posted(service, path, question)
    await service.background()  # gives the question a line of its own
    again = await posted(service, path, question)

    assert again.content == first.content
    assert (again.status_code, first.status_code) == (201, 201)
