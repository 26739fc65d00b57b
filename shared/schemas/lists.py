"""Lists, by the page."""

from collections.abc import Callable
from typing import Annotated, Generic, Literal, Protocol, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from shared import models
from shared.schemas.fields import digits

# A cursor holds the title where a list is sorted by it, at its longest in base64.
Position = Annotated[str, Field(min_length=1, max_length=4096)]


class PageQuery(BaseModel):
    """Which page of a list, and in which order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: Annotated[int, Field(ge=1, le=100), BeforeValidator(digits)] = 20
    after: Position | None = None


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
