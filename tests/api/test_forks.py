"""A fork is a conversation of its own, with copies of the messages of one path."""

from typing import Any

import pytest

from tests.api.conftest import Service
from tests.api.pages import walk
from tests.api.refusals import refused, stored

UNKNOWN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
# What a copy of a message has in common with the original, and of a conversation.
SAME = (
    "role content display_text is_json status question_config prompt_details model usage metadata created_at"
)
KEPT = "title product agent_id entity_type org_id user_email instructions metadata tags"


async def _fork(service: Service, identifier: str, **body: Any) -> dict[str, Any]:
    answer = await service.http.post(f"conversations/{identifier}/fork", json=body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["etag"]
    return dict(answer.json())


async def _messages(service: Service, identifier: str) -> list[dict[str, Any]]:
    answer = await service.http.get(f"conversations/{identifier}/messages?limit=100")
    return list(answer.json()["data"])


async def _post(service: Service, path: str, **body: Any) -> dict[str, Any]:
    answer = await service.http.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_nobody_forks_what_is_anothers(service: Service) -> None:
    one = await service.new_conversation()
    message = await service.add(one["id"], "Secret.")
    before = await stored(service)

    for headers in ({"X-Local-User": "mallory"}, {"X-Local-Tenant": "elsewhere"}):
        for body in ({}, {"up_to_message_id": message["id"]}):
            answer = await service.http.post(f"conversations/{one['id']}/fork", json=body, headers=headers)
            refused(answer, 404, "conversation_not_found")

    assert await stored(service) == before


async def test_a_fork_has_what_its_source_says_and_none_of_its_history(service: Service) -> None:
    fields = {
        "title": "Bread",
        "product": "co_pilot",
        "agent_id": "ada",
        "entity_type": "LEAD",
        "org_id": "north",
        "instructions": "Be brief.",
        "metadata": {"a": "b"},
        "tags": ["x", "y"],
    }
    source = await service.new_conversation(**fields, pinned=True)
    await service.ask(source["id"], "What is rye?")
    await service.http.post(f"conversations/{source['id']}/end", json={"rating": 4, "feedback": "Good."})
    source = await service.get(source["id"])

    fork = await _fork(service, source["id"])

    assert {name: fork[name] for name in KEPT.split()} == {name: source[name] for name in KEPT.split()}
    assert (fork["forked_from"], fork["title_source"], fork["status"]) == (source["id"], "user", "active")
    assert (fork["message_count"], fork["pinned"], fork["summary"]) == (2, False, None)
    nothing = ("rating", "feedback", "ended_at", "end_reason", "deleted_at", "expires_at")
    assert [fork[name] for name in nothing] == [None] * 6
    assert fork["created_at"] >= source["created_at"]
    assert fork == await service.get(fork["id"])
    assert await service.get(source["id"]) == source


async def test_copies_say_the_same_under_names_and_numbers_of_their_own(service: Service) -> None:
    source = await service.new_conversation()
    path = f"conversations/{source['id']}/messages"
    first = await _post(
        service,
        path,
        role="user",
        content='{"a": 1}',
        is_json=True,
        display_text="A",
        question_config={"k": [1]},
        prompt_details={"p": None},
        metadata={"m": "v"},
    )
    gone = await service.add(source["id"], "Gone.")
    await service.http.delete(f"{path}/{gone['id']}")
    turn = await service.ask(source["id"], "What is rye?")
    answer = turn["answers"][0]
    await service.http.put(
        f"{path}/{answer['id']}/rating", json={"rating": 5, "liked": True, "feedback": "x"}
    )

    fork = await _fork(service, source["id"])

    copies, originals = await _messages(service, fork["id"]), [first, turn["question"], answer]
    assert [[copy[name] for name in SAME.split()] for copy in copies] == [
        [original[name] for name in SAME.split()] for original in originals
    ]
    assert [copy["seq"] for copy in copies] == [1, 2, 3]
    assert [copy["parent_id"] for copy in copies] == [None, copies[0]["id"], copies[1]["id"]]
    assert {copy["conversation_id"] for copy in copies} == {fork["id"]}
    assert not {copy["id"] for copy in copies} & {original["id"] for original in originals}
    assert fork["leaf_message_id"] == fork["last_message_id"] == copies[-1]["id"]
    for copy in copies:
        assert (copy["rating"], copy["liked"], copy["feedback"]) == (None, None, None)
    figures = (await service.http.get(f"conversations/{fork['id']}/analytics")).json()
    assert figures["message_statistics"]["by_role"] == {"user": 2, "assistant": 1, "system": 0}
    assert figures["quality_metrics"]["liked"] == figures["conversation_flow"]["turns"] == 0


async def test_a_fork_is_one_path_of_a_tree(service: Service) -> None:
    source = await service.new_conversation()
    path = f"conversations/{source['id']}/messages"
    root = await service.add(source["id"], "root")
    left = await service.add(source["id"], "left")
    left_leaf = await service.add(source["id"], "left leaf")
    right = await _post(service, path, role="user", content="right", parent_id=root["id"])
    right_leaf = await service.add(source["id"], "right leaf")
    edited = await _post(service, path, role="user", content="edited", edited_from=left_leaf["id"])

    async def copied(**body: Any) -> list[str]:
        fork = await _fork(service, source["id"], **body)
        messages = await _messages(service, fork["id"])
        leaf = f"conversations/{fork['id']}/messages"
        assert await walk(service, leaf, leaf=fork["leaf_message_id"]) == [one["id"] for one in messages]
        return [one["content"] for one in messages]

    assert await copied(up_to_message_id=left_leaf["id"]) == ["root", "left", "left leaf"]
    assert await copied(up_to_message_id=right_leaf["id"]) == ["root", "right", "right leaf"]
    assert await copied(up_to_message_id=right["id"]) == ["root", "right"]
    assert await copied(up_to_message_id=root["id"]) == ["root"]
    assert await copied(up_to_message_id=left["id"]) == ["root", "left"]
    assert await copied() == await copied(up_to_message_id=edited["id"]) == ["root", "left", "edited"]


async def test_a_fork_goes_its_own_way(service: Service) -> None:
    source = await service.new_conversation()
    await service.add(source["id"], "Hello.")
    fork = await _fork(service, source["id"])

    added = await service.add(fork["id"], "In the fork.")
    turn = await service.ask(fork["id"], "And now?")
    again = await _fork(service, fork["id"])
    await service.http.delete(f"conversations/{source['id']}?purge=true")

    assert (added["seq"], turn["answers"][0]["seq"]) == (2, 4)
    assert len(await _messages(service, fork["id"])) == 4
    assert again["forked_from"] == fork["id"]
    assert again["message_count"] == 4


async def test_an_empty_conversation_is_forked_as_it_is(service: Service) -> None:
    source = await service.new_conversation(instructions="Be brief.")

    fork = await _fork(service, source["id"])

    assert (fork["message_count"], fork["leaf_message_id"], fork["instructions"]) == (0, None, "Be brief.")
    assert (await service.add(fork["id"], "Hello."))["seq"] == 1


async def test_an_answer_that_is_being_given_is_left_out(service: Service) -> None:
    source = await service.new_conversation()
    await service.add(source["id"], "Hello.")
    forks = []

    async def fork() -> None:
        running = (await service.get(source["id"]))["leaf_message_id"]
        forks.append(await _fork(service, source["id"]))
        forks.append(await _fork(service, source["id"], up_to_message_id=running))

    service.model.before_answering = fork  # type: ignore[method-assign]
    await service.ask(source["id"], "What is rye?")

    for one in forks:
        messages = await _messages(service, one["id"])
        assert [message["content"] for message in messages] == ["Hello.", "What is rye?"]
        assert {message["status"] for message in messages} == {"completed"}


@pytest.mark.parametrize("which", ["unknown", "another's", "malformed", "deleted", "cleared", "conversation"])
async def test_a_message_that_is_not_there_is_named(service: Service, which: str) -> None:
    other, source = await service.new_conversation(), await service.new_conversation()
    path = f"conversations/{source['id']}/messages"
    ids = {
        "unknown": f"msg_{UNKNOWN}",
        "another's": (await service.add(other["id"], "Hello."))["id"],
        "malformed": "msg_1",
        "conversation": source["id"],
        "cleared": (await service.add(source["id"], "Hello."))["id"],
    }
    await service.http.delete(path)
    ids["deleted"] = (await service.add(source["id"], "Hello."))["id"]
    await service.http.delete(f"{path}/{ids['deleted']}")
    before = await stored(service)

    answer = await service.http.post(
        f"conversations/{source['id']}/fork", json={"up_to_message_id": ids[which]}
    )

    refused(answer, 400, "invalid_request", "up_to_message_id")
    assert await stored(service) == before


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"up_to_message_id": 7}, "up_to_message_id"),
        ({"up_to_message_id": ""}, "up_to_message_id"),
        ({"title": "x"}, "title"),
    ],
)
async def test_a_bad_body_is_refused(service: Service, body: dict[str, Any], param: str) -> None:
    source = await service.new_conversation()
    refused(
        await service.http.post(f"conversations/{source['id']}/fork", json=body),
        400,
        "invalid_request",
        param,
    )


async def test_a_deleted_conversation_cant_be_forked(service: Service) -> None:
    source = await service.new_conversation()
    await service.http.delete(f"conversations/{source['id']}")
    refused(await service.http.post(f"conversations/{source['id']}/fork"), 404, "conversation_not_found")
