"""Messages in the shape of OpenAI's conversation items (https://platform.openai.com/docs/api-reference/conversations).

What their routes don't use is ignored; what can't be honoured is refused by name.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator

from shared import models
from shared.errors import InvalidCursor
from shared.filters import Order
from shared.http.resource import Resource
from shared.schemas.fields import Metadata
from shared.schemas.lists import PageQuery
from shared.transitions import MessageDraft

# Messages that one request adds.
MAX_ITEMS = 20


# What a field of either kind is; in no error's name of a field.
TEXT, LIST, OBJECT = "-text", "-list", "-object"


def text_or_list(value: object) -> str:
    """Which of the two a field should be, so that an error says what is wrong with that."""
    return LIST if isinstance(value, list) else TEXT


def text_or_object(value: object) -> str:
    """The same, of these two."""
    return OBJECT if isinstance(value, dict) else TEXT


class Lenient(BaseModel):
    """A body of OpenAI's: what isn't known is ignored, no type is bent to fit."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class InputText(Lenient):
    """A piece of text."""

    type: Literal["input_text", "output_text", "text"]
    text: Annotated[str, Field(max_length=models.MAX_CONTENT)]


def _in_one_piece(content: str | list[InputText]) -> str:
    return content if isinstance(content, str) else "\n".join(part.text for part in content)


class InputItem(Lenient):
    """A message to add."""

    type: Literal["message"] = "message"
    role: Literal["user", "assistant", "system", "developer"]
    content: Annotated[
        Annotated[str, Field(max_length=models.MAX_CONTENT), Tag(TEXT)]
        | Annotated[list[InputText], Field(min_length=1), Tag(LIST)],
        Discriminator(text_or_list),
    ]

    @field_validator("content", mode="before")
    @classmethod
    def _text_only(cls, content: Any) -> Any:
        """Say what isn't understood, rather than that nothing fits."""
        for part in content if isinstance(content, list) else ():
            kind = part.get("type") if isinstance(part, dict) else None
            if kind not in ("input_text", "output_text", "text"):
                raise ValueError(f"takes text only, no part of type {str(kind)[:40]!r}.")
        return content

    @property
    def text(self) -> str:
        """All of it in one piece."""
        return _in_one_piece(self.content)

    @field_validator("content")
    @classmethod
    def _says_something(cls, content: str | list[InputText]) -> str | list[InputText]:
        text = _in_one_piece(content)
        if not text.strip() or len(text) > models.MAX_CONTENT:
            raise ValueError(f"should be 1 to {models.MAX_CONTENT} characters of text, not only blanks.")
        return content

    def draft(self) -> MessageDraft:
        """What the use case takes; a developer's message is stored as the system's."""
        role: models.Role = "system" if self.role == "developer" else self.role
        return MessageDraft(content=self.text, role=role, metadata={})


Items = Annotated[list[InputItem], Field(min_length=1, max_length=MAX_ITEMS)]


class NewItems(Lenient):
    """Messages to add, in this order."""

    items: Items

    def drafts(self) -> tuple[MessageDraft, ...]:
        """What the use case takes."""
        return tuple(item.draft() for item in self.items)


class NewMetadata(Lenient):
    """All of a conversation's metadata, in place of what there was."""

    metadata: Metadata


class ItemsQuery(PageQuery):
    """Which items, newest first by default. after: a cursor or an item's id."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    order: Order = "desc"

    def page_of(self, found: tuple[models.Message, ...]) -> models.Page[models.Message]:
        """One page of a few messages in hand, which are in their order."""
        ordered = found if self.order == "asc" else found[::-1]
        places = {one.id: place for place, one in enumerate(ordered, 1)}
        if self.after is not None and self.after not in places:
            raise InvalidCursor("No item of this response has this id.", param="after")
        start = places[self.after] if self.after is not None else 0
        page = ordered[start : start + self.limit]
        return models.Page(page, next=page[-1].id if start + self.limit < len(ordered) else None)


class ItemText(BaseModel):
    """A piece of text."""

    type: Literal["input_text", "output_text"]
    text: str
    annotations: list[Any] | None = None


class Item(Resource):
    """A message as OpenAI's clients know it."""

    id: str
    type: Literal["message"] = "message"
    status: Literal["in_progress", "completed", "incomplete"]
    role: models.Role
    content: list[ItemText]

    @classmethod
    def of(cls, stored: models.Message) -> Self:
        """As it is answered."""
        said = stored.role == "assistant"
        text = ItemText(
            type="output_text" if said else "input_text",
            text=stored.content,
            annotations=[] if said else None,
        )
        status = "incomplete" if stored.status == "failed" else stored.status
        shown = cls(id=stored.id, status=status, role=stored.role, content=[text])
        shown._etag = stored.etag
        return shown


class ItemList(BaseModel):
    """The items that were added."""

    object: Literal["list"] = "list"
    data: list[Item]
    first_id: str
    last_id: str
    has_more: Literal[False] = False

    @classmethod
    def of(cls, stored: tuple[models.Message, ...]) -> Self:
        """As it is answered."""
        return cls(data=[Item.of(one) for one in stored], first_id=stored[0].id, last_id=stored[-1].id)
