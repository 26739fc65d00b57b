"""How turns end: their answers stored and the lease given back in one transaction, whoever does it."""

import logging
from collections.abc import Sequence
from dataclasses import replace

from shared.ai import Answer, count_tokens
from shared.clock import Clock
from shared.due import due_at
from shared.errors import BodyTooLarge, InternalError, NotFound, ServiceError
from shared.models import Caller, Conversation, IncompleteReason, Message, Receipt, Turn, Usage
from shared.repository import Change, Changed, EventRepository, Repository, spent
from shared.telemetry import instruments
from shared.transitions import active_at, answered, failed, stopped, turn_ended
from shared.turns.leases import TurnLost, require_lease
from shared.turns.reader import TurnReader
from shared.turns.running import Run, text_of
from shared.usage import UsageCounts

logger = logging.getLogger(__name__)

# An answer before and after.
Pair = tuple[Message, Message]


class Endings:
    """Ends turns, in their own server or in the place of one that is dead."""

    def __init__(
        self,
        repository: Repository,
        events: EventRepository,
        reader: TurnReader,
        usage: UsageCounts,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._events = events
        self._reader = reader
        self._usage = usage
        self._clock = clock

    async def end(self, run: Run, results: Sequence[Answer | BaseException | None], *, told: bool) -> None:
        """Store how each answer ended, and tell those who follow. told: in pieces."""
        ended = [
            self._ended(run, index, empty, result)
            for index, (empty, result) in enumerate(zip(run.turn.answers, results, strict=True))
        ]
        if (record := ended[0].turn) and not told:
            ended[0] = ended[0].changed(turn=record.model_copy(update={"in_one_piece": True}))
        failures = [result for result in results if isinstance(result, Exception)]
        failure = failures[0] if len(failures) == len(results) else None
        try:
            turn = await self._finish(run, ended, failure)
        except (BodyTooLarge, InternalError) as refused:  # these answers can't be stored
            failure = refused
            lost = [failed(empty, refused.code, self._clock()) for empty in run.turn.answers]
            turn = await self._finish(run, lost, refused)
        run.end(turn, failure if turn.answer.status == "failed" else None)

    def _ended(self, run: Run, index: int, empty: Message, result: Answer | BaseException | None) -> Message:
        now, text = self._clock(), run.text(index)
        if isinstance(result, Answer):
            return answered(empty, result, now)
        if text:  # the model never told what this took, nor which it was
            taken = Usage(input_tokens=run.asked, output_tokens=count_tokens(text))
            empty = empty.changed(usage=taken, model=run.turn.options.model)
        if result is None:
            return stopped(empty, run.stop_reason or "interrupted", now, text)
        code = result.code if isinstance(result, ServiceError) else InternalError.code
        return failed(empty, code, now, text)

    async def _finish(self, run: Run, answers: Sequence[Message], failure: Exception | None) -> Turn:
        """Store how the turn ended; where somebody has closed it meanwhile, what was stored then.

        NotFound where it was purged meanwhile, with nothing left of it.
        """
        turn = replace(run.turn, answers=tuple(answers))
        receipt = run.completed(failure or turn)
        pairs = tuple(zip(run.turn.answers, answers, strict=True))
        try:
            done = await self._release(run.caller, run.conversation, turn.id, pairs, receipt)
        except (TurnLost, NotFound):
            logger.warning("turn %s was closed before it ended; its result is dropped", turn.id)
            found = [await self._repository.find_message(run.caller, answer.id) for answer in answers]
            if None in found:
                await self._events.remove(turn.id)
                raise NotFound("conversation", run.conversation.id) from None
            return replace(turn, answers=tuple(answer for answer in found if answer))
        return replace(turn, answers=done.messages)

    async def close_expired(self, caller: Caller, conversation: Conversation) -> Conversation:
        """Close the turn of a dead server, if there is one, as incomplete with the text that was stored."""
        lease, now = conversation.lease, self._clock()
        if lease is None or conversation.busy(now):
            return conversation
        logger.warning("turn %s has lost its server and is closed", lease.turn_id)
        return await self.close(caller, conversation, lease.turn_id, "interrupted")

    async def close(
        self, caller: Caller, conversation: Conversation, turn_id: str, reason: IncompleteReason
    ) -> Conversation:
        """Close a turn in its server's place, with the text that was stored; the conversation, free."""
        now = self._clock()
        try:
            turn = await self._reader.turn(caller, turn_id)
            said = await self._events.since(turn_id, 0)
            pairs = [
                (answer, stopped(answer, reason, now, text_of(said, index)))
                for index, answer in enumerate(turn.answers)
                if answer.status == "in_progress"
            ]
        except NotFound:
            pairs = []
        try:
            return (await self._release(caller, conversation, turn_id, pairs)).conversation
        except TurnLost:
            return await self._repository.conversation(caller, conversation.id, deleted=True)

    async def _release(
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
            _note(pairs[0][1])
        if done.usage:
            self._usage.stored(done.usage)
        return done


def _note(answer: Message) -> None:
    """Count a turn by its first answer: how it ended, and why."""
    error = answer.turn.error if answer.turn else None
    reason = answer.incomplete_reason or error or "none"
    instruments().turns.add(1, {"status": answer.status, "reason": reason})
