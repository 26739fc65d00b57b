"""An erasure leaves nothing of its user in any container, and nobody else's data is touched."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from functions.background import purge, record_usage, run_operations, sweep
from local.cosmos import Fault
from shared.models import Caller, DueWork
from shared.records import digest_of
from shared.repository import BackgroundRepository
from shared.services import services
from tests.api.conftest import Service
from tests.api.raw_store import everything, feed, holding
from tests.api.refusals import refused
from tests.unit.fake_time import until

CANARY = {"X-Local-User": "canary-user", "X-Local-Email": "canary@example.com"}
BOB = {"X-Local-User": "bob"}
KEY = {"Idempotency-Key": "once"}


async def _post(service: Service, path: str, headers: dict[str, str], **body: Any) -> dict[str, Any]:
    answer = await service.http.post(path, json=body, headers=CANARY | headers)
    assert answer.status_code < 300, answer.text
    return dict(answer.json())


async def _leave_traces(service: Service) -> None:
    """Canaries in everything that is kept of a user."""
    fields = {
        "title": "canary title",
        "metadata": {"canary": "canary"},
        "tags": ["canary"],
        "instructions": "canary",
        "org_id": "canary",
    }
    conversation = await _post(service, "conversations", {"Idempotency-Key": "canary-key"}, **fields)
    path = f"conversations/{conversation['id']}"
    for question in ("canary one?", "canary two?", "canary three?"):
        await _post(service, f"{path}/ask", {"Idempotency-Key": f"canary-{question}"}, content=question)
    streamed = {"content": "canary four?", "stream": True}
    await service.http.post(f"{path}/ask", json=streamed, headers=CANARY)
    told = {"role": "user", "content": "canary" * 300, "metadata": {"canary": "canary"}}
    message = await _post(service, f"{path}/messages", {}, **told)
    await service.http.put(
        f"{path}/messages/{message['id']}/rating", json={"rating": 5, "feedback": "canary"}, headers=CANARY
    )
    await _post(service, f"{path}/end", {}, rating=5, feedback="canary")
    await service.background()
    deleted = await _post(service, "conversations", {}, title="canary deleted")
    await service.http.delete(f"conversations/{deleted['id']}", headers=CANARY)
    await _post(service, "me/export", {"Idempotency-Key": "canary-export"})
    letter = {"id": deleted["id"], "tenantId": "local-tenant", "scope": "dead-letters", "type": "dead_letter"}
    work = {"userId": "canary-user", "workType": "conversation", "reason": "model_error", "count": 12}
    await service.tenant_ops.create_item(letter | work | {"updatedAt": 1})
    await record_usage(await feed(service))


async def _erase(service: Service, headers: dict[str, str] | None = None) -> dict[str, Any]:
    return await _post(service, "me/erase", headers or {})


async def _finished(service: Service, operation: dict[str, Any]) -> dict[str, Any]:
    """The operation once the timer has worked on it."""
    service.clock.pass_seconds(61)
    await run_operations(None)
    answer = await service.http.get(f"operations/{operation['id']}", headers=CANARY)
    assert answer.json()["state"] == "completed", answer.text
    return dict(answer.json())


async def _fill(service: Service, documents: int) -> None:
    owner = {"tenantId": "local-tenant", "userId": "canary-user"}
    for start in range(0, documents, 100):
        batch = [
            ("create", ({**owner, "id": f"msg_{number:026d}", "type": "message"},))
            for number in range(start, min(start + 100, documents))
        ]
        await service.conversations.execute_item_batch(batch, list(owner.values()))


async def test_nothing_in_any_container_holds_what_was_the_users(service: Service) -> None:
    await _leave_traces(service)
    types = Counter(
        one["type"]
        for documents in (await everything(service)).values()
        for one in documents
        if one.get("userId") == "canary-user" or digest_of("canary-user") in str(one)
    )
    assert {"conversation", "message", "receipt", "usage", "dead_letter", "operation", "part"} == set(types)

    operation = await _erase(service)
    operation = await _finished(service, operation) if operation["state"] == "running" else operation

    assert await holding(service, "canary") == []
    left = await holding(service, digest_of("canary-user"))
    assert left == [f"tenant_ops/{operation['id']}"]
    assert operation["counts"] == types
    assert operation["progress"] == types.total()


async def test_the_receipt_has_counts_a_hash_and_a_time_and_nothing_personal(service: Service) -> None:
    await _leave_traces(service)
    operation = await _erase(service)

    receipt = (await service.http.get(f"operations/{operation['id']}", headers=CANARY)).json()["receipt"]

    assert set(receipt) == {"hash", "counts", "at"}
    assert len(receipt["hash"]) == 64
    assert receipt["counts"]["conversation"] == 2
    assert 0 <= service.clock.now // 1000 - receipt["at"] <= 1
    (stored,) = [one for one in (await everything(service))["tenant_ops"] if one["type"] == "operation"]
    assert (stored["userId"], stored.get("fingerprint"), stored["noted"]) == ("", None, [])


async def test_other_users_of_the_tenant_keep_what_they_have(service: Service) -> None:
    conversation = (await service.http.post("conversations", json={"title": "Bob's"}, headers=BOB)).json()
    path = f"conversations/{conversation['id']}"
    await service.http.post(f"{path}/ask", json={"content": "Hello?"}, headers=BOB | KEY)
    await service.http.post("me/export", headers=BOB)
    await _leave_traces(service)
    before = await everything(service)

    await _erase(service)

    def of_others(found: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
        marks = ("canary", digest_of("canary-user"))
        documents = [one for documents in found.values() for one in documents]
        return [one for one in documents if not any(mark in str(one) for mark in marks)]

    assert of_others(await everything(service)) == of_others(before)


async def test_an_erasure_of_nothing_has_a_receipt(service: Service) -> None:
    operation = await _erase(service)

    assert (operation["state"], operation["receipt"]["counts"]) == ("completed", {})


async def test_the_same_request_again_gets_the_same_operation(service: Service) -> None:
    await _leave_traces(service)
    first = await _erase(service, KEY)
    await _post(service, "conversations", {}, title="canary of later")

    again = await service.http.post("me/erase", headers=CANARY | KEY)

    assert again.json()["id"] == first["id"]
    assert again.headers["idempotency-replayed"] == "true"
    assert len(await holding(service, "canary")) == 1  # what came after the erasure stays


async def test_what_is_written_while_an_erasure_runs_is_erased_too(service: Service) -> None:
    await _fill(service, 400)
    operation = await _erase(service)
    assert operation["state"] == "running"
    conversation = await _post(service, "conversations", {}, title="canary")
    await _post(service, f"conversations/{conversation['id']}/ask", KEY, content="canary?")
    await _post(service, "me/export", {})

    done = await _finished(service, operation)

    assert await holding(service, "canary") == []
    assert done["counts"]["message"] == 402


async def test_a_turn_that_ends_after_the_erasure_leaves_nothing(service: Service) -> None:
    conversation = await _post(service, "conversations", {}, title="canary")
    path = f"conversations/{conversation['id']}/ask"

    async def erase_meanwhile() -> None:
        await _erase(service)

    service.model.before_answering = erase_meanwhile  # type: ignore[method-assign]
    answer = await service.http.post(path, json={"content": "canary?"}, headers=CANARY | KEY)

    refused(answer, 404, "conversation_not_found")
    service.clock.pass_seconds(120)
    await sweep(None)
    assert await holding(service, "canary") == []


async def test_work_that_is_given_up_after_the_erasure_leaves_no_dead_letter(service: Service) -> None:
    conversation = await _post(service, "conversations", {})
    await _erase(service)
    gone = DueWork(Caller("local-tenant", "canary-user"), "conversation", conversation["id"])

    await BackgroundRepository(services().database, "conversations").put_aside(
        gone, reason="model_error", count=12, now=1
    )

    assert await holding(service, "canary") == []


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", [1, 2, 3, 4, 5])
async def test_after_a_crash_at_any_write_the_timer_finishes_and_counts_each_once(
    service: Service, write: int, *, after: bool
) -> None:
    await _fill(service, 400)
    operation = await _erase(service)
    service.clock.pass_seconds(61)
    for _ in range(write - 1):
        service.engine.faults.add(Fault("batch", delay=0.0001))
    service.engine.faults.add(Fault("batch", error=RuntimeError("killed"), after=after))
    await run_operations(None)

    done = await _finished(service, operation)

    assert done["counts"] == done["receipt"]["counts"] == {"message": 400}
    assert await holding(service, "canary") == []


async def test_two_timers_at_once_finish_it_once(service: Service) -> None:
    await _fill(service, 1_000)
    operation = await _erase(service)
    service.clock.pass_seconds(61)

    await asyncio.gather(run_operations(None), run_operations(None), purge(None))

    assert (await _finished(service, operation))["counts"] == {"message": 1_000}
    assert await holding(service, "canary") == []


async def test_two_erasures_at_once_both_end(service: Service) -> None:
    await _fill(service, 1_000)
    first, second = await asyncio.gather(_erase(service), _erase(service))
    assert (first["state"], second["state"]) == ("running", "running")
    service.clock.pass_seconds(61)

    await asyncio.gather(run_operations(None), run_operations(None))

    assert (await _finished(service, first))["id"] != (await _finished(service, second))["id"]
    assert await holding(service, "canary") == []


async def test_an_export_that_is_overtaken_by_an_erasure_ends_without_a_trace(service: Service) -> None:
    await _fill(service, 100)
    slow = service.engine.faults.add(Fault("query", container="conversations", delay=1.0))
    export = asyncio.create_task(service.http.post("me/export", headers=CANARY))
    await until(lambda: slow.times == 0)

    assert (await _erase(service))["state"] == "completed"

    refused(await export, 404, "operation_not_found")
    assert await holding(service, "canary") == []
