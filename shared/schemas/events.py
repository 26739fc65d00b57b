"""A turn as events, with OpenAI's names (https://platform.openai.com/docs/api-reference/responses-streaming).

The events before the first word and behind the last follow from the turn, so only the words have to be stored
for the same event to have the same number on any instance at any time.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any, Self

from shared.http.events import Event, sent
from shared.http.resource import EventStream
from shared.models import Message, Turn
from shared.schemas.responses import OutputItem, Response, ResponseText
from shared.turns import Followed

_ENDS = {"completed": "response.completed", "failed": "response.failed"}


class TurnEvents(EventStream):
    """The events of a turn."""

    @classmethod
    def of(cls, followed: Followed, after: int = -1) -> Self:
        """Those numbered above `after`; all, where the numbers have been lost with the pieces."""
        return cls(sent(_behind(followed, after)))


async def _behind(followed: Followed, after: int) -> AsyncIterator[Event]:
    shift = 0 if followed.numbered else after + 1
    async for number, kind, payload in _all(followed):
        if number + shift > after:
            yield number + shift, kind, payload


async def _all(followed: Followed) -> AsyncIterator[Event]:
    number = 0
    for kind, payload in _opening(followed.turn):
        yield number, kind, payload
        number += 1
    async for pieces in followed.pieces:
        for index, text in pieces:
            yield (
                number,
                "response.output_text.delta",
                {
                    **_part(followed.turn.answers[index], index),
                    "delta": text,
                    "logprobs": [],
                },
            )
            number += 1
    for kind, payload in _closing(followed.end()):
        yield number, kind, payload
        number += 1


def _opening(turn: Turn) -> Iterator[tuple[str, dict[str, Any]]]:
    """What comes before the first word, as it was when the turn began."""
    begun = replace(turn, answers=tuple(map(_as_begun, turn.answers)))
    response = Response.of(begun).model_dump(mode="json")
    yield "response.created", {"response": response}
    yield "response.in_progress", {"response": response}
    for index, answer in enumerate(begun.answers):
        item = OutputItem.of(answer).model_dump(mode="json")
        yield "response.output_item.added", {"output_index": index, "item": item}
        yield "response.content_part.added", {**_part(answer, index), "part": _text("")}


def _closing(turn: Turn) -> Iterator[tuple[str, dict[str, Any]]]:
    for index, answer in enumerate(turn.answers):
        yield "response.output_text.done", {**_part(answer, index), "text": answer.content, "logprobs": []}
        yield "response.content_part.done", {**_part(answer, index), "part": _text(answer.content)}
        item = OutputItem.of(answer).model_dump(mode="json")
        yield "response.output_item.done", {"output_index": index, "item": item}
    kind = _ENDS.get(turn.status, "response.incomplete")
    yield kind, {"response": Response.of(turn).model_dump(mode="json")}


def _as_begun(answer: Message) -> Message:
    record = answer.turn and answer.turn.model_copy(update={"error": None, "queued": False})
    return answer.changed(
        status="in_progress", incomplete_reason=None, content="", model=None, usage=None, turn=record
    )


def _part(answer: Message, index: int) -> dict[str, Any]:
    return {"item_id": answer.id, "output_index": index, "content_index": 0}


def _text(text: str) -> dict[str, Any]:
    return ResponseText(text=text).model_dump()
