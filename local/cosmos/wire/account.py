"""The account, and of containers the partition key ranges and conflicts."""

from local.cosmos import charges
from local.cosmos.engine import Engine
from local.cosmos.wire.messages import HOST, IF_NONE_MATCH, Answer, document_answer, json_answer
from local.cosmos.wire.routes import Operation


def read_account(engine: Engine, operation: Operation) -> Answer:
    """The account: one region, session consistency. The SDK goes on with the address that stands here."""
    host = operation.request.headers.get(HOST)
    here = [{"name": "Local", "databaseAccountEndpoint": f"http://{host}/" if host else engine.url}]
    body = {
        "id": "local",
        "_rid": "local",
        "writableLocations": here,
        "readableLocations": here,
        "enableMultipleWriteLocations": False,
        "userConsistencyPolicy": {"defaultConsistencyLevel": "Session"},
    }
    return json_answer(200, 0, body)


def read_ranges(engine: Engine, operation: Operation) -> Answer:
    """The physical partitions. A client asks until it is told that nothing changed since."""
    container = engine.catalogue.container(operation.database, operation.container)
    etag = f'"{container.rid}.{container.ranges.next_id()}"'  # each split takes new ids
    if operation.request.headers.get(IF_NONE_MATCH) == etag:
        return document_answer(container, 304, 0, headers={"etag": etag})
    ranges = [each.as_answered(container.rid) for each in container.ranges]
    body = {"_rid": container.rid, "PartitionKeyRanges": ranges, "_count": len(ranges)}
    return json_answer(200, 0, body, {"etag": etag})


def list_conflicts(engine: Engine, operation: Operation) -> Answer:
    """None: they come from writing in several regions."""
    container = engine.catalogue.parent(operation.database, operation.container)
    body = f'{{"_rid":"{container.rid}","Conflicts":[],"_count":0}}'
    return document_answer(container, 200, charges.METADATA, body)
