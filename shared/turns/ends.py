"""How turns end, counted."""

from shared.models import Message
from shared.telemetry import instruments


def note_end(answer: Message) -> None:
    """Count a turn by its first answer, as it was stored: its state, and why."""
    error = answer.turn.error if answer.turn else None
    reason = answer.incomplete_reason or error or "none"
    instruments().turns.add(1, {"status": answer.status, "reason": reason})
