"""A container's indexing policy: which index entries a document has.

As in the service, the most specific of the included and excluded paths decides. Only scalars are indexed. The
id and the system properties are indexed like any other property, where the policy's paths include them (the
service always indexes id and _ts), but for two that nobody looks for and that only cost. A property with the
name `[]` is not indexed.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

from local.cosmos.values import UNDEFINED, Json, encode

Path = tuple[str, ...]

_SEGMENT = re.compile(r'/(?:("(?:[^"\\]|\\.)*")|(\[\]|[^/"\[\]?*]+))')
_PLAIN = re.compile(r"[\w-]+")
_DEFAULT = {"includedPaths": [{"path": "/*"}], "excludedPaths": [{"path": '/"_etag"/?'}]}
ELEMENT = "[]"
_NEVER_INDEXED = (("_self",), ("_attachments",))
_MAX_REMEMBERED_PATHS = 10_000


class IndexingPolicyError(ValueError):
    """The policy can't be understood; the text says where."""


@dataclass(frozen=True, slots=True)
class Rule:
    """An included or excluded path; `subtree` for `/*`, else the scalar at the path alone."""

    path: Path
    subtree: bool
    included: bool

    def covers(self, path: Path) -> bool:
        """Whether the rule speaks of the scalar at `path`."""
        return path[: len(self.path)] == self.path if self.subtree else path == self.path

    @property
    def precision(self) -> tuple[int, bool, bool]:
        """The more precise rule wins; between equals, the exclusion."""
        return len(self.path), not self.subtree, not self.included


@dataclass(frozen=True)
class Composite:
    """A composite index: (path, descending) in order."""

    columns: tuple[tuple[Path, bool], ...]

    @cached_property
    def name(self) -> str:
        """Such as `/status ASC,/activityKey DESC`."""
        return ",".join(f"{path_name(path)} {'DESC' if down else 'ASC'}" for path, down in self.columns)

    def key(self, document: Mapping[str, Json]) -> bytes:
        """The document's entry; a component it lacks counts as undefined."""
        return b"".join(encode(_at(document, path), descending=down) for path, down in self.columns)


@dataclass(frozen=True, slots=True)
class IndexingPolicy:
    """What of a container's documents is indexed."""

    rules: tuple[Rule, ...]
    composites: tuple[Composite, ...] = ()
    _names: dict[Path, str | None] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def parse(cls, policy: Mapping[str, Any] | None) -> Self:
        """Read a policy as the service takes it, None for its default. Raises IndexingPolicyError."""
        policy = policy or _DEFAULT
        mode = str(policy.get("indexingMode", "consistent")).lower()
        if mode not in ("consistent", "none"):
            raise IndexingPolicyError(f"The indexing mode '{mode}' is not supported: consistent or none.")
        if mode == "none":
            return cls(rules=())
        try:
            return cls(_rules(policy), tuple(map(_composite, policy.get("compositeIndexes") or [])))
        except (KeyError, TypeError, AttributeError):
            raise IndexingPolicyError("The indexing policy is not a set of lists of paths.") from None

    def indexes(self, path: Path) -> bool:
        """Whether the scalar at `path` has an index entry."""
        return self._name(path) is not None

    def terms(self, document: Mapping[str, Json]) -> list[tuple[str, bytes]]:
        """The (index name, key) entries of a document, each once."""
        found = set()
        for path, value in _scalars(document):
            if (name := self._name(path)) is not None:
                found.add((name, encode(value)))
        return sorted(found) + [(index.name, index.key(document)) for index in self.composites]

    def _name(self, path: Path) -> str | None:
        """Of the index that the scalar at `path` is in; remembered, since documents are alike."""
        try:
            return self._names[path]
        except KeyError:
            if len(self._names) >= _MAX_REMEMBERED_PATHS:
                self._names.clear()
            return self._names.setdefault(path, path_name(path) if self._included(path) else None)

    def _included(self, path: Path) -> bool:
        covering = [rule for rule in self.rules if rule.covers(path) and path not in _NEVER_INDEXED]
        return bool(covering) and max(covering, key=lambda rule: rule.precision).included


def path_name(path: Path) -> str:
    """The name of the index on a path, such as `/tags/[]`."""
    return "".join(f"/{_step(segment)}" for segment in path)


def _step(segment: str) -> str:
    return segment if segment == ELEMENT or _PLAIN.fullmatch(segment) else json.dumps(segment)


def _rules(policy: Mapping[str, Any]) -> tuple[Rule, ...]:
    excluded = policy.get("excludedPaths") or []
    included = policy.get("includedPaths", [] if {"path": "/*"} in excluded else _DEFAULT["includedPaths"])
    rules = [_rule(entry["path"], included=True) for entry in included]
    rules += [_rule(entry["path"], included=False) for entry in excluded]
    if not any(rule.subtree and not rule.path for rule in rules):
        raise IndexingPolicyError("The path '/*' must be among the included or the excluded paths.")
    return tuple(rules)


def _rule(text: str, *, included: bool) -> Rule:
    body, ending = text[:-2], text[-2:]
    if ending not in ("/?", "/*"):
        raise IndexingPolicyError(f"The indexing path '{text}' must end in '/?' or '/*'.")
    return Rule(_segments(body, text), subtree=ending == "/*", included=included)


def _composite(entries: list[Mapping[str, str]]) -> Composite:
    columns = []
    for entry in entries:
        order = entry.get("order", "ascending")
        if order not in ("ascending", "descending"):
            raise IndexingPolicyError(f"The order '{order}' must be 'ascending' or 'descending'.")
        if not (path := _segments(entry["path"], entry["path"])):
            raise IndexingPolicyError("A composite index takes paths of properties.")
        columns.append((path, order == "descending"))
    if len(columns) < 2:
        raise IndexingPolicyError("A composite index takes at least two paths.")
    return Composite(tuple(columns))


def _segments(body: str, text: str) -> Path:
    path, position = [], 0
    while position < len(body):
        found = _SEGMENT.match(body, position)
        if not found:
            raise IndexingPolicyError(f"The indexing path '{text}' can't be understood at {position}.")
        quoted, plain = found.groups()
        try:
            path.append(plain if quoted is None else json.loads(quoted))
        except ValueError:
            raise IndexingPolicyError(
                f"The indexing path '{text}' has an escape that is not known."
            ) from None
        position = found.end()
    return tuple(path)


def _scalars(value: Json) -> list[tuple[Path, Json]]:
    """All scalars in a value, with their paths."""
    found: list[tuple[Path, Json]] = []
    waiting: list[tuple[Path, Json]] = [((), value)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [((*path, name), item) for name, item in value.items() if name != ELEMENT]
        elif isinstance(value, list):
            element = (*path, ELEMENT)
            waiting += [(element, item) for item in value]
        else:
            found.append((path, value))
    return found


def _at(document: Json, path: Path) -> Json:
    for segment in path:
        if not isinstance(document, Mapping) or segment not in document:
            return UNDEFINED
        document = document[segment]
    return document
