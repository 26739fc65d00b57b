"""A turn as somebody follows it: from its first word, live or from what is stored."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace

from shared.errors import NotFound
from shared.models import Caller, Message, Turn
from shared.repository import Delta, EventRepository, Repository
from shared.turns.running import Run, text_of

# How often one who follows a turn of another instance looks for more.
LOOK_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Followed:
    """turn: as it was when following began. pieces: of its answers' text, from the first. end: how it ended.

    numbered: whether the pieces are those that were sent at first, so a place among them means something.
    pieces and end raise why they can't be told.
    """

    turn: Turn
    pieces: AsyncIterator[Sequence[Delta]]
    end: Callable[[], Turn]
    numbered: bool = True


def live(run: Run) -> Followed:
    """A turn that runs in this process."""
    run.followed = True
    return Followed(run.turn, run.pieces(), lambda: _end_of(run))


def _end_of(run: Run) -> Turn:
    if run.failure and not _has_ended(run.turn):  # its end could not be stored
        raise run.failure
    return run.turn


async def stored(repository: Repository, events: EventRepository, caller: Caller, turn: Turn) -> Followed:
    """A turn that runs elsewhere, or has ended."""
    if _has_ended(turn) and not _are_whole(turn.answers, await events.since(turn.id, 0)):
        numbered = turn.answer.turn is not None and turn.answer.turn.in_one_piece
        return Followed(turn, _whole(turn.answers), lambda: turn, numbered)
    following = _Following(repository, events, caller, turn)
    return Followed(turn, following.pieces(), lambda: following.turn)


class _Following:
    """Looks again and again until the answers are finished; their text is stored before they are."""

    def __init__(self, repository: Repository, events: EventRepository, caller: Caller, turn: Turn) -> None:
        self._repository = repository
        self._events = events
        self._caller = caller
        self.turn = turn

    async def pieces(self) -> AsyncIterator[Sequence[Delta]]:
        """What the answers say, as it is stored; at last what only they themselves hold."""
        found: list[Delta] = []
        while True:
            ended = _has_ended(self.turn)
            new = await self._events.since(self.turn.id, len(found))
            found += new
            if new or self.turn.status != "queued":  # at last it is taken up: that is told too
                yield new
            if ended:
                break
            await asyncio.sleep(LOOK_SECONDS)
            self.turn = await self._again()
        if rest := _rest(self.turn.answers, found):
            yield rest

    async def _again(self) -> Turn:
        found = [await self._repository.find_message(self._caller, answer.id) for answer in self.turn.answers]
        answers = tuple(answer for answer in found if answer)
        if len(answers) < len(found):
            raise NotFound("response", self.turn.id)
        return replace(self.turn, answers=answers)


def _has_ended(turn: Turn) -> bool:
    return all(answer.status != "in_progress" for answer in turn.answers)


def _are_whole(answers: Sequence[Message], deltas: Sequence[Delta]) -> bool:
    """Whether all pieces are there, and those of no answer that isn't.

    They live for an hour, and some may not have been stored.
    """
    theirs = all(index < len(answers) for index, _ in deltas)
    return theirs and all(answer.content == text_of(deltas, index) for index, answer in enumerate(answers))


def _rest(answers: Sequence[Message], deltas: Sequence[Delta]) -> list[Delta]:
    rest = [(index, answer.content[len(text_of(deltas, index)) :]) for index, answer in enumerate(answers)]
    return [(index, text) for index, text in rest if text]


async def _whole(answers: Sequence[Message]) -> AsyncIterator[Sequence[Delta]]:
    yield _rest(answers, [])
