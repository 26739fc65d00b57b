"""The engine's REST interface below the SDK: what is refused, and that all else is answered."""

import json
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
from azure.core.utils import CaseInsensitiveDict
from hypothesis import given
from hypothesis import strategies as st

from local.cosmos import Engine
from local.cosmos.wire.messages import Answer, Request
from local.cosmos.wire.serve import serve

Send = Callable[..., Coroutine[Any, Any, Answer]]

DOCS = "/dbs/d/colls/c/docs/"
KEY = {"X-MS-DocumentDB-PartitionKey": '["k"]'}
QUERY = {"x-ms-documentdb-isquery": "True"}
BATCH = {**KEY, "x-ms-cosmos-is-batch-request": "True"}
CHANGES = {"A-IM": "Incremental Feed"}
NEW = '{"id":"new","partitionKey":{"paths":["/key"],"kind":"Hash","version":2}}'
ITEM = '{"id":"a","key":"k"}'
NEW_ITEM = '{"id":"b","key":"k"}'


def sender(engine: Engine) -> Send:
    async def send(method: str, path: str, headers: Any = None, body: str | bytes = b"") -> Answer:
        return await serve(engine, Request(method, path, CaseInsensitiveDict(headers or {}), body))

    return send


async def prepare(send: Send) -> None:
    await send("POST", "/dbs", body='{"id":"d"}')
    container = {"id": "c", "partitionKey": {"paths": ["/key"], "kind": "Hash", "version": 2}}
    await send("POST", "/dbs/d/colls/", body=json.dumps(container))
    await send("POST", DOCS, KEY, ITEM)


@pytest.fixture
async def send() -> AsyncIterator[Send]:
    engine = Engine.open(None)
    await prepare(sender(engine))
    yield sender(engine)
    engine.close()


REFUSED: dict[str, tuple[int, tuple[Any, ...]]] = {
    "unknown path": (400, ("GET", "/dbs/d/users/")),
    "stored procedures": (400, ("POST", "/dbs/d/colls/c/sprocs/")),
    "unknown method": (405, ("PATCH", "/dbs/d/colls/c/")),
    "unknown container operation": (400, ("POST", "/dbs/d/colls/c/operations/other", KEY)),
    "no such database": (404, ("GET", "/dbs/x/")),
    "no such container": (404, ("GET", "/dbs/d/colls/x/")),
    "no partition key": (400, ("POST", DOCS, {}, ITEM)),
    "partition key that is no list": (400, ("POST", DOCS, {"x-ms-documentdb-partitionkey": '"k"'}, ITEM)),
    "partition key that is not JSON": (400, ("GET", f"{DOCS}a/", {"x-ms-documentdb-partitionkey": "k"})),
    "partition key of an object": (400, ("GET", f"{DOCS}a/", {"x-ms-documentdb-partitionkey": '[{"a":1}]'})),
    "another partition key in the item": (400, ("POST", DOCS, KEY, '{"id":"b","key":"other"}')),
    "item that is not JSON": (400, ("POST", DOCS, KEY, "{")),
    "item that is no object": (400, ("POST", DOCS, KEY, "[]")),
    "id that is a number": (400, ("POST", DOCS, KEY, '{"id":5,"key":"k"}')),
    "id with a slash": (400, ("POST", DOCS, KEY, '{"id":"a/b","key":"k"}')),
    "id that is too long": (400, ("POST", DOCS, KEY, json.dumps({"id": "ä" * 600, "key": "k"}))),
    "number of 5000 digits": (400, ("POST", DOCS, KEY, f'{{"id":"b","key":"k","n":1{"0" * 5000}}}')),
    "infinite parameter": (
        400,
        (
            "POST",
            DOCS,
            {**KEY, **QUERY},
            '{"query":"SELECT * FROM c","parameters":[{"name":"@n","value":1e999}]}',
        ),
    ),
    "outdated container replaced": (412, ("PUT", "/dbs/d/colls/c/", {"If-Match": '"old"'}, NEW)),
    "outdated container deleted": (412, ("DELETE", "/dbs/d/colls/c/", {"If-Match": '"old"'})),
    "outdated database deleted": (412, ("DELETE", "/dbs/d/", {"If-Match": '"old"'})),
    "a trigger": (400, ("POST", DOCS, {**KEY, "x-ms-documentdb-pre-trigger-include": "mine"}, NEW_ITEM)),
    "computed properties": (
        400,
        ("POST", "/dbs/d/colls", {}, NEW[:-1] + ',"computedProperties":[{"name":"x","query":"y"}]}'),
    ),
    "infinite number": (400, ("POST", DOCS, KEY, '{"id":"b","key":"k","n":1e999}')),
    "deep nesting": (400, ("POST", DOCS, KEY, f'{{"id":"b","key":"k","n":{"[" * 5000}{"]" * 5000}}}')),
    "upsert under a foreign condition": (
        400,
        ("POST", DOCS, {**KEY, "x-ms-documentdb-is-upsert": "True", "If-None-Match": "*"}, ITEM),
    ),
    "batch that is no list": (400, ("POST", DOCS, BATCH, "{}")),
    "throughput that is no number": (400, ("POST", "/dbs/d/colls", {"x-ms-offer-throughput": "x"}, NEW)),
    "throughput that is not JSON": (
        400,
        ("POST", "/dbs/d/colls", {"x-ms-cosmos-offer-autopilot-settings": "x"}, NEW),
    ),
    "key of no version": (400, ("POST", "/dbs/d/colls", {}, NEW.replace("2", '"x"'))),
    "offer of a parameter that is none": (400, ("POST", "/offers", QUERY, '{"query":"x","parameters":[1]}')),
    "bulk": (400, ("POST", DOCS, {**BATCH, "x-ms-cosmos-batch-atomic": "false"}, "[]")),
    "offer of nothing": (400, ("POST", "/offers", QUERY, '{"query":"SELECT * FROM root"}')),
    "batch of nothing": (400, ("POST", DOCS, BATCH, "[]")),
    "batch of something else": (400, ("POST", DOCS, BATCH, '[{"operationType":"Execute"}]')),
    "query without text": (400, ("POST", DOCS, {**KEY, **QUERY}, "{}")),
    "query with wrong parameters": (
        400,
        ("POST", DOCS, {**KEY, **QUERY}, '{"query":"SELECT * FROM c","parameters":[1]}'),
    ),
    "query without scope": (400, ("POST", DOCS, QUERY, '{"query":"SELECT * FROM c"}')),
    "page of no number": (400, ("GET", DOCS, {"x-ms-max-item-count": "many"})),
    "foreign continuation": (400, ("GET", DOCS, {"x-ms-continuation": "nonsense"})),
    "foreign position in the feed": (400, ("GET", DOCS, {**CHANGES, "If-None-Match": '"x"'})),
    "wrong date in the feed": (400, ("GET", DOCS, {**CHANGES, "If-Modified-Since": "yesterday"})),
    "wrong session token": (400, ("GET", f"{DOCS}a/", {**KEY, "x-ms-session-token": "nonsense"})),
    "session ahead": (404, ("GET", f"{DOCS}a/", {**KEY, "x-ms-session-token": "0:-1#9"})),
    "older container": (400, ("GET", f"{DOCS}a/", {**KEY, "x-ms-cosmos-intended-collection-rid": "older"})),
}


@pytest.mark.parametrize(("status", "request_"), REFUSED.values(), ids=REFUSED.keys())
async def test_a_request_is_refused_with_a_code_and_message(
    send: Send, status: int, request_: tuple[Any, ...]
) -> None:
    answer = await send(*request_)
    assert answer.status == status
    assert set(json.loads(answer.body)) == {"code", "message"}
    assert (await send("GET", DOCS, CHANGES)).headers["etag"] == '"1"'


async def test_answers_carry_what_the_session_needs(send: Send) -> None:
    for path, status in ((f"{DOCS}a/", 200), (f"{DOCS}missing/", 404)):
        answer = await send("GET", path, {**KEY, "x-ms-activity-id": "me"})
        assert answer.status == status
        assert answer.headers["x-ms-alt-content-path"] == "dbs/d/colls/c"
        assert answer.headers["x-ms-session-token"] == "0:-1#1"
        assert answer.headers["x-ms-documentdb-partitionkeyrangeid"] == "0"
        assert answer.headers["x-ms-activity-id"] == "me"
        assert float(answer.headers["x-ms-request-charge"]) >= 1


async def test_the_ranges_end_with_a_304(send: Send) -> None:
    first = await send("GET", "/dbs/d/colls/c/pkranges/")
    second = await send("GET", "/dbs/d/colls/c/pkranges/", {"If-None-Match": first.headers["etag"]})
    other = await send("GET", "/dbs/d/colls/c/pkranges/", {"If-None-Match": '"older"'})
    assert (first.status, second.status, second.body, other.status) == (200, 304, b"", 200)


async def test_a_patch_may_be_just_the_list_of_its_operations(send: Send) -> None:
    operations = [{"op": "set", "path": "/n", "value": 1}]
    answer = await send("PATCH", f"{DOCS}a/", KEY, json.dumps(operations))
    assert (answer.status, json.loads(answer.body)["n"]) == (200, 1)


async def test_an_offer_is_found_by_the_link_in_the_text(send: Send) -> None:
    link = json.loads((await send("GET", "/dbs/d/colls/c/")).body)["_self"]
    for asked, found in ((link, 1), ("dbs/x/", 0)):
        query = {"query": f'SELECT * FROM root WHERE root.resource = "{asked}"'}  # noqa: S608  # as the SDK writes it
        answer = await send("POST", "/offers", QUERY, json.dumps(query))
        assert len(json.loads(answer.body)["Offers"]) == found


async def test_system_properties_stand_in_an_answer_once(send: Send) -> None:
    returned = (await send("GET", f"{DOCS}a/", KEY)).body
    answer = await send("PUT", f"{DOCS}a/", KEY, returned)
    assert answer.body.count(b'"_etag"') == answer.body.count(b'"_ts"') == 1


async def test_an_upsert_of_what_must_exist_creates_nothing(send: Send) -> None:
    upsert = {**KEY, "x-ms-documentdb-is-upsert": "True", "If-Match": "*"}
    assert (await send("POST", DOCS, upsert, '{"id":"new","key":"k"}')).status == 412
    assert (await send("POST", DOCS, upsert, ITEM)).status == 200


JSON = st.sampled_from(
    [None, True, 0, -1, 1.5, 10**30, float("inf"), "", "x", "\ud800", [], [1, [2]], {}, {"x": {"y": None}}]
)
OPERATIONS = st.sampled_from(["add", "set", "replace", "remove", "incr", "move", "x"])
PATHS = st.sampled_from(
    ["/n", "/a/0", "/a/-", "/a/9", "/o/x", "/o/x/y", "/id", "/key", "", "/", "n", "//", "/_ts"]
)
PATCH = st.fixed_dictionaries({"op": OPERATIONS, "path": PATHS}, optional={"from": PATHS, "value": JSON})


@given(
    item=st.dictionaries(st.sampled_from(["id", "key", "ttl", "n", "a", "o"]), JSON),
    patches=st.lists(PATCH, max_size=4),
)
async def test_whatever_is_sent_is_answered(item: dict[str, Any], patches: list[dict[str, Any]]) -> None:
    engine = Engine.open(None)
    send = sender(engine)
    await prepare(send)
    whole = json.dumps({"id": "b", "key": "k"} | item)
    statuses = {
        (await send("POST", DOCS, KEY, whole)).status,
        (await send("POST", DOCS, KEY, json.dumps(item))).status,
    }
    patched = await send("PATCH", f"{DOCS}b/", KEY, json.dumps({"operations": patches}))
    batch = [{"operationType": "Patch", "id": "b", "resourceBody": {"operations": patches}}]
    batched = await send("POST", DOCS, BATCH, json.dumps(batch))
    assert statuses <= {201, 400, 409}
    assert patched.status in (200, 400, 404)
    assert batched.status in (200, 207, 400)
    engine.close()
