"""Single items: writing and reading them, their identity, ETags, and what is refused."""

from typing import Any

import pytest
from azure.core import MatchConditions
from azure.cosmos import exceptions
from azure.cosmos.aio import ContainerProxy, DatabaseProxy
from azure.cosmos.partition_key import NonePartitionKeyValue

from tests.contract.conftest import KEY, LARGE_BODIES, OTHER_KEY, Item, an_item

SYSTEM = {"_rid", "_self", "_etag", "_attachments", "_ts"}


def without_system(item: Item) -> Item:
    return {name: value for name, value in item.items() if name not in SYSTEM}


async def test_a_created_item_comes_back_with_system_properties(container: ContainerProxy) -> None:
    item = an_item("a", text="ä ☃ 😀", nested={"list": [1, 2.5, None, True]})
    created = await container.create_item(item)
    read = await container.read_item("a", KEY)
    assert without_system(created) == item
    assert set(created) == set(item) | SYSTEM
    assert dict(read) == dict(created)


async def test_creating_an_id_twice_is_a_conflict(container: ContainerProxy) -> None:
    await container.create_item(an_item("a"))
    with pytest.raises(exceptions.CosmosResourceExistsError):
        await container.create_item(an_item("a", email="other"))


async def test_the_same_id_in_another_logical_partition_is_another_item(container: ContainerProxy) -> None:
    await container.create_item(an_item("a", n=1))
    await container.create_item(an_item("a", n=2, userId="u2"))
    assert (await container.read_item("a", KEY))["n"] == 1
    assert (await container.read_item("a", OTHER_KEY))["n"] == 2


async def test_keys_of_different_types_are_different_partitions(by_key: ContainerProxy) -> None:
    keys: list[Any] = [5, "5", True, None, "", "true"]
    for index, key in enumerate(keys):
        await by_key.create_item({"id": "a", "key": key, "index": index})
    await by_key.create_item({"id": "a", "index": "missing"})
    read = [(await by_key.read_item("a", key))["index"] for key in keys]
    assert read == list(range(len(keys)))
    assert (await by_key.read_item("a", NonePartitionKeyValue))["index"] == "missing"


async def test_a_whole_number_is_the_same_key_as_its_float(by_key: ContainerProxy) -> None:
    await by_key.create_item({"id": "a", "key": 5.0})
    assert (await by_key.read_item("a", 5))["id"] == "a"


async def test_a_key_with_too_few_levels_is_refused(container: ContainerProxy) -> None:
    await container.create_item(an_item("a"))
    with pytest.raises(exceptions.CosmosHttpResponseError) as refused:
        await container.read_item("a", ["t1"])
    assert (refused.value.status_code, refused.value.sub_status) == (400, 1001)


async def test_a_missing_item_and_a_missing_container_are_told_apart(
    container: ContainerProxy, database: DatabaseProxy
) -> None:
    with pytest.raises(exceptions.CosmosResourceNotFoundError) as item:
        await container.read_item("nobody", KEY)
    with pytest.raises(exceptions.CosmosResourceNotFoundError) as parent:
        await database.get_container_client("nowhere").read()
    assert item.value.sub_status == 0
    assert "nowhere" in str(parent.value)


async def test_an_upsert_creates_then_replaces(container: ContainerProxy) -> None:
    first = await container.upsert_item(an_item("a", n=1))
    second = await container.upsert_item(an_item("a", m=2))
    assert without_system(second) == an_item("a", m=2)
    assert first["_rid"] == second["_rid"]
    assert first["_etag"] != second["_etag"]


async def test_every_write_gives_another_etag_and_reads_give_none(container: ContainerProxy) -> None:
    etags = [(await container.create_item(an_item("a", n=1)))["_etag"]]
    etags.append((await container.replace_item("a", an_item("a", n=1)))["_etag"])
    etags.append((await container.upsert_item(an_item("a", n=1)))["_etag"])
    patch = [{"op": "set", "path": "/n", "value": 1}]
    etags.append((await container.patch_item("a", KEY, patch))["_etag"])
    assert len(set(etags)) == 4
    assert (await container.read_item("a", KEY))["_etag"] == etags[-1]
    assert (await container.read_item("a", KEY))["_etag"] == etags[-1]


@pytest.mark.parametrize("write", ["replace", "upsert", "patch", "delete"])
async def test_a_write_on_an_outdated_version_is_refused(container: ContainerProxy, write: str) -> None:
    old = await container.create_item(an_item("a", n=1))
    new = await container.replace_item("a", an_item("a", n=2))
    with pytest.raises(exceptions.CosmosAccessConditionFailedError):
        await _write_if(container, write, old["_etag"])
    assert (await container.read_item("a", KEY))["n"] == 2
    await _write_if(container, write, new["_etag"])


async def _write_if(container: ContainerProxy, write: str, etag: str) -> None:
    condition: dict[str, Any] = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
    if write == "replace":
        await container.replace_item("a", an_item("a", n=3), **condition)
    elif write == "upsert":
        await container.upsert_item(an_item("a", n=3), **condition)
    elif write == "patch":
        await container.patch_item("a", KEY, [{"op": "set", "path": "/n", "value": 3}], **condition)
    else:
        await container.delete_item("a", KEY, **condition)


async def test_a_read_of_a_known_version_has_no_body(container: ContainerProxy) -> None:
    etag = (await container.create_item(an_item("a")))["_etag"]
    condition: dict[str, Any] = {"etag": etag, "match_condition": MatchConditions.IfModified}
    assert dict(await container.read_item("a", KEY, **condition)) == {}
    await container.replace_item("a", an_item("a", n=2))
    assert (await container.read_item("a", KEY, **condition))["n"] == 2


async def test_a_write_without_response_still_tells_the_etag(container: ContainerProxy) -> None:
    answer = await container.create_item(an_item("a"), no_response=True)
    assert dict(answer) == {}
    assert answer.get_response_headers()["etag"] == (await container.read_item("a", KEY))["_etag"]


async def test_system_properties_that_come_back_are_not_stored(container: ContainerProxy) -> None:
    created = await container.create_item(an_item("a"))
    replaced = await container.replace_item("a", {**created, "_etag": "mine", "_ts": 1, "_rid": "x"})
    assert replaced["_rid"] == created["_rid"]
    assert replaced["_etag"] not in ("mine", created["_etag"])
    assert replaced["_ts"] >= created["_ts"]


async def test_a_replace_can_not_change_the_id(container: ContainerProxy) -> None:
    await container.create_item(an_item("a"))
    with pytest.raises(exceptions.CosmosHttpResponseError) as refused:
        await container.replace_item("a", an_item("b"))
    assert refused.value.status_code == 400


async def test_replacing_patching_or_deleting_nothing_is_not_found(container: ContainerProxy) -> None:
    with pytest.raises(exceptions.CosmosResourceNotFoundError):
        await container.replace_item("a", an_item("a"))
    with pytest.raises(exceptions.CosmosResourceNotFoundError):
        await container.patch_item("a", KEY, [{"op": "set", "path": "/n", "value": 1}])
    with pytest.raises(exceptions.CosmosResourceNotFoundError):
        await container.delete_item("a", KEY)


@pytest.mark.parametrize("item_id", ["a b", "a+b", "50%", "ä☃", "a=b&c", "dbs", "x" * 255])
async def test_ids_of_any_characters_are_found_again(container: ContainerProxy, item_id: str) -> None:
    await container.create_item(an_item(item_id))
    assert (await container.read_item(item_id, KEY))["id"] == item_id
    await container.delete_item(item_id, KEY)


async def test_an_item_stands_for_its_id(container: ContainerProxy) -> None:
    item = await container.create_item(an_item("a", n=1))
    other = await container.create_item(an_item("b", n=1))
    await container.replace_item(item, {**item, "n": 2})
    await container.delete_item(other, KEY)
    assert (await container.read_item(item, KEY))["n"] == 2
    with pytest.raises(exceptions.CosmosResourceNotFoundError):
        await container.read_item(other, KEY)


@LARGE_BODIES
async def test_two_megabytes_are_too_large(container: ContainerProxy) -> None:
    await container.create_item(an_item("fits", text="x" * (2 * 1024 * 1024 - 200)))
    with pytest.raises(exceptions.CosmosHttpResponseError) as refused:
        await container.create_item(an_item("large", text="x" * (2 * 1024 * 1024)))
    assert refused.value.status_code == 413


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
async def test_what_json_can_not_hold_is_refused(container: ContainerProxy, value: object) -> None:
    with pytest.raises(exceptions.CosmosHttpResponseError) as refused:
        await container.create_item(an_item("a", value=value))
    assert refused.value.status_code == 400


async def test_a_partition_key_has_up_to_2048_bytes(by_key: ContainerProxy) -> None:
    await by_key.create_item({"id": "a", "key": "ä" * 1024})
    assert (await by_key.read_item("a", "ä" * 1024))["id"] == "a"
    with pytest.raises(exceptions.CosmosHttpResponseError) as refused:
        await by_key.create_item({"id": "a", "key": "ä" * 1024 + "x"})
    assert refused.value.status_code == 400


async def test_an_item_without_an_id_is_refused(container: ContainerProxy) -> None:
    with pytest.raises(exceptions.CosmosHttpResponseError) as refused:
        await container.create_item({"tenantId": "t1", "userId": "u1"})
    assert refused.value.status_code == 400


async def test_a_unique_key_is_unique_within_its_logical_partition(container: ContainerProxy) -> None:
    await container.create_item(an_item("a", email="x@example.com"))
    await container.create_item(an_item("a", email="x@example.com", userId="u2"))
    with pytest.raises(exceptions.CosmosResourceExistsError):
        await container.create_item(an_item("b", email="x@example.com"))
    await container.create_item(an_item("b", email="y@example.com"))
    with pytest.raises(exceptions.CosmosResourceExistsError):
        await container.patch_item("b", KEY, [{"op": "set", "path": "/email", "value": "x@example.com"}])
    await container.delete_item("a", KEY)
    await container.patch_item("b", KEY, [{"op": "set", "path": "/email", "value": "x@example.com"}])


async def test_deleting_a_partition_leaves_the_others(container: ContainerProxy) -> None:
    await container.create_item(an_item("a"))
    await container.create_item(an_item("b"))
    await container.create_item(an_item("a", userId="u2"))
    await container.delete_all_items_by_partition_key(KEY)
    assert [item["userId"] async for item in container.read_all_items()] == ["u2"]


async def test_a_point_read_costs_less_than_a_write(container: ContainerProxy) -> None:
    created = await container.create_item(an_item("a", text="x" * 500))
    read = await container.read_item("a", KEY)
    large = await container.create_item(an_item("b", text="x" * 50_000))
    charges = [float(each.get_response_headers()["x-ms-request-charge"]) for each in (read, created, large)]
    assert 0 < charges[0] < charges[1] < charges[2]
