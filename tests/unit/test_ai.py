import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import azure.identity.aio
import httpx2
import pytest
from azure.core.credentials import AccessToken, AccessTokenInfo
from azure.core.exceptions import ClientAuthenticationError

import shared.ai.client
from shared.ai import Answer, Model, Prompt, SummaryText, Usage, count_tokens
from shared.errors import (
    ModelError,
    ModelFailure,
    ModelRateLimited,
    ModelTimeout,
    ModelUnavailable,
)
from shared.settings import Settings

QUESTION = [Prompt("system", "Be brief."), Prompt("user", "What is a lease?")]
AT_ONCE = {"retry-after-ms": "1"}
EVENTS = {"content-type": "text/event-stream"}
Reply = Callable[[httpx2.Request], httpx2.Response | Awaitable[httpx2.Response]]


def unheard(piece: str) -> None:
    """For who wants the answer alone."""


class Server(httpx2.AsyncBaseTransport):
    """Plays the model's server: gives `replies` in turn, the last one for ever, and keeps the requests."""

    def __init__(self, *replies: httpx2.Response | Reply) -> None:
        self.replies = replies
        self.requests: list[httpx2.Request] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        reply = self.replies[min(len(self.requests), len(self.replies) - 1)]
        self.requests.append(request)
        if isinstance(reply, httpx2.Response):
            return httpx2.Response(reply.status_code, headers=reply.headers, content=reply.content)
        answered = reply(request)
        return answered if isinstance(answered, httpx2.Response) else await answered

    @property
    def body(self) -> dict[str, Any]:
        """What was sent last."""
        sent: dict[str, Any] = json.loads(self.requests[-1].content)
        return sent

    @property
    def material(self) -> dict[str, Any]:
        """The JSON in the last request's user message."""
        material: dict[str, Any] = json.loads(self.body["messages"][-1]["content"])
        return material


def completion(content: str | None = "A promise for a time.", **choice: Any) -> httpx2.Response:
    message = {"role": "assistant", "content": content, "refusal": choice.pop("refusal", None)}
    usage = {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16}
    whole = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-test-2026",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", **choice}],
        "usage": usage,
    }
    return httpx2.Response(200, content=json.dumps(whole), headers={"content-type": "application/json"})


def problem(status: int, code: str, **headers: str) -> httpx2.Response:
    body = {"error": {"message": "secret text of the server", "type": "x", "param": None, "code": code}}
    return httpx2.Response(status, json=body, headers={**AT_ONCE, **headers})


def settings(**given: str) -> Settings:
    base = {
        "AUTH_MODE": "local",
        "COSMOS_DB_ENDPOINT": "http://127.0.0.1:8081",
        "MODEL_TIMEOUT_SECONDS": "5",
    }
    if "AZURE_OPENAI_ENDPOINT" not in given:
        base["OPENAI_BASE_URL"] = "http://model.test/v1"
    return Settings.load(base | given)


Asking = Callable[..., Model]


@pytest.fixture
async def asking() -> AsyncIterator[Asking]:
    """Make a model that asks a server; closed at the end."""
    made: list[Model] = []

    def make(server: Server, **given: str) -> Model:
        made.append(Model(settings(**given), httpx2.AsyncClient(transport=server)))
        return made[-1]

    yield make
    for model in made:
        await model.close()


# Where requests go


async def test_an_answer_has_content_model_and_usage(asking: Asking) -> None:
    server = Server(completion())
    answer = await asking(server).answer(QUESTION, unheard)
    assert answer == Answer("A promise for a time.", "gpt-test-2026", Usage(11, 5), None)
    assert str(server.requests[0].url) == "http://model.test/v1/chat/completions"
    assert server.body == {
        "model": "default",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "What is a lease?"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


@pytest.mark.parametrize(
    "endpoint",
    ["https://x.openai.azure.com", "https://x.openai.azure.com/", "https://x.openai.azure.com/openai/v1/"],
)
async def test_azure_is_asked_through_its_v1_api_with_the_key(asking: Asking, endpoint: str) -> None:
    server = Server(completion())
    model = asking(
        server, AZURE_OPENAI_ENDPOINT=endpoint, AZURE_OPENAI_KEY="k3y", AZURE_OPENAI_DEPLOYMENT="gpt-main"
    )
    await model.answer(QUESTION, unheard, max_output_tokens=50, temperature=0.5)
    assert str(server.requests[0].url) == "https://x.openai.azure.com/openai/v1/chat/completions"
    assert server.requests[0].headers["authorization"] == "Bearer k3y"
    assert server.body["model"] == "gpt-main"
    assert (server.body["max_completion_tokens"], server.body["temperature"]) == (50, 0.5)


class Identity:
    """A credential of the Azure identity library."""

    closed = False
    scopes: tuple[str, ...] = ()

    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        Identity.scopes = scopes
        return AccessToken("t0ken", 4102444800)

    async def get_token_info(self, *scopes: str, **_: Any) -> AccessTokenInfo:
        Identity.scopes = scopes
        return AccessTokenInfo("t0ken", 4102444800)

    async def close(self) -> None:
        Identity.closed = True


async def test_without_a_key_azure_is_asked_with_the_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(azure.identity.aio, "DefaultAzureCredential", Identity)
    server = Server(completion())
    given = settings(AZURE_OPENAI_ENDPOINT="https://x.openai.azure.com", AZURE_OPENAI_DEPLOYMENT="gpt-main")
    model = Model(given, httpx2.AsyncClient(transport=server))
    await model.answer(QUESTION, unheard)
    await model.close()
    assert server.requests[0].headers["authorization"] == "Bearer t0ken"
    assert Identity.scopes == ("https://cognitiveservices.azure.com/.default",)
    assert Identity.closed


async def test_an_identity_without_a_token_is_an_unavailable_model(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Nobody(Identity):
        async def get_token_info(self, *scopes: str, **_: Any) -> AccessTokenInfo:
            raise ClientAuthenticationError("no identity here")

    monkeypatch.setattr(azure.identity.aio, "DefaultAzureCredential", Nobody)
    model = asking(
        Server(completion()),
        AZURE_OPENAI_ENDPOINT="https://x.openai.azure.com",
        AZURE_OPENAI_DEPLOYMENT="gpt-main",
    )
    with pytest.raises(ModelUnavailable):
        await model.answer(QUESTION, unheard)


@pytest.mark.parametrize(
    ("base_url", "name"),
    [("http://127.0.0.1:11434/v1", "max_tokens"), ("https://api.openai.com/v1", "max_completion_tokens")],
)
async def test_the_cap_has_the_name_that_the_server_knows(asking: Asking, base_url: str, name: str) -> None:
    server = Server(completion())
    await asking(server, OPENAI_BASE_URL=base_url).answer(QUESTION, unheard, max_output_tokens=50)
    assert server.body[name] == 50


async def test_a_model_is_asked_by_its_deployment_and_background_work_by_its_own(asking: Asking) -> None:
    server = Server(completion())
    model = asking(server, ALLOWED_MODELS="gpt-large", AZURE_OPENAI_TITLE_DEPLOYMENT="gpt-small")
    await model.answer(QUESTION, unheard, model="gpt-large")
    assert server.body["model"] == "gpt-large"
    await model.title(QUESTION)
    assert server.body["model"] == "gpt-small"


async def test_a_model_that_is_not_offered_is_not_asked(asking: Asking) -> None:
    server = Server(completion())
    with pytest.raises(ModelError):
        await asking(server).answer(QUESTION, unheard, model="gpt-unknown")
    assert not server.requests


async def test_many_first_questions_make_one_connection(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[shared.ai.client.Connection] = []

    class Counted(shared.ai.client.Connection):
        def __init__(self, *given: Any) -> None:
            made.append(self)
            super().__init__(*given)

    monkeypatch.setattr("shared.ai.model.Connection", Counted)
    model = asking(Server(completion()))
    await asyncio.gather(*(model.answer(QUESTION, unheard) for _ in range(5)))
    assert len(made) == 1


def test_openai_and_azure_identity_are_not_imported_before_they_are_needed() -> None:
    code = (
        "import sys, shared.ai; sys.exit(not {'openai', 'azure.identity', 'httpx2'}.isdisjoint(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603 (our own code)


# What goes wrong


async def test_a_short_trouble_is_retried(asking: Asking) -> None:
    server = Server(problem(500, "oops"), problem(429, "slow_down"), completion())
    assert (await asking(server).answer(QUESTION, unheard)).content == "A promise for a time."
    assert len(server.requests) == 3


async def test_a_lasting_trouble_is_tried_three_times(asking: Asking) -> None:
    server = Server(problem(500, "oops"))
    with pytest.raises(ModelError) as raised:
        await asking(server).answer(QUESTION, unheard)
    assert len(server.requests) == 3
    assert raised.value.__cause__ is not None


async def test_a_quota_that_is_long_in_coming_back_is_told_at_once(asking: Asking) -> None:
    server = Server(httpx2.Response(429, json={"error": {}}, headers={"retry-after": "37"}))
    with pytest.raises(ModelRateLimited) as raised:
        await asking(server).answer(QUESTION, unheard)
    assert raised.value.headers["Retry-After"] == "37"
    assert len(server.requests) == 1


@pytest.mark.parametrize("retry_after", ["0", "0.2", "soon", "inf", ""])
async def test_a_used_up_quota_always_says_when_to_come_back(asking: Asking, retry_after: str) -> None:
    server = Server(problem(429, "slow_down", **{"retry-after": retry_after}))
    with pytest.raises(ModelRateLimited) as raised:
        await asking(server).answer(QUESTION, unheard)
    assert raised.value.headers["Retry-After"] == "1"
    assert len(server.requests) == 3


async def test_a_model_that_hangs_takes_no_longer_than_it_may(asking: Asking) -> None:
    async def hang(_: httpx2.Request) -> httpx2.Response:
        await asyncio.sleep(60)
        return completion()

    with pytest.raises(ModelTimeout):
        await asking(Server(hang), MODEL_TIMEOUT_SECONDS="0.05").answer(QUESTION, unheard)


@pytest.mark.parametrize(
    ("trouble", "failure"),
    [(httpx2.ConnectError("refused"), ModelUnavailable), (httpx2.ConnectTimeout("slow"), ModelTimeout)],
)
async def test_a_model_out_of_reach_is_told_by_how(
    asking: Asking, monkeypatch: pytest.MonkeyPatch, trouble: Exception, failure: type[ModelFailure]
) -> None:
    def fail(_: httpx2.Request) -> httpx2.Response:
        raise trouble

    monkeypatch.setattr(shared.ai.client, "MAX_RETRIES", 0)
    with pytest.raises(failure):
        await asking(Server(fail)).answer(QUESTION, unheard)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_no_text_of_the_server_reaches_the_caller(
    asking: Asking, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    server = Server(problem(status, "bad_thing"))
    with pytest.raises(ModelError) as raised:
        await asking(server, OPENAI_API_KEY="k3y").answer(QUESTION, unheard)
    assert "secret" not in raised.value.message
    ours = [record for record in caplog.records if record.name == "shared.ai.client"]
    assert [record.levelname for record in ours] == ["ERROR" if status in (401, 403, 404) else "WARNING"]
    assert str(status) in ours[0].getMessage()
    assert "k3y" not in caplog.text


@pytest.mark.parametrize(
    "reply",
    [
        httpx2.Response(200, content=b'{"choices": [', headers={"content-type": "application/json"}),
        httpx2.Response(200, content=b"<html>hello</html>", headers={"content-type": "text/html"}),
        httpx2.Response(200, json=[]),
        httpx2.Response(200, json={}),
        httpx2.Response(200, json={"choices": None}),
        httpx2.Response(200, json={"choices": []}),
        httpx2.Response(200, json={"choices": [{"message": None}]}),
        httpx2.Response(200, json={"choices": [{"message": {"content": {"text": 1}}}]}),
        completion(""),
        completion(None),
        completion(None, finish_reason="tool_calls"),
        completion(None, refusal="I can't help with that."),
        completion("I'm sorry.", refusal="I can't help with that."),
    ],
    ids=lambda reply: reply.text[:40],
)
async def test_what_is_no_answer_is_a_model_error(asking: Asking, reply: httpx2.Response) -> None:
    with pytest.raises(ModelError):
        await asking(Server(reply)).answer(QUESTION, unheard)


async def test_a_question_that_the_content_filter_stops_has_an_empty_answer(asking: Asking) -> None:
    answer = await asking(Server(problem(400, "content_filter"))).answer(QUESTION, unheard)
    assert answer == Answer("", "default", Usage(0, 0), "content_filter")


@pytest.mark.parametrize(
    ("finish_reason", "reason"), [("length", "max_output_tokens"), ("content_filter", "content_filter")]
)
@pytest.mark.parametrize("content", ["As far as", None])
async def test_an_answer_that_stops_early_says_why(
    asking: Asking, finish_reason: str, reason: str, content: str | None
) -> None:
    answer = await asking(Server(completion(content, finish_reason=finish_reason))).answer(QUESTION, unheard)
    assert (answer.content, answer.incomplete_reason) == (content or "", reason)


async def test_usage_is_estimated_where_the_server_gives_none(asking: Asking) -> None:
    bare = httpx2.Response(200, json={"choices": [{"message": {"content": "A promise."}}]})
    answer = await asking(Server(bare)).answer(QUESTION, unheard)
    sent = sum(count_tokens(prompt.content) for prompt in QUESTION)
    assert answer == Answer("A promise.", "default", Usage(sent, count_tokens("A promise.")), None)


async def test_an_answer_holds_nothing_that_cannot_be_stored(asking: Asking) -> None:
    answer = await asking(Server(completion("a\0b\ud83dc"))).answer(QUESTION, unheard)
    assert answer.content == "ab?c"


# Piece by piece


def chunk(content: str | None = None, finish_reason: str | None = None, **fields: Any) -> str:
    delta = {} if content is None else {"content": content}
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    body = {"id": "c", "object": "chat.completion.chunk", "created": 0, "choices": [choice], **fields}
    return f"data: {json.dumps(body)}\n\n"


def streamed(*chunks: str) -> httpx2.Response:
    return httpx2.Response(200, headers=EVENTS, content="".join(chunks))


async def test_the_pieces_that_are_heard_make_the_answer(asking: Asking) -> None:
    counted = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    said = [
        chunk(""),
        chunk("A pro"),
        chunk("mise \ud83d"),
        chunk("\ude00\0."),
        chunk(finish_reason="stop"),
        chunk(choices=[], usage=counted, model="gpt-test-2026"),
        "data: [DONE]\n\n",
    ]
    heard: list[str] = []

    answer = await asking(Server(streamed(*said))).answer(QUESTION, heard.append)

    assert heard == ["A pro", "mise ", "😀."]
    assert answer == Answer("A promise 😀.", "gpt-test-2026", Usage(3, 2), None)


async def test_a_server_that_does_not_stream_is_heard_all_at_once(asking: Asking) -> None:
    heard: list[str] = []

    answer = await asking(Server(completion())).answer(QUESTION, heard.append)

    assert heard == [answer.content] == ["A promise for a time."]


@pytest.mark.parametrize(
    "reply",
    [
        streamed(chunk("A pro")),
        streamed(chunk(finish_reason="stop")),
        streamed("data: {\n\n"),
        streamed(chunk("A", choices=[{"delta": {"refusal": "No."}, "finish_reason": "stop"}])),
        streamed(),
    ],
    ids=["breaks off", "empty", "no JSON", "refusal", "nothing"],
)
async def test_a_stream_that_is_no_answer_is_a_model_error(asking: Asking, reply: httpx2.Response) -> None:
    with pytest.raises(ModelError):
        await asking(Server(reply)).answer(QUESTION, unheard)


class Endless(httpx2.AsyncByteStream):
    """What can't be read, from a server that goes on."""

    closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            yield chunk(choices="none").encode()

    async def aclose(self) -> None:
        self.closed = True


async def test_a_stream_that_cannot_be_read_is_hung_up_on(asking: Asking) -> None:
    said = Endless()
    server = Server(lambda _: httpx2.Response(200, headers=EVENTS, stream=said))

    with pytest.raises(ModelError) as raised:
        await asking(server).answer(QUESTION, unheard)

    assert said.closed, raised  # whose traceback keeps the stream from being collected


# Titles, summaries, lines

TITLES = [
    ('{"title": "Trip to Lisbon"}', "Trip to Lisbon"),
    ('```json\n{"title": "Trip to Lisbon"}\n```', "Trip to Lisbon"),
    ("Trip to Lisbon", "Trip to Lisbon"),
    ('"Trip to\nLisbon"\n', "Trip to Lisbon"),
    ("**“Trip to Lisbon”**", "Trip to Lisbon"),
    ("„Reise nach Lissabon“", "Reise nach Lissabon"),
    ("« Voyage à Lisbonne »", "Voyage à Lisbonne"),
    ("『里斯本之旅』", "里斯本之旅"),
    ('"This" and "that"', '"This" and "that"'),
    ("Trip\x1b to\0 Lisbon", "Trip to Lisbon"),
    ("word " * 60, "word " * 15 + "word…"),
    ("字" * 300, "字" * 79 + "…"),
]


@pytest.mark.parametrize(("content", "title"), TITLES, ids=range(len(TITLES)))
async def test_a_title_is_one_short_line_without_quotes(asking: Asking, content: str, title: str) -> None:
    assert await asking(Server(completion(content))).title(QUESTION) == title
    assert len(title) <= 80


async def test_a_title_is_asked_for_by_schema_with_the_messages_as_data(asking: Asking) -> None:
    server = Server(completion('{"title": "Leases"}'))
    await asking(server).title([*QUESTION, Prompt("user", "x" * 9000)])
    schema = server.body["response_format"]["json_schema"]
    assert (schema["name"], schema["strict"]) == ("title", True)
    assert schema["schema"]["required"] == ["title"]
    assert [message["role"] for message in server.body["messages"]] == ["system", "user"]
    assert server.material["messages"][1] == {"role": "user", "content": "What is a lease?"}
    assert len(server.material["messages"][2]["content"]) == 4000


async def test_a_summary_is_rolled_forward_from_the_last(asking: Asking) -> None:
    said = {"text": "Ada asked.\n\n\n\nIt was  told.", "highlights": ['"One"', "", *"abcdefg"]}
    server = Server(completion(json.dumps(said)))
    summary = await asking(server).summary(SummaryText("Before.", ("Old",), "m"), QUESTION[1:])
    assert server.material == {
        "summary": "Before.",
        "highlights": ["Old"],
        "messages": [{"role": "user", "content": "What is a lease?"}],
    }
    assert summary == SummaryText("Ada asked.\n\nIt was told.", ("One", "a", "b", "c", "d"), "gpt-test-2026")


async def test_a_first_summary_starts_from_nothing_and_keeps_its_bounds(asking: Asking) -> None:
    said = {"text": "word " * 1000, "highlights": ["word " * 100]}
    server = Server(completion(json.dumps(said)))
    summary = await asking(server).summary(None, QUESTION)
    assert (server.material["summary"], server.material["highlights"]) == (None, [])
    assert len(summary.text) <= 2000
    assert len(summary.highlights[0]) <= 200


async def test_a_summary_in_plain_text_has_no_highlights(asking: Asking) -> None:
    summary = await asking(Server(completion("Leases were explained."))).summary(None, QUESTION)
    assert (summary.text, summary.highlights) == ("Leases were explained.", ())


@pytest.mark.parametrize("content", ['{"line": "The team  wants a\\nlease."}', "'The team wants a lease.'"])
async def test_a_line_is_one_line(asking: Asking, content: str) -> None:
    server = Server(completion(content))
    assert await asking(server).line("y" * 9000) == "The team wants a lease."
    assert server.material == {"message": "y" * 4000}


@pytest.mark.parametrize(
    "content", ['{"name": "Leases"}', '{"title": ', '{"title": ""}', '{"title": " \\n "}', "```"]
)
async def test_json_of_another_shape_or_an_empty_title_is_a_model_error(asking: Asking, content: str) -> None:
    with pytest.raises(ModelError):
        await asking(Server(completion(content))).title(QUESTION)


@pytest.mark.parametrize(
    "reply",
    [problem(400, "content_filter"), completion("Trip to", finish_reason="length")],
    ids=["filter", "length"],
)
async def test_a_title_that_stops_early_is_a_model_error(asking: Asking, reply: httpx2.Response) -> None:
    with pytest.raises(ModelError):
        await asking(Server(reply)).title(QUESTION)


# Counting


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("word", 1),
        ("a", 1),
        ("ABCD", 3),
        ("2026", 3),
        ("мир", 2),
        ("桥", 1),
        ("😀😀😀", 6),
        ("\ud83d", 1),
    ],
)
def test_tokens_are_estimated_by_the_stated_weights(text: str, tokens: int) -> None:
    assert count_tokens(text) == tokens
