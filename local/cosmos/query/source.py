"""What the query executor reads from: the documents and index terms of one scope.

A scope is one logical partition, or a range of effective partition keys of a container. Storage implements
`Source`; the executor decides which terms and documents to read and counts what it read.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from local.cosmos.indexing import IndexingPolicy


@dataclass(frozen=True, slots=True)
class Document:
    """One stored item.

    rid: its number within the container, ascending by creation, never reused; breaks ties in ORDER BY.
    body: the item as the client gets it, system properties included.
    size: bytes of its UTF-8 JSON.
    """

    rid: int
    body: dict[str, Any]
    size: int


class Source(Protocol):
    """The documents of one scope; those whose TTL has passed are not in it."""

    policy: IndexingPolicy

    def documents(self, after: int = 0) -> Iterator[Document]:
        """Every document with a rid above `after`, ascending by rid."""

    def terms(
        self,
        index: str,
        low: bytes,
        high: bytes,
        *,
        descending: bool = False,
        after: tuple[bytes, int] | None = None,
    ) -> Iterator[tuple[bytes, int]]:
        """The (key, rid) entries of one index with low <= key < high, ordered by (key, rid).

        descending: both in reverse. after: go on behind this entry, in the direction of reading.
        """

    def document(self, rid: int) -> Document | None:
        """One document, or None where it is gone or expired."""
