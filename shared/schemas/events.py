"""A turn as events, with OpenAI's names (https://platform.openai.com/docs/api-reference/responses-streaming).

The events before the first word and behind the last follow from the turn, so only the words have to be stored
for the same event to have the same number on any instance at any time.
"""

import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from shared.errors import ServiceError
from shared.http.events import Event, sent
from shared.http.problems import as_told
from shared.http.resource import EventStream
from shared.logs import trace
from shared.models import Message, Turn
from shared.schemas.fields import Flag, digits
from shared.schemas.responses import OutputItem, Response, ResponseText
from shared.turns import Followed

# An event without its number: its type, and what it says.
Named = tuple[str, dict[str, Any]]

logger = logging.getLogger(__name__)

_ENDS = {"completed": "response.completed", "failed": "response.failed"}


class Following(BaseModel):
    """stream: as events. starting_after: only those with higher numbers, as with the header Last-Event-ID."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    stream: Flag = False
    starting_after: Annotated[int, Field(ge=0, le=10**9), BeforeValidator(digits)] | None = None

    def behind(self, last_event_id: int | None) -> int:
        """The number of the event to go on behind, -1 for from the first."""
        given = self.starting_after if self.starting_after is not None else last_event_id
        return -1 if given is None else given


class TurnEvents(EventStream):
    """The events of a turn."""

    @classmethod
    def of(cls, followed: Followed, after: int = -1) -> Self:
        """Those numbered above `after`; all, where the numbers have been lost with the pieces."""
        return cls(sent(_behind(followed, after)))


async def _behind(followed: Followed, after: int) -> AsyncIterator[Event]:
    """Whoever is told an error goes on from its number, for it has that of the event before it."""
    number = 0 if followed.numbered else after + 1
    try:
        async for kind, payload in _all(followed):
            if number > after:
                yield number, kind, payload
            number += 1
    except Exception as error:
        logger.error("the events of turn %s have broken off: %s", followed.turn.id, trace(error))
        yield max(number - 1, after), "error", _error(as_told(error))


async def _all(followed: Followed) -> AsyncIterator[Named]:
    turn = _as_begun(followed.turn)
    waiting = followed.turn.status == "queued"
    for event in _created(turn):
        yield event
    if not waiting:
        for event in _started(turn):
            yield event
    async for pieces in followed.pieces:
        if waiting:
            for event in _started(turn):
                yield event
            waiting = False
        for index, text in pieces:
            piece = {**_part(turn.answers[index], index), "delta": text, "logprobs": []}
            yield "response.output_text.delta", piece
    for event in _closing(followed.end()):
        yield event


def _created(turn: Turn) -> Iterator[Named]:
    """What comes first, as it was when the turn began."""
    if not turn.options.background:
        yield "response.created", _response(turn)
        return
    queued = _response(_with_record(turn, queued=True))
    yield "response.created", queued
    yield "response.queued", queued


def _started(turn: Turn) -> Iterator[Named]:
    """What comes before the first word."""
    yield "response.in_progress", _response(turn)
    for index, answer in enumerate(turn.answers):
        item = OutputItem.of(answer).model_dump(mode="json")
        yield "response.output_item.added", {"output_index": index, "item": item}
        yield "response.content_part.added", {**_part(answer, index), "part": _text("")}


def _closing(turn: Turn) -> Iterator[Named]:
    for index, answer in enumerate(turn.answers):
        yield "response.output_text.done", {**_part(answer, index), "text": answer.content, "logprobs": []}
        yield "response.content_part.done", {**_part(answer, index), "part": _text(answer.content)}
        item = OutputItem.of(answer).model_dump(mode="json")
        yield "response.output_item.done", {"output_index": index, "item": item}
    kind = _ENDS.get(turn.status, "response.incomplete")
    yield kind, _response(turn)


def _as_begun(turn: Turn) -> Turn:
    """Without anything that came later."""
    empty = [
        answer.changed(status="in_progress", incomplete_reason=None, content="", model=None, usage=None)
        for answer in turn.answers
    ]
    return _with_record(replace(turn, answers=tuple(empty)), queued=False)


def _with_record(turn: Turn, *, queued: bool) -> Turn:
    first, *others = turn.answers
    record = first.turn and first.turn.model_copy(update={"error": None, "queued": queued})
    return replace(turn, answers=(first.changed(turn=record), *others))


def _response(turn: Turn) -> dict[str, Any]:
    return {"response": Response.of(turn).model_dump(mode="json")}


def _error(error: ServiceError) -> dict[str, Any]:
    return {"code": error.code, "message": error.message, "param": error.param}


def _part(answer: Message, index: int) -> dict[str, Any]:
    return {"item_id": answer.id, "output_index": index, "content_index": 0}


def _text(text: str) -> dict[str, Any]:
    return ResponseText(text=text).model_dump()
