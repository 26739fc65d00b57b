"""Every change of a message: whose it is, what it takes, which version it is made of."""

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from tests.api.conftest import Service
from tests.api.refusals import refused, stored

UNKNOWN = "msg_01ARZ3NDEKTSV4RRFFQ69G5FAV"
# What is done to a message: method, what its path ends on, body.
CHANGES: dict[str, tuple[str, str, dict[str, Any] | None]] = {
    "update": ("PATCH", "", {"display_text": "Shown."}),
    "delete": ("DELETE", "", None),
    "restore": ("POST", "/restore", None),
    "rate": ("PUT", "/rating", {"rating": 4}),
    "unrate": ("DELETE", "/rating", None),
}
STRANGERS = [{"X-Local-User": "mallory"}, {"X-Local-Tenant": "elsewhere"}]
each_change = pytest.mark.parametrize("change", CHANGES)


@dataclass
class Subject:
    """An answer that is ready for a change: its path, id and version."""

    service: Service
    conversation: str
    id: str

    @property
    def path(self) -> str:
        return f"conversations/{self.conversation}/messages/{self.id}"

    async def etag(self) -> str:
        return (await stored(self.service))[self.id]

    async def change(self, change: str, path: str = "", **headers: str) -> httpx2.Response:
        method, end, body = CHANGES[change]
        return await self.service.http.request(
            method,
            (path or self.path) + end,
            json=body,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )


async def _subject(service: Service, change: str) -> Subject:
    conversation = (await service.new_conversation())["id"]
    message = await service.add(conversation, "An answer.", "assistant")
    await service.add(conversation, "And on.")
    subject = Subject(service, conversation, message["id"])
    if change == "restore":
        await service.http.delete(subject.path)
    if change == "unrate":
        await service.http.put(f"{subject.path}/rating", json={"liked": True})
    return subject


@each_change
async def test_a_stranger_changes_nothing_and_learns_nothing(service: Service, change: str) -> None:
    subject = await _subject(service, change)
    before = await stored(service)

    for stranger in STRANGERS:
        for if_match in ("*", '"stale"'):
            answer = await subject.change(change, **stranger, If_Match=if_match)
            refused(answer, 404, "conversation_not_found")
            assert "etag" not in answer.headers
    assert await stored(service) == before


@each_change
async def test_what_is_not_there_is_not_found(service: Service, change: str) -> None:
    subject, other = await _subject(service, change), await service.new_conversation()
    messages = subject.path.rpartition("/")[0]

    for path in (
        f"{messages}/{UNKNOWN}",
        f"{messages}/x",
        f"conversations/{other['id']}/messages/{subject.id}",
    ):
        refused(await subject.change(change, path), 404, "message_not_found")
    nowhere = f"conversations/conv_{UNKNOWN[4:]}/messages/{subject.id}"
    refused(await subject.change(change, nowhere), 404, "conversation_not_found")


@each_change
async def test_in_a_deleted_conversation_nothing_is_found(service: Service, change: str) -> None:
    subject = await _subject(service, change)
    await service.http.delete(f"conversations/{subject.conversation}")

    refused(await subject.change(change), 404, "conversation_not_found")


@each_change
async def test_a_change_of_a_stale_version_is_refused_with_the_current_one(
    service: Service, change: str
) -> None:
    subject = await _subject(service, change)
    before, etag = await stored(service), await subject.etag()

    answer = await subject.change(change, If_Match='"stale"')

    refused(answer, 412, "version_mismatch", "If-Match")
    assert answer.headers["etag"] == etag
    assert await stored(service) == before
    assert (await subject.change(change, If_Match=etag)).status_code == 200
    assert await subject.etag() != etag


@each_change
async def test_a_star_matches_whatever_is_there(service: Service, change: str) -> None:
    subject = await _subject(service, change)

    assert (await subject.change(change, If_Match="*")).status_code == 200


@each_change
async def test_a_malformed_condition_is_refused(service: Service, change: str) -> None:
    subject = await _subject(service, change)
    before = await stored(service)

    for if_match in ("", "abc", 'W/"abc"', '"a", "b"'):
        answer = await subject.change(change, If_Match=if_match)
        refused(answer, 400, "invalid_request", "If-Match")
    assert await stored(service) == before


@each_change
async def test_of_five_changes_of_one_version_one_is_made(service: Service, change: str) -> None:
    subject = await _subject(service, change)
    etag = await subject.etag()

    answers = await asyncio.gather(*(subject.change(change, If_Match=etag) for _ in range(5)))

    # Whoever comes after a deletion finds nothing to delete.
    late = 404 if change == "delete" else 412
    assert sorted(answer.status_code for answer in answers) == [200, late, late, late, late]


@pytest.mark.parametrize("change", ["update", "restore", "rate", "unrate"])
async def test_a_change_is_answered_with_the_message_and_its_new_version(
    service: Service, change: str
) -> None:
    subject = await _subject(service, change)

    answer = await subject.change(change)

    read = await service.http.get(subject.path)
    assert (answer.status_code, answer.json()) == (200, read.json())
    assert answer.headers["etag"] == read.headers["etag"] == await subject.etag()


@pytest.mark.parametrize("change", ["update", "delete", "rate", "unrate"])
async def test_a_deleted_message_takes_no_changes(service: Service, change: str) -> None:
    subject = await _subject(service, change)
    await service.http.delete(subject.path)
    before = await stored(service)

    refused(await subject.change(change), 404, "message_not_found")
    refused(await service.http.get(subject.path), 404, "message_not_found")
    assert await stored(service) == before


async def test_a_patch_merges_and_leaves_alone_what_it_does_not_name(service: Service) -> None:
    conversation = (await service.new_conversation())["id"]
    body = {
        "role": "user",
        "content": "Hello.",
        "metadata": {"a": "1", "b": "2"},
        "question_config": {"k": 1},
    }
    path = f"conversations/{conversation}/messages"
    before = (await service.http.post(path, json=body)).json()
    service.clock.pass_seconds(60)

    patch = {"display_text": "Shown.", "metadata": {"a": None, "b": "3", "c": ""}}
    patched = await service.http.patch(f"{path}/{before['id']}", json=patch)

    changed = {"display_text": "Shown.", "metadata": {"b": "3", "c": ""}}
    assert patched.json() == before | changed | {"updated_at": before["updated_at"] + 60}
    assert (await service.get(conversation))["last_activity_at"] == before["created_at"]
    shown = await service.http.patch(f"{path}/{before['id']}", json={"display_text": None})
    assert (shown.json()["display_text"], shown.json()["metadata"]) == ("Hello.", {"b": "3", "c": ""})


async def test_a_patch_that_changes_nothing_writes_nothing(service: Service) -> None:
    subject = await _subject(service, "update")
    before = await stored(service)

    nothing: list[dict[str, Any]] = [{}, {"metadata": {}}, {"metadata": {"k": None}}, {"display_text": None}]
    for body in nothing:
        answer = await service.http.patch(subject.path, json=body)
        assert (answer.status_code, answer.headers["etag"]) == (200, before[subject.id])
    assert await stored(service) == before


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"display_text": "x" * 100_001}, "display_text"),
        ({"display_text": 7}, "display_text"),
        ({"display_text": "a\u0000"}, "display_text"),
        ({"metadata": {"k" * 65: "v"}}, "metadata." + "k" * 65),
        ({"metadata": {"k": "v" * 513}}, "metadata.k"),
        ({"metadata": {"k": {"deep": "v"}}}, "metadata.k"),
        ({"metadata": {f"k{n}": "v" for n in range(17)}}, "metadata"),
        ({"metadata": None}, "metadata"),
        ({"content": "Other."}, "content"),
        ({"role": "system"}, "role"),
    ],
)
async def test_a_bad_patch_names_its_field_and_changes_nothing(
    service: Service, body: dict[str, Any], param: str
) -> None:
    subject = await _subject(service, "update")
    before = await stored(service)

    refused(await service.http.patch(subject.path, json=body), 400, "invalid_request", param)

    assert await stored(service) == before


async def test_metadata_takes_sixteen_pairs_after_the_merge(service: Service) -> None:
    subject = await _subject(service, "update")
    await service.http.patch(subject.path, json={"metadata": {f"k{n}": "v" for n in range(16)}})

    one_more = await service.http.patch(subject.path, json={"metadata": {"more": "v"}})
    refused(one_more, 400, "invalid_request", "metadata")
    swap = await service.http.patch(subject.path, json={"metadata": {"more": "v", "k0": None}})
    assert len(swap.json()["metadata"]) == 16
