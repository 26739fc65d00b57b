"""Messages are listed in both directions, from any place, with the deleted ones when asked for."""

from typing import Any

import pytest

from shared.cursors import encode_cursor
from shared.models import Caller
from tests.api.conftest import Service
from tests.api.refusals import refused

MALLORY = {"X-Local-User": "mallory"}


async def _filled(service: Service, count: int) -> tuple[str, list[str]]:
    """The path of a list of messages, and their ids as they were added."""
    conversation = (await service.new_conversation())["id"]
    ids = [(await service.add(conversation, f"Number {number}"))["id"] for number in range(count)]
    return f"conversations/{conversation}/messages", ids


async def _page(service: Service, path: str, **query: Any) -> dict[str, Any]:
    answer = await service.http.get(path, params=query)
    assert answer.status_code == 200, answer.text
    page = dict(answer.json())
    ids = [message["id"] for message in page["data"]]
    assert (page["first_id"], page["last_id"]) == ((ids[0], ids[-1]) if ids else (None, None))
    return page | {"ids": ids}


async def _walk(service: Service, path: str, **query: Any) -> list[str]:
    found, after = list[str](), dict[str, str]()
    while True:
        page = await _page(service, path, **query, **after)
        assert page["has_more"] == (page["next_cursor"] is not None)
        found += page["ids"]
        if page["next_cursor"] is None:
            return found
        after = {"after": page["next_cursor"]}


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_before_alone_is_the_page_next_to_it(service: Service, order: str) -> None:
    path, ids = await _filled(service, 6)
    ids = ids if order == "asc" else ids[::-1]

    page = await _page(service, path, before=ids[4], limit=2, order=order)
    assert (page["ids"], page["has_more"], page["next_cursor"]) == (ids[2:4], True, None)
    page = await _page(service, path, before=page["first_id"], limit=2, order=order)
    assert (page["ids"], page["has_more"], page["next_cursor"]) == (ids[:2], False, None)
    page = await _page(service, path, before=page["first_id"], limit=2, order=order)
    assert (page["ids"], page["has_more"], page["next_cursor"]) == ([], False, None)


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_before_takes_a_cursor_too(service: Service, order: str) -> None:
    path, ids = await _filled(service, 5)
    ids = ids if order == "asc" else ids[::-1]
    cursor = (await _page(service, path, limit=4, order=order))["next_cursor"]

    assert (await _page(service, path, before=cursor, order=order))["ids"] == ids[:3]


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_after_and_before_are_a_window_that_goes_on(service: Service, order: str) -> None:
    path, ids = await _filled(service, 7)
    ids = ids if order == "asc" else ids[::-1]

    page = await _page(service, path, after=ids[0], before=ids[5], limit=2, order=order)
    assert (page["ids"], page["has_more"]) == (ids[1:3], True)
    rest = await _page(service, path, after=page["next_cursor"], before=ids[5], limit=2, order=order)
    assert (rest["ids"], rest["has_more"], rest["next_cursor"]) == (ids[3:5], False, None)
    assert (await _page(service, path, after=ids[5], before=ids[0], order=order))["ids"] == []


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_deleted_ones_are_listed_when_asked_for(service: Service, order: str, limit: int) -> None:
    path, ids = await _filled(service, 8)
    gone = [ids[number] for number in (0, 3, 4, 7)]
    for identifier in gone:
        await service.http.delete(f"{path}/{identifier}")
    step = 1 if order == "asc" else -1

    listed = {
        which: await _walk(service, path, order=order, limit=limit, **({"deleted": which} if which else {}))
        for which in ("", "only", "include")
    }

    left = [one for one in ids if one not in gone]
    assert listed == {"": left[::step], "only": gone[::step], "include": ids[::step]}


async def test_a_deleted_message_is_still_a_place_in_the_list(service: Service) -> None:
    path, ids = await _filled(service, 4)
    await service.http.delete(f"{path}/{ids[1]}")

    assert (await _page(service, path, after=ids[1]))["ids"] == ids[2:]
    assert (await _page(service, path, before=ids[1]))["ids"] == ids[:1]


async def test_pages_are_stable_while_others_write_and_delete(service: Service) -> None:
    path, ids = await _filled(service, 8)
    first = await _page(service, path, limit=3, order="desc")

    new = await service.add(path.split("/")[1], "New.")
    await service.http.delete(f"{path}/{ids[5]}")  # where the cursor stands
    await service.http.delete(f"{path}/{ids[2]}")
    await service.http.patch(f"{path}/{ids[3]}", json={"display_text": "Shown."})
    rest = await _page(service, path, order="desc", after=first["next_cursor"])

    assert first["ids"] == ids[:4:-1]
    assert rest["ids"] == [ids[4], ids[3], ids[1], ids[0]]
    assert (await _page(service, path, limit=1, order="desc"))["ids"] == [new["id"]]


async def test_a_cursor_is_good_for_its_user_list_order_and_filter_only(service: Service) -> None:
    path, ids = await _filled(service, 4)
    other, _ = await _filled(service, 4)
    for identifier in ids[:2]:
        await service.http.delete(f"{path}/{identifier}")
    lists: list[dict[str, str]] = [
        {},
        {"order": "desc"},
        {"deleted": "only"},
        {"deleted": "include"},
        {"leaf": ids[3]},
    ]
    cursors = [(await _page(service, path, limit=1, **query))["next_cursor"] for query in lists]
    cursors.append((await _page(service, other, limit=1))["next_cursor"])

    for number, query in enumerate(lists):
        for which, cursor in enumerate(cursors):
            for param in ("after", "before"):
                answer = await service.http.get(path, params=query | {param: cursor})
                if which == number:
                    assert answer.status_code == 200, answer.text
                else:
                    refused(answer, 400, "invalid_cursor", param)
    theirs = (await service.http.post("conversations", headers=MALLORY)).json()["id"]
    answer = await service.http.get(
        f"conversations/{theirs}/messages", params={"after": cursors[0]}, headers=MALLORY
    )
    refused(answer, 400, "invalid_cursor", "after")


@pytest.mark.parametrize("position", ["-1", "1.5", "x", "", "²"])
async def test_a_cursor_with_a_place_that_is_none_is_refused(service: Service, position: str) -> None:
    """Nobody can make one without our code, for it has a checksum."""
    path, _ = await _filled(service, 1)
    this_list = ("messages", path.split("/")[1], "asc", "", "")
    cursor = encode_cursor(position, Caller("local-tenant", "local-user"), *this_list)

    refused(await service.http.get(path, params={"after": cursor}), 400, "invalid_cursor", "after")


@pytest.mark.parametrize("param", ["after", "before"])
async def test_a_place_that_is_not_in_this_conversation_is_refused(service: Service, param: str) -> None:
    path, _ = await _filled(service, 1)
    _, (elsewhere,) = await _filled(service, 1)

    for place in (elsewhere, "msg_01ARZ3NDEKTSV4RRFFQ69G5FAV", "msg_1", "x"):
        refused(await service.http.get(path, params={param: place}), 400, "invalid_cursor", param)


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=ten", "limit"),
        ("limit=-1", "limit"),
        ("order=up", "order"),
        ("deleted=yes", "deleted"),
        ("leaf=", "leaf"),
        ("after=", "after"),
        ("before=", "before"),
        ("status=active", "status"),
        ("sort=seq", "sort"),
    ],
)
async def test_a_bad_query_is_refused_by_name(service: Service, query: str, param: str) -> None:
    path, _ = await _filled(service, 1)

    refused(await service.http.get(f"{path}?{query}"), 400, "invalid_request", param)


async def test_a_path_is_not_listed_with_deleted_ones(service: Service) -> None:
    path, (first,) = await _filled(service, 1)

    for deleted in ("only", "include"):
        answer = await service.http.get(path, params={"leaf": first, "deleted": deleted})
        assert "deleted" in refused(answer, 400, "invalid_request")


@pytest.mark.parametrize(
    ("query", "queries"),
    [({}, 1), ({"deleted": "only"}, 1), ({"deleted": "include"}, 2), ({"order": "desc"}, 1)],
)
async def test_a_page_takes_one_query_for_each_kind_of_message(
    service: Service, query: dict[str, str], queries: int
) -> None:
    path, ids = await _filled(service, 12)
    for identifier in ids[::2]:
        await service.http.delete(f"{path}/{identifier}")

    with service.engine.recording() as calls:
        page = await _page(service, path, limit=3, **query)

    assert len(page["ids"]) == 3
    assert [call.operation for call in calls] == ["read"] + ["query"] * queries
