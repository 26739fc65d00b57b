"""Reads of conversations and messages, as the use cases ask for them.

Every method takes the Caller first and derives the whole partition key from it, so there is no way to ask for
what is somebody else's.
"""

from shared.clock import Clock
from shared.errors import NotFound
from shared.ids import is_id
from shared.models import Caller, Conversation, Message, Receipt
from shared.records import DayUsage
from shared.repository.database import Database
from shared.repository.partition import Document, Partition, SessionTokens


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

    async def message(
        self, caller: Caller, conversation: Conversation, identifier: str, *, deleted: bool = False
    ) -> Message:
        """One message of a conversation; NotFound where it has none such, or has deleted it."""
        found = await self.find_message(caller, identifier)
        here = found is not None and found.conversation_id == conversation.id
        if not found or not here or found.seq <= conversation.cleared_through_seq:
            raise NotFound("message", identifier)
        if found.deleted_at and not deleted:
            raise NotFound("message", identifier)
        return found

    async def find_message(self, caller: Caller, identifier: str) -> Message | None:
        """A message of any of the caller's conversations, deleted or not."""
        found = await self._read(caller, identifier) if is_id("msg", identifier) else None
        return Message.model_validate(found) if found else None

    async def day_usage(self, caller: Caller, day: str) -> DayUsage | None:
        """What the caller's turns have taken on a day."""
        found = await self._read(caller, f"usage_{day}")
        return DayUsage.model_validate(found) if found else None

    async def receipt(self, caller: Caller, identifier: str) -> Receipt | None:
        """What is known of the request that an Idempotency-Key names."""
        found = await self._read(caller, identifier)
        return Receipt.model_validate(found) if found else None

    async def _partition(self, caller: Caller) -> Partition:
        container = await self._database.container(self._container)
        return Partition(container, (caller.tenant_id, caller.user_id), self._sessions)

    async def _read(self, caller: Caller, identifier: str) -> Document | None:
        return await (await self._partition(caller)).read(identifier)
