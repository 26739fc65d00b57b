"""A turn under way in this process: what it has said so far, for whoever follows it, and how to stop it."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field

from shared.idempotency import Once
from shared.models import (
    MAX_CONTENT,
    Caller,
    Conversation,
    IncompleteReason,
    Message,
    Receipt,
    Turn,
)
from shared.repository import Delta


def text_of(deltas: Iterable[Delta], index: int) -> str:
    """What one of the answers says in pieces of all of them."""
    return "".join(text for at, text in deltas if at == index)


@dataclass(slots=True, kw_only=True)
class Run:
    """conversation: as the turn began. parent: of the question, where it is in hand. turn: as it is now.

    task: what runs it, unless it is left to the background. deltas: what its answers say so far; stored: how
    many of these pieces others can find; storing: how many it will be once what is being stored is.
    followed: whether somebody is told them. asked: the estimate of the tokens that the model is sent.
    """

    caller: Caller
    conversation: Conversation
    turn: Turn
    parent: Message | None = None
    once: Once | None = None
    receipt: Receipt | None = None
    task: asyncio.Task[None] | None = None
    stored: int = 0
    storing: int | None = None
    followed: bool = False
    asked: int = 0
    deltas: list[Delta] = field(default_factory=list)
    stop_reason: IncompleteReason | None = None
    failure: Exception | None = None
    ended: bool = False
    _lengths: dict[int, int] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def unstored_characters(self) -> int:
        """How much it has said that nobody else can find yet."""
        return sum(len(text) for _, text in self.deltas[self.stored :])

    def add(self, index: int, text: str) -> None:
        """A piece of an answer's text, as much of it as a message takes."""
        said = self._lengths.get(index, 0)
        if text := text[: MAX_CONTENT - said]:
            self._lengths[index] = said + len(text)
            self.deltas.append((index, text))
            self._tell()

    def text(self, index: int) -> str:
        """What an answer says so far."""
        return text_of(self.deltas, index)

    def stop(self, reason: IncompleteReason) -> None:
        """Have it stopped, with what there is."""
        self.stop_reason = self.stop_reason or reason
        self._stopping.set()

    async def told_to_stop(self) -> None:
        """Return when it is to stop."""
        await self._stopping.wait()

    def end(self, turn: Turn, failure: Exception | None = None) -> None:
        """It is over, and stored."""
        self.turn, self.failure, self.ended = turn, failure, True
        self._tell()

    async def over(self) -> None:
        """Return when nothing of it runs here any more; whoever waits may go away."""
        if self.task:
            await asyncio.shield(self.task)

    async def outcome(self) -> Turn:
        """How it has ended; one that is left to the background, as it is now.

        Raises the model's failure once answers marked `failed` are stored.
        """
        await self.over()
        if self.failure:
            raise self.failure
        return self.turn

    async def pieces(self) -> AsyncIterator[Sequence[Delta]]:
        """What it says, from the beginning, as it comes."""
        seen = 0
        while not self.ended or seen < len(self.deltas):
            if seen < len(self.deltas):
                new, seen = self.deltas[seen:], len(self.deltas)
                yield new
                continue
            await self._changed.wait()

    def completed(self, outcome: object) -> Receipt | None:
        """The receipt with what the turn has come to."""
        return self.once.completed(self.receipt, outcome) if self.once and self.receipt else None

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
