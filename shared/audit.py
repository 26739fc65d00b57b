"""The audit log: every act of a service or an administrator on somebody's data, written before it is done.

By tenant and month, in shards so that acts side by side don't wait for each other. In each shard an entry
holds the hash of the one before, so that none can be changed or left out unseen.
"""

import hashlib
import json
from datetime import UTC, datetime
from itertools import cycle

from pydantic import ValidationError

from shared.clock import Clock
from shared.models import Caller, Page
from shared.records import AuditEntry, digest_of
from shared.repository import AuditRepository, Document, at_key

SHARDS = 4


class Audit:
    """Writes, shows and verifies the audit logs of tenants."""

    def __init__(self, repository: AuditRepository, clock: Clock) -> None:
        self._repository = repository
        self._clock = clock
        self._shards = cycle(range(SHARDS))

    async def record(self, caller: Caller, act: str, about: str, request_id: str) -> None:
        """Note an act that is about to be done. about: what it is done to, by id."""
        now, shard = self._clock(), next(self._shards)

        def entry(seq: int, previous: str) -> AuditEntry:
            unsealed = AuditEntry(
                id=f"{seq:010d}",
                shard=shard,
                seq=seq,
                at=now,
                actor=caller.actor or caller.user_id,
                on=digest_of(caller.user_id) if caller.actor else "",
                act=act,
                about=about,
                request_id=request_id,
                previous=previous,
            )
            return unsealed.model_copy(update={"hash": hash_of(unsealed)})

        await self._repository.append(caller.tenant_id, month_of(now), shard, entry)

    async def page(
        self, caller: Caller, month: str | None, *, limit: int, after: str | None
    ) -> Page[AuditEntry]:
        """A month's entries of the caller's tenant, newest first; by default of this month."""
        month = month or month_of(self._clock())
        return await self._repository.page(caller.tenant_id, month, SHARDS, limit=limit, after=after)

    async def faults(self, tenant_id: str, month: str | None) -> list[str]:
        """What is wrong with a month's log, by default this one's: where it first shows in each shard."""
        month = month or month_of(self._clock())
        found = [await self._fault(tenant_id, month, shard) for shard in range(SHARDS)]
        return [fault for fault in found if fault]

    async def heads(self, tenant_id: str, month: str | None) -> list[str]:
        """Each shard's count and last hash: kept elsewhere, they show later whether its end was cut off."""
        month = month or month_of(self._clock())
        heads = [await self._repository.head(tenant_id, month, shard) for shard in range(SHARDS)]
        return [f"shard {n}: {head['seq']} entries, {head['hash']}" for n, head in enumerate(heads) if head]

    async def _fault(self, tenant_id: str, month: str, shard: int) -> str | None:
        seq, previous = 0, ""
        async for row in self._repository.chain(tenant_id, month, shard):
            if row["id"] != f"{seq + 1:010d}":
                return f"shard {shard}: entry {seq + 1} is missing"
            entry = _sound(row, previous)
            if entry is None or (entry.shard, month_of(entry.at)) != (shard, month):
                return f"shard {shard}: entry {seq + 1} is not what was written"
            seq, previous = entry.seq, entry.hash
        head = await self._repository.head(tenant_id, month, shard)
        if (head["seq"], head["hash"]) != (seq, previous) if head else seq > 0:
            return f"shard {shard}: the last entries are missing"
        return None


def _sound(row: Document, previous: str) -> AuditEntry | None:
    """The entry that was written as this document, behind the one with this hash; None if it wasn't."""
    try:
        entry = AuditEntry.model_validate(row)
    except ValidationError:
        return None
    told = (entry.previous, entry.hash, f"{entry.seq:010d}", row.get("atKey"))
    return entry if told == (previous, hash_of(entry), entry.id, at_key(entry)) else None


def month_of(now: int) -> str:
    """The month (UTC) of a moment, such as 2026-11."""
    return datetime.fromtimestamp(now / 1000, UTC).strftime("%Y-%m")


def hash_of(entry: AuditEntry) -> str:
    """Over everything that an entry says, the hash before it included."""
    said = entry.model_dump(exclude={"hash"})
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
