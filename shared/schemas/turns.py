"""A turn: what is asked, and how it is answered with its messages."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field

from shared import models
from shared.errors import InvalidRequest
from shared.schemas.fields import Content, Instructions
from shared.schemas.messages import Message, MessageFields, Usage
from shared.transitions import MessageDraft
from shared.turns import Question

# What a question has that is answered anew, and that isn't given again.
_OF_A_NEW_MESSAGE = ("display_text", "question_config", "prompt_details", "metadata")


class Ask(MessageFields):
    """A question for the model. instructions: in place of the conversation's, for this turn.

    Without content, parent_id is a user's message that is answered anew. n: how many answers, side by side.
    on_busy: what becomes of a turn that runs already.
    """

    content: Content | None = None  # type: ignore[assignment]  # required elsewhere
    instructions: Instructions | None = None
    model: Annotated[str, Field(max_length=128)] = "default"
    max_output_tokens: Annotated[int, Field(ge=1, le=128_000)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    stream: bool = False
    n: Annotated[int, Field(ge=1, le=4)] = 1
    on_busy: Literal["reject", "interrupt"] = "reject"

    def question(self) -> Question:
        """What the use case takes."""
        if self.content is None and self.parent_id is None:
            raise InvalidRequest("content: is required.", param="content")
        for name in _OF_A_NEW_MESSAGE if self.content is None else ():
            if getattr(self, name):
                raise InvalidRequest(f"{name}: belongs to a new question; give its content.", param=name)
        fields = {name: getattr(self, name) for name in MessageFields.model_fields}
        return Question(
            drafts=(MessageDraft(**fields),) if self.content is not None else (),
            parent_id=self.parent_id,
            edited_from=self.edited_from,
            options=models.TurnOptions(
                instructions=self.instructions,
                model=self.model,
                max_output_tokens=self.max_output_tokens,
                temperature=self.temperature,
            ),
            alternatives=self.n,
            interrupt=self.on_busy == "interrupt",
        )


class Turn(BaseModel):
    """A question, its answers, and how the turn ended."""

    id: str
    object: Literal["conversation.turn"] = "conversation.turn"
    conversation_id: str
    status: models.TurnStatus
    question: Message
    answers: list[Message]
    usage: Usage
    created_at: int

    @classmethod
    def of(cls, turn: models.Turn) -> Self:
        """As it is answered."""
        answers = [Message.of(answer) for answer in turn.answers]
        return cls(
            id=turn.id,
            conversation_id=turn.answer.conversation_id,
            status=turn.status,
            question=Message.of(turn.question),
            answers=answers,
            usage=Usage(
                input_tokens=sum(answer.usage.input_tokens for answer in answers if answer.usage),
                output_tokens=sum(answer.usage.output_tokens for answer in answers if answer.usage),
            ),
            created_at=answers[0].created_at,
        )
