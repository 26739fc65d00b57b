"""Turns that are left to the background, taken up from the change feed."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from shared.clock import Clock
from shared.errors import NotFound
from shared.ids import same_ulid
from shared.models import Caller, Conversation
from shared.repository import Change, Repository, metered
from shared.turns.leases import LEASE_MS, TurnLost, require_lease
from shared.turns.reader import TurnReader
from shared.turns.runner import Runner
from shared.turns.running import Run

# It runs within its function, which the host ends after 10 minutes (host.json).
LONGEST_SECONDS = 540.0


class QueuedTurns:
    """Runs them, each once."""

    def __init__(self, repository: Repository, reader: TurnReader, runner: Runner, clock: Clock) -> None:
        self._repository = repository
        self._reader = reader
        self._runner = runner
        self._clock = clock

    async def run_all(self, documents: Iterable[Mapping[str, Any]]) -> None:
        """Run the turns that wait among documents from the change feed; each failure is its own."""
        waiting = {
            (Caller(one["tenantId"], one["userId"]), one["id"])
            for one in documents
            if one.get("type") == "message" and (one.get("turn") or {}).get("queued")
        }
        results = await asyncio.gather(
            *(self.run(owner, answer_id) for owner, answer_id in waiting), return_exceptions=True
        )
        if failures := [result for result in results if isinstance(result, BaseException)]:
            raise failures[0]

    async def run(self, owner: Caller, answer_id: str) -> None:
        """Run a turn that was left to the background, unless another has taken it up.

        One that takes too long is stopped, with what there is. It is charged what it costs from here on.
        """
        with metered():
            run = await self._taken_up(owner, answer_id)
            if run is None:
                return
            self._runner.start(run)
            try:
                async with asyncio.timeout(LONGEST_SECONDS):
                    await run.over()
            except TimeoutError:
                run.stop("interrupted")
                await run.over()

    async def _taken_up(self, owner: Caller, answer_id: str) -> Run | None:
        """The turn under a lease of ours; None where it waits no more."""
        turn_id = same_ulid("resp", answer_id)

        async def take(conversation: Conversation) -> Change:
            require_lease(conversation, turn_id)
            record = await self._reader.record(owner, turn_id)
            if not (record.turn and record.turn.queued):
                raise TurnLost
            taken = record.changed(turn=record.turn.model_copy(update={"queued": False}))
            held = conversation.changed(lease_until=self._clock() + LEASE_MS)
            return Change(held, updated=((record, taken),), guarded=True)

        try:
            turn = await self._reader.turn(owner, turn_id)
            done = await self._repository.change(owner, turn.answer.conversation_id, take, deleted=True)
        except (TurnLost, NotFound):
            return None
        turn = replace(turn, answers=(done.messages[0], *turn.answers[1:]))
        return Run(caller=owner, conversation=done.conversation, turn=turn)
