"""What comes in over HTTP: each field with its limits."""

import json
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from shared import models
from shared.conversations import ConversationDraft, ConversationUpdate
from shared.transitions import MessageDraft
from shared.turns import Question


class Body(BaseModel):
    """A request's body: nothing unknown, no type bent to fit."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("should not be blank.")
    return text


def _at_most_16_kb(value: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()) > 16 * 1024:
        raise ValueError("should be at most 16 KB of JSON.")
    return value


def _only_false(value: bool) -> bool:
    if value:
        raise ValueError("can't be true yet: answers are whole.")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(name)


Title = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(_not_blank)]
Content = Annotated[str, Field(max_length=models.MAX_CONTENT), AfterValidator(_not_blank)]
Instructions = Annotated[str, Field(max_length=32_000), AfterValidator(_not_blank)]
Name = Annotated[str, Field(min_length=1, max_length=128)]
Product = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")]
Tag = Annotated[str, Field(min_length=1, max_length=64)]
Tags = Annotated[list[Tag], Field(max_length=20)]
MetadataKey = Annotated[str, Field(min_length=1, max_length=64)]
MetadataValue = Annotated[str, Field(max_length=512)]
Metadata = Annotated[dict[MetadataKey, MetadataValue], Field(max_length=models.MAX_METADATA)]
Rating = Annotated[int, Field(ge=1, le=5)]
Feedback = Annotated[str, Field(max_length=4_000), AfterValidator(_not_blank)]
Extra = Annotated[dict[str, Any], AfterValidator(_at_most_16_kb)]


class NewConversation(Body):
    """A conversation to start; every field may be left out."""

    title: Title | None = None
    product: Product | None = None
    agent_id: Name | None = None
    entity_type: models.EntityType | None = None
    org_id: Name | None = None
    instructions: Instructions | None = None
    metadata: Metadata = {}
    tags: Tags = []
    pinned: bool = False

    def draft(self) -> ConversationDraft:
        """What the use case takes."""
        return ConversationDraft(**dict(self) | {"tags": tuple(dict.fromkeys(self.tags))})


class ConversationChanges(Body):
    """What to change; what is left out stays. null clears a field, and removes a key of metadata."""

    title: Title = ""
    product: Product | None = None
    agent_id: Name | None = None
    entity_type: models.EntityType | None = None
    org_id: Name | None = None
    instructions: Instructions | None = None
    metadata: Annotated[dict[MetadataKey, MetadataValue | None], Field(max_length=64)] = {}
    tags: Tags = []
    pinned: bool = False

    def update(self) -> ConversationUpdate:
        """What the use case takes."""
        fields = {name: getattr(self, name) for name in self.model_fields_set - {"metadata"}}
        if "tags" in fields:
            fields["tags"] = tuple(dict.fromkeys(self.tags))
        return ConversationUpdate(fields=fields, metadata=self.metadata)


class Ending(Body):
    """How it was, as the user sees it."""

    rating: Rating | None = None
    feedback: Feedback | None = None


class NewTitle(Body):
    """A conversation's new title."""

    title: Title


class MessageFields(Body):
    """What a new message and a question have in common."""

    content: Content
    parent_id: Annotated[str, Field(max_length=64)] | None = None
    display_text: Annotated[str, Field(max_length=models.MAX_CONTENT)] | None = None
    question_config: Extra | None = None
    prompt_details: Extra | None = None
    metadata: Metadata = {}


class NewMessage(MessageFields):
    """A message to append. parent_id: the message it goes on from; by default the leaf."""

    role: models.Role
    is_json: bool = False

    @field_validator("is_json")
    @classmethod
    def _parses(cls, is_json: bool, info: ValidationInfo) -> bool:
        if is_json and "content" in info.data:
            try:
                json.loads(info.data["content"], parse_constant=_no_constant)
            except (ValueError, RecursionError):
                raise ValueError("is true, but content is not JSON.") from None
        return is_json

    def draft(self) -> MessageDraft:
        """What the use case takes."""
        return MessageDraft(**dict(self))


class Ask(MessageFields):
    """A question for the model. instructions: in place of the conversation's, for this turn.

    stream, n and on_busy take their defaults only, so far.
    """

    instructions: Instructions | None = None
    model: Annotated[str, Field(max_length=128)] = "default"
    max_output_tokens: Annotated[int, Field(ge=1, le=128_000)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    stream: Annotated[bool, AfterValidator(_only_false)] = False
    n: Annotated[int, Field(ge=1, le=1)] = 1
    on_busy: Literal["reject"] = "reject"

    def question(self) -> Question:
        """What the use case takes."""
        return Question(
            draft=MessageDraft(**{name: getattr(self, name) for name in MessageFields.model_fields}),
            instructions=self.instructions,
            model=self.model,
            max_output_tokens=self.max_output_tokens,
            temperature=self.temperature,
        )


def _digits(text: object) -> object:
    if isinstance(text, str) and not (text.isascii() and text.isdecimal()):
        raise ValueError("should be an integer.")
    return text


class ContextQuery(BaseModel):
    """How much of the conversation to show. max_tokens: at most what a turn sends."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_tokens: Annotated[int, BeforeValidator(_digits), Field(ge=1, le=1_000_000)] | None = None


class PageQuery(BaseModel):
    """Which page of a list, and in which order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: Annotated[int, BeforeValidator(_digits), Field(ge=1, le=100)] = 20
    after: Annotated[str, Field(min_length=1, max_length=1024)] | None = None


class NewestFirst(PageQuery):
    """A list that begins with the newest."""

    order: Literal["asc", "desc"] = "desc"


class OldestFirst(PageQuery):
    """A list that begins with the oldest."""

    order: Literal["asc", "desc"] = "asc"
