"""Lists go page by page, in a fixed order, each item once."""

import pytest

from tests.api.conftest import Service
from tests.api.pages import page, walk
from tests.api.refusals import refused

LISTS = ["conversations", "messages"]


async def _filled(service: Service, which: str, count: int) -> tuple[str, list[str]]:
    """The path of a list, and the ids of its items as they were made."""
    if which == "conversations":
        return which, [(await service.new_conversation())["id"] for _ in range(count)]
    conversation = await service.new_conversation()
    made = [(await service.add(conversation["id"], f"Message {number}"))["id"] for number in range(count)]
    return f"conversations/{conversation['id']}/messages", made


@pytest.mark.parametrize("which", LISTS)
async def test_a_stranger_finds_nothing(service: Service, which: str) -> None:
    path, _ = await _filled(service, which, 1)

    for headers in ({"X-Local-User": "mallory"}, {"X-Local-Tenant": "elsewhere"}):
        answer = await service.http.get(path, headers=headers)
        if which == "conversations":
            assert (answer.status_code, answer.json()["data"]) == (200, [])
        else:
            refused(answer, 404, "conversation_not_found")


@pytest.mark.parametrize("which", LISTS)
async def test_an_empty_list_says_so(service: Service, which: str) -> None:
    path, _ = await _filled(service, which, 0)

    assert await page(service, path) == {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
        "next_cursor": None,
    }


@pytest.mark.parametrize("which", LISTS)
async def test_a_page_has_twenty_items_unless_told_and_the_ids_of_its_ends(
    service: Service, which: str
) -> None:
    path, made = await _filled(service, which, 21)
    expected = made[::-1] if which == "conversations" else made

    one = await page(service, path)

    assert [each["id"] for each in one["data"]] == expected[:20]
    assert (one["first_id"], one["last_id"]) == (expected[0], expected[19])
    assert one["has_more"] is True
    assert one["next_cursor"]


@pytest.mark.parametrize("which", LISTS)
async def test_an_item_of_a_list_is_the_resource_itself(service: Service, which: str) -> None:
    path, (made,) = await _filled(service, which, 1)

    (item,) = (await page(service, path))["data"]

    assert item == (await service.http.get(f"{path}/{made}")).json()


@pytest.mark.parametrize("which", LISTS)
@pytest.mark.parametrize("limit", [1, 3, 7, 8])
@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_pages_of_any_size_give_each_item_once(
    service: Service, which: str, limit: int, order: str
) -> None:
    path, made = await _filled(service, which, 7)

    found = await walk(service, path, limit=limit, order=order)

    assert found == (made if order == "asc" else made[::-1])


@pytest.mark.parametrize("which", LISTS)
async def test_a_page_that_ends_with_the_list_has_no_next(service: Service, which: str) -> None:
    path, _ = await _filled(service, which, 3)

    one = await page(service, path, limit=3)

    assert (one["has_more"], one["next_cursor"]) == (False, None)


@pytest.mark.parametrize("which", LISTS)
async def test_a_cursor_goes_with_any_limit(service: Service, which: str) -> None:
    path, made = await _filled(service, which, 7)
    first = await page(service, path, limit=2, order="asc")

    second = await page(service, path, limit=4, order="asc", after=first["next_cursor"])

    assert [each["id"] for each in second["data"]] == made[2:6]


async def test_more_than_a_hundred_items_are_all_found(service: Service) -> None:
    path, made = await _filled(service, "messages", 101)

    assert await walk(service, path, limit=100) == made


async def test_conversations_are_ordered_by_their_last_activity(service: Service) -> None:
    path, (first, second, third) = await _filled(service, "conversations", 3)
    await service.add(first, "Hello.")

    assert await walk(service, path) == [first, third, second]
    await service.ask(second, "Hello?")
    assert await walk(service, path) == [second, first, third]


async def test_a_rename_and_a_background_title_move_nothing(service: Service) -> None:
    path, (first, second) = await _filled(service, "conversations", 2)
    await service.add(first, "How do I bake bread?")
    await service.add(second, "And cake?")

    await service.background()
    await service.http.put(f"conversations/{first}", json={"title": "Mine"})

    assert await walk(service, path) == [second, first]


async def test_conversations_of_one_millisecond_are_listed_once_each(service: Service) -> None:
    now, made = service.clock.now, set()
    for _ in range(9):
        service.clock.now = now
        made.add((await service.new_conversation())["id"])

    newest_first = await walk(service, "conversations", limit=2)

    assert len(newest_first) == 9
    assert set(newest_first) == made
    assert await walk(service, "conversations", limit=4, order="asc") == newest_first[::-1]


async def test_pages_are_stable_while_others_write(service: Service) -> None:
    path, made = await _filled(service, "conversations", 9)
    first = await page(service, path, limit=3)
    cursor = first["next_cursor"]

    await service.new_conversation()
    await service.http.delete(f"conversations/{made[6]}")  # where the cursor stands
    await service.http.delete(f"conversations/{made[4]}")
    await service.http.put(f"conversations/{made[3]}", json={"title": "Renamed"})
    rest = [each["id"] for each in (await page(service, path, after=cursor))["data"]]

    assert [each["id"] for each in first["data"]] == made[8:5:-1]
    assert rest == [made[5], made[3], made[2], made[1], made[0]]


async def test_messages_added_while_one_reads_come_at_the_end(service: Service) -> None:
    path, made = await _filled(service, "messages", 4)
    cursor = (await page(service, path, limit=2))["next_cursor"]

    late = await service.add(path.split("/")[1], "Late.")

    rest = (await page(service, path, after=cursor))["data"]
    assert [each["id"] for each in rest] == [*made[2:], late["id"]]


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_messages_go_on_behind_a_message_too(service: Service, order: str) -> None:
    path, made = await _filled(service, "messages", 5)

    one = await page(service, path, after=made[2], order=order)

    assert [each["id"] for each in one["data"]] == (made[3:] if order == "asc" else made[1::-1])


async def test_behind_the_last_message_there_is_nothing(service: Service) -> None:
    path, made = await _filled(service, "messages", 2)

    assert (await page(service, path, after=made[-1]))["data"] == []
    assert (await page(service, path, after=made[0], order="desc"))["data"] == []


async def test_one_conversations_messages_stay_out_of_anothers_list(service: Service) -> None:
    (path, made), (other_path, others) = [await _filled(service, "messages", 2) for _ in range(2)]

    assert await walk(service, path) == made
    assert await walk(service, other_path, order="desc") == others[::-1]
