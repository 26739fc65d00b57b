"""Writes of conversations and messages: each is one transaction, done exactly once."""

from collections.abc import Awaitable, Callable
from inspect import isawaitable

from shared.errors import NotFound, RequestInProgress, Unavailable
from shared.ids import new_ulid
from shared.models import Caller, Conversation, Message, Receipt
from shared.records import DayUsage
from shared.repository.changes import (
    Change,
    Changed,
    Patience,
    conversation_operations,
    other_operations,
    patch_operations,
    receipt_operations,
)
from shared.repository.partition import Conflict, Missing
from shared.repository.removals import Removals

Transition = Callable[[Conversation], Change | Awaitable[Change]]


class Repository(Removals):
    """Reads and writes what a user has, within that user's logical partition."""

    async def create(
        self,
        caller: Caller,
        conversation: Conversation,
        receipt: Receipt | None = None,
        messages: tuple[Message, ...] = (),
    ) -> Conversation:
        """Store a new conversation with its first messages, once, whatever happens to the answers on the way.

        Raises Unavailable, and RequestInProgress where the receipt's key is taken.
        """
        partition = await self._partition(caller)
        operations = [
            *(("create", (created.document(),)) for created in (conversation, *messages)),
            *receipt_operations(receipt),
        ]
        patience, tried = Patience(), False
        while True:
            try:
                async with patience.limit():
                    if tried and (found := await partition.read(conversation.id)):
                        return Conversation.model_validate(found)
                    if tried and receipt and await partition.read(receipt.id):
                        raise in_progress()
                    tried = True
                    return Conversation.model_validate((await partition.batch(operations))[0])
            except (Conflict, Unavailable, TimeoutError):
                await patience.wait()

    async def change(
        self,
        caller: Caller,
        conversation_id: str,
        transition: Transition,
        *,
        known: Conversation | None = None,
        if_match: str | None = None,
        deleted: bool = False,
    ) -> Changed:
        """Apply a transition to a conversation in one transaction.

        Exactly once where it creates a message or has a receipt. Else it is applied again if its answer was
        lost and another write came before the look whether it was done: as a later change, not a lost one.

        The transition is computed anew from the current version whenever another write came first; what it
        raises ends the change. It may read what hangs on the conversation: messages are added, deleted and
        rated by changes of their conversation only, so what it reads holds if the change does.
        known: a version in hand, which saves the read if it is still the current one. if_match: the version
        that the caller has seen.

        Raises NotFound, VersionMismatch, Unavailable, and RequestInProgress where the receipt's key is taken.
        """
        change_id = new_ulid(self._clock())
        change: Change | None = None
        patience = Patience()
        while True:
            try:
                async with patience.limit():
                    before = known or await self.conversation(caller, conversation_id, deleted=True)
                    if change and (done := await self._applied(caller, before, change, change_id)):
                        return done
                    _check(before, if_match, deleted)
                    made = transition(before)
                    change = await made if isawaitable(made) else made
                    if change.conversation is before and change.alone:
                        return Changed(before)
                    return await self._commit(caller, before, change.marked(change_id))
            except (Conflict, Missing, Unavailable, TimeoutError):  # Missing: what was known of is erased
                known = None
                await patience.wait()

    async def keep(self, caller: Caller, receipt: Receipt) -> None:
        """Store a receipt of a request whose effect lies elsewhere; RequestInProgress if the key is taken."""
        partition, patience = await self._partition(caller), Patience()
        while True:
            try:
                async with patience.limit():
                    found = await self.receipt(caller, receipt.id)
                    if found and found.try_id != receipt.try_id:
                        raise in_progress()
                    if not found:
                        await partition.batch(receipt_operations(receipt))
                    return
            except (Conflict, Unavailable, TimeoutError):
                await patience.wait()

    async def complete(self, caller: Caller, receipt: Receipt, completed: Receipt) -> Receipt:
        """Complete a receipt that a dead server has left open; what is stored if another did so first."""
        partition = await self._partition(caller)
        try:
            patch = patch_operations(receipt, completed)
            return Receipt.model_validate(await partition.patch(receipt.id, patch, receipt.etag))
        except (Conflict, Missing):
            return await self.receipt(caller, receipt.id) or completed

    async def change_message(
        self,
        caller: Caller,
        identifier: str,
        transition: Callable[[Message], Message],
        known: Message | None = None,
    ) -> Message | None:
        """Apply a transition to a message that changes no count; None where there is no such message.

        The transition is computed anew whenever another write came first; what it raises ends the change.
        known: a version in hand, as for `change`.
        """
        partition = await self._partition(caller)
        change_id = new_ulid(self._clock())
        patience = Patience()
        while True:
            try:
                async with patience.limit():
                    before, known = known or await self.find_message(caller, identifier), None
                    if before is None:
                        return None
                    if before.change_id == change_id or (after := transition(before)) == before:
                        return before
                    patch = patch_operations(before, after.changed(change_id=change_id))
                    return Message.model_validate(await partition.patch(identifier, patch, before.etag))
            except (Conflict, Unavailable, TimeoutError):
                await patience.wait()
            except Missing:
                return None

    async def _commit(self, caller: Caller, before: Conversation, change: Change) -> Changed:
        partition = await self._partition(caller)
        patches, beside = conversation_operations(before, change.conversation), other_operations(change)
        if len(patches) == 1 and not beside:
            _, (identifier, operations), _ = patches[0]
            patched = await partition.patch(identifier, operations, before.etag)
            return Changed(Conversation.model_validate(patched))
        written = await partition.batch([*patches, *beside])
        conversation, *others = written[len(patches) - 1 :]
        usage = DayUsage.model_validate(others.pop()) if change.usage else None
        receipt = Receipt.model_validate(others.pop()) if change.receipt else None
        messages = tuple(map(Message.model_validate, others))
        return Changed(Conversation.model_validate(conversation), messages, receipt, usage)

    async def _applied(
        self, caller: Caller, now: Conversation, change: Change, change_id: str
    ) -> Changed | None:
        """What an earlier try of ours has written although its answer was lost, if it has.

        Raises RequestInProgress where another request has used our Idempotency-Key first.
        """
        receipt = await self.receipt(caller, change.receipt.id) if change.receipt else None
        if receipt and change.receipt and receipt.try_id != change.receipt.try_id:
            raise in_progress()
        applied = (
            now.change_id == change_id
            or (receipt and change.receipt and receipt.status == change.receipt.status)
            or (change.created and await self._read(caller, change.created[0].id) is not None)
            or (change.updated and await self._has_mark(caller, change.updated[0][0].id, change_id))
        )
        if not applied:
            return None
        touched = [message.id for message in change.created] + [new.id for _, new in change.updated]
        found = [await self._read(caller, identifier) for identifier in touched]
        messages = tuple(Message.model_validate(document) for document in found if document)
        return Changed(now, messages, receipt)

    async def _has_mark(self, caller: Caller, identifier: str, change_id: str) -> bool:
        found = await self._read(caller, identifier)
        return found is not None and found.get("changeId") == change_id


def _check(conversation: Conversation, if_match: str | None, deleted: bool) -> None:
    """Whether a change may go on from this version."""
    if conversation.deleted_at and not deleted:
        raise NotFound("conversation", conversation.id)
    conversation.require_version(if_match)


def in_progress() -> RequestInProgress:
    """The answer to a request whose Idempotency-Key is in use by one that has come first."""
    return RequestInProgress(
        "A request with this Idempotency-Key is running; repeat it to get its answer.", retry_after=1
    )
