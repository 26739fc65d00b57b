"""What turns take is counted once, by day, model and user, whatever comes twice, late or out of order."""

import asyncio
from typing import Any

import azure.functions as func
import httpx2
import pytest

from functions.background import record_usage
from local.cosmos import Fault
from shared.ai import count_tokens
from shared.services import services
from tests.api.conftest import Service
from tests.api.raw_store import feed
from tests.api.refusals import refused
from tests.api.script import Script
from tests.api.serving import served
from tests.api.sse import until
from tests.api.streams import DELTA, asking
from tests.api.triggers import deliver

DAY = "2027-01-15"
BOB = {"X-Local-User": "bob"}
SMALL = {"model": "small", "turns": 1, "input_tokens": 5, "output_tokens": 7, "request_units": 0}
KEY = {"Idempotency-Key": "once"}


async def _used(service: Service, headers: dict[str, str] | None = None) -> list[dict[str, Any]]:
    answer = await service.http.get("usage", headers=headers or {})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["data"])


async def _tenants(day: str = DAY, tenant: str = "local-tenant") -> tuple[int, int]:
    """The tenant's turns and tokens."""
    found = await services().usage._tenants.usage(tenant, day)
    return found.turns, found.tokens


async def _ask(service: Service, headers: dict[str, str], **fields: Any) -> dict[str, Any]:
    started = await service.http.post("conversations", headers=headers)
    path = f"conversations/{started.json()['id']}/ask"
    answer = await service.http.post(path, json={"content": "Hello?", **fields}, headers=headers)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def _answer_of(model: str, **tokens: int) -> httpx2.Response:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi."}}
    usage = tokens | {"total_tokens": sum(tokens.values())}
    told = {"id": "1", "object": "chat.completion", "created": 1, "choices": [choice], "usage": usage}
    return httpx2.Response(200, json=told | {"model": model})


async def test_usage_is_counted_by_day_and_model(service: Service) -> None:
    turns = [await _ask(service, {}), await _ask(service, {})]
    service.model.failing = _answer_of("small", prompt_tokens=5, completion_tokens=7)
    turns.append(await _ask(service, {}, model="small"))
    service.model.failing = None
    service.clock.pass_seconds(86_400)
    last = await _ask(service, {})

    today, yesterday = await _used(service)

    assert (today["day"], yesterday["day"]) == ("2027-01-16", DAY)
    assert [one["turns"] for one in yesterday["models"]] == [2, 1]
    assert yesterday["models"][1] | {"request_units": 0} == SMALL
    for kind in ("input_tokens", "output_tokens"):
        assert yesterday[kind] == sum(turn["usage"][kind] for turn in turns) > 0
        assert sum(one[kind] for one in yesterday["models"]) == yesterday[kind]
        assert today[kind] == last["usage"][kind]
    assert (
        yesterday["request_units"] == round(sum(one["request_units"] for one in yesterday["models"]), 2) > 0
    )


async def test_turns_that_end_at_once_are_all_counted_and_none_waits_for_another(service: Service) -> None:
    first = await _ask(service, {})
    conversations = [await service.new_conversation() for _ in range(20)]

    with service.engine.recording() as calls:
        turns = await asyncio.gather(*(service.ask(one["id"], "Hello?") for one in conversations))

    assert [call.status for call in calls if call.operation == "batch"] == [200] * 40
    (day,) = await _used(service)
    assert day["turns"] == 21
    assert day["output_tokens"] == sum(turn["usage"]["output_tokens"] for turn in [first, *turns])


@pytest.mark.parametrize("broken", [False, True], ids=["cancelled", "broken off"])
async def test_an_answer_that_does_not_come_to_its_end_counts_what_it_had_taken(
    service: Service, broken: bool
) -> None:
    conversation = await service.new_conversation()
    script = Script("Half of an answer")
    service.model.scripts = [script]
    async with served() as http, asking(http, conversation["id"]) as events:
        turn = (await until(events, DELTA))["item_id"].replace("msg_", "resp_")
        if broken:
            script.break_off()
        else:
            await http.post(f"responses/{turn}/cancel")
        last = [event async for event in events][-1]

    (day,) = await _used(service)
    told = last["response"]["usage"]
    assert (day["turns"], day["input_tokens"], day["output_tokens"]) == (
        1,
        told["input_tokens"],
        told["output_tokens"],
    )
    assert day["input_tokens"] >= 1
    assert day["output_tokens"] == count_tokens("Half of an answer")
    assert [one["model"] for one in day["models"]] == ["default"]


async def test_turns_in_the_background_are_charged_what_they_took_each_by_itself(service: Service) -> None:
    for _ in range(2):
        await service.http.post("responses", json={"input": "Hm?", "background": True})
    with service.engine.recording() as calls:
        await deliver(service)

    (day,) = await _used(service)
    assert day["turns"] == 2
    assert 0 < day["request_units"] <= sum(call.charge for call in calls)


async def test_a_model_is_counted_whatever_its_name(service: Service) -> None:
    for name in ("org/large~1", "small", "org/large~1", 'a"b', "small"):
        service.model.failing = _answer_of(name, prompt_tokens=5, completion_tokens=7)
        await _ask(service, {})

    (day,) = await _used(service)
    found = [(one["model"], one["turns"], one["input_tokens"]) for one in day["models"]]
    assert found == [('a"b', 1, 5), ("org/large~1", 2, 10), ("small", 2, 10)]


async def test_usage_is_the_callers_own(service: Service) -> None:
    await _ask(service, {})

    assert await _used(service, BOB) == []
    assert await _used(service, {"X-Local-Tenant": "elsewhere"}) == []


async def test_usage_is_paged_each_day_once(service: Service) -> None:
    for _ in range(5):
        await _ask(service, {})
        service.clock.pass_seconds(86_400)
    days: list[str] = []
    path = "usage?limit=2"
    while path:
        page = (await service.http.get(path)).json()
        days += [one["day"] for one in page["data"]]
        path = page["has_more"] and f"usage?limit=2&after={page['next_cursor']}"

    assert days == [f"2027-01-{15 + number}" for number in reversed(range(5))]
    cursor = (await service.http.get("usage?limit=2")).json()["next_cursor"]
    refused(await service.http.get(f"usage?after={cursor}", headers=BOB), 400, "invalid_cursor", "after")


async def test_a_change_feed_that_is_delivered_twice_or_late_counts_once(service: Service) -> None:
    await _ask(service, {})
    early = await feed(service)
    await _ask(service, {})
    late = await feed(service)

    for documents in (late, early, late, early):
        await record_usage(documents)

    (day,) = await _used(service)
    assert await _tenants() == (2, day["input_tokens"] + day["output_tokens"])


async def test_the_tenants_count_is_exact_under_many_users_and_deliveries_at_once(service: Service) -> None:
    users = [{"X-Local-User": f"user-{number}"} for number in range(8)]
    deliveries = []
    for _ in range(2):
        await asyncio.gather(*(_ask(service, user) for user in users))
        deliveries.append(await feed(service))

    await asyncio.gather(*(record_usage(documents) for documents in [*deliveries, *deliveries]))

    used = [(await _used(service, user))[0] for user in users]
    assert await _tenants() == (16, sum(one["input_tokens"] + one["output_tokens"] for one in used))


async def test_a_lost_answer_on_the_way_to_the_tenants_count_counts_once(service: Service) -> None:
    await _ask(service, {})
    documents = await feed(service)
    service.engine.faults.add(Fault("batch", container="tenant_ops", status=503, after=True))
    service.engine.faults.add(Fault("batch", container="tenant_ops", status=449))

    await record_usage(documents)

    assert (await _tenants())[0] == 1


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 408, "after": True}, {"dropped": True}])
async def test_a_turn_whose_answers_from_the_database_are_lost_counts_once(
    service: Service, fault: dict[str, Any]
) -> None:
    await _ask(service, {})
    conversation = await service.new_conversation()

    async def lose_the_next() -> None:
        service.engine.faults.add(Fault("batch", container="conversations", **fault))

    service.model.before_answering = lose_the_next  # type: ignore[method-assign]
    await service.ask(conversation["id"], "Once?")

    (day,) = await _used(service)
    assert day["turns"] == 2


async def test_a_repeated_turn_counts_once(service: Service) -> None:
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}/ask"

    for _ in range(3):
        await service.http.post(path, json={"content": "Once?"}, headers=KEY)

    (day,) = await _used(service)
    assert day["turns"] == 1


async def test_a_usage_document_that_is_not_ours_is_passed_by(service: Service) -> None:
    owner = {"tenantId": "local-tenant", "userId": "local-user", "type": "usage"}
    await service.conversations.create_item({"id": "usage_2027-01-01", **owner, "models": 7})
    await _ask(service, {})

    await record_usage(await feed(service))

    assert (await _tenants())[0] == 1


async def _set_quota(service: Service, tokens: int) -> None:
    policy = {"id": "policy", "tenantId": "local-tenant", "scope": "policy", "dailyTokenQuota": tokens}
    await service.tenant_ops.upsert_item(policy)
    service.clock.pass_seconds(61)  # it is read once a minute


async def _asked(service: Service, headers: dict[str, str]) -> httpx2.Response:
    conversation = (await service.http.post("conversations", headers=headers)).json()["id"]
    path = f"conversations/{conversation}/ask"
    return await service.http.post(path, json={"content": "Hello?"}, headers=headers)


async def test_a_tenant_that_has_used_up_its_quota_waits_until_midnight(service: Service) -> None:
    await _set_quota(service, 1)
    await _ask(service, {})
    await record_usage(await feed(service))
    service.clock.pass_seconds(61)

    answer = await _asked(service, BOB)

    refused(answer, 429, "quota_exceeded")
    left = 86_400 - service.clock.now // 1000 % 86_400
    assert 0 <= int(answer.headers["retry-after"]) - left <= 1
    assert len(service.model.requests) == 1
    assert (await _asked(service, {"X-Local-Tenant": "elsewhere"})).status_code == 201
    service.clock.pass_seconds(int(answer.headers["retry-after"]))
    assert (await _asked(service, BOB)).status_code == 201


async def test_without_a_quota_nobody_waits(service: Service) -> None:
    await _ask(service, {})
    await record_usage(await feed(service))
    service.clock.pass_seconds(61)

    assert (await _asked(service, {})).status_code == 201


async def test_a_feed_of_before_an_erasure_counts_nothing_again(service: Service) -> None:
    await _ask(service, {})
    documents = await feed(service)
    await record_usage(documents)
    assert (await service.http.post("me/erase")).json()["state"] == "completed"

    await record_usage(documents)
    assert (await _tenants())[0] == 1
    await _ask(service, {})
    await record_usage(func.DocumentList([*documents, *await feed(service)]))

    assert (await _tenants())[0] == 2
    assert [day["turns"] for day in await _used(service)] == [1]
