"""What a caller can do with the messages of a conversation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.clock import Clock
from shared.errors import ConversationBusy, InvalidCursor, InvalidRequest, NotFound
from shared.filters import Deleted, Order
from shared.idempotency import Once, finished_at_once
from shared.ids import new_id
from shared.metadata import merged
from shared.models import Caller, Conversation, Message, Page
from shared.repository import Change, Repository
from shared.transitions import (
    MessageDraft,
    Place,
    appended_to,
    behind,
    beside,
    drafted,
    ready_to_grow,
    recounted,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagesWanted:
    """Which messages of a conversation, by seq or by a message's id.

    after, before: in the direction of reading. leaf: only the path from the root to this message.
    """

    order: Order
    limit: int
    after: int | str | None = None
    before: int | str | None = None
    leaf: str | None = None
    deleted: Deleted | None = None

    @property
    def backwards(self) -> bool:
        """Whether the page is the one before a place, which goes on before itself."""
        return self.before is not None and self.after is None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageUpdate:
    """What a caller wants changed. fields: new values by name. metadata: merged; None removes a key."""

    fields: dict[str, Any]
    metadata: dict[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """What a reader thinks of an answer; None for what isn't said."""

    rating: int | None = None
    liked: bool | None = None
    feedback: str | None = None


class Messages:
    """Adds, reads, lists, changes and rates messages."""

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
        now = self._clock()
        identifier = new_id("msg", now)

        async def appended(conversation: Conversation) -> Change:
            conversation = ready_to_grow(conversation)
            place = await self.place(caller, conversation, draft)
            message = drafted(conversation, identifier, draft, now, place)
            receipt = finished_at_once(once, caller, now, message, conversation_id)
            return Change(appended_to(conversation, message), created=(message,), receipt=receipt)

        done = await self._repository.change(caller, conversation_id, appended, if_match=if_match)
        return done.messages[0]

    async def get(self, caller: Caller, conversation_id: str, identifier: str) -> Message:
        """One message of a conversation; neither is deleted."""
        conversation = await self._repository.conversation(caller, conversation_id)
        return await self._repository.message(caller, conversation, identifier)

    async def page(self, caller: Caller, conversation_id: str, wanted: MessagesWanted) -> Page[Message]:
        """Messages by seq. With `before` alone, those next to it, and `next` goes on before them."""
        conversation = await self._repository.conversation(caller, conversation_id)
        after = await self._seq_of(caller, conversation, wanted.after, "after")
        before = await self._seq_of(caller, conversation, wanted.before, "before")
        order: Order = wanted.order
        if wanted.backwards:
            order = "asc" if wanted.order == "desc" else "desc"
            after, before = before, None
        above, below = (after, before) if order == "asc" else (before, after)
        page = await self._page(caller, conversation, wanted, order, above or 0, below)
        return Page(page.items[::-1], page.next) if wanted.backwards else page

    async def _page(
        self,
        caller: Caller,
        conversation: Conversation,
        wanted: MessagesWanted,
        order: Order,
        above: int,
        below: int | None,
    ) -> Page[Message]:
        if wanted.leaf is None:
            return await self._repository.page_of_messages(
                caller,
                conversation,
                order=order,
                limit=wanted.limit,
                above=above,
                below=below,
                deleted=wanted.deleted,
            )
        leaf = await self._repository.message(caller, conversation, wanted.leaf, deleted=True)
        return await self._repository.page_of_path(
            caller, conversation, leaf.path, order=order, limit=wanted.limit, above=above, below=below
        )

    async def _seq_of(
        self, caller: Caller, conversation: Conversation, position: int | str | None, param: str
    ) -> int | None:
        if position is None or isinstance(position, int):
            return position
        try:
            return (await self._repository.message(caller, conversation, position, deleted=True)).seq
        except NotFound:
            raise InvalidCursor("No message of this conversation has this id.", param=param) from None

    async def place(self, caller: Caller, conversation: Conversation, draft: MessageDraft) -> Place | None:
        """Where a draft wants to be added, None for behind the leaf; InvalidRequest if it is nowhere."""
        if draft.edited_from is not None:
            return beside(await self.named(caller, conversation, draft.edited_from, "edited_from"))
        if draft.parent_id is not None:
            return behind(conversation, await self.named(caller, conversation, draft.parent_id, "parent_id"))
        return None

    async def named(self, caller: Caller, conversation: Conversation, identifier: str, param: str) -> Message:
        """The message that a field of a request names; InvalidRequest if the conversation has none such."""
        try:
            return await self._repository.message(caller, conversation, identifier)
        except NotFound:
            raise InvalidRequest(f"{param} is not a message of this conversation.", param=param) from None

    async def update(
        self,
        caller: Caller,
        conversation_id: str,
        identifier: str,
        update: MessageUpdate,
        if_match: str | None,
    ) -> Message:
        """Change what is shown beside the content; what isn't named stays."""
        known = await self.get(caller, conversation_id, identifier)

        def updated(message: Message) -> Message:
            require_present(message, if_match)
            metadata = merged(message.metadata, update.metadata)
            changed = message.changed(**update.fields, metadata=metadata)
            return changed if changed == message else changed.changed(updated_at=self._clock())

        changed = await self._repository.change_message(caller, known.id, updated, known)
        if changed is None:
            raise NotFound("message", identifier)
        return changed

    async def rate(
        self, caller: Caller, conversation_id: str, identifier: str, rating: Rating, if_match: str | None
    ) -> Message:
        """Say what an answer was like, in place of what was said before; Rating() takes it back."""

        def rated(message: Message) -> Message:
            if message.role != "assistant":
                raise InvalidRequest("Only an assistant's message can be rated.", param="message_id")
            return message.changed(rating=rating.rating, liked=rating.liked, feedback=rating.feedback)

        return await self._recounted(caller, conversation_id, identifier, rated, if_match)

    async def _recounted(
        self,
        caller: Caller,
        conversation_id: str,
        identifier: str,
        transition: Callable[[Message], Message],
        if_match: str | None,
    ) -> Message:
        """Change a message together with the counts of its conversation."""

        async def changed(conversation: Conversation) -> Change:
            message = await self._repository.message(caller, conversation, identifier)
            require_present(message, if_match)
            if (new := transition(message)) == message:
                return Change(conversation)
            new = new.changed(updated_at=self._clock())
            return Change(recounted(conversation, message, new), updated=((message, new),), guarded=True)

        done = await self._repository.change(caller, conversation_id, changed)
        return done.messages[0] if done.messages else await self.get(caller, conversation_id, identifier)


def require_present(message: Message, if_match: str | None) -> None:
    """Refuse to change a message that is deleted, or another version than the caller has seen."""
    if message.deleted_at is not None:
        raise NotFound("message", message.id)
    message.require_version(if_match)


def require_finished(message: Message) -> None:
    """Refuse what can't be done to an answer that is still being given."""
    if message.status == "in_progress":
        raise ConversationBusy("The answer is still being given; wait until it has ended.", retry_after=2)
