"""Conversations are listed by activity, age or title, each once, whatever is written meanwhile."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.conftest import Service
from tests.api.pages import page, walk
from tests.api.refusals import refused

SORTS = ["last_activity_at", "created_at", "title"]
TITLES = ["pear", "Apple", "apple", "Ähre", "Straße", "strasse", "10", "9", "👩‍🍳", "Zebra", "z" * 200]


def _by_title(one: dict[str, Any]) -> tuple[str, str]:
    return (one["title"] or "").casefold(), one["id"]


async def _titled(service: Service) -> list[dict[str, Any]]:
    """Conversations as they were made, some without a title, some with the same."""
    made = [await service.new_conversation(title=title) for title in [*TITLES, "pear"]]
    return [*made, *[await service.new_conversation() for _ in range(2)]]


@pytest.mark.parametrize("limit", [1, 2, 5, 13, 14, 100])
async def test_titles_go_from_a_to_z_in_any_case_untitled_ones_first(service: Service, limit: int) -> None:
    made = await _titled(service)
    expected = [one["id"] for one in sorted(made, key=_by_title)]

    assert await walk(service, "conversations", sort="title", limit=limit) == expected
    assert await walk(service, "conversations", sort="title", order="desc", limit=limit) == expected[::-1]


@pytest.mark.parametrize("limit", [1, 3, 14])
async def test_by_age_the_newest_comes_first_whatever_happened_since(service: Service, limit: int) -> None:
    made = [one["id"] for one in await _titled(service)]
    await service.add(made[0], "Hello.")
    await service.http.put(f"conversations/{made[1]}", json={"title": "Later"})

    assert await walk(service, "conversations", sort="created_at", limit=limit) == made[::-1]
    assert await walk(service, "conversations", sort="created_at", order="asc", limit=limit) == made


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("filters", [{}, {"product": "co_pilot"}, {"tag": "red", "deleted": "include"}])
async def test_pages_of_any_size_give_each_conversation_once(
    service: Service, sort: str, order: str, filters: dict[str, str]
) -> None:
    for number in range(9):
        fields = {"product": "co_pilot", "tags": ["red"]} if number % 2 else {"title": f"T{number % 4}"}
        one = await service.new_conversation(**fields)
        if number % 3 == 0:
            await service.http.delete(f"conversations/{one['id']}")
    whole = await walk(service, "conversations", sort=sort, order=order, limit=100, **filters)

    for limit in range(1, len(whole) + 2):
        assert (
            await walk(service, "conversations", sort=sort, order=order, limit=limit, **filters)
        ) == whole, limit
    assert len(whole) >= 3


async def test_titles_that_read_the_same_stand_together(service: Service) -> None:
    titles = ["Äpfel", "Zebra", "a\u0308pfel"]  # as one character, and as a letter with an accent behind it
    made = [(await service.new_conversation(title=title))["id"] for title in titles]

    assert await walk(service, "conversations", sort="title") == [made[1], made[0], made[2]]


async def test_a_title_of_any_script_and_length_has_a_cursor_that_is_taken(service: Service) -> None:
    titles = ["👩‍🍳" * 66, "ΐ" * 200, "漢" * 200, "\U0010ffff", "\x01", '"\\' * 100]
    made = [await service.new_conversation(title=title) for title in titles]

    found = await walk(service, "conversations", sort="title", limit=1)

    assert sorted(found) == sorted(one["id"] for one in made)


async def test_a_cursor_is_good_for_its_own_filters_sort_and_order_only(service: Service) -> None:
    for _ in range(3):
        await service.new_conversation(product="co_pilot", tags=["red"], agent_id="ada", title="Bread")
    lists = [
        {},
        {"order": "asc"},
        {"product": "co_pilot"},
        {"product": "co_pilot", "order": "asc"},
        {"agent_id": "ada"},
        {"tag": "red"},
        {"query": "bread"},
        {"query": "Bread"},
        {"status": "active"},
        {"status": "active", "product": "co_pilot"},
        {"deleted": "include"},
        {"sort": "created_at"},
        {"sort": "created_at", "order": "asc"},
        {"sort": "title"},
        {"sort": "title", "order": "desc"},
    ]
    cursors = [(await page(service, "conversations", limit=1, **one))["next_cursor"] for one in lists]

    assert all(cursors)
    for one, cursor in zip(lists, cursors, strict=True):
        assert (await page(service, "conversations", limit=1, after=cursor, **one))["data"]
        for other in lists:
            if other != one:
                answer = await service.http.get("conversations", params={"after": cursor, **other})
                refused(answer, 400, "invalid_cursor", "after")


async def test_the_default_sort_and_order_may_be_said_or_left_out(service: Service) -> None:
    made = [(await service.new_conversation())["id"] for _ in range(3)]
    cursor = (await page(service, "conversations", limit=1))["next_cursor"]

    said = await page(service, "conversations", after=cursor, sort="last_activity_at", order="desc")

    assert [one["id"] for one in said["data"]] == made[1::-1]


@pytest.mark.parametrize("sort", SORTS)
async def test_pages_are_stable_while_others_write(service: Service, sort: str) -> None:
    made = [(await service.new_conversation(title=f"Title {n}"))["id"] for n in range(9)]
    order = "asc" if sort == "title" else "desc"
    expected = made if sort == "title" else made[::-1]
    first = await page(service, "conversations", sort=sort, limit=3)
    assert [one["id"] for one in first["data"]] == expected[:3]

    await service.http.delete(f"conversations/{expected[2]}")  # where the cursor stands
    await service.http.delete(f"conversations/{expected[4]}?purge=true")
    await service.http.patch(f"conversations/{expected[5]}", json={"pinned": True})
    await service.new_conversation(title="A title before all others")
    rest = await page(service, "conversations", sort=sort, order=order, after=first["next_cursor"])

    assert [one["id"] for one in rest["data"]] == [expected[3], *expected[5:]]


# What is done between two pages, by the number of a conversation.
WRITES: dict[str, Callable[[Service, str], Any]] = {
    "pin": lambda service, one: service.http.patch(f"conversations/{one}", json={"pinned": True}),
    "end": lambda service, one: service.http.post(f"conversations/{one}/end"),
    "say": lambda service, one: service.http.post(
        f"conversations/{one}/messages", json={"role": "user", "content": "Hello."}
    ),
    "rename": lambda service, one: service.http.put(f"conversations/{one}", json={"title": "M"}),
    "new": lambda service, _: service.http.post("conversations", json={"title": "N"}),
    "delete": lambda service, one: service.http.delete(f"conversations/{one}"),
    "restore": lambda service, one: service.http.post(f"conversations/{one}/restore"),
}
# Those that don't move a conversation in a list.
IN_PLACE: dict[str, set[str]] = {
    "last_activity_at": {"pin", "end", "rename", "new"},
    "created_at": {"pin", "end", "rename", "new", "say"},
    "title": {"pin", "end", "say", "new"},
}


@settings(
    max_examples=25,
    # Each example cleans up after itself, and a busy machine is no fault of the strategy's.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    sort=st.sampled_from(SORTS),
    order=st.sampled_from(["asc", "desc"]),
    limit=st.integers(1, 4),
    writes=st.lists(st.tuples(st.sampled_from(sorted(WRITES)), st.integers(0, 6)), max_size=12),
)
async def test_whatever_is_written_between_two_pages_none_comes_twice_and_what_stays_is_not_missed(
    service: Service, sort: str, order: str, limit: int, writes: list[tuple[str, int]]
) -> None:
    service.clock.now += 1_000
    made = [(await service.new_conversation(title=f"T{n % 3}", org_id="here"))["id"] for n in range(7)]
    untouched, seen, after, waiting = set(made), [], None, list(writes)
    query: dict[str, Any] = {"sort": sort, "order": order, "limit": limit, "org_id": "here"}
    while True:
        one = await page(service, "conversations", **query, **({"after": after} if after else {}))
        seen += [each["id"] for each in one["data"]]
        if (after := one["next_cursor"]) is None:
            break
        for _ in range(3):
            if waiting:
                write, number = waiting.pop()
                await WRITES[write](service, made[number])
                if write not in IN_PLACE[sort]:
                    untouched.discard(made[number])

    assert untouched <= set(seen)
    still = [one for one in seen if one in untouched]
    assert len(still) == len(set(still))
    for identifier in made:  # the next example starts from nothing
        await service.http.delete(f"conversations/{identifier}?purge=true")
