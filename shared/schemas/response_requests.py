"""What OpenAI's clients ask for a response with; what can't be honoured is refused by its name."""

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from shared import models
from shared.errors import InvalidRequest
from shared.responses import ResponseDraft
from shared.schemas.fields import Identifier, Instructions, Metadata
from shared.schemas.items import LIST, OBJECT, TEXT, Items, Lenient, text_or_list, text_or_object
from shared.transitions import MessageDraft


class Reference(Lenient):
    """A conversation by its id."""

    id: Identifier


class TextFormat(Lenient):
    """Plain text, the only one there is."""

    type: Literal["text"]


class TextOptions(Lenient):
    """How the text is to be: as it always is."""

    format: TextFormat | None = None
    verbosity: Literal["medium"] | None = None


class NewResponse(Lenient):
    """A response to create; without a conversation or previous response, in a conversation of its own."""

    input: Annotated[
        Annotated[str, Field(min_length=1, max_length=models.MAX_CONTENT), Tag(TEXT)]
        | Annotated[Items, Tag(LIST)],
        Discriminator(text_or_list),
    ]
    model: Annotated[str, Field(max_length=128)] = "default"
    conversation: (
        Annotated[
            Annotated[Identifier, Tag(TEXT)] | Annotated[Reference, Tag(OBJECT)],
            Discriminator(text_or_object),
        ]
        | None
    ) = None
    previous_response_id: Identifier | None = None
    instructions: Instructions | None = None
    metadata: Metadata | None = None
    max_output_tokens: Annotated[int, Field(ge=1, le=128_000)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    store: bool | None = None
    truncation: models.Truncation | None = None
    background: bool | None = None
    stream: bool | None = None
    stream_options: dict[str, Any] | None = None
    tools: list[Any] | None = None
    tool_choice: Any = None
    text: TextOptions | None = None
    reasoning: dict[str, Any] | None = None
    include: list[Any] | None = None
    prompt: Any = None
    top_logprobs: int | None = None
    max_tool_calls: int | None = None
    service_tier: Any = None
    context_management: Any = None
    moderation: Any = None
    image: Any = None
    access_programs: Any = None

    @field_validator("store")
    @classmethod
    def _is_stored(cls, store: bool | None) -> bool | None:
        if store is False:
            raise ValueError("can't be false: whatever is asked here is stored.")
        return store

    @field_validator(
        "tools",
        "include",
        "prompt",
        "reasoning",
        "top_logprobs",
        "max_tool_calls",
        "context_management",
        "moderation",
        "image",
        "access_programs",
    )
    @classmethod
    def _nothing_else(cls, value: Any) -> Any:
        if value:
            raise ValueError("can't be honoured here; leave it out.")
        return value

    @field_validator("tool_choice")
    @classmethod
    def _no_tool(cls, value: Any) -> Any:
        if value not in (None, "auto", "none"):
            raise ValueError("can't be honoured here; there are no tools.")
        return value

    @field_validator("service_tier")
    @classmethod
    def _usual_service(cls, tier: Any) -> Any:
        if tier not in (None, "auto", "default"):
            raise ValueError("can't be honoured here; what the model's deployment offers is what there is.")
        return tier

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.conversation is not None and self.previous_response_id is not None:
            raise ValueError("conversation and previous_response_id can't both be given.")
        return self

    def draft(self) -> ResponseDraft:
        """What the use case takes."""
        conversation = self.conversation.id if isinstance(self.conversation, Reference) else self.conversation
        return ResponseDraft(
            drafts=self._drafts(),
            conversation_id=conversation,
            options=models.TurnOptions(
                instructions=self.instructions,
                model=self.model,
                max_output_tokens=self.max_output_tokens,
                temperature=self.temperature,
                top_p=self.top_p,
                metadata=self.metadata or {},
                previous_response_id=self.previous_response_id,
                background=bool(self.background),
                truncation=self.truncation or "auto",
            ),
        )

    def _drafts(self) -> tuple[MessageDraft, ...]:
        if isinstance(self.input, str):
            if not self.input.strip():
                raise InvalidRequest("input: should not be blank.", param="input")
            return (MessageDraft(content=self.input, metadata={}),)
        return tuple(item.draft() for item in self.input)
