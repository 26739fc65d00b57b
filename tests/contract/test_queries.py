"""Queries by page: in one logical partition, in a prefix, and across partitions."""

import json
from typing import Any

import pytest
from azure.cosmos import exceptions
from azure.cosmos.aio import ContainerProxy

from tests.contract.conftest import KEY, LARGE_BODIES, OTHER_KEY, Clock, an_item

BY_RANK = "SELECT * FROM c WHERE c.rank >= @least ORDER BY c.rank DESC"
LEAST_0 = [{"name": "@least", "value": 0}]


async def fill(container: ContainerProxy, count: int) -> None:
    for n in range(count):
        await container.create_item(an_item(f"i{n}", rank=n, team=n % 2))
    await container.create_item(an_item("other", userId="u2", rank=5, team=1))
    await container.create_item(an_item("far", tenantId="t2", rank=5, team=1))


async def ids(container: ContainerProxy, query: str, **options: Any) -> list[Any]:
    return [item["id"] async for item in container.query_items(query, **options)]


async def test_a_query_sees_its_logical_partition_only(container: ContainerProxy) -> None:
    await fill(container, 3)
    assert await ids(container, BY_RANK, parameters=LEAST_0, partition_key=KEY) == ["i2", "i1", "i0"]
    assert await ids(container, BY_RANK, parameters=LEAST_0, partition_key=OTHER_KEY) == ["other"]
    assert await ids(container, BY_RANK, parameters=LEAST_0, partition_key=["t9", "u9"]) == []


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
async def test_pages_give_each_item_once_and_in_order(container: ContainerProxy, size: int) -> None:
    await fill(container, 7)
    pages = container.query_items(
        BY_RANK, parameters=LEAST_0, partition_key=KEY, max_item_count=size
    ).by_page()
    found = [[item["rank"] async for item in page] async for page in pages]
    assert [rank for page in found for rank in page] == [6, 5, 4, 3, 2, 1, 0]
    assert all(len(page) <= size for page in found)


async def test_equal_keys_are_paged_without_loss(container: ContainerProxy) -> None:
    for n in range(5):
        await container.create_item(an_item(f"i{n}", rank=1))
    found = await ids(container, BY_RANK, parameters=LEAST_0, partition_key=KEY, max_item_count=2)
    assert sorted(found) == [f"i{n}" for n in range(5)]


async def test_a_token_goes_on_past_writes_in_between(container: ContainerProxy) -> None:
    await fill(container, 6)
    options: dict[str, Any] = {"parameters": LEAST_0, "partition_key": KEY, "max_item_count": 2}
    pages: Any = container.query_items(BY_RANK, **options).by_page()
    assert [item["rank"] async for item in await anext(pages)] == [5, 4]
    await container.delete_item("i4", KEY)
    await container.create_item(an_item("top", rank=99))
    rest: Any = container.query_items(BY_RANK, **options).by_page(pages.continuation_token)
    assert [item["rank"] async for page in rest async for item in page] == [3, 2, 1, 0]


async def test_a_token_of_another_partition_is_refused(container: ContainerProxy) -> None:
    await fill(container, 4)
    pages: Any = container.query_items(
        BY_RANK, parameters=LEAST_0, partition_key=KEY, max_item_count=2
    ).by_page()
    await anext(pages)
    other = container.query_items(BY_RANK, parameters=LEAST_0, partition_key=OTHER_KEY)
    with pytest.raises(exceptions.CosmosHttpResponseError) as refused:
        await anext(other.by_page(pages.continuation_token))
    assert refused.value.status_code == 400


async def test_a_prefix_of_the_key_sees_what_begins_with_it(container: ContainerProxy) -> None:
    await fill(container, 2)
    query = "SELECT * FROM c WHERE c.rank >= 0"
    assert sorted(await ids(container, query, partition_key=["t1"])) == ["i0", "i1", "other"]
    assert await ids(container, query, partition_key=["t2"]) == ["far"]


async def test_a_filter_runs_across_partitions(container: ContainerProxy) -> None:
    await fill(container, 2)
    assert sorted(await ids(container, "SELECT * FROM c WHERE c.team = 1")) == ["far", "i1", "other"]


async def test_pages_across_partitions_give_each_item_once(container: ContainerProxy) -> None:
    await fill(container, 6)
    found = await ids(container, "SELECT * FROM c WHERE c.rank >= 0", max_item_count=3)
    assert sorted(found) == ["far", "i0", "i1", "i2", "i3", "i4", "i5", "other"]


async def test_an_aggregate_of_one_partition_is_one_value(container: ContainerProxy) -> None:
    await fill(container, 3)
    counted: Any = container.query_items("SELECT VALUE COUNT(1) FROM c", partition_key=KEY)
    assert [value async for value in counted] == [3]


@pytest.mark.parametrize("query", ["SELECT", "SELECT * FROM c WHERE", "SELECT * FROM c WHERE UNKNOWN(c.x)"])
async def test_a_query_that_can_not_be_understood_is_refused(container: ContainerProxy, query: str) -> None:
    with pytest.raises(exceptions.CosmosHttpResponseError) as refused:
        await ids(container, query, partition_key=KEY)
    assert refused.value.status_code == 400


async def test_an_order_without_an_index_is_refused(container: ContainerProxy) -> None:
    with pytest.raises(exceptions.CosmosHttpResponseError) as refused:
        await ids(container, "SELECT * FROM c ORDER BY c.unindexed", partition_key=KEY)
    assert refused.value.status_code == 400


async def test_all_items_come_in_pages(container: ContainerProxy) -> None:
    await fill(container, 4)
    pages = container.read_all_items(max_item_count=4).by_page()
    found = [[item["id"] async for item in page] async for page in pages]
    assert [len(page) for page in found] == [4, 2]
    assert len({item for page in found for item in page}) == 6


async def test_many_items_are_read_at_once(container: ContainerProxy) -> None:
    await fill(container, 3)
    wanted: list[Any] = [("i0", KEY), ("i2", KEY), ("far", ["t2", "u1"]), ("missing", KEY)]
    found = await container.read_items(wanted)
    assert sorted(item["id"] for item in found) == ["far", "i0", "i2"]


async def test_the_index_follows_changes_and_deletes(container: ContainerProxy) -> None:
    await fill(container, 3)
    await container.patch_item("i0", KEY, [{"op": "set", "path": "/rank", "value": 10}])
    await container.patch_item("i1", KEY, [{"op": "remove", "path": "/rank"}])
    await container.delete_item("i2", KEY)
    assert await ids(container, BY_RANK, parameters=LEAST_0, partition_key=KEY) == ["i0"]


async def test_a_scan_costs_more_than_an_indexed_query(container: ContainerProxy) -> None:
    await fill(container, 30)
    charges: list[float] = []

    def note(headers: Any, _: Any) -> None:
        charges.append(float(headers["x-ms-request-charge"]))

    await ids(container, "SELECT * FROM c WHERE c.rank = 5", partition_key=KEY, response_hook=note)
    await ids(container, "SELECT * FROM c WHERE c.email = 'i5'", partition_key=KEY, response_hook=note)
    assert 2 < charges[0] < charges[1]


NESTED: list[dict[str, Any]] = [
    {
        "rank": 2,
        "team": "a",
        "tags": ["x", "y"],
        "kids": [{"name": "Ann", "age": 4}, {"name": "Bob", "age": 7}],
    },
    {"rank": 1, "team": "b", "tags": [], "kids": [{"name": "Cid", "age": 1}]},
    {"rank": 3, "team": "a", "tags": ["x"]},
    {"rank": "high"},
]


@pytest.fixture
async def nested(container: ContainerProxy) -> ContainerProxy:
    for n, properties in enumerate(NESTED):
        await container.create_item(an_item(f"i{n}", **properties))
    return container


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT c.id, t FROM c JOIN t IN c.tags WHERE t = 'x'",
         [{"id": "i0", "t": "x"}, {"id": "i2", "t": "x"}]),
        ("SELECT VALUE k.name FROM k IN c.kids WHERE k.age > 1", ["Ann", "Bob"]),
        ("SELECT VALUE [t, k.name] FROM c JOIN t IN c.tags JOIN k IN c.kids",
         [["x", "Ann"], ["x", "Bob"], ["y", "Ann"], ["y", "Bob"]]),
        ("SELECT VALUE c.id FROM c WHERE EXISTS(SELECT VALUE k FROM k IN c.kids WHERE k.age < 2)", ["i1"]),
        ("SELECT VALUE ARRAY(SELECT VALUE UPPER(k.name) FROM k IN c.kids) FROM c WHERE c.rank < 3",
         [["ANN", "BOB"], ["CID"]]),
        ("SELECT VALUE n FROM c JOIN (SELECT VALUE COUNT(1) FROM t IN c.tags) AS n", [2, 0, 1, 0]),
        ("SELECT VALUE (SELECT VALUE SUM(k.age) FROM k IN c.kids) FROM c WHERE c.id = 'i0'", [11]),
        ("SELECT {who: c.id, all: [c.rank, c.none]} AS o FROM c WHERE c.rank = 1",
         [{"o": {"who": "i1", "all": [1]}}]),
        ("SELECT DISTINCT VALUE c.team FROM c", ["a", "b"]),
        ("SELECT TOP @n VALUE c.id FROM c WHERE c.rank > 0 ORDER BY c.rank DESC", ["i2", "i0"]),
        ("SELECT VALUE c.rank FROM c ORDER BY c.rank", [1, 2, 3, "high"]),
        ("SELECT c.team, COUNT(1) AS n, AVG(c.rank) AS r FROM c WHERE c.team != null GROUP BY c.team",
         [{"team": "a", "n": 2, "r": 2.5}, {"team": "b", "n": 1, "r": 1}]),
        ("SELECT SUM(c.rank) AS s, MIN(c.rank) AS low, MAX(c.rank) AS most, COUNT(c.team) AS n FROM c",
         [{"low": 1, "most": "high", "n": 3}]),
        ("SELECT COUNT(1) AS n, SUM(c.rank) AS s, MAX(c.rank) AS most FROM c WHERE c.rank = 99",
         [{"n": 0, "s": 0}]),
        ("SELECT VALUE DateTimeAdd('dd', 1, '2020-02-28') FROM c WHERE c.rank = 1",
         ["2020-02-29T00:00:00.0000000Z"]),
        ("SELECT VALUE c.rank & 1 FROM c WHERE c.rank BETWEEN 1 AND 3", [0, 1, 1]),
        ("SELECT VALUE c.team ?? c.rank ?? 'none' FROM c WHERE NOT IS_DEFINED(c.tags)", ["high"]),
        ("SELECT VALUE 1", [1]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [1, 100])
async def test_a_partition_is_asked_in_the_whole_dialect(
    nested: ContainerProxy, query: str, expected: list[Any], size: int
) -> None:
    options: dict[str, Any] = {"partition_key": KEY, "parameters": [{"name": "@n", "value": 2}]}
    found: list[Any] = [row async for row in nested.query_items(query, max_item_count=size, **options)]
    assert sorted(map(json.dumps, found)) == sorted(map(json.dumps, expected))
    assert found == expected or "ORDER BY" not in query


async def test_a_page_may_end_within_an_item_and_goes_on_there_past_writes(nested: ContainerProxy) -> None:
    query = "SELECT VALUE [c.id, t] FROM c JOIN t IN c.tags ORDER BY c.rank"
    options: dict[str, Any] = {"partition_key": KEY, "max_item_count": 1}
    pages: Any = nested.query_items(query, **options).by_page()
    assert [row async for row in await anext(pages)] == [["i0", "x"]]
    await nested.create_item(an_item("before", rank=0, tags=["b"]))
    await nested.create_item(an_item("behind", rank=9, tags=["z"]))
    rest: Any = nested.query_items(query, **options).by_page(pages.continuation_token)
    assert [row async for page in rest async for row in page] == [["i0", "y"], ["i2", "x"], ["behind", "z"]]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("SELECT * FROM c ORDER BY c.team, c.rank", "composite index"),
        ("SELECT * FROM c WHERE FullTextContains(c.team, 'a')", "FullTextContains"),
        ("SELECT TOP 1 * FROM c ORDER BY RANK FullTextScore(c.team, 'a')", "FullTextScore|RANK"),
        ("SELECT TOP 1 * FROM c ORDER BY VectorDistance(c.v, [1])", "VectorDistance"),
        ("SELECT * FROM c WHERE ST_DISTANCE(c.a, c.b) < 1", "ST_DISTANCE"),
        ("SELECT udf.tax(c.rank) FROM c", "user-defined"),
        ("SELECT t FROM c JOIN t IN d.tags", "'d'"),
        ("SELECT c.id, COUNT(1) FROM c GROUP BY c.team", "GROUP BY"),
        ("SELECT (SELECT VALUE k FROM k IN c.kids) FROM c", "cardinality"),
    ],
)
async def test_what_is_not_served_is_refused_by_name(nested: ContainerProxy, query: str, named: str) -> None:
    with pytest.raises(exceptions.CosmosHttpResponseError, match=named) as refused:
        await ids(nested, query, partition_key=KEY)
    assert refused.value.status_code == 400


async def test_a_query_knows_the_time(container: ContainerProxy, clock: Clock) -> None:
    await container.create_item(an_item("i"))
    clock.advance(0.25)
    query = "SELECT VALUE [GetCurrentTimestamp() - c._ts * 1000, GetCurrentDateTime()] FROM c"
    found: list[Any] = [row async for row in container.query_items(query, partition_key=KEY)]
    assert found == [[250, "2023-11-14T22:13:20.2500000Z"]]


async def test_ties_are_broken_by_the_order_of_creation(container: ContainerProxy) -> None:
    for n in (3, 1, 2):
        await container.create_item(an_item(f"i{n}", rank=1))
    query = "SELECT VALUE c.id FROM c ORDER BY c.rank"
    found: list[Any] = [row async for row in container.query_items(query, partition_key=KEY)]
    assert found == ["i3", "i1", "i2"]


@LARGE_BODIES
async def test_pages_end_at_4_mb(container: ContainerProxy) -> None:
    for n in range(6):
        await container.create_item(an_item(f"i{n}", rank=n, text="x" * 1_500_000))
    pages = container.query_items("SELECT * FROM c", partition_key=KEY, max_item_count=-1).by_page()
    assert [len([item async for item in page]) async for page in pages] == [2, 2, 2]
