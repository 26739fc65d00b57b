"""Reads of conversations and messages, as the use cases ask for them.

Every method takes the Caller first and derives the whole partition key from it, so there is no way to ask for
what is somebody else's.
"""

from typing import Literal

from shared.clock import Clock
from shared.errors import NotFound
from shared.ids import is_id
from shared.models import Caller, Conversation, Message, Page, Receipt, message_key
from shared.repository.database import Database
from shared.repository.partition import Document, Partition, SessionTokens

Order = Literal["asc", "desc"]

# Keys are digits, letters, "_" and ":", so these lie before the first and behind the last of them.
_FIRST, _LAST = "", "~"
_CONVERSATIONS = {
    "desc": "SELECT * FROM c WHERE c.activityKey < @after ORDER BY c.activityKey DESC",
    "asc": "SELECT * FROM c WHERE c.activityKey > @after ORDER BY c.activityKey ASC",
}
_MESSAGES = {
    "desc": "SELECT * FROM c WHERE c.messageKey > @low AND c.messageKey < @high ORDER BY c.messageKey DESC",
    "asc": "SELECT * FROM c WHERE c.messageKey > @low AND c.messageKey < @high ORDER BY c.messageKey ASC",
}
_SYSTEM_MESSAGES = (
    "SELECT * FROM c WHERE c.systemKey > @low AND c.systemKey < @high ORDER BY c.systemKey DESC"
)


class Reader:
    """Reads what a user has, within that user's logical partition."""

    def __init__(self, database: Database, container: str, clock: Clock) -> None:
        self._database = database
        self._container = container
        self._clock = clock
        self._sessions = SessionTokens()

    async def conversation(self, caller: Caller, identifier: str, *, deleted: bool = False) -> Conversation:
        """One conversation; NotFound where the caller has none such, or has deleted it (unless `deleted`)."""
        found = await self._read(caller, identifier) if is_id("conv", identifier) else None
        if found is None or (found.get("deletedAt") and not deleted):
            raise NotFound("conversation", identifier)
        return Conversation.model_validate(found)

    async def message(self, caller: Caller, conversation_id: str, identifier: str) -> Message:
        """One message of a conversation; NotFound where it has none such."""
        found = await self.find_message(caller, identifier)
        if found is None or found.conversation_id != conversation_id or found.deleted_at is not None:
            raise NotFound("message", identifier)
        return found

    async def find_message(self, caller: Caller, identifier: str) -> Message | None:
        """A message of any of the caller's conversations, deleted or not."""
        found = await self._read(caller, identifier) if is_id("msg", identifier) else None
        return Message.model_validate(found) if found else None

    async def page_of_conversations(
        self, caller: Caller, *, order: Order, limit: int, after: str | None = None
    ) -> Page[Conversation]:
        """Conversations by last activity, behind the activity key `after`."""
        start = _LAST if order == "desc" else _FIRST
        found, more = await self._query(caller, _CONVERSATIONS[order], {"@after": after or start}, limit)
        return Page(tuple(map(Conversation.model_validate, found)), has_more=more)

    async def page_of_messages(
        self,
        caller: Caller,
        conversation_id: str,
        *,
        order: Order,
        limit: int,
        above: int = 0,
        below: int | None = None,
    ) -> Page[Message]:
        """Messages of a conversation by seq, those with above < seq < below."""
        keys = _key_range(conversation_id, above, below)
        found, more = await self._query(caller, _MESSAGES[order], keys, limit)
        return Page(tuple(map(Message.model_validate, found)), has_more=more)

    async def system_messages(
        self, caller: Caller, conversation_id: str, *, below: int, limit: int
    ) -> tuple[Message, ...]:
        """The newest system messages with seq < below, newest first."""
        keys = _key_range(conversation_id, 0, below)
        found, _ = await self._query(caller, _SYSTEM_MESSAGES, keys, limit)
        return tuple(map(Message.model_validate, found))

    async def receipt(self, caller: Caller, identifier: str) -> Receipt | None:
        """What is known of the request that an Idempotency-Key names."""
        found = await self._read(caller, identifier)
        return Receipt.model_validate(found) if found else None

    async def _partition(self, caller: Caller) -> Partition:
        container = await self._database.container(self._container)
        return Partition(container, (caller.tenant_id, caller.user_id), self._sessions)

    async def _read(self, caller: Caller, identifier: str) -> Document | None:
        return await (await self._partition(caller)).read(identifier)

    async def _query(
        self, caller: Caller, sql: str, parameters: Document, limit: int
    ) -> tuple[list[Document], bool]:
        """The first results, and whether there are more; one beyond the limit is read to know that."""
        found, complete = await (await self._partition(caller)).query(sql, parameters, limit + 1)
        return found[:limit], len(found) > limit or not complete


def _key_range(conversation_id: str, above: int, below: int | None) -> Document:
    high = f"{conversation_id}:{_LAST}" if below is None else message_key(conversation_id, below)
    return {"@low": message_key(conversation_id, above), "@high": high}
