"""What a hostile request may cost, and what an answer or a log line may tell."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator

import httpx2
import pytest
from azure.core.exceptions import ServiceRequestError

from local.cosmos import Fault
from local.host.registered import HTTP, registered_functions
from shared.http import endpoints, safeguards
from shared.services import services
from tests.api.conftest import Service
from tests.api.issuer import AUDIENCE, NOW, TENANT, Issuer, issuing
from tests.api.refusals import refused, stored

# In everything that must not be logged.
CANARY = "canary-5ec2e7"
MEBIBYTE = 1024 * 1024


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with issuing() as started:
        yield started


@pytest.fixture
def environment(issuer: Issuer) -> dict[str, str]:
    return {
        "AUTH_MODE": "entra",
        "ENTRA_TENANT_ID": TENANT,
        "ENTRA_AUDIENCE": AUDIENCE,
        "ENTRA_AUTHORITY": issuer.url,
        "OPENAI_API_KEY": f"key-{CANARY}",
        "LOGLEVEL": "DEBUG",
    }


@pytest.fixture(autouse=True)
def signed_in(service: Service, issuer: Issuer) -> None:
    service.http.headers["Authorization"] = f"Bearer {issuer.token()}"


# What a request may cost


class Body:
    """A body in chunks, and how many of them were read."""

    def __init__(self, chunk: bytes, times: int) -> None:
        self._chunk, self._times = chunk, times
        self.read = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(self._times):
            self.read += 1
            yield self._chunk


async def test_a_body_that_says_it_is_too_large_is_not_read(service: Service) -> None:
    body = Body(b"x" * MEBIBYTE, 10)

    answer = await service.http.post(
        "conversations", content=body, headers={"Content-Length": str(10 * MEBIBYTE)}
    )

    refused(answer, 413, "body_too_large")
    assert body.read == 0


@pytest.mark.parametrize("announced", [None, "1", "-1", "x", "9" * 5000], ids=str)
async def test_a_body_is_counted_whatever_it_says(service: Service, announced: str | None) -> None:
    headers = {"Content-Length": announced} if announced else {}
    answer = await service.http.post("conversations", content=Body(b" " * MEBIBYTE, 3), headers=headers)

    refused(answer, 413, "body_too_large")
    assert await stored(service) == {}


async def test_a_body_of_brackets_is_refused_before_it_costs_anything(service: Service) -> None:
    body = b'{"metadata":' + b"[" * MEBIBYTE
    answer = await service.http.post(
        "conversations", content=body, headers={"Content-Type": "application/json"}
    )

    assert "nested" in refused(answer, 400, "invalid_request")


async def test_ten_thousand_parameters_are_refused_in_no_time(service: Service) -> None:
    query = "&".join(f"{number:x}=" for number in range(10_000))
    before = time.process_time()
    answer = await service.http.get(f"conversations?{query}")

    refused(answer, 400, "invalid_request", "0")
    assert time.process_time() - before < 1  # each looked up among all of them: 3 s in which nobody is served


async def test_a_request_that_takes_too_long_is_given_up_and_its_turn_goes_on(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversation = await service.new_conversation()
    await service.ask(conversation["id"], "Are you there?")  # what is made on first use is made now
    monkeypatch.setattr(safeguards, "LONGEST_SECONDS", 0.3)
    slow = asyncio.Event()
    monkeypatch.setattr(service.model, "before_answering", slow.wait)

    answer = await service.http.post(f"conversations/{conversation['id']}/ask", json={"content": "Hello?"})

    refused(answer, 503, "unavailable")
    assert answer.headers["retry-after"] == "5"
    slow.set()
    await asyncio.gather(*(run.over() for run in services().runner._runs.values()))
    messages = (await service.http.get(f"conversations/{conversation['id']}/messages")).json()["data"]
    assert [message["status"] for message in messages] == ["completed"] * 4


# What an answer tells


async def test_every_answer_is_neither_kept_nor_sniffed_nor_embedded(service: Service) -> None:
    conversation = await service.new_conversation()
    missing = await service.http.get("conversations/conv_x")
    signed_out = await service.http.get("conversations", headers={"Authorization": "Basic x"})
    alive = await service.http.get("health/live")
    service.engine.faults.add(Fault("query", error=ZeroDivisionError()))
    broken = await service.http.get("conversations")
    found = await service.http.get(f"conversations/{conversation['id']}")

    answers = (missing, signed_out, alive, broken, found)
    assert [answer.status_code for answer in answers] == [404, 401, 200, 500, 200]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["content-type"] == "application/json"


async def test_no_other_site_is_let_in(service: Service) -> None:
    for method in ("GET", "OPTIONS"):
        headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
        answer = await service.http.request(method, "conversations", headers=headers)
        assert not [name for name in answer.headers if name.startswith("access-control-")]


# What the log tells


async def test_no_log_line_holds_content_tokens_or_keys(
    service: Service, issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    """Through what goes well and what fails, with everything logged that can be."""
    caplog.set_level(logging.DEBUG)
    token = issuer.token(preferred_username=f"{CANARY}@example.com", name=CANARY)
    service.http.headers["Authorization"] = f"Bearer {token}"

    conversation = await service.new_conversation(
        title=CANARY, instructions=CANARY, metadata={CANARY: CANARY}, tags=[CANARY]
    )
    path = f"conversations/{conversation['id']}"
    await service.ask(conversation["id"], CANARY)
    await service.background()
    await service.http.get("conversations", params={"after": CANARY})
    await service.http.post(f"{path}/end", json={"feedback": CANARY})
    await service.http.post(f"{path}/reopen")

    echo = json.dumps({"error": {"message": CANARY, "code": "invalid"}}).encode()
    for failing in (httpx2.Response(400, content=echo), httpx2.ConnectError(CANARY), ValueError(CANARY)):
        service.model.failing = failing
        await service.http.post(f"{path}/ask", json={"content": CANARY})
        await service.background()
    service.model.failing = None

    for fault in (
        Fault("query", error=ServiceRequestError(CANARY), times=100),
        Fault("query", error=ZeroDivisionError(CANARY)),
        Fault("batch", status=400),
    ):
        service.engine.faults.add(fault)
        await service.http.get("conversations")
        await service.http.post(f"{path}/messages", json={"role": "user", "content": CANARY})
        service.engine.faults.clear()

    for body in (
        f'{{"title": "{CANARY}',
        f'{{"{CANARY}": 1}}',
        f'["{CANARY}"]',
        f'{{"title": ["{CANARY}"]}}',
    ):
        headers = {"Content-Type": "application/json", "Idempotency-Key": CANARY}
        await service.http.post("conversations", content=body, headers=headers)
    await service.http.get("conversations", params={CANARY: CANARY})

    wrong = issuer.token(exp=NOW - 4000, name=CANARY)
    await service.http.get("conversations", headers={"Authorization": f"Bearer {wrong}"})
    await service.http.get("conversations", headers={"Authorization": f"Basic {CANARY}"})
    issuer.answers["configuration"] = (500, CANARY.encode())
    service.clock.pass_seconds(100)
    await service.http.get("conversations", headers={"Authorization": f"Bearer {issuer.token(kid=CANARY)}"})

    assert len(caplog.records) > 30
    secrets = (CANARY, token, wrong, token.rpartition(".")[2], service.engine.key)
    told = {record.name for record in caplog.records for secret in secrets if secret in record.getMessage()}
    assert told == set()
    assert not [secret for secret in secrets if secret in caplog.text]


async def test_a_request_leaves_one_line_with_its_id_status_duration_and_charge(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.clear()
    await service.http.get("conversations", headers={"x-request-id": "trace-1"})

    (line,) = [record.getMessage() for record in caplog.records if record.name == "shared.requests"]
    for part in ("GET conversations 200", "ms", "RU", "trace-1"):
        assert part in line


async def test_no_endpoint_is_outside_the_one_door(service: Service) -> None:
    """So that limits, headers and log lines hold for every route."""
    import function_app  # once the services are there

    served = {each.name for each in registered_functions(function_app.app) if each.kind == HTTP}
    assert served == {each.function.__name__ for each in endpoints()}
