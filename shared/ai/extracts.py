"""Titles, summaries and one-liners: what the model is asked for, and what is made of its answer.

The material goes as one user message of JSON, so that it is plain what is data. The answer is asked for by
a schema; a server that knows no schemas and answers in plain text is understood too.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from shared.ai.cleaning import one_line, paragraphs
from shared.ai.instructions import LINE, SUMMARY, TITLE
from shared.ai.shapes import Answer, Prompt, SummaryText
from shared.errors import ModelError

TITLE_LENGTH, LINE_LENGTH = 80, 200
SUMMARY_LENGTH, HIGHLIGHTS, HIGHLIGHT_LENGTH = 2000, 5, 200
MATERIAL_LENGTH = 4000

_TEXT: dict[str, Any] = {"type": "string"}


@dataclass(frozen=True, slots=True)
class Extract:
    """A request for something made from messages. format: the `response_format` it goes with."""

    prompts: tuple[Prompt, ...]
    format: dict[str, Any]


class _Title(BaseModel):
    title: str


class _Summary(BaseModel):
    text: str
    highlights: list[str] = []


class _Line(BaseModel):
    line: str


Shape = TypeVar("Shape", bound=BaseModel)


def title(messages: Sequence[Prompt]) -> Extract:
    """The request for a title."""
    return _extract("title", TITLE, {"title": _TEXT}, {"messages": _material(messages)})


def title_of(answer: Answer) -> str:
    """The title in the answer."""
    shape = _parsed(_Title, answer.content)
    return _something(one_line(shape.title if shape else answer.content, TITLE_LENGTH))


def summary(previous: SummaryText | None, messages: Sequence[Prompt]) -> Extract:
    """The request for a summary."""
    material = {
        "summary": previous.text if previous else None,
        "highlights": list(previous.highlights) if previous else [],
        "messages": _material(messages),
    }
    fields = {"text": _TEXT, "highlights": {"type": "array", "items": _TEXT}}
    return _extract("summary", SUMMARY, fields, material)


def summary_of(answer: Answer) -> SummaryText:
    """The summary in the answer; plain text is a summary without highlights."""
    shape = _parsed(_Summary, answer.content) or _Summary(text=answer.content)
    highlights = (one_line(highlight, HIGHLIGHT_LENGTH) for highlight in shape.highlights)
    return SummaryText(
        text=_something(paragraphs(shape.text, SUMMARY_LENGTH)),
        highlights=tuple(filter(None, highlights))[:HIGHLIGHTS],
        model=answer.model,
    )


def line(content: str) -> Extract:
    """The request for a message's line."""
    return _extract("line", LINE, {"line": _TEXT}, {"message": content[:MATERIAL_LENGTH]})


def line_of(answer: Answer) -> str:
    """The line in the answer."""
    shape = _parsed(_Line, answer.content)
    return _something(one_line(shape.line if shape else answer.content, LINE_LENGTH))


def _material(messages: Sequence[Prompt]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content[:MATERIAL_LENGTH]} for message in messages]


def _extract(name: str, instructions: str, fields: dict[str, Any], material: dict[str, Any]) -> Extract:
    schema = {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }
    return Extract(
        prompts=(Prompt("system", instructions), Prompt("user", json.dumps(material, ensure_ascii=False))),
        format={"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": schema}},
    )


def _parsed(shape: type[Shape], content: str) -> Shape | None:
    """The answer by its schema, out of a code fence if it stands in one; None when it is plain text.

    Raises ModelError for JSON of another shape.
    """
    start, end = content.find("{"), content.rfind("}")
    if not content.lstrip().startswith(("{", "```")):
        return None
    try:
        return shape.model_validate_json(content[start : end + 1])
    except ValidationError as error:
        raise ModelError("The model's answer can't be read.") from error


def _something(text: str) -> str:
    if not text:
        raise ModelError("The model answered with nothing.")
    return text
