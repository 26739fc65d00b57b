"""Whatever becomes of the answers on the way to the database: nothing is lost and nothing doubled."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from azure.core.exceptions import ServiceRequestError, ServiceResponseError

from local.cosmos import Fault
from local.cosmos.faults import THROTTLED
from tests.api.conftest import Service
from tests.api.refusals import refused, stored

# What to do, and what must hold of its answer.
Prepared = tuple[Callable[[], Awaitable[httpx2.Response]], Callable[[httpx2.Response], Awaitable[None]]]


async def _messages(service: Service, conversation_id: str) -> list[dict[str, Any]]:
    answer = await service.http.get(f"conversations/{conversation_id}/messages?limit=100")
    return list(answer.json()["data"])


async def _create(service: Service) -> Prepared:
    async def act() -> httpx2.Response:
        return await service.http.post("conversations", json={"title": "Only once"})

    async def check(answer: httpx2.Response) -> None:
        assert answer.status_code == 201
        listed = (await service.http.get("conversations?limit=100")).json()["data"]
        assert [each for each in listed if each["title"] == "Only once"] == [answer.json()]

    return act, check


async def _add(service: Service) -> Prepared:
    conversation = await service.new_conversation()
    await service.add(conversation["id"], "First.")

    async def act() -> httpx2.Response:
        body = {"role": "user", "content": "Only once."}
        return await service.http.post(f"conversations/{conversation['id']}/messages", json=body)

    async def check(answer: httpx2.Response) -> None:
        assert answer.status_code == 201
        first, added = await _messages(service, conversation["id"])
        assert (first["seq"], added) == (1, answer.json())
        after = await service.get(conversation["id"])
        assert (after["message_count"], after["last_message_id"]) == (2, added["id"])
        assert (await service.add(conversation["id"], "Next."))["seq"] == 3

    return act, check


async def _rename(service: Service) -> Prepared:
    conversation = await service.new_conversation(title="Before")

    async def act() -> httpx2.Response:
        return await service.http.put(f"conversations/{conversation['id']}", json={"title": "After"})

    async def check(answer: httpx2.Response) -> None:
        assert (answer.status_code, answer.json()["title"]) == (200, "After")
        assert await service.get(conversation["id"]) == answer.json()
        assert (await stored(service))[conversation["id"]] == answer.headers["etag"]

    return act, check


async def _delete(service: Service) -> Prepared:
    conversation = await service.new_conversation()

    async def act() -> httpx2.Response:
        return await service.http.delete(f"conversations/{conversation['id']}")

    async def check(answer: httpx2.Response) -> None:
        assert (answer.status_code, answer.json()["deleted"]) == (200, True)
        gone = await service.http.get(f"conversations/{conversation['id']}")
        refused(gone, 404, "conversation_not_found")

    return act, check


async def _restore(service: Service) -> Prepared:
    conversation = await service.new_conversation()
    await service.http.delete(f"conversations/{conversation['id']}")

    async def act() -> httpx2.Response:
        return await service.http.post(f"conversations/{conversation['id']}/restore")

    async def check(answer: httpx2.Response) -> None:
        assert (answer.status_code, answer.json()) == (200, conversation)
        assert await service.get(conversation["id"]) == conversation

    return act, check


async def _ask(service: Service) -> Prepared:
    conversation = await service.new_conversation()

    async def act() -> httpx2.Response:
        return await service.http.post(f"conversations/{conversation['id']}/ask", json={"content": "Once?"})

    async def check(answer: httpx2.Response) -> None:
        assert answer.status_code == 201, answer.text
        turn = answer.json()
        assert (turn["status"], turn["question"]["seq"], turn["answers"][0]["seq"]) == ("completed", 1, 2)
        assert await _messages(service, conversation["id"]) == [turn["question"], turn["answers"][0]]
        assert (await service.get(conversation["id"]))["message_count"] == 2
        assert len(service.model.requests) == 1

    return act, check


# What is done, and the database operation that it writes with.
WRITES: dict[str, tuple[Callable[[Service], Awaitable[Prepared]], str]] = {
    "create": (_create, "batch"),
    "add_message": (_add, "batch"),
    "rename": (_rename, "patch"),
    "delete": (_delete, "patch"),
    "restore": (_restore, "patch"),
    "ask": (_ask, "batch"),
}
TROUBLE = {
    "answer lost": Fault(error=ServiceResponseError("reset"), after=True),
    "connection lost before": Fault(error=ServiceResponseError("reset")),
    "timeout after the commit": Fault(status=408, after=True),
    "throttled for long": Fault(status=429, sub_status=3200, headers=THROTTLED, times=9),
    "a conflict in the service": Fault(status=449),
    "a stale replica's answer": Fault(status=404, sub_status=1002),
}


async def test_nobody_else_can_find_out_that_a_write_went_wrong(service: Service) -> None:
    conversation = await service.new_conversation()
    fault = service.engine.faults.add(Fault("patch", status=449))

    answer = await service.http.put(
        f"conversations/{conversation['id']}", json={"title": "Mine"}, headers={"X-Local-User": "mallory"}
    )

    refused(answer, 404, "conversation_not_found")
    assert fault.times == 1


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("trouble", TROUBLE)
async def test_a_write_in_trouble_is_done_once(service: Service, write: str, trouble: str) -> None:
    prepare, operation = WRITES[write]
    act, check = await prepare(service)
    fault = service.engine.faults.add(replace(TROUBLE[trouble], operation=operation))

    answer = await act()

    assert fault.times == 0
    await check(answer)


@pytest.mark.parametrize("after", [True, False], ids=["after the commit", "before"])
async def test_writes_to_a_service_that_is_unavailable_for_a_moment_are_done_once(
    service: Service, after: bool
) -> None:
    """All of them at once, for the SDK waits half a second before it tries again."""
    prepared = [await prepare(service) for prepare, _ in WRITES.values()]
    faults = [
        service.engine.faults.add(Fault(operation, status=503, after=after))
        for _, operation in WRITES.values()
    ]

    answers = await asyncio.gather(*(act() for act, _ in prepared))

    assert [fault.times for fault in faults] == [0] * len(WRITES)
    for (_, check), answer in zip(prepared, answers, strict=True):
        await check(answer)


async def test_a_conversation_is_started_once_though_reading_it_back_fails_too(service: Service) -> None:
    act, check = await _create(service)
    service.engine.faults.add(Fault("batch", error=ServiceResponseError("reset"), after=True))
    lost = service.engine.faults.add(replace(TROUBLE["throttled for long"], operation="read"))

    answer = await act()

    assert lost.times == 0
    await check(answer)


async def test_the_end_of_a_turn_is_stored_once_though_its_answer_is_lost(service: Service) -> None:
    act, check = await _ask(service)

    async def lose() -> None:
        service.engine.faults.add(Fault("batch", error=ServiceResponseError("reset"), after=True))

    service.model.before_answering = lose  # type: ignore[method-assign]

    await check(await act())


async def test_a_message_that_was_stored_is_answered_though_the_conversation_is_deleted_meanwhile(
    service: Service,
) -> None:
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}"
    service.engine.faults.add(Fault("batch", error=ServiceResponseError("reset"), after=True))
    service.engine.faults.add(Fault("read"))
    service.engine.faults.add(Fault("read", delay=0.2))  # the second one, which looks what became of it
    body = {"role": "user", "content": "Hello."}
    adding = asyncio.create_task(service.http.post(f"{path}/messages", json=body))
    await asyncio.sleep(0.1)
    assert (await service.http.delete(path)).status_code == 200

    answer = await adding

    assert answer.status_code == 201
    await service.http.post(f"{path}/restore")
    assert await _messages(service, conversation["id"]) == [answer.json()]


async def test_fifty_parallel_messages_are_all_stored_in_a_dense_row(service: Service) -> None:
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}/messages"

    answers = await asyncio.gather(
        *(service.http.post(path, json={"role": "user", "content": f"Number {n}"}) for n in range(50))
    )

    assert [answer.status_code for answer in answers] == [201] * 50
    messages = await _messages(service, conversation["id"])
    assert [message["seq"] for message in messages] == list(range(1, 51))
    assert sorted(message["content"] for message in messages) == sorted(f"Number {n}" for n in range(50))
    assert [message["parent_id"] for message in messages[1:]] == [message["id"] for message in messages[:-1]]
    assert messages == sorted((answer.json() for answer in answers), key=lambda message: message["seq"])
    after = await service.get(conversation["id"])
    assert (after["message_count"], after["last_message_id"]) == (50, messages[-1]["id"])


async def test_parallel_messages_with_answers_lost_are_stored_once_each(service: Service) -> None:
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}/messages"
    for _ in range(5):
        service.engine.faults.add(Fault("batch", error=ServiceResponseError("reset"), after=True))
        service.engine.faults.add(Fault("batch", status=449))

    answers = await asyncio.gather(
        *(service.http.post(path, json={"role": "user", "content": f"Number {n}"}) for n in range(10))
    )

    assert [answer.status_code for answer in answers] == [201] * 10
    messages = await _messages(service, conversation["id"])
    assert [message["seq"] for message in messages] == list(range(1, 11))
    assert len({message["content"] for message in messages}) == 10
    assert (await service.get(conversation["id"]))["message_count"] == 10


async def test_renames_and_messages_at_once_all_stay(service: Service) -> None:
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}"

    async def rename() -> None:
        assert (await service.http.put(path, json={"title": "Mine"})).status_code == 200

    await asyncio.gather(rename(), *(service.add(conversation["id"], "Hello.") for _ in range(9)), rename())

    after = await service.get(conversation["id"])
    assert (after["title"], after["title_source"], after["message_count"]) == ("Mine", "user", 9)


NEVER: dict[str, dict[str, Any]] = {
    "unavailable": {"status": 503},
    "throttling": {"status": 429, "sub_status": 3200, "headers": THROTTLED},
    "always in conflict": {"status": 449},
    "timing out": {"status": 408},
    "refusing connections": {"error": ServiceRequestError("refused")},
    "silent": {"delay": 3.0},
}


@pytest.mark.parametrize("how", NEVER)
async def test_a_write_that_never_gets_through_ends_in_503_in_time_with_nothing_stored(
    service: Service, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.repository.changes.PATIENCE_SECONDS", 0.1)
    prepared = [await prepare(service) for prepare, _ in WRITES.values()]
    before = await stored(service)
    for operation in ("create", "batch", "patch"):
        service.engine.faults.add(Fault(operation, times=10_000, **NEVER[how]))

    started = time.perf_counter()
    answers = await asyncio.gather(*(act() for act, _ in prepared))

    assert time.perf_counter() - started < 2
    for answer in answers:
        refused(answer, 503, "unavailable")
        assert answer.headers["retry-after"] == "1"
    assert await stored(service) == before
    assert service.model.requests == []


async def test_a_turn_whose_end_never_gets_through_is_closed_later(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}/ask"

    async def lose() -> None:
        monkeypatch.setattr("shared.repository.changes.PATIENCE_SECONDS", 0.05)
        service.engine.faults.add(Fault("batch", status=449, times=10_000))

    service.model.before_answering = lose  # type: ignore[method-assign]
    refused(await service.http.post(path, json={"content": "Once?"}), 503, "unavailable")
    service.engine.faults.clear()
    monkeypatch.undo()
    del service.model.before_answering
    service.clock.pass_seconds(61)

    turn = await service.ask(conversation["id"], "And now?")

    question, answer, *rest = await _messages(service, conversation["id"])
    assert (question["content"], question["status"]) == ("Once?", "completed")
    assert (answer["status"], answer["incomplete_reason"]) == ("incomplete", "interrupted")
    assert rest == [turn["question"], turn["answers"][0]]


async def test_a_read_that_never_gets_through_is_unavailable(service: Service) -> None:
    conversation = await service.new_conversation()
    service.engine.faults.add(Fault("read", status=429, sub_status=3200, headers=THROTTLED, times=100))

    refused(await service.http.get(f"conversations/{conversation['id']}"), 503, "unavailable")


async def test_a_document_that_a_lagging_replica_has_not_yet_is_not_called_unknown(service: Service) -> None:
    conversation = await service.new_conversation()
    service.engine.faults.add(Fault("read", status=404, sub_status=1002))

    assert (await service.get(conversation["id"]))["id"] == conversation["id"]
