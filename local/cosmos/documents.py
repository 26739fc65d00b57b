"""The stored documents: rows of one container, always written together with their index entries.

Nothing here opens a transaction; the caller does.
"""

import math
import sqlite3
from uuid import uuid4

from local.cosmos.containers import Container
from local.cosmos.errors import conflict
from local.cosmos.index_entries import change_entries
from local.cosmos.partition_keys import LogicalKey
from local.cosmos.versions import Draft, Row, Stamp, as_document, effective_ttl, system_properties

COLUMNS = ", ".join(
    f"documents.{name}" for name in ("number", "partition", "id", "lsn", "etag", "ts", "size", "text")
)

_FIND_PARTITION = "SELECT number FROM partitions WHERE container = ? AND epk = ? AND key = ?"
_ADD_PARTITION = "INSERT INTO partitions (container, epk, key) VALUES (?, ?, ?)"
_FIND = f"SELECT {COLUMNS} FROM documents WHERE partition = ? AND id = ?"  # noqa: S608  # constant
_FIND_NUMBER = f"SELECT {COLUMNS} FROM documents WHERE number = ? AND container = ?"  # noqa: S608  # constant
_IN_PARTITION = f"SELECT {COLUMNS} FROM documents WHERE partition = ?"  # noqa: S608  # constant
_IN_CONTAINER = f"SELECT {COLUMNS} FROM documents WHERE container = ?"  # noqa: S608  # constant
_INSERT = """
    INSERT INTO documents (container, partition, id, lsn, etag, ts, expires_at, size, text)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_UPDATE = (
    "UPDATE documents SET lsn = ?, etag = ?, ts = ?, expires_at = ?, size = ?, text = ? WHERE number = ?"
)
_SET_END = "UPDATE documents SET expires_at = ? WHERE number = ?"
_MAX_REMEMBERED_PARTITIONS = 20_000


class Documents:
    """Reads and writes rows. Remembers the numbers of partitions, until `forget`.

    soonest_end: no document expires before; so that nobody has to ask the file at each request.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._partitions: dict[tuple[int, str], int] = {}
        self.soonest_end = math.inf

    def partition(self, container: Container, key: LogicalKey) -> int | None:
        """The number of a logical partition; None if nothing was ever written to it."""
        place = (container.number, key.text)
        if (number := self._partitions.get(place)) is not None:
            return number
        row = self._connection.execute(_FIND_PARTITION, (container.number, key.epk, key.text)).fetchone()
        if row is None:
            return None
        if len(self._partitions) >= _MAX_REMEMBERED_PARTITIONS:
            self._partitions.clear()
        self._partitions[place] = row[0]
        return int(row[0])

    def forget(self) -> None:
        """After a rollback: partitions that came with it are gone again."""
        self._partitions.clear()

    def find(self, partition: int, item_id: str) -> Row | None:
        """By id within a logical partition."""
        row = self._connection.execute(_FIND, (partition, item_id)).fetchone()
        return None if row is None else Row._make(row)

    def find_number(self, container: Container, number: int) -> Row | None:
        """By number within a container."""
        row = self._connection.execute(_FIND_NUMBER, (number, container.number)).fetchone()
        return None if row is None else Row._make(row)

    def in_partition(self, partition: int) -> list[Row]:
        """All of a logical partition."""
        return [Row._make(row) for row in self._connection.execute(_IN_PARTITION, (partition,))]

    def in_container(self, container: Container) -> list[Row]:
        """All of a container."""
        return [Row._make(row) for row in self._connection.execute(_IN_CONTAINER, (container.number,))]

    def insert(self, container: Container, key: LogicalKey, draft: Draft, stamp: Stamp) -> tuple[Row, int]:
        """Store a new document; returns it and its number of index terms. Raises 409."""
        partition = self.partition(container, key) or self._add_partition(container, key)
        etag, expires_at = str(uuid4()), draft.expires_at(stamp.ts)
        values = (partition, draft.id, stamp.lsn, etag, stamp.ts, expires_at, draft.size, draft.text)
        self._will_end(expires_at)
        try:
            number = self._connection.execute(_INSERT, (container.number, *values)).lastrowid or 0
        except sqlite3.IntegrityError as error:
            raise conflict(
                f"Entity with the specified id already exists in the system: {draft.id!r}."
            ) from error
        row = Row(number, partition, draft.id, stamp.lsn, etag, stamp.ts, draft.size, draft.text)
        return row, self._change(container, row, None, draft)

    def update(self, container: Container, old: Row, draft: Draft, stamp: Stamp) -> tuple[Row, int]:
        """Store a new version; returns it and its number of index terms. Raises 409 for a unique key."""
        etag, expires_at = str(uuid4()), draft.expires_at(stamp.ts)
        values = (stamp.lsn, etag, stamp.ts, expires_at, draft.size, draft.text, old.number)
        self._will_end(expires_at)
        self._connection.execute(_UPDATE, values)
        row = old._replace(lsn=stamp.lsn, etag=etag, ts=stamp.ts, size=draft.size, text=draft.text)
        return row, self._change(container, row, old, draft)

    def delete(self, container: Container, row: Row) -> int:
        """Remove a document; returns the number of index terms it had."""
        self._connection.execute("DELETE FROM documents WHERE number = ?", (row.number,))
        place = (row.partition, row.number)
        return change_entries(self._connection, container, place, as_document(container, row), None)

    def reindex(self, old: Container, new: Container) -> None:
        """Give all documents of a container the index entries and ends that its new definition asks for."""
        for row in self.in_container(old):
            document, place = as_document(old, row), (row.partition, row.number)
            change_entries(self._connection, old, place, document, None)
            change_entries(self._connection, new, place, None, document)
            ttl = effective_ttl(new, document)
            expires_at = None if ttl is None else row.ts + ttl
            self._will_end(expires_at)
            self._connection.execute(_SET_END, (expires_at, row.number))

    def _will_end(self, expires_at: int | None) -> None:
        if expires_at is not None:
            self.soonest_end = min(self.soonest_end, expires_at)

    def _change(self, container: Container, row: Row, old: Row | None, draft: Draft) -> int:
        before = None if old is None else as_document(container, old)
        after = draft.item | system_properties(container, row)
        return change_entries(self._connection, container, (row.partition, row.number), before, after)

    def _add_partition(self, container: Container, key: LogicalKey) -> int:
        return self._connection.execute(_ADD_PARTITION, (container.number, key.epk, key.text)).lastrowid or 0
