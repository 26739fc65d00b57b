"""What changes of messages cost in round trips; tried once, without a rival."""

from typing import Any

import pytest

from tests.api.conftest import Service

ROUND_TRIPS: list[tuple[str, str, dict[str, Any] | None, list[str]]] = [
    ("PATCH", "/{answer}", {"metadata": {"k": "v"}}, ["read", "read", "patch"]),
    ("DELETE", "/{answer}", None, ["read", "read", "batch"]),
    ("DELETE", "/{last}", None, ["read", "read", "query", "batch"]),
    ("POST", "/{deleted}/restore", None, ["read", "read", "read", "batch"]),
    ("POST", "/{answer}/restore", None, ["read", "read", "read"]),
    ("PUT", "/{answer}/rating", {"rating": 5}, ["read", "read", "batch"]),
    ("DELETE", "/{answer}/rating", None, ["read", "read", "batch"]),
    ("DELETE", "", None, ["read", "patch"]),
    ("GET", "?leaf={last}", None, ["read", "read", "query"]),
    ("GET", "?leaf={last}&after={answer}", None, ["read", "read", "read", "query"]),
    ("GET", "?deleted=include", None, ["read", "query", "query"]),
    ("POST", "", {"role": "user", "content": "x", "parent_id": "{answer}"}, ["read", "read", "batch"]),
    ("POST", "", {"role": "user", "content": "x", "edited_from": "{answer}"}, ["read", "read", "batch"]),
]


@pytest.mark.parametrize(
    ("method", "end", "body", "expected"), ROUND_TRIPS, ids=[f"{one[0]} {one[1]}" for one in ROUND_TRIPS]
)
async def test_a_change_of_a_message_takes_these_round_trips(
    service: Service, method: str, end: str, body: dict[str, Any] | None, expected: list[str]
) -> None:
    conversation = (await service.new_conversation())["id"]
    path = f"conversations/{conversation}/messages"
    names = ("first", "answer", "deleted", "last")
    ids = {name: (await service.add(conversation, name, "assistant"))["id"] for name in names}
    await service.http.delete(f"{path}/{ids['deleted']}")  # makes the tenant's policy known
    rated = {"liked": True} if method == "DELETE" else {"rating": 4}
    await service.http.put(f"{path}/{ids['answer']}/rating", json=rated)
    body = body and {
        name: value.format(**ids) if isinstance(value, str) else value for name, value in body.items()
    }

    with service.engine.recording() as calls:
        answer = await service.http.request(method, path + end.format(**ids), json=body)

    assert answer.status_code < 300, answer.text
    assert [call.operation for call in calls] == expected
