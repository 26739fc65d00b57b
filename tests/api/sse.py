"""Reads what an event stream has sent."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2

Event = dict[str, Any]


def events_in(text: str) -> list[Event]:
    """The events of a stream that has come to its end."""
    return [event for block in text.split("\n\n") if (event := _event(block))]


async def events_from(answer: httpx2.Response) -> AsyncIterator[Event]:
    """The events of a stream, as they come; comments are left out."""
    received = ""
    async for text in answer.aiter_text():
        *blocks, received = (received + text).split("\n\n")
        for block in blocks:
            if event := _event(block):
                yield event
    assert received == "", f"it ends in the middle of an event: {received!r}"


async def until(events: AsyncIterator[Event], kind: str, **fields: Any) -> Event:
    """The next event of a kind that has these fields."""
    async for event in events:
        if event["type"] == kind and fields.items() <= event.items():
            return event
    raise AssertionError(f"the stream has ended without {kind} {fields}")


def text_of(events: list[Event], output: int = 0) -> str:
    """What the deltas of one answer say together."""
    kind = "response.output_text.delta"
    return "".join(e["delta"] for e in events if e["type"] == kind and e["output_index"] == output)


def _event(block: str) -> Event | None:
    """One event, which must have its number as id and its type as name; None for a comment."""
    lines = [line for line in block.split("\n") if line and not line.startswith(":")]
    if not lines:
        return None
    fields = dict(line.split(": ", 1) for line in lines)
    event: Event = json.loads(fields["data"])
    assert (fields["id"], fields["event"]) == (str(event["sequence_number"]), event["type"])
    return event
