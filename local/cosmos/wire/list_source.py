"""What queries over databases and containers read: a list, without any index."""

from collections.abc import Iterator, Sequence
from typing import Any

from local.cosmos.indexing import IndexingPolicy
from local.cosmos.query.source import Document


class ListSource:
    """The query executor's `Source` over a list of resources, numbered from 1."""

    def __init__(self, resources: Sequence[dict[str, Any]]) -> None:
        self.policy = IndexingPolicy(rules=())
        self._resources = resources

    def documents(self, after: int = 0) -> Iterator[Document]:
        """All of them behind a number."""
        for number, resource in enumerate(self._resources[after:], start=after + 1):
            yield Document(number, resource, 0)

    def terms(
        self,
        index: str,
        low: bytes,
        high: bytes,
        *,
        descending: bool = False,
        after: tuple[bytes, int] | None = None,
    ) -> Iterator[tuple[bytes, int]]:
        """None: nothing is indexed."""
        return iter(())

    def document(self, rid: int) -> Document | None:
        """One by its number."""
        return Document(rid, self._resources[rid - 1], 0)
