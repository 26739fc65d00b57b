"""Turns as they are stored: a turn's record is its first answer, found by a point read."""

from contextlib import suppress

from shared.errors import NotFound
from shared.ids import is_id, same_ulid
from shared.models import Caller, Conversation, Message, Turn
from shared.repository import Repository


class TurnReader:
    """Finds a caller's turns; each method raises NotFound where the caller has none such."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    async def record(self, caller: Caller, turn_id: str) -> Message:
        """The first answer of a turn, which holds what is known of it; its conversation may be deleted."""
        known = is_id("resp", turn_id)
        found = await self._repository.find_message(caller, same_ulid("msg", turn_id)) if known else None
        if found is None or found.turn is None or found.deleted_at is not None:
            raise NotFound("response", turn_id)
        return found

    async def conversation_of(self, caller: Caller, record: Message) -> Conversation:
        """The conversation that shows a turn; NotFound where it has been deleted, or cleared of it."""
        with suppress(NotFound):
            conversation = await self._repository.conversation(caller, record.conversation_id)
            if record.seq > conversation.cleared_through_seq:
                return conversation
        raise NotFound("response", same_ulid("resp", record.id))

    async def turn(self, caller: Caller, turn_id: str) -> Turn:
        """A turn, whatever has become of its conversation."""
        return await self.turn_of(caller, await self.record(caller, turn_id))

    async def turn_of(self, caller: Caller, first: Message) -> Turn:
        """The turn whose record this is."""
        turn_id = same_ulid("resp", first.id)
        question = await self._repository.find_message(caller, first.question_id or "")
        if question is None or first.turn is None:
            raise NotFound("response", turn_id)
        found = [await self._repository.find_message(caller, other) for other in first.turn.other_ids]
        others = [other for other in found if other and other.deleted_at is None]
        return Turn(turn_id, question, (first, *others))
