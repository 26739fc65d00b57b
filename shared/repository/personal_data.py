"""All that is kept of a user, in every container: read for an export, removed for an erasure."""

from contextlib import suppress
from typing import Any

from shared.models import Caller
from shared.records import Operation, digest_of
from shared.repository.database import Database
from shared.repository.partition import Conflict, Document, Missing, Partition, SessionTokens

# Deletes of one transaction.
AT_ONCE = 50

_BY_ID = "SELECT * FROM c WHERE c.id > @after ORDER BY c.id"
_ANY = "SELECT c.id, c.type FROM c"
_LETTERS = "SELECT c.id, c.type FROM c WHERE c.userId = @user"
_USAGE = "SELECT c.id, c.type FROM c WHERE c.userDigest = @digest"
_OTHER_OPERATIONS = "SELECT c.id, c.type FROM c WHERE c.id != @operation"


class PersonalData:
    """A user's own logical partition, and what `tenant_ops` says of the user."""

    def __init__(self, database: Database, container: str) -> None:
        self._database = database
        self._container = container
        self._sessions = SessionTokens()

    async def page(self, owner: Caller, after: str | None, limit: int) -> tuple[list[Document], bool]:
        """The user's documents by id, behind one; whether there are more."""
        partition = await self._partition(self._container, owner.tenant_id, owner.user_id)
        found, complete = await partition.query(_BY_ID, {"@after": after or ""}, limit)
        return found, not complete or len(found) == limit

    async def remove_some(self, operation: Operation) -> list[Document]:
        """Remove some documents of the user's, wherever they are; what they were, nothing when none are left.

        The audit log stays, which knows the user by a digest only, and so does the operation itself.
        """
        owner, tenant = operation.owner, operation.tenant_id
        places: list[tuple[tuple[str, ...], str, dict[str, Any]]] = [
            ((self._container, owner.tenant_id, owner.user_id), _ANY, {}),
            (("tenant_ops", tenant, "dead-letters"), _LETTERS, {"@user": owner.user_id}),
            (("tenant_ops", tenant, "usage"), _USAGE, {"@digest": digest_of(owner.user_id)}),
            (("tenant_ops", tenant, operation.scope), _OTHER_OPERATIONS, {"@operation": operation.id}),
        ]
        for (container, *key), sql, parameters in places:
            partition = await self._partition(container, *key)
            if removed := await _remove(partition, sql, parameters):
                return removed
        return []

    async def _partition(self, container: str, *key: str) -> Partition:
        return Partition(await self._database.container(container), key, self._sessions)


async def _remove(partition: Partition, sql: str, parameters: dict[str, Any]) -> list[Document]:
    found, _ = await partition.query(sql, parameters, AT_ONCE)
    try:
        if found:
            await partition.batch([("delete", (document["id"],)) for document in found])
    except (Missing, Conflict):  # another has come first for some
        for document in found:
            with suppress(Missing):
                await partition.delete(document["id"])
    return found
