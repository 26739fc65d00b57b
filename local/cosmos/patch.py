"""Partial updates of a document: add, set, replace, remove, incr, move.

The rules are those of the service's partial document update: operations apply in order, at most 10; `set`
makes a missing property but not its parents, and overwrites array elements where `add` inserts; `replace`,
`remove` and `move` need what they name; `incr` makes a missing number.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local.cosmos.errors import CosmosError, bad_request

MAX_OPERATIONS = 10

_ABSENT = object()


@dataclass(frozen=True, slots=True)
class _Slot:
    """One place in a document: a property of an object, or an index of an array (its length: at the end)."""

    parent: Any
    key: Any
    path: str

    def value(self) -> Any:
        if isinstance(self.parent, dict):
            return self.parent.get(self.key, _ABSENT)
        return self.parent[self.key] if self.key < len(self.parent) else _ABSENT

    def assign(self, value: Any) -> None:
        if isinstance(self.parent, list) and self.key == len(self.parent):
            self.parent.append(value)
        else:
            self.parent[self.key] = value

    def insert(self, value: Any) -> None:
        if isinstance(self.parent, list):
            self.parent.insert(self.key, value)
        else:
            self.parent[self.key] = value

    def require(self) -> Any:
        if (value := self.value()) is _ABSENT:
            raise _invalid(f"there is nothing at {self.path!r}")
        return value


def apply(document: dict[str, Any], operations: object, is_fixed: Callable[[tuple[str, ...]], bool]) -> None:
    """Change the document by the operations; raises 400, and the document is then half changed.

    is_fixed: whether a path, given by its names, may not be changed.
    """
    if not isinstance(operations, list) or not operations:
        raise bad_request("A patch needs operations.")
    if len(operations) > MAX_OPERATIONS:
        raise bad_request(f"A patch has at most {MAX_OPERATIONS} operations, not {len(operations)}.")
    for operation in operations:
        kind = operation.get("op") if isinstance(operation, dict) else None
        if kind not in _KINDS:
            raise bad_request(f"{kind!r} is not a patch operation.")
        _refuse_fixed(operation, is_fixed)
        _KINDS[kind](document, operation)


def _refuse_fixed(operation: dict[str, Any], is_fixed: Callable[[tuple[str, ...]], bool]) -> None:
    for field in ("path", "from") if operation["op"] == "move" else ("path",):
        if is_fixed(_names(operation, field)):
            path = operation[field]
            raise bad_request(
                f"{path!r} can not be patched: it is the id, partition key or a system property."
            )


def _add(document: dict[str, Any], operation: dict[str, Any]) -> None:
    _slot(document, operation, "path").insert(_value(operation))


def _set(document: dict[str, Any], operation: dict[str, Any]) -> None:
    _slot(document, operation, "path").assign(_value(operation))


def _replace(document: dict[str, Any], operation: dict[str, Any]) -> None:
    slot = _slot(document, operation, "path")
    slot.require()
    slot.assign(_value(operation))


def _remove(document: dict[str, Any], operation: dict[str, Any]) -> None:
    slot = _slot(document, operation, "path")
    slot.require()
    del slot.parent[slot.key]


def _increment(document: dict[str, Any], operation: dict[str, Any]) -> None:
    slot = _slot(document, operation, "path")
    step, present = _value(operation), slot.value()
    if not _is_number(step) or not (present is _ABSENT or _is_number(present)):
        raise _invalid(f"incr adds a number to a number, at {slot.path!r}")
    slot.assign(step if present is _ABSENT else present + step)


def _move(document: dict[str, Any], operation: dict[str, Any]) -> None:
    source = _slot(document, operation, "from")
    value = source.require()
    if f"{operation['path']}/".startswith(f"{source.path}/"):
        raise _invalid("move can not put a value into itself")
    del source.parent[source.key]
    _slot(document, operation, "path").insert(value)


_KINDS: dict[Any, Callable[[dict[str, Any], dict[str, Any]], None]] = {
    "add": _add,
    "set": _set,
    "replace": _replace,
    "remove": _remove,
    "incr": _increment,
    "move": _move,
}


def _value(operation: dict[str, Any]) -> Any:
    if "value" not in operation:
        raise bad_request(f"The patch operation {operation['op']!r} needs a value.")
    return operation["value"]


def _names(operation: dict[str, Any], field: str) -> tuple[str, ...]:
    path = operation.get(field)
    if not isinstance(path, str) or not path.startswith("/") or path == "/":
        raise bad_request(f"The patch operation needs a {field} that begins with a slash, not {path!r}.")
    return tuple(name.replace("~1", "/").replace("~0", "~") for name in path[1:].split("/"))


def _slot(document: dict[str, Any], operation: dict[str, Any], field: str) -> _Slot:
    path, names = operation[field], _names(operation, field)
    parent: Any = document
    for name in names[:-1]:
        parent = _Slot(parent, _key(parent, name, path), path).require()
    return _Slot(parent, _key(parent, names[-1], path), path)


def _key(parent: Any, name: str, path: str) -> str | int:
    if isinstance(parent, dict):
        return name
    if not isinstance(parent, list):
        raise _invalid(f"there is nothing to hold {path!r}")
    if name == "-":
        return len(parent)
    if not (name.isascii() and name.isdigit()) or int(name) > len(parent):
        raise _invalid(f"{name!r} is not an index of the array in {path!r}")
    return int(name)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _invalid(reason: str) -> CosmosError:
    return bad_request(f"The patch can not be applied: {reason}.")
