"""Single items and batches: from headers and body to an operation, from its outcome to the answer."""

from local.cosmos import batch
from local.cosmos.containers import Container
from local.cosmos.engine import Engine
from local.cosmos.errors import (
    bad_request,
    container_replaced,
    item_missing,
    session_not_available,
    too_large,
)
from local.cosmos.item_rules import MAX_BYTES
from local.cosmos.items import ItemOperation, Outcome, perform
from local.cosmos.json_text import as_json, parse_json
from local.cosmos.partition_keys import LogicalKey
from local.cosmos.resource_ids import document_number
from local.cosmos.versions import as_answered
from local.cosmos.wire.messages import (
    BATCH_ATOMIC,
    CONTAINER_RID,
    IF_MATCH,
    IF_NONE_MATCH,
    PARTITION_KEY,
    SESSION,
    TRIGGERS,
    Answer,
    Request,
    document_answer,
)
from local.cosmos.wire.routes import Operation


def read_item(engine: Engine, operation: Operation) -> Answer:
    """A point read."""
    container = container_of(engine, operation)
    check_session(container, operation.request)
    key = logical_key(container, operation.request)
    outcome = perform(engine.reading(container, key), _item_operation(engine, container, operation))
    return _answer(container, outcome, minimal=False)


def write_item(engine: Engine, operation: Operation) -> Answer:
    """A create, upsert, replace, patch or delete."""
    container = container_of(engine, operation)
    key = logical_key(container, operation.request)
    item_operation = _item_operation(engine, container, operation)
    with engine.writing(container, key) as work:
        outcome = perform(work, item_operation)
    return _answer(container, outcome, minimal=operation.request.minimal())


def write_batch(engine: Engine, operation: Operation) -> Answer:
    """A transactional batch: 200 if all was done, 207 if nothing was."""
    container, body = container_of(engine, operation), operation.request.body
    if operation.request.headers.get(BATCH_ATOMIC, "true").lower() != "true":
        raise bad_request(
            "Bulk requests are not supported: a batch is all or nothing, in one logical partition."
        )
    parsed = parse_json(body)
    if len(body) > MAX_BYTES and (size := _bytes(parsed)) > MAX_BYTES:
        raise too_large("The batch", size, MAX_BYTES)
    key, operations = logical_key(container, operation.request), batch.parse_batch(parsed)
    try:
        with engine.writing(container, key) as work:
            result = batch.perform_batch(work, operations, minimal=operation.request.minimal())
    except batch.BatchFailed as failure:
        result = failure.result
    return document_answer(container, result.status, result.charge, result.text)


def delete_partition(engine: Engine, operation: Operation) -> Answer:
    """All items of one logical partition, in one commit; the service does it in the background."""
    if operation.id != "partitionkeydelete":
        raise bad_request(f"{operation.id!r} is not an operation of this service.")
    container = container_of(engine, operation)
    with engine.writing(container, logical_key(container, operation.request)) as work:
        charge = work.delete_all()
    return document_answer(container, 200, charge)


def container_of(engine: Engine, operation: Operation) -> Container:
    """The container that a request is within; raises 404/1003, 400/1024 if the client means an older one."""
    container = engine.catalogue.parent(operation.database, operation.container)
    if operation.request.headers.get(CONTAINER_RID, container.rid) != container.rid:
        raise container_replaced()
    if any(header in operation.request.headers for header in TRIGGERS):
        raise bad_request("The embedded engine has no triggers, stored procedures or functions.")
    return container


def logical_key(container: Container, request: Request) -> LogicalKey:
    """The full partition key of the header; raises 400."""
    header = request.headers.get(PARTITION_KEY)
    if header is None:
        raise bad_request("PartitionKey value must be supplied for this operation.")
    return container.definition.key.of_header(header)


def check_session(container: Container, request: Request) -> None:
    """Raise 404/1002 if the client has seen a later commit than there is."""
    token = request.headers.get(SESSION)
    if not token:
        return
    try:
        wanted = max(int(part.split("#")[1]) for part in token.split(","))
    except (IndexError, ValueError) as error:
        raise bad_request(f"{token!r} is not a session token.") from error
    if wanted > container.lsn:
        raise session_not_available(wanted, container.lsn)


def _bytes(value: object) -> int:
    """Of its compact JSON in UTF-8, whatever clients escape."""
    return len(as_json(value).encode(errors="surrogatepass"))


def _item_operation(engine: Engine, container: Container, operation: Operation) -> ItemOperation:
    headers, body = operation.request.headers, operation.request.body
    return ItemOperation(
        operation.kind,
        _item_id(engine, container, operation),
        parse_json(body) if body else None,
        headers.get(IF_MATCH),
        headers.get(IF_NONE_MATCH),
    )


def _item_id(engine: Engine, container: Container, operation: Operation) -> str:
    """The id in the path; where that is made of resource ids, the id of the item that is meant."""
    if operation.database != container.database.rid or not operation.id:
        return operation.id
    number = document_number(operation.id, container.rid_prefix)
    row = None if number is None else engine.documents.find_number(container, number)
    if row is None:
        raise item_missing(operation.id)
    return row.id


def _answer(container: Container, outcome: Outcome, *, minimal: bool) -> Answer:
    headers = {} if outcome.etag is None else {"etag": f'"{outcome.etag}"'}
    body = "" if minimal or outcome.row is None else as_answered(container, outcome.row)
    return document_answer(container, outcome.status, outcome.charge, body, headers)
