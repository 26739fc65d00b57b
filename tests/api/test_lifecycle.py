"""A conversation is changed, ended, archived and reopened; what its status forbids is refused."""

from typing import Any

import pytest

from local.cosmos import Fault
from tests.api.conftest import Service
from tests.api.refusals import refused, stored

MESSAGE = {"role": "user", "content": "Hello"}


@pytest.mark.parametrize(
    ("method", "action", "body"),
    [
        ("PATCH", "", {"pinned": True}),
        ("POST", "/end", {}),
        ("POST", "/archive", {}),
        ("POST", "/reopen", {}),
        ("POST", "/summary", {}),
        ("GET", "/summary", None),
    ],
)
async def test_nobody_else_finds_it(service: Service, method: str, action: str, body: Any) -> None:
    conversation = await service.new_conversation()
    before = await stored(service)
    path = f"conversations/{conversation['id']}{action}"

    for headers in ({"X-Local-User": "mallory"}, {"X-Local-Tenant": "elsewhere"}):
        answer = await service.http.request(method, path, json=body, headers=headers)
        refused(answer, 404, "conversation_not_found")
    assert await stored(service) == before


async def test_a_patch_changes_what_it_names_and_nothing_else(service: Service) -> None:
    conversation = await service.new_conversation(
        title="Old", product="co_pilot", instructions="Be brief.", metadata={"a": "1", "b": "2"}, tags=["x"]
    )
    path = f"conversations/{conversation['id']}"

    patch = {"pinned": True, "instructions": None, "metadata": {"a": None, "c": "3"}, "tags": ["y", "y", "z"]}
    answer = await service.http.patch(path, json=patch)

    assert answer.status_code == 200
    changed = {"pinned": True, "instructions": None, "metadata": {"b": "2", "c": "3"}, "tags": ["y", "z"]}
    assert answer.json() == {**conversation, **changed}
    assert answer.json() == await service.get(conversation["id"])


async def test_a_patch_of_everything_at_once_is_one_change(service: Service) -> None:
    conversation = await service.new_conversation(product="co_pilot")
    everything = {
        "title": "New",
        "product": "doc_creator",
        "agent_id": "agent",
        "entity_type": "LEAD",
        "org_id": "org",
        "instructions": "Be long.",
        "metadata": {"a": "1"},
        "tags": ["x"],
        "pinned": True,
    }

    with service.engine.recording() as calls:
        answer = await service.http.patch(f"conversations/{conversation['id']}", json=everything)

    assert answer.json() == {**conversation, **everything, "title_source": "user"}
    once_a_client = ("read_account", "read_container", "read_ranges")
    assert [one.operation for one in calls if one.operation not in once_a_client] == ["read", "batch"]


async def test_a_title_by_patch_is_the_users(service: Service) -> None:
    conversation = await service.new_conversation()
    await service.add(conversation["id"], "How do I bake bread?")
    await service.http.patch(f"conversations/{conversation['id']}", json={"title": "Mine"})

    await service.background()

    found = await service.get(conversation["id"])
    assert (found["title"], found["title_source"]) == ("Mine", "user")


async def test_metadata_takes_sixteen_pairs_after_the_merge(service: Service) -> None:
    conversation = await service.new_conversation(metadata={str(n): "x" for n in range(16)})
    path = f"conversations/{conversation['id']}"

    refused(
        await service.http.patch(path, json={"metadata": {"17": "x"}}), 400, "invalid_request", "metadata"
    )
    swapped = await service.http.patch(path, json={"metadata": {"0": None, "17": "x"}})

    assert swapped.status_code == 200


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"title": None}, "title"),
        ({"title": " "}, "title"),
        ({"pinned": None}, "pinned"),
        ({"tags": None}, "tags"),
        ({"status": "ended"}, "status"),
        ({"user_email": "x@example.org"}, "user_email"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"product": "Not This"}, "product"),
    ],
)
async def test_a_bad_patch_names_its_field_and_changes_nothing(
    service: Service, body: dict[str, Any], param: str
) -> None:
    conversation = await service.new_conversation()
    before = await stored(service)
    refused(
        await service.http.patch(f"conversations/{conversation['id']}", json=body),
        400,
        "invalid_request",
        param,
    )
    assert await stored(service) == before


async def test_an_ended_conversation_keeps_its_rating_and_takes_no_messages(service: Service) -> None:
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}"

    ended = (await service.http.post(f"{path}/end", json={"rating": 5, "feedback": "Good."})).json()

    assert (ended["status"], ended["end_reason"], ended["rating"]) == ("ended", "user", 5)
    assert ended["feedback"] == "Good."
    assert ended["ended_at"] >= ended["created_at"]
    for action, body in (("messages", MESSAGE), ("ask", {"content": "Hello?"}), ("end", {})):
        refused(await service.http.post(f"{path}/{action}", json=body), 409, "conversation_not_active")
    assert (await service.get(conversation["id"]))["message_count"] == 0


async def test_a_reopened_conversation_takes_messages_again(service: Service) -> None:
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}"
    await service.http.post(f"{path}/end", json={"rating": 2})

    again = (await service.http.post(f"{path}/reopen")).json()

    assert (again["status"], again["ended_at"], again["end_reason"]) == ("active", None, None)
    assert again["rating"] == 2
    assert (await service.add(conversation["id"], "Hello"))["seq"] == 1


async def test_an_archived_conversation_is_listed_and_takes_no_messages(service: Service) -> None:
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}"

    archived = (await service.http.post(f"{path}/archive")).json()

    assert archived["status"] == "archived"
    refused(await service.http.post(f"{path}/messages", json=MESSAGE), 409, "conversation_not_active")
    assert (await service.http.get("conversations")).json()["data"] == [archived]
    assert (await service.http.post(f"{path}/reopen")).json()["status"] == "active"


async def test_a_message_reopens_what_inactivity_has_ended(service: Service) -> None:
    conversation = await service.new_conversation()
    ended: list[dict[str, Any]] = [
        {"op": "set", "path": "/status", "value": "ended"},
        {"op": "set", "path": "/ended", "value": {"at": 1, "reason": "inactivity"}},
    ]
    await service.conversations.patch_item(conversation["id"], ["local-tenant", "local-user"], ended)

    turn = await service.ask(conversation["id"], "Still there?")

    found = await service.get(conversation["id"])
    assert (found["status"], found["end_reason"]) == ("active", None)
    assert turn["status"] == "completed"


async def test_a_turn_that_runs_while_its_conversation_is_ended_is_stored(service: Service) -> None:
    conversation = await service.new_conversation()

    async def end() -> None:
        await service.http.post(f"conversations/{conversation['id']}/end")

    service.model.before_answering = end  # type: ignore[method-assign]
    turn = await service.ask(conversation["id"], "Hello?")

    found = await service.get(conversation["id"])
    assert (turn["status"], found["status"], found["message_count"]) == ("completed", "ended", 2)


@pytest.mark.parametrize(
    ("body", "param"),
    [({"rating": 0}, "rating"), ({"rating": 6}, "rating"), ({"feedback": "x" * 4001}, "feedback")],
)
async def test_a_bad_rating_is_refused(service: Service, body: dict[str, Any], param: str) -> None:
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}"
    refused(await service.http.post(f"{path}/end", json=body), 400, "invalid_request", param)
    assert (await service.get(conversation["id"]))["status"] == "active"


async def test_a_stale_version_changes_nothing(service: Service) -> None:
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}"
    stale = (await service.http.get(path)).headers["etag"]
    await service.http.patch(path, json={"pinned": True})

    for method, action in (("PATCH", ""), ("POST", "/end"), ("POST", "/archive"), ("POST", "/reopen")):
        answer = await service.http.request(method, path + action, json={}, headers={"If-Match": stale})
        refused(answer, 412, "version_mismatch", "If-Match")
        assert answer.headers["etag"] == (await service.http.get(path)).headers["etag"]


async def test_an_end_repeated_with_its_key_is_the_first_answer(service: Service) -> None:
    conversation = await service.new_conversation()
    path, key = f"conversations/{conversation['id']}/end", {"Idempotency-Key": "end"}
    service.engine.faults.add(Fault("batch", status=503, after=True))

    first = await service.http.post(path, json={"rating": 4}, headers=key)
    again = await service.http.post(path, json={"rating": 4}, headers=key)

    assert first.status_code == again.status_code == 200
    assert again.json() == first.json()


async def test_an_ended_conversation_is_summarised_however_short(service: Service) -> None:
    conversation = await service.new_conversation()
    await service.ask(conversation["id"], "What is rye?")
    await service.http.post(f"conversations/{conversation['id']}/end")

    await service.background()

    assert (await service.get(conversation["id"]))["summary"]["through_seq"] == 2


async def test_a_summary_is_read_with_how_far_it_reaches_and_refreshed_when_asked(service: Service) -> None:
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}/summary"
    await service.ask(conversation["id"], "What is rye?")
    none_yet = await service.http.get(path)

    refreshed = await service.http.post(path)

    assert none_yet.json() == {"object": "conversation.summary", "summary": None}
    assert refreshed.status_code == 200
    assert refreshed.json()["summary"]["through_seq"] == 2
    read = await service.http.get(path)
    assert read.json() == refreshed.json()
    assert read.headers["etag"] == refreshed.headers["etag"]
    asked = len(service.model.requests)
    assert (await service.http.post(path)).json() == refreshed.json()
    assert len(service.model.requests) == asked
