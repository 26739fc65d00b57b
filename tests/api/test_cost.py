"""What a request costs at the database, in round trips and request units; at any size the same."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.conftest import Service
from tests.api.costs import calls_of, charge_of, same_when_grown, store, warm
from tests.api.script import Script
from tests.api.server import eventually

KILOBYTE = "x" * 1_000
EVENTS = "turn_events"


ROUND_TRIPS: list[tuple[str, str, dict[str, Any] | None, list[str]]] = [
    ("POST", "conversations", {}, ["batch"]),
    ("GET", "conversations", None, ["query"]),
    ("GET", "conversations/{id}", None, ["read"]),
    ("PUT", "conversations/{id}", {"title": "Mine"}, ["read", "patch"]),
    ("DELETE", "conversations/{id}", None, ["read", "patch"]),
    ("POST", "conversations/{id}/restore", None, ["read"]),
    ("GET", "conversations/{id}/messages", None, ["read", "query"]),
    ("GET", "conversations/{id}/messages/{leaf}", None, ["read", "read"]),
    ("POST", "conversations/{id}/messages", {"role": "user", "content": "Hello."}, ["read", "batch"]),
    ("POST", "conversations/{id}/ask", {"content": "Hello?"}, ["read", "batch", "query", "batch"]),
    ("GET", "health/live", None, []),
    ("GET", "health/ready", None, ["read_container"]),
    ("GET", "openapi.json", None, []),
]


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    ROUND_TRIPS,
    ids=[f"{method} {path}" for method, path, _, _ in ROUND_TRIPS],
)
async def test_a_request_takes_these_round_trips(
    service: Service, method: str, path: str, body: dict[str, Any] | None, expected: list[str]
) -> None:
    identifier = await warm(service)
    leaf = (await service.get(identifier))["leaf_message_id"]

    calls = await calls_of(
        service, service.http.request(method, path.format(id=identifier, leaf=leaf), json=body)
    )

    assert [call.operation for call in calls] == expected


async def test_restoring_a_deleted_conversation_takes_two_round_trips(service: Service) -> None:
    identifier = await warm(service)
    await service.http.delete(f"conversations/{identifier}")

    calls = await calls_of(service, service.http.post(f"conversations/{identifier}/restore"))

    assert [call.operation for call in calls] == ["read", "patch"]


async def test_an_unknown_conversation_costs_one_read_and_a_malformed_id_nothing(service: Service) -> None:
    await warm(service)

    for identifier, expected in (("conv_01ARZ3NDEKTSV4RRFFQ69G5FAV", ["read"]), ("conv_1", [])):
        with service.engine.recording() as calls:
            await service.http.get(f"conversations/{identifier}")
        assert [call.operation for call in calls] == expected


async def test_refused_input_costs_nothing(service: Service) -> None:
    identifier = await warm(service)

    with service.engine.recording() as calls:
        await service.http.post(f"conversations/{identifier}/messages", json={"content": 7})
        await service.http.get("conversations?after=x")

    assert calls == []


async def test_charges_stay_within_what_the_design_allows(service: Service) -> None:
    identifier = await warm(service)
    for _ in range(20):
        await service.new_conversation(title="Bread", instructions="i" * 600)
        await service.add(identifier, "x" * 600)
    path = f"conversations/{identifier}"
    message = {"role": "user", "content": "x" * 600}

    charges = {
        name: charge_of(await calls_of(service, request))
        for name, request in {
            "read": service.http.get(path),
            "list": service.http.get("conversations"),
            "page": service.http.get(f"{path}/messages"),
            "append": service.http.post(f"{path}/messages", json=message),
            "turn": service.http.post(f"{path}/ask", json={"content": "x" * 600}),
        }.items()
    }

    # A point read of 1 KB is 1 RU; the document here is a little over that.
    bounds = {"read": 1.1, "list": 7, "page": 8, "append": 20, "turn": 75}
    assert {name: charge for name, charge in charges.items() if charge > bounds[name]} == {}
    assert all(charge > 0 for charge in charges.values())


def _conversations(first: int, count: int, *, deleted: bool = False) -> Iterator[dict[str, Any]]:
    """Documents as the service stores them; the list shows those that have an activity key."""
    for number in range(first, first + count):
        ulid = f"{number:026d}"
        key = f"{number:015d}{ulid}"
        listed = {"deletedAt": 1, "expiresAt": 2, "deletedKey": key} if deleted else {"activityKey": key}
        yield {
            "id": f"conv_{ulid}",
            "type": "conversation",
            "createdAt": number,
            "instructions": KILOBYTE,
            "activity": {"lastAt": number},
            **listed,
        }


def _messages(conversation_id: str, first: int, count: int) -> Iterator[dict[str, Any]]:
    for seq in range(first, first + count):
        yield {
            "id": f"msg_{seq:026d}",
            "type": "message",
            "conversationId": conversation_id,
            "seq": seq,
            "path": [[1, seq]],
            "messageKey": f"{conversation_id}:{seq:010d}",
            "branchKey": f"{conversation_id}:{1:010d}:{seq:010d}",
            "role": "user",
            "content": KILOBYTE,
            "createdAt": seq,
            "updatedAt": seq,
        }


async def _middle(service: Service, path: str, limit: int, **query: str) -> str:
    """The path of the page behind the first `limit` items, with the same items on it whatever follows."""
    page = (await service.http.get(path, params={"limit": limit, **query})).json()
    return f"{path}?limit={limit}&after={page['next_cursor']}" + "".join(
        f"&{name}={value}" for name, value in query.items()
    )


async def test_a_list_costs_the_same_among_two_thousand_conversations(service: Service) -> None:
    await warm(service)
    await store(service, _conversations(0, 10))
    paths = [
        "conversations?limit=5",
        "conversations?limit=5&order=asc",
        await _middle(service, "conversations", 3),
    ]

    async def grow() -> None:
        await store(service, _conversations(10, 1_990))

    await same_when_grown(service, paths, grow)


async def test_a_list_costs_the_same_beside_many_deleted_conversations(service: Service) -> None:
    await warm(service)
    await store(service, _conversations(0, 10))
    paths = [
        "conversations?limit=5",
        "conversations?limit=5&order=asc",
        await _middle(service, "conversations", 3),
    ]

    async def grow() -> None:
        await store(service, _conversations(10, 2_000, deleted=True))
        (listed,) = {(await service.http.get("conversations")).json()["has_more"]}
        assert listed is False

    await same_when_grown(service, paths, grow)


async def test_a_page_costs_the_same_among_two_thousand_messages(service: Service) -> None:
    identifier = await warm(service)
    path = f"conversations/{identifier}/messages"
    await store(service, _messages(identifier, 2, 10))
    paths = [f"{path}?limit=5", f"{path}?limit=5&order=desc", await _middle(service, path, 3)]

    async def grow() -> None:
        await store(service, _messages(identifier, 12, 1_990))

    await same_when_grown(service, paths, grow)


async def test_a_page_an_append_and_a_turn_cost_the_same_beside_other_conversations(
    service: Service,
) -> None:
    identifier = await warm(service)
    path = f"conversations/{identifier}"
    await store(service, _messages(identifier, 2, 10))
    message = {"role": "user", "content": KILOBYTE}
    other = "conv_" + "0" * 26

    async def append() -> float:
        return charge_of(await calls_of(service, service.http.post(f"{path}/messages", json=message)))

    before = await append()

    async def grow() -> None:
        await store(service, _messages(other, 100, 2_000))

    await same_when_grown(service, [path, f"{path}/messages?limit=5"], grow)
    assert await append() <= 1.2 * before


async def test_charges_are_logged_with_the_request(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    identifier = await warm(service)

    with caplog.at_level("INFO", "shared.requests"):
        calls = await calls_of(service, service.http.get(f"conversations/{identifier}/messages"))

    assert f"{len(calls)} database calls, {charge_of(calls):.2f} RU" in caplog.messages[-1]
    assert json.dumps(caplog.messages[-1]).find(identifier) < 0


async def test_the_events_of_a_turn_cost_seven_units_each_half_second_and_the_rest_as_ever(
    service: Service,
) -> None:
    identifier = await warm(service)
    path = f"conversations/{identifier}/ask"
    await service.http.post(path, json={"content": "Hm?", "stream": True})  # opens the events' container
    script = Script(*(f"word{number} " for number in range(25)))
    service.model.failing = script.response()

    with service.engine.recording() as calls:
        asking = asyncio.create_task(service.ask(identifier, "x" * 600))
        await eventually(lambda: asyncio.sleep(0, [one for one in calls if one.container == EVENTS][1:]), 5)
        script.end()
        await asking

    events = [call for call in calls if call.container == EVENTS]
    others = [call for call in calls if call.container != EVENTS]
    assert [call.operation for call in others] == ["read", "batch", "query", "batch"]
    assert charge_of(others) <= 75
    assert [call.operation for call in events] == ["upsert", "read"]
    assert charge_of(events) <= 7
