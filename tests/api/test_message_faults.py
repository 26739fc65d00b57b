"""Changes of messages in trouble with the database, or in each other's way: none is lost, none is doubled."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2
import pytest
from azure.core.exceptions import ServiceResponseError

from local.cosmos import Fault
from tests.api.conftest import Service
from tests.api.refusals import refused, stored
from tests.api.test_exactly_once import TROUBLE


@dataclass
class Case:
    """A conversation of a system message, a rated answer and a question, of which one is deleted."""

    service: Service
    conversation: str
    answer: str
    deleted: str
    _lists: list[str] = field(default_factory=lambda: ["", "?deleted=only"])

    @property
    def messages(self) -> str:
        return f"conversations/{self.conversation}/messages"

    async def shown(self) -> dict[str, Any]:
        """What is to be counted, and what counts it."""
        conversation = await self.service.get(self.conversation)
        lists = [(await self.service.http.get(self.messages + query)).json()["data"] for query in self._lists]
        analytics = await self.service.http.get(f"conversations/{self.conversation}/analytics")
        return {"conversation": conversation, "lists": lists, "analytics": analytics.json()}


Act = Callable[[Case, dict[str, str]], Awaitable[httpx2.Response]]


def _of_message(method: str, end: str = "", body: Any = None, *, deleted: bool = False) -> Act:
    async def act(case: Case, headers: dict[str, str]) -> httpx2.Response:
        path = f"{case.messages}/{case.deleted if deleted else case.answer}{end}"
        return await case.service.http.request(method, path, json=body, headers=headers)

    return act


async def _clear(case: Case, headers: dict[str, str]) -> httpx2.Response:
    return await case.service.http.delete(case.messages, headers=headers)


# What is done, the database operation that it writes with, and the document that If-Match is about.
CHANGES: dict[str, tuple[Act, str, str]] = {
    "update": (_of_message("PATCH", body={"metadata": {"k": "v"}, "display_text": "S"}), "patch", "answer"),
    "delete": (_of_message("DELETE"), "batch", "answer"),
    "restore": (_of_message("POST", "/restore", deleted=True), "batch", "deleted"),
    "rate": (_of_message("PUT", "/rating", {"rating": 2, "liked": False}), "batch", "answer"),
    "unrate": (_of_message("DELETE", "/rating"), "batch", "answer"),
    "clear": (_clear, "patch", "conversation"),
}


async def _case(service: Service) -> Case:
    conversation = (await service.new_conversation())["id"]
    ids = [
        (await service.add(conversation, text, role))["id"]
        for text, role in (("Rules.", "system"), ("Yes.", "assistant"), ("And?", "user"))
    ]
    case = Case(service, conversation, ids[1], ids[2])
    await service.http.put(f"{case.messages}/{ids[1]}/rating", json={"rating": 5, "liked": True})
    await service.http.delete(f"{case.messages}/{ids[2]}")
    return case


def _known(shown: dict[str, Any], case: Case) -> str:
    """What is shown, whichever the conversation."""
    text = repr(shown)
    names = {
        case.conversation: "conversation",
        **{one["id"]: f"message {one['seq']}" for page in shown["lists"] for one in page},
    }
    for identifier, name in names.items():
        text = text.replace(identifier, name)
    return text


@pytest.mark.parametrize("if_match", [False, True], ids=["any version", "the version seen"])
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("trouble", TROUBLE)
async def test_a_change_in_trouble_is_done_once(
    service: Service, trouble: str, change: str, if_match: bool
) -> None:
    act, operation, subject = CHANGES[change]
    smooth, rough = await _case(service), await _case(service)
    assert (await act(smooth, {})).status_code == 200
    etag = (await stored(service))[getattr(rough, subject)]
    fault = service.engine.faults.add(replace(TROUBLE[trouble], operation=operation))

    answer = await act(rough, {"If-Match": etag} if if_match else {})

    assert (fault.times, answer.status_code) == (0, 200), answer.text
    assert _known(await rough.shown(), rough) == _known(await smooth.shown(), smooth)


@pytest.mark.parametrize("after", [True, False], ids=["after the commit", "before"])
async def test_changes_of_a_service_that_is_unavailable_for_a_moment_are_done_once(
    service: Service, after: bool
) -> None:
    """All of them at once, for the SDK waits half a second before it tries again."""
    smooth, rough = [[await _case(service) for _ in CHANGES] for _ in range(2)]
    for (act, _, _), case in zip(CHANGES.values(), smooth, strict=True):
        await act(case, {})
    versions = await stored(service)
    etags = [versions[getattr(case, of)] for (_, _, of), case in zip(CHANGES.values(), rough, strict=True)]
    faults = [
        service.engine.faults.add(Fault(operation, status=503, after=after))
        for _, operation, _ in CHANGES.values()
    ]

    answers = await asyncio.gather(
        *(
            act(case, {"If-Match": etag})
            for (act, _, _), case, etag in zip(CHANGES.values(), rough, etags, strict=True)
        )
    )

    assert [fault.times for fault in faults] == [0] * len(CHANGES)
    assert [answer.status_code for answer in answers] == [200] * len(CHANGES)
    for one, other in zip(smooth, rough, strict=True):
        assert _known(await other.shown(), other) == _known(await one.shown(), one)


async def test_a_restore_with_a_key_is_answered_once_though_its_answer_is_lost(service: Service) -> None:
    case = await _case(service)
    service.engine.faults.add(Fault("batch", error=ServiceResponseError("reset"), after=True))
    path, key = f"{case.messages}/{case.deleted}/restore", {"Idempotency-Key": "once"}

    first = await service.http.post(path, headers=key)
    again = await service.http.post(path, headers=key)

    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert (await service.get(case.conversation))["message_count"] == 3


async def test_a_change_that_never_gets_through_ends_in_503_with_nothing_stored(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.repository.changes.PATIENCE_SECONDS", 0.1)
    cases = [await _case(service) for _ in CHANGES]
    before = await stored(service)
    for operation in ("batch", "patch"):
        service.engine.faults.add(Fault(operation, status=449, times=10_000))

    answers = await asyncio.gather(
        *(act(case, {}) for (act, _, _), case in zip(CHANGES.values(), cases, strict=True))
    )

    for answer in answers:
        refused(answer, 503, "unavailable")
    assert await stored(service) == before


async def _agree(service: Service, conversation: str) -> list[dict[str, Any]]:
    """Assert that what is counted is what is listed; the list."""
    path = f"conversations/{conversation}"
    listed = list((await service.http.get(f"{path}/messages?limit=100")).json()["data"])
    now, analytics = await service.get(conversation), (await service.http.get(f"{path}/analytics")).json()
    assert now["message_count"] == analytics["message_statistics"]["total_messages"] == len(listed)
    assert now["last_message_id"] == now["leaf_message_id"] == (listed[-1]["id"] if listed else None)
    assert analytics["quality_metrics"]["liked"] == sum(one["liked"] is True for one in listed)
    return listed


async def _answers(service: Service, count: int) -> tuple[str, list[str]]:
    conversation = (await service.new_conversation())["id"]
    return conversation, [
        (await service.add(conversation, f"{number}", "assistant"))["id"] for number in range(count)
    ]


async def test_a_storm_of_fifty_different_changes_is_counted_to_the_last(service: Service) -> None:
    conversation, ids = await _answers(service, 40)
    path = f"conversations/{conversation}/messages"
    for identifier in ids[30:]:
        await service.http.delete(f"{path}/{identifier}")
    http = service.http

    answers = await asyncio.gather(
        *(http.delete(f"{path}/{identifier}") for identifier in ids[:10]),
        *(http.put(f"{path}/{identifier}/rating", json={"liked": True}) for identifier in ids[10:20]),
        *(http.patch(f"{path}/{identifier}", json={"metadata": {"k": "v"}}) for identifier in ids[10:20]),
        *(http.post(f"{path}/{identifier}/restore") for identifier in ids[30:]),
        *(http.post(path, json={"role": "user", "content": f"New {number}"}) for number in range(10)),
    )

    assert {answer.status_code for answer in answers} == {200, 201}
    listed = await _agree(service, conversation)
    assert [one["id"] for one in listed[:30]] == ids[10:]
    assert [one["seq"] for one in listed[30:]] == list(range(41, 51))
    assert [(one["liked"], one["metadata"]) for one in listed[:10]] == [(True, {"k": "v"})] * 10


@pytest.mark.parametrize("end", ["", "/rating"])
async def test_a_storm_on_one_message_is_counted_once(service: Service, end: str) -> None:
    conversation, ids = await _answers(service, 3)
    path = f"conversations/{conversation}/messages/{ids[1]}{end}"

    if end:
        bodies = [{"liked": bool(number % 2), "rating": number % 5 + 1} for number in range(50)]
        answers = await asyncio.gather(*(service.http.put(path, json=body) for body in bodies))
        assert {answer.status_code for answer in answers} == {200}
    else:
        answers = await asyncio.gather(*(service.http.delete(path) for _ in range(50)))
        assert sorted(answer.status_code for answer in answers) == [200] + [404] * 49
    assert len(await _agree(service, conversation)) == (3 if end else 2)


async def test_a_clear_amid_messages_leaves_only_whole_ones(service: Service) -> None:
    conversation, _ = await _answers(service, 5)
    path = f"conversations/{conversation}/messages"

    answers = await asyncio.gather(
        *(service.http.post(path, json={"role": "user", "content": f"{n}"}) for n in range(20)),
        service.http.delete(path),
        *(service.http.post(path, json={"role": "user", "content": f"{n}"}) for n in range(20)),
    )

    assert {answer.status_code for answer in answers} == {200, 201}
    listed = await _agree(service, conversation)
    assert listed[-1]["seq"] == 45
    assert [one["seq"] for one in listed] == list(range(46 - len(listed), 46))
    assert listed[0]["parent_id"] is None
