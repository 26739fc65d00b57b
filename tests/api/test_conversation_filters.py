"""A list of conversations shows those that all of its filters leave, and no others."""

from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest

from tests.api.conftest import Service
from tests.api.pages import page, walk
from tests.api.refusals import refused

Conversation = dict[str, Any]
KINDS: list[dict[str, Any]] = [
    {"product": "co_pilot", "agent_id": "ada", "org_id": "north", "entity_type": "USER", "tags": ["red"]},
    {"product": "co_pilot", "agent_id": "bob", "org_id": "south", "entity_type": "LEAD", "tags": ["blue"]},
    {"product": "doc_creator", "agent_id": "ada", "org_id": "south", "tags": ["red", "blue"]},
    {"product": "own_product", "title": "Straße nach SÜDEN"},
    {"title": "co_pilot ada north red"},
    {},
]
# A filter, and what it leaves.
FILTERS: dict[str, tuple[str, Callable[[Conversation], bool]]] = {
    "product": ("co_pilot", lambda one: one["product"] == "co_pilot"),
    "agent_id": ("ada", lambda one: one["agent_id"] == "ada"),
    "org_id": ("south", lambda one: one["org_id"] == "south"),
    "entity_type": ("USER", lambda one: one["entity_type"] == "USER"),
    "status": ("ended", lambda one: one["status"] == "ended"),
    "tag": ("red", lambda one: "red" in one["tags"]),
    "query": ("süden", lambda one: "süden" in (one["title"] or "").casefold()),
}


async def _all_kinds(service: Service) -> list[Conversation]:
    """Conversations of each kind, some ended, some deleted, newest first."""
    made = []
    for number, kind in enumerate(KINDS * 2):
        one = await service.new_conversation(**kind)
        path = f"conversations/{one['id']}"
        if number % 3 == 0:
            one = (await service.http.post(f"{path}/end")).json()
        if number % 4 == 3:
            assert (await service.http.delete(path)).status_code == 200
            one["deleted_at"] = 1
        made.append(one)
    return made[::-1]


async def test_a_stranger_filters_nothing_but_their_own(service: Service) -> None:
    await _all_kinds(service)

    for headers in ({"X-Local-User": "mallory"}, {"X-Local-Tenant": "elsewhere"}):
        for name, (value, _) in FILTERS.items():
            query = {name: value, "deleted": "include"}
            answer = await service.http.get("conversations", params=query, headers=headers)
            assert (answer.status_code, answer.json()["data"]) == (200, []), name


@pytest.mark.parametrize("count", [1, 2, 3])
async def test_all_filters_that_are_given_hold(service: Service, count: int) -> None:
    made = await _all_kinds(service)

    for names in combinations(FILTERS, count):
        query = {name: FILTERS[name][0] for name in names}
        expected = [
            one["id"]
            for one in made
            if one["deleted_at"] is None and all(FILTERS[name][1](one) for name in names)
        ]
        assert await walk(service, "conversations", limit=2, **query) == expected, query
        assert await walk(service, "conversations", order="asc", **query) == expected[::-1], query


@pytest.mark.parametrize("deleted", ["only", "include"])
@pytest.mark.parametrize("name", [None, *FILTERS])
@pytest.mark.parametrize("sort", ["last_activity_at", "created_at", "title"])
async def test_deleted_ones_are_listed_only_when_asked_for(
    service: Service, deleted: str, name: str | None, sort: str
) -> None:
    made = await _all_kinds(service)
    value, holds = FILTERS[name] if name else ("", lambda _: True)
    query = {name: value} if name else {}

    found = await walk(service, "conversations", sort=sort, deleted=deleted, limit=3, **query)

    shown = (True,) if deleted == "only" else (True, False)
    assert sorted(found) == sorted(
        one["id"] for one in made if holds(one) and (one["deleted_at"] is not None) in shown
    )


async def test_a_deleted_conversation_is_listed_as_deleted_and_again_when_restored(service: Service) -> None:
    one = await service.new_conversation(product="co_pilot")
    expires_at = (await service.http.delete(f"conversations/{one['id']}")).json()["expires_at"]

    (shown,) = (await page(service, "conversations", deleted="only"))["data"]

    assert shown["expires_at"] == expires_at
    assert shown["deleted_at"] >= one["created_at"]
    assert (await page(service, "conversations", product="co_pilot"))["data"] == []
    await service.http.post(f"conversations/{one['id']}/restore")
    assert (await page(service, "conversations", deleted="only"))["data"] == []
    assert (await page(service, "conversations", product="co_pilot"))["data"] == [one]


@pytest.mark.parametrize(
    ("title", "query"),
    [
        ("Rye bread", "RYE"),
        ("RYE BREAD", "e b"),
        ("Straße", "STRASSE"),
        ("ΠΟΛΎΣ", "πολύς"),
        ("İstanbul", "stanbul"),
        ("Äpfel", "a\u0308pfel"),
        ("A\u0308pfel", "äpfel"),
        ("100%_*?\\'\"", "%_*?\\'\""),
        ("a  b", "  "),
        ("👩‍🍳 bakes", "👩‍🍳"),
    ],
)
async def test_a_query_finds_a_part_of_a_title_in_any_case(service: Service, title: str, query: str) -> None:
    one = await service.new_conversation(title=title)
    await service.new_conversation(title="Other")

    assert await walk(service, "conversations", query=query) == [one["id"]]


async def test_a_query_finds_summaries_and_their_highlights(service: Service) -> None:
    found, other = await service.new_conversation(title="One"), await service.new_conversation(title="Two")
    for one, subject in ((found, "Sourdough"), (other, "Bicycles")):
        await service.ask(one["id"], f"{subject} is what I care about. What do you say?")
        assert (await service.http.post(f"conversations/{one['id']}/summary")).status_code == 200

    assert await walk(service, "conversations", query="sOURDOUGH") == [found["id"]]


async def test_a_query_does_not_look_into_messages(service: Service) -> None:
    one = await service.new_conversation(title="One")
    await service.add(one["id"], "Sourdough.")

    assert await walk(service, "conversations", query="Sourdough") == []


async def test_a_filter_follows_a_change_at_once(service: Service) -> None:
    one = await service.new_conversation(product="co_pilot", tags=["red"])

    await service.http.patch(f"conversations/{one['id']}", json={"product": None, "tags": ["blue"]})
    await service.http.post(f"conversations/{one['id']}/archive")

    assert await walk(service, "conversations", product="co_pilot") == []
    assert await walk(service, "conversations", tag="red") == []
    assert await walk(service, "conversations", status="active") == []
    assert await walk(service, "conversations", tag="blue", status="archived") == [one["id"]]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("status=open", "status"),
        ("status=", "status"),
        ("status=Active", "status"),
        ("product=My%20Product", "product"),
        ("product=" + "a" * 41, "product"),
        ("product=", "product"),
        ("agent_id=", "agent_id"),
        ("agent_id=" + "a" * 129, "agent_id"),
        ("org_id=" + "a" * 129, "org_id"),
        ("entity_type=user", "entity_type"),
        ("tag=", "tag"),
        ("tag=" + "t" * 65, "tag"),
        ("query=", "query"),
        ("query=" + "q" * 201, "query"),
        ("deleted=true", "deleted"),
        ("deleted=", "deleted"),
        ("sort=id", "sort"),
        ("sort=-title", "sort"),
        ("sort=", "sort"),
        ("pinned=true", "pinned"),
        ("user_id=mallory", "user_id"),
        ("tags=red", "tags"),
        ("status=active&status=ended", "status"),
    ],
)
async def test_a_filter_that_is_unknown_or_malformed_is_named_and_asks_nothing(
    service: Service, query: str, param: str
) -> None:
    with service.engine.recording() as calls:
        refused(await service.http.get(f"conversations?{query}"), 400, "invalid_request", param)
    assert calls == []


@pytest.mark.parametrize("deleted", ["only", "include"])
async def test_a_deleted_message_is_no_deleted_conversation(service: Service, deleted: str) -> None:
    one = await service.new_conversation()
    message = await service.add(one["id"], "Hello.")
    await service.http.delete(f"conversations/{one['id']}/messages/{message['id']}")

    for order in ("asc", "desc"):
        found = await walk(service, "conversations", deleted=deleted, order=order)
        assert found == ([one["id"]] if deleted == "include" else [])
