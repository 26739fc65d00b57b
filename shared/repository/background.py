"""What background work asks of the database across users: what is due, and where its failures are kept."""

from collections.abc import AsyncIterator
from contextlib import suppress

from shared.models import Caller, DueWork
from shared.records import Operation
from shared.repository.database import Database
from shared.repository.partition import Missing, Partition, SessionTokens, documents_of

_DUE = "SELECT c.tenantId, c.userId, c.type, c.id FROM c WHERE c.dueAt <= @now"
_EXPIRED_LEASES = "SELECT c.tenantId, c.userId, c.type, c.id FROM c WHERE c.leaseUntil <= @now"
_PURGEABLE = "SELECT c.tenantId, c.userId, c.type, c.id FROM c WHERE c.purgeAt <= @now"
_EXPIRED = "SELECT c.tenantId, c.userId, c.type, c.id FROM c WHERE c.expiresAt <= @now"
_TIMEOUTS = "SELECT c.tenantId, c.inactiveAfterMinutes FROM c WHERE c.inactiveAfterMinutes >= 1"
_RUNNING = "SELECT * FROM c WHERE c.runAt <= @now"
_INACTIVE = (
    "SELECT c.tenantId, c.userId, c.type, c.id FROM c WHERE c.status = 'active' AND c.activityKey < @before"
)

# Documents that one run of a timer takes up of each kind; the next finds what is left.
RUN_LIMIT = 1_000


class BackgroundRepository:
    """Queries over all logical partitions, for timers only; dead letters in `tenant_ops`."""

    def __init__(self, database: Database, container: str) -> None:
        self._database = database
        self._container = container
        self._sessions = SessionTokens()

    def due(self, now: int) -> AsyncIterator[DueWork]:
        """Conversations and messages whose background work was due before `now`, in no order."""
        return self._found(_DUE, now)

    def expired_leases(self, now: int) -> AsyncIterator[DueWork]:
        """Conversations whose running turn has lost its server before `now`, in no order."""
        return self._found(_EXPIRED_LEASES, now)

    def purgeable(self, now: int) -> AsyncIterator[DueWork]:
        """Conversations of which something is to be removed, in no order."""
        return self._found(_PURGEABLE, now)

    def expired(self, now: int) -> AsyncIterator[DueWork]:
        """Deleted conversations and messages that can't be restored any more, in no order."""
        return self._found(_EXPIRED, now)

    async def running(self, now: int) -> AsyncIterator[Operation]:
        """Operations under way that nobody works on, in no order."""
        container = await self._database.container("tenant_ops")
        async for found in documents_of(container, _RUNNING, {"@now": now}):
            yield Operation.model_validate(found)

    async def timeouts(self) -> AsyncIterator[tuple[str, int]]:
        """The tenants that have conversations ended without activity, and after how many minutes."""
        container = await self._database.container("tenant_ops")
        async for found in documents_of(container, _TIMEOUTS):
            if isinstance(found["inactiveAfterMinutes"], int):
                yield found["tenantId"], found["inactiveAfterMinutes"]

    async def inactive(self, tenant_id: str, before: int) -> AsyncIterator[DueWork]:
        """A tenant's active conversations without activity since `before`, in no order."""
        container = await self._database.container(self._container)
        found_there = documents_of(
            container, _INACTIVE, {"@before": f"{before:015d}"}, partition_key=[tenant_id]
        )
        async for found in found_there:
            yield DueWork(Caller(found["tenantId"], found["userId"]), "conversation", found["id"])

    async def put_aside(self, work: DueWork, *, reason: str, count: int, now: int) -> None:
        """Note what failed for good, with why and how often it was tried, and have it due no longer.

        The document is not read for this, since it may be what can't be understood.
        """
        letters = await self._partition("tenant_ops", work.owner.tenant_id, "dead-letters")
        documents = await self._partition(self._container, work.owner.tenant_id, work.owner.user_id)
        await letters.upsert(
            {
                "id": work.id,
                "tenantId": work.owner.tenant_id,
                "scope": "dead-letters",
                "type": "dead_letter",
                "userId": work.owner.user_id,
                "workType": work.type,
                "reason": reason,
                "count": count,
                "updatedAt": now,
            }
        )
        try:
            await documents.patch(work.id, [{"op": "set", "path": "/dueAt", "value": None}])
        except Missing:  # it was removed meanwhile, and so must be what says whose it was
            with suppress(Missing):
                await letters.delete(work.id)

    async def _partition(self, container: str, *key: str) -> Partition:
        return Partition(await self._database.container(container), key, self._sessions)

    async def _found(self, sql: str, now: int) -> AsyncIterator[DueWork]:
        container = await self._database.container(self._container)
        left = RUN_LIMIT
        async for found in documents_of(container, sql, {"@now": now}):
            if found.get("type") in ("conversation", "message"):
                yield DueWork(Caller(found["tenantId"], found["userId"]), found["type"], found["id"])
                left -= 1
            if left == 0:
                return
