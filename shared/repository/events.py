"""What running turns have said so far, in `turn_events`, and who wants them stopped.

Everything there lives for an hour; the answer itself is a message.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress

from shared.ids import same_ulid
from shared.models import IncompleteReason
from shared.repository.database import Database
from shared.repository.partition import Document, Missing, Partition, SessionTokens

# A piece of an answer's text: which answer, and the text.
Delta = tuple[int, str]

_CHUNKS = "SELECT * FROM c WHERE c.id > @after AND c.id < 'stop' ORDER BY c.id"
_ALL = "SELECT c.id FROM c"
_STOP = "stop"
# How long the container keeps what is there, and the longest turn before.
KEPT_MS = 2 * 3_600_000


class EventRepository:
    """Each turn is a logical partition; whoever asks has shown that the turn is theirs."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sessions = SessionTokens(limit=1_000)

    async def add(self, turn_id: str, first: int, deltas: Sequence[Delta]) -> None:
        """Store pieces of the answers' text. first: the number of the first of them."""
        partition = await self._partition(turn_id)
        await partition.upsert({"id": f"{first:08d}", "turnId": turn_id, "deltas": list(deltas)})

    async def since(self, turn_id: str, count: int) -> list[Delta]:
        """The pieces behind the first `count` of them."""
        partition, found, complete = await self._partition(turn_id), [], False
        after = f"{count - 1:08d}" if count else ""
        while not complete:
            chunks, complete = await partition.query(_CHUNKS, {"@after": after}, 100)
            complete = complete or not chunks
            after = chunks[-1]["id"] if chunks else after
            found += [(index, text) for chunk in chunks for index, text in chunk["deltas"]]
        return found

    async def stop(self, turn_id: str, reason: IncompleteReason) -> None:
        """Have the turn stopped, on whichever instance it runs."""
        await (await self._partition(turn_id)).upsert({"id": _STOP, "turnId": turn_id, "reason": reason})

    async def stopped(self, turn_id: str) -> IncompleteReason | None:
        """Why the turn is to stop, None if it isn't."""
        found = await (await self._partition(turn_id)).read(_STOP)
        reason: IncompleteReason | None = found["reason"] if found else None
        return reason

    async def remove(self, turn_id: str) -> None:
        """Remove all that is there of a turn."""
        partition = await self._partition(turn_id)
        while True:
            found, _ = await partition.query(_ALL, {}, 100)
            for document in found:
                with suppress(Missing):
                    await partition.delete(document["id"])
            if not found:
                return

    async def remove_of(self, answers: Iterable[Document], now: int) -> None:
        """Remove what is there of turns; answers: the documents of their first answers, among others.

        A turn that runs is stopped; whoever runs it removes what it still adds.
        """
        for answer in answers:
            if answer.get("turn") and answer["createdAt"] > now - KEPT_MS:
                turn_id = same_ulid("resp", answer["id"])
                await self.remove(turn_id)
                if answer["status"] == "in_progress":
                    await self.stop(turn_id, "interrupted")

    async def _partition(self, turn_id: str) -> Partition:
        return Partition(await self._database.container("turn_events"), (turn_id,), self._sessions, levels=1)
