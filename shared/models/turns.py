"""A turn: put together from its messages, not stored itself."""

from dataclasses import dataclass
from typing import Literal

from shared.models.messages import Message
from shared.models.turn_records import TurnOptions

TurnStatus = Literal["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Turn:
    """A question with its answers; `id` is `resp_` and the first answer's ULID."""

    id: str
    question: Message
    answers: tuple[Message, ...]

    @property
    def answer(self) -> Message:
        """The first one, which is the turn's record."""
        return self.answers[0]

    @property
    def options(self) -> TurnOptions:
        """How it is to be answered."""
        return self.answer.turn.options if self.answer.turn else TurnOptions()

    @property
    def status(self) -> TurnStatus:
        """How it stands: as its first answer does."""
        if self.answer.incomplete_reason == "cancelled":
            return "cancelled"
        return "queued" if self.answer.turn and self.answer.turn.queued else self.answer.status
