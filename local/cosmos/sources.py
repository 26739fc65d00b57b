"""What queries read: documents and index terms of a logical partition, or of a range of EPKs, out of SQLite.

Ranges and their order come from SQL, so reading one page costs what is on the page. Rows are fetched as they
are asked for.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local.cosmos.containers import Container
from local.cosmos.documents import COLUMNS
from local.cosmos.indexing import IndexingPolicy
from local.cosmos.query.source import Document
from local.cosmos.versions import Row, as_document

_BETWEEN = "(terms.key, terms.document) > (?, ?) AND (terms.key, terms.document) < (?, ?)"


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a query looks. name: what continuation tokens are bound to, so that one fits a range's halves.

    documents: the rest of a query for all documents. terms: the tables and conditions of one for index terms.
    parameters: for both.
    """

    name: str
    documents: str
    terms: str
    parameters: tuple[Any, ...]


def partition_scope(name: str, partition: int | None) -> Scope:
    """One logical partition; None for one that was never written to."""
    documents = "documents WHERE documents.partition = ?"
    return Scope(name, documents, "terms WHERE terms.partition = ?", (partition or 0,))


def range_scope(container: Container, low: str, high: str) -> Scope:
    """The logical partitions with low <= EPK < high."""
    where = "partitions.container = ? AND partitions.epk >= ? AND partitions.epk < ?"
    # CROSS JOIN fixes the order: documents by number without sorting, and terms found by partition.
    documents = f"documents CROSS JOIN partitions ON partitions.number = documents.partition WHERE {where}"
    terms = f"partitions CROSS JOIN terms ON terms.partition = partitions.number WHERE {where}"
    return Scope("any", documents, terms, (container.number, low, high))


class SqliteSource:
    """The query executor's `Source` over one scope."""

    def __init__(self, connection: sqlite3.Connection, container: Container, scope: Scope) -> None:
        self._connection = connection
        self._container = container
        self._scope = scope
        self.policy: IndexingPolicy = container.definition.policy

    def documents(self, after: int = 0) -> Iterator[Document]:
        """Every document with a number above `after`, ascending."""
        query = f"SELECT {COLUMNS} FROM {self._scope.documents} AND documents.number > ?"  # noqa: S608  # constants
        values = (*self._scope.parameters, after)
        for row in self._connection.execute(f"{query} ORDER BY documents.number", values):
            yield self._document(row)

    def terms(
        self,
        index: str,
        low: bytes,
        high: bytes,
        *,
        descending: bool = False,
        after: tuple[bytes, int] | None = None,
    ) -> Iterator[tuple[bytes, int]]:
        """The (key, number) entries of one index with low <= key < high, in order or in reverse."""
        # Documents are numbered from 1, so (key, 0) lies before all entries of a key.
        lower = (low, 0) if after is None or descending else after
        upper = after if after is not None and descending else (high, 0)
        query = f"SELECT terms.key, terms.document FROM {self._scope.terms} AND terms.name = ? AND {_BETWEEN}"  # noqa: S608  # constants
        order = " DESC" if descending else ""
        values = (*self._scope.parameters, index, *lower, *upper)
        return iter(
            self._connection.execute(f"{query} ORDER BY terms.key{order}, terms.document{order}", values)
        )

    def document(self, rid: int) -> Document | None:
        """One document by its number."""
        query = f"SELECT {COLUMNS} FROM documents WHERE number = ?"  # noqa: S608  # constant
        row = self._connection.execute(query, (rid,)).fetchone()
        return None if row is None else self._document(row)

    def _document(self, row: tuple[Any, ...]) -> Document:
        found = Row._make(row)
        return Document(found.number, as_document(self._container, found), found.size)
