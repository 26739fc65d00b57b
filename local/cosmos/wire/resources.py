"""Databases and containers: create, read, list, replace, delete."""

import json
from typing import Any

from local.cosmos import charges
from local.cosmos.containers import Container, Definition
from local.cosmos.engine import Engine
from local.cosmos.errors import bad_request
from local.cosmos.json_text import parse_json
from local.cosmos.wire.messages import AUTOPILOT, THROUGHPUT, Answer, Request, json_answer
from local.cosmos.wire.routes import Operation

_DEFAULT_THROUGHPUT = 400
_FORBIDDEN_IN_ID = frozenset("/\\?#")


def list_databases(engine: Engine, operation: Operation) -> Answer:
    """All databases, in one page."""
    found = [database.as_answered() for database in engine.catalogue.databases()]
    return json_answer(200, charges.METADATA, {"_rid": "", "Databases": found, "_count": len(found)})


def create_database(engine: Engine, operation: Operation) -> Answer:
    """A new, empty one; 409 if there is one of this id."""
    database = engine.catalogue.create_database(_id(_body(operation)), engine.now())
    return json_answer(201, charges.METADATA_WRITE, database.as_answered())


def read_database(engine: Engine, operation: Operation) -> Answer:
    """One database."""
    return json_answer(200, charges.METADATA, engine.catalogue.database(operation.database).as_answered())


def delete_database(engine: Engine, operation: Operation) -> Answer:
    """One database, with its containers."""
    engine.catalogue.delete_database(engine.catalogue.database(operation.database))
    return json_answer(204, charges.METADATA_WRITE, None)


def list_containers(engine: Engine, operation: Operation) -> Answer:
    """All containers of a database, in one page."""
    database = engine.catalogue.database(operation.database)
    found = [container.as_answered() for container in engine.catalogue.containers(database)]
    body = {"_rid": database.rid, "DocumentCollections": found, "_count": len(found)}
    return json_answer(200, charges.METADATA, body)


def create_container(engine: Engine, operation: Operation) -> Answer:
    """A new, empty one; 409 if there is one of this id."""
    database, body = engine.catalogue.database(operation.database), _body(operation)
    definition, offer = Definition.parse(body), _throughput(operation.request)
    container = engine.catalogue.create_container(database, _id(body), definition, offer, engine.now())
    return _answer(201, charges.METADATA_WRITE, container)


def read_container(engine: Engine, operation: Operation) -> Answer:
    """One container's definition."""
    container = engine.catalogue.container(operation.database, operation.container)
    return _answer(200, charges.METADATA, container)


def replace_container(engine: Engine, operation: Operation) -> Answer:
    """Another index, time to live and the like; the documents are indexed anew. Keys stay as they are."""
    container = engine.catalogue.container(operation.database, operation.container)
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
    engine.catalogue.delete_container(engine.catalogue.container(operation.database, operation.container))
    return json_answer(204, charges.METADATA_WRITE, None)


def _answer(status: int, charge: float, container: Container) -> Answer:
    return json_answer(status, charge, container.as_answered(), {"etag": f'"{container.etag}"'})


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


def _throughput(request: Request) -> dict[str, Any]:
    """The content of the offer that the headers ask for; raises 400."""
    try:
        if (autopilot := request.headers.get(AUTOPILOT)) is not None:
            return {"offerThroughput": _DEFAULT_THROUGHPUT, "offerAutopilotSettings": json.loads(autopilot)}
        return {"offerThroughput": int(request.headers.get(THROUGHPUT, _DEFAULT_THROUGHPUT))}
    except ValueError as error:
        raise bad_request(
            "The throughput in the headers is not a number, or not settings in JSON."
        ) from error
