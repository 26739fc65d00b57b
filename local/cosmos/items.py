"""The operations on one item: create, upsert, read, replace, patch, delete. A batch is a list of them."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local.cosmos import charges, patch
from local.cosmos.errors import bad_request, item_missing, precondition_failed
from local.cosmos.item_rules import SYSTEM_PROPERTIES, check_item
from local.cosmos.query import parse_condition
from local.cosmos.transaction import Transaction
from local.cosmos.versions import Row, as_answered, as_document


@dataclass(frozen=True, slots=True)
class ItemOperation:
    """kind: one of OPERATIONS. body: parsed JSON. The ETags are as sent, with their quotes, or `*`."""

    kind: str
    id: str = ""
    body: Any = None
    if_match: str | None = None
    if_none_match: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an operation did. row: the version to answer with, None where there is none (delete, 304)."""

    status: int
    charge: float
    etag: str | None = None
    row: Row | None = None


def perform(work: Transaction, operation: ItemOperation) -> Outcome:
    """Do one operation; raises CosmosError."""
    if operation.if_none_match is not None and operation.kind not in ("read", "create"):
        raise bad_request("If-None-Match is for reads; a create fails by itself where the item exists.")
    return OPERATIONS[operation.kind](work, operation)


def _create(work: Transaction, operation: ItemOperation) -> Outcome:
    draft = check_item(work.container, work.key, operation.body)
    row, terms = work.documents.insert(work.container, work.key, draft, work.stamp)
    work.changed = True
    return Outcome(201, charges.write(row.size, terms), row.etag, row)


def _upsert(work: Transaction, operation: ItemOperation) -> Outcome:
    item_id = operation.body.get("id") if isinstance(operation.body, dict) else None
    present = work.find(item_id) if isinstance(item_id, str) else None
    if present is not None:
        return _rewrite(work, present, operation, operation.body)
    if operation.if_match == "*":
        raise precondition_failed()
    return _create(work, operation)


def _read(work: Transaction, operation: ItemOperation) -> Outcome:
    row = _present(work, operation.id)
    charge = charges.point_read(row.size)
    if operation.if_none_match is not None and operation.if_none_match in ("*", f'"{row.etag}"'):
        return Outcome(304, charge, row.etag)
    return Outcome(200, charge, row.etag, row)


def _replace(work: Transaction, operation: ItemOperation) -> Outcome:
    present = _present(work, operation.id)
    if isinstance(operation.body, dict) and operation.body.get("id") != operation.id:
        raise bad_request(
            f"A replace can not change the id {operation.id!r} to {operation.body.get('id')!r}."
        )
    return _rewrite(work, present, operation, operation.body)


def _patch(work: Transaction, operation: ItemOperation) -> Outcome:
    present = _present(work, operation.id)
    _check_etag(present, operation)
    body = {"operations": operation.body} if isinstance(operation.body, list) else operation.body
    if not isinstance(body, dict):
        raise bad_request("A patch is a JSON object with operations, or just the list of them.")
    _check_condition(work, present, body.get("condition"))
    item = json.loads(present.text)
    key = work.container.definition.key
    patch.apply(item, body.get("operations"), lambda path: _is_system(path) or key.covers(path))
    return _rewrite(work, present, operation, item)


def _delete(work: Transaction, operation: ItemOperation) -> Outcome:
    row = _present(work, operation.id)
    _check_etag(row, operation)
    terms = work.documents.delete(work.container, row)
    work.changed = True
    return Outcome(204, charges.write(row.size, terms))


def _rewrite(work: Transaction, present: Row, operation: ItemOperation, body: object) -> Outcome:
    _check_etag(present, operation)
    draft = check_item(work.container, work.key, body)
    row, terms = work.documents.update(work.container, present, draft, work.stamp)
    work.changed = True
    return Outcome(200, charges.rewrite(row.size, terms), row.etag, row)


def _present(work: Transaction, item_id: str) -> Row:
    if (row := work.find(item_id)) is None:
        raise item_missing(item_id)
    return row


def _check_etag(row: Row, operation: ItemOperation) -> None:
    if operation.if_match is not None and operation.if_match not in ("*", f'"{row.etag}"'):
        raise precondition_failed()


def _check_condition(work: Transaction, row: Row, condition: object) -> None:
    if condition is None:
        return
    if not isinstance(condition, str):
        raise bad_request("The condition of a patch is text.")
    if not parse_condition(condition).holds(as_document(work.container, row)):
        raise precondition_failed()


def _is_system(path: tuple[str, ...]) -> bool:
    return path[0] == "id" or path[0] in SYSTEM_PROPERTIES


OPERATIONS: dict[str, Callable[[Transaction, ItemOperation], Outcome]] = {
    "create": _create,
    "upsert": _upsert,
    "read": _read,
    "replace": _replace,
    "patch": _patch,
    "delete": _delete,
}


def answer_text(work: Transaction, outcome: Outcome) -> str:
    """The item that an operation answers with, as JSON; empty where there is none."""
    return "" if outcome.row is None else as_answered(work.container, outcome.row)
