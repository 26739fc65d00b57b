"""What a resource's properties may be: shapes.json, taken from the published Bicep types (bicep-types-az).

It lists what this project uses, no more, so a new property has to be looked up before it is added: ARM
ignores a misspelt one without a word. `a.b` is a property, `a[]` an array's element, `*` any name, `!` must
be there; a list holds the values that a literal may have.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.infra.gate.bicep import Bicep, Declared, Expression

_SHAPES: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "shapes.json").read_text(encoding="utf-8")
)
_ABOUT_BICEP = frozenset({"parent", "scope", "dependsOn"})
_PYTHON_TYPES = {"string": str, "int": int, "bool": bool, "array": list, "object": dict, "any": object}


def findings(file: Bicep) -> Iterator[str]:
    """Unknown types and properties, missing ones, literals of the wrong kind or value."""
    for resource in file.resources:
        shape = _shape(resource)
        if shape is None:
            yield f"{file.where(resource.line)}: {resource.kind} is not in shapes.json"
        elif not resource.existing:
            body = {name: value for name, value in resource.body.items() if name not in _ABOUT_BICEP}
            for wrong in _checked(body, "", shape):
                yield f"{file.where(resource.line)}: {resource.name}: {wrong}"


def _shape(resource: Declared) -> dict[str, Any] | None:
    """Of the type; some types have one for each name."""
    return _SHAPES.get(resource.kind) or _SHAPES.get(f"{resource.kind}#{resource.body.get('name')}")


def _checked(value: Any, path: str, shape: dict[str, Any]) -> Iterator[str]:
    if isinstance(value, dict):
        yield from _checked_object(value, path, shape)
    elif isinstance(value, list):
        for each in value:
            yield from _checked(each, f"{path}[]", shape)


def _checked_object(value: dict[str, Any], path: str, shape: dict[str, Any]) -> Iterator[str]:
    prefix = f"{path}." if path else ""
    for name, inner in value.items():
        known = next(
            (one for one in (f"{prefix}{name}", f"{prefix}{name}!", f"{prefix}*") if one in shape), None
        )
        if known is None:
            yield f"unknown property {prefix}{name}"
            continue
        if not _fits(inner, shape[known]):
            yield f"{prefix}{name} can't be {inner!r}"
        yield from _checked(inner, known.removesuffix("!"), shape)
    for required in (one.removesuffix("!") for one in shape if one.endswith("!")):
        parent, _, name = required.rpartition(".")
        if parent == path and name not in value:
            yield f"{required} is missing"


def _fits(value: Any, kind: Any) -> bool:
    if value is None or isinstance(value, Expression):
        return True
    if isinstance(kind, list):
        return value in kind
    return isinstance(value, _PYTHON_TYPES[kind]) and (kind != "int" or not isinstance(value, bool))
