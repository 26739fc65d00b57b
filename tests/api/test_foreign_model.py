"""A model's server that nobody here wrote (llmock, from PyPI), and what it does wrong on demand.

It also judges its client: whether it waits as it is told, and whether it repeats what can't succeed.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from shared.services import services
from tests.api.conftest import Service
from tests.api.instances import another_instance
from tests.api.refusals import refused
from tests.api.sse import text_of
from tests.api.streams import messages, streamed
from tests.packages import from_pypi

START_SECONDS, MODEL_SECONDS, HANG_SECONDS = 20, 5.0, 0.6
# What its verdict calls misbehaving. It would also have us ask again for what had broken off half told.
MISBEHAVIOUR = {
    "retry_after_ignored",
    "retried_non_retryable",
    "retry_storm",
    "no_backoff",
    "no_read_timeout",
}
ALWAYS = {"times": None}


@pytest.fixture(scope="module")
def llmock() -> Iterator[str]:
    """Where one answers, for all the tests here."""
    folder = from_pypi("llmock", "0.2.2")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    process = subprocess.Popen(  # noqa: S603  # a constant
        [sys.executable, str(folder / "bin" / "llmock"), "serve", "-h", "127.0.0.1", "-p", port],
        env={**os.environ, "PYTHONPATH": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _wait_for(address: str, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(START_SECONDS * 20):
        assert process.poll() is None, "llmock has ended"
        try:
            httpx2.get(address)
        except httpx2.TransportError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"llmock does not answer within {START_SECONDS} s")


@dataclass
class Foreign:
    """The service with that model, and the other way to it."""

    service: Service
    control: httpx2.AsyncClient
    conversation: str

    async def will(self, behaviour: str, **options: Any) -> None:
        """Let it do something from now on, or so many `times`."""
        script = {"behaviors": [{"type": behaviour, "times": None, **options}]}
        answer = await self.control.post("scenario", json=script)
        assert answer.status_code == 201, answer.text

    async def ask(self) -> httpx2.Response:
        path = f"conversations/{self.conversation}/ask"
        return await self.service.http.post(path, json={"content": "Hello?"})

    async def stream(self) -> list[dict[str, Any]]:
        return await streamed(self.service, self.conversation)

    def impatient(self) -> AbstractAsyncContextManager[None]:
        """Give the model less time, for as long as the context is open."""
        url = services().settings.openai_base_url
        return another_instance(self.service, openai_base_url=url, model_timeout_seconds=HANG_SECONDS)

    async def times_asked(self) -> int:
        return int((await self.control.get("requests")).json()["count"])


@pytest.fixture
async def foreign(service: Service, llmock: str) -> AsyncIterator[Foreign]:
    """Afterwards the model must have been spoken to properly, and the conversation be free."""
    given = {
        "openai_base_url": f"{llmock}/v1",
        "openai_api_key": "k",
        "model_timeout_seconds": MODEL_SECONDS,
    }
    conversation = (await service.new_conversation())["id"]
    async with (
        another_instance(service, **given),
        httpx2.AsyncClient(base_url=f"{llmock}/_llmock/") as control,
    ):
        await control.post("reset")
        foreign = Foreign(service, control, conversation)
        yield foreign
        findings = (await control.get("verdict")).json()["findings"]
        assert not {finding["code"] for finding in findings} & MISBEHAVIOUR, findings
        await control.post("reset")
        assert (await foreign.ask()).status_code == 201


async def test_its_answers_are_told_and_stored(foreign: Foreign) -> None:
    whole, events = (await foreign.ask()).json(), await foreign.stream()

    (_, first, _, second) = await messages(foreign.service, foreign.conversation)
    assert whole["answers"][0] == first
    assert events[-1]["type"] == "response.completed"
    assert second["content"] == text_of(events) != ""
    for answer in (first, second):
        assert answer["status"] == "completed"
        assert answer["usage"]["output_tokens"] > 0


async def test_one_failure_is_made_good_by_asking_again(foreign: Foreign) -> None:
    await foreign.will("fail", status=500, times=1)
    assert (await foreign.ask()).json()["status"] == "completed"
    await foreign.will("fail", status=429, retry_after=0.3, times=1)
    assert (await foreign.stream())[-1]["type"] == "response.completed"
    assert await foreign.times_asked() == 4


async def test_a_quota_that_is_used_up_for_long_is_the_callers_to_wait_for(foreign: Foreign) -> None:
    await foreign.will("fail", status=429, retry_after=30)

    answer, events = await foreign.ask(), await foreign.stream()

    refused(answer, 429, "rate_limited")
    assert answer.headers["retry-after"] == "30"
    assert _failure(events) == "rate_limited"
    assert await foreign.times_asked() == 2


@pytest.mark.parametrize(("status", "times_asked"), [(500, 3), (400, 1), (401, 1), (404, 1)], ids=str)
async def test_an_error_is_the_models_and_is_repeated_only_where_that_can_help(
    foreign: Foreign, status: int, times_asked: int
) -> None:
    await foreign.will("fail", status=status)

    refused(await foreign.ask(), 502, "model_error")

    assert await foreign.times_asked() == times_asked
    (_, answer) = await messages(foreign.service, foreign.conversation)
    assert (answer["status"], answer["content"]) == ("failed", "")


async def test_an_error_fails_a_stream_too(foreign: Foreign) -> None:
    await foreign.will("fail", status=400)

    assert _failure(await foreign.stream()) == "model_error"


async def test_a_model_that_hangs_is_given_up_in_time(foreign: Foreign) -> None:
    await foreign.will("delay", seconds=3 * HANG_SECONDS)
    async with foreign.impatient():
        started = time.monotonic()
        answer = await foreign.ask()
        events = await foreign.stream()
        assert time.monotonic() - started < 4 * HANG_SECONDS

    refused(answer, 504, "model_timeout")
    assert _failure(events) == "model_timeout"


BREAKS = {
    "disconnect": "unavailable",
    "truncate": "model_error",
    "malformed": "model_error",
    "stall": "model_timeout",
}


@pytest.mark.parametrize("kind", BREAKS)
async def test_a_stream_that_breaks_fails_the_turn_and_what_was_said_is_kept(
    foreign: Foreign, kind: str
) -> None:
    await foreign.will("stream_fault", kind=kind, after_chunks=3)
    async with foreign.impatient():
        events = await foreign.stream()

    assert _failure(events) == BREAKS[kind]
    (_, answer) = await messages(foreign.service, foreign.conversation)
    assert (answer["status"], answer["content"]) == ("failed", text_of(events))
    assert answer["content"]


@pytest.mark.parametrize(
    ("finish", "reason"), [("length", "max_output_tokens"), ("content_filter", "content_filter")]
)
async def test_an_answer_that_it_ends_early_is_incomplete_with_its_reason(
    foreign: Foreign, finish: str, reason: str
) -> None:
    await foreign.will("reply", text="Only half of", finish_reason=finish)

    whole, events = (await foreign.ask()).json(), await foreign.stream()

    assert (whole["status"], whole["answers"][0]["incomplete_reason"]) == ("incomplete", reason)
    assert events[-1]["type"] == "response.incomplete"
    assert events[-1]["response"]["incomplete_details"] == {"reason": reason}
    assert whole["answers"][0]["content"] == text_of(events) == "Only half of"


def _failure(events: list[dict[str, Any]]) -> str:
    """The code that a stream has failed with."""
    assert events[-1]["type"] == "response.failed"
    return str(events[-1]["response"]["error"]["code"])
