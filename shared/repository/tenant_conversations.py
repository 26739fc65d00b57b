"""Conversations across the users of a tenant: queries on the prefix of the partition key."""

from typing import Any

from azure.cosmos.aio import ContainerProxy

from shared.errors import NotFound
from shared.ids import is_id
from shared.models import Caller, Conversation
from shared.repository.conversation_lists import ConversationLists
from shared.repository.message_lists import Found, merged
from shared.repository.partition import Document, Stretch, database_call

_BY_ID = "SELECT * FROM c WHERE c.id = @id"


class TenantConversations(ConversationLists):
    """The same lists as a user's, latest first, over all users of the caller's tenant.

    No message is read. A page of 20 conversations of 1 KB is at most 10 request units in each physical
    partition that the tenant lies in, however many messages, users and conversations there are; with several
    filters it examines 250 conversations at most.
    """

    async def find(self, caller: Caller, identifier: str) -> Conversation:
        """One conversation that is not deleted, whoever of the tenant it belongs to."""
        known = is_id("conv", identifier)
        found, _ = await self._query(caller, _BY_ID, {"@id": identifier}, 1) if known else ([], False)
        if not found or found[0].get("deletedAt"):
            raise NotFound("conversation", identifier)
        return Conversation.model_validate(found[0])

    async def _query(self, caller: Caller, sql: str, parameters: Document, limit: int) -> Found:
        """The first results of each physical partition that the tenant lies in, as one list.

        The SDK answers a query on a prefix one physical partition after the other, each in its own order.
        """
        container = await self._database.container(self._container)
        found: list[Found] = []
        for feed_range in await _feed_ranges(container, caller.tenant_id):
            documents, complete = await Stretch(container, feed_range).query(sql, parameters, limit + 1)
            found.append((documents[:limit], len(documents) > limit or not complete))
        return merged(found, lambda document: str(document.get("activityKey", "")), "desc", limit)


async def _feed_ranges(container: ContainerProxy, tenant_id: str) -> list[dict[str, Any]]:
    """What of a tenant lies in each physical partition: nearly always one, until it passes 20 GB.

    The SDK gives feed ranges as dictionaries and no way to intersect them.
    """
    with database_call("read_feed_ranges", container.id):
        whole = (await container.feed_range_from_partition_key([tenant_id]))["Range"]
        physical = [each["Range"] async for each in container.read_feed_ranges()]
    bounds = [(max(whole["min"], each["min"]), min(whole["max"], each["max"])) for each in physical]
    return [{"Range": {**whole, "min": low, "max": high}} for low, high in bounds if low < high]
