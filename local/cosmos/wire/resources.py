"""Databases and containers: create, read, list, replace, delete."""

from typing import Any

from local.cosmos import charges
from local.cosmos.containers import Container, Definition, Resource
from local.cosmos.engine import Engine
from local.cosmos.errors import bad_request, precondition_failed
from local.cosmos.json_text import parse_json
from local.cosmos.query import execute, parse
from local.cosmos.throughput import DEFAULT, asked_throughput
from local.cosmos.wire.list_source import ListSource
from local.cosmos.wire.messages import IF_MATCH, QUERY, Answer, json_answer
from local.cosmos.wire.routes import Operation

_FORBIDDEN_IN_ID = frozenset("/\\?#")


def list_databases(engine: Engine, operation: Operation) -> Answer:
    """All databases, or those that a query selects, in one page."""
    found = _selected(operation, [database.as_answered() for database in engine.catalogue.databases()])
    return json_answer(200, charges.METADATA, {"_rid": "", "Databases": found, "_count": len(found)})


def create_database(engine: Engine, operation: Operation) -> Answer:
    """A new, empty one; 409 if there is one of this id."""
    offer = asked_throughput(operation.request.headers)
    database = engine.catalogue.create_database(_id(_body(operation)), engine.now(), offer)
    return json_answer(201, charges.METADATA_WRITE, database.as_answered())


def read_database(engine: Engine, operation: Operation) -> Answer:
    """One database."""
    return json_answer(200, charges.METADATA, engine.catalogue.database(operation.database).as_answered())


def delete_database(engine: Engine, operation: Operation) -> Answer:
    """One database, with its containers."""
    database = engine.catalogue.database(operation.database)
    _check_etag(operation, database)
    engine.catalogue.delete_database(database)
    return json_answer(204, charges.METADATA_WRITE, None)


def list_containers(engine: Engine, operation: Operation) -> Answer:
    """All containers of a database, or those that a query selects, in one page."""
    database = engine.catalogue.database(operation.database)
    containers = [container.as_answered() for container in engine.catalogue.containers(database)]
    found = _selected(operation, containers)
    body = {"_rid": database.rid, "DocumentCollections": found, "_count": len(found)}
    return json_answer(200, charges.METADATA, body)


def create_container(engine: Engine, operation: Operation) -> Answer:
    """A new, empty one; 409 if there is one of this id."""
    database, body = engine.catalogue.database(operation.database), _body(operation)
    offer = asked_throughput(operation.request.headers)
    if offer is None and engine.offers.of(database) is None:
        offer = DEFAULT
    values = (_id(body), Definition.parse(body), offer, engine.now(), engine.partitions)
    container = engine.catalogue.create_container(database, *values)
    return _answer(201, charges.METADATA_WRITE, container)


def read_container(engine: Engine, operation: Operation) -> Answer:
    """One container's definition."""
    container = engine.catalogue.container(operation.database, operation.container)
    return _answer(200, charges.METADATA, container)


def replace_container(engine: Engine, operation: Operation) -> Answer:
    """Another index, time to live and the like; the documents are indexed anew. Keys stay as they are."""
    container = engine.catalogue.container(operation.database, operation.container)
    _check_etag(operation, container)
    body = _body(operation)
    definition, old = Definition.parse(body), container.definition
    if body.get("id") != container.id or (definition.key, definition.unique_keys) != (
        old.key,
        old.unique_keys,
    ):
        raise bad_request("The id, partition key and unique keys of a container can not be changed.")
    engine.replace_definition(container, definition)
    return _answer(
        200, charges.METADATA_WRITE, engine.catalogue.container(operation.database, operation.container)
    )


def delete_container(engine: Engine, operation: Operation) -> Answer:
    """One container, with its documents."""
    container = engine.catalogue.container(operation.database, operation.container)
    _check_etag(operation, container)
    engine.catalogue.delete_container(container)
    return json_answer(204, charges.METADATA_WRITE, None)


def _answer(status: int, charge: float, container: Container) -> Answer:
    return json_answer(status, charge, container.as_answered(), {"etag": f'"{container.etag}"'})


def _check_etag(operation: Operation, resource: Resource) -> None:
    if operation.request.headers.get(IF_MATCH, "*") not in ("*", f'"{resource.etag}"'):
        raise precondition_failed()


def _selected(operation: Operation, resources: list[dict[str, Any]]) -> list[Any]:
    """What the query in the body selects of them; all where there is none."""
    if not operation.request.flag(QUERY):
        return resources
    body = _body(operation)
    try:
        parameters = {each["name"]: each.get("value") for each in body.get("parameters") or []}
    except (TypeError, KeyError, AttributeError) as error:
        raise bad_request("The parameters of a query are objects with name and value.") from error
    return execute(parse(str(body.get("query")), parameters), ListSource(resources)).results


def _body(operation: Operation) -> dict[str, Any]:
    body = parse_json(operation.request.body)
    if not isinstance(body, dict):
        raise bad_request("The body is a JSON object.")
    return body


def _id(body: dict[str, Any]) -> str:
    name = body.get("id")
    if not isinstance(name, str) or not 0 < len(name) <= 255 or not _FORBIDDEN_IN_ID.isdisjoint(name):
        raise bad_request("An id is a string of 1 to 255 characters without '/', '\\', '?' or '#'.")
    return name
