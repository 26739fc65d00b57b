"""What is kept for a tenant beside its users' data: policy, operations and dead letters, in `tenant_ops`."""

import hashlib
from contextlib import suppress

from shared.errors import NotFound
from shared.ids import is_id
from shared.models import Caller, DeadLetter, Operation, Page
from shared.repository.database import Database
from shared.repository.partition import Document, Missing, Partition, SessionTokens

_CONTAINER = "tenant_ops"
_LETTERS = "SELECT * FROM c WHERE c.id > @after ORDER BY c.id"


def operations_scope(user_id: str) -> str:
    """Where a user's operations are; a digest, so that what outlives the user's data holds no name."""
    return f"operations:{hashlib.sha256(user_id.encode()).hexdigest()[:32]}"


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
        return Operation.model_validate({"userId": caller.user_id, **found})

    async def put_operation(self, operation: Operation) -> Operation:
        """Store an operation, or its progress."""
        partition = await self._partition(operation.tenant_id, operation.scope)
        document = operation.document()
        document.pop("userId")
        stored = await partition.upsert(document)
        return Operation.model_validate({"userId": operation.user_id, **stored})

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

    async def _partition(self, *key: str) -> Partition:
        return Partition(await self._database.container(_CONTAINER), key, self._sessions)
