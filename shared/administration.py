"""What an administrator of a tenant sees across its users, and may forbid."""

from shared.clock import Clock
from shared.filters import ConversationFilter
from shared.models import Caller, Conversation, Page
from shared.records import Hold
from shared.repository import TenantConversations, TenantRepository


class Administration:
    """Reads conversations of the caller's own tenant, and holds users' data."""

    def __init__(self, conversations: TenantConversations, tenants: TenantRepository, clock: Clock) -> None:
        self._conversations = conversations
        self._tenants = tenants
        self._clock = clock

    async def page(
        self, caller: Caller, filters: ConversationFilter, *, limit: int, after: str | None
    ) -> Page[Conversation]:
        """The tenant's conversations by last activity, latest first; no message is read."""
        return await self._conversations.page_of_conversations(caller, filters, limit=limit, after=after)

    async def get(self, caller: Caller, identifier: str) -> Conversation:
        """One conversation of any user of the tenant."""
        return await self._conversations.find(caller, identifier)

    async def hold(self, caller: Caller, user_id: str, reason: str | None) -> Hold | None:
        """Have a user's data kept for a reason, so that it can't be erased; None: no longer."""
        actor = caller.actor or caller.user_id
        hold = Hold(reason=reason, actor=actor, updated_at=self._clock()) if reason else None
        await self._tenants.put_hold(caller.tenant_id, user_id, hold)
        return hold
