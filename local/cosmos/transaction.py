"""One request's work in one logical partition: one time, one LSN, and all of its writes or none."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from local.cosmos import charges, storage
from local.cosmos.containers import Container
from local.cosmos.documents import Documents
from local.cosmos.partition_keys import LogicalKey
from local.cosmos.versions import Row, Stamp

_COMMIT = "UPDATE commits SET lsn = ? WHERE container = ?"


@dataclass(slots=True)
class Transaction:
    """What the operations on items work with.

    stamp: the commit that new versions get. changed: whether there are some.
    """

    documents: Documents
    container: Container
    key: LogicalKey
    stamp: Stamp
    changed: bool = False

    def find(self, item_id: str) -> Row | None:
        """The item of this id in the transaction's logical partition."""
        partition = self.documents.partition(self.container, self.key)
        return None if partition is None else self.documents.find(partition, item_id)

    def delete_all(self) -> float:
        """Delete the whole logical partition; returns the charge."""
        charge = 0.0
        partition = self.documents.partition(self.container, self.key)
        for row in [] if partition is None else self.documents.in_partition(partition):
            charge += charges.write(row.size, self.documents.delete(self.container, row))
            self.changed = True
        return charge


@contextmanager
def committed(connection: sqlite3.Connection, work: Transaction) -> Iterator[Transaction]:
    """Commit the work at the end, or roll it back if an exception leaves the context."""
    try:
        with storage.transaction(connection):
            yield work
            if work.changed:
                connection.execute(_COMMIT, (work.stamp.lsn, work.container.number))
    except BaseException:
        work.documents.forget()
        raise
    if work.changed:
        work.container.lsn = work.stamp.lsn
