"""What can be done with turns: ask, follow, stop; and closing those whose server has died."""

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from shared.clock import Clock
from shared.errors import ConversationBusy, InvalidRequest, NotFound
from shared.idempotency import Once, finished_at_once
from shared.ids import is_id, same_ulid
from shared.messages import Messages, require_present
from shared.models import Caller, Conversation, IncompleteReason, Message, Receipt, Turn
from shared.repository import Change, Changed, EventRepository, Repository, in_progress
from shared.transitions import stopped
from shared.turns.asking import Question, TurnIds, begun
from shared.turns.followed import Followed, live, stored
from shared.turns.leases import LEASE_MS, TurnLost, require_lease
from shared.turns.runner import Runner
from shared.turns.running import Run
from shared.usage import UsageCounts

# How long one who stops a turn waits for its server to end it, and how often one looks.
STOP_SECONDS, LOOK_SECONDS = 1.5, 0.1
# A turn in the background runs within its function, which the host ends after 10 minutes (host.json).
LONGEST_SECONDS = 540.0

logger = logging.getLogger(__name__)


class Turns:
    """Runs turns in tasks of their own: whoever asked may go away."""

    def __init__(
        self,
        repository: Repository,
        events: EventRepository,
        messages: Messages,
        runner: Runner,
        models: Collection[str],
        usage: UsageCounts,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._events = events
        self._messages = messages
        self._runner = runner
        self._models = models
        self._usage = usage
        self._clock = clock
        self._runs: dict[str, Run] = {}

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
            conversation = await self._conversation_of(caller, question.previous)
        else:
            conversation = await self._repository.conversation(caller, conversation_id)
        await self._usage.require_quota(caller.tenant_id)
        named = await self._named(caller, conversation, question)
        run = await self._begun(caller, conversation, question, named, if_match, once)
        if not run.turn.options.background:
            self._start(run)
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
        ids = TurnIds.of(question, now)

        def receipt(turn: Turn) -> Receipt | None:
            running = {"conversation_id": conversation.id, "answer_id": turn.answer.id}
            opened = once.opened(caller, now, **running) if once else None
            return once.completed(opened, turn) if once and opened and turn.options.background else opened

        while True:
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

    async def following(self, run: Run) -> Followed:
        """A turn that was just asked for, from its first word on."""
        if run.task:
            return live(run)
        return await stored(self._repository, self._events, run.caller, run.turn)

    async def get(self, caller: Caller, turn_id: str) -> Turn:
        """A turn as it is now; NotFound where the caller has none such. One without a server is closed."""
        record = await self.record(caller, turn_id)
        conversation = await self._conversation_of(caller, record)
        if record.status == "in_progress":
            await self.close_expired(caller, conversation)
            record = await self.record(caller, turn_id)
        return await self._turn_of(caller, record)

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

    async def run_all_queued(self, documents: Iterable[Mapping[str, Any]]) -> None:
        """Run the turns that wait among documents from the change feed; each failure is its own."""
        waiting = {
            (Caller(one["tenantId"], one["userId"]), one["id"])
            for one in documents
            if one.get("type") == "message" and (one.get("turn") or {}).get("queued")
        }
        results = await asyncio.gather(
            *(self.run_queued(owner, answer_id) for owner, answer_id in waiting), return_exceptions=True
        )
        if failures := [result for result in results if isinstance(result, BaseException)]:
            raise failures[0]

    async def run_queued(self, owner: Caller, answer_id: str) -> None:
        """Run a turn that was left to the background, unless another has taken it up.

        One that takes too long is stopped, with what there is.
        """
        turn_id = same_ulid("resp", answer_id)
        try:
            turn = await self._turn(owner, turn_id)
        except NotFound:
            return
        taken: list[Message] = []

        async def take(conversation: Conversation) -> Change:
            require_lease(conversation, turn_id)
            record = await self.record(owner, turn_id)
            if not (record.turn and record.turn.queued):
                raise TurnLost
            taken[:] = [record.changed(turn=record.turn.model_copy(update={"queued": False}))]
            held = conversation.changed(lease_until=self._clock() + LEASE_MS)
            return Change(held, updated=((record, taken[0]),), guarded=True)

        try:
            done = await self._repository.change(owner, turn.answer.conversation_id, take, deleted=True)
        except (TurnLost, NotFound):
            return
        turn = replace(turn, answers=(done.messages[0], *turn.answers[1:]))
        run = Run(caller=owner, conversation=done.conversation, turn=turn)
        self._start(run)
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                await run.over()
        except TimeoutError:
            run.stop("interrupted")
            await run.over()

    async def outcome(self, caller: Caller, receipt: Receipt) -> Turn:
        """What the turn of a repeated request has come to; RequestInProgress while it runs."""
        turn = await self.get(caller, same_ulid("resp", receipt.answer_id or ""))
        if turn.answer.status == "in_progress":
            raise in_progress()
        return turn

    async def close_expired(self, caller: Caller, conversation: Conversation) -> Conversation:
        """Close the turn of a dead server, if there is one, as incomplete with the text that was stored."""
        lease, now = conversation.lease, self._clock()
        if lease is None or conversation.busy(now):
            return conversation
        logger.warning("turn %s has lost its server and is closed", lease.turn_id)
        return await self._close(caller, conversation, lease.turn_id, "interrupted")

    async def _close(
        self, caller: Caller, conversation: Conversation, turn_id: str, reason: IncompleteReason
    ) -> Conversation:
        """Close a turn in its server's place, with the text that was stored; the conversation, free."""
        now = self._clock()
        try:
            turn = await self._turn(caller, turn_id)
            said = await self._events.since(turn_id, 0)
            pairs = [
                (answer, stopped(answer, reason, now, "".join(text for at, text in said if at == index)))
                for index, answer in enumerate(turn.answers)
                if answer.status == "in_progress"
            ]
        except NotFound:
            pairs = []
        try:
            return (await self._runner.release(caller, conversation, turn_id, pairs)).conversation
        except TurnLost:
            return await self._repository.conversation(caller, conversation.id, deleted=True)

    async def close(self) -> None:
        """Have what runs here end at once, with what there is: the server is told to stop."""
        runs = list(self._runs.values())
        for run in runs:
            run.stop("interrupted")
        await asyncio.gather(*(run.over() for run in runs), return_exceptions=True)

    def _start(self, run: Run) -> None:
        """Run a turn in a task of its own."""
        self._runs[run.turn.id] = run
        run.task = asyncio.create_task(self._runner.run(run))
        run.task.add_done_callback(lambda _: self._runs.pop(run.turn.id, None))

    async def _named(self, caller: Caller, conversation: Conversation, question: Question) -> Message | None:
        if question.previous:
            return question.previous
        for param in ("edited_from", "parent_id"):
            if (identifier := getattr(question, param)) is not None:
                return await self._messages.named(caller, conversation, identifier, param)
        return None

    async def _freed(self, caller: Caller, conversation: Conversation, *, interrupt: bool) -> Conversation:
        """The conversation without the turn of a dead server, or (interrupt) of a living one."""
        conversation = await self.close_expired(caller, conversation)
        if conversation.lease and interrupt:
            turn = await self._turn(caller, conversation.lease.turn_id)
            await self._stopped(caller, turn, "interrupted")
            conversation = await self._repository.conversation(caller, conversation.id)
        return conversation

    async def _stopped(self, caller: Caller, turn: Turn, reason: IncompleteReason) -> Turn:
        """The turn once it is closed: by its server, or for one that is dead, too slow or not there yet."""
        if turn.answer.status != "in_progress":
            return turn
        if run := self._runs.get(turn.id):
            run.stop(reason)
        else:  # one that is queued may be taken up just now; then it sees that
            await self._events.stop(turn.id, reason)
        try:
            async with asyncio.timeout(0 if turn.status == "queued" else STOP_SECONDS):
                while turn.answer.status == "in_progress":
                    await asyncio.sleep(LOOK_SECONDS)
                    turn = await self.get(caller, turn.id)
        except TimeoutError:
            conversation = await self._repository.conversation(caller, turn.answer.conversation_id)
            await self._close(caller, conversation, turn.id, reason)
            turn = await self._turn(caller, turn.id)
        return turn

    async def record(self, caller: Caller, turn_id: str) -> Message:
        """The first answer of a turn, which holds what is known of it; its conversation may be deleted."""
        known = is_id("resp", turn_id)
        found = await self._repository.find_message(caller, same_ulid("msg", turn_id)) if known else None
        if found is None or found.turn is None or found.deleted_at is not None:
            raise NotFound("response", turn_id)
        return found

    async def _conversation_of(self, caller: Caller, record: Message) -> Conversation:
        """The conversation that shows a turn; NotFound where it has been deleted, or cleared of it."""
        with suppress(NotFound):
            conversation = await self._repository.conversation(caller, record.conversation_id)
            if record.seq > conversation.cleared_through_seq:
                return conversation
        raise NotFound("response", same_ulid("resp", record.id))

    async def _turn(self, caller: Caller, turn_id: str) -> Turn:
        return await self._turn_of(caller, await self.record(caller, turn_id))

    async def _turn_of(self, caller: Caller, first: Message) -> Turn:
        """The turn whose record this is."""
        turn_id = same_ulid("resp", first.id)
        question = await self._repository.find_message(caller, first.question_id or "")
        if question is None or first.turn is None:
            raise NotFound("response", turn_id)
        found = [await self._repository.find_message(caller, other) for other in first.turn.other_ids]
        others = [other for other in found if other and other.deleted_at is None]
        return Turn(turn_id, question, (first, *others))


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
