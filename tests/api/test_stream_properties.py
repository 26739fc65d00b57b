"""Whatever the model says, and wherever the line drops: head + resumed is what is stored."""

from collections.abc import Iterator
from contextlib import AsyncExitStack, nullcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api.conftest import Service
from tests.api.instances import another_instance
from tests.api.script import Script
from tests.api.serving import served
from tests.api.sse import Event, text_of
from tests.api.streams import HEAD, asking, following, messages, replayed, streamed
from tests.api.worlds import World, lasting_world

PIECE = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
# What a model says, piece by piece; something at least, for an answer with nothing is a failure.
SAID = st.lists(PIECE, max_size=6).map(lambda pieces: ["First. ", *pieces])


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with lasting_world() as world:
        yield world


@given(st.lists(SAID, min_size=1, max_size=2))
@settings(max_examples=20, deadline=None)
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
@settings(max_examples=8, deadline=None)
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


async def _is_stored(service: Service, conversation_id: str, told: list[Event]) -> None:
    (_, *answers) = await messages(service, conversation_id)
    assert [text_of(told, index) for index in range(len(answers))] == [a["content"] for a in answers]
