"""A conversation: how it is started, changed and ended, and how it is answered."""

from typing import Annotated, Literal, Self

from pydantic import Field

from shared import models
from shared.conversations import ConversationDraft, ConversationUpdate
from shared.http.resource import Resource
from shared.schemas.fields import (
    Body,
    Feedback,
    Identifier,
    Instructions,
    Metadata,
    MetadataChanges,
    Name,
    Product,
    Rating,
    Tags,
    Title,
)
from shared.schemas.items import MAX_ITEMS, InputItem
from shared.schemas.summaries import Summary
from shared.schemas.times import seconds, seconds_or_none


class NewConversation(Body):
    """A conversation to start; every field may be left out."""

    title: Title | None = None
    product: Product | None = None
    agent_id: Name | None = None
    entity_type: models.EntityType | None = None
    org_id: Name | None = None
    instructions: Instructions | None = None
    metadata: Metadata = Field({})
    tags: Tags = Field([])
    pinned: bool = False
    items: Annotated[list[InputItem], Field(max_length=MAX_ITEMS)] | None = None

    def draft(self) -> ConversationDraft:
        """What the use case takes."""
        given = dict(self) | {"tags": tuple(dict.fromkeys(self.tags))}
        items = given.pop("items") or ()
        return ConversationDraft(**given, messages=tuple(item.draft() for item in items))


class ConversationChanges(Body):
    """What to change; what is left out stays. null clears a field, and removes a key of metadata."""

    title: Title = Field(default_factory=str)  # a blank default would be told as allowed
    product: Product | None = None
    agent_id: Name | None = None
    entity_type: models.EntityType | None = None
    org_id: Name | None = None
    instructions: Instructions | None = None
    metadata: MetadataChanges = Field({})
    tags: Tags = Field([])
    pinned: bool = False

    def update(self) -> ConversationUpdate:
        """What the use case takes."""
        fields = {name: getattr(self, name) for name in self.model_fields_set - {"metadata"}}
        if "tags" in fields:
            fields["tags"] = tuple(dict.fromkeys(self.tags))
        return ConversationUpdate(fields=fields, metadata=self.metadata)


class NewTitle(Body):
    """A conversation's new title."""

    title: Title


class Ending(Body):
    """How it was, as the user sees it."""

    rating: Rating | None = None
    feedback: Feedback | None = None


class NewFork(Body):
    """How far to copy: up to a message, by default the leaf."""

    up_to_message_id: Identifier | None = None


class Conversation(Resource):
    """A conversation."""

    id: str
    object: Literal["conversation"] = "conversation"
    created_at: int
    title: str | None
    title_source: models.TitleSource | None
    summary: Summary | None
    status: models.ConversationStatus
    product: str | None
    agent_id: str | None
    entity_type: models.EntityType | None
    org_id: str | None
    user_email: str | None
    instructions: str | None
    metadata: dict[str, str]
    tags: list[str]
    pinned: bool
    message_count: int
    last_message_id: str | None
    leaf_message_id: str | None
    last_activity_at: int
    rating: int | None
    feedback: str | None
    ended_at: int | None
    end_reason: Literal["user", "inactivity"] | None
    deleted_at: int | None
    expires_at: int | None
    forked_from: str | None

    @classmethod
    def of(cls, stored: models.Conversation) -> Self:
        """As it is answered."""
        shown = cls(
            id=stored.id,
            created_at=seconds(stored.created_at),
            title=stored.title,
            title_source=stored.title_source,
            summary=Summary.of(stored.summary) if stored.summary else None,
            status=stored.status,
            product=stored.product,
            agent_id=stored.agent_id,
            entity_type=stored.entity_type,
            org_id=stored.org_id,
            user_email=stored.user_email,
            instructions=stored.instructions,
            metadata=stored.metadata,
            tags=list(stored.tags),
            pinned=stored.pinned,
            message_count=stored.activity.message_count,
            last_message_id=stored.activity.last_message_id,
            leaf_message_id=stored.leaf_message_id,
            last_activity_at=seconds(stored.activity.last_at),
            rating=stored.rating,
            feedback=stored.feedback,
            ended_at=seconds(stored.ended.at) if stored.ended else None,
            end_reason=stored.ended.reason if stored.ended else None,
            deleted_at=seconds_or_none(stored.deleted_at),
            expires_at=seconds_or_none(stored.expires_at),
            forked_from=stored.forked_from,
        )
        shown._etag = stored.etag
        return shown
