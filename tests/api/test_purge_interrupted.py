"""A purge that is cut short goes on, however often, and two at once don't mind each other."""

import asyncio
import time
from typing import Any

import pytest
from azure.core.exceptions import ServiceResponseError

from functions.background import purge
from local.cosmos import Fault
from tests.api.conftest import Service
from tests.api.raw import OWNER, grow, holding
from tests.api.refusals import refused

CANARY = "Kanarienvogel"


async def _long(service: Service, count: int) -> str:
    """A conversation with so many messages and a receipt; its id."""
    key = {"Idempotency-Key": str(service.clock())}
    made = (await service.http.post("conversations", json={"title": CANARY}, headers=key)).json()
    await service.add(made["id"], CANARY)
    await grow(service, made["id"], count - 1, CANARY)
    return str(made["id"])


async def _timer() -> None:
    await purge(None)


def _die_at(service: Service, operation: str, number: int, container: str = "conversations") -> Fault:
    """Let the database refuse the n-th operation of a kind, for good."""
    if number > 1:
        service.engine.faults.add(Fault(operation, container, times=number - 1))  # those go on as usual
    return service.engine.faults.add(Fault(operation, container, status=400))


@pytest.mark.parametrize(
    ("operation", "number"),
    [("query", 1), ("batch", 1), ("query", 2), ("batch", 2), ("batch", 3), ("delete", 1)],
)
async def test_a_purge_that_dies_anywhere_is_ended_by_the_timer(
    service: Service, operation: str, number: int
) -> None:
    identifier = await _long(service, 90)
    path = f"conversations/{identifier}"
    fault = _die_at(service, operation, number)

    refused(await service.http.delete(f"{path}?purge=true"), 500, "internal_error")

    assert fault.times == 0
    refused(await service.http.get(path), 404, "conversation_not_found")
    refused(await service.http.post(f"{path}/restore"), 404, "conversation_not_found")
    assert await holding(service, CANARY) != []
    await _timer()
    assert await holding(service, CANARY, identifier) == []


async def test_a_purge_that_died_goes_on_when_it_is_asked_for_again(service: Service) -> None:
    identifier = await _long(service, 120)
    _die_at(service, "batch", 2)
    await service.http.delete(f"conversations/{identifier}?purge=true")

    assert (await service.http.delete(f"conversations/{identifier}?purge=true")).status_code == 200
    assert await holding(service, CANARY, identifier) == []


@pytest.mark.parametrize(
    ("operation", "number", "container"),
    [
        ("query", 2, "conversations"),
        ("batch", 1, "conversations"),
        ("batch", 3, "conversations"),
        ("delete", 1, "conversations"),
        ("batch", 1, "tenant_ops"),
    ],
)
async def test_an_operation_is_completed_whatever_run_of_the_timer_dies(
    service: Service, operation: str, number: int, container: str
) -> None:
    identifier = await _long(service, 400)
    started = (await service.http.delete(f"conversations/{identifier}?purge=true")).json()
    fault = _die_at(service, operation, number, container)

    await _timer()  # logs what went wrong
    assert fault.times == 0
    await _timer()

    ended = (await service.http.get(f"operations/{started['id']}")).json()
    assert (ended["state"], ended["id"]) == ("completed", started["id"])
    assert ended["finished_at"] is not None
    assert await holding(service, CANARY, identifier) == []


async def test_an_operation_is_noted_after_the_purge_has_ended(service: Service) -> None:
    """The timer has been quicker than the request that has started it."""
    identifier = await _long(service, 400)

    noting = service.engine.faults.add(Fault("batch", "tenant_ops", delay=0.4))

    async def timer() -> None:
        while noting.times:  # noqa: ASYNC110 - the fault has no event to wait for
            await asyncio.sleep(0.005)
        await _timer()

    answer, _ = await asyncio.gather(service.http.delete(f"conversations/{identifier}?purge=true"), timer())

    started = answer.json()
    assert await holding(service, CANARY) == []
    assert started["state"] == "running"
    path = f"operations/{started['id']}"
    assert (await service.http.get(path)).json()["state"] == "completed"
    assert await holding(service, identifier) == []


async def test_purges_at_once_leave_nothing_and_are_told_the_same(service: Service) -> None:
    identifier = await _long(service, 700)
    path = f"conversations/{identifier}?purge=true"

    purges = [asyncio.create_task(service.http.delete(path)) for _ in range(3)]
    await asyncio.gather(*purges, _timer(), _timer())
    await asyncio.gather(_timer(), _timer())

    answers = [task.result() for task in purges]
    operations = {one.json()["id"] for one in answers if one.status_code == 202}
    assert {one.status_code for one in answers} <= {200, 202, 404}
    assert len(operations) <= 1
    for operation in operations:
        assert (await service.http.get(f"operations/{operation}")).json()["state"] == "completed"
    assert await holding(service, CANARY, identifier) == []


@pytest.mark.parametrize("after", [True, False])
async def test_a_lost_answer_doesnt_stop_a_purge(service: Service, after: bool) -> None:
    identifier = await _long(service, 120)
    for operation in ("patch", "batch", "delete"):
        lost = ServiceResponseError("reset")
        service.engine.faults.add(Fault(operation, error=lost, after=after))

    answer = await service.http.delete(f"conversations/{identifier}?purge=true")

    if answer.status_code != 200:
        refused(answer, 503, "unavailable")
        await _timer()
        await _timer()  # the first has met what the request didn't come to
    assert await holding(service, CANARY, identifier) == []


async def test_a_turn_that_runs_while_its_conversation_is_purged_leaves_nothing(service: Service) -> None:
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}"

    async def remove() -> None:
        assert (await service.http.delete(f"{path}?purge=true")).status_code == 200

    service.model.before_answering = remove  # type: ignore[method-assign]
    key = {"Idempotency-Key": "k"}
    answer = await service.http.post(f"{path}/ask", json={"content": CANARY}, headers=key)

    refused(answer, 404, "conversation_not_found")
    await service.background()
    assert await holding(service, CANARY, conversation["id"]) == []


async def test_writers_and_a_purge_at_once_leave_nothing(service: Service) -> None:
    identifier = await _long(service, 60)
    path = f"conversations/{identifier}"

    async def add(number: int) -> int:
        body, key = {"role": "user", "content": CANARY}, {"Idempotency-Key": str(number)}
        return (await service.http.post(f"{path}/messages", json=body, headers=key)).status_code

    async def remove() -> int:
        return (await service.http.delete(f"{path}?purge=true")).status_code

    removed, *statuses = await asyncio.gather(remove(), *(add(number) for number in range(10)))

    assert removed == 200
    assert set(statuses) <= {201, 404}
    assert await holding(service, CANARY, identifier) == []


async def test_one_that_cant_be_purged_doesnt_hold_up_the_others(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    identifiers = [await _long(service, 2) for _ in range(2)]
    for identifier in identifiers:
        _die_at(service, "query", 1)
        await service.http.delete(f"conversations/{identifier}?purge=true")
    broken: list[dict[str, Any]] = [{"op": "set", "path": "/activity", "value": "?"}]
    await service.conversations.patch_item(identifiers[0], OWNER, broken)

    await _timer()

    assert [one for one in identifiers if await holding(service, one)] == identifiers[:1]
    assert f"{identifiers[0]} could not be purged" in caplog.text


async def test_a_purge_of_two_thousand_messages_answers_at_once(service: Service) -> None:
    identifier = await _long(service, 2_000)
    started = time.perf_counter()

    with service.engine.recording() as calls:
        answer = await service.http.delete(f"conversations/{identifier}?purge=true")

    assert answer.status_code == 202
    assert time.perf_counter() - started < 2
    assert len(calls) <= 16  # whatever its size
    await _timer()
    assert await holding(service, CANARY, identifier) == []
