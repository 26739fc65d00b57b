"""All that is kept of a user, in every container: read for an export, removed for an erasure."""

from contextlib import suppress
from typing import Any

from shared.models import Caller
from shared.records import Operation, digest_of
from shared.repository.database import Database
from shared.repository.events import EventRepository
from shared.repository.partition import Conflict, Document, Missing, Partition, SessionTokens

# Deletes of one transaction.
AT_ONCE = 50

_BY_ID = "SELECT * FROM c WHERE c.id > @after ORDER BY c.id"
_ANY = "SELECT c.id, c.type, c.turn, c.createdAt, c.status FROM c"
_LETTERS = "SELECT c.id, c.type FROM c WHERE c.userId = @user"
_USAGE = "SELECT c.id, c.type FROM c WHERE c.userDigest = @digest"
# Not erasures: each ends by itself, and then names nobody.
_OPERATIONS = "SELECT c.id, c.type FROM c WHERE NOT IS_DEFINED(c.kind) OR c.kind != 'erase'"


class PersonalData:
    """A user's own logical partition, and what `tenant_ops` says of the user."""

    def __init__(self, database: Database, container: str) -> None:
        self._database = database
        self._container = container
        self._sessions = SessionTokens()
        self._events = EventRepository(database)

    async def page(self, owner: Caller, after: str | None, limit: int) -> tuple[list[Document], bool]:
        """The user's documents by id, behind one; whether there are more."""
        partition = await self._partition(self._container, owner.tenant_id, owner.user_id)
        found, complete = await partition.query(_BY_ID, {"@after": after or ""}, limit)
        return found, not complete or len(found) == limit

    async def next_to_remove(self, operation: Operation) -> tuple[int, list[Document]]:
        """Some documents of the user's by id and type, and the place they are in; none when none are left.

        What is there of their turns' events is removed at once. The audit log stays, which knows the user by
        a digest only, and so do erasures, of which it is one.
        """
        for number, (key, sql, parameters) in enumerate(self._places(operation)):
            found, _ = await (await self._partition(*key)).query(sql, parameters, AT_ONCE)
            if found:
                await self._events.remove_of(found, operation.updated_at)
                return number, found
        return 0, []

    async def remove(self, operation: Operation) -> None:
        """Remove the documents that an erasure has noted, as far as they are still there."""
        if not operation.noted:
            return
        key, _, _ = self._places(operation)[operation.place]
        partition = await self._partition(*key)
        try:
            await partition.batch([("delete", (identifier,)) for identifier in operation.noted])
        except (Missing, Conflict):  # another has come first for some
            for identifier in operation.noted:
                with suppress(Missing):
                    await partition.delete(identifier)

    def _places(self, operation: Operation) -> list[tuple[tuple[str, ...], str, dict[str, Any]]]:
        """Where a user's documents are: the container and partition key, and which of those there."""
        tenant, user = operation.tenant_id, operation.user_id
        return [
            ((self._container, tenant, user), _ANY, {}),
            (("tenant_ops", tenant, "dead-letters"), _LETTERS, {"@user": user}),
            (("tenant_ops", tenant, "usage"), _USAGE, {"@digest": digest_of(user)}),
            (("tenant_ops", tenant, operation.scope), _OPERATIONS, {}),
        ]

    async def _partition(self, container: str, *key: str) -> Partition:
        return Partition(await self._database.container(container), key, self._sessions)
