"""Transactional batches: up to 100 operations in one logical partition, all or none.

In the answer of a failed batch the culprit has its own status and all others 424.
"""

from dataclasses import dataclass
from typing import Any

from local.cosmos import charges
from local.cosmos.errors import CosmosError, bad_request
from local.cosmos.items import OPERATIONS, ItemOperation, Outcome, answer_text, perform
from local.cosmos.json_text import as_json
from local.cosmos.transaction import Transaction

MAX_OPERATIONS = 100


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What a batch did: its status, its charge, and the JSON array of its operations' results."""

    status: int
    charge: float
    text: str


class BatchFailed(Exception):
    """One operation failed; raised through the transaction so that all are rolled back."""

    def __init__(self, result: BatchResult) -> None:
        super().__init__("The batch failed.")
        self.result = result


def parse_batch(body: object) -> list[ItemOperation]:
    """The operations of a batch's body; raises 400."""
    if not isinstance(body, list) or not body:
        raise bad_request("A batch needs operations.")
    if len(body) > MAX_OPERATIONS:
        raise bad_request(f"A batch has at most {MAX_OPERATIONS} operations, not {len(body)}.")
    return [_parse_operation(operation) for operation in body]


def perform_batch(work: Transaction, operations: list[ItemOperation], *, minimal: bool) -> BatchResult:
    """Do the operations in order; raises BatchFailed at the first that fails.

    minimal: results without bodies.
    """
    done: list[tuple[Outcome, str]] = []
    for operation in operations:
        try:
            outcome = perform(work, operation)
        except CosmosError as error:
            raise BatchFailed(_failure(len(operations), len(done), error)) from error
        text = "" if minimal and operation.kind != "read" else answer_text(work, outcome)
        done.append((outcome, text))
    charge = sum(outcome.charge for outcome, _ in done)
    return BatchResult(200, charge, f"[{','.join(_as_result(*each) for each in done)}]")


def _parse_operation(operation: Any) -> ItemOperation:
    kind = operation.get("operationType") if isinstance(operation, dict) else None
    if not isinstance(kind, str) or kind.lower() not in OPERATIONS:
        raise bad_request(f"{kind!r} is not an operation of a batch.")
    body, tags = operation.get("resourceBody"), (operation.get("ifMatch"), operation.get("ifNoneMatch"))
    return ItemOperation(kind.lower(), str(operation.get("id", "")), body, *tags)


def _as_result(outcome: Outcome, text: str) -> str:
    result: dict[str, Any] = {"statusCode": outcome.status, "requestCharge": round(outcome.charge, 2)}
    if outcome.etag is not None:
        result["eTag"] = f'"{outcome.etag}"'
    head = as_json(result)
    return f'{head[:-1]},"resourceBody":{text}}}' if text else head


def _failure(count: int, index: int, error: CosmosError) -> BatchResult:
    results: list[dict[str, Any]] = [{"statusCode": 424, "requestCharge": 0} for _ in range(count)]
    charge = charges.failed(error.status)
    results[index] = {"statusCode": error.status, "subStatusCode": error.sub_status, "requestCharge": charge}
    results[index]["message"] = error.message
    return BatchResult(207, charge, as_json(results))
