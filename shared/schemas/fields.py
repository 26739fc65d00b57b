"""What the bodies and queries of requests are made of: each kind of field with its limits."""

import json
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from shared import models


class Body(BaseModel):
    """A request's body: nothing unknown, no type bent to fit."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("should not be blank.")
    return text


def _at_most_16_kb(value: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()) > 16 * 1024:
        raise ValueError("should be at most 16 KB of JSON.")
    return value


def _true_or_false(text: object) -> object:
    if isinstance(text, str) and text not in ("true", "false"):
        raise ValueError("should be true or false.")
    return text


def digits(text: object) -> object:
    """Validate an integer of a query, where it is text."""
    if isinstance(text, str) and not (text.isascii() and text.isdecimal()):
        raise ValueError("should be an integer.")
    return text


_SHOWN = Field(json_schema_extra={"pattern": r"\S"})  # not blank, in the OpenAPI document

Title = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(_not_blank), _SHOWN
]
Content = Annotated[str, Field(max_length=models.MAX_CONTENT), AfterValidator(_not_blank), _SHOWN]
DisplayText = Annotated[str, Field(max_length=models.MAX_CONTENT)]
Instructions = Annotated[str, Field(max_length=32_000), AfterValidator(_not_blank), _SHOWN]
Name = Annotated[str, Field(min_length=1, max_length=128)]
Product = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,40}$")]
Tag = Annotated[str, Field(min_length=1, max_length=64)]
Tags = Annotated[list[Tag], Field(max_length=20)]
MetadataKey = Annotated[str, Field(min_length=1, max_length=64)]
MetadataValue = Annotated[str, Field(max_length=512)]
Metadata = Annotated[dict[MetadataKey, MetadataValue], Field(max_length=models.MAX_METADATA)]
MetadataChanges = Annotated[dict[MetadataKey, MetadataValue | None], Field(max_length=64)]
Rating = Annotated[int, Field(ge=1, le=5)]
Feedback = Annotated[str, Field(max_length=4_000), AfterValidator(_not_blank), _SHOWN]
Reason = Annotated[str, Field(min_length=1, max_length=1_000), AfterValidator(_not_blank), _SHOWN]
Identifier = Annotated[str, Field(min_length=1, max_length=64)]
Extra = Annotated[dict[str, Any], AfterValidator(_at_most_16_kb)]
Flag = Annotated[bool, BeforeValidator(_true_or_false)]
