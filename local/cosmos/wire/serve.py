"""The way of a request: find its operation, let a fault strike if one waits, do it, answer.

Whatever carries requests calls `serve`: the transport under the SDK, or an HTTP server.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

from local.cosmos import charges
from local.cosmos.calls import Call
from local.cosmos.engine import Engine
from local.cosmos.errors import CosmosError, bad_request, code_of
from local.cosmos.faults import Fault
from local.cosmos.json_text import as_json
from local.cosmos.query import QueryError
from local.cosmos.storage import unavailable
from local.cosmos.wire import account, changes, feeds, items, offers, resources
from local.cosmos.wire.messages import (
    ACTIVITY,
    CHARGE,
    SUB_STATUS,
    Answer,
    Request,
    session_headers,
)
from local.cosmos.wire.routes import Operation, route
from local.cosmos.wire.scopes import ranges_of

logger = logging.getLogger(__name__)

_HANDLERS: dict[str, Callable[[Engine, Operation], Answer]] = {
    "read_account": account.read_account,
    "read_ranges": account.read_ranges,
    "list_conflicts": account.list_conflicts,
    "list_offers": offers.list_offers,
    "query_offers": offers.query_offers,
    "read_offer": offers.read_offer,
    "replace_offer": offers.replace_offer,
    "list_databases": resources.list_databases,
    "create_database": resources.create_database,
    "read_database": resources.read_database,
    "delete_database": resources.delete_database,
    "list_containers": resources.list_containers,
    "create_container": resources.create_container,
    "read_container": resources.read_container,
    "replace_container": resources.replace_container,
    "delete_container": resources.delete_container,
    "read": items.read_item,
    "create": items.write_item,
    "upsert": items.write_item,
    "replace": items.write_item,
    "patch": items.write_item,
    "delete": items.write_item,
    "batch": items.write_batch,
    "delete_partition": items.delete_partition,
    "query": feeds.query_items,
    "plan": feeds.plan_query,
    "feed": feeds.all_items,
    "changefeed": changes.read_feed,
}


async def serve(engine: Engine, request: Request) -> Answer:
    """Answer one request. Raises only what a fault was told to raise."""
    await asyncio.sleep(0)  # a request over a network gives way to others; so does this one
    try:
        operation = route(request)
    except CosmosError as error:
        return refusal(request, error)
    answer = await _answer(engine, operation)
    engine.log.add(_call(operation, answer.status, answer.charge))
    if answer.container is not None:
        ranges = ranges_of(answer.container, request)
        answer.headers.update(session_headers(answer.container, ranges))
    return _addressed(request, answer)


def refusal(request: Request, error: CosmosError) -> Answer:
    """The answer to a request that was refused before it was known what it asks for."""
    return _addressed(request, _plain_refusal(error))


async def _answer(engine: Engine, operation: Operation) -> Answer:
    fault = engine.faults.take(operation.kind, operation.container)
    if fault is None:
        return _perform(engine, operation)
    done = _perform(engine, operation) if fault.after else None
    await asyncio.sleep(fault.delay)
    if fault.error is not None:
        engine.log.add(_call(operation, 0, 0))
        raise fault.error
    if fault.status is not None:
        return _faulty(engine, operation, fault, fault.status)
    return done or _perform(engine, operation)


def _perform(engine: Engine, operation: Operation) -> Answer:
    with engine.lock:
        return _attempt(engine, operation)


def _attempt(engine: Engine, operation: Operation) -> Answer:
    try:
        engine.expiry.purge(engine.now())
        answer = _HANDLERS[operation.kind](engine, operation)
        engine.troubled.discard(operation.kind)
        return answer
    except CosmosError as error:
        return _refusal(engine, operation, error)
    except QueryError as error:
        return _refusal(engine, operation, bad_request(str(error)))
    except (RecursionError, OverflowError):
        too_much = bad_request("The request has values nested too deeply, or a number beyond a double.")
        return _refusal(engine, operation, too_much)
    except sqlite3.DatabaseError as error:
        if not unavailable(error):
            raise
        return _refusal(engine, operation, _unavailable(engine, operation.kind, error))


def _unavailable(engine: Engine, kind: str, error: sqlite3.DatabaseError) -> CosmosError:
    """Logged when it begins, for both the SDK and the app send such a request again and again."""
    if kind not in engine.troubled:
        logger.error("the data file can't be used for %s: %s", kind, error)
    engine.troubled.add(kind)
    return CosmosError(503, f"The data file can't be used: {error}.")


def _refusal(engine: Engine, operation: Operation, error: CosmosError) -> Answer:
    container = engine.catalogue.find(operation.database, operation.container)
    return replace(_plain_refusal(error), container=container)


def _plain_refusal(error: CosmosError) -> Answer:
    charge = charges.failed(error.status)
    headers = {CHARGE: charges.as_header(charge), SUB_STATUS: str(error.sub_status)}
    body = as_json({"code": error.code, "message": error.message}).encode()
    return Answer(error.status, charge, headers, body)


def _faulty(engine: Engine, operation: Operation, fault: Fault, status: int) -> Answer:
    error = CosmosError(status, f"A fault was injected: {code_of(status)}.", sub_status=fault.sub_status)
    answer = _refusal(engine, operation, error)
    answer.headers.update(fault.headers)
    return answer


def _addressed(request: Request, answer: Answer) -> Answer:
    """With the request's activity id, or one of ours, by which people find what belongs together."""
    answer.headers[ACTIVITY] = request.headers.get(ACTIVITY) or str(uuid4())
    answer.headers["content-type"] = "application/json"
    return answer


def _call(operation: Operation, status: int, charge: float) -> Call:
    return Call(operation.request.method, operation.kind, operation.container, status, charge)
