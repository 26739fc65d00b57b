"""What turns have taken: counted in the batch that ends each, copied to the tenant by the change feed.

The copy takes absolute numbers, so an event that comes twice, late or out of order counts nothing twice.
"""

import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cachetools import LRUCache
from pydantic import ValidationError

from shared.clock import Clock
from shared.errors import QuotaExceeded
from shared.logs import trace
from shared.models import Caller, Message, Page
from shared.policy import Policies
from shared.records import DayUsage, ModelUsage
from shared.repository import Repository, TenantRepository

CACHED_MS = 60_000
# Users and tenants that are remembered.
CACHED = 1_000

logger = logging.getLogger(__name__)


class UsageCounts:
    """Counts, shows and limits what turns take."""

    def __init__(
        self, repository: Repository, tenants: TenantRepository, policies: Policies, clock: Clock
    ) -> None:
        self._repository = repository
        self._tenants = tenants
        self._policies = policies
        self._clock = clock
        self._tokens = LRUCache[str, tuple[int, str, int]](CACHED)
        self._days = LRUCache[tuple[str, str], DayUsage](CACHED)

    async def after(
        self, caller: Caller, answers: Iterable[Message], charge: float, *, known: bool
    ) -> tuple[DayUsage | None, DayUsage]:
        """The caller's usage of today before and after one turn more, to be stored in the batch that ends it.

        known: go on from what this instance has stored last, though others may have counted since.
        """
        now = self._clock()
        day = day_of(now)
        usage = self._days.get((caller.tenant_id, caller.user_id)) if known else None
        if usage is None or usage.day != day:
            usage = await self._repository.day_usage(caller, day)
        new = usage or _new(caller, day, now)
        models, first = dict(new.models), True
        for answer in answers:
            taken = ModelUsage(
                turns=int(first),
                input_tokens=answer.usage.input_tokens if answer.usage else 0,
                output_tokens=answer.usage.output_tokens if answer.usage else 0,
                request_units=round(charge, 2) if first else 0,
            )
            name = answer.model or "none"
            models[name], first = models.get(name, ModelUsage()) + taken, False
        return usage, new.changed(models=models)

    def stored(self, usage: DayUsage) -> None:
        """Remember what has been stored, which saves the next turn a read."""
        self._days[usage.tenant_id, usage.user_id] = usage

    async def page(self, caller: Caller, *, limit: int, after: str | None) -> Page[DayUsage]:
        """The caller's days, newest first, behind one."""
        return await self._repository.page_of_usage(caller, limit=limit, after=after)

    async def require_quota(self, tenant_id: str) -> None:
        """Raise QuotaExceeded where the tenant has used up its tokens of today; known to a minute or so."""
        policy = await self._policies.of(tenant_id)
        if policy.daily_token_quota is None:
            return
        now = self._clock()
        if await self._tokens_of(tenant_id, now) >= policy.daily_token_quota:
            raise QuotaExceeded(
                "The tokens of today are used up; they are free again at midnight UTC.",
                retry_after=_seconds_left(now),
            )

    async def _tokens_of(self, tenant_id: str, now: int) -> int:
        read_at, day, tokens = self._tokens.get(tenant_id, (-CACHED_MS, "", 0))
        if now - read_at >= CACHED_MS or day != day_of(now):
            tokens = (await self._tenants.usage(tenant_id, day_of(now))).tokens
            self._tokens[tenant_id] = now, day_of(now), tokens
        return tokens

    async def record(self, documents: Iterable[Mapping[str, Any]]) -> None:
        """Bring the tenants' counts to what the changed documents of users say."""
        for document in documents:
            if document.get("type") != "usage":
                continue
            try:
                day = DayUsage.model_validate(document)
            except ValidationError as error:
                logger.error("usage %s can't be understood: %s", document.get("id"), trace(error))
            else:
                await self._tenants.count_usage(day)


def _new(caller: Caller, day: str, now: int) -> DayUsage:
    return DayUsage(
        id=f"usage_{day}", tenant_id=caller.tenant_id, user_id=caller.user_id, created_at=now, day=day
    )


def day_of(now: int) -> str:
    """The day (UTC) of a moment, such as 2026-11-21."""
    return datetime.fromtimestamp(now / 1000, UTC).date().isoformat()


def _seconds_left(now: int) -> int:
    """Until midnight, UTC."""
    moment = datetime.fromtimestamp(now / 1000, UTC)
    midnight = datetime.combine(moment.date() + timedelta(days=1), datetime.min.time(), UTC)
    return int((midnight - moment).total_seconds()) + 1
