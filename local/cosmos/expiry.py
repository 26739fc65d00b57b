"""Time to live: expired documents are removed before a request looks, so none ever sees one.

A document ends when its `_ts` plus its time to live is not after now. Its going is no commit: the change feed
does not tell of it, and no request is charged for it.
"""

import math
import sqlite3

from local.cosmos.catalogue import Catalogue
from local.cosmos.containers import Container
from local.cosmos.documents import COLUMNS, Documents
from local.cosmos.storage import transaction
from local.cosmos.versions import Row

_NEXT = "SELECT min(expires_at) FROM documents WHERE expires_at IS NOT NULL"
_EXPIRED = f"SELECT {COLUMNS} FROM documents WHERE expires_at <= ? AND +container = ?"  # noqa: S608  # constant
_CONTAINERS = "SELECT DISTINCT container FROM documents WHERE expires_at <= ?"


class Expiry:
    """Removes what has expired."""

    def __init__(self, connection: sqlite3.Connection, documents: Documents, catalogue: Catalogue) -> None:
        self._connection = connection
        self._documents = documents
        self._catalogue = catalogue
        self._look_ahead()

    def purge(self, now: int) -> None:
        """Remove all that has expired by now."""
        if now < self._documents.soonest_end:
            return
        with transaction(self._connection):
            for (number,) in self._connection.execute(_CONTAINERS, (now,)).fetchall():
                self._purge_container(self._catalogue.numbered(number), now)
        self._look_ahead()

    def _look_ahead(self) -> None:
        (soonest,) = self._connection.execute(_NEXT).fetchone()
        self._documents.soonest_end = math.inf if soonest is None else soonest

    def _purge_container(self, container: Container, now: int) -> None:
        for row in self._connection.execute(_EXPIRED, (now, container.number)).fetchall():
            self._documents.delete(container, Row._make(row))
