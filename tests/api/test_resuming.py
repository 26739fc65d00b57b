"""A broken line is taken up again: on any instance, while the turn runs and after."""

import asyncio

import pytest
from azure.core.exceptions import ServiceRequestError

from local.cosmos import Fault
from tests.api.conftest import Service
from tests.api.instances import another_instance
from tests.api.refusals import refused
from tests.api.script import Script
from tests.api.serving import served
from tests.api.sse import events_in, text_of, until
from tests.api.streams import DELTA, HEAD, TAIL, asked_whole, asking, following, replayed, stored, streamed


async def test_a_turn_that_nobody_followed_is_replayed(service: Service) -> None:
    conversation = await service.new_conversation()
    turn = await service.ask(conversation["id"], "Hm?")

    events = await replayed(service.http, turn["id"])

    kinds = [event["type"] for event in events]
    assert kinds[: len(HEAD)] == HEAD
    assert kinds[-4:] == [*TAIL, "response.completed"]
    assert text_of(events) == turn["answers"][0]["content"]


async def test_after_the_events_have_expired_the_stored_answer_is_replayed_in_one_piece(
    service: Service,
) -> None:
    conversation = await service.new_conversation()
    service.model.scripts = [Script("a", "b", "c", finish="stop")]
    turn = (await streamed(service, conversation["id"]))[0]["response"]["id"]
    service.clock.pass_seconds(3_700)

    events = await replayed(service.http, turn, after=5)

    assert [event["type"] for event in events] == [*HEAD, DELTA, *TAIL, "response.completed"]
    assert [event["sequence_number"] for event in events] == list(range(6, 6 + len(events)))
    assert text_of(events) == "abc"
    assert (await replayed(service.http, turn))[0]["sequence_number"] == 0


async def test_an_answer_that_was_over_at_once_leaves_no_events_and_is_told_in_one_piece(
    service: Service,
) -> None:
    conversation = await service.new_conversation()

    with service.engine.recording() as calls:
        turn = await service.ask(conversation["id"], "What is rye?")
    events = await replayed(service.http, turn["id"])
    rest = await replayed(service.http, turn["id"], after=2)

    assert rest == events[3:]
    assert not [call for call in calls if call.container == "turn_events"]
    assert text_of(events) == turn["answers"][0]["content"]
    assert events[-1]["response"]["output"][0]["id"] == turn["answers"][0]["id"]


async def test_a_whole_answer_is_followed_while_it_is_made(service: Service) -> None:
    conversation = await service.new_conversation()
    async with asked_whole(service, conversation["id"]) as (turn, asked):
        following = asyncio.create_task(replayed(service.http, turn))
        await service.http.post(f"responses/{turn}/cancel")
        events = await following
        await asked

    assert text_of(events) == "Half"
    assert events[-1]["type"] == "response.incomplete"
    assert events[-1]["response"]["status"] == "cancelled"


async def test_the_last_event_id_of_a_browser_resumes_too(service: Service) -> None:
    conversation = await service.new_conversation()
    whole = await streamed(service, conversation["id"])
    path = f"responses/{whole[0]['response']['id']}?stream=true"

    answer = await service.http.get(path, headers={"Last-Event-ID": "6"})

    assert events_in(answer.text) == whole[7:]


async def test_a_place_that_is_no_number_is_refused_by_name(service: Service) -> None:
    conversation = await service.new_conversation()
    turn = (await service.ask(conversation["id"], "Hm?"))["id"]

    answer = await service.http.get(f"responses/{turn}?stream=true&starting_after=x")

    refused(answer, 400, "invalid_request", "starting_after")


async def test_readers_on_this_and_on_another_instance_see_the_same(service: Service) -> None:
    conversation = await service.new_conversation()
    script = Script("One ", "two ")
    service.model.scripts = [script]
    async with served() as http, asking(http, conversation["id"]) as events:
        first = await anext(events)
        turn = first["response"]["id"]
        here = asyncio.create_task(replayed(http, turn))
        await until(events, DELTA, delta="two ")
        async with another_instance(service), following(http, turn) as there:
            script.say("three.")
            script.end()
            elsewhere = [event async for event in there]
        ours = await here

    assert text_of(ours) == "One two three."
    assert ours == elsewhere
    assert ours[0] == first
    assert ours[-1]["type"] == "response.completed"


async def test_a_reader_is_told_the_end_though_only_a_part_of_the_events_could_be_stored(
    service: Service,
) -> None:
    conversation = await service.new_conversation()
    script = Script("One ")
    service.model.scripts = [script]
    async with served() as http, asking(http, conversation["id"]) as events:
        turn = (await anext(events))["response"]["id"]
        await stored(http, turn, "One ")
        service.engine.faults.add(Fault("upsert", status=429, times=None))
        for word in ("two ", "three ", "four ", "five ", "six "):
            script.say(word)
            await until(events, DELTA, delta=word)
        script.end()
        await until(events, "response.completed")
    service.engine.faults.clear()

    rest = await replayed(service.http, turn, after=9)

    assert rest[-1]["type"] == "response.completed"
    assert text_of(rest) == "One two three four five six "


async def test_a_stream_that_breaks_off_says_so_and_goes_on_from_there(service: Service) -> None:
    conversation = await service.new_conversation()
    script = Script("Half")
    service.model.scripts = [script]
    async with served() as http, asking(http, conversation["id"]) as events:
        turn = (await anext(events))["response"]["id"]
        async with another_instance(service), following(http, turn) as there:
            await until(there, DELTA, delta="Half")
            service.engine.faults.add(Fault("query", error=ServiceRequestError("away"), times=20))
            *_, last = [event async for event in there]
            service.engine.faults.clear()
            script.say(" and half")
            script.end()
            *_, end = [event async for event in events]
            rest = await replayed(http, turn, after=last["sequence_number"])

    assert (last["type"], last["code"], last["param"]) == ("error", "unavailable", None)
    assert text_of(rest) == " and half"
    assert rest[-1] == end


async def test_pieces_whose_storing_was_not_acknowledged_are_told_once(service: Service) -> None:
    conversation = await service.new_conversation()
    script = Script("One ")
    service.model.scripts = [script]
    lost = service.engine.faults.add(Fault("upsert", status=408, after=True))
    async with served() as http, asking(http, conversation["id"]) as events:
        turn = (await anext(events))["response"]["id"]
        async with another_instance(service), following(http, turn) as there:
            head = await until(there, DELTA)
            script.say("two ")
            await stored(http, turn, "two ")
            script.say("three.")
            script.end()
            rest = [event async for event in there]
        *_, last = [event async for event in events]

    assert lost.times == 0
    assert text_of([head, *rest]) == "One two three."
    assert rest[-1] == last


async def test_a_turn_whose_end_cannot_be_stored_is_not_told_as_ended(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.repository.changes.PATIENCE_SECONDS", 0.2)
    conversation = await service.new_conversation()
    script = Script("All of it.")
    service.model.scripts = [script]
    async with served() as http, asking(http, conversation["id"]) as events:
        delta = await until(events, DELTA, delta="All of it.")
        service.engine.faults.add(Fault("batch", error=ServiceRequestError("away"), times=20))
        script.end()
        rest = [event async for event in events]
        service.engine.faults.clear()

    assert [event["type"] for event in rest] == ["error"]
    assert (rest[0]["code"], rest[0]["sequence_number"]) == ("unavailable", delta["sequence_number"])


async def test_readers_of_a_turn_that_is_purged_are_told_that_it_is_gone(service: Service) -> None:
    conversation = await service.new_conversation()
    script = Script("Half")
    service.model.scripts = [script]
    async with served() as http, asking(http, conversation["id"]) as events:
        turn = (await anext(events))["response"]["id"]
        async with another_instance(service), following(http, turn) as there:
            await until(there, DELTA, delta="Half")
            await http.delete(f"conversations/{conversation['id']}?purge=true")
            script.end()
            *_, elsewhere = [event async for event in there]
        *_, here = [event async for event in events]

    assert (elsewhere["type"], elsewhere["code"]) == ("error", "response_not_found")
    assert (here["type"], here["code"]) == ("error", "conversation_not_found")
