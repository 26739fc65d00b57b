"""The audit log: every act of a service or an administrator on somebody's data, written before it is done.

By tenant and month, in shards so that acts side by side don't wait for each other. In each shard an entry
holds the hash of the one before, so that none can be changed or left out unseen.
"""

import hashlib
import json
import random
from datetime import UTC, datetime

from shared.clock import Clock
from shared.models import Caller, Page
from shared.records import AuditEntry, digest_of
from shared.repository import AuditRepository

SHARDS = 4


class Audit:
    """Writes, shows and verifies the audit logs of tenants."""

    def __init__(self, repository: AuditRepository, clock: Clock) -> None:
        self._repository = repository
        self._clock = clock

    async def record(self, caller: Caller, act: str, about: str, request_id: str) -> None:
        """Note an act that is about to be done. about: what it is done to, by id."""
        now, shard = self._clock(), random.randrange(SHARDS)  # noqa: S311 - no secret hangs on it

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

    async def faults(self, tenant_id: str, month: str) -> list[str]:
        """What is wrong with a month's log: a line for each shard, where it first shows."""
        found = [await self._fault(tenant_id, month, shard) for shard in range(SHARDS)]
        return [fault for fault in found if fault]

    async def _fault(self, tenant_id: str, month: str, shard: int) -> str | None:
        seq, previous = 0, ""
        async for entry in self._repository.chain(tenant_id, month, shard):
            if entry.seq != seq + 1:
                return f"shard {shard}: entry {seq + 1} is missing"
            if entry.previous != previous or entry.hash != hash_of(entry):
                return f"shard {shard}: entry {entry.seq} is not what was written"
            seq, previous = entry.seq, entry.hash
        head = await self._repository.head(tenant_id, month, shard)
        if (head["seq"], head["hash"]) != (seq, previous) if head else seq > 0:
            return f"shard {shard}: the last entries are missing"
        return None


def month_of(now: int) -> str:
    """The month (UTC) of a moment, such as 2026-11."""
    return datetime.fromtimestamp(now / 1000, UTC).strftime("%Y-%m")


def hash_of(entry: AuditEntry) -> str:
    """Over everything that an entry says, the hash before it included."""
    said = entry.model_dump(exclude={"hash"})
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
