"""The databases and containers of one engine: rows in the file, and all of them in memory to be found."""

import json
import sqlite3
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from local.cosmos.containers import Container, Database, Definition, Resource
from local.cosmos.errors import conflict, parent_missing, resource_missing
from local.cosmos.ranges import KeyRange, KeyRanges, evenly, key_range
from local.cosmos.storage import transaction
from local.cosmos.throughput import Throughput

_DATABASES = "SELECT number, id, etag, ts FROM databases ORDER BY number"
_CONTAINERS = """
    SELECT number, database, id, definition, etag, ts, lsn FROM containers JOIN commits ON container = number
    ORDER BY number
"""
_RANGES = "SELECT container, number, start, end, parents FROM ranges ORDER BY container, start"
_INSERT_DATABASE = "INSERT INTO databases (id, etag, ts, throughput) VALUES (?, ?, ?, ?)"
_INSERT_RANGE = "INSERT INTO ranges (container, number, start, end, parents) VALUES (?, ?, ?, ?, ?)"
_DELETE_RANGE = "DELETE FROM ranges WHERE container = ? AND number = ?"
_INSERT_CONTAINER = """
    INSERT INTO containers (database, id, definition, throughput, etag, ts) VALUES (?, ?, ?, ?, ?, ?)
"""
_DELETE_CONTAINER = (
    "DELETE FROM terms WHERE partition IN (SELECT number FROM partitions WHERE container = ?)",
    "DELETE FROM unique_keys WHERE partition IN (SELECT number FROM partitions WHERE container = ?)",
    "DELETE FROM documents WHERE container = ?",
    "DELETE FROM partitions WHERE container = ?",
    "DELETE FROM commits WHERE container = ?",
    "DELETE FROM ranges WHERE container = ?",
    "DELETE FROM containers WHERE number = ?",
)


class Catalogue:
    """Finds databases and containers, by id or resource id alike, and creates, changes and deletes them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._databases: dict[str, Database] = {}
        self._containers: dict[tuple[str, str], Container] = {}
        self.reload()

    def databases(self) -> list[Database]:
        """All, oldest first."""
        return list({database.number: database for database in self._databases.values()}.values())

    def database(self, name: str) -> Database:
        """Raises 404."""
        if (database := self._databases.get(name)) is None:
            raise resource_missing("database", name)
        return database

    def containers(self, database: Database) -> list[Container]:
        """All of a database, oldest first."""
        return [each for key, each in self._containers.items() if key == (database.id, each.id)]

    def container(self, database: str, name: str) -> Container:
        """Raises 404; with sub-status 1003 if there is no such database."""
        if (container := self._containers.get((database, name))) is None:
            self._require_database(database)
            raise resource_missing("container", name)
        return container

    def find(self, database: str, name: str) -> Container | None:
        """A container, if there is one."""
        return self._containers.get((database, name))

    def parent(self, database: str, name: str) -> Container:
        """The container that a request is within; raises 404/1003."""
        if (container := self._containers.get((database, name))) is None:
            self._require_database(database)
            raise parent_missing("container", name)
        return container

    def resources(self) -> list[Resource]:
        """All databases, each followed by its containers."""
        found: list[Resource] = []
        for database in self.databases():
            found += [database, *self.containers(database)]
        return found

    def numbered(self, number: int) -> Container:
        """By the number in the file."""
        return next(each for each in self._containers.values() if each.number == number)

    def create_database(self, name: str, now: int, throughput: Throughput | None = None) -> Database:
        """Raises 409. throughput: what its containers share; None where each has its own."""
        if name in self._databases:
            raise conflict(f"The database {name!r} exists already.")
        with transaction(self._connection):
            values = (name, str(uuid4()), now, None if throughput is None else json.dumps(throughput))
            self._connection.execute(_INSERT_DATABASE, values)
        self.reload()
        return self._databases[name]

    def delete_database(self, database: Database) -> None:
        """With all that is in it."""
        with transaction(self._connection):
            for container in self.containers(database):
                self._delete_rows(container)
            self._connection.execute("DELETE FROM databases WHERE number = ?", (database.number,))
        self.reload()

    def create_container(
        self,
        database: Database,
        name: str,
        definition: Definition,
        throughput: Throughput | None,
        now: int,
        partitions: int = 1,
    ) -> Container:
        """Raises 409. partitions: how many physical ones it begins with."""
        if (database.id, name) in self._containers:
            raise conflict(f"The container {name!r} exists already.")
        settings = json.dumps(definition.settings)
        values = (database.number, name, settings, json.dumps(throughput), str(uuid4()), now)
        with transaction(self._connection):
            number = self._connection.execute(_INSERT_CONTAINER, values).lastrowid
            self._connection.execute("INSERT INTO commits VALUES (?, 0)", (number,))
            self._insert_ranges(number, evenly(partitions, definition.key.version))
        self.reload()
        return self._containers[database.id, name]

    def split(self, container: Container, range_id: str) -> None:
        """Make two ranges of one; raises 410 where there is no such range."""
        gone, version = container.ranges.find(range_id), container.definition.key.version
        with transaction(self._connection):
            self._connection.execute(_DELETE_RANGE, (container.number, int(gone.id)))
            self._insert_ranges(container.number, gone.halves(container.ranges.next_id(), version))
        self.reload()

    def replace_container(self, container: Container, definition: Definition, now: int) -> None:
        """Give it other settings, within the caller's transaction; `reload` after it."""
        self._connection.execute(
            "UPDATE containers SET definition = ?, etag = ?, ts = ? WHERE number = ?",
            (json.dumps(definition.settings), str(uuid4()), now, container.number),
        )

    def delete_container(self, container: Container) -> None:
        """With its documents."""
        with transaction(self._connection):
            self._delete_rows(container)
        self.reload()

    def reload(self) -> None:
        """Read everything from the file, as after a change."""
        numbered = {row[0]: Database(*row) for row in self._connection.execute(_DATABASES)}
        ranges: dict[int, list[Any]] = {}
        for container, *row in self._connection.execute(_RANGES):
            ranges.setdefault(container, []).append(row)
        rows = self._connection.execute(_CONTAINERS)
        containers = [_container(numbered[row[1]], row, ranges[row[0]]) for row in rows]
        self._databases = {name: each for each in numbered.values() for name in (each.id, each.rid)}
        self._containers = {}
        for each in containers:
            for database in (each.database.id, each.database.rid):
                self._containers[database, each.rid] = self._containers[database, each.id] = each

    def _require_database(self, name: str) -> None:
        if name not in self._databases:
            raise parent_missing("database", name)

    def _insert_ranges(self, container: int | None, ranges: Iterable[KeyRange]) -> None:
        for each in ranges:
            values = (container, int(each.id), each.start, each.end, json.dumps(each.parents))
            self._connection.execute(_INSERT_RANGE, values)

    def _delete_rows(self, container: Container) -> None:
        for statement in _DELETE_CONTAINER:
            self._connection.execute(statement, (container.number,))


def _container(database: Database, row: tuple[Any, ...], ranges: list[Any]) -> Container:
    number, _, name, settings, etag, ts, lsn = row
    definition = Definition.parse(json.loads(settings))
    version = definition.key.version
    own = KeyRanges(
        key_range(each, start, end, tuple(json.loads(parents)), version)
        for each, start, end, parents in ranges
    )
    return Container(number, database, name, definition, etag, ts, lsn, own)
