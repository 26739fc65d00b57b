"""What every answer of one resource has in common."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, PrivateAttr


class Resource(BaseModel):
    """A single resource; its version is sent as the `ETag` header."""

    model_config = ConfigDict(frozen=True)

    _etag: str = PrivateAttr("")

    @property
    def etag(self) -> str:
        """The version, quoted as a header has it."""
        return self._etag


class Accepted(BaseModel):
    """An answer that says that the work goes on; sent with the status 202."""

    _replayed: bool = PrivateAttr(False)

    @property
    def replayed(self) -> bool:
        """Whether it is the answer to the first request with this Idempotency-Key."""
        return self._replayed


@dataclass(frozen=True, slots=True)
class Streamed:
    """An answer that is sent piece by piece, as it is made."""

    media_type: ClassVar[str]
    headers: ClassVar[dict[str, str]] = {}

    pieces: AsyncIterator[bytes]


class JsonLines(Streamed):
    """A JSON document a line."""

    media_type = "application/jsonl"


class EventStream(Streamed):
    """Server-sent events, which nothing on the way may hold back or keep."""

    media_type = "text/event-stream"
    headers: ClassVar[dict[str, str]] = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

    @classmethod
    def of(cls, source: Any) -> Self:
        """The events of what they are about; Any, for each kind has its own."""
        raise NotImplementedError


class Page(BaseModel):
    """A page for a browser. policy: its Content-Security-Policy."""

    media_type: ClassVar[str] = "text/html"

    html: str
    policy: str


class Nothing(BaseModel):
    """No query parameters, or a body without fields."""

    model_config = ConfigDict(extra="forbid")
