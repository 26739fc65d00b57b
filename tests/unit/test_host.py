"""The laptop host serves HTTP functions as the Functions host and its Python worker do."""

import asyncio
import functools
import json
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import azure.functions as func
import httpx2
import pytest
from azurefunctions.extensions.http.fastapi import JSONResponse, Request, Response, StreamingResponse
from fastapi import HTTPException
from pydantic import BaseModel

from local import server
from local.host.admin import Admin
from local.host.http import Host, route_prefix
from local.host.registered import Refused, registered_functions
from tests.unit.fake_time import settle


def host_of(app: func.FunctionApp, prefix: str = "api") -> Host:
    functions = registered_functions(app)
    return Host(functions, prefix=prefix, admin=Admin(functions))


def client_of(app: func.FunctionApp, prefix: str = "api", address: str = "127.0.0.1") -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(host_of(app, prefix), client=(address, 1))
    return httpx2.AsyncClient(transport=transport, base_url="http://test")


def echo_app(*templates: str) -> func.FunctionApp:
    """A function for each template, called f0, f1 …, that answers with its name and its path parameters."""
    app = func.FunctionApp()
    for number, template in enumerate(templates):

        async def answer(req: Request, context: func.Context) -> Response:
            return JSONResponse([context.function_name, req.path_params])

        app.function_name(f"f{number}")(app.route(template, methods=["GET"])(answer))
    return app


def one_function(call: Callable[..., Any], **route: Any) -> func.FunctionApp:
    app = func.FunctionApp()
    app.route(**{"route": "it", "methods": ["GET"], **route})(call)
    return app


# Routing


@pytest.mark.parametrize(
    ("template", "path", "parameters"),
    [
        ("things", "/api/things", {}),
        ("things", "/api/things/", {}),
        ("things", "/API/Things", {}),
        ("things/{id}", "/api/things/a%20b", {"id": "a b"}),
        ("things/{id}", "/api/things/%C3%A4%25", {"id": "ä%"}),
        ("things/{id}", "/api/things/a%2Fb", {"id": "a%2Fb"}),
        ("things/{id}/parts/{part}", "/api/things/1/parts/2", {"id": "1", "part": "2"}),
        ("things/{id?}", "/api/things", {}),
        ("things/{id?}", "/api/things/1", {"id": "1"}),
        ("files/{*rest}", "/api/files/a/b%20c", {"rest": "a/b c"}),
        ("files/{*rest}", "/api/files", {}),
        ("things/{id:int}", "/api/things/12", {"id": "12"}),
        (
            "things/{id:guid}",
            "/api/things/0f8fad5b-d9cb-469f-a165-70867728950e",
            {"id": "0f8fad5b-d9cb-469f-a165-70867728950e"},
        ),
    ],
)
async def test_a_request_finds_its_route(template: str, path: str, parameters: dict[str, str]) -> None:
    async with client_of(echo_app(template)) as http:
        answer = await http.get(path)
    assert answer.status_code == 200
    assert answer.json() == ["f0", parameters]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/things/1"),
        ("GET", "/api/other"),
        ("GET", "/api/things"),
        ("GET", "/api/things/1/2"),
        ("GET", "/"),
        ("POST", "/api/things/1"),
        ("HEAD", "/api/things/1"),
        ("OPTIONS", "/api/things/1"),
        ("GET", "/api/numbers/one"),
    ],
)
async def test_an_unknown_route_and_a_wrong_method_are_an_empty_404(method: str, path: str) -> None:
    async with client_of(echo_app("things/{id}", "numbers/{n:int}")) as http:
        answer = await http.request(method, path)
    assert (answer.status_code, answer.content) == (404, b"")
    assert answer.headers["x-request-id"]


async def test_the_more_exact_route_wins_wherever_it_was_registered() -> None:
    async with client_of(echo_app("things/{*rest}", "things/{id}", "things/{id:int}", "things/new")) as http:
        names = [(await http.get(f"/api/things/{end}")).json()[0] for end in ("new", "7", "x", "x/y")]
    assert names == ["f3", "f2", "f1", "f0"]


async def test_two_functions_may_share_a_route_with_other_methods() -> None:
    app = echo_app("things")

    @app.route("things", methods=["POST"])
    async def create(req: Request) -> Response:
        return Response("created", 201)

    async with client_of(app) as http:
        assert (await http.post("/api/things")).status_code == 201
        assert (await http.get("/api/things")).status_code == 200


async def test_a_function_without_methods_answers_all_of_them() -> None:
    async def it(req: Request) -> Response:
        return Response(req.method)

    app = func.FunctionApp()
    app.route("it")(it)
    async with client_of(app) as http:
        answers = [await http.request(method, "/api/it") for method in ("GET", "PUT", "DELETE")]
    assert [answer.text for answer in answers] == ["GET", "PUT", "DELETE"]


async def test_the_prefix_is_that_of_host_json_and_may_be_empty(tmp_path: Path) -> None:
    assert route_prefix(tmp_path) == "api"
    settings = {"version": "2.0", "extensions": {"http": {"routePrefix": "v9"}}}
    (tmp_path / "host.json").write_text(json.dumps(settings))
    assert route_prefix(tmp_path) == "v9"
    async with client_of(echo_app("things"), prefix="v9") as http:
        assert (await http.get("/v9/things")).status_code == 200
    async with client_of(echo_app("things"), prefix="") as http:
        assert (await http.get("/things")).status_code == 200


# Requests and answers


async def test_a_function_gets_the_request_as_it_was_sent() -> None:
    async def it(request: Request) -> Response:
        return JSONResponse(
            [request.query_params["q"], request.headers["x-a"], (await request.body()).decode()]
        )

    async with client_of(one_function(it, methods=["POST"], trigger_arg_name="request")) as http:
        answer = await http.post("/api/it?q=1%2B1", headers={"x-a": "b"}, content=b"body")
    assert answer.json() == ["1+1", "b", "body"]


async def test_the_invocation_id_is_the_hosts_whatever_the_client_sends() -> None:
    async def it(req: Request, context: func.Context) -> Response:
        return JSONResponse([req.headers.getlist("x-ms-invocation-id"), context.invocation_id])

    async with client_of(one_function(it)) as http:
        (given, of_context) = (await http.get("/api/it", headers={"x-ms-invocation-id": "mine"})).json()
    assert given == [of_context]
    assert of_context != "mine"


class Thing(BaseModel):
    name: str


@pytest.mark.parametrize(
    ("value", "body"), [({"a": 1}, b'{"a":1}'), (Thing(name="x"), b'{"name":"x"}'), ("text", b'"text"')]
)
async def test_what_is_no_response_becomes_json(value: Any, body: bytes) -> None:
    async def it(req: Request):  # type: ignore[no-untyped-def]
        return value

    async with client_of(one_function(it)) as http:
        answer = await http.get("/api/it")
    assert (answer.status_code, answer.content) == (200, body)
    assert answer.headers["content-type"] == "application/json"


async def test_a_plain_def_runs_beside_the_event_loop() -> None:
    def it(req: Request) -> Response:
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        return Response("done")

    async with client_of(one_function(it)) as http:
        assert (await http.get("/api/it")).text == "done"


async def test_a_decorated_function_is_served_under_its_own_name() -> None:
    def shouting(call: Callable[..., Awaitable[Response]]) -> Callable[..., Awaitable[Response]]:
        @functools.wraps(call)
        async def wrapper(*args: Any, **kwargs: Any) -> Response:
            return Response((await call(*args, **kwargs)).body.upper())

        return wrapper

    app = func.FunctionApp()

    @app.route("it", methods=["GET"])
    @shouting
    async def it(req: Request) -> Response:
        return Response("quiet")

    async with client_of(app) as http:
        assert (await http.get("/api/it")).text == "QUIET"


async def test_a_crash_is_a_500_that_says_nothing_and_a_log_that_says_all(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def it(req: Request) -> Response:
        raise RuntimeError("the secret reason")

    async with client_of(one_function(it)) as http:
        answer = await http.get("/api/it", headers={"x-request-id": "req:7"})
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-request-id"] == "req:7"
    assert "function it failed in request req:7" in caplog.text
    assert "the secret reason" in caplog.text


async def test_a_function_that_answers_nothing_is_a_500() -> None:
    async def it(req: Request):  # type: ignore[no-untyped-def]
        return None

    async with client_of(one_function(it)) as http:
        assert (await http.get("/api/it")).status_code == 500


async def test_an_http_exception_becomes_its_own_answer() -> None:
    async def it(req: Request) -> Response:
        raise HTTPException(418, "short and stout")

    async with client_of(one_function(it)) as http:
        answer = await http.get("/api/it")
    assert (answer.status_code, answer.json()) == (418, {"detail": "short and stout"})


async def test_a_request_that_no_function_took_is_logged_on_one_line_without_its_query(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        async with client_of(echo_app("things/{id}")) as http:
            await http.get("/api/nothings/a%0Ab?token=secret", headers={"x-request-id": "line\tbreak"})
    (line,) = [record.getMessage() for record in caplog.records if record.name == "local.host.http"]
    assert line.startswith("GET /api/nothings/a%0Ab 404 ")
    assert "secret" not in line
    assert "break" not in line


class RawClient:
    """Speaks ASGI itself, to see each part of an answer when it is sent."""

    def __init__(self, host: Host) -> None:
        self.sent: asyncio.Queue[Any] = asyncio.Queue()
        self.gone = asyncio.Event()
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/api/it",
            "raw_path": b"/api/it",
            "query_string": b"",
            "headers": [],
        }
        self.call = asyncio.ensure_future(host(scope, self._receive, self.sent.put))

    async def _receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def next_part(self) -> bytes:
        message = await self.sent.get()
        return bytes(message.get("body", b"")) if message["type"] == "http.response.body" else b"(start)"


async def test_a_stream_goes_out_part_by_part() -> None:
    going_on = asyncio.Event()

    async def parts() -> AsyncIterator[bytes]:
        yield b"one"
        await going_on.wait()
        yield b"two"

    async def it(req: Request) -> StreamingResponse:
        return StreamingResponse(parts())

    client = RawClient(host_of(one_function(it)))
    assert [await client.next_part(), await client.next_part()] == [b"(start)", b"one"]
    await settle()
    assert client.sent.empty()
    going_on.set()
    assert await client.next_part() == b"two"
    await client.call


async def test_a_stream_ends_when_its_client_hangs_up() -> None:
    ended: list[str] = []

    async def parts() -> AsyncIterator[bytes]:
        try:
            yield b"one"
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    async def it(req: Request) -> StreamingResponse:
        return StreamingResponse(parts())

    client = RawClient(host_of(one_function(it)))
    assert [await client.next_part(), await client.next_part()] == [b"(start)", b"one"]
    client.gone.set()
    await client.call
    assert ended == ["cancelled"]


async def test_a_crash_within_a_stream_leaves_it_unfinished(caplog: pytest.LogCaptureFixture) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"one"
        raise RuntimeError("torn")

    async def it(req: Request) -> StreamingResponse:
        return StreamingResponse(parts())

    client = RawClient(host_of(one_function(it)))
    await client.call
    assert [await client.next_part(), await client.next_part()] == [b"(start)", b"one"]
    assert client.sent.empty()
    assert "torn" in caplog.text


async def test_a_request_that_is_cut_off_is_answered_503_in_the_apps_words() -> None:
    async def it(req: Request) -> Response:
        await asyncio.Event().wait()
        return Response("never")

    client = RawClient(host_of(one_function(it)))
    await settle()
    client.call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await client.call

    start, body = client.sent.get_nowait(), client.sent.get_nowait()
    assert start["status"] == 503
    error = json.loads(body["body"])["error"]
    assert (error["code"], error["type"]) == ("unavailable", "server_error")
    assert dict(start["headers"])[b"x-request-id"].decode() == error["request_id"]


async def test_a_stream_that_is_cut_off_just_ends() -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"one"
        await asyncio.Event().wait()

    async def it(req: Request) -> StreamingResponse:
        return StreamingResponse(parts())

    client = RawClient(host_of(one_function(it)))
    assert [await client.next_part(), await client.next_part()] == [b"(start)", b"one"]
    client.call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await client.call
    assert client.sent.empty()


async def test_a_stop_waits_for_what_a_request_does_when_it_is_cut_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "GRACE", 0.05)
    begun, tidied = asyncio.Event(), asyncio.Event()

    async def it(req: Request) -> Response:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0.1)
            tidied.set()
            raise
        return Response("never")

    async def nothing_else(grace: float) -> None: ...

    with server.listening("127.0.0.1", 0) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/api/it"
        serving = asyncio.create_task(
            server.serve_until_stopped(host_of(one_function(it)), listener, nothing_else)
        )
        async with httpx2.AsyncClient() as http:
            asking = asyncio.create_task(http.get(address))
            await begun.wait()
            signal.raise_signal(signal.SIGTERM)
            await serving
            assert tidied.is_set()
            assert (await asking).status_code == 503


# What is refused at the start


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("things/{id:max(3)}", "max"),
        ("things/{id:regex}", "constraint 'regex'"),
        ("things/v{id}", "whole segment"),
        ("things/{id=7}", "whole segment"),
        ("things/{id?}/more", "before its end"),
        ("things/{*rest}/more", "before its end"),
        ("admin/things", "host's own"),
        ("runtime", "host's own"),
    ],
)
def test_a_route_that_cannot_be_served_is_refused_by_its_functions_name(template: str, reason: str) -> None:
    with pytest.raises(Refused, match=f"f0.*{reason}"):
        host_of(echo_app(template))


def test_the_same_route_and_method_twice_is_refused() -> None:
    with pytest.raises(Refused, match="f0 and f1 have the same route for GET"):
        host_of(echo_app("things/{id}", "things/{name}"))


def test_the_same_name_twice_is_refused() -> None:
    app = echo_app("a")
    app.function_name("f0")(app.route("b", methods=["GET"])(echo_app))
    with pytest.raises(Refused, match="unique"):
        registered_functions(app)


def test_an_app_can_be_read_again() -> None:
    app = echo_app("a")
    assert len(registered_functions(app)) == len(registered_functions(app)) == 1


def of_wrong_parameter(request: Request) -> Response: ...
def of_extra_parameter(req: Request, id: str) -> Response: ...  # noqa: A002
def of_wrong_request(req: func.HttpRequest) -> Response: ...
def of_wrong_answer(req: Request) -> func.HttpResponse: ...  # type: ignore[empty-body]
def of_no_answer(req: Request) -> None: ...
def of_two_answers(req: Request) -> Response | None: ...
def of_unknown_answer(req: Request) -> "Nowhere": ...  # type: ignore[name-defined] # noqa: F821


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (of_wrong_parameter, "'request'"),
        (of_extra_parameter, "'id'"),
        (of_wrong_request, "annotation of req"),
        (of_wrong_answer, "return annotation"),
        (of_no_answer, "return annotation"),
        (of_two_answers, "return annotation"),
        (of_unknown_answer, "Nowhere"),
    ],
)
def test_a_signature_that_the_worker_refuses_is_refused(call: Callable[..., Any], reason: str) -> None:
    with pytest.raises(Refused, match=f"{call.__name__}.*{reason}"):
        registered_functions(one_function(call))


@pytest.mark.parametrize("name", ["1st", "with space", "host", "ä"])
def test_a_function_name_that_the_host_refuses_is_refused(name: str) -> None:
    app = func.FunctionApp()
    app.function_name(name)(app.route("it")(one_function))
    with pytest.raises(Refused, match="name"):
        registered_functions(app)


def test_a_parameter_with_an_underscore_is_refused() -> None:
    app = func.FunctionApp()

    @app.timer_trigger(arg_name="my_timer", schedule="0 * * * * *")
    def tidy(my_timer: func.TimerRequest) -> None: ...

    with pytest.raises(Refused, match="my_timer"):
        registered_functions(app)


def test_triggers_and_bindings_that_nothing_stands_in_for_are_refused() -> None:
    app = func.FunctionApp()

    @app.queue_trigger(arg_name="message", queue_name="q", connection="Q")
    def take(message: func.QueueMessage) -> None: ...

    with pytest.raises(Refused, match=r"take.*queueTrigger"):
        registered_functions(app)


# Running a function by hand


def background_app(seen: list[Any]) -> func.FunctionApp:
    app = echo_app("things")

    @app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
    async def tidy(timer: func.TimerRequest) -> None:
        seen.append(timer.past_due)

    @app.cosmos_db_trigger(arg_name="documents", connection="C", database_name="d", container_name="c")
    async def listen(documents: func.DocumentList) -> None:
        seen.append([document.to_dict() for document in documents])

    return app


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        ("tidy", b"", False),
        ("Tidy", b"{}", False),
        ("listen", b'{"input": [{"id": "1"}, {"id": "2"}]}', [{"id": "1"}, {"id": "2"}]),
        ("listen", b'{"input": "[{\\"id\\": \\"1\\"}]"}', [{"id": "1"}]),
        ("listen", b'{"input": {"id": "1"}}', [{"id": "1"}]),
        ("listen", b"", []),
    ],
)
async def test_a_function_can_be_run_by_hand(name: str, body: bytes, expected: Any) -> None:
    seen: list[Any] = []
    async with client_of(background_app(seen)) as http:
        answer = await http.post(f"/admin/functions/{name}", content=body)
    await settle()
    assert answer.status_code == 202
    assert seen == [expected]


async def test_running_by_hand_refuses_what_it_cannot_run() -> None:
    seen: list[Any] = []
    async with client_of(background_app(seen)) as http:
        unknown = await http.post("/admin/functions/nothing")
        of_http = await http.post("/admin/functions/f0")
        no_json = await http.post("/admin/functions/listen", content=b"{")
        no_documents = await http.post("/admin/functions/listen", content=b'{"input": [1]}')
    statuses = [answer.status_code for answer in (unknown, of_http, no_json, no_documents)]
    assert (statuses, seen) == ([404, 400, 400, 400], [])


async def test_the_functions_are_listed() -> None:
    async with client_of(background_app([])) as http:
        listed = (await http.get("/admin/functions")).json()
    assert [(one["name"], one["trigger"]) for one in listed] == [
        ("f0", "httpTrigger"),
        ("tidy", "timerTrigger"),
        ("listen", "cosmosDBTrigger"),
    ]


@pytest.mark.parametrize("address", ["192.0.2.7", "somewhere"])
async def test_nothing_is_run_by_hand_from_another_machine(address: str) -> None:
    seen: list[Any] = []
    async with client_of(background_app(seen), address=address) as http:
        assert (await http.post("/admin/functions/tidy")).status_code == 404
    await settle()
    assert seen == []


async def test_a_failure_of_a_run_by_hand_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    app = func.FunctionApp()

    @app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
    async def tidy(timer: func.TimerRequest) -> None:
        raise RuntimeError("broken")

    async with client_of(app) as http:
        assert (await http.post("/admin/functions/tidy")).status_code == 202
    await settle()
    assert "function tidy failed when run by hand" in caplog.text
