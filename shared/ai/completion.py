"""The answer in a chat completion. Servers differ and the SDK checks nothing, so it is checked here."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.ai.cleaning import storable
from shared.ai.shapes import Answer, Prompt, Usage
from shared.ai.tokens import count_tokens
from shared.errors import ModelError

STOPPED: dict[str | None, Literal["max_output_tokens", "content_filter"]] = {
    "length": "max_output_tokens",
    "content_filter": "content_filter",
}


class Read(BaseModel):
    """Something of what a model has answered; what else there is doesn't matter."""

    model_config = ConfigDict(from_attributes=True)


class _Message(Read):
    content: str | None = None
    refusal: str | None = None


class _Choice(Read):
    message: _Message
    finish_reason: str | None = None


class ReadUsage(Read):
    """The model's own count."""

    prompt_tokens: int
    completion_tokens: int


class _Completion(Read):
    choices: Annotated[list[_Choice], Field(min_length=1)]
    model: str | None = None
    usage: ReadUsage | None = None


def answer_in(completion: object, deployment: str, prompts: Sequence[Prompt]) -> Answer:
    """The first choice. Raises ModelError for a refusal or nothing, ValueError when it is no completion."""
    read = _Completion.model_validate(completion)
    message, reason = read.choices[0].message, STOPPED.get(read.choices[0].finish_reason)
    content = storable(message.content or "")
    if message.refusal:
        raise ModelError("The model refused to answer.")
    if not content and not reason:
        raise ModelError("The model answered with nothing.")
    usage = used(read.usage, prompts, content)
    return Answer(content, read.model or deployment, usage, reason)


def used(usage: ReadUsage | None, prompts: Sequence[Prompt], content: str) -> Usage:
    """The model's own count, or the estimate where it gives none."""
    if usage:
        return Usage(usage.prompt_tokens, usage.completion_tokens)
    return Usage(sum(count_tokens(prompt.content) for prompt in prompts), count_tokens(content))
