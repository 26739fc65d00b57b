"""An export has every document of its user, and nobody else gets it."""

import asyncio
import json
import random
from collections import Counter
from typing import Any

import pytest

from functions.background import run_operations
from local.cosmos import Fault
from shared.models import Caller
from shared.services import services
from tests.api.conftest import Service
from tests.api.raw_store import everything
from tests.api.refusals import refused

BOB = {"X-Local-User": "bob"}
KEY = {"Idempotency-Key": "once"}
OWNER = {"tenantId": "local-tenant", "userId": "local-user"}


async def _export(service: Service, headers: dict[str, str] | None = None) -> dict[str, Any]:
    answer = await service.http.post("me/export", headers=headers or {})
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


async def _lines(service: Service, operation: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await service.http.get(f"operations/{operation['id']}/content")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/jsonl"
    return [json.loads(line) for line in answer.text.splitlines()]


async def _finished(service: Service, operation: dict[str, Any]) -> dict[str, Any]:
    """The operation once the timer has worked on it."""
    service.clock.pass_seconds(61)
    await run_operations(None)
    answer = await service.http.get(f"operations/{operation['id']}")
    assert answer.json()["state"] == "completed", answer.text
    return dict(answer.json())


async def _fill(service: Service, messages: int, content: str = "x") -> None:
    """Messages as the service stores them."""
    at_once = 50 if len(content) < 1_000 else 1  # what one batch takes
    for start in range(0, messages, at_once):
        documents = [
            {
                **OWNER,
                "id": f"msg_{number:026d}",
                "type": "message",
                "conversationId": "conv_" + "0" * 26,
                "seq": number + 1,
                "path": [[1, number + 1]],
                "role": "user",
                "content": f"{number} {content}",
                "createdAt": 1,
                "updatedAt": 1,
            }
            for number in range(start, min(start + at_once, messages))
        ]
        batch = [("create", (document,)) for document in documents]
        await service.conversations.execute_item_batch(batch, list(OWNER.values()))


async def test_an_export_has_every_document_of_the_user_deleted_ones_too(service: Service) -> None:
    kept, gone = await service.new_conversation(title="Kept"), await service.new_conversation(title="Gone")
    turn = await service.ask(kept["id"], "What is rye?")
    removed = await service.add(kept["id"], "Never mind.")
    await service.http.delete(f"conversations/{kept['id']}/messages/{removed['id']}")
    await service.http.delete(f"conversations/{gone['id']}")
    await service.http.post("conversations", json={"title": "Bob's"}, headers=BOB)
    await service.http.post("conversations", json={"title": "With a receipt"}, headers=KEY)

    operation = await _export(service)
    lines = await _lines(service, operation)

    raw = (await everything(service))["conversations"]
    mine = {one["id"] for one in raw if one["userId"] == "local-user" and one["type"] != "receipt"}
    assert {line["id"] for line in lines} == mine
    assert len(lines) == len(mine) == operation["progress"]
    assert mine > {kept["id"], gone["id"], removed["id"], turn["question"]["id"], "usage_2027-01-15"}
    assert (operation["kind"], operation["state"]) == ("export", "completed")
    assert operation["counts"] == Counter(line["type"] for line in lines)
    contents = {line["id"]: line.get("content") for line in lines}
    assert contents[removed["id"]] == "Never mind."


async def test_a_user_who_has_nothing_gets_an_empty_export(service: Service) -> None:
    operation = await _export(service)

    assert (operation["state"], operation["counts"]) == ("completed", {})
    assert await _lines(service, operation) == []


async def test_big_messages_make_many_parts_however_badly_they_compress(service: Service) -> None:
    luck = random.Random(7)  # noqa: S311 - no secret
    content = "".join(chr(luck.randint(0x20000, 0x2A6DF)) for _ in range(100_000))
    await _fill(service, 9, content)

    operation = await _finished(service, await _export(service))
    lines = await _lines(service, operation)

    assert [line["content"] for line in lines] == [f"{number} {content}" for number in range(9)]
    assert operation["counts"] == {"message": 9}


async def test_an_export_of_hundreds_of_messages_is_not_there_before_its_end(service: Service) -> None:
    await _fill(service, 850)

    operation = await _export(service)

    assert (operation["state"], operation["progress"]) == ("running", 500)
    answer = await service.http.get(f"operations/{operation['id']}/content")
    refused(answer, 409, "operation_not_finished")
    assert answer.headers["retry-after"]
    assert (await _finished(service, operation))["progress"] == 850
    assert [line["seq"] for line in await _lines(service, operation)] == list(range(1, 851))


async def test_the_content_comes_part_by_part(service: Service) -> None:
    await _fill(service, 300)
    operation = await _export(service)

    with service.engine.recording() as calls:
        async for _ in await services().operations.content(
            Caller("local-tenant", "local-user"), operation["id"]
        ):
            assert len(calls) <= 2  # the operation and its first part, then one more each time
            calls.clear()


async def _crash_at(service: Service, write: int, *, after: bool) -> None:
    """The timer, killed at its so manieth write: before the database has done it, or after."""
    faults = service.engine.faults
    for _ in range(write - 1):
        faults.add(Fault("batch", container="tenant_ops", delay=0.0001))
    faults.add(Fault("batch", container="tenant_ops", error=RuntimeError("killed"), after=after))
    await run_operations(None)


async def test_after_a_crash_the_timer_goes_on_where_it_stopped(service: Service) -> None:
    await _fill(service, 850)
    operation = await _export(service)
    for done in (False, True):
        service.clock.pass_seconds(61)
        await _crash_at(service, 3, after=done)

    assert (await _finished(service, operation))["counts"] == {"message": 850}
    assert [line["seq"] for line in await _lines(service, operation)] == list(range(1, 851))


async def test_two_timers_at_once_write_each_document_once(service: Service) -> None:
    await _fill(service, 850)
    operation = await _export(service)
    service.clock.pass_seconds(61)

    await asyncio.gather(run_operations(None), run_operations(None), run_operations(None))

    assert (await _finished(service, operation))["counts"] == {"message": 850}
    assert [line["seq"] for line in await _lines(service, operation)] == list(range(1, 851))


async def test_the_same_request_again_gets_the_same_operation(service: Service) -> None:
    await service.new_conversation()
    first, again = [await service.http.post("me/export", headers=KEY) for _ in range(2)]

    assert (again.status_code, again.json()) == (202, first.json())
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert (await service.http.post("me/export", headers=KEY | BOB)).json()["id"] != first.json()["id"]


async def test_a_key_of_another_request_is_refused(service: Service) -> None:
    await service.http.post("me/export", headers=KEY)
    refused(
        await service.http.post("me/erase", headers=KEY), 422, "idempotency_key_reused", "Idempotency-Key"
    )

    other = {"Idempotency-Key": "another"}
    await service.http.post("conversations", headers=other)
    refused(
        await service.http.post("me/export", headers=other), 422, "idempotency_key_reused", "Idempotency-Key"
    )
    refused(
        await service.http.post("conversations", headers=KEY),
        422,
        "idempotency_key_reused",
        "Idempotency-Key",
    )
    again = await service.http.post("me/export", headers=KEY)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (202, "true")


@pytest.mark.parametrize("stranger", [BOB, {"X-Local-Tenant": "elsewhere"}], ids=["user", "tenant"])
async def test_anothers_operation_does_not_exist(service: Service, stranger: dict[str, str]) -> None:
    await service.new_conversation()
    operation = await _export(service)

    for path in ("", "/content"):
        answer = await service.http.get(f"operations/{operation['id']}{path}", headers=stranger)
        refused(answer, 404, "operation_not_found")


async def test_an_erasure_has_no_content(service: Service) -> None:
    operation = (await service.http.post("me/erase")).json()

    refused(await service.http.get(f"operations/{operation['id']}/content"), 404, "content_not_found")


async def test_a_document_of_another_version_of_this_code_is_exported_as_it_is(service: Service) -> None:
    await service.conversations.create_item(OWNER | {"id": "msg_old", "type": "message", "content": "Old."})

    (line,) = await _lines(service, await _export(service))

    assert line == OWNER | {"id": "msg_old", "type": "message", "content": "Old."}


async def test_trouble_at_the_database_leaves_the_rest_to_the_timer(service: Service) -> None:
    await _fill(service, 300)
    service.engine.faults.add(Fault("query", container="conversations", status=500, times=None))

    operation = await _export(service)

    assert (operation["state"], operation["progress"]) == ("running", 0)
    service.engine.faults.clear()
    assert (await _finished(service, operation))["counts"] == {"message": 300}
