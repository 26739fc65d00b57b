"""Answers are rated, rated anew, and rated no more; the conversation counts it."""

from typing import Any

import pytest

from tests.api.conftest import Service
from tests.api.refusals import refused, stored


async def _answer(service: Service) -> tuple[str, str]:
    """A conversation, and the path of an answer in it."""
    conversation = (await service.new_conversation())["id"]
    turn = await service.ask(conversation, "Hello?")
    return conversation, f"conversations/{conversation}/messages/{turn['answers'][0]['id']}"


async def _quality(service: Service, conversation: str) -> dict[str, Any]:
    answer = await service.http.get(f"conversations/{conversation}/analytics")
    names = ("ratings", "average_rating", "liked", "disliked")
    return {name: answer.json()["quality_metrics"][name] for name in names}


NOTHING = {"ratings": 0, "average_rating": None, "liked": 0, "disliked": 0}


@pytest.mark.parametrize(
    ("body", "counted"),
    [
        ({"rating": 1}, {"ratings": 1, "average_rating": 1}),
        ({"rating": 5, "feedback": "Well said."}, {"ratings": 1, "average_rating": 5}),
        ({"liked": True}, {"liked": 1}),
        ({"liked": False, "feedback": "No."}, {"disliked": 1}),
        ({"rating": 3, "liked": False}, {"ratings": 1, "average_rating": 3, "disliked": 1}),
    ],
)
async def test_a_rating_is_shown_and_counted(
    service: Service, body: dict[str, Any], counted: dict[str, Any]
) -> None:
    conversation, path = await _answer(service)
    before = (await service.http.get(path)).json()
    service.clock.pass_seconds(60)

    answer = await service.http.put(f"{path}/rating", json=body)

    said = {"rating": None, "liked": None, "feedback": None} | body
    assert answer.json() == before | said | {"updated_at": before["updated_at"] + 60}
    assert await _quality(service, conversation) == NOTHING | counted
    assert (await service.get(conversation))["last_activity_at"] == before["updated_at"]


async def test_a_new_rating_stands_in_place_of_the_old_one(service: Service) -> None:
    conversation, path = await _answer(service)
    await service.http.put(f"{path}/rating", json={"rating": 5, "liked": True, "feedback": "Good."})

    answer = await service.http.put(f"{path}/rating", json={"rating": 2})

    said = {name: answer.json()[name] for name in ("rating", "liked", "feedback")}
    assert said == {"rating": 2, "liked": None, "feedback": None}
    assert await _quality(service, conversation) == NOTHING | {"ratings": 1, "average_rating": 2}


async def test_a_rating_taken_back_leaves_no_trace(service: Service) -> None:
    conversation, path = await _answer(service)
    before = (await service.http.get(path)).json()
    await service.http.put(f"{path}/rating", json={"rating": 5, "liked": True, "feedback": "Good."})

    answer = await service.http.delete(f"{path}/rating")

    assert answer.json() == before
    assert await _quality(service, conversation) == NOTHING


async def test_the_same_rating_again_and_one_that_never_was_change_nothing(service: Service) -> None:
    conversation, path = await _answer(service)
    never = await stored(service)
    assert (await service.http.delete(f"{path}/rating")).status_code == 200
    assert await stored(service) == never
    await service.http.put(f"{path}/rating", json={"rating": 5})
    once = await stored(service)

    again = await service.http.put(f"{path}/rating", json={"rating": 5})

    assert (again.status_code, again.json()["rating"]) == (200, 5)
    assert await stored(service) == once
    assert (await _quality(service, conversation))["ratings"] == 1


async def test_ratings_of_several_answers_are_averaged_without_the_deleted_ones(service: Service) -> None:
    conversation, path = await _answer(service)
    await service.http.put(f"{path}/rating", json={"rating": 5, "liked": True})
    for rating in (2, 3):
        turn = await service.ask(conversation, "And?")
        other = f"conversations/{conversation}/messages/{turn['answers'][0]['id']}"
        await service.http.put(f"{other}/rating", json={"rating": rating, "liked": False})

    counted = {"ratings": 3, "average_rating": 3.333, "liked": 1, "disliked": 2}
    assert await _quality(service, conversation) == counted
    await service.http.delete(path)
    counted = {"ratings": 2, "average_rating": 2.5, "liked": 0, "disliked": 2}
    assert await _quality(service, conversation) == counted
    await service.http.post(f"{path}/restore")
    assert (await _quality(service, conversation))["average_rating"] == 3.333


@pytest.mark.parametrize("role", ["user", "system"])
async def test_only_answers_are_rated(service: Service, role: str) -> None:
    conversation = (await service.new_conversation())["id"]
    message = await service.add(conversation, "Hello.", role)
    path, before = f"conversations/{conversation}/messages/{message['id']}/rating", await stored(service)

    refused(await service.http.put(path, json={"rating": 5}), 400, "invalid_request", "message_id")

    assert await stored(service) == before


async def test_an_answer_that_is_being_given_can_be_rated_already(service: Service) -> None:
    conversation = (await service.new_conversation())["id"]
    path = f"conversations/{conversation}/messages"

    async def meanwhile() -> None:
        answer = (await service.http.get(path)).json()["data"][1]
        rated = await service.http.put(f"{path}/{answer['id']}/rating", json={"liked": True})
        assert rated.status_code == 200
        patched = await service.http.patch(f"{path}/{answer['id']}", json={"metadata": {"k": "v"}})
        assert patched.status_code == 200

    service.model.before_answering = meanwhile  # type: ignore[method-assign]
    turn = await service.ask(conversation, "Hello?")

    now = (await service.http.get(f"{path}/{turn['answers'][0]['id']}")).json()
    assert (now["liked"], now["metadata"], now["status"]) == (True, {"k": "v"}, "completed")
    assert await _quality(service, conversation) == NOTHING | {"liked": 1}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"rating": 0}, "rating"),
        ({"rating": 6}, "rating"),
        ({"rating": "5"}, "rating"),
        ({"rating": 4.5}, "rating"),
        ({"rating": True}, "rating"),
        ({"liked": "yes"}, "liked"),
        ({"liked": 1}, "liked"),
        ({"rating": 5, "feedback": "x" * 4_001}, "feedback"),
        ({"rating": 5, "feedback": " "}, "feedback"),
        ({"rating": 5, "stars": 5}, "stars"),
        ({"feedback": "Neither."}, None),
        ({}, None),
        ([], None),
    ],
)
async def test_a_bad_rating_is_refused(service: Service, body: Any, param: str | None) -> None:
    _, path = await _answer(service)
    before = await stored(service)

    refused(await service.http.put(f"{path}/rating", json=body), 400, "invalid_request", param)

    assert await stored(service) == before


async def test_the_rating_of_a_conversation_is_counted_at_its_end(service: Service) -> None:
    conversation, _ = await _answer(service)
    await service.http.post(f"conversations/{conversation}/end", json={"rating": 4, "feedback": "Fine."})

    analytics = (await service.http.get(f"conversations/{conversation}/analytics")).json()

    assert analytics["quality_metrics"]["satisfaction_rating"] == 4
