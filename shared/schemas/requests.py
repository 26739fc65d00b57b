"""What comes in over HTTP: each field with its limits."""

import json
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from shared import messages, models
from shared.conversations import ConversationDraft, ConversationUpdate
from shared.errors import InvalidCursor, InvalidRequest
from shared.filters import ConversationFilter, Deleted, Order, Sort
from shared.messages import MessageUpdate
from shared.schemas.items import MAX_ITEMS, InputItem
from shared.transitions import MessageDraft
from shared.turns import Question


class Body(BaseModel):
    """A request's body: nothing unknown, no type bent to fit."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("should not be blank.")
    return text


_SHOWN = Field(json_schema_extra={"pattern": r"\S"})  # the same, in the OpenAPI document


def _at_most_16_kb(value: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()) > 16 * 1024:
        raise ValueError("should be at most 16 KB of JSON.")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(name)


Title = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(_not_blank), _SHOWN
]
Content = Annotated[str, Field(max_length=models.MAX_CONTENT), AfterValidator(_not_blank), _SHOWN]
DisplayText = Annotated[str, Field(max_length=models.MAX_CONTENT)]
Instructions = Annotated[str, Field(max_length=32_000), AfterValidator(_not_blank), _SHOWN]
Name = Annotated[str, Field(min_length=1, max_length=128)]
Product = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")]
Tag = Annotated[str, Field(min_length=1, max_length=64)]
Tags = Annotated[list[Tag], Field(max_length=20)]
MetadataKey = Annotated[str, Field(min_length=1, max_length=64)]
MetadataValue = Annotated[str, Field(max_length=512)]
Metadata = Annotated[dict[MetadataKey, MetadataValue], Field(max_length=models.MAX_METADATA)]
MetadataChanges = Annotated[dict[MetadataKey, MetadataValue | None], Field(max_length=64)]
Rating = Annotated[int, Field(ge=1, le=5)]
Feedback = Annotated[str, Field(max_length=4_000), AfterValidator(_not_blank), _SHOWN]
Identifier = Annotated[str, Field(min_length=1, max_length=64)]
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
    metadata: MetadataChanges = {}
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
    """What a new message and a question have in common.

    parent_id: the message to go on from, by default the leaf; or edited_from: the message to stand beside.
    """

    content: Content
    parent_id: Identifier | None = None
    edited_from: Identifier | None = None
    display_text: DisplayText | None = None
    question_config: Extra | None = None
    prompt_details: Extra | None = None
    metadata: Metadata = {}

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
    metadata: MetadataChanges = {}

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


class NewFork(Body):
    """How far to copy: up to a message, by default the leaf."""

    up_to_message_id: Identifier | None = None


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


def _digits(text: object) -> object:
    if isinstance(text, str) and not (text.isascii() and text.isdecimal()):
        raise ValueError("should be an integer.")
    return text


def _true_or_false(text: object) -> object:
    if isinstance(text, str) and text not in ("true", "false"):
        raise ValueError("should be true or false.")
    return text


# A cursor holds the title where a list is sorted by it, at its longest in base64.
Position = Annotated[str, Field(min_length=1, max_length=4096)]


class ContextQuery(BaseModel):
    """How much of the conversation to show. max_tokens: at most what a turn sends."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_tokens: Annotated[int, Field(ge=1, le=1_000_000), BeforeValidator(_digits)] | None = None


class PageQuery(BaseModel):
    """Which page of a list, and in which order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: Annotated[int, Field(ge=1, le=100), BeforeValidator(_digits)] = 20
    after: Position | None = None


class ConversationsQuery(PageQuery):
    """Which conversations, in which order. query: stands in the title or the summary, in any case.

    order: by default the newest or latest first, titles from A to Z.
    """

    status: models.ConversationStatus | None = None
    product: Product | None = None
    agent_id: Name | None = None
    org_id: Name | None = None
    entity_type: models.EntityType | None = None
    tag: Tag | None = None
    query: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    deleted: Deleted | None = None
    sort: Sort = "last_activity_at"
    order: Order | None = None

    def filters(self) -> ConversationFilter:
        """What the use case takes."""
        return ConversationFilter(**self.model_dump(exclude={"limit", "after", "sort", "order"}))

    @property
    def direction(self) -> Order:
        """The order, as it was asked for or by default."""
        return self.order or ("asc" if self.sort == "title" else "desc")

    def list_of(self) -> tuple[str, ...]:
        """What tells this list from others, for its cursors."""
        asked = self.model_dump(exclude={"limit", "after", "order"}, exclude_none=True)
        return ("conversations", self.direction, *(f"{name}={value}" for name, value in asked.items()))


class TenantConversationsQuery(PageQuery):
    """Which conversations of a tenant's users."""

    user_email: Annotated[str, Field(min_length=1, max_length=320)] | None = None
    product: Product | None = None
    org_id: Name | None = None
    status: models.ConversationStatus | None = None

    def filters(self) -> ConversationFilter:
        """What the use case takes."""
        return ConversationFilter(**self.model_dump(exclude={"limit", "after"}))

    def list_of(self) -> tuple[str, ...]:
        """What tells this list from others, for its cursors."""
        asked = self.model_dump(exclude={"limit", "after"}, exclude_none=True)
        return ("tenant/conversations", *(f"{name}={value}" for name, value in asked.items()))


class AuditQuery(PageQuery):
    """Which month (UTC) of the audit log, such as 2026-11; by default this one."""

    month: Annotated[str, Field(pattern=r"^2\d{3}-(0[1-9]|1[0-2])$")] | None = None

    def list_of(self) -> tuple[str, ...]:
        """What tells this list from others, for its cursors."""
        return ("tenant/audit", self.month or "")


class NewHold(Body):
    """Why a user's data must be kept; null: it needn't any more."""

    reason: Annotated[str, Field(min_length=1, max_length=1_000), AfterValidator(_not_blank)] | None = None


class MessagesQuery(PageQuery):
    """Which messages, in which order. after, before: a cursor or a message's id; before alone: next to it.

    leaf: only the path from the root to this message.
    """

    before: Position | None = None
    leaf: Identifier | None = None
    deleted: Deleted | None = None
    order: Order = "asc"

    @model_validator(mode="after")
    def _paths_have_no_deleted(self) -> Self:
        if self.leaf is not None and self.deleted is not None:
            raise ValueError("leaf and deleted can't both be given; a path leaves out what is deleted.")
        return self

    def list_of(self, conversation_id: str) -> tuple[str, ...]:
        """What tells this list from others, for its cursors."""
        return ("messages", conversation_id, self.order, self.leaf or "", self.deleted or "")


class Following(BaseModel):
    """stream: as events. starting_after: only those with higher numbers, as with the header Last-Event-ID."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    stream: Annotated[bool, BeforeValidator(_true_or_false)] = False
    starting_after: Annotated[int, Field(ge=0, le=10**9), BeforeValidator(_digits)] | None = None

    def behind(self, last_event_id: int | None) -> int:
        """The number of the event to go on behind, -1 for from the first."""
        given = self.starting_after if self.starting_after is not None else last_event_id
        return -1 if given is None else given


class ItemsQuery(PageQuery):
    """Which items, newest first by default. after: a cursor or an item's id."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    order: Order = "desc"

    def page_of(self, found: tuple[models.Message, ...]) -> models.Page[models.Message]:
        """One page of a few messages in hand, which are in their order."""
        ordered = found if self.order == "asc" else found[::-1]
        places = {one.id: place for place, one in enumerate(ordered, 1)}
        if self.after is not None and self.after not in places:
            raise InvalidCursor("No item of this response has this id.", param="after")
        start = places[self.after] if self.after is not None else 0
        page = ordered[start : start + self.limit]
        return models.Page(page, next=page[-1].id if start + self.limit < len(ordered) else None)


class DeletionQuery(BaseModel):
    """purge: for good, with everything in it, also what is deleted already."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    purge: Annotated[bool, BeforeValidator(_true_or_false)] = False
