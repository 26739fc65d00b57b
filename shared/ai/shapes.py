"""What goes to the model and what comes back."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Prompt:
    """One message as the model is sent it."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that a call took: the model's own count, or the estimate where it gives none."""

    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said. model: the one that answered. incomplete_reason: why it stopped early, if so."""

    content: str
    model: str
    usage: Usage
    incomplete_reason: Literal["max_output_tokens", "content_filter"] | None


@dataclass(frozen=True, slots=True)
class SummaryText:
    """A conversation's summary. text: up to 2,000 characters; highlights: up to 5, of up to 200 each."""

    text: str
    highlights: tuple[str, ...]
    model: str
