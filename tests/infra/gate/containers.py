"""infra/containers.json: what Bicep makes of it, what triggers name, what queries sort and filter by."""

import ast
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.infra.gate.bicep import Bicep

_QUERY = re.compile(r"\bFROM c\b(.*)", re.IGNORECASE | re.DOTALL)
_PROPERTY = re.compile(r"\bc\.(\w+(?:\.\w+)*)")
_ORDER_BY = re.compile(r"\bORDER BY (.+)", re.IGNORECASE | re.DOTALL)
# Cosmos DB indexes these whatever the policy says.
_ALWAYS_INDEXED = frozenset({"id", "_ts"})


def read(infra: Path) -> list[dict[str, Any]]:
    """The containers."""
    found: list[dict[str, Any]] = json.loads((infra / "containers.json").read_text(encoding="utf-8"))[
        "containers"
    ]
    return found


def findings(infra: Path, files: Mapping[Path, Bicep], repository: Path) -> Iterator[str]:
    """What is wrong in itself, not handed on by Bicep, or not indexed for a query of the repository."""
    containers = read(infra)
    for container in containers:
        yield from (f"containers.json: {container.get('id')}: {wrong}" for wrong in _wrong(container))
    cosmos = next(file for path, file in files.items() if path.name == "cosmos.bicep")
    if "loadJsonContent('../containers.json')" not in cosmos.text:
        yield "cosmos.bicep: does not read containers.json"
    for name in sorted({name for container in containers for name in container}):
        if not re.search(rf"\bcontainer\.{name}\b", cosmos.text):
            yield f"cosmos.bicep: containers.json says '{name}', and it does not"
    if not re.search(r"^ +options: isServerless \? \{\} : ", cosmos.text, re.MULTILINE):
        yield "cosmos.bicep: a serverless account refuses any throughput"
    if "capabilities: isServerless ? [{ name: 'EnableServerless' }] : []" not in cosmos.text:
        yield "cosmos.bicep: a serverless account has the capability EnableServerless, another has none"
    yield from _unindexed(containers, repository)


def names_findings(
    infra: Path, triggers: Iterable[Mapping[str, Any]], settings: Mapping[str, str]
) -> Iterator[str]:
    """Containers that a change-feed trigger names and that are not there, or not made for it."""
    by_id = {container["id"]: container for container in read(infra)}
    for trigger in triggers:
        for key in ("containerName", "leaseContainerName"):
            name = re.sub(r"%(\w+)%", lambda match: settings.get(match[1], match[0]), str(trigger[key]))
            if name not in by_id:
                yield f"containers.json: no container '{name}', the {key} of a trigger"
        lease = by_id.get(str(trigger["leaseContainerName"]), {"partitionKey": {"paths": ["/id"]}})
        if lease["partitionKey"]["paths"] != ["/id"]:
            yield f"containers.json: {trigger['leaseContainerName']}: the trigger's leases want the key /id"


def _wrong(container: dict[str, Any]) -> Iterator[str]:
    key = container.get("partitionKey", {})
    paths = key.get("paths", [])
    if key.get("version") != 2 or key.get("kind") != ("MultiHash" if len(paths) > 1 else "Hash") or not paths:
        yield "its partition key is not of kind Hash (one path) or MultiHash (several), version 2"
    if not isinstance(container.get("defaultTtl"), int):
        yield "no defaultTtl; -1 leaves it to each document"
    policy = container.get("indexingPolicy", {})
    if policy.get("indexingMode") != "consistent" or not policy.get("includedPaths"):
        yield "no index: an indexingPolicy of mode consistent with includedPaths"
    everything = {"path": "/*"}
    if (everything in policy.get("includedPaths", [])) == (everything in policy.get("excludedPaths", [])):
        yield "/* must be either included or excluded"
    for index in policy.get("compositeIndexes", []):
        if len(index) < 2 or any(set(column) != {"path", "order"} for column in index):
            yield "a composite index is a list of two or more of path and order"


def _unindexed(containers: list[dict[str, Any]], repository: Path) -> Iterator[str]:
    policies = [
        container.get("indexingPolicy", {}) for container in containers if container.get("id") != "leases"
    ]
    included = {one["path"] for policy in policies for one in policy.get("includedPaths", [])}
    composites = {
        tuple(column["path"] for column in index)
        for policy in policies
        for index in policy.get("compositeIndexes", [])
    }
    indexed = included | {f"{path}/?" for index in composites for path in index}
    for where, query in _queries(repository):
        order = _ORDER_BY.search(query)
        asked, sorted_by = set(_PROPERTY.findall(query)), set(_PROPERTY.findall(order[1]) if order else ())
        missing = {name for name in asked - _ALWAYS_INDEXED if not _ways_to_index(name) & indexed}
        # Beside an indexed condition, others may look through what that leaves.
        if missing and (missing == asked or missing & sorted_by):
            names = ", ".join(f"c.{name}" for name in sorted(missing))
            yield f"containers.json: {where} asks for {names}, which no container indexes"
        columns = tuple("/" + name for name in _PROPERTY.findall(order[1])) if order else ()
        if len(columns) > 1 and columns not in composites:
            yield f"containers.json: {where} sorts by {', '.join(columns)}, which no composite index has"


def _ways_to_index(name: str) -> set[str]:
    path = "/" + name.replace(".", "/")
    return {f"{path}/?", f"{path}/*", f"{path}/[]/?", f"/{name.partition('.')[0]}/*"}


def _queries(repository: Path) -> Iterator[tuple[str, str]]:
    """What follows FROM c in every literal of the repository's modules."""
    for path in sorted(repository.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and (found := _QUERY.search(node.value))
            ):
                yield f"{path.name}:{node.lineno}", found[1]
