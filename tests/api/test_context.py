"""The context endpoint shows exactly what the model is sent before the next question."""

from typing import Any

from tests.api.conftest import Service
from tests.api.refusals import refused


async def context(service: Service, conversation_id: str, query: str = "") -> dict[str, Any]:
    answer = await service.http.get(f"conversations/{conversation_id}/context{query}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_the_context_is_what_the_next_question_is_sent_with(service: Service) -> None:
    conversation = await service.new_conversation(instructions="Be brief.")
    await service.add(conversation["id"], "You are a baker.", role="system")
    for question in ("What is rye?", "What is spelt?", "Which is older?"):
        await service.ask(conversation["id"], question)
    await service.background()

    shown = await context(service, conversation["id"])
    await service.ask(conversation["id"], "And oats?")

    sent = service.model.requests[-1]["messages"]
    assert [{"role": one["role"], "content": one["content"]} for one in shown["data"]] == sent[:-1]
    assert shown["tokens"] == sum(one["tokens"] for one in shown["data"]) <= shown["budget"]
    assert shown["left_out"] == 0
    assert shown["data"][0]["message_id"] is None


async def test_what_does_not_fit_is_counted(service: Service) -> None:
    conversation = await service.new_conversation()
    for number in range(5):
        await service.add(conversation["id"], f"{number} " + "word " * 100)

    shown = await context(service, conversation["id"], "?max_tokens=300")

    assert shown["budget"] == 300
    assert [one["content"][0] for one in shown["data"]] == ["3", "4"]
    assert shown["left_out"] == 3


async def test_an_empty_conversation_has_an_empty_context(service: Service) -> None:
    conversation = await service.new_conversation()
    shown = await context(service, conversation["id"])
    assert (shown["data"], shown["tokens"], shown["left_out"]) == ([], 0, 0)


async def test_more_than_a_turn_sends_is_not_shown(service: Service) -> None:
    conversation = await service.new_conversation()
    assert (await context(service, conversation["id"], "?max_tokens=900000"))["budget"] == 16_000


async def test_a_bad_number_is_refused(service: Service) -> None:
    conversation = await service.new_conversation()
    for value in ("0", "x", "-5", "1.5"):
        answer = await service.http.get(f"conversations/{conversation['id']}/context?max_tokens={value}")
        refused(answer, 400, "invalid_request", "max_tokens")
