"""Random sequences of writes, patches and batches do what they do to a dictionary of dictionaries."""

from copy import deepcopy
from typing import Any

from azure.cosmos import PartitionKey, exceptions
from azure.cosmos.aio import ContainerProxy, CosmosClient
from hypothesis import given, settings
from hypothesis import strategies as st

from local.cosmos import EmbeddedTransport, Engine
from tests.contract.conftest import Item

Model = dict[str, dict[str, Item]]
"""Items without system properties, by partition and id."""
Operation = tuple[Any, ...]

IDS, USERS = st.sampled_from("ab"), st.sampled_from(["u1", "u1", "u1", "u2"])
VALUES = st.sampled_from([0, 1, 2.5, "x", "ä", None, True, [1, 2], {"p": 1}])
BODIES = st.fixed_dictionaries(
    {}, optional={"n": st.sampled_from([0, 1.5, "x"]), "list": st.just([1, 2]), "v": VALUES}
)
PATHS = st.sampled_from(["/n", "/v", "/list/0", "/list/-", "/v/p", "/list"])
PATCHES = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["add", "set", "replace"]), PATHS, VALUES),
        st.tuples(st.just("remove"), PATHS, st.none()),
        st.tuples(st.just("incr"), PATHS, st.sampled_from([1, -2, 0.5])),
    ),
    min_size=1,
    max_size=2,
)
SINGLE = st.one_of(
    st.tuples(st.sampled_from(["create", "upsert", "replace"]), IDS, BODIES),
    st.tuples(st.just("patch"), IDS, PATCHES),
    st.tuples(st.just("patch"), IDS, PATCHES),
    st.tuples(st.sampled_from(["delete", "read"]), IDS, st.none()),
)
ALONE, BATCH = st.lists(SINGLE, min_size=1, max_size=1), st.lists(SINGLE, min_size=2, max_size=3)
STEPS = st.lists(st.tuples(USERS, st.one_of(ALONE, BATCH)), min_size=4, max_size=15)
# What is there at the beginning: most patches find something to change.
FULL: Item = {"n": 1, "list": [1, 2], "v": {"p": 1}}


class Refused(Exception):
    """What the model refuses, with the status that the service would give."""


def item_of(user: str, item_id: str, body: Item) -> Item:
    return {"id": item_id, "user": user, **deepcopy(body)}


def perform(items: dict[str, Item], user: str, operation: Operation) -> int:
    """Do it to the model; the status, or Refused."""
    kind, item_id, argument = operation
    present = item_id in items
    if kind == "create" and present:
        raise Refused(409)
    if kind not in ("create", "upsert") and not present:
        raise Refused(404)
    if kind == "delete":
        del items[item_id]
        return 204
    if kind == "patch":
        items[item_id] = patched(items[item_id], argument)
    elif kind != "read":
        items[item_id] = item_of(user, item_id, argument)
    return 200 if present else 201


def patched(item: Item, patches: list[tuple[str, str, Any]]) -> Item:
    item = deepcopy(item)
    for op, path, value in patches:
        *parents, last = path.strip("/").split("/")
        holder = item
        for name in parents:
            if not isinstance(holder, dict) or name not in holder:
                raise Refused(400)
            holder = holder[name]
        change(holder, last, op, deepcopy(value))
    return item


def change(holder: Any, name: str, op: str, value: Any) -> None:
    if not isinstance(holder, dict | list) or (isinstance(holder, list) and name not in ("0", "-")):
        raise Refused(400)
    key: Any = name if isinstance(holder, dict) else 0 if name == "0" else len(holder)
    present = key in holder if isinstance(holder, dict) else key < len(holder)
    if op in ("replace", "remove") and not present:
        raise Refused(400)
    if op == "remove":
        del holder[key]
        return
    if op == "incr" and present:
        if isinstance(holder[key], bool) or not isinstance(holder[key], int | float):
            raise Refused(400)
        value += holder[key]
    if isinstance(holder, list) and (op == "add" or not present):
        holder.insert(key, value)
    else:
        holder[key] = value


def expected_of(model: Model, user: str, operations: list[Operation]) -> list[int]:
    """Do all or none of them to the model; their statuses."""
    items = dict(model[user])
    statuses = []
    for operation in operations:
        try:
            statuses.append(perform(items, user, operation))
        except Refused as error:
            culprit = int(error.args[0])
            others = len(operations) - len(statuses) - 1
            return [424] * len(statuses) + [culprit] + [424] * others
    model[user] = items
    return statuses


async def answered_of(container: ContainerProxy, user: str, operations: list[Operation]) -> list[int]:
    """The same through the SDK: one by itself, several as a batch."""
    if len(operations) == 1:
        return [await one(container, user, operations[0])]
    batch = [as_batch(user, *operation) for operation in operations]
    try:
        return [each["statusCode"] for each in await container.execute_item_batch(batch, user)]
    except exceptions.CosmosBatchOperationError as error:
        return [each["statusCode"] for each in error.operation_responses]


async def one(container: ContainerProxy, user: str, operation: Operation) -> int:
    kind, item_id, argument = operation
    try:
        if kind in ("create", "upsert"):
            await getattr(container, f"{kind}_item")(item_of(user, item_id, argument))
        elif kind == "replace":
            await container.replace_item(item_id, item_of(user, item_id, argument))
        elif kind == "patch":
            await container.patch_item(item_id, user, as_patch(argument))
        else:
            await getattr(container, f"{kind}_item")(item_id, user)
    except exceptions.CosmosHttpResponseError as error:
        return int(error.status_code or 0)
    return 0  # the SDK keeps the status of a success to itself


def as_batch(user: str, kind: str, item_id: str, argument: Any) -> tuple[Any, ...]:
    if kind in ("create", "upsert"):
        return kind, (item_of(user, item_id, argument),)
    if kind == "replace":
        return kind, (item_id, item_of(user, item_id, argument))
    if kind == "patch":
        return kind, (item_id, as_patch(argument))
    return kind, (item_id,)


def as_patch(patches: list[tuple[str, str, Any]]) -> list[dict[str, Any]]:
    return [
        {"op": op, "path": path} | ({} if op == "remove" else {"value": value}) for op, path, value in patches
    ]


def plain(item: Any) -> Item:
    return {name: value for name, value in item.items() if not name.startswith("_")}


@settings(max_examples=80, derandomize=True)
@given(STEPS)
async def test_it_does_what_a_dictionary_does(steps: list[tuple[str, list[Operation]]]) -> None:
    engine = Engine.open(None, partitions=2)
    model = Model(u1={name: item_of("u1", name, FULL) for name in "ab"}, u2={})
    async with CosmosClient(engine.url, engine.key, transport=EmbeddedTransport(engine)) as client:
        database = await client.create_database("d")
        container = await database.create_container("c", PartitionKey("/user"))
        for item in model["u1"].values():
            await container.create_item(item)
        for user, operations in steps:
            expected = expected_of(model, user, operations)
            answered = await answered_of(container, user, operations)
            refused = [status if status >= 400 else 0 for status in expected]
            assert answered == (refused if len(operations) == 1 else expected)
        feed = container.query_items_change_feed(start_time="Beginning")
        for found in (
            [plain(item) async for item in container.read_all_items()],
            [plain(item) for item in [change async for change in feed]],
        ):
            assert len(found) == sum(map(len, model.values()))
            assert all(model[item["user"]][item["id"]] == item for item in found)
    engine.close()
