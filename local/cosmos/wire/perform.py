"""Does one operation: finds its handler, and makes answers of what is refused."""

import logging
import sqlite3
from collections.abc import Callable
from dataclasses import replace

from local.cosmos import charges
from local.cosmos.engine import Engine
from local.cosmos.errors import CosmosError, bad_request
from local.cosmos.json_text import as_json
from local.cosmos.query import QueryError
from local.cosmos.storage import unavailable
from local.cosmos.wire import account, changes, feeds, items, offers, resources
from local.cosmos.wire.messages import CHARGE, SUB_STATUS, Answer
from local.cosmos.wire.routes import Operation

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


def perform(engine: Engine, operation: Operation) -> Answer:
    """Do it, one at a time in this engine."""
    with engine.lock:
        return _attempt(engine, operation)


def _attempt(engine: Engine, operation: Operation) -> Answer:
    try:
        engine.expiry.purge(engine.now())
        answer = _HANDLERS[operation.kind](engine, operation)
        engine.troubled.discard(operation.kind)
        return answer
    except CosmosError as error:
        return refusal_of(engine, operation, error)
    except QueryError as error:
        return refusal_of(engine, operation, bad_request(str(error)))
    except (RecursionError, OverflowError):
        too_much = bad_request("The request has values nested too deeply, or a number beyond a double.")
        return refusal_of(engine, operation, too_much)
    except sqlite3.DatabaseError as error:
        if not unavailable(error):
            raise
        return refusal_of(engine, operation, _unavailable(engine, operation.kind, error))


def _unavailable(engine: Engine, kind: str, error: sqlite3.DatabaseError) -> CosmosError:
    """Logged when it begins, for both the SDK and the app send such a request again and again."""
    if kind not in engine.troubled:
        logger.error("the data file can't be used for %s: %s", kind, error)
    engine.troubled.add(kind)
    return CosmosError(503, f"The data file can't be used: {error}.")


def refusal_of(engine: Engine, operation: Operation, error: CosmosError) -> Answer:
    """The answer to an operation that was refused; within a container it tells of the session there."""
    container = engine.catalogue.find(operation.database, operation.container)
    return replace(plain_refusal(error), container=container)


def plain_refusal(error: CosmosError) -> Answer:
    """The answer to what was refused before it was known what it asks for."""
    charge = charges.failed(error.status)
    headers = {CHARGE: charges.as_header(charge), SUB_STATUS: str(error.sub_status)}
    body = as_json({"code": error.code, "message": error.message}).encode()
    return Answer(error.status, charge, headers, body)
