"""Removing documents for good, page by page, so that whoever finds the rest can go on."""

from contextlib import suppress

from shared.clock import Clock
from shared.models import Caller, Conversation, Message, message_key
from shared.repository.conversation_lists import ConversationLists
from shared.repository.database import Database
from shared.repository.events import EventRepository
from shared.repository.partition import Conflict, Document, Missing

# Deletes of one transaction.
REMOVED_AT_ONCE = 50

_MESSAGES = """
    SELECT c.id, c.turn, c.createdAt, c.status FROM c WHERE c.messageKey > @low AND c.messageKey < @high"""
_DELETED = """
    SELECT c.id, c.turn, c.createdAt, c.status FROM c WHERE c.deletedKey > @low AND c.deletedKey < @high"""
_RECEIPTS = "SELECT c.id FROM c WHERE c.receiptKey = @conversation"


class Removals(ConversationLists):
    """What deletion leaves behind, and how it is removed."""

    def __init__(self, database: Database, container: str, clock: Clock) -> None:
        super().__init__(database, container, clock)
        self._events = EventRepository(database)

    async def remove_messages(self, caller: Caller, conversation: Conversation, through_seq: int) -> int:
        """Remove some messages with seq <= through_seq, deleted ones too; how many, 0 when none are left."""
        bounds = {
            "@low": message_key(conversation.id, 0),
            "@high": message_key(conversation.id, through_seq + 1),
        }
        for sql in (_MESSAGES, _DELETED):
            if removed := await self._remove(caller, sql, bounds):
                return removed
        return 0

    async def remove_receipts(self, caller: Caller, conversation: Conversation) -> int:
        """Remove some receipts of requests on a conversation; how many, 0 when none are left."""
        return await self._remove(caller, _RECEIPTS, {"@conversation": conversation.id})

    async def remove(self, caller: Caller, document: Conversation | Message) -> None:
        """Remove one document, if it is still the version that was read."""
        with suppress(Missing, Conflict):
            await (await self._partition(caller)).delete(document.id, document.etag)

    async def _remove(self, caller: Caller, sql: str, parameters: Document) -> int:
        partition = await self._partition(caller)
        found, _ = await partition.query(sql, parameters, REMOVED_AT_ONCE)
        await self._events.remove_of(found, self._clock())
        identifiers = [document["id"] for document in found]
        try:
            if identifiers:
                await partition.batch([("delete", (identifier,)) for identifier in identifiers])
        except (Missing, Conflict):  # another purge has come first for some
            for identifier in identifiers:
                with suppress(Missing, Conflict):
                    await partition.delete(identifier)
        return len(identifiers)
