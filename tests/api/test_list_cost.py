"""What filtered and sorted lists cost: the same at any size, or within a bound that docs/costs.md states."""

import pytest

from shared.repository.conversation_lists import EXAMINED
from tests.api.conftest import Service
from tests.api.costs import calls_of, charge_of, same_when_grown, store, warm
from tests.api.pages import page, walk
from tests.api.raw import conversations, deleted_conversations

SCALARS = {
    "status": "ended",
    "product": "co_pilot",
    "agent_id": "ada",
    "org_id": "north",
    "entity_type": "LEAD",
}
# Request units of one page of a list that is filtered document by document: three queries, or six.
BOUND, BOUND_OF_TWO = 60.0, 120.0


@pytest.mark.parametrize("name", SCALARS)
@pytest.mark.parametrize("order", ["desc", "asc"])
async def test_one_scalar_filter_costs_the_same_among_two_thousand_conversations(
    service: Service, name: str, order: str
) -> None:
    await warm(service)
    field = {"agent_id": "agentId", "org_id": "orgId", "entity_type": "entityType"}.get(name, name)
    await store(service, conversations(1, 10, **{field: SCALARS[name]}))

    async def grow() -> None:
        await store(service, conversations(100, 990))
        await store(service, conversations(2_000, 1_000, **{field: SCALARS[name]}))

    await same_when_grown(service, [f"conversations?limit=5&order={order}&{name}={SCALARS[name]}"], grow)
    found = await walk(service, "conversations", limit=100, order=order, **{name: SCALARS[name]})
    assert len(found) == 1_010


async def test_one_value_among_many_others_costs_as_much_as_alone(service: Service) -> None:
    await warm(service)
    await store(service, conversations(1, 3, product="rare"))

    async def grow() -> None:
        await store(service, conversations(100, 2_000, product="common"))

    await same_when_grown(service, ["conversations?product=rare"], grow)


@pytest.mark.parametrize("sort", ["created_at", "title"])
async def test_a_first_page_by_age_or_title_costs_the_same_among_two_thousand(
    service: Service, sort: str
) -> None:
    await warm(service)
    await store(service, conversations(1, 300))
    path = f"conversations?limit=20&sort={sort}"

    async def grow() -> None:
        await store(service, conversations(1_000, 1_700))

    await same_when_grown(service, [path, f"{path}&order=asc", f"{path}&order=desc"], grow)
    assert charge_of(await calls_of(service, service.http.get(path))) <= 7


async def test_deleted_ones_cost_the_same_among_two_thousand_others(service: Service) -> None:
    await warm(service)
    await store(service, deleted_conversations(1, 10))

    async def grow() -> None:
        await store(service, conversations(100, 1_000))
        await store(service, deleted_conversations(5_000, 1_000))

    paths = ["conversations?limit=5&deleted=only&order=asc", "conversations?limit=5&deleted=only"]
    await same_when_grown(service, paths, grow)


@pytest.mark.parametrize(
    ("query", "bound"),
    [
        ({"tag": "red"}, BOUND),
        ({"query": "rye"}, BOUND),
        ({"product": "co_pilot", "tag": "red"}, BOUND),
        ({"product": "co_pilot", "status": "ended"}, BOUND),
        ({"sort": "created_at", "product": "other"}, BOUND),
        ({"sort": "title", "tag": "red"}, BOUND),
        ({"sort": "title", "deleted": "only"}, BOUND),
        ({"deleted": "include", "tag": "red"}, BOUND_OF_TWO),
        ({"deleted": "include", "product": "other"}, BOUND_OF_TWO),
    ],
)
async def test_a_filter_that_finds_nothing_ends_within_its_bound_and_goes_on(
    service: Service, query: dict[str, str], bound: float
) -> None:
    await warm(service)
    await store(service, conversations(1, 600, product="co_pilot"))

    calls = await calls_of(service, service.http.get("conversations", params=query))
    empty = await page(service, "conversations", **query)

    assert charge_of(calls) <= bound
    assert len(calls) <= 6
    assert (empty["data"], empty["first_id"], empty["has_more"]) == ([], None, True)
    assert await walk(service, "conversations", **query) == []


@pytest.mark.parametrize("query", [{"tag": "red"}, {"tag": "red", "sort": "title"}])
async def test_short_pages_give_each_match_once_however_far_apart(
    service: Service, query: dict[str, str]
) -> None:
    await warm(service)
    await store(service, conversations(1, 1, tags=["red"]))
    await store(service, conversations(2, 2 * EXAMINED))
    await store(service, conversations(1_000, 2, tags=["red"]))

    first = await page(service, "conversations", **query, order="desc")

    assert len(first["data"]) == 2
    assert first["has_more"] is True
    found = await walk(service, "conversations", **query, order="desc")
    assert found == [f"conv_{number:026d}" for number in (1_001, 1_000, 1)]
