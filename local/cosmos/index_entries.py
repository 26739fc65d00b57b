"""What is stored beside a document to find it by: the terms of the index, and the values of unique keys."""

import sqlite3
from typing import Any

from local.cosmos.containers import Container
from local.cosmos.errors import conflict
from local.cosmos.partition_keys import values_at

_ADD_TERM = "INSERT INTO terms (partition, name, key, document) VALUES (?, ?, ?, ?)"
_REMOVE_TERM = "DELETE FROM terms WHERE partition = ? AND name = ? AND key = ? AND document = ?"
_ADD_UNIQUE = "INSERT INTO unique_keys (partition, slot, value, document) VALUES (?, ?, ?, ?)"
_REMOVE_UNIQUE = "DELETE FROM unique_keys WHERE partition = ? AND slot = ? AND value = ? AND document = ?"

Place = tuple[int, int]
"""The numbers of a partition and of a document in it."""


def change_entries(
    connection: sqlite3.Connection,
    container: Container,
    place: Place,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
) -> int:
    """Turn the entries of one version of a document into those of the next; None for no version.

    Returns the number of terms of the newer one; raises 409 where it takes another document's unique key.
    """
    _change_unique(connection, container, place, before, after)
    old = _terms(container, before)
    new = _terms(container, after)
    partition, document = place
    if gone := old - new:
        connection.executemany(_REMOVE_TERM, [(partition, *term, document) for term in gone])
    if come := new - old:
        connection.executemany(_ADD_TERM, [(partition, *term, document) for term in come])
    return len(new) if after is not None else len(old)


def _terms(container: Container, version: dict[str, Any] | None) -> set[tuple[str, bytes]]:
    return set() if version is None else set(container.definition.policy.terms(version))


def _change_unique(
    connection: sqlite3.Connection,
    container: Container,
    place: Place,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
) -> None:
    for slot, paths in enumerate(container.definition.unique_keys):
        old = None if before is None else values_at(before, paths)
        new = None if after is None else values_at(after, paths)
        if old == new:
            continue
        if old is not None:
            connection.execute(_REMOVE_UNIQUE, (place[0], slot, old, place[1]))
        if new is not None:
            _take_unique(connection, (place[0], slot, new, place[1]))


def _take_unique(connection: sqlite3.Connection, row: tuple[int, int, str, int]) -> None:
    try:
        connection.execute(_ADD_UNIQUE, row)
    except sqlite3.IntegrityError as error:
        raise conflict(f"Unique index constraint violation: another item has the values {row[2]}.") from error
