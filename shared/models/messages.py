"""A message as it is stored, and the keys that messages are listed by."""

from typing import Any, Literal

from pydantic import Field

from shared.models.documents import Part, Stored
from shared.models.turn_records import TurnRecord
from shared.paths import Path

# Characters of a message.
MAX_CONTENT = 100_000

Role = Literal["user", "assistant", "system"]
MessageStatus = Literal["in_progress", "completed", "incomplete", "failed"]
IncompleteReason = Literal["max_output_tokens", "content_filter", "interrupted", "cancelled"]


class Usage(Part):
    """Tokens that a model call took."""

    input_tokens: int
    output_tokens: int


class Message(Stored):
    """A message.

    path: from the root to itself. question_id: on a turn's answer, the message it answers; turn: on the first
    answer. leaf_after: on a deleted message that was the leaf, the one that became it ("" for none).
    due_at, failures, change_id: as a conversation's.
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
    metadata: dict[str, str] = Field(default_factory=dict)
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


def message_key(conversation_id: str, seq: int) -> str:
    """Sorts the messages of a conversation by seq."""
    return f"{conversation_id}:{seq:010d}"


def path_key(conversation_id: str, branch: int, seq: int) -> str:
    """Sorts the messages of a conversation by branch, then seq, which along a path is by seq."""
    return f"{conversation_id}:{branch:010d}:{seq:010d}"
