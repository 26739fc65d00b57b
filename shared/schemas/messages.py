"""A message: how it is added, changed and rated, and how it is answered."""

import json
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, ValidationInfo, field_validator, model_validator

from shared import messages, models
from shared.http.resource import Resource
from shared.messages import MessageUpdate
from shared.schemas.fields import (
    Body,
    Content,
    DisplayText,
    Extra,
    Feedback,
    Identifier,
    Metadata,
    MetadataChanges,
    Rating,
)
from shared.schemas.times import seconds, seconds_or_none
from shared.transitions import MessageDraft


def _no_constant(name: str) -> None:
    raise ValueError(name)


class MessageFields(Body):
    """What a new message and a question have in common.

    parent_id: the message to go on from, by default the leaf; or edited_from: the message to stand beside.
    """

    content: Content
    parent_id: Identifier | None = None
    edited_from: Identifier | None = None
    display_text: DisplayText | None = None
    question_config: Extra | None = None
    prompt_details: Extra | None = None
    metadata: Metadata = Field({})

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.parent_id is not None and self.edited_from is not None:
            raise ValueError(
                "parent_id and edited_from can't both be given; an edit stands beside its original."
            )
        return self


class NewMessage(MessageFields):
    """A message to append."""

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


class MessageChanges(Body):
    """What to change; what is left out stays. null shows the content again, and removes a key of metadata."""

    display_text: DisplayText | None = None
    metadata: MetadataChanges = Field({})

    def update(self) -> MessageUpdate:
        """What the use case takes."""
        fields = {name: getattr(self, name) for name in self.model_fields_set - {"metadata"}}
        return MessageUpdate(fields=fields, metadata=self.metadata)


class MessageRating(Body):
    """What an answer was like: stars, a thumb up or down, or both; with words if you like."""

    rating: Rating | None = None
    liked: bool | None = None
    feedback: Feedback | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.rating is None and self.liked is None:
            raise ValueError("rating or liked should be given.")
        return self

    def said(self) -> messages.Rating:
        """What the use case takes."""
        return messages.Rating(rating=self.rating, liked=self.liked, feedback=self.feedback)


class Usage(BaseModel):
    """Tokens that a model call took."""

    input_tokens: int
    output_tokens: int


class Message(Resource):
    """A message."""

    id: str
    object: Literal["conversation.message"] = "conversation.message"
    conversation_id: str
    seq: int
    parent_id: str | None
    edited_from: str | None
    role: models.Role
    content: str
    display_text: str
    is_json: bool
    status: models.MessageStatus
    incomplete_reason: models.IncompleteReason | None
    rating: int | None
    liked: bool | None
    feedback: str | None
    question_config: dict[str, Any] | None
    prompt_details: dict[str, Any] | None
    summary: str | None
    model: str | None
    usage: Usage | None
    metadata: dict[str, str]
    created_at: int
    updated_at: int
    deleted_at: int | None

    @classmethod
    def of(cls, stored: models.Message) -> Self:
        """As it is answered."""
        shown = cls.model_validate(
            stored.model_dump(include=_SAME_IN_MESSAGE)
            | {
                "display_text": stored.content if stored.display_text is None else stored.display_text,
                "created_at": seconds(stored.created_at),
                "updated_at": seconds(stored.updated_at),
                "deleted_at": seconds_or_none(stored.deleted_at),
            }
        )
        shown._etag = stored.etag
        return shown


_SAME_IN_MESSAGE = set(Message.model_fields) - {
    "object",
    "display_text",
    "created_at",
    "updated_at",
    "deleted_at",
}
