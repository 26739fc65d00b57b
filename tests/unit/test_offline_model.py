import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import openai
import pytest

from local.model import OfflineModel
from local.model.trouble import Trouble
from shared.ai import Model, Prompt, count_tokens
from shared.settings import Settings

URL = "http://offline.test/v1"
TRIP = [
    "Can you help me plan a three-day trip to Lisbon in October?",
    "What food should we try there?",
    "Which museum in Lisbon suits a child of six?",
    "How do we get to that museum by tram?",
]


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(transport=OfflineModel(0), base_url=URL) as client:
        yield client


@pytest.fixture
async def model(client: httpx2.AsyncClient) -> AsyncIterator[Model]:
    given = {"AUTH_MODE": "local", "COSMOS_DB_ENDPOINT": "http://127.0.0.1:8081", "OPENAI_BASE_URL": URL}
    model = Model(Settings.load(given), client)
    yield model
    await model.close()


def asked(*questions: str, **more: Any) -> dict[str, Any]:
    return {"model": "default", "messages": [{"role": "user", "content": text} for text in questions], **more}


def unheard(piece: str) -> None:
    """For who wants the answer alone."""


async def ask(model: Model, *questions: str) -> str:
    return (await model.answer([Prompt("user", question) for question in questions], unheard)).content


# Answers


async def test_the_same_question_has_the_same_bytes(client: httpx2.AsyncClient) -> None:
    answers = [await client.post("/chat/completions", json=asked(*TRIP)) for _ in range(2)]
    assert answers[0].content == answers[1].content


async def test_an_answer_says_what_it_is_and_takes_up_the_question(model: Model) -> None:
    answer = await ask(model, "What is a lease?")
    assert "built-in offline model" in answer
    assert "“What is a lease?”" in answer


async def test_an_answer_goes_back_to_earlier_questions(model: Model) -> None:
    answer = await ask(model, *TRIP)
    assert answer.startswith("Earlier you asked “Can you help me plan")
    assert all(f"“{question}”" in answer for question in TRIP)
    assert "your question 3, which also spoke of “museum”" in answer


async def test_instructions_are_acknowledged(model: Model) -> None:
    answer = await model.answer(
        [Prompt("system", "You speak like a pirate."), Prompt("user", "Hello")], unheard
    )
    assert "“You speak like a pirate”" in answer.content


@pytest.mark.parametrize(
    "question",
    [
        "Write a long text about bridges.",
        "Tell me a story",
        "Explain leases in detail",
        "An essay on tea, please",
    ],
)
async def test_a_question_for_something_long_gets_at_least_200_words(model: Model, question: str) -> None:
    assert len((await ask(model, question)).split()) >= 200


async def test_as_many_words_as_are_asked_for_come(model: Model) -> None:
    assert len((await ask(model, "Write 900 words about bridges")).split()) >= 900


@pytest.mark.parametrize("question", ["How long is the river?", "Say it in 20 words", "Hi", "😀", "   "])
async def test_other_questions_get_a_short_answer(model: Model, question: str) -> None:
    assert len((await ask(model, question)).split()) < 100


async def test_an_answer_keeps_to_the_cap_on_tokens(model: Model) -> None:
    answer = await model.answer([Prompt("user", "Write a long story")], unheard, max_output_tokens=40)
    assert answer.incomplete_reason == "max_output_tokens"
    assert 20 < answer.usage.output_tokens == count_tokens(answer.content) <= 40


async def test_usage_is_the_estimate(model: Model) -> None:
    answer = await model.answer([Prompt("user", "What is a lease?")], unheard)
    assert answer.usage.input_tokens == count_tokens("What is a lease?")
    assert answer.usage.output_tokens == count_tokens(answer.content)


async def test_a_whole_answer_takes_its_time() -> None:
    async with httpx2.AsyncClient(transport=OfflineModel(500), base_url=URL) as client:
        start = time.monotonic()
        answer = await client.post("/chat/completions", json=asked("Hi"))
        words = len(answer.json()["choices"][0]["message"]["content"].split())
        assert time.monotonic() - start >= words / 500


async def test_titles_come_at_once() -> None:
    title = {"type": "json_schema", "json_schema": {"name": "title"}}
    material = json.dumps({"messages": [{"role": "user", "content": TRIP[0]}]})
    async with httpx2.AsyncClient(transport=OfflineModel(1), base_url=URL) as client, asyncio.timeout(0.5):
        await client.post("/chat/completions", json=asked(material, response_format=title))


# Streams


async def test_a_stream_brings_the_same_answer_word_by_word(client: httpx2.AsyncClient) -> None:
    body = asked(*TRIP, "Write a long story", stream=True, stream_options={"include_usage": True})
    whole = (await client.post("/chat/completions", json=body | {"stream": False})).json()
    sdk = openai.AsyncOpenAI(base_url=URL, api_key="none", http_client=client)
    chunks = [chunk async for chunk in await sdk.chat.completions.create(**body)]
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    content = whole["choices"][0]["message"]["content"]
    assert "".join(pieces) == content
    assert len([piece for piece in pieces if piece]) == len(content.split())
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.model_dump(exclude_none=True) == whole["usage"]


async def test_a_stream_is_sent_as_events_and_ends_with_done(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/chat/completions", json=asked("Hi", stream=True))
    assert answer.headers["content-type"] == "text/event-stream"
    events = answer.text.removesuffix("\n\n").split("\n\n")
    assert events[-1] == "data: [DONE]"
    assert not any("usage" in json.loads(event.removeprefix("data: ")) for event in events[:-1])


async def test_the_first_words_come_before_the_last_are_written() -> None:
    async with (
        httpx2.AsyncClient(transport=OfflineModel(20), base_url=URL) as client,
        asyncio.timeout(1),
        client.stream("POST", "/chat/completions", json=asked("Write 900 words", stream=True)) as answer,
    ):
        lines = answer.aiter_lines()
        while '"content": "You' not in await anext(lines):
            pass
        await lines.aclose()  # type: ignore[attr-defined]  # it is an async generator


# Titles, summaries, lines


@pytest.mark.parametrize(
    ("message", "title"),
    [
        (TRIP[0], "Plan a three-day trip to Lisbon in October"),
        ("What is the capital of France? I forgot.", "Capital of France"),
        ("Помоги мне спланировать поездку в Казань", "Спланировать поездку в Казань"),
        ("Wie kündige ich den Vertrag?", "Kündige ich den Vertrag"),
        ("请帮我安排三天旅行。谢谢", "请帮我安排三天旅行"),
        ("Hi", "Hi"),
        ("😀🎉", "😀🎉"),
        ("x" * 5000, "X" * 1 + "x" * 58 + "…"),
    ],
)
async def test_a_title_is_made_of_the_first_question(model: Model, message: str, title: str) -> None:
    messages = [Prompt("system", "Be kind."), Prompt("user", message), Prompt("user", "Something else")]
    assert await model.title(messages) == title


async def test_a_conversation_without_words_has_a_title_too(model: Model) -> None:
    assert await model.title([]) == "Untitled"


async def test_a_summary_is_rolled_forward(model: Model) -> None:
    first = await model.summary(
        None, [Prompt("user", TRIP[0]), Prompt("assistant", "Gladly. Three days it is.")]
    )
    second = await model.summary(
        first, [Prompt("user", TRIP[1]), Prompt("assistant", await ask(model, TRIP[1]))]
    )
    assert first.text == f"{TRIP[0]} Gladly."
    assert second.text == f"{TRIP[0]} Gladly. {TRIP[1]}"
    assert second.highlights == (TRIP[0], TRIP[1])


async def test_a_summary_stays_within_bounds_and_keeps_the_newest(model: Model) -> None:
    messages = [Prompt("user", f"Question {number} asks {'word ' * 40}") for number in range(60)]
    summary = await model.summary(None, messages)
    assert len(summary.text) <= 2000
    assert "Question 59" in summary.text
    assert len(summary.highlights) == 5


async def test_a_line_is_the_first_sentence_unless_that_is_a_greeting(model: Model) -> None:
    sentence = "The committee met on Thursday to decide about the bridge."
    assert await model.line(f"{sentence} Three engineers spoke.") == sentence
    assert await model.line(f"Dear team. {sentence}") == f"Dear team. {sentence}"
    assert len(await model.line("word " * 1000)) <= 200


# The interface


async def test_it_lists_itself(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/models")
    assert [model["id"] for model in answer.json()["data"]] == ["offline"]


async def test_other_routes_are_not_found(client: httpx2.AsyncClient) -> None:
    for answer in (await client.get("/chat/completions"), await client.post("/embeddings", json={})):
        assert answer.status_code == 404
        assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"{}",
        b'{"model": "x", "messages": []}',
        b'{"model": "x", "messages": [{"role": "user", "content": 1}]}',
        b'{"model": "x", "messages": [{"role": "user", "content": "x"}], "max_tokens": 0}',
        json.dumps(
            asked("{}", response_format={"type": "json_schema", "json_schema": {"name": "poem"}})
        ).encode(),
        json.dumps(
            asked("no", response_format={"type": "json_schema", "json_schema": {"name": "title"}})
        ).encode(),
    ],
)
async def test_a_bad_body_is_a_bad_request(client: httpx2.AsyncClient, body: bytes) -> None:
    answer = await client.post("/chat/completions", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


# Trouble

ENDS = [("length", "length"), ("content_filter", "content_filter")]


@pytest.mark.parametrize(("trouble", "reason"), ENDS)
async def test_it_can_be_told_to_stop_half_way(trouble: Trouble, reason: str) -> None:
    async with httpx2.AsyncClient(transport=OfflineModel(0, trouble), base_url=URL) as client:
        choice = (await client.post("/chat/completions", json=asked("Hm?"))).json()["choices"][0]
    assert choice["finish_reason"] == reason
    assert choice["message"]["content"].startswith("You ask")


@pytest.mark.parametrize(("trouble", "status"), [("error", 500), ("rate_limit", 429)])
async def test_it_can_be_told_to_refuse(trouble: Trouble, status: int) -> None:
    async with httpx2.AsyncClient(transport=OfflineModel(0, trouble), base_url=URL) as client:
        assert (await client.post("/chat/completions", json=asked("Hm?"))).status_code == status


async def test_it_can_be_told_to_break_off_or_to_hang() -> None:
    async with httpx2.AsyncClient(transport=OfflineModel(0, "broken"), base_url=URL) as client:
        with pytest.raises(httpx2.ReadError):
            await client.post("/chat/completions", json=asked("Hm?", stream=True))
    async with httpx2.AsyncClient(transport=OfflineModel(0, "hang"), base_url=URL) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.post("/chat/completions", json=asked("Hm?"))
