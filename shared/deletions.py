"""Deleting messages, one or all, and bringing one back.

A deleted message is kept until it expires, and counted nowhere. What the summary says of it goes with it.
"""

from shared.clock import Clock
from shared.due import due_at, needs_line
from shared.errors import NotFound
from shared.idempotency import Once, finished_at_once
from shared.messages import require_finished, require_present
from shared.models import Activity, Caller, Conversation, Leaf, Message
from shared.policy import Policies
from shared.repository import Change, Repository
from shared.transitions import counted, require_free


class Deletions:
    """Deletes, restores and clears messages."""

    def __init__(self, repository: Repository, policies: Policies, clock: Clock) -> None:
        self._repository = repository
        self._policies = policies
        self._clock = clock

    async def delete(
        self, caller: Caller, conversation_id: str, identifier: str, if_match: str | None
    ) -> Message:
        """Put a message out of sight; the messages behind it stay."""

        async def deleted(conversation: Conversation) -> Change:
            message = await self._repository.message(caller, conversation, identifier)
            require_present(message, if_match)
            require_finished(message)
            ends = (conversation.activity.last_message_id, conversation.leaf_message_id)
            newest = await self._newest_beside(caller, conversation, message) if message.id in ends else None
            policy, now = await self._policies.of(caller.tenant_id), self._clock()
            gone = message.changed(deleted_at=now, expires_at=now + policy.retention_ms, due_at=None)
            left = conversation.changed(activity=counted(conversation.activity, message, by=-1))
            if conversation.activity.last_message_id == message.id:
                left = _ending_at(left, newest)
            if conversation.leaf_message_id == message.id:
                gone = gone.changed(leaf_after=newest.id if newest else "")
                left = left.changed(leaf=_leaf_at(newest))
            return Change(_unsummarised(left, message, now), updated=((message, gone),), guarded=True)

        done = await self._repository.change(caller, conversation_id, deleted)
        return done.messages[0]

    async def restore(
        self,
        caller: Caller,
        conversation_id: str,
        identifier: str,
        if_match: str | None,
        once: Once | None = None,
    ) -> Message:
        """Bring a deleted message back as it was, until it expires; one that isn't deleted stays as it is."""

        async def restored(conversation: Conversation) -> Change:
            message = await self._repository.message(caller, conversation, identifier, deleted=True)
            message.require_version(if_match)
            now = self._clock()
            if (message.expires_at or now) < now:
                raise NotFound("message", identifier)
            if message.deleted_at is None:
                return Change(
                    conversation, receipt=finished_at_once(once, caller, now, message, conversation.id)
                )
            newest = await self._newest_beside(caller, conversation, message)
            is_newest = newest is None or newest.seq < message.seq
            back = message.changed(deleted_at=None, expires_at=None, leaf_after=None)
            back = back.changed(due_at=now if needs_line(back) else None)
            whole = conversation.changed(activity=counted(conversation.activity, message))
            if is_newest:
                whole = _ending_at(whole, message)
            if _takes_leaf_back(conversation, message, is_newest):
                whole = whole.changed(leaf=_leaf_at(back))
            receipt = finished_at_once(once, caller, now, back, conversation_id)
            return Change(
                _unsummarised(whole, message, now), updated=((message, back),), receipt=receipt, guarded=True
            )

        done = await self._repository.change(caller, conversation_id, restored)
        if done.messages:
            return done.messages[0]
        return await self._repository.message(caller, done.conversation, identifier)

    async def clear(self, caller: Caller, conversation_id: str, if_match: str | None) -> Conversation:
        """Remove all messages for good, the summary too; the numbering goes on."""

        def cleared(conversation: Conversation) -> Change:
            require_free(conversation)
            now = self._clock()
            empty = conversation.changed(
                cleared_through_seq=conversation.next_seq - 1,
                activity=Activity(last_at=conversation.activity.last_at),
                leaf=None,
                summary=None,
                removals=conversation.removals + 1,
                purge_at=now,
            )
            return Change(empty.changed(due_at=due_at(empty, now)))

        done = await self._repository.change(caller, conversation_id, cleared, if_match=if_match)
        return done.conversation

    async def _newest_beside(
        self, caller: Caller, conversation: Conversation, message: Message
    ) -> Message | None:
        """The newest message that the list shows, apart from this one."""
        last = conversation.activity.last_message_id
        if last is None:
            return None
        if last != message.id:  # if it has gone meanwhile, this change is not the next one, and made anew
            return await self._repository.find_message(caller, last)
        page = await self._repository.page_of_messages(
            caller, conversation, order="desc", limit=1, below=message.seq
        )
        return page.items[0] if page.items else None


def _ending_at(conversation: Conversation, newest: Message | None) -> Conversation:
    """With another message as the last of its list."""
    last = {"last_message_id": newest.id if newest else None}
    return conversation.changed(activity=conversation.activity.model_copy(update=last))


def _leaf_at(message: Message | None) -> Leaf | None:
    """The leaf after a deletion or its undoing: no branch's end, for what hangs behind it may be deleted."""
    return Leaf(id=message.id, path=message.path, tip=False) if message else None


def _takes_leaf_back(conversation: Conversation, message: Message, is_newest: bool) -> bool:
    """Whether it was the leaf and would still be, or deleting others has moved the leaf to before it."""
    leaf = conversation.leaf
    if message.leaf_after is not None and message.leaf_after == (leaf.id if leaf else ""):
        return True
    return is_newest and (leaf is None or not leaf.tip or message.leaf_after is not None)


def _unsummarised(conversation: Conversation, message: Message, now: int) -> Conversation:
    """Without a summary that covers the message: it is made anew, from the messages that are there."""
    if conversation.summary and message.seq <= conversation.summary.through_seq:
        conversation = conversation.changed(summary=None)
    conversation = conversation.changed(removals=conversation.removals + 1)
    return conversation.changed(due_at=due_at(conversation, now))
