"""What goes out over HTTP. Times are Unix seconds."""

from collections.abc import Callable
from typing import Any, Generic, Literal, Protocol, Self, TypeVar

from pydantic import BaseModel

from shared import models, records
from shared.context import Context
from shared.http.resource import Accepted, Resource


def _seconds(milliseconds: int) -> int:
    return milliseconds // 1000


def _seconds_or_none(milliseconds: int | None) -> int | None:
    return None if milliseconds is None else milliseconds // 1000


class Summary(BaseModel):
    """What was said up to `through_seq`, in `message_count` messages."""

    text: str
    highlights: list[str]
    through_seq: int
    message_count: int
    model: str
    updated_at: int

    @classmethod
    def of(cls, summary: models.Summary) -> Self:
        """As it is answered."""
        return cls.model_validate(
            summary.model_dump()
            | {"highlights": list(summary.highlights), "updated_at": _seconds(summary.updated_at)}
        )


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
            created_at=_seconds(stored.created_at),
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
            last_activity_at=_seconds(stored.activity.last_at),
            rating=stored.rating,
            feedback=stored.feedback,
            ended_at=_seconds(stored.ended.at) if stored.ended else None,
            end_reason=stored.ended.reason if stored.ended else None,
            deleted_at=_seconds_or_none(stored.deleted_at),
            expires_at=_seconds_or_none(stored.expires_at),
            forked_from=stored.forked_from,
        )
        shown._etag = stored.etag
        return shown


class ConversationSummary(Resource):
    """A conversation's summary, null where there is none yet. Its version is the conversation's."""

    object: Literal["conversation.summary"] = "conversation.summary"
    summary: Summary | None

    @classmethod
    def of(cls, stored: models.Conversation) -> Self:
        """As it is answered."""
        shown = cls(summary=Summary.of(stored.summary) if stored.summary else None)
        shown._etag = stored.etag
        return shown


class ContextEntry(BaseModel):
    """One message as the model is sent it. message_id: null for instructions and the summary."""

    role: models.Role
    content: str
    tokens: int
    message_id: str | None


class ConversationContext(BaseModel):
    """What the model is sent before the next question. Tokens are estimated.

    left_out: messages that are not sent: older than the budget reaches, on other branches, failed or empty.
    """

    object: Literal["conversation.context"] = "conversation.context"
    conversation_id: str
    data: list[ContextEntry]
    tokens: int
    budget: int
    left_out: int

    @classmethod
    def of(cls, conversation: models.Conversation, context: Context) -> Self:
        """As it is answered."""
        data = [
            ContextEntry(
                role=entry.prompt.role,
                content=entry.prompt.content,
                tokens=entry.tokens,
                message_id=entry.message_id,
            )
            for entry in context.entries
        ]
        sent = sum(entry.message_id is not None for entry in data)
        return cls(
            conversation_id=conversation.id,
            data=data,
            tokens=context.tokens,
            budget=context.budget,
            left_out=conversation.activity.message_count - sent,
        )


class ConversationDeleted(BaseModel):
    """A conversation is out of sight, and can be restored until it expires; null: it is gone for good."""

    id: str
    object: Literal["conversation.deleted"] = "conversation.deleted"
    deleted: Literal[True] = True
    expires_at: int | None

    @classmethod
    def of(cls, stored: models.Conversation) -> Self:
        """As it is answered."""
        return cls(id=stored.id, expires_at=_seconds_or_none(stored.expires_at))

    @classmethod
    def gone(cls, identifier: str) -> Self:
        """Where it has been purged."""
        return cls(id=identifier, expires_at=None)


class MessageDeleted(BaseModel):
    """A message is out of sight, and can be restored until it expires."""

    id: str
    object: Literal["conversation.message.deleted"] = "conversation.message.deleted"
    deleted: Literal[True] = True
    expires_at: int | None

    @classmethod
    def of(cls, stored: models.Message) -> Self:
        """As it is answered."""
        return cls(id=stored.id, expires_at=_seconds_or_none(stored.expires_at))


class ErasureReceipt(BaseModel):
    """What an erasure has removed, in numbers. hash: over the ids of what was removed, in their order."""

    hash: str
    counts: dict[str, int]
    at: int


class Operation(BaseModel):
    """Work that goes on after its request was answered. progress: documents done so far; counts: by type.

    blocked: why it can't go on for now, such as a legal hold.
    """

    id: str
    object: Literal["operation"] = "operation"
    kind: records.OperationKind
    state: records.OperationState
    progress: int
    conversation_id: str | None
    counts: dict[str, int]
    blocked: str | None
    receipt: ErasureReceipt | None
    created_at: int
    updated_at: int
    finished_at: int | None

    @classmethod
    def of(cls, stored: records.Operation) -> Self:
        """As it is answered."""
        return cls(
            id=stored.id,
            kind=stored.kind,
            state=stored.state,
            progress=sum(stored.counts.values()),
            conversation_id=stored.conversation_id,
            counts=stored.counts,
            blocked=stored.blocked,
            receipt=_receipt(stored),
            created_at=_seconds(stored.created_at),
            updated_at=_seconds(stored.updated_at),
            finished_at=_seconds_or_none(stored.finished_at),
        )


def _receipt(stored: records.Operation) -> ErasureReceipt | None:
    if stored.receipt is None or stored.finished_at is None:
        return None
    return ErasureReceipt(hash=stored.receipt, counts=stored.counts, at=_seconds(stored.finished_at))


class OperationStarted(Operation, Accepted):
    """The work goes on; `GET operations/{id}` says how far it has come."""

    @classmethod
    def of(cls, stored: records.Operation) -> Self:
        """As it is answered."""
        started = super().of(stored)
        started._replayed = stored.replayed
        return started


class DeadLetter(BaseModel):
    """Background work that was given up. reason: a code; count: how often it failed."""

    id: str
    object: Literal["dead_letter"] = "dead_letter"
    user_id: str
    work: Literal["conversation", "message"]
    reason: str
    count: int
    updated_at: int

    @classmethod
    def of(cls, stored: records.DeadLetter) -> Self:
        """As it is answered."""
        same = stored.model_dump(include={"id", "user_id", "reason", "count"})
        return cls(**same, work=stored.work_type, updated_at=_seconds(stored.updated_at))


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
                "created_at": _seconds(stored.created_at),
                "updated_at": _seconds(stored.updated_at),
                "deleted_at": _seconds_or_none(stored.deleted_at),
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


class Identified(Protocol):
    """Something with an id."""

    @property
    def id(self) -> str:
        """Its id."""


Shown = TypeVar("Shown", bound=BaseModel)
Stored = TypeVar("Stored", bound=Identified)


class Listed(BaseModel, Generic[Shown]):
    """One page of a list. next_cursor: the `after` of the next page; null at the end, or with `before`."""

    object: Literal["list"] = "list"
    data: list[Shown]
    first_id: str | None
    last_id: str | None
    has_more: bool
    next_cursor: str | None

    @classmethod
    def of(
        cls, page: models.Page[Stored], show: Callable[[Stored], Shown], cursor: Callable[[str], str | None]
    ) -> Self:
        """As it is answered. cursor: the cursor of a position."""
        return cls(
            data=[show(item) for item in page.items],
            first_id=page.items[0].id if page.items else None,
            last_id=page.items[-1].id if page.items else None,
            has_more=page.next is not None,
            next_cursor=None if page.next is None else cursor(page.next),
        )


class Health(BaseModel):
    """The service is up."""

    status: Literal["ok"] = "ok"
