"""Queries across partitions that the client has to put together: by the SDK's own pipeline, plan and all."""

from typing import Any

import pytest
from azure.cosmos import exceptions
from azure.cosmos.aio import ContainerProxy

from tests.contract.conftest import KEY, an_item

RANKS = [4, 1, 3, 1, 2, 5, 0]
ACROSS = "SELECT VALUE {} FROM c WHERE IS_NUMBER(c.rank)"


@pytest.fixture
async def filled(container: ContainerProxy) -> ContainerProxy:
    """Seven items under seven users, and one without a rank."""
    for n, rank in enumerate(RANKS):
        await container.create_item(an_item(f"i{n}", userId=f"u{n}", rank=rank, team=f"t{rank % 2}"))
    await container.create_item(an_item("none", userId="u9", tags=["x", "y"]))
    return container


async def found(container: ContainerProxy, query: str, **options: Any) -> list[Any]:
    return [row async for row in container.query_items(query, **options)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT VALUE c.rank FROM c ORDER BY c.rank", sorted(RANKS)),
        ("SELECT VALUE c.rank FROM c ORDER BY c.rank DESC", sorted(RANKS, reverse=True)),
        ("SELECT c.rank, c.none FROM c WHERE c.rank > @n ORDER BY c.rank", [{"rank": 4}, {"rank": 5}]),
        ("SELECT VALUE c.rank + 1 FROM c WHERE c.rank > @n OR c.rank = 0 ORDER BY c.rank", [1, 5, 6]),
        ("SELECT TOP 2 VALUE c.rank FROM c ORDER BY c.rank", [0, 1]),
        ("SELECT TOP @n VALUE c.rank FROM c ORDER BY c.rank DESC", [5, 4, 3]),
        ("SELECT VALUE c.rank FROM c ORDER BY c.rank OFFSET 2 LIMIT @n", [1, 2, 3]),
        ("SELECT VALUE c.rank FROM c ORDER BY c.rank OFFSET 6 LIMIT 9", [5]),
        ("SELECT DISTINCT VALUE c.rank FROM c ORDER BY c.rank", [0, 1, 2, 3, 4, 5]),
        ("SELECT DISTINCT TOP 3 VALUE c.rank FROM c ORDER BY c.rank", [0, 1, 2]),
        ("SELECT VALUE COUNT(1) FROM c", [8]),
        ("SELECT VALUE COUNT(c.rank) FROM c WHERE c.rank >= @n", [3]),
        ("SELECT VALUE COUNTIF(c.rank > @n) FROM c", [2]),
        ("SELECT VALUE SUM(c.rank) FROM c", [16]),
        ("SELECT VALUE AVG(c.rank) FROM c", [16 / 7]),
        ("SELECT VALUE MIN(c.rank) FROM c", [0]),
        ("SELECT VALUE MAX(c.rank) FROM c", [5]),
        ("SELECT VALUE COUNT(t) FROM c JOIN t IN c.tags", [2]),
        ("SELECT VALUE [c.id, t] FROM c JOIN t IN c.tags ORDER BY c.id", [["none", "x"], ["none", "y"]]),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 100])
async def test_the_client_puts_together_what_the_partitions_give(
    filled: ContainerProxy, query: str, expected: list[Any], size: int
) -> None:
    parameters = [{"name": "@n", "value": 3}]
    assert await found(filled, query, parameters=parameters, max_item_count=size) == expected


async def test_whole_items_come_in_order(filled: ContainerProxy) -> None:
    items = await found(filled, "SELECT * FROM c WHERE c.rank != 1 ORDER BY c.rank")
    assert [item["rank"] for item in items] == [0, 2, 3, 4, 5]
    assert all(item["_etag"] for item in items)


async def test_distinct_and_limits_need_no_order(filled: ContainerProxy) -> None:
    teams = await found(filled, "SELECT DISTINCT c.team FROM c WHERE IS_DEFINED(c.team)")
    assert sorted(team["team"] for team in teams) == ["t0", "t1"]
    assert len(await found(filled, "SELECT TOP 3 * FROM c")) == 3
    assert len(await found(filled, "SELECT * FROM c OFFSET 6 LIMIT 5")) == 2
    assert len(await found(filled, "SELECT DISTINCT VALUE c.team FROM c OFFSET 1 LIMIT 5")) == 1


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("SELECT c.team, COUNT(1) AS n FROM c GROUP BY c.team", "GroupBy"),
        ("SELECT COUNT(1) AS n FROM c", "NonValueAggregate"),
        ("SELECT COUNT(1) AS n, SUM(c.rank) AS s FROM c", "MultipleAggregates"),
        ("SELECT VALUE COUNT(1) + 1 FROM c", "Compositions of aggregates"),
        ("SELECT * FROM c ORDER BY c.team, c.rank", "composite index"),
        ("SELECT * FROM c ORDER BY c.unindexed", "excluded"),
    ],
)
async def test_what_the_client_can_not_put_together_is_refused_by_name(
    filled: ContainerProxy, query: str, named: str
) -> None:
    with pytest.raises(exceptions.CosmosHttpResponseError, match=named) as refused:
        await found(filled, query)
    assert refused.value.status_code == 400


async def test_a_prefix_of_the_key_is_asked_as_it_is_written(filled: ContainerProxy) -> None:
    await filled.create_item(an_item("far", tenantId="t2", rank=9))
    prefix: dict[str, Any] = {"partition_key": ["t1"]}
    assert await found(filled, "SELECT VALUE COUNT(1) FROM c", **prefix) == [8]
    assert (
        await found(filled, "SELECT VALUE c.rank FROM c ORDER BY c.rank DESC", **prefix)
        == sorted(RANKS)[::-1]
    )
    grouped = await found(filled, "SELECT c.team, COUNT(1) AS n FROM c GROUP BY c.team", **prefix)
    assert grouped == [{"n": 1}, {"team": "t0", "n": 3}, {"team": "t1", "n": 4}]


async def test_a_logical_partition_needs_no_plan(filled: ContainerProxy) -> None:
    await filled.create_item(an_item("i", rank=7, team="t1"))
    query = "SELECT c.team, COUNT(1) AS n, MAX(c.rank) AS most FROM c GROUP BY c.team"
    assert await found(filled, query, partition_key=["t1", "u1"]) == [{"team": "t1", "n": 2, "most": 7}]
    assert KEY == ["t1", "u1"]
