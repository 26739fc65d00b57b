"""Runs a turn: asks the model, keeps what it says for those who follow, and stores how it ended."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from functools import partial

from shared.ai import Answer, Model, count_tokens
from shared.clock import Clock
from shared.context import MESSAGES, Context, ContextReader
from shared.due import due_at
from shared.errors import BodyTooLarge, InternalError, InvalidRequest, NotFound, ServiceError
from shared.logs import trace
from shared.models import Caller, Conversation, Message, Receipt, Turn, Usage
from shared.repository import Change, Changed, EventRepository, Repository, spent
from shared.transitions import active_at, answered, failed, stopped, turn_ended
from shared.turns.ends import note_end
from shared.turns.leases import TurnLost, lease_kept, require_lease
from shared.turns.running import Run
from shared.usage import UsageCounts

# What a turn has said is stored every so often, or after so many characters; and as often it looks whether
# somebody wants it stopped.
FLUSH_SECONDS, FLUSH_CHARACTERS, LOOK_SECONDS = 0.5, 2_000, 0.05

logger = logging.getLogger(__name__)

# An answer before and after.
Pair = tuple[Message, Message]


class Runner:
    """Runs turns that have begun."""

    def __init__(
        self,
        repository: Repository,
        events: EventRepository,
        context: ContextReader,
        model: Model,
        usage: UsageCounts,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._events = events
        self._context = context
        self._model = model
        self._usage = usage
        self._clock = clock

    async def run(self, run: Run) -> None:
        """From the question to the stored answers; whatever happens, the run is ended."""
        try:
            async with self._lease_kept(run):
                results = await self._answers(run)
            await self._end(run, results)
        except Exception as error:
            logger.error("turn %s could not be ended: %s", run.turn.id, trace(error))
            run.end(run.turn, error)

    def _lease_kept(self, run: Run) -> AbstractAsyncContextManager[None]:
        """While it is open the lease is renewed; a turn that has lost it is stopped, for it is in vain."""
        lost = partial(run.stop, "interrupted")
        return lease_kept(self._repository, run.caller, run.conversation.id, run.turn.id, self._clock, lost)

    async def _answers(self, run: Run) -> list[Answer | BaseException | None]:
        """What the model has said for each answer, why it hasn't, or None where it was stopped."""
        reading = asyncio.create_task(self._read(run))
        count = len(run.turn.answers)
        answering = [asyncio.create_task(self._answer(run, index, reading)) for index in range(count)]
        told = asyncio.create_task(run.told_to_stop())
        everything = asyncio.create_task(asyncio.wait(answering))
        async with self._followed(run):
            try:
                await asyncio.wait({everything, told}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (told, reading, *answering):
                    task.cancel()
            results = await asyncio.gather(*answering, return_exceptions=True)
        return [None if isinstance(result, asyncio.CancelledError) else result for result in results]

    async def _read(self, run: Run) -> Context:
        context = await self._context.read(
            run.caller,
            run.conversation,
            run.turn.question,
            parent=run.parent,
            instructions=run.turn.options.instructions,
        )
        if context.truncated and run.turn.options.truncation == "disabled":
            raise InvalidRequest(
                f"The conversation is longer than what a turn sends ({context.budget} tokens, {MESSAGES} "
                "messages); with the truncation 'auto' its oldest messages are left out.",
                param="truncation",
            )
        run.asked = context.tokens
        return context

    async def _answer(self, run: Run, index: int, reading: asyncio.Task[Context]) -> Answer:
        """One of the answers; all of them wait for the one reading of what the model is sent."""
        options, context = run.turn.options, await reading
        return await self._model.answer(
            context.prompts,
            partial(run.add, index),
            model=options.model,
            max_output_tokens=options.max_output_tokens,
            temperature=options.temperature,
            top_p=options.top_p,
        )

    @asynccontextmanager
    async def _followed(self, run: Run) -> AsyncIterator[None]:
        """While it runs, look for a wish to stop it, and store what it says."""
        following = asyncio.create_task(self._follow(run))
        try:
            yield
        finally:
            following.cancel()
            await asyncio.wait([following])

    async def _follow(self, run: Run) -> None:
        waited = 0.0
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            waited += LOOK_SECONDS
            if run.unstored_characters >= FLUSH_CHARACTERS or waited >= FLUSH_SECONDS:
                await self._flush(run)
            if waited >= FLUSH_SECONDS:
                waited = 0.0
                await self._look(run)

    async def _look(self, run: Run) -> None:
        """Stop it if somebody wants that, here or on another instance."""
        try:
            if reason := await self._events.stopped(run.turn.id):
                run.stop(reason)
        except Exception as error:
            logger.warning("whether turn %s is to stop could not be read: %s", run.turn.id, trace(error))

    async def _flush(self, run: Run) -> None:
        """Store what has been said since the last time, if it can be; the answer itself will be.

        Where that was broken off, or not acknowledged, the same pieces are stored again and no others with
        them: somebody may have been told them already.
        """
        if run.stored == len(run.deltas):
            return
        run.storing = run.storing or len(run.deltas)
        try:
            await self._events.add(run.turn.id, run.stored, run.deltas[run.stored : run.storing])
        except Exception as error:
            logger.warning("what turn %s says could not be stored: %s", run.turn.id, trace(error))
            return
        run.stored, run.storing = run.storing, None

    async def _end(self, run: Run, results: Sequence[Answer | BaseException | None]) -> None:
        """Store how each answer ended, and tell those who follow."""
        told = run.followed or run.stored > 0 or run.storing is not None
        if told:
            await self._flush(run)  # what was broken off, if anything was
            await self._flush(run)
        ended = [
            self._ended(run, index, empty, result)
            for index, (empty, result) in enumerate(zip(run.turn.answers, results, strict=True))
        ]
        if (record := ended[0].turn) and not told:
            ended[0] = ended[0].changed(turn=record.model_copy(update={"in_one_piece": True}))
        failures = [result for result in results if isinstance(result, Exception)]
        failure = failures[0] if len(failures) == len(results) else None
        try:
            turn = await self.finish(run, ended, failure)
        except (BodyTooLarge, InternalError) as refused:  # these answers can't be stored
            failure = refused
            lost = [failed(empty, refused.code, self._clock()) for empty in run.turn.answers]
            turn = await self.finish(run, lost, refused)
        run.end(turn, failure if turn.answer.status == "failed" else None)

    def _ended(self, run: Run, index: int, empty: Message, result: Answer | BaseException | None) -> Message:
        now, text = self._clock(), run.text(index)
        if isinstance(result, Answer):
            return answered(empty, result, now)
        if text:  # the model never told what this took
            empty = empty.changed(usage=Usage(input_tokens=run.asked, output_tokens=count_tokens(text)))
        if result is None:
            return stopped(empty, run.stop_reason or "interrupted", now, text)
        code = result.code if isinstance(result, ServiceError) else InternalError.code
        return failed(empty, code, now, text)

    async def finish(self, run: Run, answers: Sequence[Message], failure: Exception | None) -> Turn:
        """Store how the turn ended; where somebody has closed it meanwhile, what was stored then.

        NotFound where it was purged meanwhile, with nothing left of it.
        """
        turn = replace(run.turn, answers=tuple(answers))
        receipt = run.completed(failure or turn)
        pairs = tuple(zip(run.turn.answers, answers, strict=True))
        try:
            done = await self.release(run.caller, run.conversation, turn.id, pairs, receipt)
        except (TurnLost, NotFound):
            logger.warning("turn %s was closed before it ended; its result is dropped", turn.id)
            found = [await self._repository.find_message(run.caller, answer.id) for answer in answers]
            if None in found:
                await self._events.remove(turn.id)
                raise NotFound("conversation", run.conversation.id) from None
            return replace(turn, answers=tuple(answer for answer in found if answer))
        return replace(turn, answers=done.messages)

    async def release(
        self,
        caller: Caller,
        known: Conversation,
        turn_id: str,
        pairs: Sequence[Pair],
        receipt: Receipt | None = None,
    ) -> Changed:
        """Give the lease back and store the answers, in one transaction; TurnLost if the lease isn't ours."""
        tries = 0

        async def released(conversation: Conversation) -> Change:
            require_lease(conversation, turn_id)
            nonlocal tries
            tries += 1
            now = self._clock()
            free = active_at(conversation.changed(lease=None, lease_until=None), now)
            usage = None
            if pairs:
                after = [answer for _, answer in pairs]
                free = turn_ended(free, pairs, charge=spent())
                usage = await self._usage.after(caller, after, spent(), known=tries == 1)
            free = free.changed(due_at=due_at(free, now))
            return Change(free, updated=tuple(pairs), receipt=receipt, usage=usage)

        done = await self._repository.change(caller, known.id, released, known=known, deleted=True)
        if pairs:
            note_end(pairs[0][1])
        if done.usage:
            self._usage.stored(done.usage)
        return done
