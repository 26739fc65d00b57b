"""What callers do with turns: ask, follow, stop."""

import asyncio
from collections.abc import Collection
from contextlib import suppress

from shared.clock import Clock
from shared.errors import ConversationBusy, InvalidRequest
from shared.idempotency import Once, finished_at_once
from shared.ids import same_ulid
from shared.messages import Messages, require_present
from shared.models import Caller, Conversation, IncompleteReason, Message, Receipt, Turn
from shared.repository import Changed, EventRepository, Repository, in_progress
from shared.turns.asking import Question, TurnIds, begun, receipt_of
from shared.turns.endings import Endings
from shared.turns.followed import Followed, live, stored
from shared.turns.reader import TurnReader
from shared.turns.runner import Runner
from shared.turns.running import Run
from shared.usage import UsageCounts

# How long one who stops a turn waits for its server to end it, and how often one looks.
STOP_SECONDS, LOOK_SECONDS = 1.2, 0.1


class Turns:
    """A conversation runs one turn at a time."""

    def __init__(
        self,
        repository: Repository,
        events: EventRepository,
        messages: Messages,
        reader: TurnReader,
        runner: Runner,
        endings: Endings,
        models: Collection[str],
        usage: UsageCounts,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._events = events
        self._messages = messages
        self._reader = reader
        self._runner = runner
        self._endings = endings
        self._models = models
        self._usage = usage
        self._clock = clock

    async def ask(
        self,
        caller: Caller,
        conversation_id: str,
        question: Question,
        if_match: str | None = None,
        once: Once | None = None,
    ) -> Run:
        """Store the question with empty answers, and have it answered: at once, or in the background.

        Raises InvalidRequest for a model that isn't allowed, QuotaExceeded, and ConversationBusy while
        another turn runs.
        """
        if question.options.model not in self._models:
            raise InvalidRequest(f"model should be one of: {', '.join(self._models)}.", param="model")
        if question.previous:
            conversation = await self._reader.conversation_of(caller, question.previous)
        else:
            conversation = await self._repository.conversation(caller, conversation_id)
        await self._usage.require_quota(caller.tenant_id)
        named = await self._named(caller, conversation, question)
        run = await self._begun(caller, conversation, question, named, if_match, once)
        if not run.turn.options.background:
            self._runner.start(run)
        return run

    async def _begun(
        self,
        caller: Caller,
        conversation: Conversation,
        question: Question,
        named: Message | None,
        if_match: str | None,
        once: Once | None,
    ) -> Run:
        """The turn, begun once the conversation is free; one that interrupts gives way to nobody."""
        now = self._clock()
        ids, receipt = TurnIds.of(question, now), receipt_of(caller, once, now)
        while True:
            if conversation.lease and question.interrupt:  # what would be refused then stops nothing
                conversation.require_version(if_match)
                begun(question, ids, named, receipt, now)(conversation.changed(lease=None))
                await self._require_first(caller, once)
            seen = conversation.etag
            conversation = await self._freed(caller, conversation, interrupt=question.interrupt)
            if_match = conversation.etag if if_match == seen else if_match  # freeing it has moved it
            if named and named.status == "in_progress":  # and may have ended the answer to go on from
                named = await self._repository.message(caller, conversation, named.id)
            change = begun(question, ids, named, receipt, now)
            try:
                done = await self._repository.change(
                    caller, conversation.id, change, known=conversation, if_match=if_match
                )
                return _run(caller, question, done, named, once)
            except ConversationBusy:
                if not question.interrupt:
                    raise
            conversation = await self._repository.conversation(caller, conversation.id)

    async def _require_first(self, caller: Caller, once: Once | None) -> None:
        """Raise RequestInProgress where the same request has come first: what runs may be its turn."""
        if once and await self._repository.receipt(caller, once.receipt_id):
            raise in_progress()

    async def following(self, run: Run) -> Followed:
        """A turn that was just asked for, from its first word on."""
        if run.task:
            return live(run)
        return await stored(self._repository, self._events, run.caller, run.turn)

    async def get(self, caller: Caller, turn_id: str) -> Turn:
        """A turn as it is now; NotFound where the caller has none such. One without a server is closed."""
        record = await self._reader.record(caller, turn_id)
        conversation = await self._reader.conversation_of(caller, record)
        if record.status == "in_progress":
            await self._endings.close_expired(caller, conversation)
            record = await self._reader.record(caller, turn_id)
        return await self._reader.turn_of(caller, record)

    async def followed(self, caller: Caller, turn_id: str) -> Followed:
        """A turn, on whichever instance it runs, from its first word on."""
        turn = await self.get(caller, turn_id)
        return await stored(self._repository, self._events, caller, turn)

    async def cancel(
        self, caller: Caller, turn_id: str, if_match: str | None = None, once: Once | None = None
    ) -> Turn:
        """Stop a turn, keeping what there is; returns once it is closed. One that has ended stays so."""
        turn = await self.get(caller, turn_id)
        require_present(turn.answer, if_match)
        turn = await self._stopped(caller, turn, "cancelled")
        if receipt := finished_at_once(once, caller, self._clock(), turn, turn.answer.conversation_id):
            await self._repository.keep(caller, receipt)
        return turn

    async def outcome(self, caller: Caller, receipt: Receipt) -> Turn:
        """What the turn of a repeated request has come to; RequestInProgress while it runs."""
        turn = await self.get(caller, same_ulid("resp", receipt.answer_id or ""))
        if turn.answer.status == "in_progress":
            raise in_progress()
        return turn

    async def _named(self, caller: Caller, conversation: Conversation, question: Question) -> Message | None:
        if question.previous:
            return question.previous
        for param in ("edited_from", "parent_id"):
            if (identifier := getattr(question, param)) is not None:
                return await self._messages.named(caller, conversation, identifier, param)
        return None

    async def _freed(self, caller: Caller, conversation: Conversation, *, interrupt: bool) -> Conversation:
        """The conversation without the turn of a dead server, or (interrupt) of a living one."""
        conversation = await self._endings.close_expired(caller, conversation)
        if conversation.lease and interrupt:
            turn = await self._reader.turn(caller, conversation.lease.turn_id)
            await self._stopped(caller, turn, "interrupted")
            conversation = await self._repository.conversation(caller, conversation.id)
        return conversation

    async def _stopped(self, caller: Caller, turn: Turn, reason: IncompleteReason) -> Turn:
        """The turn once it is closed: by its server, or for one that is dead, too slow or not there yet."""
        if turn.answer.status != "in_progress":
            return turn
        run = self._runner.find(turn.id)
        if run:
            run.stop(reason)
        else:  # one that is queued may be taken up just now; then it sees that
            await self._events.stop(turn.id, reason)
        if turn.status != "queued":
            with suppress(TimeoutError):
                turn = await asyncio.wait_for(self._ended(caller, turn.id, run), STOP_SECONDS)
        if turn.answer.status == "in_progress":
            conversation = await self._repository.conversation(caller, turn.answer.conversation_id)
            await self._endings.close(caller, conversation, turn.id, reason)
            turn = await self._reader.turn(caller, turn.id)
        return turn

    async def _ended(self, caller: Caller, turn_id: str, run: Run | None) -> Turn:
        """A turn that was told to stop, once it has ended. run: where it runs here."""
        if run:
            await run.over()
        while True:
            turn = await self.get(caller, turn_id)
            if turn.answer.status != "in_progress":
                return turn
            await asyncio.sleep(LOOK_SECONDS)


def _run(caller: Caller, question: Question, done: Changed, named: Message | None, once: Once | None) -> Run:
    """The turn that has begun. named: as in `begun`."""
    asked = len(question.drafts)
    last = done.messages[asked - 1] if asked else named
    assert last is not None  # noqa: S101 - `begun` has seen to it
    answers = done.messages[asked:]
    return Run(
        caller=caller,
        conversation=done.conversation,
        turn=Turn(same_ulid("resp", answers[0].id), last, answers),
        parent=named if asked == 1 and not question.edited_from else None,
        once=once,
        receipt=done.receipt,
    )
