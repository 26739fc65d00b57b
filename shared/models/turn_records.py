"""What is stored of a turn beside its messages."""

from typing import Literal

from pydantic import Field

from shared.models.documents import Part

Truncation = Literal["auto", "disabled"]


class TurnOptions(Part):
    """How a turn is to be answered. instructions: in place of the conversation's.

    ephemeral: in a conversation of its own. truncation: whether it may leave out what is too old.
    """

    instructions: str | None = None
    model: str = "default"
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    metadata: dict[str, str] = Field(default_factory=dict)
    previous_response_id: str | None = None
    background: bool = False
    ephemeral: bool = False
    truncation: Truncation = "auto"


class TurnRecord(Part):
    """What is known of a turn beside its messages; stands on its first answer.

    input_ids: the messages that asked, the last of them answered. other_ids: further answers.
    in_one_piece: it was over before anybody was told a part of it.
    """

    input_ids: tuple[str, ...]
    other_ids: tuple[str, ...] = ()
    options: TurnOptions
    queued: bool = False
    in_one_piece: bool = False
    error: str | None = None
