"""Turns: a question is stored, answered by the model, and the answer stored as its child.

A conversation runs one turn at a time. The turn holds the conversation's lease, which its server renews while
the model is at work; a lease that has expired is a dead server's, and whoever finds it closes that turn.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from shared.ai import Answer, Model
from shared.clock import Clock
from shared.context import ContextReader
from shared.conversations import active_at
from shared.due import due_at, needs_line
from shared.errors import ConversationBusy, InvalidRequest
from shared.ids import new_id, same_ulid
from shared.messages import MessageDraft, Messages, appended_to, drafted, require_active
from shared.models import Caller, Conversation, Lease, Message, Turn, Usage
from shared.repository import Change, Changed, Repository

LEASE_MS = 60_000
RENEW_SECONDS = 20.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a caller asks, and how it is to be answered. instructions: in place of the conversation's."""

    draft: MessageDraft
    instructions: str | None = None
    model: str = "default"
    max_output_tokens: int | None = None
    temperature: float | None = None


class TurnLost(Exception):
    """The lease no longer names the turn: somebody has closed it, so its result is dropped."""


class Turns:
    """Runs turns, and closes those whose server has died."""

    def __init__(
        self,
        repository: Repository,
        messages: Messages,
        context: ContextReader,
        model: Model,
        models: Collection[str],
        clock: Clock,
    ) -> None:
        self._models = models
        self._repository = repository
        self._messages = messages
        self._context = context
        self._model = model
        self._clock = clock

    async def ask(self, caller: Caller, conversation_id: str, question: Question) -> Turn:
        """Store the question, answer it, store the answer.

        Raises InvalidRequest for a model that isn't allowed, ConversationBusy while another turn runs, and
        the model's failure once the question and an answer marked `failed` are stored.
        """
        if question.model not in self._models:
            raise InvalidRequest(f"model should be one of: {', '.join(self._models)}.", param="model")
        conversation, turn = await self._begin(caller, conversation_id, question.draft)
        try:
            async with self._lease_kept(caller, turn):
                answer = await self._answer(caller, conversation, turn, question)
        except Exception:
            failed = turn.answer.changed(status="failed", updated_at=self._clock())
            await self._finish(caller, conversation, turn, failed)
            raise
        return await self._finish(caller, conversation, turn, _answered(turn.answer, answer, self._clock()))

    async def close_expired(self, caller: Caller, conversation: Conversation) -> Conversation:
        """Close the turn of a dead server, if there is one, as incomplete with the text that was stored."""
        lease, now = conversation.lease, self._clock()
        if lease is None or conversation.busy(now):
            return conversation
        logger.warning("turn %s has lost its server and is closed", lease.turn_id)
        answer = await self._repository.find_message(caller, lease.answer_id)
        closing = []
        if answer and answer.status == "in_progress":
            closed = answer.changed(status="incomplete", incomplete_reason="interrupted", updated_at=now)
            closing.append((answer, closed))
        try:
            return (await self._release(caller, conversation, lease.turn_id, *closing)).conversation
        except TurnLost:
            return await self._repository.conversation(caller, conversation.id)

    async def _begin(
        self, caller: Caller, conversation_id: str, draft: MessageDraft
    ) -> tuple[Conversation, Turn]:
        """Take the lease and store the question with an empty answer, in one transaction."""
        now = self._clock()
        question_id, answer_id = new_id("msg", now), new_id("msg", now + 1)
        turn_id = same_ulid("resp", answer_id)

        def begun(conversation: Conversation) -> Change:
            require_active(conversation)
            if conversation.lease is not None:
                raise ConversationBusy(
                    "A turn is running in this conversation; wait until it has ended.", retry_after=2
                )
            question = drafted(conversation, question_id, draft, now)
            asked = appended_to(conversation, question)
            empty = MessageDraft(content="", role="assistant", parent_id=question_id, metadata={})
            answer = drafted(asked, answer_id, empty, now).changed(
                status="in_progress", question_id=question_id
            )
            taken = appended_to(asked, answer).changed(
                lease=Lease(turn_id=turn_id, answer_id=answer_id),
                lease_until=self._clock() + LEASE_MS,
                due_at=None,
            )
            return Change(taken, created=(question, answer))

        conversation = await self._repository.conversation(caller, conversation_id)
        await self._messages.require_parent(caller, conversation_id, draft.parent_id)
        conversation = await self.close_expired(caller, conversation)
        done = await self._repository.change(caller, conversation_id, begun, known=conversation)
        return done.conversation, Turn(turn_id, *done.messages)

    async def _answer(
        self, caller: Caller, conversation: Conversation, turn: Turn, question: Question
    ) -> Answer:
        context = await self._context.read(caller, conversation, turn.question, question.instructions)
        return await self._model.answer(
            context.prompts,
            model=question.model,
            max_output_tokens=question.max_output_tokens,
            temperature=question.temperature,
        )

    async def _finish(self, caller: Caller, conversation: Conversation, turn: Turn, answer: Message) -> Turn:
        """Store how the turn ended; where somebody has closed it meanwhile, what was stored then."""
        try:
            done = await self._release(caller, conversation, turn.id, (turn.answer, answer))
        except TurnLost:
            logger.warning("turn %s was closed before it ended; its result is dropped", turn.id)
            stored = await self._repository.message(caller, conversation.id, turn.answer.id)
            return Turn(turn.id, turn.question, stored)
        return Turn(turn.id, turn.question, done.messages[0])

    async def _release(
        self, caller: Caller, known: Conversation, turn_id: str, *updated: tuple[Message, Message]
    ) -> Changed:
        """Give the lease back and store the answer, in one transaction; TurnLost if the lease isn't ours."""

        def released(conversation: Conversation) -> Change:
            if conversation.lease is None or conversation.lease.turn_id != turn_id:
                raise TurnLost
            free = active_at(conversation.changed(lease=None, lease_until=None), self._clock())
            return Change(free.changed(due_at=due_at(free, self._clock())), updated=updated)

        return await self._repository.change(caller, known.id, released, known=known, deleted=True)

    @asynccontextmanager
    async def _lease_kept(self, caller: Caller, turn: Turn) -> AsyncIterator[None]:
        """Renew the lease while the model is at work."""
        renewing = asyncio.create_task(self._renew(caller, turn))
        try:
            yield
        finally:
            renewing.cancel()
            with suppress(asyncio.CancelledError):
                await renewing

    async def _renew(self, caller: Caller, turn: Turn) -> None:
        def renewed(conversation: Conversation) -> Change:
            if conversation.lease is None or conversation.lease.turn_id != turn.id:
                raise TurnLost
            return Change(conversation.changed(lease_until=self._clock() + LEASE_MS))

        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                await self._repository.change(caller, turn.question.conversation_id, renewed, deleted=True)
            except TurnLost:
                return
            except Exception:
                logger.exception("the lease of turn %s could not be renewed", turn.id)


def _answered(empty: Message, answer: Answer, now: int) -> Message:
    """The answer's message, finished."""
    finished = empty.changed(
        content=answer.content,
        status="incomplete" if answer.incomplete_reason else "completed",
        incomplete_reason=answer.incomplete_reason,
        model=answer.model,
        usage=Usage(input_tokens=answer.usage.input_tokens, output_tokens=answer.usage.output_tokens),
        updated_at=now,
    )
    return finished.changed(due_at=now) if needs_line(finished) else finished
