"""Whatever the model says, and wherever the line drops: head + resumed is what is stored."""

from collections.abc import Iterator
from contextlib import AsyncExitStack, nullcontext
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.cosmos import Fault
from tests.api.conftest import Service
from tests.api.instances import another_instance
from tests.api.script import Script
from tests.api.serving import served
from tests.api.sse import Event, events_in, text_of
from tests.api.streams import HEAD, asking, following, messages, replayed, streamed
from tests.api.test_exactly_once import TROUBLE
from tests.api.worlds import World, lasting_world

PIECE = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
# What a model says, piece by piece; something at least, for an answer with nothing is a failure.
SAID = st.lists(PIECE, max_size=6).map(lambda pieces: ["First. ", *pieces])

TROUBLES = st.sampled_from(
    [
        replace(trouble, operation=operation)
        for operation in ("batch", "read", "query", "upsert")
        for trouble in TROUBLE.values()
        if trouble.status != 449 or operation in ("batch", "upsert")
    ]
)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with lasting_world() as world:
        yield world


@given(st.lists(SAID, min_size=1, max_size=2))
@settings(max_examples=15)
def test_wherever_the_line_dropped_head_and_rest_are_what_is_stored(
    world: World, said: list[list[str]]
) -> None:
    async def example() -> None:
        service = world.service
        conversation = await service.new_conversation()
        service.model.scripts = [Script(*pieces, finish="stop") for pieces in said]
        whole = await streamed(service, conversation["id"], n=len(said))
        turn = whole[0]["response"]["id"]

        assert await replayed(service.http, turn) == whole
        for cut in range(len(whole)):
            assert whole[: cut + 1] + await replayed(service.http, turn, after=cut) == whole

        await _is_stored(service, conversation["id"], whole)

    world.run(example())


@given(SAID, st.integers(1, 7), st.booleans())
@settings(max_examples=6)
def test_wherever_the_line_drops_while_it_runs_nothing_is_missing_or_comes_twice(
    world: World, said: list[str], heard: int, elsewhere: bool
) -> None:
    async def example() -> None:
        service = world.service
        conversation = await service.new_conversation()
        script = Script(*said[:heard])
        service.model.scripts = [script]
        async with served() as http:
            async with asking(http, conversation["id"]) as events:
                head = [await anext(events) for _ in range(len(HEAD) + len(said[:heard]))]
            turn = head[0]["response"]["id"]
            async with another_instance(service) if elsewhere else nullcontext(), AsyncExitStack() as lines:
                cuts = range(len(head))
                resumed = [await lines.enter_async_context(following(http, turn, cut)) for cut in cuts]
                for piece in said[heard:]:
                    script.say(piece)
                script.end()
                rests = [[event async for event in events] for events in resumed]

        for told in (head[: cut + 1] + rest for cut, rest in enumerate(rests)):
            assert [event["sequence_number"] for event in told] == list(range(len(told)))
            assert told[-1]["type"] == "response.completed"
            await _is_stored(service, conversation["id"], told)

    world.run(example())


@given(SAID, st.lists(TROUBLES, max_size=4), st.lists(TROUBLES, max_size=4))
@settings(max_examples=6)
def test_whatever_the_database_does_a_streamed_turn_runs_once_and_is_stored_as_it_is_told(
    world: World, said: list[str], before: list[Fault], meanwhile: list[Fault]
) -> None:
    async def example() -> None:
        service = world.service
        conversation = await service.new_conversation()
        service.model.requests.clear()
        service.model.scripts = [Script(*said, finish="stop"), Script("Twice.", finish="stop")]
        service.model.before_answering = lambda: _begin(service, meanwhile)  # type: ignore[method-assign]
        await _begin(service, before)
        first = await _asked(service, conversation["id"])
        service.engine.faults.clear()
        service.model.before_answering = lambda: _begin(service, [])  # type: ignore[method-assign]
        service.clock.pass_seconds(61)
        again = await _asked(service, conversation["id"])

        assert len(service.model.requests) == 1
        assert again[-1]["type"] in ("response.completed", "response.incomplete", "response.failed")
        await _is_stored(service, conversation["id"], again)
        for cut in range(len(first) - 1):
            rest = await replayed(service.http, first[0]["response"]["id"], after=cut)
            assert [event["sequence_number"] for event in rest] == [cut + 1 + n for n in range(len(rest))]
            assert rest[-1]["type"] == again[-1]["type"]
            anew = rest[0]["type"] == "response.created"  # what was told at first could not be stored
            await _is_stored(service, conversation["id"], rest if anew else first[: cut + 1] + rest)
        service.model.scripts = []
        assert (await service.ask(conversation["id"], "Next?"))["status"] == "completed"
        assert (await service.get(conversation["id"]))["message_count"] == 4

    world.run(example())


async def _begin(service: Service, faults: list[Fault]) -> None:
    for fault in faults:
        service.engine.faults.add(replace(fault))


async def _asked(service: Service, conversation_id: str) -> list[Event]:
    """The events, none if it was refused."""
    path, body = f"conversations/{conversation_id}/ask", {"content": "Hm?", "stream": True}
    answer = await service.http.post(path, json=body, headers={"Idempotency-Key": conversation_id})
    assert answer.status_code in (200, 409, 503), answer.text
    return events_in(answer.text) if answer.status_code == 200 else []


async def _is_stored(service: Service, conversation_id: str, told: list[Event]) -> None:
    (_, *answers) = await messages(service, conversation_id)
    assert [text_of(told, index) for index in range(len(answers))] == [a["content"] for a in answers]
