"""What is another user's does not exist, and nothing tells it from what nobody has."""

from typing import Any

import httpx2
import pytest

from tests.api.conftest import Service
from tests.api.refusals import refused, stored

UNKNOWN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
STRANGERS = {
    "another-user": {"X-Local-User": "mallory"},
    "another-tenant": {"X-Local-Tenant": "elsewhere"},
    "a-stranger": {"X-Local-Tenant": "elsewhere", "X-Local-User": "mallory"},
    "another-case": {"X-Local-User": "Local-User"},
    "a-longer-name": {"X-Local-User": "local-user2"},
    "a-quoted-name": {"X-Local-User": 'local-user" OR "1"="1'},
    "an-administrator": {"X-Local-User": "root", "X-Local-Roles": "Conversations.Admin"},
}
ROUTES: dict[str, tuple[str, str, dict[str, Any] | None]] = {
    "get": ("GET", "", None),
    "rename": ("PUT", "", {"title": "Mine"}),
    "delete": ("DELETE", "", None),
    "restore": ("POST", "/restore", None),
    "update": ("PATCH", "", {"pinned": True}),
    "end": ("POST", "/end", {}),
    "archive": ("POST", "/archive", None),
    "reopen": ("POST", "/reopen", None),
    "get_summary": ("GET", "/summary", None),
    "get_context": ("GET", "/context", None),
    "refresh_summary": ("POST", "/summary", None),
    "list_messages": ("GET", "/messages", None),
    "add_message": ("POST", "/messages", {"role": "user", "content": "Hello."}),
    "add_child": ("POST", "/messages", {"role": "user", "content": "Hello.", "parent_id": "msg"}),
    "get_message": ("GET", "/messages/msg", None),
    "list_behind": ("GET", "/messages?after=msg", None),
    "ask": ("POST", "/ask", {"content": "Hello?"}),
}


def _told(answer: httpx2.Response, *ids: str) -> tuple[int, str, list[str]]:
    """All that an answer tells, but for its own id and the ids that were asked for."""
    text = answer.text
    for identifier in (answer.headers["x-request-id"], *ids):
        text = text.replace(identifier, "…")
    return answer.status_code, text, sorted(answer.headers)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("stranger", ["another-user", "another-tenant"])
async def test_anothers_conversation_is_answered_as_one_that_does_not_exist(
    service: Service, stranger: str, route: str
) -> None:
    conversation = await service.new_conversation()
    message = await service.add(conversation["id"], "Secret.")
    before = await stored(service)
    method, path, body = ROUTES[route]

    async def ask(conversation_id: str, message_id: str) -> httpx2.Response:
        return await service.http.request(
            method,
            f"conversations/{conversation_id}{path.replace('msg', message_id)}",
            json=body and body | ({"parent_id": message_id} if "parent_id" in body else {}),
            headers=STRANGERS[stranger] | {"If-Match": "*"},
        )

    theirs = await ask(conversation["id"], message["id"])
    nobodys = await ask(f"conv_{UNKNOWN}", f"msg_{UNKNOWN}")

    assert _told(theirs, conversation["id"], message["id"]) == _told(
        nobodys, f"conv_{UNKNOWN}", f"msg_{UNKNOWN}"
    )
    if route != "list_behind":
        refused(theirs, 404, "conversation_not_found")
    assert await stored(service) == before
    assert service.model.requests == []


@pytest.mark.parametrize("route", ["get_message", "add_child", "list_behind"])
async def test_anothers_message_does_not_exist_in_ones_own_conversation(service: Service, route: str) -> None:
    theirs = await service.new_conversation()
    secret = await service.add(theirs["id"], "Secret.")
    mallory = {"X-Local-User": "mallory"}
    own = (await service.http.post("conversations", headers=mallory)).json()["id"]
    method, path, body = ROUTES[route]

    async def ask(message_id: str) -> httpx2.Response:
        return await service.http.request(
            method,
            f"conversations/{own}{path.replace('msg', message_id)}",
            json=body and body | {"parent_id": message_id},
            headers=mallory,
        )

    answer = await ask(secret["id"])

    assert answer.status_code == (404 if route == "get_message" else 400)
    assert _told(answer, secret["id"]) == _told(await ask(f"msg_{UNKNOWN}"), f"msg_{UNKNOWN}")


@pytest.mark.parametrize("stranger", STRANGERS)
async def test_a_list_shows_ones_own_only(service: Service, stranger: str) -> None:
    ours = await service.new_conversation()
    theirs = (await service.http.post("conversations", headers=STRANGERS[stranger])).json()

    listed = [
        (await service.http.get("conversations", headers=headers)).json()["data"]
        for headers in ({}, STRANGERS[stranger])
    ]

    assert listed == [[ours], [theirs]]


async def test_one_name_in_two_tenants_is_two_users(service: Service) -> None:
    """Nor do tenant and user run together: "a" + "bc" is not "ab" + "c"."""
    for tenant, user in (("a", "bc"), ("ab", "c"), ("a", "c"), ("ab", "bc")):
        headers = {"X-Local-Tenant": tenant, "X-Local-User": user}
        assert (await service.http.get("conversations", headers=headers)).json()["data"] == []
        await service.http.post("conversations", headers=headers)


@pytest.mark.parametrize("name", [" a", "a\tb", "ü", "a" * 257], ids=["blank", "tab", "not-ascii", "long"])
async def test_a_name_that_no_partition_key_should_have_is_refused(service: Service, name: str) -> None:
    for header in ("X-Local-User", "X-Local-Tenant", "X-Local-Email"):
        headers = {header.encode(): name.encode()}
        refused(await service.http.post("conversations", headers=headers), 400, "invalid_request", header)

    assert await stored(service) == {}


async def _cursor(service: Service, path: str, **query: str) -> str:
    answer = await service.http.get(path, params={"limit": "1", **query})
    return str(answer.json()["next_cursor"])


@pytest.mark.parametrize("stranger", STRANGERS)
async def test_a_cursor_is_good_for_its_user_only(service: Service, stranger: str) -> None:
    for _ in range(2):
        await service.new_conversation()
        await service.http.post("conversations", headers=STRANGERS[stranger])
    cursor = await _cursor(service, "conversations")

    answer = await service.http.get("conversations", params={"after": cursor}, headers=STRANGERS[stranger])

    refused(answer, 400, "invalid_cursor", "after")


async def test_a_cursor_is_good_for_its_list_and_order_only(service: Service) -> None:
    first, second = await service.new_conversation(), await service.new_conversation()
    for conversation in (first, first, second, second):
        await service.add(conversation["id"], "Hello.")
    lists = ["conversations", *(f"conversations/{each['id']}/messages" for each in (first, second))]
    cursors = {
        (path, order): await _cursor(service, path, order=order)
        for path in lists
        for order in ("asc", "desc")
    }

    for (path, order), cursor in cursors.items():
        for other_path, other_order in cursors:
            query = {"after": cursor, "order": other_order}
            answer = await service.http.get(other_path, params=query)
            if (path, order) == (other_path, other_order):
                assert answer.status_code == 200
            else:
                refused(answer, 400, "invalid_cursor", "after")


async def test_a_cursor_with_any_character_changed_is_refused(service: Service) -> None:
    for _ in range(2):
        await service.new_conversation()
    cursor = await _cursor(service, "conversations")

    damaged = [
        cursor[:place] + other + cursor[place + 1 :]
        for place, right in enumerate(cursor)
        for other in {chr(ord(right) ^ 1), "A"} - {right}
    ]
    for each in [*damaged, cursor[:-1], cursor[1:], cursor + "A", cursor + "=", cursor * 2, cursor.lower()]:
        answer = await service.http.get("conversations", params={"after": each})
        refused(answer, 400, "invalid_cursor", "after")


@pytest.mark.parametrize(
    "after",
    ["x", "\0", "é", "msg_", "msg_x", f"msg_{UNKNOWN}", f"conv_{UNKNOWN}", "W10", "WzEsMl0", "W1tb" * 200],
    ids=["x", "nul", "é", "msg", "msg-x", "msg-id", "conv-id", "no-pair", "numbers", "deep"],
)
async def test_what_never_was_a_cursor_is_refused(service: Service, after: str) -> None:
    conversation = await service.new_conversation()

    for path in ("conversations", f"conversations/{conversation['id']}/messages"):
        refused(await service.http.get(path, params={"after": after}), 400, "invalid_cursor", "after")


async def test_a_message_of_another_conversation_is_no_place_in_this_list(service: Service) -> None:
    first, second = await service.new_conversation(), await service.new_conversation()
    message = await service.add(second["id"], "Hello.")

    answer = await service.http.get(f"conversations/{first['id']}/messages", params={"after": message["id"]})

    refused(answer, 400, "invalid_cursor", "after")
