"""The domain: who calls, and what is stored of conversations and messages.

Stored models are frozen; a change is a copy (`changed`). Their JSON is camelCase and leaves out what is None,
so an index holds only the documents that have the field. Times are Unix milliseconds.
"""

from shared.models.activity import Activity
from shared.models.callers import Caller
from shared.models.conversations import (
    Conversation,
    ConversationStatus,
    Copying,
    Ended,
    EntityType,
    Leaf,
    Lease,
    Summary,
    TitleSource,
)
from shared.models.documents import MAX_METADATA, DueWork, Page, Part, Stored
from shared.models.messages import (
    MAX_CONTENT,
    IncompleteReason,
    Message,
    MessageStatus,
    Role,
    Usage,
    message_key,
    path_key,
)
from shared.models.receipts import Receipt
from shared.models.turn_records import Truncation, TurnOptions, TurnRecord
from shared.models.turns import Turn, TurnStatus

__all__ = [
    "MAX_CONTENT",
    "MAX_METADATA",
    "Activity",
    "Caller",
    "Conversation",
    "ConversationStatus",
    "Copying",
    "DueWork",
    "Ended",
    "EntityType",
    "IncompleteReason",
    "Leaf",
    "Lease",
    "Message",
    "MessageStatus",
    "Page",
    "Part",
    "Receipt",
    "Role",
    "Stored",
    "Summary",
    "TitleSource",
    "Truncation",
    "Turn",
    "TurnOptions",
    "TurnRecord",
    "TurnStatus",
    "Usage",
    "message_key",
    "path_key",
]
