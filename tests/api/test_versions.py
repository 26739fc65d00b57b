"""ETag names the version of a resource; If-Match makes a change conditional on it."""

import asyncio

import httpx2
import pytest

from tests.api.conftest import Service
from tests.api.refusals import refused, stored

CHANGES = {"rename": "PUT", "delete": "DELETE", "restore": "POST"}


async def _conversation(service: Service, change: str) -> tuple[str, str]:
    """The id and the ETag of a conversation that is ready for such a change."""
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}"
    etag = (await service.http.get(path)).headers["etag"]
    if change == "restore":
        await service.http.delete(path)
        document = await service.conversations.read_item(conversation["id"], ["local-tenant", "local-user"])
        etag = document["_etag"]
    return conversation["id"], etag


async def _change(
    service: Service, change: str, identifier: str, if_match: str, **headers: str
) -> httpx2.Response:
    path = f"conversations/{identifier}" + ("/restore" if change == "restore" else "")
    body = {"title": "Mine"} if change == "rename" else None
    return await service.http.request(
        CHANGES[change], path, json=body, headers={"If-Match": if_match} | headers
    )


@pytest.mark.parametrize("change", CHANGES)
async def test_a_stranger_learns_no_version(service: Service, change: str) -> None:
    identifier, _ = await _conversation(service, change)

    for if_match in ('"stale"', "*"):
        answer = await _change(service, change, identifier, if_match, **{"X-Local-User": "mallory"})
        refused(answer, 404, "conversation_not_found")
        assert "etag" not in answer.headers


async def test_every_single_resource_has_its_documents_etag(service: Service) -> None:
    created = await service.http.post("conversations")
    path = f"conversations/{created.json()['id']}"
    renamed = await service.http.put(path, json={"title": "Mine"})
    added = await service.http.post(f"{path}/messages", json={"role": "user", "content": "Hello."})
    message = await service.http.get(f"{path}/messages/{added.json()['id']}")
    deleted = await service.http.delete(path)
    restored = await service.http.post(f"{path}/restore")
    read = await service.http.get(path)

    now = await stored(service)
    assert added.headers["etag"] == message.headers["etag"] == now[added.json()["id"]]
    assert restored.headers["etag"] == read.headers["etag"] == now[created.json()["id"]]
    assert len({answer.headers["etag"] for answer in (created, renamed, restored)}) == 3
    assert "etag" not in deleted.headers
    assert "etag" not in (await service.http.get("conversations")).headers


async def test_a_background_title_moves_the_etag(service: Service) -> None:
    conversation = await service.new_conversation()
    await service.add(conversation["id"], "How do I bake bread?")
    path = f"conversations/{conversation['id']}"
    seen = (await service.http.get(path)).headers["etag"]

    await service.background()

    assert (await service.http.get(path)).headers["etag"] != seen
    answer = await _change(service, "rename", conversation["id"], seen)
    refused(answer, 412, "version_mismatch", "If-Match")


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_of_the_version_that_was_seen_is_made(service: Service, change: str) -> None:
    identifier, etag = await _conversation(service, change)

    answer = await _change(service, change, identifier, etag)

    assert answer.status_code == 200
    assert (await stored(service))[identifier] != etag


@pytest.mark.parametrize("change", CHANGES)
async def test_a_change_of_a_stale_version_is_refused_with_the_current_one(
    service: Service, change: str
) -> None:
    identifier, etag = await _conversation(service, change)
    before = await stored(service)

    answer = await _change(service, change, identifier, '"stale"')

    refused(answer, 412, "version_mismatch", "If-Match")
    assert answer.headers["etag"] == etag
    assert await stored(service) == before
    assert (await _change(service, change, identifier, answer.headers["etag"])).status_code == 200


@pytest.mark.parametrize("change", CHANGES)
async def test_a_star_matches_whatever_is_there(service: Service, change: str) -> None:
    identifier, _ = await _conversation(service, change)

    assert (await _change(service, change, identifier, "*")).status_code == 200


@pytest.mark.parametrize(
    "if_match",
    ["", "abc", '"abc', 'W/"abc"', '"a", "b"', "**", '"a b"'],
    ids=["empty", "unquoted", "half-quoted", "weak", "several", "two-stars", "blank-inside"],
)
async def test_a_malformed_if_match_is_refused(service: Service, if_match: str) -> None:
    identifiers = {change: (await _conversation(service, change))[0] for change in CHANGES}
    before = await stored(service)

    for change, identifier in identifiers.items():
        refused(await _change(service, change, identifier, if_match), 400, "invalid_request", "If-Match")

    assert await stored(service) == before


async def test_of_two_changes_of_one_version_one_is_made(service: Service) -> None:
    identifier, etag = await _conversation(service, "rename")

    answers = await asyncio.gather(*(_change(service, "rename", identifier, etag) for _ in range(5)))

    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412, 412]


@pytest.mark.parametrize("change", ["add items", "delete item", "delete response", "cancel response"])
async def test_openais_routes_honour_it_too(service: Service, change: str) -> None:
    conversation = await service.new_conversation()
    turn = await service.ask(conversation["id"], "Hm?")
    items, response = f"conversations/{conversation['id']}/items", f"responses/{turn['id']}"
    method, path, resource, status = {
        "add items": ("POST", items, f"conversations/{conversation['id']}", 201),
        "delete item": ("DELETE", f"{items}/{turn['question']['id']}", None, 200),
        "delete response": ("DELETE", response, None, 200),
        "cancel response": ("POST", f"{response}/cancel", response, 200),
    }[change]
    body = {"items": [{"role": "user", "content": "Hello."}]} if change == "add items" else None
    etag = (await service.http.get(resource or path)).headers["etag"]
    before = await stored(service)

    late = await service.http.request(method, path, json=body, headers={"If-Match": '"stale"'})
    refused(late, 412, "version_mismatch", "If-Match")
    assert late.headers["etag"] == etag
    assert await stored(service) == before
    done = await service.http.request(method, path, json=body, headers={"If-Match": etag})
    assert done.status_code == status


async def test_without_if_match_the_last_writer_wins(service: Service) -> None:
    conversation = await service.new_conversation()
    path = f"conversations/{conversation['id']}"

    for title in ("First", "Last"):
        assert (await service.http.put(path, json={"title": title})).status_code == 200

    assert (await service.get(conversation["id"]))["title"] == "Last"


async def test_a_condition_makes_nothing_of_what_is_not_there(service: Service) -> None:
    answer = await _change(service, "rename", "conv_01ARZ3NDEKTSV4RRFFQ69G5FAV", "*")

    refused(answer, 404, "conversation_not_found")
