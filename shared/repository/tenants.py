"""What is kept for a tenant beside its users' data: policy, operations and dead letters, in `tenant_ops`."""

from contextlib import suppress

from shared.errors import NotFound
from shared.ids import is_id
from shared.models import Caller, Page
from shared.records import DayUsage, DeadLetter, Hold, ModelUsage, Operation, digest_of, operations_scope
from shared.repository.changes import Patience
from shared.repository.database import Database
from shared.repository.partition import Conflict, Document, Missing, Partition, SessionTokens, written
from shared.repository.partition import Operation as BatchOperation

_CONTAINER = "tenant_ops"
PARTS_KEPT_SECONDS = 7 * 24 * 60 * 60
_ERASURES = "SELECT c.id FROM c WHERE c.updatedAt >= @since AND c.kind = 'erase' AND c.createdAt >= @since"
_LETTERS = "SELECT * FROM c WHERE c.id > @after ORDER BY c.id"


class TenantRepository:
    """Reads and writes a tenant's documents, each scope a logical partition."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sessions = SessionTokens()

    async def policy(self, tenant_id: str) -> Document | None:
        """The tenant's policy as it was written, None where there is none."""
        return await (await self._partition(tenant_id, "policy")).read("policy")

    async def operation(self, caller: Caller, identifier: str) -> Operation:
        """One of the caller's operations; NotFound where there is none such."""
        partition = await self._partition(caller.tenant_id, operations_scope(caller.user_id))
        found = await partition.read(identifier) if is_id("op", identifier) else None
        if found is None:
            raise NotFound("operation", identifier)
        return Operation.model_validate(found)

    async def put_operation(self, operation: Operation) -> Operation:
        """Store an operation's progress, or a new one; Conflict if it has gone on or was erased meanwhile."""
        return await self._put(operation)

    async def put_part(self, operation: Operation, number: int, body: str) -> Operation:
        """Store a part of what an operation makes, with its progress; Conflict as above."""
        part = {
            "id": f"{operation.id}.{number:06d}",
            "tenantId": operation.tenant_id,
            "scope": operation.scope,
            "type": "part",
            "body": body,
            "ttl": PARTS_KEPT_SECONDS,
        }
        return await self._put(operation, ("upsert", (part,)))

    async def part(self, operation: Operation, number: int) -> str | None:
        """A part of what an operation has made, None behind the last."""
        partition = await self._partition(operation.tenant_id, operation.scope)
        found = await partition.read(f"{operation.id}.{number:06d}")
        return str(found["body"]) if found else None

    async def count_usage(self, usage: DayUsage) -> None:
        """Bring the tenant's usage of a day to what a user's document says.

        An older version changes nothing, nor does a document that is erased meanwhile.
        """
        patience = Patience()
        while True:
            try:
                async with patience.limit():
                    return await self._count_usage(usage)
            except (Conflict, Missing, TimeoutError):
                await patience.wait()

    async def _count_usage(self, usage: DayUsage) -> None:
        partition, digest = await self._partition(usage.tenant_id, "usage"), digest_of(usage.user_id)
        user, total = f"{usage.id}:{digest}", usage.id
        known, whole = await partition.read(user), await partition.read(total)
        before = ModelUsage.model_validate(known["total"]) if known else ModelUsage()
        if usage.total.turns <= before.turns or (known is None and await self._erased(usage)):
            return
        after = usage.total + (ModelUsage.model_validate(whole["total"]) if whole else ModelUsage())
        own = {"tenantId": usage.tenant_id, "scope": "usage", "type": "usage", "day": usage.day}
        documents = [
            (user, known, usage.total, {"userDigest": digest}),
            (total, whole, after - before, {}),
        ]
        await partition.batch(
            [
                written({"id": name, "total": count.model_dump(by_alias=True), **own, **more}, found)
                for name, found, count, more in documents
            ]
        )

    async def _erased(self, usage: DayUsage) -> bool:
        """Whether the user has had all erased since the document was made, so that it is counted already."""
        partition = await self._partition(usage.tenant_id, operations_scope(usage.user_id))
        found, _ = await partition.query(_ERASURES, {"@since": usage.created_at}, 1)
        return bool(found)

    async def usage(self, tenant_id: str, day: str) -> ModelUsage:
        """What all of a tenant's users have taken on a day."""
        found = await (await self._partition(tenant_id, "usage")).read(f"usage_{day}")
        return ModelUsage.model_validate(found["total"]) if found else ModelUsage()

    async def hold(self, tenant_id: str, user_id: str) -> Hold | None:
        """Why a user's data must be kept, None if it needn't."""
        found = await (await self._partition(tenant_id, "holds")).read(digest_of(user_id))
        return Hold.model_validate(found) if found else None

    async def put_hold(self, tenant_id: str, user_id: str, hold: Hold | None) -> None:
        """Have a user's data kept, or no longer."""
        partition, name = await self._partition(tenant_id, "holds"), digest_of(user_id)
        if hold:
            own = {"id": name, "tenantId": tenant_id, "scope": "holds", "type": "hold"}
            await partition.upsert(hold.model_dump(by_alias=True) | own)
        else:
            with suppress(Missing):
                await partition.delete(name)

    async def dead_letters(self, tenant_id: str, *, limit: int, after: str | None) -> Page[DeadLetter]:
        """What has failed for good, by the document's id."""
        partition = await self._partition(tenant_id, "dead-letters")
        found, complete = await partition.query(_LETTERS, {"@after": after or ""}, limit + 1)
        letters = tuple(map(DeadLetter.model_validate, found[:limit]))
        more = len(found) > limit or not complete
        return Page(letters, next=letters[-1].id if more and letters else None)

    async def dead_letter(self, tenant_id: str, identifier: str) -> DeadLetter:
        """One of them; NotFound where there is none such."""
        known = is_id("conv", identifier) or is_id("msg", identifier)
        partition = await self._partition(tenant_id, "dead-letters")
        found = await partition.read(identifier) if known else None
        if found is None:
            raise NotFound("dead_letter", identifier)
        return DeadLetter.model_validate(found)

    async def remove_dead_letter(self, tenant_id: str, identifier: str) -> None:
        """Forget it, if it is there."""
        with suppress(Missing):
            await (await self._partition(tenant_id, "dead-letters")).delete(identifier)

    async def _put(self, operation: Operation, *beside: BatchOperation) -> Operation:
        partition = await self._partition(operation.tenant_id, operation.scope)
        known = {"_etag": operation.etag} if operation.etag else None
        try:
            stored = await partition.batch([written(operation.document(), known), *beside])
        except Missing:
            raise Conflict from None
        return Operation.model_validate(stored[0])

    async def _partition(self, *key: str) -> Partition:
        return Partition(await self._database.container(_CONTAINER), key, self._sessions)
