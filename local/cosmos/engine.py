"""The engine: one data folder, or one database in memory, and everything that works on it.

`EmbeddedTransport` puts it under the Cosmos SDK; see `wire.serve` for the way of a request through it.
"""

import sqlite3
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from threading import RLock
from uuid import uuid4

from local.cosmos.calls import Call, CallLog
from local.cosmos.catalogue import Catalogue
from local.cosmos.containers import Container, Definition
from local.cosmos.documents import Documents
from local.cosmos.expiry import Expiry
from local.cosmos.faults import Fault, Faults
from local.cosmos.folder_lock import FolderLock, FolderUnusable
from local.cosmos.partition_keys import LogicalKey
from local.cosmos.storage import FILE_NAME, connect, transaction
from local.cosmos.throughput import Offers
from local.cosmos.transaction import Transaction, committed
from local.cosmos.versions import Stamp

_KEY = "bG9jYWwgZW5naW5lLCBubyBzZWNyZXQ="  # says "local engine, no secret": the engine checks no signatures


class Engine:
    """Holds the parts together. Made by `open`; requests are worked on one at a time, under `lock`.

    url: where clients are to connect; another for each engine, for the SDK shares caches by URL.
    partitions: how many physical ones a new container has.
    troubled: the kinds of operation that the file can't be used for, since it is full or worse.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        lock: FolderLock | None,
        clock: Callable[[], float],
        partitions: int,
    ) -> None:
        self._folder_lock = lock
        self._clock = clock
        self.partitions = partitions
        self.url = f"https://{uuid4()}.local/"
        self.key = _KEY
        self.lock = RLock()
        self.connection = connection
        self.catalogue = Catalogue(connection)
        self.offers = Offers(connection)
        self.documents = Documents(connection)
        self.expiry = Expiry(connection, self.documents, self.catalogue)
        self.faults = Faults()
        self.log = CallLog()
        self.troubled: set[str] = set()

    @classmethod
    def open(
        cls, folder: Path | None, *, clock: Callable[[], float] = time.time, partitions: int = 1
    ) -> "Engine":
        """Open a data folder, made if need be; None is in memory.

        Raises FolderInUse if another process has it open, FolderUnusable if it can't be made or written,
        ForeignFile if its file is not this engine's, DamagedFile. The clock gives seconds since 1970.
        """
        if folder is None:
            return cls(connect(None), None, clock, partitions)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return cls._in_folder(folder, clock, partitions)
        except (OSError, sqlite3.OperationalError) as error:
            raise FolderUnusable(folder, error) from error

    @classmethod
    def _in_folder(cls, folder: Path, clock: Callable[[], float], partitions: int) -> "Engine":
        lock = FolderLock(folder)
        try:
            return cls(connect(folder / FILE_NAME), lock, clock, partitions)
        except BaseException:
            lock.release()
            raise

    def now(self) -> int:
        """Whole seconds since 1970."""
        return int(self._clock())

    def precise_now(self) -> float:
        """Seconds since 1970 with what comes behind the point."""
        return self._clock()

    def reading(self, container: Container, key: LogicalKey) -> Transaction:
        """Work in one logical partition that only reads."""
        return Transaction(self.documents, container, key, Stamp(container.lsn + 1, self.now()))

    def writing(self, container: Container, key: LogicalKey) -> AbstractContextManager[Transaction]:
        """Work in one logical partition that is committed at the end of the context, or rolled back."""
        return committed(self.connection, self.reading(container, key))

    def replace_definition(self, container: Container, definition: Definition) -> None:
        """Give a container another definition and its documents the index that goes with it."""
        with transaction(self.connection):
            self.documents.reindex(container, container.redefined(definition))
            self.catalogue.replace_container(container, definition, self.now())
        self.catalogue.reload()

    def split(self, database: str, container: str, range_id: str = "0") -> None:
        """Split a physical partition in two, as the service does when one grows.

        Clients that know the old one are answered 410 until they have read the ranges anew.
        """
        with self.lock:
            self.catalogue.split(self.catalogue.container(database, container), range_id)

    def take_fault(self, operation: str, container: str) -> Fault | None:
        """The fault that strikes a request, if one does."""
        with self.lock:
            return self.faults.take(operation, container)

    def recording(self) -> AbstractContextManager[list[Call]]:
        """A list that fills with the calls made while the context is open."""
        return self.log.recording()

    def close(self) -> None:
        """Close the file and let the folder go."""
        with self.lock:
            self.connection.close()
        if self._folder_lock is not None:
            self._folder_lock.release()
            self._folder_lock = None
