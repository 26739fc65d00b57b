"""Editing is adding: versions of a message stand side by side, and `leaf` lists one path from the root."""

from typing import Any

import pytest

from tests.api.conftest import Service
from tests.api.refusals import refused

UNKNOWN = "msg_01ARZ3NDEKTSV4RRFFQ69G5FAV"


async def _post(service: Service, conversation_id: str, **fields: Any) -> dict[str, Any]:
    body = {"role": "user", "content": "Hello."} | fields
    answer = await service.http.post(f"conversations/{conversation_id}/messages", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def _path(service: Service, conversation_id: str, leaf: str, **query: Any) -> list[str]:
    """The ids on all pages of a path."""
    url, found, after = f"conversations/{conversation_id}/messages", list[str](), dict[str, str]()
    while True:
        answer = await service.http.get(url, params={"leaf": leaf} | query | after)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += [message["id"] for message in page["data"]]
        if page["next_cursor"] is None:
            assert not page["has_more"]
            return found
        after = {"after": page["next_cursor"]}


async def _row(service: Service, conversation_id: str, count: int) -> list[str]:
    return [(await service.add(conversation_id, f"Number {number}"))["id"] for number in range(count)]


async def test_an_edit_stands_beside_its_original_under_the_same_parent(service: Service) -> None:
    conversation = (await service.new_conversation())["id"]
    first, second, third = await _row(service, conversation, 3)

    edit = await _post(service, conversation, edited_from=second)

    assert (edit["seq"], edit["parent_id"], edit["edited_from"]) == (4, first, second)
    assert await _path(service, conversation, edit["id"]) == [first, edit["id"]]
    assert await _path(service, conversation, third) == [first, second, third]
    after = await service.get(conversation)
    assert (after["leaf_message_id"], after["message_count"]) == (edit["id"], 4)


async def test_an_edit_of_a_root_is_a_root(service: Service) -> None:
    conversation = (await service.new_conversation())["id"]
    (first, second) = await _row(service, conversation, 2)

    edit = await _post(service, conversation, edited_from=first)
    below = await _post(service, conversation)

    assert (edit["parent_id"], below["parent_id"]) == (None, edit["id"])
    assert await _path(service, conversation, below["id"]) == [edit["id"], below["id"]]
    assert await _path(service, conversation, second) == [first, second]


async def test_a_message_behind_an_earlier_one_begins_a_branch_that_the_next_goes_on(
    service: Service,
) -> None:
    conversation = (await service.new_conversation())["id"]
    first, second, third = await _row(service, conversation, 3)

    branch = await _post(service, conversation, parent_id=first)
    after = await _post(service, conversation)

    assert (branch["parent_id"], after["parent_id"]) == (first, branch["id"])
    assert await _path(service, conversation, after["id"]) == [first, branch["id"], after["id"]]
    assert await _path(service, conversation, third) == [first, second, third]


async def test_a_message_behind_the_leaf_by_name_is_one_behind_the_leaf(service: Service) -> None:
    conversation = (await service.new_conversation())["id"]
    (first,) = await _row(service, conversation, 1)

    second = await _post(service, conversation, parent_id=first)

    assert await _path(service, conversation, second["id"]) == [first, second["id"]]


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_a_path_goes_page_by_page_in_both_orders(service: Service, order: str, limit: int) -> None:
    conversation = (await service.new_conversation())["id"]
    row = await _row(service, conversation, 4)
    branch = [(await _post(service, conversation, parent_id=row[2]))["id"]]
    branch += await _row(service, conversation, 2)
    await _post(service, conversation, edited_from=branch[1])

    expected = [*row[:3], *branch]

    found = await _path(service, conversation, branch[-1], order=order, limit=limit)
    assert found == (expected if order == "asc" else expected[::-1])


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_a_path_is_read_behind_and_before_a_message(service: Service, order: str) -> None:
    conversation = (await service.new_conversation())["id"]
    row = await _row(service, conversation, 3)
    row += [(await _post(service, conversation, edited_from=row[2]))["id"]]
    row += await _row(service, conversation, 2)
    path = [*row[:2], *row[3:]]
    path = path if order == "asc" else path[::-1]

    leaf, query = row[-1], {"order": order}
    assert await _path(service, conversation, leaf, **query, after=path[1]) == path[2:]
    window = {"after": path[0], "before": path[3]}
    assert await _path(service, conversation, leaf, **query, **window) == path[1:3]
    near = f"leaf={leaf}&before={path[3]}&limit=2&order={order}"
    page = await service.http.get(f"conversations/{conversation}/messages?{near}")
    assert [message["id"] for message in page.json()["data"]] == path[1:3]
    assert (page.json()["has_more"], page.json()["next_cursor"]) == (True, None)


async def test_a_path_leads_around_what_is_deleted(service: Service) -> None:
    conversation = (await service.new_conversation())["id"]
    first, second, third, fourth = await _row(service, conversation, 4)
    await service.http.delete(f"conversations/{conversation}/messages/{second}")
    await service.http.delete(f"conversations/{conversation}/messages/{fourth}")

    assert await _path(service, conversation, third) == [first, third]
    assert await _path(service, conversation, fourth) == [first, third]
    message = await service.http.get(f"conversations/{conversation}/messages/{third}")
    assert message.json()["parent_id"] == second  # the children are kept where they were


async def test_what_was_deleted_is_not_on_the_path_of_what_came_in_its_place(service: Service) -> None:
    conversation = (await service.new_conversation())["id"]
    first, second = await _row(service, conversation, 2)
    await service.http.delete(f"conversations/{conversation}/messages/{second}")
    third = await _post(service, conversation)

    await service.http.post(f"conversations/{conversation}/messages/{second}/restore")

    assert third["parent_id"] == first
    assert await _path(service, conversation, third["id"]) == [first, third["id"]]
    assert await _path(service, conversation, second) == [first, second]


async def test_after_a_restore_the_next_message_goes_on_from_what_came_back(service: Service) -> None:
    conversation = (await service.new_conversation())["id"]
    row = await _row(service, conversation, 3)
    for message in row[1:]:
        await service.http.delete(f"conversations/{conversation}/messages/{message}")
    await service.http.post(f"conversations/{conversation}/messages/{row[1]}/restore")

    assert (await service.get(conversation))["leaf_message_id"] == row[1]
    after = await _post(service, conversation)

    assert await _path(service, conversation, after["id"]) == [*row[:2], after["id"]]


@pytest.mark.parametrize("field", ["parent_id", "edited_from"])
async def test_a_place_must_be_a_message_of_the_conversation(service: Service, field: str) -> None:
    conversation, other = [(await service.new_conversation())["id"] for _ in range(2)]
    (elsewhere,), (deleted, _) = await _row(service, other, 1), await _row(service, conversation, 2)
    await service.http.delete(f"conversations/{conversation}/messages/{deleted}")
    path = f"conversations/{conversation}/messages"

    for identifier in (UNKNOWN, elsewhere, deleted, "msg_1", "resp_" + elsewhere[4:]):
        body = {"role": "user", "content": "Hello.", field: identifier}
        refused(await service.http.post(path, json=body), 400, "invalid_request", field)

    assert (await service.get(conversation))["message_count"] == 1


async def test_an_edit_has_no_parent_of_its_own(service: Service) -> None:
    conversation = (await service.new_conversation())["id"]
    first, second = await _row(service, conversation, 2)
    body = {"role": "user", "content": "Hello.", "parent_id": first, "edited_from": second}

    answer = await service.http.post(f"conversations/{conversation}/messages", json=body)

    assert "edited_from" in refused(answer, 400, "invalid_request")


async def test_a_leaf_must_be_a_message_of_the_conversation(service: Service) -> None:
    conversation, other = [(await service.new_conversation())["id"] for _ in range(2)]
    (elsewhere,) = await _row(service, other, 1)

    for leaf in (UNKNOWN, elsewhere, "x"):
        answer = await service.http.get(f"conversations/{conversation}/messages", params={"leaf": leaf})
        refused(answer, 404, "message_not_found")


async def test_a_path_with_many_branchings_is_read_in_few_round_trips_and_ends_somewhere(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.transitions.MAX_STRETCHES", 101)
    conversation = (await service.new_conversation())["id"]
    path = await _row(service, conversation, 1)
    for _ in range(100):
        await _post(service, conversation, parent_id=path[-1], content="A version that is left.")
        path.append((await _post(service, conversation, parent_id=path[-1]))["id"])
    url = f"conversations/{conversation}/messages"

    assert await _path(service, conversation, path[-1], limit=100) == path
    with service.engine.recording() as calls:
        page = await service.http.get(url, params={"leaf": path[-1], "order": "desc", "limit": 100})
    assert [message["id"] for message in page.json()["data"]] == path[:-101:-1]
    # The conversation, the leaf, and a query for each 32 branches.
    assert [call.operation for call in calls] == ["read", "read"] + ["query"] * 4
    await _post(service, conversation, parent_id=path[-2], content="A version that is left.")
    body = {"role": "user", "content": "Hello.", "parent_id": path[-1]}
    refused(await service.http.post(url, json=body), 400, "invalid_request", "parent_id")
