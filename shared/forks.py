"""Forks: the path to a message, copied into a conversation of its own.

The copy is out of sight until it is whole. It grows in transactions, each of which says how far it has come:
so a repeated request goes on where a dead server stopped; one that nobody finishes is purged after an hour.
"""

from collections.abc import Callable, Sequence
from itertools import accumulate

from shared.clock import Clock
from shared.due import due_at, needs_line
from shared.errors import NotFound
from shared.idempotency import Once
from shared.ids import new_id
from shared.messages import Messages
from shared.models import Activity, Caller, Conversation, Copying, Message, Receipt
from shared.repository import Change, Repository, in_progress
from shared.transitions import MessageDraft, appended_to, drafted

# What one transaction copies: its limits are 100 operations and 2 MB.
COPIED_AT_ONCE, COPIED_BYTES = 48, 1_000_000
# A server that has not come further for so long has died; then a fork can still be finished for so long.
ALIVE_MS, KEPT_MS = 30_000, 3_600_000

_COPIED = {
    "role",
    "content",
    "display_text",
    "is_json",
    "status",
    "incomplete_reason",
    "question_config",
    "prompt_details",
    "summary",
    "model",
    "usage",
    "metadata",
}
_KEPT = {
    "title",
    "title_source",
    "product",
    "agent_id",
    "entity_type",
    "org_id",
    "user_email",
    "instructions",
    "metadata",
    "tags",
}


class Forks:
    """Copies paths into conversations of their own."""

    def __init__(self, repository: Repository, messages: Messages, clock: Clock) -> None:
        self._repository = repository
        self._messages = messages
        self._clock = clock

    async def fork(
        self, caller: Caller, source_id: str, up_to_id: str | None, once: Once | None = None
    ) -> Conversation:
        """A conversation with copies of the messages from the root to one; by default to the leaf."""
        source = await self._repository.conversation(caller, source_id)
        if up_to_id is not None:
            await self._messages.named(caller, source, up_to_id, "up_to_message_id")
        now = self._clock()
        copy = Conversation(
            **{name: getattr(source, name) for name in _KEPT},
            id=new_id("conv", now),
            tenant_id=caller.tenant_id,
            user_id=caller.user_id,
            created_at=now,
            activity=Activity(last_at=now),
            forked_from=source.id,
            deleted_at=now,
            purge_at=now + KEPT_MS,
            copying=Copying(up_to_id=up_to_id or source.leaf_message_id or "", alive_until=now + ALIVE_MS),
        )
        receipt = once.opened(caller, now, conversation_id=copy.id) if once else None
        whole = await self._copy(caller, await self._repository.create(caller, copy, receipt))
        if once and (opened := await self._repository.receipt(caller, once.receipt_id)):
            await self._repository.complete(caller, opened, once.completed(opened, whole))
        return whole

    async def outcome(self, caller: Caller, receipt: Receipt) -> Conversation:
        """The fork of a repeated request, finished by this where its server has died.

        Raises RequestInProgress while it is being made.
        """
        copy = await self._repository.conversation(caller, receipt.conversation_id or "", deleted=True)
        _require_kept(copy)
        if copy.copying and copy.copying.alive_until > self._clock():
            raise in_progress()
        return await self._copy(caller, copy) if copy.copying else copy

    async def _copy(self, caller: Caller, copy: Conversation) -> Conversation:
        """Copy what is missing, page by page; RequestInProgress if somebody else does so too."""
        source = await self._repository.conversation(caller, copy.forked_from or "")
        while copy.copying:
            found, through = await self._next(caller, source, copy.copying)
            now = self._clock()
            identifiers = [new_id("msg", now + number) for number in range(len(found))]
            change = self._copied(copy.copying, found, identifiers, through)
            done = await self._repository.change(caller, copy.id, change, known=copy, deleted=True)
            copy = done.conversation
        return copy

    async def _next(
        self, caller: Caller, source: Conversation, copying: Copying
    ) -> tuple[Sequence[Message], int | None]:
        """Some messages that come next, and the seq that they reach; None if they are the last."""
        if not copying.up_to_id:
            return (), None
        end = await self._repository.message(caller, source, copying.up_to_id, deleted=True)
        page = await self._repository.page_of_path(
            caller, source, end.path, order="asc", limit=COPIED_AT_ONCE, above=copying.through_seq
        )
        taken = _within(COPIED_BYTES, page.items)
        finished = [message for message in taken if message.status != "in_progress"]
        whole = page.next is None and len(taken) == len(page.items)
        return finished, None if whole else taken[-1].seq

    def _copied(
        self, seen: Copying, found: Sequence[Message], identifiers: Sequence[str], through: int | None
    ) -> Callable[[Conversation], Change]:
        """Grown by copies; whole, if these are the last."""

        def copied(copy: Conversation) -> Change:
            _require_kept(copy)
            if copy.copying != seen:
                raise in_progress()
            now, created = self._clock(), []
            for message, identifier in zip(found, identifiers, strict=True):
                created.append(_copy_of(message, copy, identifier))
                copy = appended_to(copy, created[-1])
            if through is None:
                whole = copy.changed(copying=None, deleted_at=None, purge_at=None)
                return Change(whole.changed(due_at=due_at(whole, now)), created=tuple(created))
            copying = seen.model_copy(update={"through_seq": through, "alive_until": now + ALIVE_MS})
            return Change(copy.changed(copying=copying, due_at=None), created=tuple(created))

        return copied


def _require_kept(copy: Conversation) -> None:
    """Refuse to go on with a copy that the purge has begun to remove."""
    if copy.operation_id:
        raise NotFound("conversation", copy.id)


def _copy_of(message: Message, copy: Conversation, identifier: str) -> Message:
    """A message as the next one of the copy. It keeps its times; ratings stay with the original."""
    empty = drafted(copy, identifier, MessageDraft(content="", metadata={}), message.created_at)
    copied = empty.changed(
        **{name: getattr(message, name) for name in _COPIED}, updated_at=message.updated_at
    )
    return copied.changed(due_at=copy.created_at) if needs_line(copied) else copied


def _within(size: int, messages: Sequence[Message]) -> Sequence[Message]:
    """The first messages that are no more than so many bytes of JSON together; at least one."""
    sizes = accumulate(len(message.model_dump_json().encode()) for message in messages)
    return [
        message
        for number, (message, sum_) in enumerate(zip(messages, sizes, strict=True))
        if not number or sum_ <= size
    ]
