"""Runs a query over a source, page by page.

A page ends with its size, with `MAX_DOCUMENTS_READ` however few it has found, or with the last document. Rows
are read behind a keyset position, so writes between pages neither repeat nor hide what doesn't change. (With
DISTINCT, a document written before the position hides later ones that give the same result.) An aggregate is
one page and reads every document that the filter leaves; so does each page of GROUP BY, whose groups come in
the order of their keys.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from local.cosmos.query.continuation import Position, seal, unseal
from local.cosmos.query.evaluate import grouped, is_grouped
from local.cosmos.query.plan import plan
from local.cosmos.query.query import Query
from local.cosmos.query.reading import Reader, Row, Work, size_of
from local.cosmos.query.source import Source
from local.cosmos.values import UNDEFINED, Json, encode

MAX_DOCUMENTS_READ = 10_000


@dataclass(frozen=True, slots=True)
class Page:
    """Results, and the token of the next page if there may be one."""

    results: list[Json]
    continuation: str | None
    work: Work


def execute(
    query: Query,
    source: Source,
    *,
    max_items: int | None = None,
    max_bytes: int = 4_000_000,
    continuation: str | None = None,
    now: float = 0.0,
) -> Page:
    """One page of results. max_items: None or -1 for as many as fit. now: in seconds. Raises QueryError."""
    way = plan(query.select, query.parameters, source.policy)
    reader = Reader(query, source, way, Work(scanned=way.scanned), now)
    binding = f"{query.checksum} {way.index} {way.descending}"
    start = Position() if continuation is None else unseal(continuation, binding)
    filling = _Filling(reader, start, _most_on_page(max_items), max_bytes)
    last = filling.fill()
    return Page(filling.results, None if last is None else seal(last, binding), reader.work)


def _most_on_page(max_items: int | None) -> float:
    """None and negative numbers mean no limit."""
    return float("inf") if max_items is None or max_items < 0 else max(max_items, 1)


def _groups(reader: Reader, start: Position) -> Iterator[Row]:
    """The rows of a query with GROUP BY or aggregates, behind a position."""
    select = reader.query.select
    seen: set[bytes] = set()
    for key, result in grouped(select, reader.kept(), reader.bindings):
        if select.distinct and (encoded := encode(result)) in seen:
            continue
        if select.distinct:
            seen.add(encoded)
        if start.after is None or key > start.after[0]:
            yield Row((key, 0), 0, result, size_of(result))


class _Filling:
    """A page being filled from a position on."""

    def __init__(self, reader: Reader, start: Position, max_items: float, max_bytes: int) -> None:
        self.results: list[Json] = []
        self._reader = reader
        self._position = start
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._skip, self._most = reader.query.window
        self._is_grouped = is_grouped(reader.query.select)
        self._rows = _groups(reader, start) if self._is_grouped else reader.rows(start)

    def fill(self) -> Position | None:
        """Take rows until the page is full; returns where it ended, None for the end of the results."""
        if self._position.given >= self._most:
            return None
        for read, row in enumerate(self._rows, start=1):
            if not self._fits(row):
                return self._position
            self._take(row)
            if self._position.given >= self._most:
                return None
            if len(self.results) >= self._max_items or read >= MAX_DOCUMENTS_READ:
                return None if self._is_grouped and next(self._rows, None) is None else self._position
        return None

    def _fits(self, row: Row) -> bool:
        return not self.results or self._reader.work.bytes_returned + row.size <= self._max_bytes

    def _take(self, row: Row) -> None:
        skipped, given = self._position.skipped, self._position.given
        if row.result is not UNDEFINED and skipped < self._skip:
            skipped += 1
        elif row.result is not UNDEFINED:
            given += 1
            self.results.append(row.result)
            self._reader.work.bytes_returned += row.size
        self._position = Position(row.place, row.within, skipped, given)
