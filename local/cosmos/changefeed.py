"""The change feed in latest-version mode: each item once, at its newest version, in the order of commits.

A position in the feed is the LSN of the last commit read. A page never splits a commit, for a position can
not point into one. Deleted and expired items are not told of.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local.cosmos.containers import Container
from local.cosmos.documents import COLUMNS
from local.cosmos.versions import Row, as_answered

MAX_PAGE_BYTES = 4 * 1024 * 1024

_CHANGES = f"""
    SELECT {COLUMNS} FROM documents CROSS JOIN partitions ON partitions.number = documents.partition
    WHERE documents.container = ? AND documents.lsn > ? AND documents.ts >= ? AND epk >= ? AND epk < ?
    ORDER BY documents.lsn, documents.number
"""  # noqa: S608  # constant


@dataclass(frozen=True, slots=True)
class Interest:
    """What a reader wants: commits after an LSN, versions not older than a time, in a range of EPKs."""

    after: int
    since: int = 0
    low: str = ""
    high: str = "FF"


@dataclass(frozen=True, slots=True)
class ChangePage:
    """Items as JSON text with their `_lsn`, the bytes of each, and the position to go on from."""

    items: list[str]
    sizes: list[int]
    position: int


def read_changes(
    connection: sqlite3.Connection, container: Container, interest: Interest, max_items: int
) -> ChangePage:
    """The next page: whole commits, until there are max_items or 4 MB."""
    rows: list[Row] = []
    size = 0
    for row in _changes(connection, container, interest):
        if rows and row.lsn != rows[-1].lsn and (len(rows) >= max_items or size >= MAX_PAGE_BYTES):
            return _page(container, rows, rows[-1].lsn)
        rows.append(row)
        size += row.size
    return _page(container, rows, container.lsn)


def _changes(connection: sqlite3.Connection, container: Container, interest: Interest) -> Iterator[Row]:
    values: tuple[Any, ...] = (container.number, interest.after, interest.since, interest.low, interest.high)
    return map(Row._make, connection.execute(_CHANGES, values))


def _page(container: Container, rows: list[Row], position: int) -> ChangePage:
    items = [f'{as_answered(container, row)[:-1]},"_lsn":{row.lsn}}}' for row in rows]
    return ChangePage(items, [row.size for row in rows], position)
