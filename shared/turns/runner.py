"""Runs turns: asks the model, and keeps what it says for those who follow."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

from shared.ai import Answer, Model
from shared.clock import Clock
from shared.context import MESSAGES, Context, ContextReader
from shared.errors import InvalidRequest, NotFound
from shared.logs import trace
from shared.repository import EventRepository, Repository
from shared.turns.endings import Endings
from shared.turns.leases import lease_kept
from shared.turns.running import Run

# What a turn has said is stored every so often, or after so many characters; and as often it looks whether
# somebody wants it stopped.
FLUSH_SECONDS, FLUSH_CHARACTERS, LOOK_SECONDS = 0.5, 2_000, 0.05

logger = logging.getLogger(__name__)


class Runner:
    """Runs turns that have begun."""

    def __init__(
        self,
        repository: Repository,
        events: EventRepository,
        context: ContextReader,
        model: Model,
        endings: Endings,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._events = events
        self._context = context
        self._model = model
        self._endings = endings
        self._clock = clock
        self._runs: dict[str, Run] = {}

    def start(self, run: Run) -> None:
        """Run a turn in a task of its own: whoever asked may go away."""
        self._runs[run.turn.id] = run
        run.task = asyncio.create_task(self._run(run))
        run.task.add_done_callback(lambda _: self._runs.pop(run.turn.id, None))

    def find(self, turn_id: str) -> Run | None:
        """A turn that runs here."""
        return self._runs.get(turn_id)

    async def close(self) -> None:
        """Have what runs here end at once, with what there is: the server is told to stop."""
        runs = list(self._runs.values())
        for run in runs:
            run.stop("interrupted")
        await asyncio.gather(*(run.over() for run in runs), return_exceptions=True)

    async def _run(self, run: Run) -> None:
        """From the question to the stored answers; whatever happens, the run is ended."""
        try:
            async with self._lease_kept(run):
                results = await self._answers(run)
            told = run.followed or run.stored > 0 or run.storing is not None
            if told:
                await self._flush(run)  # what was broken off, if anything was
                await self._flush(run)
            await self._endings.end(run, results, told=told)
        except NotFound as gone:
            logger.warning("turn %s was purged before it ended", run.turn.id)
            run.end(run.turn, gone)
        except Exception as error:
            logger.error("turn %s could not be ended: %s", run.turn.id, trace(error))
            await self._flush(run)  # whoever closes it in the end finds what it said
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
