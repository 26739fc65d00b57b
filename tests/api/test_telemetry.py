"""What the service tells of itself: spans and metrics, and nothing that is private."""

import asyncio
from collections.abc import Iterator

import azure.functions as func
import httpx2
import pytest
from fastapi import FastAPI
from opentelemetry.trace import SpanKind, StatusCode

from functions.background import enrich, record_usage, run_background_turns, sweep
from local.cosmos import Fault
from local.host.invocation import InvocationContext, TraceContext
from shared.due import MAX_FAILURES
from shared.services import services
from tests.api.conftest import Service
from tests.api.listening import Heard, attributes, listening
from tests.api.raw_store import feed
from tests.api.streams import asked_whole

CHARGE = "azure.cosmosdb.operation.request_charge"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def heard() -> Iterator[Heard]:
    with listening() as heard:
        yield heard


async def test_a_request_is_a_span_with_what_it_has_cost(service: Service, heard: Heard) -> None:
    conversation = await service.new_conversation()
    heard.forget_spans()

    await service.http.get(f"conversations/{conversation['id']}", headers={"X-Request-Id": "mine"})

    request = heard.span("get_conversation")
    assert request.kind is SpanKind.SERVER
    assert attributes(request) == {
        "conversations.function": "get_conversation",
        "conversations.trigger": "http",
        "http.request.method": "GET",
        "http.route": "conversations/{conversation_id}",
        "http.response.status_code": 200,
        "conversations.request_id": "mine",
        "azure.cosmosdb.operation.request_charge": 1.0,
        "conversations.round_trips": 1,
    }
    (call,) = heard.of_database()
    assert (call.name, call.kind) == ("read_item conversations", SpanKind.CLIENT)
    assert call.parent
    assert call.parent.span_id == request.context.span_id
    assert attributes(call) == {
        "db.system.name": "azure.cosmosdb",
        "db.operation.name": "read_item",
        "db.collection.name": "conversations",
        "azure.cosmosdb.operation.request_charge": 1.0,
        "conversations.round_trips": 1,
    }


async def test_a_request_goes_on_with_its_callers_trace(service: Service, heard: Heard) -> None:
    await service.http.get("conversations", headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
    await service.http.get("usage", headers={"traceparent": "nonsense"})

    request = heard.span("list_conversations")
    assert f"{request.context.trace_id:032x}" == TRACE
    assert request.parent
    assert f"{request.parent.span_id:016x}" == PARENT
    assert heard.span("get_usage").parent is None


@pytest.mark.parametrize("stream", [False, True])
async def test_an_ask_has_a_span_for_each_round_trip_and_one_for_the_model(
    service: Service, heard: Heard, stream: bool
) -> None:
    conversation = await service.new_conversation()
    heard.forget_spans()

    await _ask(service, conversation["id"], stream=stream)

    request, calls = heard.span("ask"), heard.of_database()
    assert {one.context.trace_id for one in heard.spans()} == {request.context.trace_id}
    assert sum(attributes(one)["conversations.round_trips"] for one in calls) == len(calls)
    if not stream:  # else the request has been answered before all is done
        assert len(calls) == attributes(request)["conversations.round_trips"]
        charges = [attributes(one)[CHARGE] for one in calls]
        assert sum(charges) == pytest.approx(attributes(request)[CHARGE])
    charged = heard.points("conversations.request_units")[("ask",)].value
    assert charged == pytest.approx(sum(attributes(one)[CHARGE] for one in calls))
    model = attributes(heard.span("chat default"))
    assert model["gen_ai.provider.name"] == "openai"
    assert model["gen_ai.request.stream"] is True
    assert model["gen_ai.response.finish_reasons"] == ("stop",)
    assert model["gen_ai.usage.input_tokens"] > 0
    assert model["gen_ai.usage.output_tokens"] > 0
    assert model["gen_ai.response.time_to_first_chunk"] > 0
    assert sum(heard.points("conversations.turns").keys(), ()) == ("none", "completed")


async def _ask(service: Service, conversation_id: str, content: str = "Why?", **fields: object) -> int:
    """Ask, and read whatever the answer is; its status."""
    answer = await service.http.post(
        f"conversations/{conversation_id}/ask", json={"content": content, **fields}
    )
    return answer.status_code


async def test_a_title_in_the_background_belongs_to_its_function(service: Service, heard: Heard) -> None:
    conversation = await service.new_conversation()
    await service.add(conversation["id"], "How do I bake bread?")
    service.clock.pass_seconds(7)
    heard.forget_spans()

    await service.background()

    run = heard.spans("enrich")[0]
    assert attributes(run) == {"conversations.function": "enrich", "conversations.trigger": "datasource"}
    model = heard.span("chat default")
    assert model.parent
    assert model.parent.span_id == run.context.span_id
    (lag,) = heard.points("conversations.title.lag").values()
    assert (lag.count, 7 < lag.sum < 8) == (1, True)
    feed_lag = heard.points("conversations.change_feed.lag")[("enrich",)]
    assert 6 <= feed_lag.max < 8.5
    assert heard.points("conversations.request_units")[("enrich",)].value > 0


async def test_a_title_that_failed_at_first_is_late_from_its_question_on(
    service: Service, heard: Heard
) -> None:
    conversation = await service.new_conversation()
    await service.add(conversation["id"], "How do I bake bread?")
    service.model.failing = httpx2.Response(400, json={})
    await enrich(await feed(service))
    assert len(service.model.requests) == 1
    service.model.failing = None
    service.clock.pass_seconds(100)

    await service.background()

    (lag,) = heard.points("conversations.title.lag").values()
    assert 100 < lag.sum < 101


async def test_a_timer_goes_on_with_the_hosts_trace(service: Service, heard: Heard) -> None:
    context = InvocationContext("sweep", trace_context=TraceContext(f"00-{TRACE}-{PARENT}-01"))

    await sweep(None, context=context)
    await sweep(None)

    with_host, alone = heard.spans("sweep")
    assert f"{with_host.context.trace_id:032x}" == TRACE
    assert alone.parent is None
    assert attributes(alone) == {"conversations.function": "sweep", "conversations.trigger": "timer"}
    assert heard.points("conversations.request_units")[("sweep",)].value > 0


async def test_a_dead_letter_is_counted_by_its_kind_and_reason(service: Service, heard: Heard) -> None:
    conversation = await service.new_conversation()
    await service.add(conversation["id"], "How do I bake bread?")
    service.model.failing = httpx2.Response(400, json={})
    for _ in range(MAX_FAILURES + 1):
        await sweep(None)
        service.clock.pass_seconds(3_700)

    points = heard.points("conversations.dead_letters")

    assert {key: point.value for key, point in points.items()} == {("conversation", "model_error"): 1}
    assert {one.status.status_code for one in heard.spans("chat ")} == {StatusCode.ERROR}


async def test_a_failed_turn_is_counted_and_its_call_marked(service: Service, heard: Heard) -> None:
    conversation = await service.new_conversation()
    service.model.failing = httpx2.Response(400, json={})

    assert await _ask(service, conversation["id"]) == 502

    assert list(heard.points("conversations.turns")) == [("model_error", "failed")]
    call = heard.span("chat default")
    assert attributes(call)["error.type"] == "ModelError"
    assert not call.events
    request = heard.span("ask")
    assert (request.status.status_code, attributes(request)["error.type"]) == (StatusCode.ERROR, "502")
    failed = [key for key in heard.points("gen_ai.client.operation.duration") if "ModelError" in key]
    assert len(failed) == 1


async def test_a_call_that_was_stopped_is_no_failed_one(service: Service, heard: Heard) -> None:
    conversation = await service.new_conversation()
    async with asked_whole(service, conversation["id"]) as (turn, asked):
        await service.http.post(f"responses/{turn}/cancel")
        await asked

    assert heard.span("chat default").status.status_code is StatusCode.UNSET
    assert list(heard.points("conversations.turns")) == [("cancelled", "incomplete")]
    (told,) = heard.points("gen_ai.client.operation.duration")
    assert told[0] == "CancelledError"


async def test_a_turn_of_a_dead_server_is_counted_when_it_is_closed(service: Service, heard: Heard) -> None:
    conversation = await service.new_conversation()
    working = asyncio.Event()

    async def hang() -> None:
        working.set()
        await asyncio.Event().wait()

    service.model.before_answering = hang  # type: ignore[method-assign]
    asking = asyncio.create_task(_ask(service, conversation["id"]))
    await working.wait()
    await service.kill_turns()
    await asyncio.gather(asking, return_exceptions=True)
    del service.model.before_answering
    service.clock.pass_seconds(61)

    await sweep(None)

    assert list(heard.points("conversations.turns")) == [("interrupted", "incomplete")]


async def test_what_is_not_there_is_no_failed_call_and_what_is_away_is_one(
    service: Service, heard: Heard
) -> None:
    missing = await service.http.get("conversations/conv_01ARZ3NDEKTSV4RRFFQ69G5FAV")
    (call,) = heard.of_database()
    assert (missing.status_code, call.status.status_code) == (404, StatusCode.UNSET)
    assert attributes(call)["db.response.status_code"] == "404"
    assert heard.span("get_conversation").status.status_code is StatusCode.UNSET
    heard.forget_spans()
    service.engine.faults.add(Fault("query", status=503, times=None))

    away = await service.http.get("conversations")

    assert away.status_code == 503
    call = heard.of_database()[-1]
    assert attributes(call)["error.type"] == "Unavailable"
    assert attributes(call)["db.response.status_code"] == "503"
    assert heard.span("list_conversations").status.status_code is StatusCode.ERROR


USER = {
    "X-Local-User": "canary-user",
    "X-Local-Email": "canary@example.com",
    "Authorization": "Bearer canary",
    "Idempotency-Key": "canary-key",
    "traceparent": f"00-{TRACE}-{PARENT}-01",
    "tracestate": "canary=canary",
}
ROOT = {"X-Local-User": "canary-root", "X-Local-Roles": "Conversations.Admin"}


async def test_nothing_that_is_told_holds_what_is_private(service: Service, heard: Heard) -> None:
    """Words, names, keys: in the requests, in what the model says, in the texts of exceptions."""
    http = service.http
    body = {"title": "canary", "metadata": {"canary": "canary"}}
    made = (await http.post("conversations", json=body, headers=USER)).json()
    path = f"conversations/{made['id']}"
    asks: list[dict[str, object]] = [{}, {"stream": True}, {"instructions": "canary"}]
    for number, fields in enumerate(asks):
        headers = USER | {"Idempotency-Key": f"canary-{number}"}
        await http.post(f"{path}/ask", json={"content": "canary?", **fields}, headers=headers)
    service.model.failing = ValueError("canary")
    await http.post(
        f"{path}/ask", json={"content": "canary?"}, headers=USER | {"Idempotency-Key": "canary-x"}
    )
    service.model.failing = None
    service.engine.faults.add(Fault("query", error=RuntimeError("canary")))
    await http.get("conversations?title=canary", headers=USER)
    await http.get("tenant/conversations?user_email=canary@example.com", headers=ROOT)
    await http.put("tenant/holds/canary-user", json={"reason": "canary"}, headers=ROOT)
    await http.get("conversations/canary", headers=USER)
    await http.get("canary")
    await service.background()
    await record_usage(await feed(service))
    await run_background_turns(await feed(service))
    await http.post("me/erase", headers=USER)

    told = heard.text()

    assert "chat default" in told
    assert "tenant/holds/{user_id}" in told
    assert "canary" not in told
    assert services().settings.cosmos_db_key not in told
    for private in ("local-tenant", made["id"]):
        assert private not in told


async def test_an_empty_batch_has_no_lag(service: Service, heard: Heard) -> None:
    await enrich(func.DocumentList([]))

    assert not heard.points("conversations.change_feed.lag")


async def test_what_traces_by_itself_is_not_heard(service: Service, heard: Heard) -> None:
    """FastAPI does, with whole addresses, and the worker has one in front of every function."""
    worker = FastAPI()
    worker.get("/v1/{path:path}")(lambda path: path)

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(worker), base_url="http://worker") as http:
        await http.get("/v1/conversations?title=canary")

    assert heard.spans() == []
