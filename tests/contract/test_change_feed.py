"""The change feed: latest versions in the order of commits, from any position."""

from datetime import UTC, datetime
from itertools import chain
from typing import Any

import pytest
from azure.cosmos import exceptions
from azure.cosmos.aio import ContainerProxy

from tests.contract.conftest import KEY, OTHER_KEY, Clock, an_item


async def changes(container: ContainerProxy, **where: Any) -> list[str]:
    where = where or {"start_time": "Beginning"}
    return [item["id"] async for item in container.query_items_change_feed(**where)]


async def test_each_item_comes_once_at_its_newest_version(container: ContainerProxy) -> None:
    for name in "abc":
        await container.create_item(an_item(name, n=1))
    await container.replace_item("a", an_item("a", n=2))
    await container.delete_item("b", KEY)
    found = [item async for item in container.query_items_change_feed(start_time="Beginning")]
    assert [(item["id"], item["n"]) for item in found] == [("c", 1), ("a", 2)]
    assert found[0]["_lsn"] < found[1]["_lsn"]


async def test_a_continuation_goes_on_where_it_stopped(container: ContainerProxy) -> None:
    for name in "abcde":
        await container.create_item(an_item(name))
    pages: Any = container.query_items_change_feed(start_time="Beginning", max_item_count=2).by_page()
    first = [item["id"] async for item in await anext(pages)]
    await container.create_item(an_item("f"))
    rest = await changes(container, continuation=pages.continuation_token)
    assert (first, rest) == (["a", "b"], ["c", "d", "e", "f"])


async def test_all_of_one_batch_comes_in_one_page(container: ContainerProxy) -> None:
    await container.create_item(an_item("first"))
    await container.execute_item_batch([("create", (an_item(name),)) for name in "abcd"], KEY)
    await container.create_item(an_item("last"))
    feed = container.query_items_change_feed(start_time="Beginning", max_item_count=2).by_page()
    pages = [[item["id"] async for item in page] async for page in feed]
    assert pages == [["first", "a", "b", "c", "d"], ["last"]]


async def test_from_now_on_only_what_comes_after(container: ContainerProxy) -> None:
    await container.create_item(an_item("old"))
    assert await changes(container, start_time="Now") == []
    token = container.client_connection.last_response_headers["etag"]  # the only place where it stands
    await container.create_item(an_item("new"))
    assert await changes(container, continuation=token) == ["new"]


async def test_a_point_in_time_leaves_out_what_is_older(container: ContainerProxy, clock: Clock) -> None:
    await container.create_item(an_item("old"))
    clock.advance(100)
    start = datetime.fromtimestamp(clock.now, UTC)
    await container.create_item(an_item("new"))
    assert await changes(container, start_time=start) == ["new"]


@pytest.mark.parametrize(("key", "expected"), [(KEY, ["a"]), (OTHER_KEY, ["b"]), (["t1"], ["a", "b"])])
async def test_the_feed_of_a_partition_or_prefix(
    container: ContainerProxy, key: list[str], expected: list[str]
) -> None:
    await container.create_item(an_item("a"))
    await container.create_item(an_item("b", userId="u2"))
    await container.create_item(an_item("c", tenantId="t2"))
    assert await changes(container, start_time="Beginning", partition_key=key) == expected


async def test_the_feed_of_a_range(container: ContainerProxy) -> None:
    await container.create_item(an_item("a"))
    ranges = [each async for each in container.read_feed_ranges()]
    found = [await changes(container, start_time="Beginning", feed_range=each) for each in ranges]
    assert list(chain.from_iterable(found)) == ["a"]


async def test_an_unchanged_container_has_an_empty_feed(container: ContainerProxy) -> None:
    assert await changes(container) == []


async def test_all_versions_and_deletes_are_refused_clearly(container: ContainerProxy) -> None:
    with pytest.raises(exceptions.CosmosHttpResponseError) as refused:
        await changes(container, mode="AllVersionsAndDeletes")
    assert refused.value.status_code == 400
    assert "latest-version" in str(refused.value)
