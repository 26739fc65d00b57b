"""Background work that was given up is listed to the tenant's administrator, who has it tried again."""

import asyncio
from typing import Any

import httpx2
import pytest

from functions.background import sweep
from local.cosmos import Fault
from shared.due import MAX_FAILURES
from tests.api.conftest import Service
from tests.api.pages import walk
from tests.api.refusals import refused

ADMIN = {"X-Local-Roles": "Conversations.Admin", "X-Local-User": "root"}
UNKNOWN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
LIST = "tenant/dead-letters"


async def _given_up(service: Service, count: int = 1, headers: dict[str, str] | None = None) -> list[str]:
    """Ids of conversations whose titles the model has refused until they were given up, sorted."""
    made = []
    for _ in range(count):
        one = (await service.http.post("conversations", headers=headers)).json()
        body = {"role": "user", "content": "How do I bake bread?"}
        await service.http.post(f"conversations/{one['id']}/messages", json=body, headers=headers)
        made.append(one["id"])
    await _fail(service)
    return sorted(made)


async def _fail(service: Service) -> None:
    service.model.failing = httpx2.Response(400, json={})
    for _ in range(MAX_FAILURES + 1):
        await sweep(None)
        service.clock.pass_seconds(3_700)
    service.model.failing = None


async def _letters(service: Service) -> list[dict[str, Any]]:
    answer = await service.http.get(LIST, headers=ADMIN)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["data"])


async def _replay(service: Service, identifier: str, **headers: str) -> httpx2.Response:
    return await service.http.post(f"{LIST}/{identifier}/replay", headers=ADMIN | headers)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Local-Roles": ""},
        {"X-Local-Roles": "conversations.admin"},
        {"X-Local-Roles": "Conversations.Administrator, Admin"},
    ],
)
async def test_who_is_no_administrator_is_refused(service: Service, headers: dict[str, str]) -> None:
    (identifier,) = await _given_up(service)

    refused(await service.http.get(LIST, headers=headers), 403, "forbidden")
    refused(await service.http.post(f"{LIST}/{identifier}/replay", headers=headers), 403, "forbidden")

    assert len(await _letters(service)) == 1


async def test_an_administrator_sees_their_own_tenant_only(service: Service) -> None:
    (identifier,) = await _given_up(service, headers={"X-Local-Tenant": "elsewhere"})

    assert await _letters(service) == []
    refused(await _replay(service, identifier), 404, "dead_letter_not_found")
    there = await service.http.get(LIST, headers=ADMIN | {"X-Local-Tenant": "elsewhere"})
    assert [one["id"] for one in there.json()["data"]] == [identifier]


async def test_a_letter_says_what_failed_whose_it_is_why_and_how_often(service: Service) -> None:
    (identifier,) = await _given_up(service, headers={"X-Local-User": "ada"})

    (letter,) = await _letters(service)

    assert letter.pop("updated_at") <= service.clock.now // 1000
    assert letter == {
        "id": identifier,
        "object": "dead_letter",
        "user_id": "ada",
        "work": "conversation",
        "reason": "model_error",
        "count": MAX_FAILURES,
    }


async def test_letters_are_paged(service: Service) -> None:
    made = await _given_up(service, 7)

    for limit in (1, 2, 7, 8):
        found, after = [], None
        while True:
            query = {"limit": limit} | ({"after": after} if after else {})
            one = (await service.http.get(LIST, params=query, headers=ADMIN)).json()
            found += [letter["id"] for letter in one["data"]]
            if (after := one["next_cursor"]) is None:
                break
        assert found == made, limit
    for query in ({"after": "x"}, {"after": await _other_cursor(service)}):
        answer = await service.http.get(LIST, params=query, headers=ADMIN)
        refused(answer, 400, "invalid_cursor", "after")
    refused(await service.http.get(f"{LIST}?order=asc", headers=ADMIN), 400, "invalid_request", "order")


async def _other_cursor(service: Service) -> str:
    """A cursor of the same caller's conversations."""
    for _ in range(2):
        await service.http.post("conversations", headers=ADMIN)
    one = await service.http.get("conversations?limit=1", headers=ADMIN)
    return str(one.json()["next_cursor"])


async def test_replayed_work_is_done_and_its_letter_gone(service: Service) -> None:
    identifier, other = await _given_up(service, 2)
    service.clock.pass_seconds(100 * 3_600)
    await sweep(None)
    assert (await service.get(identifier))["title_source"] == "fallback"  # given up is given up

    answer = await _replay(service, identifier)

    assert (answer.status_code, answer.json()["id"]) == (200, identifier)
    assert [one["id"] for one in await _letters(service)] == [other]
    await service.background()
    assert (await service.get(identifier))["title_source"] == "auto"
    assert (await service.get(other))["title_source"] == "fallback"
    refused(await _replay(service, identifier), 404, "dead_letter_not_found")


async def test_work_that_fails_again_gets_its_letter_again_after_as_many_tries(service: Service) -> None:
    (identifier,) = await _given_up(service)
    await _replay(service, identifier)
    service.clock.pass_seconds(61)

    await _fail(service)

    (letter,) = await _letters(service)
    assert (letter["id"], letter["count"]) == (identifier, MAX_FAILURES)


async def test_a_message_is_replayed_too(service: Service) -> None:
    one = await service.new_conversation(title="Mine")
    message = await service.add(one["id"], "Rye is a grain. " * 200)
    await _fail(service)
    (letter,) = await _letters(service)
    assert (letter["id"], letter["work"]) == (message["id"], "message")

    assert (await _replay(service, message["id"])).status_code == 200

    await service.background()
    found = await service.http.get(f"conversations/{one['id']}/messages/{message['id']}")
    assert found.json()["summary"]
    assert await _letters(service) == []


async def test_a_letter_of_what_is_gone_is_only_forgotten(service: Service) -> None:
    (identifier,) = await _given_up(service)
    await service.http.delete(f"conversations/{identifier}?purge=true")

    assert (await _replay(service, identifier)).status_code == 200

    assert await _letters(service) == []
    refused(await service.http.get(f"conversations/{identifier}"), 404, "conversation_not_found")


async def test_work_that_is_replayed_while_deleted_is_done_once_restored(service: Service) -> None:
    (identifier,) = await _given_up(service)
    await service.http.delete(f"conversations/{identifier}")

    assert (await _replay(service, identifier)).status_code == 200
    service.clock.pass_seconds(61)
    await sweep(None)
    assert await walk(service, "conversations", deleted="only") == [identifier]
    await service.http.post(f"conversations/{identifier}/restore")
    await service.background()

    assert (await service.get(identifier))["title_source"] == "auto"


@pytest.mark.parametrize("identifier", [f"conv_{UNKNOWN}", f"msg_{UNKNOWN}", "policy", "x", "conv_1"])
async def test_an_unknown_letter_is_not_found(service: Service, identifier: str) -> None:
    refused(await _replay(service, identifier), 404, "dead_letter_not_found")


async def test_a_replay_repeated_with_its_key_is_the_first_answer(service: Service) -> None:
    (identifier,) = await _given_up(service)
    key = {"Idempotency-Key": "k"}

    first = await _replay(service, identifier, **key)
    again = await _replay(service, identifier, **key)

    assert first.status_code == again.status_code == 200
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    refused(
        await _replay(service, f"conv_{UNKNOWN}", **key), 422, "idempotency_key_reused", "Idempotency-Key"
    )


async def test_replays_at_once_with_one_key_have_one_answer(service: Service) -> None:
    (identifier,) = await _given_up(service)

    answers = await asyncio.gather(
        *(_replay(service, identifier, **{"Idempotency-Key": "k"}) for _ in range(4))
    )

    assert [answer.status_code for answer in answers] == [200] * 4
    assert len({answer.text for answer in answers}) == 1
    assert await _letters(service) == []


async def test_a_replay_that_dies_half_way_keeps_its_letter(service: Service) -> None:
    (identifier,) = await _given_up(service)
    service.engine.faults.add(Fault("delete", status=400))

    refused(await _replay(service, identifier), 500, "internal_error")

    assert len(await _letters(service)) == 1
    assert (await _replay(service, identifier)).status_code == 200
    assert await _letters(service) == []
