"""Titles, summaries and lines, made of the words that are there."""

import json
from typing import Any

from pydantic import BaseModel

from local.model.phrases import first_sentence, trimmed, words
from local.model.writing import is_own
from shared.ai.cleaning import cut, one_line

TITLE_WORDS, TITLE_LENGTH = 8, 60
GREETING_LENGTH, LINE_LENGTH = 40, 200
SENTENCE_LENGTH, SUMMARY_LENGTH, HIGHLIGHTS = 160, 1800, 5


class _Said(BaseModel):
    role: str
    content: str


class _Material(BaseModel):
    """What the app sends, as one user message."""

    messages: list[_Said] = []
    message: str = ""
    summary: str | None = None
    highlights: list[str] = []


def extract(schema: str, question: str) -> str:
    """The JSON that `schema` (title, summary or line) asks for. Raises ValueError if it can't be made."""
    material = _Material.model_validate_json(question)
    made: dict[str, Any]
    match schema:
        case "title":
            made = {"title": _title(material)}
        case "summary":
            made = _summary(material)
        case "line":
            made = {"line": _line(material.message)}
        case _:
            raise ValueError(f"no schema '{schema}' is known here")
    return json.dumps(made, ensure_ascii=False)


def _title(material: _Material) -> str:
    """What the first user message is about, in its own words."""
    said = next((said.content for said in material.messages if said.role == "user"), "")
    sentence = first_sentence(said)
    title = " ".join(trimmed(words(sentence), TITLE_WORDS)) or sentence or "Untitled"
    return cut(title[0].upper() + title[1:], TITLE_LENGTH)


def _line(text: str) -> str:
    """The first sentence; where that is but a greeting, the first that fits of the whole."""
    sentence = first_sentence(text)
    return one_line(sentence if len(sentence) > GREETING_LENGTH else text, LINE_LENGTH)


def _summary(material: _Material) -> dict[str, Any]:
    """The old summary and the first sentence of each new message; the oldest goes when room runs out."""
    told = [said for said in material.messages if said.role != "system" and not is_own(said.content)]
    sentences = [cut(first_sentence(said.content), SENTENCE_LENGTH) for said in told]
    asked = [sentence for sentence, said in zip(sentences, told, strict=True) if said.role == "user"]
    text = " ".join(filter(None, [material.summary, *sentences]))
    if len(text) > SUMMARY_LENGTH:
        text = "… " + text[-SUMMARY_LENGTH:].split(" ", 1)[-1]
    highlights = list(dict.fromkeys(filter(None, [*material.highlights, *asked])))
    return {"text": text or "Nothing was said yet.", "highlights": highlights[-HIGHLIGHTS:]}
