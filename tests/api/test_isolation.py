"""What is another user's does not exist, and nothing tells it from what nobody has."""

from typing import Any

import httpx2
import pytest

from tests.api.conftest import Service
from tests.api.refusals import refused, stored
from tests.api.walk import CANARY, UNKNOWN, Ids, Operation, belongings, nobodys, operations

STRANGERS = {
    "another-user": {"X-Local-User": "mallory"},
    "another-tenant": {"X-Local-Tenant": "elsewhere"},
    "a-stranger": {"X-Local-Tenant": "elsewhere", "X-Local-User": "mallory"},
    "another-case": {"X-Local-User": "Local-User"},
    "a-longer-name": {"X-Local-User": "local-user2"},
    "a-quoted-name": {"X-Local-User": 'local-user" OR "1"="1'},
    "an-administrator": {"X-Local-User": "root", "X-Local-Roles": "Conversations.Admin"},
}
# Whom the walk sends, each under a name of its own for each operation: some end what others would begin.
INTRUDERS = {
    "another-user": {"X-Local-User": "mallory-{}"},
    "another-tenant": {"X-Local-Tenant": "elsewhere-{}"},
    "administrator-of-another-tenant": {
        "X-Local-Tenant": "elsewhere-{}",
        "X-Local-Roles": "Conversations.Admin",
    },
    "administrator-of-the-tenant": {"X-Local-User": "root-{}", "X-Local-Roles": "Conversations.Admin"},
    "service-for-another-user": {
        "X-Local-User": "robot",
        "X-Local-Roles": "Conversations.OnBehalf",
        "X-On-Behalf-Of": "mallory-{}",
    },
    "service-of-another-tenant": {
        "X-Local-Tenant": "elsewhere-{}",
        "X-Local-User": "robot",
        "X-Local-Roles": "Conversations.OnBehalf",
        "X-On-Behalf-Of": "local-user",
    },
}


def _told(answer: httpx2.Response, *asked: Ids) -> tuple[int, str, list[str]]:
    """All that an answer tells, but for its own id and the ids that were asked for."""
    text = answer.text
    for identifier in (answer.headers["x-request-id"], *(each for ids in asked for each in ids.values())):
        text = text.replace(identifier, "…")
    return answer.status_code, text, sorted(answer.headers)


async def _owners(service: Service) -> dict[str, str]:
    """Every document of the owner's, with its version."""
    mine = "SELECT c.id, c._etag FROM c WHERE c.tenantId = 'local-tenant' AND c.userId = 'local-user'"
    return {each["id"]: each["_etag"] async for each in service.conversations.query_items(mine)}


class Intruder:
    """One who calls operations as somebody else than the owner, and keeps what went wrong with it."""

    def __init__(self, service: Service, who: str, operation: Operation, etag: str) -> None:
        self._service, self._operation, self._etag = service, operation, etag
        self.headers = {name: value.format(operation.name) for name, value in INTRUDERS[who].items()}
        self.administrator = self.headers.get("X-Local-Roles") == "Conversations.Admin"
        self.elsewhere = "X-Local-Tenant" in self.headers

    async def call(self, ids: Ids, **request: Any) -> httpx2.Response:
        """Call it with these ids, and with the ETag of what is the owner's."""
        return await self._service.http.request(
            self._operation.method,
            self._operation.url(ids),
            headers=self.headers | {"If-Match": self._etag},
            **{"json": self._operation.body, **request},
        )

    def may(self) -> bool:
        """Whether it is theirs to call."""
        return self._operation.administrative and self.administrator and not self.elsewhere

    def refusal(self) -> int:
        """With what it should be refused."""
        return 403 if self._operation.administrative and not self.administrator else 404


@pytest.mark.parametrize("who", INTRUDERS)
async def test_on_every_route_what_is_anothers_is_answered_as_what_does_not_exist(
    service: Service, who: str
) -> None:
    known = await operations(service.http)
    ids = await belongings(service, known)
    etag = (await service.http.get(f"conversations/{ids['conversation_id']}")).headers["etag"]
    before, asked = await _owners(service), len(service.model.requests)
    told: dict[str, object] = {}

    for operation in known:
        intruder = Intruder(service, who, operation, etag)
        if not operation.named or intruder.may():
            continue
        for query in operation.flags():
            theirs = await intruder.call(ids, params=query)
            nobody = await intruder.call(nobodys(ids), params=query)
            # A user is not a thing of another tenant: there may be one of any name in one's own.
            expected = theirs.status_code if operation.named == ["user_id"] else intruder.refusal()
            same = _told(theirs, ids) == _told(nobody, nobodys(ids))
            if theirs.status_code != expected or not same or CANARY in theirs.text:
                told[f"{operation.name} {query}"] = theirs.text, nobody.text

    assert told == {}
    assert await _owners(service) == before
    assert len(service.model.requests) == asked


@pytest.mark.parametrize("who", INTRUDERS)
async def test_on_every_route_for_all_that_is_ones_own_there_is_nothing_of_anothers(
    service: Service, who: str
) -> None:
    known = await operations(service.http)
    ids = await belongings(service, known)
    before = await _owners(service)
    told: dict[str, str] = {}

    for operation in known:
        intruder = Intruder(service, who, operation, "*")
        if operation.named or intruder.may():
            continue
        answer = await intruder.call({})
        leaked = [text for text in (CANARY, *ids.values()) if text in answer.text and text != "local-user"]
        if leaked or answer.status_code >= 500 or answer.status_code in (400, 415):
            told[operation.name] = answer.text

    assert told == {}
    assert await _owners(service) == before


@pytest.mark.parametrize("who", INTRUDERS)
async def test_an_id_of_anothers_within_ones_own_is_answered_as_one_that_does_not_exist(
    service: Service, who: str
) -> None:
    """As a parent, as a page's beginning, as what to fork from: in every query parameter and field."""
    known = await operations(service.http)
    ids = await belongings(service, known)
    before = await _owners(service)
    told: dict[str, object] = {}

    for operation in known:
        intruder = Intruder(service, who, operation, "*")
        if intruder.may() or set(operation.named) - {"conversation_id"}:
            continue
        own = (await service.http.post("conversations", headers=intruder.headers)).json()["id"]
        for reference in operation.references():
            for kind in ("conversation_id", "message_id", "response_id"):
                answers = [
                    await intruder.call({"conversation_id": own}, **operation.naming(reference, named[kind]))
                    for named in (ids, nobodys(ids))
                ]
                theirs, nobody = (_told(answer, ids, nobodys(ids)) for answer in answers)
                same = theirs == nobody if theirs[0] >= 400 else theirs[0] == nobody[0]
                if not same or CANARY in theirs[1] or theirs[0] >= 500:
                    told[f"{operation.name} {reference} {kind}"] = theirs, nobody

    assert told == {}
    assert await _owners(service) == before


@pytest.mark.parametrize("who", INTRUDERS)
async def test_anothers_idempotency_key_gives_nothing_of_their_answer(service: Service, who: str) -> None:
    if who == "administrator-of-the-tenant":
        who = "another-user"
    key = {"Idempotency-Key": "the-same"}
    body = {"title": CANARY}
    first = await service.http.post("conversations", json=body, headers=key)
    operation = next(each for each in await operations(service.http) if each.name == "create_conversation")

    second = await service.http.post(
        "conversations", json={}, headers=Intruder(service, who, operation, "*").headers | key
    )

    assert second.status_code == 201, "another body under the same key would be refused to its owner"
    assert "idempotency-replayed" not in second.headers
    assert second.json()["id"] != first.json()["id"]


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
