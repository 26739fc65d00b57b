"""Runs a query over a source, page by page."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from local.cosmos.query.evaluate import Bindings, evaluate
from local.cosmos.query.functions import aggregate
from local.cosmos.query.parse import parse_text
from local.cosmos.query.plan import Plan, path_of, plan
from local.cosmos.query.source import Document, Source
from local.cosmos.query.syntax import AGGREGATES, Call, Column, Expression, QueryError, Select
from local.cosmos.values import UNDEFINED, Json, encode

# A page ends after so many documents read, however few it has found.
MAX_DOCUMENTS_READ = 10_000
_NOWHERE = (b"", 0)


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query with its parameters."""

    text: str
    parameters: Mapping[str, Json]
    select: Select

    @property
    def needs_plan(self) -> bool:
        """Whether its results over several partitions can't simply be strung together."""
        select = self.select
        return bool(
            select.order or select.distinct or select.top or select.limit or _aggregates(select.columns)
        )

    @property
    def checksum(self) -> str:
        """What binds a continuation to the query."""
        text = json.dumps([self.text, dict(self.parameters)], sort_keys=True, default=str)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Condition:
    """A patch's condition."""

    select: Select

    def holds(self, document: dict[str, Json]) -> bool:
        """Whether it is true of a document."""
        return _keeps(self.select, Bindings({}, document))


@dataclass(slots=True)
class Work:
    """What a page took: index terms and documents read, bytes of them, bytes of the results."""

    terms_read: int = 0
    documents_loaded: int = 0
    bytes_loaded: int = 0
    bytes_returned: int = 0
    scanned: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Results, and the token of the next page if there may be one."""

    results: list[Json]
    continuation: str | None
    work: Work


@dataclass(slots=True)
class Position:
    """Where a page ended: the last (key, rid) read, rows still to skip, rows given already."""

    after: tuple[bytes, int] = _NOWHERE
    skip: int = 0
    given: int = 0

    def token(self, query: Query) -> str:
        """As an opaque string that only this query takes."""
        body = json.dumps([query.checksum, self.after[0].hex(), self.after[1], self.skip, self.given])
        return base64.urlsafe_b64encode(body.encode()).decode()

    @classmethod
    def of(cls, token: str, query: Query) -> "Position":
        """Read a token back; QueryError for another query's, or a damaged one."""
        try:
            checksum, key, rid, skip, given = json.loads(base64.urlsafe_b64decode(token))
            if checksum == query.checksum:
                return cls((bytes.fromhex(key), int(rid)), int(skip), int(given))
        except (ValueError, TypeError):
            pass
        raise QueryError("The continuation token is not one of this query.")


def parse(text: str, parameters: Mapping[str, Json] = {}) -> Query:
    """Parse a query. Raises QueryError, naming what it doesn't know."""
    return Query(text, parameters, parse_text(text, "query"))


def parse_condition(text: str) -> Condition:
    """Parse a patch's condition, `from c where …`. Raises QueryError."""
    return Condition(parse_text(text, "condition"))


def execute(
    query: Query,
    source: Source,
    *,
    max_items: int | None = None,
    max_bytes: int = 4_000_000,
    continuation: str | None = None,
) -> Page:
    """One page of results. max_items: None or -1 for as many as fit. Raises QueryError."""
    select, work = query.select, Work()
    bounds = Bindings(query.parameters)
    skip, most = _count(select.offset, bounds) or 0, _count(select.limit or select.top, bounds)
    position = Position.of(continuation, query) if continuation else Position(skip=skip)
    if most == 0:
        return Page([], None, work)
    reader = _Reader(select, query.parameters, source, work)
    if select.distinct or _aggregates(select.columns):
        rows: Iterator[Json] = _whole(query, reader)
        return _window(rows, query, position, max_items, most, work)
    results: list[Json] = []
    for matching, document, place in reader.read(position.after):
        position.after = place
        if matching and position.skip:
            position.skip -= 1
        elif matching:
            position.given += 1
            row = _project(select, Bindings(query.parameters, document.body))
            if row is not UNDEFINED:
                results.append(row)
                work.bytes_returned += document.size if select.columns is None else len(json.dumps(row))
        if most is not None and position.given >= most:
            return Page(results, None, work)
        full = len(results) >= _items(max_items) or work.bytes_returned >= max_bytes
        if full or work.documents_loaded >= MAX_DOCUMENTS_READ:
            return Page(results, position.token(query), work)
    return Page(results, None, work)


def _items(max_items: int | None) -> float:
    return float("inf") if max_items in (None, -1) else max(max_items or 1, 1)


@dataclass(slots=True)
class _Reader:
    """Reads documents by the plan, and says of each whether the query keeps it."""

    select: Select
    parameters: Mapping[str, Json]
    source: Source
    work: Work
    plan: Plan = field(init=False)

    def __post_init__(self) -> None:
        self.plan = plan(self.select, self.parameters, self.source.policy)
        self.work.scanned = self.plan.index is None and self.select.where is not None

    def read(self, after: tuple[bytes, int]) -> Iterator[tuple[bool, Document, tuple[bytes, int]]]:
        """(kept, document, place) of each document behind `after`."""
        for place, document in self._documents(after):
            self.work.documents_loaded += 1
            self.work.bytes_loaded += document.size
            bindings = Bindings(self.parameters, document.body)
            yield _keeps(self.select, bindings) and self._has_order(bindings), document, place

    def _documents(self, after: tuple[bytes, int]) -> Iterator[tuple[tuple[bytes, int], Document]]:
        if self.plan.index is None:
            for document in self.source.documents(after[1]):
                yield (b"", document.rid), document
            return
        entries = self.source.terms(
            self.plan.index,
            self.plan.low,
            self.plan.high,
            descending=self.plan.descending,
            after=after if after != _NOWHERE else None,
        )
        for place in entries:
            self.work.terms_read += 1
            if found := self.source.document(place[1]):
                yield place, found

    def _has_order(self, bindings: Bindings) -> bool:
        """ORDER BY drops documents that lack what they are ordered by."""
        return all(evaluate(ordering.expression, bindings) is not UNDEFINED for ordering in self.select.order)


def _whole(query: Query, reader: _Reader) -> Iterator[Json]:
    """The rows of a query that must have seen every document before it can give the first."""
    select = query.select
    kept = (document for matching, document, _ in reader.read(_NOWHERE) if matching)
    calls = _aggregates(select.columns)
    if calls:
        values: dict[Call, list[Json]] = {call: [] for call in calls}
        for document in kept:
            for call, found in values.items():
                found.append(evaluate(call.arguments[0], Bindings(query.parameters, document.body)))
        results = {call: aggregate(call.name, found) for call, found in values.items()}
        row = _project(select, Bindings(query.parameters, aggregates=results))
        yield from () if row is UNDEFINED else (row,)
        return
    seen: set[bytes] = set()
    for document in kept:
        row = _project(select, Bindings(query.parameters, document.body))
        if row is not UNDEFINED and (key := encode(row)) not in seen:
            seen.add(key)
            yield row


def _window(
    rows: Iterator[Json],
    query: Query,
    position: Position,
    max_items: int | None,
    most: int | None,
    work: Work,
) -> Page:
    """The next rows of a result that is made anew for every page."""
    left = None if most is None else most - position.given
    wanted = min(_items(max_items), float("inf") if left is None else left)
    start = position.skip + position.given
    behind = islice(rows, start, None)
    results = list(behind if wanted == float("inf") else islice(behind, int(wanted)))
    work.bytes_returned = sum(len(json.dumps(row)) for row in results)
    position.given += len(results)
    ended = len(results) < wanted or (most is not None and position.given >= most)
    return Page(results, None if ended else position.token(query), work)


def _keeps(select: Select, bindings: Bindings) -> bool:
    return select.where is None or evaluate(select.where, bindings) is True


def _project(select: Select, bindings: Bindings) -> Json:
    if select.columns is None:
        return bindings.document
    if select.value:
        return evaluate(select.columns[0].expression, bindings)
    values = (
        (_column_name(column, place), evaluate(column.expression, bindings))
        for place, column in enumerate(select.columns)
    )
    return {name: value for name, value in values if value is not UNDEFINED}


def _column_name(column: Column, place: int) -> str:
    path = path_of(column.expression)
    return column.alias or (path[-1] if path else f"${place + 1}")


def _count(expression: Expression | None, bindings: Bindings) -> int | None:
    if expression is None:
        return None
    value = evaluate(expression, bindings)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise QueryError("TOP, OFFSET and LIMIT take a whole number that is not negative.")
    return value


def _aggregates(node: Any) -> tuple[Call, ...]:
    """The aggregate calls within an expression."""
    if isinstance(node, Call) and node.name in AGGREGATES:
        return (node,)
    if isinstance(node, tuple):
        return tuple(call for item in node for call in _aggregates(item))
    if hasattr(node, "__dataclass_fields__"):
        return _aggregates(tuple(getattr(node, name) for name in node.__dataclass_fields__))
    return ()
