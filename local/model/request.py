"""The body of a chat completion request, the part of it that the offline model heeds."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field


class _Text(BaseModel):
    type: Literal["text"]
    text: str


class Turn(BaseModel):
    """One message of the conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[_Text]

    @property
    def text(self) -> str:
        """What it says, in one piece."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content)


class _Schema(BaseModel):
    name: str


class _Format(BaseModel):
    type: str
    json_schema: _Schema | None = None


class _StreamOptions(BaseModel):
    include_usage: bool = False


class ChatRequest(BaseModel):
    """What is asked for."""

    model: str
    turns: Annotated[list[Turn], Field(min_length=1, alias="messages")]
    stream: bool = False
    stream_options: _StreamOptions | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    response_format: _Format | None = None

    @property
    def cap(self) -> int | None:
        """The most tokens to answer with."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with the usage."""
        return self.stream_options is not None and self.stream_options.include_usage

    @property
    def schema_name(self) -> str | None:
        """The schema that the answer is to follow, if any."""
        schema = self.response_format and self.response_format.json_schema
        return schema.name if schema else None

    @property
    def question(self) -> str:
        """The last message's text."""
        return self.turns[-1].text
