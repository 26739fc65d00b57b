"""Titles and summaries appear by themselves, and never over what a person wrote."""

import asyncio
import json
import logging
from typing import Any

import httpx2
import pytest

from functions.background import sweep
from tests.api.conftest import Service

NO_RETRY = {"x-should-retry": "false"}


async def test_a_title_appears_once_there_is_a_user_message(service: Service) -> None:
    conversation = await service.new_conversation()
    await service.add(conversation["id"], "You are a baker.", role="system")
    await service.background()
    assert (await service.get(conversation["id"]))["title"] is None

    await service.add(conversation["id"], "How do I bake a rye bread?")
    await service.background()

    titled = await service.get(conversation["id"])
    assert "rye" in titled["title"].lower()
    assert titled["title_source"] == "auto"
    assert len(titled["title"]) <= 80


async def test_a_title_waits_until_the_turn_has_ended(service: Service) -> None:
    conversation = await service.new_conversation()

    async def meanwhile() -> None:
        del service.model.before_answering
        await service.background()

    service.model.before_answering = meanwhile  # type: ignore[method-assign]
    await service.ask(conversation["id"], "How do I bake bread?")
    assert len(service.model.requests) == 1
    await service.background()

    assert (await service.get(conversation["id"]))["title_source"] == "auto"


async def test_a_given_title_is_never_replaced(service: Service) -> None:
    given = await service.new_conversation(title="Mine")
    await service.ask(given["id"], "How do I bake bread?")

    await service.background()

    assert (await service.get(given["id"]))["title"] == "Mine"


async def test_a_renamed_title_survives_a_late_auto_title(service: Service) -> None:
    conversation = await service.new_conversation()
    await service.add(conversation["id"], "How do I bake bread?")

    async def rename() -> None:
        await service.http.put(f"conversations/{conversation['id']}", json={"title": "Mine"})

    service.model.before_answering = rename  # type: ignore[method-assign]
    await service.background()

    renamed = await service.get(conversation["id"])
    assert (renamed["title"], renamed["title_source"]) == ("Mine", "user")


async def test_25_renames_racing_their_titles_all_stay(service: Service) -> None:
    conversations = [await service.new_conversation() for _ in range(25)]
    await asyncio.gather(*(service.add(one["id"], "How do I bake bread?") for one in conversations))

    async def rename(number: int, conversation: dict[str, Any]) -> int:
        await asyncio.sleep(number / 10_000)
        answer = await service.http.put(
            f"conversations/{conversation['id']}", json={"title": f"Mine {number}"}
        )
        return answer.status_code

    renames = [rename(number, conversation) for number, conversation in enumerate(conversations)]
    *statuses, _ = await asyncio.gather(*renames, service.background())

    assert statuses == [200] * 25
    titles = [(await service.get(one["id"]))["title"] for one in conversations]
    assert titles == [f"Mine {number}" for number in range(25)]


async def test_a_summary_appears_after_six_messages_and_is_rolled_forward(service: Service) -> None:
    conversation = await service.new_conversation()
    for question in ("What is rye?", "What is spelt?"):
        await service.ask(conversation["id"], question)
    await service.background()
    assert (await service.get(conversation["id"]))["summary"] is None

    await service.ask(conversation["id"], "Which is older?")
    await service.background()
    first = (await service.get(conversation["id"]))["summary"]
    for question in ("And oats?", "And barley?", "And millet?"):
        await service.ask(conversation["id"], question)
    await service.background()
    second = (await service.get(conversation["id"]))["summary"]

    assert (first["through_seq"], first["message_count"]) == (6, 6)
    assert first["text"]
    assert first["model"] == "offline"
    assert (second["through_seq"], second["message_count"]) == (12, 12)
    rolled = [r for r in service.model.requests if "summary" in str(r.get("response_format"))][-1]
    material = json.loads(rolled["messages"][-1]["content"])
    assert material["summary"] == first["text"]
    asked = [message["content"] for message in material["messages"] if message["role"] == "user"]
    assert asked == ["And oats?", "And barley?", "And millet?"]


async def test_the_summary_is_what_the_next_turn_knows_of_the_past(service: Service) -> None:
    conversation = await service.new_conversation()
    for question in ("What is rye?", "What is spelt?", "Which is older?"):
        await service.ask(conversation["id"], question)
    await service.background()
    summary = (await service.get(conversation["id"]))["summary"]["text"]

    await service.ask(conversation["id"], "And oats?")

    head = service.model.requests[-1]["messages"][0]
    assert head["role"] == "system"
    assert summary in head["content"]


async def test_a_long_message_gets_a_line_of_its_own(service: Service) -> None:
    conversation = await service.new_conversation()
    long = await service.add(conversation["id"], "Rye is a grain. " + "It grows well. " * 200)
    short = await service.add(conversation["id"], "Short.")

    await service.background()

    messages = f"conversations/{conversation['id']}/messages"
    line = (await service.http.get(f"{messages}/{long['id']}")).json()["summary"]
    assert line.startswith("Rye is a grain")
    assert "\n" not in line
    assert (await service.http.get(f"{messages}/{short['id']}")).json()["summary"] is None


async def test_without_a_model_the_first_words_are_the_title_until_it_is_back(service: Service) -> None:
    conversation = await service.new_conversation()
    await service.add(conversation["id"], "How do I bake a good sourdough rye bread at home?")
    service.model.failing = httpx2.Response(500, headers=NO_RETRY, json={})
    await service.background()
    fallback = await service.get(conversation["id"])
    service.model.failing = None

    await service.background()
    too_early = await service.get(conversation["id"])
    service.clock.pass_seconds(120)
    await sweep(None)

    assert fallback["title"] == "How do I bake a good sourdough rye"
    assert fallback["title_source"] == too_early["title_source"] == "fallback"
    assert (await service.get(conversation["id"]))["title_source"] == "auto"


async def test_one_failing_document_does_not_hold_up_the_rest(service: Service) -> None:
    conversations = [await service.new_conversation() for _ in range(3)]
    for number, conversation in enumerate(conversations):
        await service.add(conversation["id"], f"Question number {number}?")

    async def fail_the_second() -> None:
        second = "number 1" in str(service.model.requests[-1])
        service.model.failing = httpx2.Response(400, json={}) if second else None

    service.model.before_answering = fail_the_second  # type: ignore[method-assign]
    await service.background()

    sources = [(await service.get(conversation["id"]))["title_source"] for conversation in conversations]
    assert sources == ["auto", "fallback", "auto"]


async def test_what_fails_for_good_is_put_aside_with_its_reason(service: Service) -> None:
    conversation = await service.new_conversation()
    await service.add(conversation["id"], "How do I bake bread?")
    service.model.failing = httpx2.Response(400, json={})
    await service.background()
    for _ in range(15):
        service.clock.pass_seconds(2 * 3600)
        await sweep(None)
    asked = len(service.model.requests)

    await service.background()

    assert asked == len(service.model.requests) == 12
    (letter,) = await dead_letters(service)
    assert (letter["id"], letter["reason"], letter["count"]) == (conversation["id"], "model_error", 12)
    assert "bread" not in str(letter)


async def dead_letters(service: Service) -> list[dict[str, Any]]:
    key = ["local-tenant", "dead-letters"]
    return [one async for one in service.tenant_ops.query_items("SELECT * FROM c", partition_key=key)]


async def test_an_outage_of_the_model_of_hours_is_made_up_for(service: Service) -> None:
    conversation = await service.new_conversation()
    await service.add(conversation["id"], "How do I bake bread?")
    service.model.failing = httpx2.Response(500, headers=NO_RETRY, json={})
    await service.background()
    for _ in range(3 * 60):
        service.clock.pass_seconds(60)
        await sweep(None)
    service.model.failing = None

    service.clock.pass_seconds(2 * 3600)
    await sweep(None)

    assert (await service.get(conversation["id"]))["title_source"] == "auto"


async def test_a_document_that_cannot_be_read_is_put_aside_and_the_rest_goes_on(service: Service) -> None:
    broken, other = [await service.new_conversation() for _ in range(2)]
    for conversation in (broken, other):
        await service.add(conversation["id"], "How do I bake bread?")
    wrong = [{"op": "set", "path": "/title", "value": 5}]
    await service.conversations.patch_item(broken["id"], ["local-tenant", "local-user"], wrong)

    await service.background()
    service.clock.pass_seconds(3600)
    await sweep(None)

    assert (await service.get(other["id"]))["title_source"] == "auto"
    (letter,) = await dead_letters(service)
    assert (letter["id"], letter["reason"]) == (broken["id"], "ValidationError")


async def test_a_turn_that_cannot_be_closed_does_not_stop_the_sweep(service: Service) -> None:
    broken, other, overdue = [await service.new_conversation() for _ in range(3)]
    until: dict[str, Any] = {"op": "set", "path": "/leaseUntil", "value": 1}
    lease: dict[str, Any] = {
        "op": "set",
        "path": "/lease",
        "value": {"turnId": "resp_X", "answerId": "msg_X"},
    }
    wrong: dict[str, Any] = {"op": "set", "path": "/title", "value": 5}
    for conversation, patch in ((broken, [until, lease, wrong]), (other, [until, lease])):
        await service.conversations.patch_item(conversation["id"], ["local-tenant", "local-user"], patch)
    await service.add(overdue["id"], "How do I bake bread?")
    service.clock.pass_seconds(61)

    await sweep(None)

    assert (await service.ask(other["id"], "Free again?"))["status"] == "completed"
    assert (await service.get(overdue["id"]))["title_source"] == "auto"


async def test_a_deletion_while_its_work_fails_is_no_failure_of_the_batch(service: Service) -> None:
    conversation = await service.new_conversation()
    await service.add(conversation["id"], "How do I bake bread?")

    async def delete() -> None:
        await service.http.delete(f"conversations/{conversation['id']}")
        service.model.failing = httpx2.Response(400, json={})

    service.model.before_answering = delete  # type: ignore[method-assign]

    await service.background()

    assert (await service.http.get(f"conversations/{conversation['id']}")).status_code == 404


async def test_a_model_that_hangs_on_one_title_is_left_for_later(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.descriptions.DEADLINE_SECONDS", 0.05)
    hanging, other = [await service.new_conversation() for _ in range(2)]
    await service.add(hanging["id"], "Question that hangs?")
    await service.add(other["id"], "How do I bake bread?")

    async def hang_on_one() -> None:
        if "hangs" in str(service.model.requests[-1]):
            await asyncio.Event().wait()

    service.model.before_answering = hang_on_one  # type: ignore[method-assign]
    await service.background()
    assert (await service.get(hanging["id"]))["title"] == "Question that hangs?"
    monkeypatch.undo()
    del service.model.before_answering
    service.clock.pass_seconds(120)
    await sweep(None)

    assert (await service.get(other["id"]))["title_source"] == "auto"
    assert (await service.get(hanging["id"]))["title_source"] == "auto"


async def test_a_title_that_is_refused_does_not_keep_the_summary_away(service: Service) -> None:
    conversation = await service.new_conversation()
    for question in ("What is rye?", "What is spelt?", "Which is older?"):
        await service.ask(conversation["id"], question)

    async def refuse_titles() -> None:
        title = "'title'" in str(service.model.requests[-1].get("response_format"))
        service.model.failing = httpx2.Response(400, json={}) if title else None

    service.model.before_answering = refuse_titles  # type: ignore[method-assign]
    await service.background()

    found = await service.get(conversation["id"])
    assert found["title_source"] == "fallback"
    assert found["summary"]["through_seq"] == 6


async def test_a_title_is_made_of_the_question_however_many_instructions_come_first(service: Service) -> None:
    conversation = await service.new_conversation()
    for number in range(8):
        await service.add(conversation["id"], f"Instruction {number}.", role="system")
    await service.add(conversation["id"], "How do I bake bread?")

    await service.background()

    assert "bread" in (await service.get(conversation["id"]))["title"].lower()


async def test_what_the_model_server_says_of_a_message_is_not_logged(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    conversation = await service.new_conversation()
    service.model.failing = httpx2.Response(400, json={"error": {"message": "cannot take PRIVATE WORDS"}})
    with caplog.at_level(logging.DEBUG, logger="shared"):
        await service.http.post(f"conversations/{conversation['id']}/ask", json={"content": "PRIVATE WORDS"})
        await service.background()

    assert "model_error" in caplog.text
    assert "PRIVATE" not in caplog.text


async def test_a_deleted_conversation_gets_no_title_until_it_is_restored(service: Service) -> None:
    conversation = await service.new_conversation()
    await service.add(conversation["id"], "How do I bake bread?")
    await service.http.delete(f"conversations/{conversation['id']}")
    await service.background()
    assert service.model.requests == []

    await service.http.post(f"conversations/{conversation['id']}/restore")
    await service.background()

    assert (await service.get(conversation["id"]))["title_source"] == "auto"


async def test_missed_work_is_found_by_the_sweep(service: Service) -> None:
    conversation = await service.new_conversation()
    await service.add(conversation["id"], "How do I bake bread?")
    service.clock.pass_seconds(61)

    await sweep(None)

    assert (await service.get(conversation["id"]))["title_source"] == "auto"


async def test_seeing_every_event_again_changes_nothing(service: Service) -> None:
    conversation = await service.new_conversation()
    for question in ("What is rye?", "What is spelt?", "Which is older?"):
        await service.ask(conversation["id"], question)
    await service.background()
    before = await service.http.get(f"conversations/{conversation['id']}")
    asked = len(service.model.requests)

    await service.background()

    after = await service.http.get(f"conversations/{conversation['id']}")
    assert after.headers["etag"] == before.headers["etag"]
    assert len(service.model.requests) == asked


async def test_a_late_fallback_does_not_replace_an_automatic_title(service: Service) -> None:
    conversation = await service.new_conversation()
    await service.add(conversation["id"], "How do I bake bread?")

    async def be_overtaken() -> None:
        del service.model.before_answering
        await service.background()
        service.model.failing = httpx2.Response(400, json={})

    service.model.before_answering = be_overtaken  # type: ignore[method-assign]
    await service.background()

    assert (await service.get(conversation["id"]))["title_source"] == "auto"


async def test_a_document_that_is_not_ours_is_passed_by(service: Service) -> None:
    conversation = await service.new_conversation()
    await service.add(conversation["id"], "How do I bake bread?")
    owner = {"tenantId": "local-tenant", "userId": "local-user"}
    await service.conversations.create_item({"id": "a", **owner, "type": "message", "dueAt": "soon"})
    await service.conversations.create_item({"id": "b", **owner, "dueAt": 1})
    service.clock.pass_seconds(61)

    await sweep(None)

    assert (await service.get(conversation["id"]))["title_source"] == "auto"


async def test_a_pause_after_a_failure_outlasts_a_turn(service: Service) -> None:
    conversation = await service.new_conversation()
    await service.add(conversation["id"], "How do I bake bread?")
    service.model.failing = httpx2.Response(400, json={})
    await service.background()
    service.model.failing = None

    await service.ask(conversation["id"], "And now?")
    asked = len(service.model.requests)
    await service.background()

    assert len(service.model.requests) == asked
