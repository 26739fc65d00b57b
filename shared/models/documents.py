"""What every stored document has, and how documents are handed on: by the page, or as work that is due."""

from dataclasses import dataclass
from typing import Any, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from shared.errors import VersionMismatch
from shared.models.callers import Caller

# Pairs of metadata.
MAX_METADATA = 16


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

    def require_version(self, if_match: str | None) -> None:
        """Raise VersionMismatch unless this is what the caller has seen; None and `*` are any version."""
        if if_match not in (None, "*", self.etag):
            raise VersionMismatch(self.etag)

    def document(self) -> dict[str, Any]:
        """The JSON that is stored."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One page of a list. next: the position to go on behind, None at the end; a page may be short before."""

    items: tuple[Item, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class DueWork:
    """A document with background work to do: whose it is, what and which."""

    owner: Caller
    type: Literal["conversation", "message"]
    id: str
