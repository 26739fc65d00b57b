"""docs/costs.md says what every operation costs, to the round trip and the hundredth of a request unit.

COSTS=write makes the test write the table's rows instead of comparing them.
"""

import os
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from functions.background import purge
from shared.http import endpoints
from tests.api.conftest import Service
from tests.api.costs import calls_of, charge_of, store, warm
from tests.api.raw import conversations, deleted_conversations, grow

TABLE = Path(__file__).parents[2] / "docs" / "costs.md"
ROW = re.compile(
    r"^\| `(?P<operation>[^`]+)`(?P<note>[^|]*) \| (?P<trips>[^|]+) \| (?P<charge>[^|]+) \|$", re.M
)
KEY = {"Idempotency-Key": "k"}
ADMIN = {"X-Local-Roles": "Conversations.Admin"}
TEXT = "x" * 600
MESSAGE = {"role": "user", "content": TEXT}


@dataclass(frozen=True)
class Scene:
    """One user with a conversation of 25 messages beside 25 listed and 25 deleted ones, 1 KB each."""

    service: Service
    names: dict[str, str]

    async def done(self, method: str, action: str, **more: Any) -> httpx2.Response:
        """Something that was done before."""
        path = f"conversations/{self.names['conversation']}{action}"
        answer = await self.service.http.request(method, path, **more)
        assert answer.status_code < 300, answer.text
        return answer


async def _scene(service: Service) -> Scene:
    identifier = await warm(service)
    await grow(service, identifier, 22, TEXT)
    turn = await service.ask(identifier, TEXT)
    await store(service, conversations(100, 25, product="co_pilot"))
    await store(service, deleted_conversations(200, 25))
    names = {
        "conversation": identifier,
        "question": turn["question"]["id"],
        "answer": turn["answers"][0]["id"],
        "response": turn["id"],
    }
    return Scene(service, names)


Before = Callable[[Scene], Awaitable[Any]]


async def _nothing(scene: Scene) -> None:
    pass


def _first(method: str, action: str, **more: Any) -> Before:
    """What is done to the conversation beforehand; `{answer}` stands for the answer's id."""

    async def done(scene: Scene) -> None:
        await scene.done(method, action.format(**scene.names), **more)

    return done


async def _keyed(scene: Scene) -> None:
    await scene.done("POST", "/messages", json=MESSAGE, headers=KEY)


async def _purging(scene: Scene) -> None:
    one = await scene.service.new_conversation()
    await scene.service.add(one["id"], TEXT)
    await grow(scene.service, one["id"], 300)
    answer = await scene.service.http.delete(f"conversations/{one['id']}?purge=true")
    scene.names["operation"] = answer.json()["id"]


async def _purged(scene: Scene) -> None:
    await _purging(scene)
    await purge(None)
    await scene.service.http.get(f"operations/{scene.names['operation']}")


async def _exported(scene: Scene) -> None:
    answer = await scene.service.http.post("me/export")
    scene.names["operation"] = answer.json()["id"]


async def _administered(scene: Scene) -> None:
    """Every shard of the month's audit log has its head."""
    for _ in range(4):
        await scene.service.http.get("tenant/audit", headers=ADMIN)


async def _letters(scene: Scene) -> None:
    """One of the conversation, and 25 others."""
    for identifier in (scene.names["conversation"], *(f"conv_{number:026d}" for number in range(25))):
        letter = {"id": identifier, "tenantId": "local-tenant", "scope": "dead-letters", "count": 12}
        said = {"userId": "local-user", "workType": "conversation", "reason": "model_error", "updatedAt": 1}
        await scene.service.tenant_ops.upsert_item(letter | said)
    await _administered(scene)


ONE = "conversations/{conversation_id}"
MESSAGES = f"{ONE}/messages"
EACH = f"{MESSAGES}/{{message_id}}"
RATED = {"rating": 5, "liked": True}
NEW = {"title": "Bread", "instructions": TEXT}
# Method and route, a note, the query or headers that the note is about, the body, what was done before.
Case = tuple[str, str, str, dict[str, Any], Any, Before]
CASES: list[Case] = [
    ("POST", "conversations", "", {}, NEW, _nothing),
    ("POST", "conversations", "with a key", {"headers": KEY}, NEW, _nothing),
    ("GET", "conversations", "20 of many", {}, None, _nothing),
    ("GET", "conversations", "one scalar filter, 20", {"params": {"product": "co_pilot"}}, None, _nothing),
    ("GET", "conversations", "`deleted=only`, 20", {"params": {"deleted": "only"}}, None, _nothing),
    ("GET", "conversations", "`deleted=include`, 20", {"params": {"deleted": "include"}}, None, _nothing),
    (
        "GET",
        "conversations",
        "`sort=created_at`, 20 past 25 deleted ones",
        {"params": {"sort": "created_at"}},
        None,
        _nothing,
    ),
    ("GET", "conversations", "`sort=title`, 20", {"params": {"sort": "title"}}, None, _nothing),
    ("GET", ONE, "", {}, None, _nothing),
    ("PUT", ONE, "", {}, {"title": "Mine"}, _nothing),
    ("PATCH", ONE, "", {}, {"pinned": True, "tags": ["a"], "metadata": {"a": "b"}}, _nothing),
    ("DELETE", ONE, "", {}, None, _nothing),
    ("DELETE", ONE, "`purge=true`, 25 messages", {"params": {"purge": "true"}}, None, _nothing),
    ("POST", f"{ONE}/restore", "", {}, None, _first("DELETE", "")),
    ("POST", f"{ONE}/end", "", {}, {"rating": 5}, _nothing),
    ("POST", f"{ONE}/end", "with a key", {"headers": KEY}, {"rating": 5}, _nothing),
    ("POST", f"{ONE}/archive", "", {}, None, _nothing),
    ("POST", f"{ONE}/reopen", "", {}, None, _first("POST", "/end")),
    ("POST", f"{ONE}/fork", "25 messages", {}, None, _nothing),
    ("POST", f"{ONE}/fork", "25 messages, with a key", {"headers": KEY}, None, _nothing),
    ("GET", f"{ONE}/summary", "", {}, None, _nothing),
    ("POST", f"{ONE}/summary", "of 25 messages", {}, None, _nothing),
    ("GET", f"{ONE}/context", "", {}, None, _nothing),
    ("GET", f"{ONE}/analytics", "", {}, None, _nothing),
    ("GET", MESSAGES, "20 of many", {}, None, _nothing),
    ("GET", MESSAGES, "`leaf=`, 20", {"params": {"leaf": "{answer}"}}, None, _nothing),
    ("GET", MESSAGES, "`deleted=include`, 20", {"params": {"deleted": "include"}}, None, _nothing),
    ("POST", MESSAGES, "", {}, MESSAGE, _nothing),
    ("POST", MESSAGES, "with a key", {"headers": KEY}, MESSAGE, _nothing),
    ("POST", MESSAGES, "with a key, repeated", {"headers": KEY}, MESSAGE, _keyed),
    ("POST", MESSAGES, "`edited_from`", {}, {**MESSAGE, "edited_from": "{question}"}, _nothing),
    ("DELETE", MESSAGES, "", {}, None, _nothing),
    ("GET", EACH, "", {}, None, _nothing),
    ("PATCH", EACH, "", {}, {"display_text": "Hello"}, _nothing),
    ("DELETE", EACH, "", {}, None, _nothing),
    ("POST", f"{EACH}/restore", "", {}, None, _first("DELETE", "/messages/{answer}")),
    ("PUT", f"{EACH}/rating", "", {}, RATED, _nothing),
    ("DELETE", f"{EACH}/rating", "", {}, None, _first("PUT", "/messages/{answer}/rating", json=RATED)),
    ("POST", f"{ONE}/ask", "", {}, {"content": TEXT}, _nothing),
    ("POST", f"{ONE}/ask", "with a key", {"headers": KEY}, {"content": TEXT}, _nothing),
    ("GET", "operations/{operation_id}", "running", {}, None, _purging),
    ("GET", "operations/{operation_id}", "completed", {}, None, _purged),
    ("GET", "operations/{operation_id}/content", "one part", {}, None, _exported),
    ("POST", "me/export", "78 documents", {}, None, _nothing),
    ("POST", "me/erase", "78 documents", {}, None, _nothing),
    ("GET", "usage", "", {}, None, _nothing),
    ("POST", ONE, "", {}, {"metadata": {"a": "b"}}, _nothing),
    ("GET", f"{ONE}/items", "20 of many", {}, None, _nothing),
    ("POST", f"{ONE}/items", "two", {}, {"items": [MESSAGE, MESSAGE]}, _nothing),
    ("GET", f"{ONE}/items/{{item_id}}", "", {}, None, _nothing),
    ("DELETE", f"{ONE}/items/{{item_id}}", "", {}, None, _nothing),
    ("POST", "responses", "in a conversation of its own", {}, {"input": TEXT}, _nothing),
    ("GET", "responses/{response_id}", "", {}, None, _nothing),
    ("POST", "responses/{response_id}/cancel", "of one that has ended", {}, None, _nothing),
    ("DELETE", "responses/{response_id}", "", {}, None, _nothing),
    ("GET", "responses/{response_id}/input_items", "", {}, None, _nothing),
    ("GET", "models", "", {}, None, _nothing),
    ("GET", "tenant/conversations", "20 of many", {"headers": ADMIN}, None, _administered),
    ("GET", "tenant/conversations/{conversation_id}", "", {"headers": ADMIN}, None, _administered),
    ("GET", "tenant/audit", "", {"headers": ADMIN}, None, _administered),
    ("PUT", "tenant/holds/{user_id}", "", {"headers": ADMIN}, {"reason": "A case."}, _administered),
    ("GET", "docs", "", {}, None, _nothing),
    ("GET", "tenant/dead-letters", "20 of many", {"headers": ADMIN}, None, _letters),
    ("POST", "tenant/dead-letters/{dead_letter_id}/replay", "", {"headers": ADMIN}, None, _letters),
    ("GET", "health/live", "", {}, None, _nothing),
    ("GET", "health/ready", "", {}, None, _nothing),
    ("GET", "openapi.json", "", {}, None, _nothing),
]


def _filled(value: Any, names: dict[str, str]) -> Any:
    """With the names of the scene in place of `{…}`."""
    if isinstance(value, dict):
        return {key: _filled(one, names) for key, one in value.items()}
    return value.format(**names) if isinstance(value, str) and value.startswith("{") else value


def _rows() -> dict[tuple[str, str], tuple[str, str]]:
    return {
        (row["operation"], row["note"].removeprefix(", ")): (row["trips"], row["charge"])
        for row in ROW.finditer(TABLE.read_text().partition("## The table")[2])
    }


@pytest.mark.parametrize("case", CASES, ids=[f"{one[0]} {one[1]} {one[2]}" for one in CASES])
async def test_an_operation_costs_what_the_table_says(service: Service, case: Case) -> None:
    method, route, note, more, body, before = case
    scene = await _scene(service)
    await before(scene)
    names = scene.names
    path = route.format(
        conversation_id=names["conversation"],
        message_id=names["answer"],
        operation_id=names.get("operation"),
        dead_letter_id=names["conversation"],
        item_id=names["answer"],
        response_id=names["response"],
        user_id="mallory",
    )

    asked = service.http.request(method, path, json=_filled(body, names), **_filled(more, names))
    calls = await calls_of(service, asked)

    operations = [call.operation for call in calls]
    trips = f"{len(operations)}: {', '.join(operations)}" if operations else "none"
    row = trips, f"{charge_of(calls):.2f}"
    if os.environ.get("COSTS") == "write":
        _write(f"{method} {route}", note, *row)
    assert _rows().get((f"{method} {route}", note)) == row


def _write(operation: str, note: str, trips: str, charge: str) -> None:
    text = TABLE.read_text()
    line = f"| `{operation}`{', ' + note if note else ''} | {trips} | {charge} |"
    start = line[: line.index(" | ") + 3]
    lines = text.splitlines()
    known = next((number for number, one in enumerate(lines) if one.startswith(start)), None)
    if known is None:
        lines.append(line)
    else:
        lines[known] = line
    TABLE.write_text("\n".join(lines) + "\n")


def test_the_table_has_every_operation_and_no_other() -> None:
    import function_app  # noqa: F401 - declares the endpoints

    declared = {f"{one.method} {one.route}" for one in endpoints()}
    assert {operation for operation, _ in _rows()} == declared
    assert set(_rows()) == {(f"{method} {route}", note) for method, route, note, *_ in CASES}
