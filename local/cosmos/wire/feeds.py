"""Queries and the list of all items: which scope and page is asked for, and the answer."""

import re
from hashlib import sha256
from typing import Any

from local.cosmos import charges
from local.cosmos.containers import Container
from local.cosmos.engine import Engine
from local.cosmos.errors import bad_request, needs_query_plan
from local.cosmos.json_text import as_json, parse_json
from local.cosmos.query import Query, distribution, execute, parse
from local.cosmos.sources import Scope, SqliteSource, partition_scope, range_scope
from local.cosmos.wire.items import check_session, container_of, logical_key
from local.cosmos.wire.messages import (
    CONTINUATION,
    CROSS_PARTITION,
    ITEM_COUNT,
    MAX_ITEMS,
    PARTITION_KEY,
    PLAN_FEATURES,
    RANGE,
    START_EPK,
    Answer,
    Request,
    document_answer,
)
from local.cosmos.wire.routes import Operation
from local.cosmos.wire.scopes import asked_epks, ranges_of

_DEFAULT_PAGE = 100
_LARGEST_PAGE = 1000
_EVERYTHING = "SELECT * FROM c"


def query_items(engine: Engine, operation: Operation) -> Answer:
    """One page of a query."""
    container = container_of(engine, operation)
    query = _query(operation.request)
    scope = _scope(engine, container, operation.request)
    if query.needs_plan and not _is_addressed(operation.request):
        raise needs_query_plan(_construct(query))
    return _page(engine, container, operation.request, query, scope)


def all_items(engine: Engine, operation: Operation) -> Answer:
    """One page of all items of a container, or of the part that the headers name."""
    container, request = container_of(engine, operation), operation.request
    if PARTITION_KEY in request.headers:
        scope = _scope(engine, container, request)
    else:
        scope = range_scope(container, *asked_epks(container, request))
    return _page(engine, container, request, parse(_EVERYTHING), scope)


def plan_query(engine: Engine, operation: Operation) -> Answer:
    """How the client is to run a query over all physical partitions; 400 for what it has no means to."""
    container, request = container_of(engine, operation), operation.request
    features = frozenset(re.findall(r"\w+", request.headers.get(PLAN_FEATURES, "")))
    plan = {
        "partitionedQueryExecutionInfoVersion": 2,
        "queryInfo": distribution(_query(request), features),
        "queryRanges": [{"min": "", "max": "FF", "isMinInclusive": True, "isMaxInclusive": False}],
    }
    return document_answer(container, 200, charges.METADATA, as_json(plan))


def _is_addressed(request: Request) -> bool:
    """Whether the client asks one logical or physical partition, or a part of one."""
    return not {PARTITION_KEY, RANGE, START_EPK}.isdisjoint(request.headers)


def _page(engine: Engine, container: Container, request: Request, query: Query, scope: Scope) -> Answer:
    check_session(container, request)
    source = SqliteSource(engine.connection, container, scope)
    binding = sha256(scope.name.encode()).hexdigest()[:16]
    token = _unbind(request.headers.get(CONTINUATION), binding)
    most, now = max_items(request), engine.precise_now()
    page = execute(query, source, max_items=most, continuation=token, now=now)
    headers = {ITEM_COUNT: str(len(page.results))}
    if page.continuation is not None:
        headers[CONTINUATION] = f"{binding}.{page.continuation}"
    documents = as_json(page.results)
    body = f'{{"_rid":"{container.rid}","Documents":{documents},"_count":{len(page.results)}}}'
    charge = charges.query_page(page.work, len(ranges_of(container, request)))
    return document_answer(container, 200, charge, body, headers)


def _query(request: Request) -> Query:
    body = parse_json(request.body)
    text = body.get("query") if isinstance(body, dict) else None
    if not isinstance(text, str):
        raise bad_request("A query needs its text.")
    return parse(text, _parameters(body.get("parameters") or []))


def _construct(query: Query) -> str:
    """What of a query needs a plan."""
    select = query.select
    used = {
        "GROUP BY": select.groups,
        "ORDER BY": select.order,
        "DISTINCT": select.distinct,
        "TOP": select.top,
        "LIMIT": select.limit,
    }
    return " with ".join(name for name, present in used.items() if present) or "An aggregate"


def _parameters(parameters: object) -> dict[str, Any]:
    try:
        return {each["name"]: each.get("value") for each in parameters}  # type: ignore[attr-defined]  # JSON
    except (TypeError, KeyError, AttributeError) as error:
        raise bad_request("The parameters of a query are objects with name and value.") from error


def _scope(engine: Engine, container: Container, request: Request) -> Scope:
    """Where the headers say that the query is to look."""
    headers = request.headers
    if PARTITION_KEY in headers:
        key = logical_key(container, request)
        return partition_scope(key.text, engine.documents.partition(container, key))
    if START_EPK in headers or request.flag(CROSS_PARTITION) or RANGE in headers:
        return range_scope(container, *asked_epks(container, request))
    raise bad_request(
        "Cross partition query is required but disabled. Please set "
        "x-ms-documentdb-query-enablecrosspartition to true, or specify x-ms-documentdb-partitionkey."
    )


def max_items(request: Request) -> int:
    """The size of a page that the client asks for: 100 if it does not say, as many as fit for -1."""
    text: Any = request.headers.get(MAX_ITEMS, _DEFAULT_PAGE)
    try:
        wanted = int(text)
    except ValueError as error:
        raise bad_request(f"{text!r} is not a number of items.") from error
    return wanted if 0 < wanted <= _LARGEST_PAGE else _LARGEST_PAGE


def _unbind(token: str | None, binding: str) -> str | None:
    """The executor's own token in a continuation; raises 400 where it comes from another scope."""
    if token is None:
        return None
    scope, dot, own = token.partition(".")
    if not dot or scope != binding:
        raise bad_request("The continuation token belongs to another query or partition.")
    return own
