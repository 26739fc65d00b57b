"""What a tenant has decided: a document `policy` in `tenant_ops`, written by whoever runs the service."""

import logging

from cachetools import LRUCache
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from shared.clock import Clock
from shared.errors import InvalidRequest
from shared.logs import trace
from shared.repository.tenants import TenantRepository

CACHED_MS = 60_000
CACHED_TENANTS = 1_000
DAY_MS = 24 * 60 * 60 * 1000

logger = logging.getLogger(__name__)


class Policy(BaseModel):
    """A tenant's decisions; what isn't set is the default.

    retention_days: how long a deleted conversation or message can be restored. products: those that a
    conversation may name, None for any. daily_token_quota: of all users' turns together, None for no limit.
    inactive_after_minutes: after so long without activity a conversation is ended, None for never.
    """

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)

    retention_days: int = Field(30, ge=0, le=3650)
    products: tuple[str, ...] | None = None
    daily_token_quota: int | None = Field(None, ge=0)
    inactive_after_minutes: int | None = Field(None, ge=1)

    @property
    def retention_ms(self) -> int:
        """How long what is deleted is kept."""
        return self.retention_days * DAY_MS

    def check_product(self, product: str) -> None:
        """Raise InvalidRequest for a product that the tenant doesn't have."""
        if self.products is not None and product not in self.products:
            raise InvalidRequest(
                f"product should be one of the tenant's: {', '.join(self.products)}.", param="product"
            )


class Policies:
    """Hands out policies; each is read at most once a minute."""

    def __init__(self, tenants: TenantRepository, clock: Clock) -> None:
        self._tenants = tenants
        self._clock = clock
        self._known = LRUCache[str, tuple[int, Policy]](CACHED_TENANTS)

    async def of(self, tenant_id: str) -> Policy:
        """A tenant's policy. One that can't be understood is logged, and what was known before goes on."""
        read_at, policy = self._known.get(tenant_id, (-CACHED_MS, Policy()))
        if self._clock() - read_at < CACHED_MS:
            return policy
        try:
            policy = Policy.model_validate(await self._tenants.policy(tenant_id) or {})
        except ValidationError as error:
            logger.error("the policy of tenant %s can't be understood: %s", tenant_id, trace(error))
        self._known[tenant_id] = self._clock(), policy
        return policy
