"""A conversation as it is stored, without its messages."""

from typing import Any, Literal

from pydantic import Field

from shared.folding import folded
from shared.models.activity import Activity
from shared.models.documents import Part, Stored
from shared.paths import Path

TitleSource = Literal["auto", "user", "fallback"]
ConversationStatus = Literal["active", "ended", "archived"]
EntityType = Literal["USER", "LEAD"]


class Summary(Part):
    """A summary of the messages up to `through_seq`, `message_count` of them."""

    text: str
    highlights: tuple[str, ...] = ()
    through_seq: int
    message_count: int
    model: str
    updated_at: int


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
    metadata: dict[str, str] = Field(default_factory=dict)
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
