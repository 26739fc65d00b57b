"""A purge leaves nothing of a conversation, at once or by and by."""

from typing import Any

import pytest

from functions.background import purge
from tests.api import raw_store
from tests.api.conftest import Service
from tests.api.pages import walk
from tests.api.raw import grow, holding
from tests.api.refusals import refused, stored
from tests.api.script import Script
from tests.api.serving import served
from tests.api.sse import until
from tests.api.streams import DELTA, asking
from tests.api.streams import stored as said

CANARY = "Kanarienvogel"
DAY = 24 * 60 * 60


async def _full(service: Service) -> str:
    """A conversation that says the canary's name wherever something can be said; its id."""

    async def post(path: str, key: str, **body: Any) -> dict[str, Any]:
        answer = await service.http.post(path, json=body, headers={"Idempotency-Key": key})
        assert answer.status_code < 300, answer.text
        return dict(answer.json())

    made = await post("conversations", "k1", title=CANARY, instructions=CANARY, metadata={"bird": CANARY})
    path = f"conversations/{made['id']}"
    first = await post(f"{path}/messages", "k2", role="user", content=CANARY * 200)
    turn = await post(f"{path}/ask", "k3", content=f"What is a {CANARY}?")
    rating = {"liked": True, "feedback": CANARY}
    await service.http.put(f"{path}/messages/{turn['answers'][0]['id']}/rating", json=rating)
    await post(f"{path}/summary", "k4")
    await service.http.delete(f"{path}/messages/{first['id']}")
    await post(f"{path}/end", "k5", rating=5, feedback=CANARY)
    await service.background()
    assert len(await holding(service, CANARY, made["id"])) >= 8
    return str(made["id"])


@pytest.mark.parametrize("deleted", [False, True], ids=["live", "soft-deleted"])
async def test_a_purge_leaves_nothing(service: Service, deleted: bool) -> None:
    identifier = await _full(service)
    if deleted:
        await service.http.delete(f"conversations/{identifier}")

    answer = await service.http.delete(f"conversations/{identifier}?purge=true")

    assert answer.status_code == 200
    assert answer.json() == {
        "id": identifier,
        "object": "conversation.deleted",
        "deleted": True,
        "expires_at": None,
    }
    assert await holding(service, CANARY, identifier) == []


async def test_what_others_have_stays(service: Service) -> None:
    other = await service.new_conversation(title="Stays")
    await service.add(other["id"], "Hello.")
    identifier = await _full(service)
    before = await holding(service, other["id"])

    await service.http.delete(f"conversations/{identifier}?purge=true")

    assert await holding(service, other["id"]) == before
    assert await walk(service, "conversations", deleted="include") == [other["id"]]


async def test_a_purged_conversation_is_nowhere(service: Service) -> None:
    identifier = await _full(service)
    path = f"conversations/{identifier}"
    await service.http.delete(f"{path}?purge=true")
    before = await stored(service)

    for method, action in (
        ("GET", ""),
        ("DELETE", ""),
        ("DELETE", "?purge=true"),
        ("POST", "/restore"),
        ("POST", "/fork"),
        ("GET", "/messages"),
        ("GET", "/analytics"),
    ):
        refused(await service.http.request(method, path + action), 404, "conversation_not_found")
    for sort in ("last_activity_at", "created_at", "title"):
        assert await walk(service, "conversations", sort=sort, deleted="include") == []
    assert await stored(service) == before


async def test_a_stranger_purges_nothing(service: Service) -> None:
    identifier = await _full(service)
    before = await stored(service)

    for headers in ({"X-Local-User": "mallory"}, {"X-Local-Tenant": "elsewhere"}):
        answer = await service.http.delete(f"conversations/{identifier}?purge=true", headers=headers)
        refused(answer, 404, "conversation_not_found")

    assert await stored(service) == before


async def test_a_purge_of_another_version_removes_nothing(service: Service) -> None:
    identifier = await _full(service)
    path = f"conversations/{identifier}"
    stale = (await service.http.get(path)).headers["etag"]
    await service.http.patch(path, json={"pinned": True})
    before = await stored(service)

    answer = await service.http.delete(f"{path}?purge=true", headers={"If-Match": stale})

    refused(answer, 412, "version_mismatch", "If-Match")
    assert await stored(service) == before
    current = {"If-Match": answer.headers["etag"]}
    assert (await service.http.delete(f"{path}?purge=true", headers=current)).status_code == 200


@pytest.mark.parametrize("value", ["maybe", "1", "True", "", "yes"])
async def test_purge_is_true_or_false(service: Service, value: str) -> None:
    identifier = await _full(service)
    before = await stored(service)

    refused(
        await service.http.delete(f"conversations/{identifier}?purge={value}"),
        400,
        "invalid_request",
        "purge",
    )

    assert await stored(service) == before
    assert (await service.http.delete(f"conversations/{identifier}?purge=false")).json()["expires_at"]


async def test_the_events_of_a_streamed_answer_go_with_its_conversation(service: Service) -> None:
    made = await service.new_conversation()
    path = f"conversations/{made['id']}"
    await service.http.post(f"{path}/ask", json={"content": CANARY, "stream": True})
    kept = await raw_store.holding(service, CANARY)
    assert any(place.startswith("turn_events") for place in kept)

    assert (await service.http.delete(f"{path}?purge=true")).status_code == 200

    assert await raw_store.holding(service, CANARY, made["id"]) == []


async def test_a_turn_that_runs_while_it_is_purged_is_stopped_and_leaves_nothing(service: Service) -> None:
    made = await service.new_conversation()
    script = Script(CANARY)
    service.model.scripts = [script]
    async with served() as http, asking(http, made["id"]) as events:
        turn = (await until(events, DELTA))["item_id"].replace("msg_", "resp_")
        await said(http, turn, CANARY)
        assert (await http.delete(f"conversations/{made['id']}?purge=true")).status_code == 200
        script.say(CANARY)
        *_, last = [event async for event in events]

    assert script.closed.is_set()
    assert (last["type"], last["code"]) == ("error", "conversation_not_found")
    assert await raw_store.holding(service, CANARY, made["id"], turn) == []


async def test_a_purge_of_many_messages_is_an_operation_that_the_timer_ends(service: Service) -> None:
    identifier = await _full(service)
    await service.http.post(f"conversations/{identifier}/reopen")
    await grow(service, identifier, 700, CANARY)

    answer = await service.http.delete(f"conversations/{identifier}?purge=true")

    assert answer.status_code == 202
    started = answer.json()
    assert (started["object"], started["kind"], started["state"]) == ("operation", "purge", "running")
    assert (started["conversation_id"], started["finished_at"]) == (identifier, None)
    path = f"operations/{started['id']}"
    assert (await service.http.get(path)).json() == started
    refused(await service.http.get(path, headers={"X-Local-User": "mallory"}), 404, "operation_not_found")
    for gone in (f"conversations/{identifier}", f"conversations/{identifier}/messages"):
        refused(await service.http.get(gone), 404, "conversation_not_found")
    refused(await service.http.post(f"conversations/{identifier}/restore"), 404, "conversation_not_found")
    for sort in ("last_activity_at", "created_at", "title"):
        assert await walk(service, "conversations", sort=sort, deleted="include") == []
    again = await service.http.delete(f"conversations/{identifier}?purge=true")
    assert (again.status_code, again.json()["id"]) == (202, started["id"])

    await purge(None)

    ended = (await service.http.get(path)).json()
    assert ended["state"] == "completed"
    assert ended["finished_at"] >= started["created_at"]
    assert ended["counts"]["messages"] >= 700
    assert await holding(service, CANARY, identifier) == []


async def test_an_unknown_operation_is_not_found(service: Service) -> None:
    for identifier in ("op_1", "op_01ARZ3NDEKTSV4RRFFQ69G5FAV", "policy"):
        refused(await service.http.get(f"operations/{identifier}"), 404, "operation_not_found")


async def test_a_deleted_conversation_is_purged_when_it_expires_and_not_before(service: Service) -> None:
    identifier = await _full(service)
    deleted = (await service.http.delete(f"conversations/{identifier}")).json()
    assert deleted["expires_at"] == service.clock.now // 1000 + 30 * DAY

    service.clock.pass_seconds(30 * DAY - 60)
    await purge(None)
    assert await walk(service, "conversations", deleted="only") == [identifier]

    service.clock.pass_seconds(61)
    refused(await service.http.post(f"conversations/{identifier}/restore"), 404, "conversation_not_found")
    await purge(None)
    assert await holding(service, CANARY, identifier) == []


async def test_a_restored_conversation_does_not_expire(service: Service) -> None:
    identifier = await _full(service)
    before = await service.get(identifier)
    await service.http.delete(f"conversations/{identifier}")
    await service.http.post(f"conversations/{identifier}/restore")

    service.clock.pass_seconds(31 * DAY)
    await purge(None)

    assert await service.get(identifier) == before
    assert len(await walk(service, f"conversations/{identifier}/messages")) == before["message_count"] == 2


async def test_what_was_cleared_is_removed_though_its_conversation_is_deleted(service: Service) -> None:
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}"
    for _ in range(60):
        await service.add(conversation["id"], CANARY)
    await service.http.delete(f"{path}/messages")
    await service.http.delete(path)

    await purge(None)

    assert await holding(service, CANARY) == []
    await service.http.post(f"{path}/restore")
    await service.add(conversation["id"], "Stays.")
    await purge(None)
    assert len(await walk(service, f"{path}/messages")) == 1
