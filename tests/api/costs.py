"""Measuring what requests cost at the database."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx2

from local.cosmos.calls import Call
from tests.api.conftest import Service

OWNER = ["local-tenant", "local-user"]


async def warm(service: Service) -> str:
    """A conversation of 1 KB, after calls that have opened the client and taught the SDK the partitions.

    The product makes the tenant's policy known, which is read once a minute.
    """
    conversation = await service.new_conversation(title="Bread", instructions="i" * 600, product="bakery")
    await service.ask(conversation["id"], "Hello?")
    await service.http.get("conversations")
    return str(conversation["id"])


async def calls_of(service: Service, request: Awaitable[httpx2.Response]) -> list[Call]:
    """The round trips of a request that went well."""
    with service.engine.recording() as calls:
        answer = await request
    assert answer.status_code < 300, answer.text
    return calls


def charge_of(calls: list[Call]) -> float:
    return sum(call.charge for call in calls)


async def store(service: Service, documents: Iterator[dict[str, Any]]) -> None:
    owner = dict(zip(("tenantId", "userId"), OWNER, strict=True))
    operations = [("create", ({**document, **owner},)) for document in documents]
    for start in range(0, len(operations), 100):
        await service.conversations.execute_item_batch(operations[start : start + 100], OWNER)


async def same_when_grown(service: Service, paths: list[str], grow: Callable[[], Awaitable[None]]) -> None:
    """Assert that what these paths answer costs the same before and after."""

    async def costs() -> list[tuple[list[str], float]]:
        found = [await calls_of(service, service.http.get(path)) for path in paths]
        return [([call.operation for call in calls], charge_of(calls)) for calls in found]

    before = await costs()
    await grow()
    for (few, cheap), (many, dear) in zip(before, await costs(), strict=True):
        assert many == few
        assert dear <= 1.2 * cheap
