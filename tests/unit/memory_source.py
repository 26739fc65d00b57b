"""Documents and their index entries in memory, as the query executor reads them."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from local.cosmos.indexing import IndexingPolicy
from local.cosmos.query import execute, parse
from local.cosmos.query.source import Document

EVERYTHING = {"includedPaths": [{"path": "/*"}]}
NOTHING: dict[str, Any] = {"includedPaths": [], "excludedPaths": [{"path": "/*"}]}


class MemorySource:
    def __init__(self, bodies: Iterable[dict[str, Any]], policy: Mapping[str, Any] | None = None) -> None:
        self.policy = IndexingPolicy.parse(policy)
        self.bodies = dict(enumerate(bodies, start=1))

    def documents(self, after: int = 0) -> Iterator[Document]:
        return (self._read(rid) for rid in sorted(self.bodies) if rid > after)

    def terms(
        self,
        index: str,
        low: bytes,
        high: bytes,
        *,
        descending: bool = False,
        after: tuple[bytes, int] | None = None,
    ) -> Iterator[tuple[bytes, int]]:
        entries = sorted(
            {
                (key, rid)
                for rid, body in self.bodies.items()
                for name, key in self.policy.terms(body)
                if name == index and low <= key < high
            },
            reverse=descending,
        )
        return (one for one in entries if after is None or (one < after if descending else one > after))

    def document(self, rid: int) -> Document | None:
        return self._read(rid) if rid in self.bodies else None

    def _read(self, rid: int) -> Document:
        return Document(rid, self.bodies[rid], len(json.dumps(self.bodies[rid])))


def pages(text: str, source: MemorySource, size: int | None = None, **parameters: Any) -> Iterator[list[Any]]:
    query = parse(text, {f"@{name}": value for name, value in parameters.items()})
    token = None
    while True:
        page = execute(query, source, max_items=size, continuation=token)
        yield page.results
        if (token := page.continuation) is None:
            return


def results(text: str, source: MemorySource, size: int | None = None, **parameters: Any) -> list[Any]:
    return [row for page in pages(text, source, size, **parameters) for row in page]
