"""Which conversations a list shows, and in what order."""

from dataclasses import dataclass
from typing import Literal

from shared.folding import folded
from shared.models import Conversation, ConversationStatus, EntityType

Order = Literal["asc", "desc"]
Sort = Literal["last_activity_at", "created_at", "title"]
Deleted = Literal["only", "include"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationFilter:
    """What must hold of a conversation to be listed; None for anything.

    query: stands in the title or the summary, in any case. deleted: deleted ones too, or no others.
    """

    status: ConversationStatus | None = None
    product: str | None = None
    agent_id: str | None = None
    org_id: str | None = None
    entity_type: EntityType | None = None
    user_email: str | None = None
    tag: str | None = None
    query: str | None = None
    deleted: Deleted | None = None

    def scalars(self) -> dict[str, str]:
        """What must be equal, by field; the one that is likely to leave the fewest first."""
        names = ("user_email", "agent_id", "org_id", "product", "entity_type", "status")
        return {name: value for name in names if (value := getattr(self, name)) is not None}

    @property
    def leaves_most(self) -> bool:
        """Whether few conversations fall out: the deleted ones at most."""
        return not (self.scalars() or self.tag or self.query or self.deleted == "only")

    def matches(self, conversation: Conversation) -> bool:
        """Whether a conversation is to be listed."""
        if conversation.hidden:
            return False
        if self.deleted != "include" and (conversation.deleted_at is not None) != (self.deleted == "only"):
            return False
        if any(getattr(conversation, name) != value for name, value in self.scalars().items()):
            return False
        if self.tag is not None and self.tag not in conversation.tags:
            return False
        return self.query is None or self._found_in(conversation)

    def _found_in(self, conversation: Conversation) -> bool:
        summary = conversation.summary
        texts = [conversation.title or "", *((summary.text, *summary.highlights) if summary else ())]
        sought = folded(self.query or "")
        return any(sought in folded(text) for text in texts)
