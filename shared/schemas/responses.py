"""Turns in the shape of OpenAI's responses (https://platform.openai.com/docs/api-reference/responses)."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field

from shared import models
from shared.http.resource import Resource

# What they call a message's id, with what we call it.
ItemStatus = Literal["in_progress", "completed", "incomplete"]


class ResponseText(BaseModel):
    """Text that the model has written."""

    type: Literal["output_text"] = "output_text"
    text: str
    annotations: list[Any] = []
    logprobs: list[Any] = []


class OutputItem(BaseModel):
    """One answer of a response."""

    id: str
    type: Literal["message"] = "message"
    status: ItemStatus
    role: Literal["assistant"] = "assistant"
    content: list[ResponseText]

    @classmethod
    def of(cls, stored: models.Message) -> Self:
        """As it is answered."""
        status: ItemStatus = "incomplete" if stored.status == "failed" else stored.status
        said = [ResponseText(text=stored.content)] if stored.content else []
        return cls(id=stored.id, status=status, content=said)


class ResponseError(BaseModel):
    """Why there is no answer."""

    code: str
    message: str


class IncompleteDetails(BaseModel):
    """Why an answer ends early."""

    reason: models.IncompleteReason


class ConversationReference(BaseModel):
    """The conversation that a response belongs to."""

    id: str


class InputTokensDetails(BaseModel):
    """Not told by every model, so zero."""

    cached_tokens: int = 0
    cache_write_tokens: int = 0


class OutputTokensDetails(BaseModel):
    """Not told by every model, so zero."""

    reasoning_tokens: int = 0


class ResponseUsage(BaseModel):
    """Tokens that the response took."""

    input_tokens: int
    input_tokens_details: InputTokensDetails = InputTokensDetails()
    output_tokens: int
    output_tokens_details: OutputTokensDetails = OutputTokensDetails()
    total_tokens: int


class Response(Resource):
    """A turn as OpenAI's clients know it. conversation: null where it was made for this response alone."""

    id: str
    object: Literal["response"] = "response"
    created_at: int
    completed_at: int | None
    status: models.TurnStatus
    background: bool
    error: ResponseError | None
    incomplete_details: IncompleteDetails | None
    instructions: str | None
    max_output_tokens: int | None
    model: str
    output: list[OutputItem]
    parallel_tool_calls: Literal[True] = True
    previous_response_id: str | None
    conversation: ConversationReference | None
    temperature: float | None
    tool_choice: Literal["auto"] = "auto"
    tools: tuple[Any, ...] = ()
    top_p: float | None
    truncation: models.Truncation
    text: dict[str, Any] = Field(default_factory=lambda: {"format": {"type": "text"}})
    usage: ResponseUsage | None
    metadata: dict[str, str]
    store: Literal[True] = True

    @classmethod
    def of(cls, turn: models.Turn) -> Self:
        """As it is answered."""
        first, options = turn.answer, turn.options
        over = first.status != "in_progress"
        shown = cls(
            id=turn.id,
            created_at=first.created_at // 1000,
            completed_at=first.updated_at // 1000 if first.status == "completed" else None,
            status=turn.status,
            background=options.background,
            error=_error(first.turn),
            incomplete_details=_incomplete(first),
            instructions=options.instructions,
            max_output_tokens=options.max_output_tokens,
            model=first.model or options.model,
            output=[OutputItem.of(answer) for answer in turn.answers] if over else [],
            previous_response_id=options.previous_response_id,
            conversation=None if options.ephemeral else ConversationReference(id=first.conversation_id),
            temperature=options.temperature,
            top_p=options.top_p,
            truncation=options.truncation,
            usage=_usage(turn) if over else None,
            metadata=options.metadata,
        )
        shown._etag = first.etag
        return shown


class ResponseDeleted(BaseModel):
    """A response is out of sight, with what it answered."""

    id: str
    object: Literal["response"] = "response"
    deleted: Literal[True] = True


class ModelListed(BaseModel):
    """A model that a request may name."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: Annotated[str, Field(description="Who has deployed it.")] = "organization"


class ModelList(BaseModel):
    """The models that a request may name."""

    object: Literal["list"] = "list"
    data: list[ModelListed]


def _error(record: models.TurnRecord | None) -> ResponseError | None:
    if record is None or record.error is None:
        return None
    return ResponseError(code=record.error, message="The model gave no answer.")


def _incomplete(answer: models.Message) -> IncompleteDetails | None:
    return IncompleteDetails(reason=answer.incomplete_reason) if answer.incomplete_reason else None


def _usage(turn: models.Turn) -> ResponseUsage:
    used = [answer.usage for answer in turn.answers if answer.usage]
    asked, said = sum(usage.input_tokens for usage in used), sum(usage.output_tokens for usage in used)
    return ResponseUsage(input_tokens=asked, output_tokens=said, total_tokens=asked + said)
