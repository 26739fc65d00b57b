"""Which conversations a list shows."""

from typing import Annotated

from pydantic import Field

from shared import models
from shared.filters import ConversationFilter, Deleted, Order, Sort
from shared.schemas.fields import Name, Product, Tag
from shared.schemas.lists import PageQuery


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
