"""The databases and containers of one engine: rows in the file, and all of them in memory to be found."""

import json
import sqlite3
from typing import Any
from uuid import uuid4

from local.cosmos.containers import Container, Database, Definition
from local.cosmos.errors import conflict, parent_missing, resource_missing
from local.cosmos.storage import transaction

_DATABASES = "SELECT number, id, etag, ts FROM databases ORDER BY number"
_CONTAINERS = """
    SELECT number, database, id, definition, etag, ts, lsn FROM containers JOIN commits ON container = number
    ORDER BY number
"""
_INSERT_CONTAINER = """
    INSERT INTO containers (database, id, definition, throughput, etag, ts) VALUES (?, ?, ?, ?, ?, ?)
"""
_DELETE_CONTAINER = (
    "DELETE FROM terms WHERE partition IN (SELECT number FROM partitions WHERE container = ?)",
    "DELETE FROM unique_keys WHERE partition IN (SELECT number FROM partitions WHERE container = ?)",
    "DELETE FROM documents WHERE container = ?",
    "DELETE FROM partitions WHERE container = ?",
    "DELETE FROM commits WHERE container = ?",
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

    def container_of_rid(self, rid: str) -> Container:
        """By resource id alone; raises 404."""
        for container in self._containers.values():
            if container.rid == rid:
                return container
        raise resource_missing("container", rid)

    def linked(self, link: str) -> Container | None:
        """By `_self`, if there is one."""
        return next(
            (each for each in self._containers.values() if each.link.strip("/") == link.strip("/")), None
        )

    def numbered(self, number: int) -> Container:
        """By the number in the file."""
        return next(each for each in self._containers.values() if each.number == number)

    def create_database(self, name: str, now: int) -> Database:
        """Raises 409."""
        if name in self._databases:
            raise conflict(f"The database {name!r} exists already.")
        with transaction(self._connection):
            values = (name, str(uuid4()), now)
            self._connection.execute("INSERT INTO databases (id, etag, ts) VALUES (?, ?, ?)", values)
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
        self, database: Database, name: str, definition: Definition, throughput: dict[str, Any], now: int
    ) -> Container:
        """Raises 409."""
        if (database.id, name) in self._containers:
            raise conflict(f"The container {name!r} exists already.")
        settings = json.dumps(definition.settings)
        values = (database.number, name, settings, json.dumps(throughput), str(uuid4()), now)
        with transaction(self._connection):
            number = self._connection.execute(_INSERT_CONTAINER, values).lastrowid
            self._connection.execute("INSERT INTO commits VALUES (?, 0)", (number,))
        self.reload()
        return self._containers[database.id, name]

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

    def throughput(self, container: Container) -> dict[str, Any]:
        """The content of its offer."""
        query = "SELECT throughput FROM containers WHERE number = ?"
        content: dict[str, Any] = json.loads(
            self._connection.execute(query, (container.number,)).fetchone()[0]
        )
        return content

    def replace_throughput(self, container: Container, content: dict[str, Any]) -> None:
        """Give it another offer."""
        values = (json.dumps(content), container.number)
        self._connection.execute("UPDATE containers SET throughput = ? WHERE number = ?", values)

    def reload(self) -> None:
        """Read everything from the file, as after a change."""
        numbered = {row[0]: Database(*row) for row in self._connection.execute(_DATABASES)}
        containers = [_container(numbered, row) for row in self._connection.execute(_CONTAINERS)]
        self._databases = {name: each for each in numbered.values() for name in (each.id, each.rid)}
        self._containers = {}
        for each in containers:
            for database in (each.database.id, each.database.rid):
                self._containers[database, each.rid] = self._containers[database, each.id] = each

    def _require_database(self, name: str) -> None:
        if name not in self._databases:
            raise parent_missing("database", name)

    def _delete_rows(self, container: Container) -> None:
        for statement in _DELETE_CONTAINER:
            self._connection.execute(statement, (container.number,))


def _container(databases: dict[int, Database], row: tuple[Any, ...]) -> Container:
    number, database, name, settings, etag, ts, lsn = row
    definition = Definition.parse(json.loads(settings))
    return Container(number, databases[database], name, definition, etag, ts, lsn)
