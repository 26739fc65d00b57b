"""Clearing removes all messages for good, and what the summary says of them; the numbering goes on."""

from typing import Any

import pytest

from functions.background import purge
from tests.api.conftest import Service
from tests.api.refusals import refused, stored

NO_TIMER: Any = None  # the timer looks at nothing of its own


async def _filled(service: Service, count: int = 3) -> tuple[str, list[str]]:
    conversation = (await service.new_conversation(title="Bread"))["id"]
    return conversation, [(await service.add(conversation, f"Number {n}"))["id"] for n in range(count)]


@pytest.mark.parametrize("stranger", [{"X-Local-User": "mallory"}, {"X-Local-Tenant": "elsewhere"}])
async def test_nobody_else_clears_it(service: Service, stranger: dict[str, str]) -> None:
    conversation, _ = await _filled(service)
    before = await stored(service)

    answer = await service.http.delete(f"conversations/{conversation}/messages", headers=stranger)

    refused(answer, 404, "conversation_not_found")
    assert await stored(service) == before


async def test_an_empty_conversation_is_left_that_counts_on(service: Service) -> None:
    conversation, _ = await _filled(service)
    before = await service.get(conversation)
    service.clock.pass_seconds(60)

    answer = await service.http.delete(f"conversations/{conversation}/messages")

    nothing = {"message_count": 0, "last_message_id": None, "leaf_message_id": None}
    assert (answer.status_code, answer.json()) == (200, before | nothing)
    assert await service.get(conversation) == answer.json()
    assert answer.headers["etag"] == (await stored(service))[conversation]
    statistics = (await service.http.get(f"conversations/{conversation}/analytics")).json()
    assert statistics["message_statistics"]["total_messages"] == 0
    assert statistics["message_statistics"]["average_length"] == 0
    later = await service.add(conversation, "On.")
    assert (later["seq"], later["parent_id"]) == (4, None)
    assert (await service.get(conversation))["message_count"] == 1


async def test_what_was_cleared_is_found_in_no_way(service: Service) -> None:
    conversation, (first, second, third) = await _filled(service)
    path = f"conversations/{conversation}/messages"
    await service.http.delete(f"{path}/{second}")
    await service.http.delete(path)
    on = await service.add(conversation, "On.")

    for query in ("", "?order=desc", "?deleted=include", f"?leaf={on['id']}"):
        assert (await service.http.get(path + query)).json()["data"] == [on]
    assert (await service.http.get(f"{path}?deleted=only")).json()["data"] == []
    for each in (first, second, third):
        refused(await service.http.get(f"{path}/{each}"), 404, "message_not_found")
        refused(await service.http.delete(f"{path}/{each}"), 404, "message_not_found")
        refused(await service.http.post(f"{path}/{each}/restore"), 404, "message_not_found")
        refused(await service.http.patch(f"{path}/{each}", json={}), 404, "message_not_found")
        refused(await service.http.get(f"{path}?leaf={each}"), 404, "message_not_found")
        refused(await service.http.get(f"{path}?after={each}"), 400, "invalid_cursor", "after")
        body = {"role": "user", "content": "Hello.", "parent_id": each}
        refused(await service.http.post(path, json=body), 400, "invalid_request", "parent_id")


async def test_a_cursor_of_before_goes_on_with_what_is_there(service: Service) -> None:
    conversation, _ = await _filled(service)
    path = f"conversations/{conversation}/messages"
    cursor = (await service.http.get(f"{path}?limit=1")).json()["next_cursor"]
    await service.http.delete(path)
    on = await service.add(conversation, "On.")

    assert (await service.http.get(f"{path}?after={cursor}")).json()["data"] == [on]


async def test_clearing_is_conditional_on_the_conversations_version(service: Service) -> None:
    conversation, _ = await _filled(service)
    path, etag = f"conversations/{conversation}/messages", (await stored(service))[conversation]

    stale = await service.http.delete(path, headers={"If-Match": '"stale"'})

    refused(stale, 412, "version_mismatch", "If-Match")
    assert stale.headers["etag"] == etag
    assert (await service.get(conversation))["message_count"] == 3
    assert (await service.http.delete(path, headers={"If-Match": etag})).status_code == 200
    assert (await service.http.delete(path, headers={"If-Match": "*"})).status_code == 200


async def test_during_a_turn_nothing_is_cleared(service: Service) -> None:
    conversation, _ = await _filled(service)
    answers = []

    async def meanwhile() -> None:
        answers.append(await service.http.delete(f"conversations/{conversation}/messages"))

    service.model.before_answering = meanwhile  # type: ignore[method-assign]
    await service.ask(conversation, "Hello?")

    refused(answers[0], 409, "conversation_busy")
    assert int(answers[0].headers["retry-after"]) > 0
    assert (await service.get(conversation))["message_count"] == 5
    assert (await service.http.delete(f"conversations/{conversation}/messages")).status_code == 200


async def test_the_timer_removes_what_was_cleared_from_the_database_and_nothing_else(
    service: Service,
) -> None:
    conversation, ids = await _filled(service, 60)  # more than one transaction takes
    other, others = await _filled(service)
    path = f"conversations/{conversation}/messages"
    await service.http.delete(f"{path}/{ids[5]}")
    await service.http.delete(path)
    on = await service.add(conversation, "On.")

    await purge(NO_TIMER)

    assert set(await stored(service)) == {conversation, on["id"], other, *others}
    assert (await service.http.get(path)).json()["data"] == [on]
    document = await service.conversations.read_item(conversation, ["local-tenant", "local-user"])
    assert "purgeAt" not in document
    before = await stored(service)
    await purge(NO_TIMER)
    assert await stored(service) == before


async def test_the_summary_goes_with_its_messages(service: Service) -> None:
    conversation, _ = await _filled(service, 6)
    await service.background()
    assert (await service.get(conversation))["summary"]

    cleared = await service.http.delete(f"conversations/{conversation}/messages")

    assert cleared.json()["summary"] is None
    await service.background()
    assert (await service.get(conversation))["summary"] is None
    for number in range(6):
        await service.add(conversation, f"Later {number}")
    await service.background()
    summary = (await service.get(conversation))["summary"]
    assert (summary["through_seq"], summary["message_count"]) == (12, 6)
    assert "Number" not in str(summary)


async def test_a_deleted_message_is_in_no_summary_from_then_on(service: Service) -> None:
    conversation, _ = await _filled(service, 6)
    secret = await service.add(conversation, "The secret word is Rumpelstiltskin.")
    await service.background()
    await service.http.post(f"conversations/{conversation}/summary")
    summarised = (await service.get(conversation))["summary"]
    assert (summarised["message_count"], "Rumpelstiltskin" in str(summarised)) == (7, True)

    await service.http.delete(f"conversations/{conversation}/messages/{secret['id']}")

    assert (await service.get(conversation))["summary"] is None
    await service.background()
    rebuilt = (await service.get(conversation))["summary"]
    assert (rebuilt["message_count"], "Rumpelstiltskin" in str(rebuilt)) == (6, False)
    await service.http.post(f"conversations/{conversation}/messages/{secret['id']}/restore")
    await service.background()
    assert (await service.get(conversation))["summary"] == rebuilt  # it lies past the summary
    await service.http.post(f"conversations/{conversation}/summary")
    again = (await service.get(conversation))["summary"]
    assert (again["message_count"], "Rumpelstiltskin" in str(again)) == (7, True)


@pytest.mark.parametrize("removal", ["delete", "clear"])
async def test_a_summary_that_was_being_made_does_not_bring_back_what_is_gone(
    service: Service, removal: str
) -> None:
    conversation, ids = await _filled(service, 7)
    path = f"conversations/{conversation}/messages"

    async def meanwhile() -> None:
        if "ummar" in str(service.model.requests[-1]["messages"][0]):
            del service.model.before_answering
            answer = await service.http.delete(path if removal == "clear" else f"{path}/{ids[3]}")
            assert answer.status_code == 200

    service.model.before_answering = meanwhile  # type: ignore[method-assign]
    await service.background()

    assert "before_answering" not in vars(service.model)
    summary = (await service.get(conversation))["summary"]
    if removal == "clear":
        assert summary is None
    else:
        assert (summary["message_count"], "Number 3" in str(summary)) == (6, False)
