"""Reads the documents that a plan leads to, one by one, and makes rows and results of them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from local.cosmos.query.continuation import Place, Position
from local.cosmos.query.evaluate import Bindings, project, rows
from local.cosmos.query.plan import Plan
from local.cosmos.query.query import Query
from local.cosmos.query.source import Document, Source
from local.cosmos.values import UNDEFINED, Json, encode


@dataclass(slots=True)
class Work:
    """What a page took: index terms and documents read, bytes of them, bytes of the results."""

    terms_read: int = 0
    documents_loaded: int = 0
    bytes_loaded: int = 0
    bytes_returned: int = 0
    scanned: bool = False


class Row(NamedTuple):
    """What came of one row: UNDEFINED where it gives no result.

    within: how many rows of its document it makes; 0 for the last. size: bytes of the result.
    """

    place: Place
    within: int
    result: Json
    size: int = 0


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads a source by a plan, and counts what it reads. now: in seconds, for the functions of time."""

    query: Query
    source: Source
    plan: Plan
    work: Work
    now: float

    @property
    def bindings(self) -> Bindings:
        """What the query knows without a document."""
        return Bindings(self.query.parameters, {}, self.now)

    def kept(self) -> Iterator[Bindings]:
        """Every row that the query keeps."""
        if not self.query.select.inputs:
            yield from rows(self.query.select, self.bindings)
            return
        for _, document in self._documents(Position()):
            yield from self._rows_of(document)

    def rows(self, start: Position) -> Iterator[Row]:
        """The rows behind a position, at least one a document; DISTINCT looks at those before it too."""
        if not self.query.select.distinct:
            yield from self._rows(start)
            return
        seen: set[bytes] = set()
        for row in self._rows(Position()):
            is_new = row.result is not UNDEFINED and (key := encode(row.result)) not in seen
            if is_new:
                seen.add(key)
            if self._is_behind(row, start):
                yield row if is_new else row._replace(result=UNDEFINED, size=0)

    def _is_behind(self, row: Row, start: Position) -> bool:
        if start.after is None:
            return True
        if row.place == start.after:
            return start.within > 0 and (row.within == 0 or row.within > start.within)
        return row.place < start.after if self.plan.descending else row.place > start.after

    def _rows(self, start: Position) -> Iterator[Row]:
        select = self.query.select
        if not select.inputs:
            found = [] if start.after else [project(select, row) for row in self.kept()]
            yield from (Row((b"", 0), 0, result, size_of(result)) for result in found)
            return
        for place, document in self._documents(start):
            results = [project(select, row) for row in self._rows_of(document)] or [UNDEFINED]
            passed = start.within if place == start.after else 0
            for number, result in enumerate(results[passed:], start=passed + 1):
                within = number if number < len(results) else 0
                yield Row(place, within, result, self._size(document, result))

    def _rows_of(self, document: Document) -> Iterator[Bindings]:
        select = self.query.select
        bindings = Bindings(self.query.parameters, {select.container: document.body}, self.now)
        return rows(select, bindings)

    def _size(self, document: Document, result: Json) -> int:
        if result is UNDEFINED:
            return 0
        select = self.query.select
        return document.size if select.columns is None and select.is_flat else size_of(result)

    def _documents(self, start: Position) -> Iterator[tuple[Place, Document]]:
        plan, after = self.plan, start.after
        if after and start.within:  # its other rows are still to come
            after = after[0], after[1] + (1 if plan.descending else -1)
        if plan.index is None:
            for document in self.source.documents(after[1] if after else 0):
                yield (b"", document.rid), self._loaded(document)
            return
        for place in self._terms(plan.index, after):
            self.work.terms_read += 1
            if found := self.source.document(place[1]):
                yield place, self._loaded(found)

    def _terms(self, index: str, after: Place | None) -> Iterator[Place]:
        down = self.plan.descending
        for low, high in reversed(self.plan.parts) if down else self.plan.parts:
            if after and (after[0] < low if down else after[0] >= high):
                continue  # the place lies behind this part
            within = after if after and low <= after[0] < high else None
            yield from self.source.terms(index, low, high, descending=down, after=within)

    def _loaded(self, document: Document) -> Document:
        self.work.documents_loaded += 1
        self.work.bytes_loaded += document.size
        return document


def size_of(result: Json) -> int:
    """Bytes of its UTF-8 JSON, about."""
    if result is UNDEFINED:
        return 0
    return len(json.dumps(result, ensure_ascii=False).encode("utf-8", "surrogatepass"))
