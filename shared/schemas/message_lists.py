"""Which messages a list shows."""

from typing import Self

from pydantic import model_validator

from shared.filters import Deleted, Order
from shared.schemas.fields import Identifier
from shared.schemas.lists import PageQuery, Position


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
