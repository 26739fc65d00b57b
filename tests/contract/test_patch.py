"""Partial updates: what each operation does, its conditions, and what is refused."""

from typing import Any

import pytest
from azure.cosmos import exceptions
from azure.cosmos.aio import ContainerProxy

from tests.contract.conftest import KEY, an_item

Operations = list[dict[str, Any]]

APPLIED = {
    "add makes a property": ({}, [{"op": "add", "path": "/n", "value": 1}], {"n": 1}),
    "add replaces a property": ({"n": 1}, [{"op": "add", "path": "/n", "value": 2}], {"n": 2}),
    "add inserts into an array": (
        {"a": [1, 3]},
        [{"op": "add", "path": "/a/1", "value": 2}],
        {"a": [1, 2, 3]},
    ),
    "add appends at -": ({"a": [1]}, [{"op": "add", "path": "/a/-", "value": 2}], {"a": [1, 2]}),
    "set replaces in an array": ({"a": [1, 3]}, [{"op": "set", "path": "/a/1", "value": 2}], {"a": [1, 2]}),
    "set makes a nested property": ({"o": {}}, [{"op": "set", "path": "/o/x", "value": 1}], {"o": {"x": 1}}),
    "set takes null": ({"n": 1}, [{"op": "set", "path": "/n", "value": None}], {"n": None}),
    "replace": ({"o": {"x": 1}}, [{"op": "replace", "path": "/o/x", "value": [2]}], {"o": {"x": [2]}}),
    "remove a property": ({"n": 1, "m": 2}, [{"op": "remove", "path": "/n"}], {"m": 2}),
    "remove an element": ({"a": [1, 2, 3]}, [{"op": "remove", "path": "/a/0"}], {"a": [2, 3]}),
    "incr adds": ({"n": 1}, [{"op": "incr", "path": "/n", "value": 2}], {"n": 3}),
    "incr takes away": ({"n": 1.5}, [{"op": "incr", "path": "/n", "value": -1}], {"n": 0.5}),
    "incr makes a number": ({}, [{"op": "incr", "path": "/n", "value": 5}], {"n": 5}),
    "move": ({"a": {"x": 1}}, [{"op": "move", "from": "/a/x", "path": "/b"}], {"a": {}, "b": 1}),
    "in order": (
        {"n": 1},
        [{"op": "incr", "path": "/n", "value": 1}, {"op": "move", "from": "/n", "path": "/m"}],
        {"m": 2},
    ),
}

REFUSED = {
    "replace of nothing": [{"op": "replace", "path": "/missing", "value": 1}],
    "remove of nothing": [{"op": "remove", "path": "/missing"}],
    "move of nothing": [{"op": "move", "from": "/missing", "path": "/n"}],
    "move into itself": [{"op": "move", "from": "/o", "path": "/o/x"}],
    "incr of text": [{"op": "incr", "path": "/text", "value": 1}],
    "incr by text": [{"op": "incr", "path": "/n", "value": "1"}],
    "set below nothing": [{"op": "set", "path": "/missing/x", "value": 1}],
    "add past the end": [{"op": "add", "path": "/a/5", "value": 1}],
    "not an index": [{"op": "set", "path": "/a/x", "value": 1}],
    "below a number": [{"op": "set", "path": "/n/x", "value": 1}],
    "the id": [{"op": "set", "path": "/id", "value": "b"}],
    "a partition key": [{"op": "set", "path": "/tenantId", "value": "t2"}],
    "a moved partition key": [{"op": "move", "from": "/userId", "path": "/x"}],
    "a system property": [{"op": "set", "path": "/_etag", "value": "x"}],
    "unknown operation": [{"op": "copy", "path": "/n", "value": 1}],
    "no value": [{"op": "set", "path": "/n"}],
    "no path": [{"op": "set", "value": 1}],
    "a path without a slash": [{"op": "set", "path": "n", "value": 1}],
    "no operations": [],
    "eleven operations": [{"op": "incr", "path": "/n", "value": 1}] * 11,
}


@pytest.mark.parametrize(("before", "operations", "after"), APPLIED.values(), ids=APPLIED.keys())
async def test_a_patch_applies(
    container: ContainerProxy, before: dict[str, Any], operations: Operations, after: dict[str, Any]
) -> None:
    await container.create_item(an_item("a", **before))
    patched = await container.patch_item("a", KEY, operations)
    stored = await container.read_item("a", KEY)
    assert dict(patched) == dict(stored)
    assert {name: value for name, value in stored.items() if name[0] != "_"} == an_item("a", **after)


@pytest.mark.parametrize("operations", REFUSED.values(), ids=REFUSED.keys())
async def test_a_patch_is_refused_and_nothing_done(container: ContainerProxy, operations: Operations) -> None:
    before = await container.create_item(an_item("a", n=1, text="x", a=[1], o={}))
    with pytest.raises(exceptions.CosmosHttpResponseError) as refused:
        await container.patch_item("a", KEY, operations)
    assert refused.value.status_code == 400
    assert dict(await container.read_item("a", KEY)) == dict(before)


async def test_ten_operations_are_allowed(container: ContainerProxy) -> None:
    await container.create_item(an_item("a"))
    patched = await container.patch_item("a", KEY, [{"op": "incr", "path": "/n", "value": 1}] * 10)
    assert patched["n"] == 10


async def test_a_patch_is_done_only_if_its_condition_holds(container: ContainerProxy) -> None:
    await container.create_item(an_item("a", n=1, state="active"))
    raise_n = [{"op": "incr", "path": "/n", "value": 1}]
    condition = "from c where c.n = 1 and c.state = 'active'"
    await container.patch_item("a", KEY, raise_n, filter_predicate=condition)
    with pytest.raises(exceptions.CosmosAccessConditionFailedError):
        await container.patch_item("a", KEY, raise_n, filter_predicate=condition)
    assert (await container.read_item("a", KEY))["n"] == 2


async def test_a_condition_on_a_missing_property_does_not_hold(container: ContainerProxy) -> None:
    await container.create_item(an_item("a"))
    with pytest.raises(exceptions.CosmosAccessConditionFailedError):
        await container.patch_item(
            "a", KEY, [{"op": "set", "path": "/n", "value": 1}], filter_predicate="from c where c.m != 5"
        )


async def test_a_condition_that_is_no_condition_is_refused(container: ContainerProxy) -> None:
    await container.create_item(an_item("a"))
    with pytest.raises(exceptions.CosmosHttpResponseError) as refused:
        await container.patch_item(
            "a", KEY, [{"op": "set", "path": "/n", "value": 1}], filter_predicate="from c where c.n ="
        )
    assert refused.value.status_code == 400
