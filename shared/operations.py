"""Work for a user that takes longer than a request: export and erasure of all that is kept of them.

An operation goes on in bounded steps, each of which ends with its progress stored: the first ones in the
request, the rest by a timer. Whoever takes it up pushes `run_at` on, so that two seldom work at once; if they
do, the second finds another version and stops.
"""

import hashlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from ulid import ULID

from shared.clock import Clock
from shared.errors import IdempotencyKeyReused, LegalHold, NotFound, OperationNotFinished, Unavailable
from shared.exports import packed, part_of, unpacked
from shared.idempotency import Once, finished_at_once
from shared.ids import new_id
from shared.logs import trace
from shared.models import Caller
from shared.purges import Purges
from shared.records import Hold, Operation, OperationKind, operations_scope
from shared.repository import BackgroundRepository, Conflict, PersonalData, Repository, TenantRepository

# Steps (of 50 or 100 documents) in a request, and of one operation on one run of the timer.
IN_REQUEST, IN_RUN = 5, 400
# Documents of one step of an export.
EXPORTED_AT_ONCE = 100
# For so long nobody else takes up an operation that is worked on.
TAKEN_MS = 60_000

logger = logging.getLogger(__name__)


class Operations:
    """Starts, runs and shows a user's operations."""

    def __init__(
        self,
        repository: Repository,
        tenants: TenantRepository,
        personal_data: PersonalData,
        background: BackgroundRepository,
        purges: Purges,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._purges = purges
        self._tenants = tenants
        self._personal_data = personal_data
        self._background = background
        self._clock = clock
        self._steps: dict[OperationKind, Callable[[Operation], Awaitable[Operation]]] = {
            "export": self._export,
            "erase": self._erase,
        }

    async def export(self, caller: Caller, once: Once | None = None) -> Operation:
        """Have all that is kept of the caller written down."""
        started = await self._start(caller, "export", once)
        if receipt := finished_at_once(once, caller, self._clock(), started):  # an erasure's would be erased
            await self._repository.keep(caller, receipt)
        return started

    async def erase(self, caller: Caller, once: Once | None = None) -> Operation:
        """Have all that is kept of the caller removed. Raises LegalHold where an administrator forbids it."""
        if hold := await self._tenants.hold(caller.tenant_id, caller.user_id):
            raise LegalHold(_held(hold))
        return await self._start(caller, "erase", once)

    async def get(self, caller: Caller, identifier: str) -> Operation:
        """One of the caller's operations."""
        known = await self._tenants.operation(caller, identifier)
        return await self._purges.settled(known) if known.kind == "purge" else known

    async def content(self, caller: Caller, identifier: str) -> AsyncIterator[bytes]:
        """What an export has written down, in JSON Lines. Raises OperationNotFinished before its end."""
        operation = await self.get(caller, identifier)
        if operation.kind == "export" and operation.state != "completed":
            raise OperationNotFinished("The export is still being written.", retry_after=10)
        if (first := await self._tenants.part(operation, 0)) is None:
            raise NotFound("content", identifier)
        return self._parts(operation, first)

    async def _parts(self, operation: Operation, first: str) -> AsyncIterator[bytes]:
        yield unpacked(first)
        for number in range(1, operation.parts):
            part = await self._tenants.part(operation, number)
            if part is None:  # better cut off than whole without it
                raise NotFound("content", operation.id)
            yield unpacked(part)

    async def run(self) -> None:
        """Go on with what is under way, for the timer."""
        async for operation in self._background.running(self._clock()):
            try:
                await self._work_on(operation, IN_RUN)
            except Conflict:  # another timer works on it
                continue
            except Exception as error:
                logger.error("operation %s could not go on: %s", operation.id, trace(error))

    async def _start(self, caller: Caller, kind: OperationKind, once: Once | None) -> Operation:
        now = self._clock()
        operation = Operation(
            id=_id_of(caller, once) if once else new_id("op", now),
            tenant_id=caller.tenant_id,
            user_id=caller.user_id,
            scope=operations_scope(caller.user_id),
            created_at=now,
            updated_at=now,
            run_at=now + TAKEN_MS,
            kind=kind,
            fingerprint=once.fingerprint if once else None,
        )
        try:
            started = await self._tenants.put_operation(operation)
        except Conflict:  # the same request has come before
            return _same_request(await self.get(caller, operation.id), operation)
        try:
            return await self._steps_of(started, IN_REQUEST)
        except (Conflict, Unavailable):  # the timer goes on with it
            return await self.get(caller, operation.id)

    async def _work_on(self, operation: Operation, most: int) -> None:
        taken = operation.changed(run_at=self._clock() + TAKEN_MS)
        await self._steps_of(await self._tenants.put_operation(taken), most)

    async def _steps_of(self, operation: Operation, most: int) -> Operation:
        for _ in range(most):
            if operation.state == "completed":
                break
            operation = await self._steps[operation.kind](operation)
            if operation.blocked:
                break
        return operation

    async def _export(self, operation: Operation) -> Operation:
        """Write down the next documents."""
        found, more = await self._personal_data.page(operation.owner, operation.position, EXPORTED_AT_ONCE)
        taken = part_of(found)
        more = more or len(taken.documents) < len(found)
        grown = operation.changed(
            counts=_added(operation.counts, taken.counts),
            parts=operation.parts + 1,
            position=taken.documents[-1]["id"] if taken.documents else operation.position,
        )
        return await self._tenants.put_part(self._moved_on(grown, more), operation.parts, packed(taken.text))

    async def _erase(self, operation: Operation) -> Operation:
        """Remove what the last step has noted, and note the next documents; done when a look finds none.

        They are counted as they are noted, so that each is counted once whatever fails in between.
        """
        if hold := await self._tenants.hold(operation.tenant_id, operation.user_id):
            held = operation.changed(blocked=_held(hold))
            return await self._tenants.put_operation(self._moved_on(held, more=True))
        await self._personal_data.remove(operation)
        place, found = await self._personal_data.next_to_remove(operation)
        receipt = operation.receipt or hashlib.sha256(operation.id.encode()).hexdigest()
        for document in found:
            receipt = hashlib.sha256(f"{receipt}{document['id']}".encode()).hexdigest()
        types = Counter(str(document.get("type", "other")) for document in found)
        grown = operation.changed(
            blocked=None,
            counts=_added(operation.counts, types),
            receipt=receipt,
            place=place,
            noted=tuple(document["id"] for document in found),
        )
        if not found:
            grown = grown.changed(user_id="", fingerprint=None)
        return await self._tenants.put_operation(self._moved_on(grown, bool(found)))

    def _moved_on(self, operation: Operation, more: bool) -> Operation:
        now = self._clock()
        moved = operation.changed(updated_at=now, run_at=now + TAKEN_MS)
        return moved if more else moved.changed(state="completed", finished_at=now, run_at=None)


def _held(hold: Hold) -> str:
    return f"The data must be kept: {hold.reason}"


def _id_of(caller: Caller, once: Once) -> str:
    """The operation that a key names."""
    named = f"{caller.tenant_id}\n{caller.user_id}\n{once.receipt_id}".encode()
    return f"op_{ULID(hashlib.sha256(named).digest()[:16])}"


def _same_request(stored: Operation, asked: Operation) -> Operation:
    if stored.kind != asked.kind:
        raise IdempotencyKeyReused(
            "This Idempotency-Key was used for another request; take a new key for each request.",
            param="Idempotency-Key",
        )
    return stored.changed(replayed=True)


def _added(counts: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    return {name: counts.get(name, 0) + more.get(name, 0) for name in {**counts, **more}}
