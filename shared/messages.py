"""What a caller can do with the messages of a conversation."""

from dataclasses import dataclass
from typing import Any

from shared.clock import Clock
from shared.conversations import active_at, reopened, require_active
from shared.due import due_at, needs_line
from shared.errors import InvalidCursor, InvalidRequest, NotFound
from shared.idempotency import Once, finished_at_once
from shared.ids import new_id
from shared.models import Caller, Conversation, Message, Page, Role
from shared.repository import Change, Order, Repository, message_key


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDraft:
    """What a caller says of a new message. parent_id: the message to go on from; by default the leaf."""

    content: str
    role: Role = "user"
    parent_id: str | None = None
    display_text: str | None = None
    is_json: bool = False
    question_config: dict[str, Any] | None = None
    prompt_details: dict[str, Any] | None = None
    metadata: dict[str, str]


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
            await self.require_parent(caller, known, draft.parent_id)
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

    async def require_parent(self, caller: Caller, conversation: Conversation, parent_id: str | None) -> None:
        """Refuse a `parent_id` that is no message of the conversation."""
        if parent_id is None:
            return
        try:
            await self._repository.message(caller, conversation.id, parent_id)
        except NotFound:
            raise InvalidRequest(
                "parent_id is not a message of this conversation.", param="parent_id"
            ) from None


def ready_to_grow(conversation: Conversation) -> Conversation:
    """The conversation, if it takes messages; one that inactivity has ended is reopened by them."""
    if conversation.ended and conversation.ended.reason == "inactivity":
        conversation = reopened(conversation)
    require_active(conversation)
    return conversation


def drafted(conversation: Conversation, identifier: str, draft: MessageDraft, now: int) -> Message:
    """The message that a draft becomes as the next one of a conversation."""
    key = message_key(conversation.id, conversation.next_seq)
    message = Message(
        id=identifier,
        tenant_id=conversation.tenant_id,
        user_id=conversation.user_id,
        conversation_id=conversation.id,
        seq=conversation.next_seq,
        message_key=key,
        system_key=key if draft.role == "system" else None,
        parent_id=draft.parent_id or conversation.leaf_message_id,
        role=draft.role,
        content=draft.content,
        display_text=draft.display_text,
        is_json=draft.is_json,
        question_config=draft.question_config,
        prompt_details=draft.prompt_details,
        metadata=draft.metadata,
        created_at=now,
        updated_at=now,
    )
    return message.changed(due_at=now) if needs_line(message) else message


def appended_to(conversation: Conversation, message: Message) -> Conversation:
    """The conversation with one message more: counted, the new leaf, at the top of the list."""
    activity = conversation.activity
    grown = conversation.changed(
        next_seq=message.seq + 1,
        leaf_message_id=message.id,
        activity=activity.model_copy(
            update={
                "message_count": activity.message_count + 1,
                "user_messages": activity.user_messages + (message.role == "user"),
                "system_messages": activity.system_messages + (message.role == "system"),
                "last_message_id": message.id,
            }
        ),
    )
    grown = active_at(grown, message.created_at)
    return grown.changed(due_at=due_at(grown, message.created_at))
