"""No log line has a word of what users wrote, a key, or a user's name, whichever way they take."""

import logging
from contextlib import suppress

import httpx2
import pytest

from functions.background import purge, record_usage, run_operations, sweep
from local.cosmos import Fault
from shared.logs import Failed
from shared.services import services
from tests.api.conftest import Service
from tests.api.raw_store import feed

USER = {
    "X-Local-User": "canary-user",
    "X-Local-Email": "canary@example.com",
    "Authorization": "Bearer canary",
}
ROOT = {"X-Local-User": "canary-root", "X-Local-Roles": "Conversations.Admin"}


async def _post(service: Service, path: str, **body: object) -> httpx2.Response:
    headers = USER | {"Idempotency-Key": f"canary-{path}"}
    return await service.http.post(path, json=body, headers=headers)


def _logged(caplog: pytest.LogCaptureFixture) -> str:
    """All but what the tests' own client and the laptop's host say, which name the path."""
    others = [one for one in caplog.records if not one.name.startswith(("httpx2", "local.host"))]
    return "\n".join(caplog.handler.format(record) for record in others)


async def _use_everything(service: Service) -> list[int]:
    conversation = (
        await _post(service, "conversations", title="canary", metadata={"canary": "canary"})
    ).json()
    path = f"conversations/{conversation['id']}"
    answers = [
        await _post(service, f"{path}/ask", content="canary?"),
        await _post(service, f"{path}/messages", role="user", content="canary", metadata={"canary": 7}),
        await _post(service, "me/export"),
        await service.http.get("usage?after=canary", headers=USER),
        await service.http.get("operations/op_canary/content", headers=USER),
        await service.http.get("tenant/conversations?user_email=canary@example.com", headers=ROOT),
        await service.http.get("tenant/conversations?canary=canary", headers=ROOT),
        await service.http.get(f"tenant/{path}", headers=ROOT),
        await service.http.get("tenant/conversations", headers=USER),
        await service.http.put("tenant/holds/canary-user", json={"reason": "canary"}, headers=ROOT),
        await _post(service, "me/erase"),
        await service.http.put("tenant/holds/canary-user", json={"reason": None}, headers=ROOT),
        await service.http.get("tenant/audit", headers=ROOT),
        await service.http.get("tenant/dead-letters?after=canary", headers=ROOT),
    ]
    return [answer.status_code for answer in answers]


async def test_no_log_line_holds_what_is_private(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        statuses = await _use_everything(service)
        await service.background()
        await record_usage(await feed(service))
        await _post(service, "me/erase", again=1)
        for timer in (run_operations, sweep, purge):
            await timer(None)

    assert statuses == [201, 400, 202, 400, 404, 200, 400, 200, 403, 200, 409, 200, 200, 400]
    assert "tenant/holds/{user_id} 200" in _logged(caplog)
    assert "canary" not in _logged(caplog)
    assert services().settings.cosmos_db_key not in _logged(caplog)


@pytest.mark.parametrize("operation", ["read", "query", "batch"])
async def test_nor_does_one_about_trouble_at_the_database(
    service: Service, caplog: pytest.LogCaptureFixture, operation: str
) -> None:
    owner = {"tenantId": "local-tenant", "userId": "canary-user"}
    broken = {"id": "usage_2027-01-15", "type": "usage", "day": 7, "models": {"canary": "canary"}}
    await service.conversations.create_item(owner | broken)
    with caplog.at_level(logging.DEBUG):
        await record_usage(await feed(service))
        service.engine.faults.add(Fault(operation, status=400, times=None))
        await _use_trouble(service)
        service.clock.pass_seconds(61)
        with suppress(Failed):  # the host logs it, and runs the timer again
            await run_operations(None)

    assert "can't be understood" in _logged(caplog)
    assert "canary" not in _logged(caplog)


async def _use_trouble(service: Service) -> None:
    for path in ("me/export", "me/erase", "conversations"):
        await _post(service, path)
    for path in ("usage", "tenant/conversations?user_email=canary", "tenant/audit"):
        await service.http.get(path, headers=USER | ROOT)
