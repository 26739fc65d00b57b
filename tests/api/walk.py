"""Every operation of the OpenAPI document as requests, so that a new route is tested without being listed."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.api.conftest import Service

CANARY = "canary-b1e55ed"
UNKNOWN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
# They ask for no token, and know of nobody's data.
PUBLIC = frozenset({"live", "ready", "openapi", "docs"})
# Query parameters and fields that may name what is somebody's.
_REFERENCE = re.compile(r".*_id|edited_from|leaf|after|before|conversation")

Ids = dict[str, str]


@dataclass(frozen=True)
class Operation:
    """An operation, and its body with no more than it takes."""

    name: str
    method: str
    path: str
    parameters: list[dict[str, Any]]
    body: dict[str, Any] | None
    fields: frozenset[str]

    @property
    def named(self) -> list[str]:
        """The path's parameters."""
        return re.findall(r"{(\w+)}", self.path)

    @property
    def administrative(self) -> bool:
        """Whether it is for administrators only."""
        return self.path.startswith("tenant/")

    def url(self, ids: Mapping[str, str]) -> str:
        """The path with these ids; fails where it takes one that nobody has thought of."""
        missing = set(self.named) - set(ids)
        assert not missing, f"{self.path}: tests.api.walk.belongings should have a {missing} of the owner's"
        return self.path.format(**ids)

    def flags(self) -> Iterator[dict[str, str]]:
        """No query, then each switch of the query by itself."""
        yield {}
        for each in self._query():
            if {"type": "boolean"}.items() <= each["schema"].items():
                yield {each["name"]: "true"}

    def references(self) -> list[str]:
        """The query parameters and fields of the body that may name what is another's."""
        names = {each["name"] for each in self._query()} | self.fields
        return sorted(name for name in names if _REFERENCE.fullmatch(name))

    def naming(self, reference: str, identifier: str) -> dict[str, Any]:
        """The request's query and body with an id in one of `references`."""
        if reference in self.fields:
            return {"json": {**(self.body or {}), reference: identifier}}
        return {"params": {reference: identifier}, "json": self.body}

    def _query(self) -> list[dict[str, Any]]:
        return [each for each in self.parameters if each["in"] == "query"]


async def operations(http: httpx2.AsyncClient) -> list[Operation]:
    """All that ask who is calling."""
    document = (await http.get("openapi.json")).json()
    return [
        _operation(document, path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if operation["operationId"] not in PUBLIC
    ]


def _operation(document: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> Operation:
    content = operation.get("requestBody", {}).get("content", {})
    schema = _resolved(document, content["application/json"]["schema"]) if content else {}
    return Operation(
        operation["operationId"],
        method.upper(),
        path.removeprefix("/v1/"),
        operation.get("parameters", []),
        least(document, schema) if content else None,
        frozenset(schema.get("properties", ())),
    )


def least(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    """A value that fits: what is required and no more; where nothing is, one field, for some take no less."""
    schema = _resolved(document, schema)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    match schema.get("type", "object"):
        case "string":
            return "x" * max(1, schema.get("minLength", 1))
        case "integer" | "number":
            return int(schema.get("minimum", 1))
        case "boolean":
            return False
        case "array":
            return [least(document, schema["items"]) for _ in range(schema.get("minItems", 0))]
    properties = schema.get("properties", {})
    names = schema.get("required") or list(properties)[:1]
    return {name: least(document, properties[name]) for name in names}


def _resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return _resolved(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return _resolved(document, schema[several][0])
    return schema


async def belongings(service: Service, known: list[Operation]) -> Ids:
    """Something of the owner's for each path parameter, full of canaries."""
    conversation = await service.new_conversation(title=CANARY)
    turn = await service.ask(conversation["id"], CANARY)
    ids = {
        "conversation_id": conversation["id"],
        "message_id": turn["question"]["id"],
        "item_id": turn["question"]["id"],
        "response_id": turn["id"],
        "user_id": "local-user",
    }
    paths = {operation.path for operation in known}
    if "me/export" in paths:
        ids["operation_id"] = (await service.http.post("me/export")).json()["id"]
    if "tenant/dead-letters/{dead_letter_id}/replay" in paths:
        ids["dead_letter_id"] = await _dead_letter(service, conversation["id"])
    return ids


async def _dead_letter(service: Service, conversation_id: str) -> str:
    letter = {
        "id": conversation_id,
        "tenantId": "local-tenant",
        "scope": "dead-letters",
        "type": "dead-letter",
        "userId": "local-user",
        "workType": "conversation",
        "reason": CANARY,
        "count": 5,
        "updatedAt": service.clock.now,
    }
    await service.tenant_ops.upsert_item(letter)
    return conversation_id


def nobodys(ids: Ids) -> Ids:
    """Ids of the same kinds that nobody has."""
    return {
        name: re.sub(r"_.*", f"_{UNKNOWN}", each) if "_" in each else "nobody" for name, each in ids.items()
    }
