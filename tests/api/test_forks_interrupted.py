"""A fork that is cut short goes on with its key, once; one that nobody goes on with is never seen."""

import asyncio
from typing import Any

import httpx2
import pytest
from azure.core.exceptions import ServiceResponseError

from functions.background import end_inactive, purge, sweep
from local.cosmos import Fault
from tests.api.conftest import Service
from tests.api.pages import page, walk
from tests.api.raw import grow, holding
from tests.api.refusals import refused

KEY = {"Idempotency-Key": "fork"}
EMOJI = "👩" * 100_000  # 400 kB in UTF-8


async def _source(service: Service, count: int) -> str:
    one = await service.new_conversation(title="Source")
    await service.add(one["id"], "Message 1")
    await grow(service, one["id"], count - 1)
    return str(one["id"])


async def _fork(service: Service, identifier: str, key: dict[str, str] = KEY) -> httpx2.Response:
    return await service.http.post(f"conversations/{identifier}/fork", headers=key)


def _die_at(service: Service, operation: str, number: int) -> Fault:
    """Let the database refuse the n-th operation of a kind, for good."""
    if number > 1:
        service.engine.faults.add(Fault(operation, times=number - 1))  # those go on as usual
    return service.engine.faults.add(Fault(operation, status=400))


async def _messages(service: Service, identifier: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 100}
    while True:
        one = await page(service, f"conversations/{identifier}/messages", **query)
        found += one["data"]
        if not one["has_more"]:
            return found
        query["after"] = one["next_cursor"]


async def _check(service: Service, source: str, fork: dict[str, Any], count: int) -> None:
    """A fork is whole, and the only one."""
    assert await walk(service, "conversations", deleted="include", sort="title") == sorted(
        [source, fork["id"]]
    )
    assert (fork["forked_from"], fork["message_count"]) == (source, count)
    path = f"conversations/{fork['id']}/messages"
    messages = await _messages(service, fork["id"])
    assert [one["seq"] for one in messages] == list(range(1, count + 1))
    assert [one["parent_id"] for one in messages] == [None, *(one["id"] for one in messages[:-1])]
    assert fork["leaf_message_id"] == messages[-1]["id"]
    assert len(await walk(service, path, leaf=fork["leaf_message_id"], limit=100)) == count


@pytest.mark.parametrize("count", [47, 48, 49, 96, 150])
async def test_a_fork_of_any_length_is_whole(service: Service, count: int) -> None:
    source = await _source(service, count)

    answer = await _fork(service, source, {})

    assert answer.status_code == 201
    await _check(service, source, answer.json(), count)


async def test_messages_of_any_size_are_copied(service: Service) -> None:
    source = (await service.new_conversation(title="Source"))["id"]
    path = f"conversations/{source}/messages"
    for number in range(7):
        body = {"role": "user", "content": f"{number}{EMOJI[1:]}", "display_text": EMOJI}
        assert (await service.http.post(path, json=body)).status_code == 201

    answer = await _fork(service, source)

    assert answer.status_code == 201, answer.text
    await _check(service, source, answer.json(), 7)
    copies = await _messages(service, answer.json()["id"])
    assert [one["content"] for one in copies] == [f"{number}{EMOJI[1:]}" for number in range(7)]


@pytest.mark.parametrize(
    ("operation", "number"),
    [("query", 1), ("query", 3), ("batch", 2), ("batch", 3), ("batch", 4), ("batch", 5), ("patch", 1)],
)
async def test_a_fork_that_died_is_finished_by_its_key(service: Service, operation: str, number: int) -> None:
    source = await _source(service, 150)
    fault = _die_at(service, operation, number)
    refused(await _fork(service, source), 500, "internal_error")
    assert fault.times == 0
    visible = operation == "patch"  # of the receipt, when the copy is whole
    assert len(await walk(service, "conversations", deleted="include", sort="created_at")) == 1 + visible
    service.clock.pass_seconds(31)

    answer = await _fork(service, source)
    again = await _fork(service, source)

    assert answer.status_code == again.status_code == 201
    assert again.json() == answer.json()
    assert again.headers["idempotency-replayed"] == "true"
    await _check(service, source, answer.json(), 150)


async def test_a_fork_that_dies_again_and_again_comes_to_its_end(service: Service) -> None:
    source = await _source(service, 150)
    for _ in range(3):
        _die_at(service, "batch", 2)
        refused(await _fork(service, source), 500, "internal_error")
        service.clock.pass_seconds(31)

    answer = await _fork(service, source)

    assert answer.status_code == 201
    await _check(service, source, answer.json(), 150)


async def test_while_a_fork_may_be_alive_its_key_is_in_progress(service: Service) -> None:
    source = await _source(service, 150)
    _die_at(service, "batch", 3)
    await _fork(service, source)

    answer = await _fork(service, source)

    refused(answer, 409, "request_in_progress")
    assert answer.headers["retry-after"]


async def test_forks_at_once_with_one_key_are_one(service: Service) -> None:
    source = await _source(service, 150)

    answers = await asyncio.gather(*(_fork(service, source) for _ in range(5)))

    made = [answer for answer in answers if answer.status_code == 201]
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json()["id"] for answer in made}) == 1
    await _check(service, source, made[0].json(), 150)


async def test_two_that_finish_one_fork_make_one(service: Service) -> None:
    source = await _source(service, 150)
    _die_at(service, "batch", 3)
    await _fork(service, source)
    service.clock.pass_seconds(31)

    answers = await asyncio.gather(*(_fork(service, source) for _ in range(3)))

    assert {answer.status_code for answer in answers} <= {201, 409}
    service.clock.pass_seconds(31)
    await _check(service, source, (await _fork(service, source)).json(), 150)


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("number", [1, 2, 3, 5])
async def test_a_lost_answer_is_made_up_for(service: Service, number: int, after: bool) -> None:
    source = await _source(service, 150)
    service.engine.faults.add(Fault("batch", times=number - 1))
    service.engine.faults.add(Fault("batch", error=ServiceResponseError("reset"), after=after))

    answer = await _fork(service, source)

    assert answer.status_code == 201
    await _check(service, source, answer.json(), 150)


async def test_the_same_key_for_another_fork_is_refused(service: Service) -> None:
    source, other = await _source(service, 3), await _source(service, 3)
    await _fork(service, source)

    refused(await _fork(service, other), 422, "idempotency_key_reused", "Idempotency-Key")


async def _abandoned(service: Service) -> tuple[str, str]:
    """A source, and the id of a fork of it that has died half-way."""
    source = await _source(service, 150)
    _die_at(service, "batch", 3)
    await _fork(service, source)
    (receipt,) = [
        one async for one in service.conversations.query_items("SELECT * FROM c WHERE c.type = 'receipt'")
    ]
    return source, receipt["conversationId"]


async def test_an_unfinished_fork_is_nowhere(service: Service) -> None:
    source, fork = await _abandoned(service)
    path = f"conversations/{fork}"

    for method, action in (
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/restore"),
        ("POST", "/end"),
        ("POST", "/fork"),
        ("GET", "/messages"),
        ("GET", "/context"),
        ("GET", "/analytics"),
    ):
        refused(await service.http.request(method, path + action), 404, "conversation_not_found")
    for sort in ("last_activity_at", "created_at", "title"):
        for deleted in ("only", "include"):
            assert fork not in await walk(service, "conversations", sort=sort, deleted=deleted)
    for timer in (purge, sweep, end_inactive):
        await timer(None)
    service.clock.pass_seconds(31)
    answer = await _fork(service, source)
    await _check(service, source, answer.json(), 150)


async def test_a_fork_that_nobody_finishes_is_purged_after_an_hour(service: Service) -> None:
    source, fork = await _abandoned(service)
    service.clock.pass_seconds(3_500)
    await purge(None)
    assert await holding(service, fork) != []

    service.clock.pass_seconds(101)
    await purge(None)

    assert await holding(service, fork) == []
    answer = await _fork(service, source)  # the key is free again
    assert answer.status_code == 201
    await _check(service, source, answer.json(), 150)


async def test_a_fork_is_not_finished_while_it_is_purged(service: Service) -> None:
    source, fork = await _abandoned(service)
    service.clock.pass_seconds(3_700)
    _die_at(service, "batch", 2)
    await purge(None)
    assert await holding(service, fork) != []

    refused(await _fork(service, source), 404, "conversation_not_found")

    await purge(None)
    assert await holding(service, fork) == []
