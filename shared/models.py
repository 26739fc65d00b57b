"""The domain: who calls, and what is stored of conversations and messages.

Stored models are frozen; a change is a copy (`changed`). Their JSON is camelCase and leaves out what is None,
so an index holds only the documents that have the field. Times are Unix milliseconds.
"""

from dataclasses import dataclass
from typing import Any, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from shared.folding import folded
from shared.paths import Path

# Characters of a message; pairs of metadata.
MAX_CONTENT = 100_000
MAX_METADATA = 16

Role = Literal["user", "assistant", "system"]
TitleSource = Literal["auto", "user", "fallback"]
ConversationStatus = Literal["active", "ended", "archived"]
MessageStatus = Literal["in_progress", "completed", "incomplete", "failed"]
IncompleteReason = Literal["max_output_tokens", "content_filter", "interrupted", "cancelled"]
Truncation = Literal["auto", "disabled"]
TurnStatus = Literal["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]
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

    characters: of their contents. answer_ms: from question to answer, of all turns that have ended.
    Tokens and request units are those of the turns; what was spent on a message that is deleted stays.
    """

    user_messages: int = 0
    assistant_messages: int = 0
    system_messages: int = 0
    characters: int = 0
    failed_answers: int = 0
    liked: int = 0
    disliked: int = 0
    ratings: int = 0
    rating_sum: int = 0
    last_message_id: str | None = None
    last_at: int
    turns: int = 0
    answer_ms: int = 0
    first_answer_ms: int | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    request_units: float = 0

    @property
    def message_count(self) -> int:
        """All of them."""
        return self.user_messages + self.assistant_messages + self.system_messages


class Leaf(Part):
    """The message that the next one goes on from. tip: whether nothing has gone on from it in its branch."""

    id: str
    path: Path
    tip: bool = True


class Ended(Part):
    """When a conversation ended, and by whom."""

    at: int
    reason: Literal["user", "inactivity"]


class Lease(Part):
    """The turn that runs in a conversation. Valid until the conversation's `lease_until`."""

    turn_id: str
    answer_id: str


class Copying(Part):
    """A fork under way, of the path to a message: what lies up to through_seq is here.

    alive_until: then whoever makes it has died, unless it has come further.
    """

    up_to_id: str
    through_seq: int = 0
    alive_until: int


class Conversation(Stored):
    """A conversation.

    cleared_through_seq: messages up to it are cleared, though the purge may still have to remove them.
    removals: how often messages were deleted, restored or cleared: a summary made across one is stale.
    due_at: when background work is due on it; none when there is nothing to do.
    failures: how often that work failed in a row. change_id: the request that wrote it last.
    purge_at: when the purge has something to remove. operation_id: of the purge of all of it, for good.
    copying: only while it is made as a fork, when nobody sees it. ephemeral: made by a response for itself.
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
    cleared_through_seq: int = 0
    removals: int = 0
    leaf: Leaf | None = None
    activity: Activity
    lease: Lease | None = None
    lease_until: int | None = None
    due_at: int | None = None
    failures: int = 0
    ended: Ended | None = None
    rating: int | None = None
    feedback: str | None = None
    deleted_at: int | None = None
    expires_at: int | None = None
    purge_at: int | None = None
    operation_id: str | None = None
    forked_from: str | None = None
    copying: Copying | None = None
    ephemeral: bool = False
    change_id: str | None = None

    @property
    def leaf_message_id(self) -> str | None:
        """The message that the next one goes on from."""
        return self.leaf.id if self.leaf else None

    @property
    def activity_key(self) -> str:
        """Sorts by last activity, ties broken by the id's ULID."""
        return f"{self.activity.last_at:015d}{self.id.removeprefix('conv_')}"

    @property
    def title_key(self) -> str:
        """Sorts by title in any case, untitled ones first, ties broken by the id's ULID."""
        return f":{folded(self.title or '')}\x01{self.id.removeprefix('conv_')}"

    @property
    def hidden(self) -> bool:
        """Whether nobody sees it, not even as deleted: it is removed for good, or still made as a fork."""
        return self.operation_id is not None or self.copying is not None

    def document(self) -> dict[str, Any]:
        """With the keys of the lists that show it, and no others: an index holds only what has the field."""
        if self.hidden or self.ephemeral:
            return super().document()
        listed = "deletedKey" if self.deleted_at else "activityKey"
        return super().document() | {listed: self.activity_key, "titleKey": self.title_key}

    def busy(self, now: int) -> bool:
        """Whether a turn runs: a lease that has expired is its dead server's."""
        return self.lease is not None and (self.lease_until or 0) > now


class Usage(Part):
    """Tokens that a model call took."""

    input_tokens: int
    output_tokens: int


class TurnOptions(Part):
    """How a turn is to be answered. instructions: in place of the conversation's.

    ephemeral: in a conversation of its own. truncation: whether it may leave out what is too old.
    """

    instructions: str | None = None
    model: str = "default"
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    metadata: dict[str, str] = {}
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


class Message(Stored):
    """A message.

    path: from the root to itself. question_id: on a turn's answer, the message it answers; turn: on the first
    answer. leaf_after: on a
    deleted message that was the leaf, the one that became it ("" for none). due_at, failures, change_id: as
    above.
    """

    type: Literal["message"] = "message"
    conversation_id: str
    seq: int
    path: Path
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
    expires_at: int | None = None
    leaf_after: str | None = None
    question_id: str | None = None
    turn: TurnRecord | None = None
    due_at: int | None = None
    failures: int = 0
    change_id: str | None = None

    def document(self) -> dict[str, Any]:
        """With the keys of the lists that show it, and no others."""
        document, key = super().document(), message_key(self.conversation_id, self.seq)
        if self.deleted_at:
            return document | {"deletedKey": key}
        branch_key = path_key(self.conversation_id, self.path[-1][0], self.seq)
        keys = {"messageKey": key, "branchKey": branch_key}
        return document | keys | ({"systemKey": branch_key} if self.role == "system" else {})


class Receipt(Stored):
    """What a request with an Idempotency-Key came to, in the transaction of its effect; kept for 24 hours.

    fingerprint: of the request that the key names. try_id: of the try that has written it. status, body:
    the answer, the body compressed; None while the turn of answer_id in conversation_id runs, or the fork.
    """

    type: Literal["receipt"] = "receipt"
    fingerprint: str
    try_id: str
    status: int | None = None
    body: str | None = None
    conversation_id: str | None = None
    answer_id: str | None = None
    ttl: int = 24 * 60 * 60

    def document(self) -> dict[str, Any]:
        """With the key by which the purge of its conversation finds it."""
        return super().document() | ({"receiptKey": self.conversation_id} if self.conversation_id else {})


Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One page of a list. next: the position to go on behind, None at the end; a page may be short before."""

    items: tuple[Item, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """A question with its answers; `id` is `resp_` and the first answer's ULID."""

    id: str
    question: Message
    answers: tuple[Message, ...]

    @property
    def answer(self) -> Message:
        """The first one, which is the turn's record."""
        return self.answers[0]

    @property
    def options(self) -> TurnOptions:
        """How it is to be answered."""
        return self.answer.turn.options if self.answer.turn else TurnOptions()

    @property
    def status(self) -> TurnStatus:
        """How it stands: as its first answer does."""
        if self.answer.incomplete_reason == "cancelled":
            return "cancelled"
        return "queued" if self.answer.turn and self.answer.turn.queued else self.answer.status


@dataclass(frozen=True, slots=True)
class DueWork:
    """A document with background work to do: whose it is, what and which."""

    owner: Caller
    type: Literal["conversation", "message"]
    id: str


def message_key(conversation_id: str, seq: int) -> str:
    """Sorts the messages of a conversation by seq."""
    return f"{conversation_id}:{seq:010d}"


def path_key(conversation_id: str, branch: int, seq: int) -> str:
    """Sorts the messages of a conversation by branch, then seq, which along a path is by seq."""
    return f"{conversation_id}:{branch:010d}:{seq:010d}"
