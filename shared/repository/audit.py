"""The tenants' audit logs in `tenant_ops`: shards of a month, each a chain."""

from collections.abc import AsyncIterator, Callable

from shared.errors import Unavailable
from shared.models import Page
from shared.records import AuditEntry
from shared.repository.changes import Patience
from shared.repository.database import Database
from shared.repository.message_lists import LAST, in_range, merged
from shared.repository.partition import Conflict, Document, Partition, SessionTokens, written

_ENTRIES = "SELECT * FROM c WHERE c.id > @after AND c.id != 'head' ORDER BY c.id"


class AuditRepository:
    """Appends to audit logs and reads them; there is no way to change or remove an entry."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sessions = SessionTokens()

    async def append(
        self, tenant_id: str, month: str, shard: int, entry: Callable[[int, str], AuditEntry]
    ) -> AuditEntry:
        """Add what `entry` makes of the next number and the last hash of a shard, once.

        Raises Unavailable where others come first for 10 seconds.
        """
        partition = await self._partition(tenant_id, month, shard)
        patience = Patience()
        new: AuditEntry | None = None
        while True:
            try:
                async with patience.limit():
                    if new and (stored := await partition.read(new.id)) and stored["hash"] == new.hash:
                        return new
                    head = await partition.read("head")
                    new = entry(head["seq"] + 1, head["hash"]) if head else entry(1, "")
                    own = {"tenantId": tenant_id, "scope": _scope(month, shard)}
                    heading = {"id": "head", "type": "audit_head", "seq": new.seq, "hash": new.hash, **own}
                    line = {**new.model_dump(by_alias=True), "type": "audit", "atKey": at_key(new), **own}
                    await partition.batch([written(heading, head), ("create", (line,))])
                    return new
            except (Conflict, Unavailable, TimeoutError):
                await patience.wait()

    async def page(
        self, tenant_id: str, month: str, shards: int, *, limit: int, after: str | None
    ) -> Page[AuditEntry]:
        """A month's entries, newest first, behind a position."""
        found = []
        for shard in range(shards):
            partition = await self._partition(tenant_id, month, shard)
            bounds = {"@low": "", "@high": after or LAST}
            rows, complete = await partition.query(in_range("atKey", "desc"), bounds, limit + 1)
            found.append((rows[:limit], len(rows) > limit or not complete))
        documents, more = merged(found, lambda document: str(document["atKey"]), "desc", limit)
        entries = tuple(map(AuditEntry.model_validate, documents))
        return Page(entries, next=documents[-1]["atKey"] if more and documents else None)

    async def chain(self, tenant_id: str, month: str, shard: int) -> AsyncIterator[Document]:
        """A shard's entries in the order of their numbers, as they are stored."""
        partition, after, more = await self._partition(tenant_id, month, shard), "", True
        while more:
            rows, complete = await partition.query(_ENTRIES, {"@after": after}, 100)
            more = not complete or len(rows) == 100
            for row in rows:
                after = row["id"]
                yield row

    async def head(self, tenant_id: str, month: str, shard: int) -> Document | None:
        """The number and hash of a shard's last entry."""
        return await (await self._partition(tenant_id, month, shard)).read("head")

    async def _partition(self, tenant_id: str, month: str, shard: int) -> Partition:
        container = await self._database.container("tenant_ops")
        return Partition(container, (tenant_id, _scope(month, shard)), self._sessions)


def _scope(month: str, shard: int) -> str:
    return f"audit:{month}:{shard}"


def at_key(entry: AuditEntry) -> str:
    """What an entry is listed by."""
    return f"{entry.at:015d}:{entry.shard}:{entry.seq:010d}"
