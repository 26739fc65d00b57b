"""How an export is written: one JSON document a line, with its fields as they are stored (times in ms).

Receipts are left out: they repeat answers for a day, and hold nothing that isn't in the messages.
"""

import base64
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from shared.models import Conversation, Message, Stored
from shared.records import DayUsage
from shared.repository import Document

# Of one part, which fits a document even if it can't be compressed.
PART_BYTES = 1_000_000

_MODELS: dict[str, type[Stored]] = {"conversation": Conversation, "message": Message, "usage": DayUsage}


@dataclass(frozen=True, slots=True)
class Part:
    """The documents of one part, their lines, and how many there are of each type."""

    documents: Sequence[Document]
    text: str
    counts: dict[str, int]


def part_of(found: Sequence[Document]) -> Part:
    """The first documents, as many as one part takes; at least one."""
    lines: list[str] = []
    counts: dict[str, int] = {}
    taken = size = 0
    for document in found:
        line = _line(document)
        length = len(line.encode())
        if taken and size + length > PART_BYTES:
            break
        taken, size = taken + 1, size + length
        if line:
            lines.append(line)
            counts[document["type"]] = counts.get(document["type"], 0) + 1
    return Part(found[:taken], "".join(lines), counts)


def packed(text: str) -> str:
    """As a part is stored."""
    return base64.b64encode(zlib.compress(text.encode())).decode()


def unpacked(body: str) -> bytes:
    """The lines of a stored part."""
    return zlib.decompress(base64.b64decode(body))


def _line(document: Document) -> str:
    if not (model := _MODELS.get(document.get("type", ""))):
        return ""
    try:
        return model.model_validate(document).model_dump_json(exclude_none=True) + "\n"
    except ValidationError:  # another version of this code has written it
        return json.dumps({name: value for name, value in document.items() if name[0] != "_"}) + "\n"
