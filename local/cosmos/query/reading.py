"""Reads the documents that a plan leads to, one by one, and makes results of those that the query keeps."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from local.cosmos.query.continuation import Place
from local.cosmos.query.evaluate import Bindings, evaluate
from local.cosmos.query.plan import Plan
from local.cosmos.query.query import Query
from local.cosmos.query.source import Document, Source
from local.cosmos.query.syntax import Select
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
    """What came of one document: UNDEFINED where it gives no result. size: bytes of the result."""

    place: Place
    result: Json
    size: int = 0


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads a source by a plan, and counts what it reads."""

    query: Query
    source: Source
    plan: Plan
    work: Work

    def kept(self, after: Place | None = None) -> Iterator[tuple[Place, Document | None]]:
        """Each place behind `after`, with the document if the query keeps it."""
        for place, document in self._documents(after):
            self.work.documents_loaded += 1
            self.work.bytes_loaded += document.size
            yield place, document if self._keeps(Bindings(self.query.parameters, document.body)) else None

    def rows(self, after: Place | None) -> Iterator[Row]:
        """A row for each document behind `after`; DISTINCT has to look at those before it again."""
        if not self.query.select.distinct:
            yield from self._rows(after)
            return
        seen: set[bytes] = set()
        for row in self._rows(None):
            is_new = row.result is not UNDEFINED and (key := encode(row.result)) not in seen
            if is_new:
                seen.add(key)
            if after is None or (row.place < after if self.plan.descending else row.place > after):
                yield row if is_new else Row(row.place, UNDEFINED)

    def _rows(self, after: Place | None) -> Iterator[Row]:
        for place, document in self.kept(after):
            yield Row(place, UNDEFINED) if document is None else self._row(place, document)

    def _row(self, place: Place, document: Document) -> Row:
        select = self.query.select
        result = project(select, Bindings(self.query.parameters, document.body))
        size = document.size if select.columns is None or result is UNDEFINED else size_of(result)
        return Row(place, result, size)

    def _documents(self, after: Place | None) -> Iterator[tuple[Place, Document]]:
        plan = self.plan
        if plan.index is None:
            for document in self.source.documents(after[1] if after else 0):
                yield (b"", document.rid), document
            return
        entries = self.source.terms(plan.index, plan.low, plan.high, descending=plan.descending, after=after)
        for place in entries:
            self.work.terms_read += 1
            if found := self.source.document(place[1]):
                yield place, found

    def _keeps(self, bindings: Bindings) -> bool:
        where = self.query.select.where
        return where is None or evaluate(where, bindings) is True


def project(select: Select, bindings: Bindings) -> Json:
    """The result that SELECT makes; UNDEFINED for none."""
    if select.columns is None:
        return bindings.document
    if select.value:
        return evaluate(select.columns[0].expression, bindings)
    values = ((column.name, evaluate(column.expression, bindings)) for column in select.columns)
    return {name: value for name, value in values if value is not UNDEFINED}


def size_of(result: Json) -> int:
    """Bytes of its UTF-8 JSON, about."""
    return len(json.dumps(result, ensure_ascii=False).encode("utf-8", "surrogatepass"))
