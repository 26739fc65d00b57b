"""A container as the engine knows it, and the rules for its definition."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.cosmos.errors import bad_request
from local.cosmos.indexing import IndexingPolicy, IndexingPolicyError
from local.cosmos.partition_keys import KeyDefinition, parse_path
from local.cosmos.ranges import KeyRanges
from local.cosmos.resource_ids import container_rid, database_rid, document_prefix, document_rid

_DEFAULT_INDEXING = {
    "indexingMode": "consistent",
    "automatic": True,
    "includedPaths": [{"path": "/*"}],
    "excludedPaths": [{"path": '/"_etag"/?'}],
}
_SYSTEM = {"id", "_rid", "_self", "_etag", "_ts", "_docs", "_sprocs", "_triggers", "_udfs", "_conflicts"}
_MAX_TTL = 2**31 - 1
_MAX_UNIQUE_KEYS, _MAX_UNIQUE_PATHS = 10, 16
_NOT_SERVED = ("computedProperties", "vectorEmbeddingPolicy", "fullTextPolicy", "clientEncryptionPolicy")

UniqueKey = tuple[tuple[str, ...], ...]
"""The paths whose values together are unique within a logical partition."""


@dataclass(frozen=True, slots=True)
class Database:
    """A database and its system properties; etag without its quotes."""

    number: int
    id: str
    etag: str
    ts: int

    @property
    def rid(self) -> str:
        """Its resource id."""
        return database_rid(self.number)

    @property
    def link(self) -> str:
        """Its `_self`."""
        return f"dbs/{self.rid}/"

    def as_answered(self) -> dict[str, Any]:
        """The resource as the client gets it."""
        links = {"_colls": "colls/", "_users": "users/"}
        return {"id": self.id, **_system(self.rid, self.link, self.etag, self.ts), **links}


@dataclass(frozen=True, slots=True)
class Definition:
    """The settings of a container, checked; `settings` is what the client gave, to echo."""

    settings: dict[str, Any]
    key: KeyDefinition
    policy: IndexingPolicy
    default_ttl: int | None
    unique_keys: tuple[UniqueKey, ...]

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> "Definition":
        """Check the body of a create or replace; raises 400."""
        settings = {name: value for name, value in body.items() if name not in _SYSTEM}
        if refused := [name for name in _NOT_SERVED if settings.get(name)]:
            raise bad_request(f"The embedded engine does not support {' and '.join(refused)}.")
        settings["indexingPolicy"] = settings.get("indexingPolicy") or _DEFAULT_INDEXING
        key = KeyDefinition.parse(settings.get("partitionKey"))
        policy = _policy(settings["indexingPolicy"])
        return cls(settings, key, policy, _default_ttl(settings), _unique_keys(settings))


class Container:
    """A container: definition, names and links, and the number of its last commit (lsn), which moves on.

    path: its name path without slashes around. link: its `_self`. etag: without its quotes. ranges: its
    physical partitions; the last commit's number is the same in all of them.
    """

    def __init__(
        self,
        number: int,
        database: Database,
        name: str,
        definition: Definition,
        etag: str,
        ts: int,
        lsn: int,
        ranges: KeyRanges,
    ) -> None:
        self.number = number
        self.database = database
        self.id = name
        self.definition = definition
        self.etag = etag
        self.ts = ts
        self.lsn = lsn
        self.ranges = ranges
        self.path = f"dbs/{database.id}/colls/{name}"
        self.rid = container_rid(database.number, number)
        self.link = f"dbs/{database.rid}/colls/{self.rid}/"
        self.rid_prefix = document_prefix(database.number, number)

    def document_rid(self, number: int) -> str:
        """The resource id of one of its documents."""
        return document_rid(self.rid_prefix, number)

    def redefined(self, definition: Definition) -> "Container":
        """The same container with another definition."""
        own = (self.etag, self.ts, self.lsn, self.ranges)
        return Container(self.number, self.database, self.id, definition, *own)

    def as_answered(self) -> dict[str, Any]:
        """The resource as the client gets it."""
        links = {"_docs": "docs/", "_sprocs": "sprocs/", "_triggers": "triggers/", "_udfs": "udfs/"}
        system = _system(self.rid, self.link, self.etag, self.ts)
        return {"id": self.id, **self.definition.settings, **system, **links, "_conflicts": "conflicts/"}


Resource = Database | Container
"""What has an offer of its own, or may have."""


def _system(rid: str, link: str, etag: str, ts: int) -> dict[str, Any]:
    return {"_rid": rid, "_self": link, "_etag": f'"{etag}"', "_ts": ts}


def _policy(settings: Mapping[str, Any]) -> IndexingPolicy:
    try:
        return IndexingPolicy.parse(settings)
    except (IndexingPolicyError, KeyError, TypeError) as error:
        raise bad_request(f"The indexing policy can not be understood: {error}") from error


def _default_ttl(settings: Mapping[str, Any]) -> int | None:
    ttl = settings.get("defaultTtl")
    if ttl is None:
        return None
    return check_ttl(ttl, "defaultTtl")


def check_ttl(ttl: object, name: str) -> int:
    """A time to live in seconds, or -1 for never; raises 400."""
    if isinstance(ttl, bool) or not isinstance(ttl, int) or not (ttl == -1 or 0 < ttl <= _MAX_TTL):
        raise bad_request(f"The input {name} {ttl!r} is invalid: it is -1 or a positive number of seconds.")
    return ttl


def _unique_keys(settings: Mapping[str, Any]) -> tuple[UniqueKey, ...]:
    policy = settings.get("uniqueKeyPolicy") or {}
    keys = [key.get("paths") for key in policy.get("uniqueKeys", [])]
    if not all(isinstance(paths, list) and 0 < len(paths) <= _MAX_UNIQUE_PATHS for paths in keys):
        raise bad_request(f"A unique key has 1 to {_MAX_UNIQUE_PATHS} paths.")
    if len(keys) > _MAX_UNIQUE_KEYS:
        raise bad_request(f"A container has at most {_MAX_UNIQUE_KEYS} unique keys, not {len(keys)}.")
    return tuple(tuple(parse_path(path) for path in paths) for paths in keys)
