"""What every answer of one resource has in common."""

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


class Page(BaseModel):
    """A page for a browser. policy: its Content-Security-Policy."""

    html: str
    policy: str


class Nothing(BaseModel):
    """No query parameters, or a body without fields."""

    model_config = ConfigDict(extra="forbid")
