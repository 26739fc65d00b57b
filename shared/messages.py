"""What a caller can do with the messages of a conversation."""

from shared.clock import Clock
from shared.errors import InvalidCursor, InvalidRequest, NotFound
from shared.idempotency import Once, finished_at_once
from shared.ids import new_id
from shared.models import Caller, Conversation, Message, Page
from shared.repository import Change, Order, Repository
from shared.transitions import MessageDraft, appended_to, drafted, ready_to_grow


class Messages:
    """Adds, reads and lists messages."""

    def __init__(self, repository: Repository, clock: Clock) -> None:
        self._repository = repository
        self._clock = clock

    async def add(
        self,
        caller: Caller,
        conversation_id: str,
        draft: MessageDraft,
        if_match: str | None = None,
        once: Once | None = None,
    ) -> Message:
        """Append a message; a running turn doesn't mind."""
        known = None
        if draft.parent_id is not None:
            known = await self._repository.conversation(caller, conversation_id)
            await self.parent(caller, known, draft.parent_id)
        now = self._clock()
        identifier = new_id("msg", now)

        def appended(conversation: Conversation) -> Change:
            conversation = ready_to_grow(conversation)
            message = drafted(conversation, identifier, draft, now)
            receipt = finished_at_once(once, caller, now, message)
            return Change(appended_to(conversation, message), created=(message,), receipt=receipt)

        done = await self._repository.change(
            caller, conversation_id, appended, known=known, if_match=if_match
        )
        return done.messages[0]

    async def get(self, caller: Caller, conversation_id: str, identifier: str) -> Message:
        """One message of a conversation that is not deleted."""
        await self._repository.conversation(caller, conversation_id)
        return await self._repository.message(caller, conversation_id, identifier)

    async def page(
        self,
        caller: Caller,
        conversation_id: str,
        *,
        order: Order,
        limit: int,
        after: int | None = None,
        after_id: str | None = None,
    ) -> Page[Message]:
        """Messages by seq, behind a seq or a message in the direction of reading."""
        await self._repository.conversation(caller, conversation_id)
        if after_id:
            after = await self._seq_of(caller, conversation_id, after_id)
        return await self._repository.page_of_messages(
            caller,
            conversation_id,
            order=order,
            limit=limit,
            above=after or 0 if order == "asc" else 0,
            below=after if order == "desc" else None,
        )

    async def _seq_of(self, caller: Caller, conversation_id: str, identifier: str) -> int:
        try:
            return (await self._repository.message(caller, conversation_id, identifier)).seq
        except NotFound:
            raise InvalidCursor("No message of this conversation has this id.", param="after") from None

    async def parent(
        self, caller: Caller, conversation: Conversation, parent_id: str | None
    ) -> Message | None:
        """The message that a caller names as the one to go on from; InvalidRequest if there is none such."""
        if parent_id is None:
            return None
        try:
            return await self._repository.message(caller, conversation.id, parent_id)
        except NotFound:
            raise InvalidRequest(
                "parent_id is not a message of this conversation.", param="parent_id"
            ) from None
