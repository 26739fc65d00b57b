"""The domain: who calls, and what is stored of conversations and messages.

Stored models are frozen; a change is a copy (`changed`). Their JSON is camelCase and leaves out what is None,
so an index holds only the documents that have the field. Times are Unix milliseconds.
"""

from dataclasses import dataclass
from typing import Any, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

# Characters of a message; pairs of metadata.
MAX_CONTENT = 100_000
MAX_METADATA = 16

Role = Literal["user", "assistant", "system"]
TitleSource = Literal["auto", "user", "fallback"]
ConversationStatus = Literal["active", "ended", "archived"]
MessageStatus = Literal["in_progress", "completed", "incomplete", "failed"]
IncompleteReason = Literal["max_output_tokens", "content_filter", "interrupted", "cancelled"]
EntityType = Literal["USER", "LEAD"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose data a call may touch: the only source of a partition key.

    actor: the service that asks on the user's behalf, None where the user does so. roles: those of the user.
    """

    tenant_id: str
    user_id: str
    email: str | None = None
    roles: frozenset[str] = frozenset()
    actor: str | None = None


class Part(BaseModel):
    """Something stored inside a document."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)


class Stored(Part):
    """A document in its owner's logical partition. etag: its version, new with every write."""

    id: str
    tenant_id: str
    user_id: str
    created_at: int
    etag: str = Field("", alias="_etag", exclude=True)

    def changed(self, **fields: Any) -> Self:
        """A copy with other values; Any because the fields are as different as their names."""
        return self.model_copy(update=fields)

    def document(self) -> dict[str, Any]:
        """The JSON that is stored."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class Summary(Part):
    """A summary of the messages up to `through_seq`, `message_count` of them."""

    text: str
    highlights: tuple[str, ...] = ()
    through_seq: int
    message_count: int
    model: str
    updated_at: int


class Activity(Part):
    """What the default list of messages shows, counted; changed with it and never recomputed from it.

    branched: whether some message has gone on from another than the leaf.
    """

    message_count: int = 0
    user_messages: int = 0
    system_messages: int = 0
    last_message_id: str | None = None
    branched: bool = False
    last_at: int


class Ended(Part):
    """When a conversation ended, and by whom."""

    at: int
    reason: Literal["user", "inactivity"]


class Lease(Part):
    """The turn that runs in a conversation. Valid until the conversation's `lease_until`."""

    turn_id: str
    answer_id: str


class Conversation(Stored):
    """A conversation.

    activity_key: padded milliseconds of the last activity + ULID, the lists' sort key; only while listed.
    due_at: when background work is due on it; none when there is nothing to do.
    failures: how often that work failed in a row. change_id: the request that wrote it last.
    """

    type: Literal["conversation"] = "conversation"
    title: str | None = None
    title_source: TitleSource | None = None
    summary: Summary | None = None
    status: ConversationStatus = "active"
    product: str | None = None
    agent_id: str | None = None
    entity_type: EntityType | None = None
    org_id: str | None = None
    user_email: str | None = None
    instructions: str | None = None
    metadata: dict[str, str] = {}
    tags: tuple[str, ...] = ()
    pinned: bool = False
    next_seq: int = 1
    leaf_message_id: str | None = None
    activity: Activity
    activity_key: str | None = None
    lease: Lease | None = None
    lease_until: int | None = None
    due_at: int | None = None
    failures: int = 0
    ended: Ended | None = None
    rating: int | None = None
    feedback: str | None = None
    deleted_at: int | None = None
    expires_at: int | None = None
    change_id: str | None = None

    def busy(self, now: int) -> bool:
        """Whether a turn runs: a lease that has expired is its dead server's."""
        return self.lease is not None and (self.lease_until or 0) > now


class Usage(Part):
    """Tokens that a model call took."""

    input_tokens: int
    output_tokens: int


class Message(Stored):
    """A message.

    message_key: its conversation and padded seq, the sort key of the list. system_key: the same, on system
    messages only. question_id: on a turn's answer, the message it answers. due_at, failures: as above.
    """

    type: Literal["message"] = "message"
    conversation_id: str
    seq: int
    message_key: str
    system_key: str | None = None
    parent_id: str | None = None
    edited_from: str | None = None
    role: Role
    content: str
    display_text: str | None = None
    is_json: bool = False
    status: MessageStatus = "completed"
    incomplete_reason: IncompleteReason | None = None
    rating: int | None = None
    liked: bool | None = None
    feedback: str | None = None
    question_config: dict[str, Any] | None = None
    prompt_details: dict[str, Any] | None = None
    summary: str | None = None
    model: str | None = None
    usage: Usage | None = None
    metadata: dict[str, str] = {}
    updated_at: int
    deleted_at: int | None = None
    question_id: str | None = None
    due_at: int | None = None
    failures: int = 0


class Receipt(Stored):
    """What a request with an Idempotency-Key came to, in the transaction of its effect; kept for 24 hours.

    fingerprint: of the request that the key names. try_id: of the try that has written it. status, body:
    the answer, the body compressed; None while the turn of answer_id in conversation_id runs.
    """

    type: Literal["receipt"] = "receipt"
    fingerprint: str
    try_id: str
    status: int | None = None
    body: str | None = None
    conversation_id: str | None = None
    answer_id: str | None = None
    ttl: int = 24 * 60 * 60


Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One page of a list, and whether there is more behind it."""

    items: tuple[Item, ...]
    has_more: bool


@dataclass(frozen=True, slots=True)
class Turn:
    """A question with its answer; `id` is `resp_` and the answer's ULID."""

    id: str
    question: Message
    answer: Message


@dataclass(frozen=True, slots=True)
class DueWork:
    """A document with background work to do: whose it is, what and which."""

    owner: Caller
    type: Literal["conversation", "message"]
    id: str


def message_key(conversation_id: str, seq: int) -> str:
    """The sort key of a message: within its conversation, by seq."""
    return f"{conversation_id}:{seq:010d}"
