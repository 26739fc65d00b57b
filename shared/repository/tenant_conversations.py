"""Conversations across the users of a tenant: queries on the prefix of the partition key."""

from shared.errors import NotFound
from shared.ids import is_id
from shared.models import Caller, Conversation
from shared.repository.conversation_lists import ConversationLists
from shared.repository.partition import Partition

_BY_ID = "SELECT * FROM c WHERE c.id = @id"


class TenantConversations(ConversationLists):
    """The same lists as a user's, over all users of the caller's tenant."""

    async def find(self, caller: Caller, identifier: str) -> Conversation:
        """One conversation that is not deleted, whoever of the tenant it belongs to."""
        known = is_id("conv", identifier)
        found, _ = await self._query(caller, _BY_ID, {"@id": identifier}, 1) if known else ([], False)
        if not found or found[0].get("deletedAt"):
            raise NotFound("conversation", identifier)
        return Conversation.model_validate(found[0])

    async def _partition(self, caller: Caller) -> Partition:
        container = await self._database.container(self._container)
        return Partition(container, (caller.tenant_id,), self._sessions)
