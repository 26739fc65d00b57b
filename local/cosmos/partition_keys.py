"""Partition keys: their definition, the values in headers and items, and the effective partition key (EPK).

Keys are typed: 5, "5", true, null and a missing value (`{}` in JSON) are five different keys. The EPK is the
hash by which the service spreads logical partitions; clients ask for ranges of it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from azure.cosmos.partition_key import PartitionKey

from local.cosmos.errors import bad_request, wrong_partition_key
from local.cosmos.json_text import as_json

MISSING: dict[str, Any] = {}
"""Stands for the value of an item that lacks the property, as it does in JSON."""

_MAX_LEVELS = 3
_MAX_BYTES = {1: 101, 2: 2048}  # by version; https://learn.microsoft.com/azure/cosmos-db/concepts-limits


@dataclass(frozen=True, slots=True)
class KeyDefinition:
    """A container's partition key: property names for each level, the kind and version of its hash."""

    paths: tuple[tuple[str, ...], ...]
    kind: str
    version: int

    @classmethod
    def parse(cls, definition: object) -> "KeyDefinition":
        """From the `partitionKey` of a container's definition."""
        paths = definition.get("paths") if isinstance(definition, Mapping) else None
        if not isinstance(definition, Mapping) or not isinstance(paths, list) or not paths:
            raise bad_request("A container needs a partitionKey with paths.")
        kind = definition.get("kind", "Hash")
        levels = _MAX_LEVELS if kind == "MultiHash" else 1
        if kind not in ("Hash", "MultiHash") or len(paths) > levels:
            raise bad_request(
                "A partitionKey has one path with kind Hash, or up to three with kind MultiHash."
            )
        version = definition.get("version", 1)
        if version not in (1, 2):
            raise bad_request(f"A partitionKey has version 1 or 2, not {version!r}.")
        return cls(tuple(parse_path(path) for path in paths), kind, version)

    def of_header(self, header: str) -> "LogicalKey":
        """The key in an `x-ms-documentdb-partitionkey` header; 400/1001 unless it has every level."""
        return _key_of_header(self, header)

    def of_item(self, item: Mapping[str, Any]) -> str:
        """The text of the key that an item belongs to, comparable with LogicalKey.text."""
        return as_json([_at(item, path) for path in self.paths])

    def covers(self, path: tuple[str, ...]) -> bool:
        """Whether a change at this path would change the partition key."""
        return any(path[: len(own)] == own or own[: len(path)] == path for own in self.paths)


@dataclass(frozen=True, slots=True)
class LogicalKey:
    """A full partition key: its values as compact JSON, and the hash that clients' ranges refer to."""

    text: str
    epk: str


def parse_path(path: object) -> tuple[str, ...]:
    """The property names of a path such as `/tenantId` or `/address/"post code"`."""
    if not isinstance(path, str) or not path.startswith("/") or len(path) == 1:
        raise bad_request(f"{path!r} is not a path; paths begin with a slash.")
    return tuple(name.strip('"') for name in path[1:].split("/"))


def values_at(item: Mapping[str, Any], paths: tuple[tuple[str, ...], ...]) -> str:
    """The values at some paths as compact JSON, with `{}` for what is missing."""
    return as_json([_value_at(item, path) for path in paths])


@lru_cache(maxsize=20_000)
def _key_of_header(definition: KeyDefinition, header: str) -> LogicalKey:
    try:
        values = json.loads(header)
    except ValueError as error:
        raise bad_request("The partition key in the header is not JSON.") from error
    if not isinstance(values, list) or len(values) != len(definition.paths):
        levels = len(definition.paths)
        raise wrong_partition_key(f"The partition key in the header needs {levels} values: {header}.")
    values = [_scalar(value) for value in values]
    epk = _effective(definition, values)
    _check_size(definition, values)
    return LogicalKey(as_json(values), epk)


def _check_size(definition: KeyDefinition, values: list[Any]) -> None:
    size = sum(len(value.encode()) for value in values if isinstance(value, str))
    if size > _MAX_BYTES[definition.version]:
        raise bad_request(
            f"The partition key has {size} bytes, and at most {_MAX_BYTES[definition.version]} are allowed."
        )


def _effective(definition: KeyDefinition, values: list[Any]) -> str:
    # The SDK's own hashing, so that ranges computed by a client meet the items stored here.
    try:
        epk = PartitionKey._get_hashed_partition_key_string(values, definition.kind, definition.version)
    except (UnicodeEncodeError, OverflowError) as error:
        raise bad_request("The partition key in the header is not Unicode text or not a double.") from error
    return str(epk).upper()


def _value_at(item: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = item
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return MISSING
        value = value[name]
    return value


def _at(item: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    return _scalar(_value_at(item, path))


def _scalar(value: Any) -> Any:
    """The value of one level in the form in which equal keys have equal texts."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list) or (isinstance(value, dict) and value):
        raise bad_request("A partition key's values are strings, numbers, booleans or null.")
    return value
