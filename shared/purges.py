"""Removing for good: a conversation with all that hangs on it, cleared messages, and what has expired.

The conversation is marked first and removed last, so that whoever finds a mark goes on where another stopped.
"""

import logging
from contextlib import suppress

from shared.clock import Clock
from shared.errors import NotFound
from shared.ids import new_id
from shared.logs import trace
from shared.models import Caller, Conversation, DueWork
from shared.records import Operation, operations_scope
from shared.repository import BackgroundRepository, Change, Conflict, Repository, TenantRepository

# Transactions (of 50 documents) before a request is answered with an operation; and of one document, on one
# run of the timer.
IN_REQUEST, IN_RUN = 4, 200

logger = logging.getLogger(__name__)


class Purges:
    """Purges in the request as far as it is quick; the rest, and what is due, by a timer."""

    def __init__(
        self,
        repository: Repository,
        tenants: TenantRepository,
        background: BackgroundRepository,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._tenants = tenants
        self._background = background
        self._clock = clock

    async def purge(self, caller: Caller, identifier: str, if_match: str | None) -> Operation | None:
        """Remove a conversation for good, deleted or not; nobody sees it from now on.

        The operation that goes on with it, None where all is gone at once.
        """
        began = self._clock()
        done = await self._repository.change(
            caller, identifier, self._marked, if_match=if_match, deleted=True
        )
        conversation = done.conversation
        removed, finished = await self._remove_all(caller, conversation, IN_REQUEST)
        if (conversation.purge_at or 0) < began:  # a request before this one has started it
            await self._note(caller, conversation, removed, finished)
        return None if finished else await self._started(conversation, removed)

    async def settled(self, known: Operation) -> Operation:
        """An operation of a purge as it is: it has ended when its conversation is gone, noted or not."""
        if known.state == "running":
            try:
                await self._repository.conversation(known.owner, known.conversation_id or "", deleted=True)
            except NotFound:
                with suppress(Conflict):  # another has seen it first
                    return await self._tenants.put_operation(self._further(known, 0, finished=True))
                return await self._tenants.operation(known.owner, known.id)
        return known

    async def run(self) -> None:
        """Remove what is due; what fails is left for the next run. Safe when two run at once."""
        for found in (self._background.purgeable(self._clock()), self._background.expired(self._clock())):
            async for work in found:
                try:
                    await self._work_on(work)
                except NotFound:
                    continue
                except Exception as error:
                    logger.error("%s could not be purged: %s", work.id, trace(error))

    async def _work_on(self, work: DueWork) -> None:
        if work.type == "message":
            message = await self._repository.find_message(work.owner, work.id)
            if message and message.deleted_at and (message.expires_at or 0) <= self._clock():
                await self._repository.remove(work.owner, message)
            return
        done = await self._repository.change(work.owner, work.id, self._expired, deleted=True)
        conversation = done.conversation
        if conversation.operation_id:
            removed, finished = await self._remove_all(work.owner, conversation, IN_RUN)
            await self._note(work.owner, conversation, removed, finished)
        elif conversation.copying is None and conversation.purge_at:
            await self._remove_cleared(work.owner, conversation)

    def _marked(self, conversation: Conversation) -> Change:
        if conversation.operation_id:
            return Change(conversation)
        now = self._clock()
        return Change(
            conversation.changed(
                operation_id=new_id("op", now),
                deleted_at=conversation.deleted_at or now,
                purge_at=now,
                due_at=None,
                lease=None,
                lease_until=None,
            )
        )

    def _expired(self, conversation: Conversation) -> Change:
        """Marked, if it can't be restored any more, is a fork that nobody finishes, or a response's own."""
        expires = conversation.expires_at if conversation.deleted_at else None
        if expires is None and (conversation.copying or conversation.ephemeral):
            expires = conversation.purge_at
        due = expires is not None and expires <= self._clock()
        return self._marked(conversation) if due else Change(conversation)

    async def _remove_all(self, owner: Caller, conversation: Conversation, most: int) -> tuple[int, bool]:
        """Remove what hangs on a marked conversation, then itself: how many messages, and if it's all."""
        removed = 0
        for _ in range(most):
            count = await self._repository.remove_messages(owner, conversation, conversation.next_seq)
            if count == 0 and await self._repository.remove_receipts(owner, conversation) == 0:
                await self._repository.remove(owner, conversation)
                return removed, True
            removed += count
        return removed, False

    async def _remove_cleared(self, owner: Caller, conversation: Conversation) -> None:
        """Remove the messages of before a clear."""
        through = conversation.cleared_through_seq
        for _ in range(IN_RUN):
            if await self._repository.remove_messages(owner, conversation, through) == 0:
                break
        else:
            return

        def removed(conversation: Conversation) -> Change:
            same = conversation.cleared_through_seq == through
            return Change(conversation.changed(purge_at=None) if same else conversation)

        await self._repository.change(owner, conversation.id, removed, deleted=True)

    async def _started(self, conversation: Conversation, removed: int) -> Operation:
        """The operation of a purge that goes on without the request."""
        with suppress(NotFound):
            owner = Caller(conversation.tenant_id, conversation.user_id)
            return await self._tenants.operation(owner, conversation.operation_id or "")
        operation = Operation(
            id=conversation.operation_id or "",
            tenant_id=conversation.tenant_id,
            user_id=conversation.user_id,
            scope=operations_scope(conversation.user_id),
            created_at=conversation.purge_at or self._clock(),
            updated_at=self._clock(),
            kind="purge",
            conversation_id=conversation.id,
            counts={"messages": removed},
        )
        try:
            return await self._tenants.put_operation(operation)
        except Conflict:  # the same purge was asked for twice at once
            return await self._tenants.operation(operation.owner, operation.id)

    async def _note(self, owner: Caller, conversation: Conversation, removed: int, finished: bool) -> None:
        """How far a purge has come that somebody asked for; a crash may have kept some from being noted."""
        with suppress(NotFound, Conflict):
            known = await self._tenants.operation(owner, conversation.operation_id or "")
            await self._tenants.put_operation(self._further(known, removed, finished=finished))

    def _further(self, known: Operation, removed: int, *, finished: bool) -> Operation:
        """The operation with what is done now. At its end it forgets what it has removed."""
        now = self._clock()
        return known.changed(
            state="completed" if finished else "running",
            conversation_id=None if finished else known.conversation_id,
            counts={"messages": known.counts["messages"] + removed},
            updated_at=now,
            finished_at=now if finished else None,
        )
