"""infra/openapi.json, as API Management imports it."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from openapi_spec_validator import OpenAPIV31SpecValidator

# What loadJsonContent takes: https://learn.microsoft.com/azure/azure-resource-manager/bicep/bicep-functions-files
_LARGEST = 1_048_576
_METHODS = frozenset({"delete", "get", "patch", "post", "put"})


def findings(infra: Path, generated: str) -> Iterator[str]:
    """What is invalid, stale, or not for API Management's importer."""
    text = (infra / "openapi.json").read_text(encoding="utf-8")
    if text != generated:
        yield "openapi.json: is not what the endpoints declare; run make openapi"
    if len(text) > _LARGEST:
        yield f"openapi.json: has {len(text)} characters; Bicep reads {_LARGEST}"
    document = json.loads(text)
    yield from _operations(document)
    broken = list(_references(document))
    yield from broken or _invalid(text)


@cache
def _invalid(text: str) -> tuple[str, ...]:
    """What the specification's own schema finds; half a second, and no use on broken references."""
    errors = OpenAPIV31SpecValidator(json.loads(text)).iter_errors()
    return tuple(
        f"openapi.json: {'.'.join(map(str, one.absolute_path))}: {one.message[:200]}" for one in errors
    )


def _operations(document: dict[str, Any]) -> Iterator[str]:
    seen: set[str] = set()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            name = operation.get("operationId", "")
            if method not in _METHODS or not name or name in seen:
                yield f"openapi.json: {method} {path}: needs an operationId of its own"
            seen.add(name)
            parameters = [
                one["name"] for one in operation.get("parameters", []) if one["in"] in ("path", "query")
            ]
            if len(set(parameters)) < len(parameters):
                yield f"openapi.json: {name}: two parameters of one name in path and query"


def _references(document: dict[str, Any]) -> Iterator[str]:
    """Schemas that are elsewhere, missing or part of themselves, which the importer refuses."""
    schemas = document.get("components", {}).get("schemas", {})
    uses = {name: set(_named(schema)) for name, schema in schemas.items()}
    for reference in sorted(set(_named(document)) - set(schemas)):
        yield f"openapi.json: there is no schema {reference}"
    for name in sorted(schemas):
        if name in _reached(name, uses):
            yield f"openapi.json: schema {name} is part of itself"


def _reached(name: str, uses: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    left = set(uses[name])
    while left:
        one = left.pop()
        if one not in found:
            found.add(one)
            left |= uses.get(one, set())
    return found


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"].removeprefix("#/components/schemas/")
        for each in value.values():
            yield from _named(each)
    elif isinstance(value, list):
        for each in value:
            yield from _named(each)
