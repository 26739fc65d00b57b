"""What is stored beside conversations and messages: operations, dead letters, usage, holds, the audit log."""

import hashlib
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from shared.models import Caller, Part, Stored

OperationKind = Literal["purge", "export", "erase"]
OperationState = Literal["running", "completed"]


def digest_of(user_id: str) -> str:
    """Stands for a user where what is stored must outlive the user's data: it holds no name."""
    return hashlib.sha256(user_id.encode()).hexdigest()[:32]


def operations_scope(user_id: str) -> str:
    """Where a user's operations are."""
    return f"operations:{digest_of(user_id)}"


class Operation(Stored):
    """Work that goes on after its request was answered. counts: what has been done so far.

    parts, position: how far an export has come, the latter by id. run_at: when the timer may take it up; only
    while it runs. receipt: the digest of what an erasure has removed. user_id: empty once that is done.
    fingerprint: of the request that has started it with an Idempotency-Key; replayed: that came again.
    noted, place: what an erasure removes next, by id, and which of the places where it looks that is in.
    blocked: why it can't go on for now.
    """

    type: Literal["operation"] = "operation"
    scope: str
    kind: OperationKind
    state: OperationState = "running"
    conversation_id: str | None = None
    counts: dict[str, int] = Field(default_factory=dict)
    parts: int = 0
    position: str | None = None
    receipt: str | None = None
    noted: tuple[str, ...] = ()
    place: int = 0
    blocked: str | None = None
    fingerprint: str | None = None
    replayed: bool = Field(False, exclude=True)
    run_at: int | None = None
    updated_at: int
    finished_at: int | None = None
    ttl: int = 30 * 24 * 60 * 60

    @property
    def owner(self) -> Caller:
        """Whose it is."""
        return Caller(self.tenant_id, self.user_id)


class DeadLetter(Part):
    """Background work on a document that failed too often. reason: a code, count: of failures."""

    id: str
    user_id: str
    work_type: Literal["conversation", "message"]
    reason: str
    count: int
    updated_at: int


# Sums of hundredths that the database has added up.
Hundredths = Annotated[float, AfterValidator(lambda value: round(value, 2))]


class ModelUsage(Part):
    """What turns have taken, of one model on one day."""

    turns: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    request_units: Hundredths = 0

    def __add__(self, other: "ModelUsage") -> "ModelUsage":
        return self._with(other, 1)

    def __sub__(self, other: "ModelUsage") -> "ModelUsage":
        return self._with(other, -1)

    def _with(self, other: "ModelUsage", sign: int) -> "ModelUsage":
        return ModelUsage(
            turns=self.turns + sign * other.turns,
            input_tokens=self.input_tokens + sign * other.input_tokens,
            output_tokens=self.output_tokens + sign * other.output_tokens,
            request_units=self.request_units + sign * other.request_units,
        )

    @property
    def tokens(self) -> int:
        """Both kinds."""
        return self.input_tokens + self.output_tokens


class DayUsage(Stored):
    """What a user's turns have taken on one day (UTC), by model."""

    type: Literal["usage"] = "usage"
    day: str
    models: dict[str, ModelUsage] = Field(default_factory=dict)

    @property
    def total(self) -> ModelUsage:
        """Of all models."""
        return sum(self.models.values(), start=ModelUsage())


class Hold(Part):
    """A user's data must be kept for now, and why."""

    reason: str
    actor: str
    updated_at: int


class AuditEntry(Part):
    """One act by a service or an administrator. on: the digest of the user for whom a service has acted.

    about: the ids that the request named. hash: over this entry and the hash before it in its shard, so that
    none can be changed or left out.
    """

    id: str
    shard: int
    seq: int
    at: int
    actor: str
    on: str
    act: str
    about: str
    request_id: str
    previous: str
    hash: str = ""
