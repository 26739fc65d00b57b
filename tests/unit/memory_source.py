"""A query's source in memory: documents by number, index terms kept in order."""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from local.cosmos.indexing import IndexingPolicy
from local.cosmos.query import Page, execute, parse
from local.cosmos.query.source import Document

Place = tuple[bytes, int]

NO_INDEX: Mapping[str, Any] = {"indexingMode": "none"}


class MemorySource:
    """Documents numbered from 1 in the order given; `policy` as the service takes it."""

    def __init__(self, bodies: Sequence[Any] = (), policy: Mapping[str, Any] | None = None) -> None:
        self.policy = IndexingPolicy.parse(policy)
        self._documents: dict[int, Document] = {}
        self._terms: dict[str, list[Place]] = {}
        for body in bodies:
            self.add(body)

    def add(self, body: dict[str, Any]) -> int:
        rid = max(self._documents, default=0) + 1
        self._documents[rid] = Document(rid, body, len(json.dumps(body)))
        for index, key in self.policy.terms(body):
            entries = self._terms.setdefault(index, [])
            entries.insert(bisect_left(entries, (key, rid)), (key, rid))
        return rid

    def remove(self, rid: int) -> None:
        del self._documents[rid]

    def documents(self, after: int = 0) -> Iterator[Document]:
        for rid in range(after + 1, max(self._documents, default=0) + 1):
            if found := self._documents.get(rid):
                yield found

    def terms(
        self, index: str, low: bytes, high: bytes, *, descending: bool = False, after: Place | None = None
    ) -> Iterator[Place]:
        entries = self._terms.get(index, [])
        first, last = bisect_left(entries, (low, 0)), bisect_left(entries, (high, 0))
        if after is not None and descending:
            last = min(last, bisect_left(entries, after))
        elif after is not None:
            first = max(first, bisect_right(entries, after))
        numbers = range(first, last)
        for number in reversed(numbers) if descending else numbers:
            yield entries[number]

    def document(self, rid: int) -> Document | None:
        return self._documents.get(rid)


def run(text: str, source: MemorySource, parameters: Mapping[str, Any] = {}, **options: Any) -> Page:
    """One page."""
    return execute(parse(text, parameters), source, **options)


def results(text: str, source: MemorySource, parameters: Mapping[str, Any] = {}) -> list[Any]:
    """All results in one page."""
    page = run(text, source, parameters)
    assert page.continuation is None
    return page.results


def pages(
    text: str, source: MemorySource, parameters: Mapping[str, Any] = {}, *, size: int, **options: Any
) -> list[Page]:
    """All pages."""
    query = parse(text, parameters)
    found = [execute(query, source, max_items=size, **options)]
    while token := found[-1].continuation:
        found.append(execute(query, source, max_items=size, continuation=token, **options))
    return found


def paged(text: str, source: MemorySource, parameters: Mapping[str, Any] = {}, *, size: int) -> list[Any]:
    """The results of all pages, one after the other."""
    return [result for page in pages(text, source, parameters, size=size) for result in page.results]
