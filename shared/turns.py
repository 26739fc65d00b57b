"""Turns: a question is stored, answered by the model, and the answer stored as its child.

A conversation runs one turn at a time. The turn holds the conversation's lease, which its server renews while
the model is at work; a lease that has expired is a dead server's, and whoever finds it closes that turn.
"""

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass, replace

from shared.ai import Answer, Model
from shared.clock import Clock
from shared.context import ContextReader
from shared.due import due_at
from shared.errors import BodyTooLarge, InternalError, InvalidRequest
from shared.idempotency import Once
from shared.ids import new_id, same_ulid
from shared.leases import TurnLost, lease_kept, require_lease, taken
from shared.messages import Messages
from shared.models import Caller, Conversation, Lease, Message, Receipt, Turn
from shared.repository import Change, Changed, Repository, in_progress, spent
from shared.transitions import (
    MessageDraft,
    active_at,
    answered,
    appended_to,
    behind,
    drafted,
    failed,
    interrupted,
    ready_to_grow,
    require_free,
    turn_ended,
)
from shared.usage import UsageCounts

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a caller asks, and how it is to be answered. instructions: in place of the conversation's."""

    draft: MessageDraft
    instructions: str | None = None
    model: str = "default"
    max_output_tokens: int | None = None
    temperature: float | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """A turn under way: the conversation as the turn began; the parent that the caller named; the receipt."""

    conversation: Conversation
    turn: Turn
    parent: Message | None
    once: Once | None
    receipt: Receipt | None

    def completed(self, outcome: object) -> Receipt | None:
        """The receipt with what the turn has come to."""
        return self.once.completed(self.receipt, outcome) if self.once and self.receipt else None


class Turns:
    """Runs turns, and closes those whose server has died."""

    def __init__(
        self,
        repository: Repository,
        messages: Messages,
        context: ContextReader,
        model: Model,
        models: Collection[str],
        usage: UsageCounts,
        clock: Clock,
    ) -> None:
        self._models = models
        self._usage = usage
        self._repository = repository
        self._messages = messages
        self._context = context
        self._model = model
        self._clock = clock

    async def ask(
        self,
        caller: Caller,
        conversation_id: str,
        question: Question,
        if_match: str | None = None,
        once: Once | None = None,
    ) -> Turn:
        """Store the question, answer it, store the answer.

        Raises InvalidRequest for a model that isn't allowed, ConversationBusy while another turn runs, and
        the model's failure once the question and an answer marked `failed` are stored.
        """
        if question.model not in self._models:
            raise InvalidRequest(f"model should be one of: {', '.join(self._models)}.", param="model")
        running = await self._begin(caller, conversation_id, question.draft, if_match, once)
        empty = running.turn.answer
        failure: Exception | None = None
        try:
            async with lease_kept(self._repository, caller, conversation_id, running.turn.id, self._clock):
                answer = await self._answer(caller, running, question)
            ended = answered(empty, answer, self._clock())
        except asyncio.CancelledError:  # the server is told to stop
            await asyncio.shield(self._finish(caller, running, interrupted(empty, self._clock())))
            raise
        except Exception as error:
            ended, failure = failed(empty, self._clock()), error
        try:
            turn = await asyncio.shield(self._finish(caller, running, ended, failure))
        except (BodyTooLarge, InternalError) as refused:  # this answer can't be stored
            await self._finish(caller, running, failed(empty, self._clock()), refused)
            raise
        if failure and turn.answer.status == "failed":
            raise failure
        return turn

    async def outcome(self, caller: Caller, receipt: Receipt) -> Turn:
        """What the turn of a repeated request has come to; RequestInProgress while it runs.

        A turn whose server has died is closed by this.
        """
        conversation = await self._repository.conversation(
            caller, receipt.conversation_id or "", deleted=True
        )
        await self.close_expired(caller, conversation)
        answer = await self._repository.find_message(caller, receipt.answer_id or "")
        question = answer and await self._repository.find_message(caller, answer.question_id or "")
        if not answer or not question or answer.status == "in_progress":
            raise in_progress()
        return Turn(same_ulid("resp", answer.id), question, answer)

    async def close_expired(self, caller: Caller, conversation: Conversation) -> Conversation:
        """Close the turn of a dead server, if there is one, as incomplete with the text that was stored."""
        lease, now = conversation.lease, self._clock()
        if lease is None or conversation.busy(now):
            return conversation
        logger.warning("turn %s has lost its server and is closed", lease.turn_id)
        answer = await self._repository.find_message(caller, lease.answer_id)
        closing = None
        if answer and answer.status == "in_progress":
            closing = (answer, interrupted(answer, now))
        try:
            return (await self._release(caller, conversation, lease.turn_id, closing)).conversation
        except TurnLost:
            return await self._repository.conversation(caller, conversation.id, deleted=True)

    async def _begin(
        self,
        caller: Caller,
        conversation_id: str,
        draft: MessageDraft,
        if_match: str | None,
        once: Once | None,
    ) -> Running:
        """Take the lease and store the question with an empty answer, in one transaction."""
        now = self._clock()
        question_id, answer_id = new_id("msg", now), new_id("msg", now + 1)
        turn_id = same_ulid("resp", answer_id)
        receipt = (
            once.opened(caller, now, conversation_id=conversation_id, answer_id=answer_id) if once else None
        )

        def begun(conversation: Conversation) -> Change:
            conversation = ready_to_grow(conversation)
            require_free(conversation)
            place = behind(conversation, parent) if parent else None
            question = drafted(conversation, question_id, draft, now, place)
            asked = appended_to(conversation, question)
            empty = MessageDraft(content="", role="assistant", metadata={})
            answer = drafted(asked, answer_id, empty, now).changed(
                status="in_progress", question_id=question_id
            )
            lease = Lease(turn_id=turn_id, answer_id=answer_id)
            running = taken(appended_to(asked, answer), lease, self._clock())
            return Change(running, created=(question, answer), receipt=receipt)

        conversation = await self._repository.conversation(caller, conversation_id)
        await self._usage.require_quota(caller.tenant_id)
        parent = None
        if draft.parent_id is not None:
            parent = await self._messages.named(caller, conversation, draft.parent_id, "parent_id")
        seen = conversation.etag
        conversation = await self.close_expired(caller, conversation)
        if_match = conversation.etag if if_match == seen else if_match  # closing has moved it
        done = await self._repository.change(
            caller, conversation_id, begun, known=conversation, if_match=if_match
        )
        return Running(done.conversation, Turn(turn_id, *done.messages), parent, once, done.receipt)

    async def _answer(self, caller: Caller, running: Running, question: Question) -> Answer:
        context = await self._context.read(
            caller,
            running.conversation,
            running.turn.question,
            parent=running.parent,
            instructions=question.instructions,
        )
        return await self._model.answer(
            context.prompts,
            model=question.model,
            max_output_tokens=question.max_output_tokens,
            temperature=question.temperature,
        )

    async def _finish(
        self, caller: Caller, running: Running, answer: Message, error: Exception | None = None
    ) -> Turn:
        """Store how the turn ended; where somebody has closed it meanwhile, what was stored then."""
        turn = replace(running.turn, answer=answer)
        receipt = running.completed(error or turn)
        updated = (running.turn.answer, answer)
        try:
            done = await self._release(caller, running.conversation, turn.id, updated, receipt)
        except TurnLost:
            logger.warning("turn %s was closed before it ended; its result is dropped", turn.id)
            stored = await self._repository.message(caller, running.conversation, answer.id)
            return replace(turn, answer=stored)
        return replace(turn, answer=done.messages[0])

    async def _release(
        self,
        caller: Caller,
        known: Conversation,
        turn_id: str,
        updated: tuple[Message, Message] | None,
        receipt: Receipt | None = None,
    ) -> Changed:
        """Give the lease back and store the answer, in one transaction; TurnLost if the lease isn't ours."""
        tries = 0

        async def released(conversation: Conversation) -> Change:
            require_lease(conversation, turn_id)
            nonlocal tries
            tries += 1
            now = self._clock()
            free = active_at(conversation.changed(lease=None, lease_until=None), now)
            usage = None
            if updated:
                free = turn_ended(free, *updated, charge=spent())
                usage = await self._usage.after(caller, [updated[1]], spent(), known=tries == 1)
            free = free.changed(due_at=due_at(free, now))
            return Change(free, updated=(updated,) if updated else (), receipt=receipt, usage=usage)

        done = await self._repository.change(caller, known.id, released, known=known, deleted=True)
        if done.usage:
            self._usage.stored(done.usage)
        return done
