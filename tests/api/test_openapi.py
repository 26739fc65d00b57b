"""The OpenAPI document says what the endpoints do: who may call, with which errors, headers and examples."""

from inspect import signature
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator

from shared.http import endpoints
from shared.http.examples import EXAMPLES
from tests.api.conftest import Service


async def _document(service: Service) -> dict[str, Any]:
    return dict((await service.http.get("openapi.json")).json())


async def _operations(service: Service) -> dict[str, dict[str, Any]]:
    paths = (await _document(service))["paths"].values()
    return {operation["operationId"]: operation for methods in paths for operation in methods.values()}


async def test_a_token_is_asked_for_where_the_caller_matters(service: Service) -> None:
    asked = {name: operation["security"] for name, operation in (await _operations(service)).items()}

    assert asked == {
        one.function.__name__: [{"entra": []}] if "caller" in signature(one.function).parameters else []
        for one in endpoints()
    }
    assert asked["live"] == []


@pytest.mark.parametrize("name", EXAMPLES)
async def test_an_example_fits_its_schema(service: Service, name: str) -> None:
    document = await _document(service)
    schema = document["components"]["schemas"][name]
    assert schema["examples"] == [EXAMPLES[name]]

    _fits(EXAMPLES[name], schema, document)


def _fits(value: Any, schema: dict[str, Any], document: dict[str, Any]) -> None:
    """Each field it has is one of the schema's, and valid. Answers' examples leave fields out."""
    for field, inner in value.items():
        assert field in schema["properties"], field
        of = schema["properties"][field]
        named = (of.get("items") or of).get("$ref", "").rpartition("/")[2]
        if named:
            for each in inner if isinstance(inner, list) else [inner]:
                _fits(each, document["components"]["schemas"][named], document)
        else:
            OAS31Validator({**of, "components": document["components"]}).validate(inner)


@pytest.mark.parametrize(
    ("operation", "method", "path", "sent", "status"),
    [
        ("get_conversation", "GET", "conversations/conv_1", {}, 404),
        ("list_conversations", "GET", "conversations?after=x", {}, 400),
        ("create_conversation", "POST", "conversations", {"content": b"x"}, 415),
        ("create_conversation", "POST", "conversations", {"json": {"title": "x" * 2_100_000}}, 413),
        (
            "rename_conversation",
            "PUT",
            "conversations/{id}",
            {"json": {"title": "x"}, "headers": {"If-Match": '"0"'}},
            412,
        ),
        (
            "add_message",
            "POST",
            "conversations/{id}/messages",
            {"json": {"role": "user", "content": "x"}},
            409,
        ),
    ],
)
async def test_an_error_that_is_answered_is_described(
    service: Service, operation: str, method: str, path: str, sent: dict[str, Any], status: int
) -> None:
    conversation = await service.new_conversation()
    if status == 409:
        await service.http.post(f"conversations/{conversation['id']}/end")

    answer = await service.http.request(method, path.format(id=conversation["id"]), **sent)

    assert answer.status_code == status
    described = (await _operations(service))[operation]["responses"][str(status)]
    assert f"`{answer.json()['error']['code']}`" in described["description"]
    assert {name.lower() for name in described["headers"]} - {"retry-after"} <= set(answer.headers)


async def test_the_headers_of_an_answer_are_described(service: Service) -> None:
    operations = await _operations(service)
    created = await service.http.post("conversations", headers={"Idempotency-Key": "k"})
    replayed = await service.http.post("conversations", headers={"Idempotency-Key": "k"})

    described = {name.lower() for name in operations["create_conversation"]["responses"]["201"]["headers"]}

    assert described == {"x-request-id", "etag", "idempotency-replayed"}
    assert {"x-request-id", "etag"} <= set(created.headers)
    assert {"x-request-id", "idempotency-replayed"} <= set(replayed.headers)


async def test_the_event_stream_is_described_where_it_can_be_asked_for(service: Service) -> None:
    content = (await _operations(service))["ask"]["responses"]["201"]["content"]

    assert set(content) == {"application/json", "text/event-stream"}
    assert "response.output_text.delta" in content["text/event-stream"]["example"]


async def test_limits_are_told_in_the_words_of_json_schema(service: Service) -> None:
    parameters = (await _operations(service))["list_conversations"]["parameters"]
    limit = next(one["schema"] for one in parameters if one["name"] == "limit")

    assert (limit["minimum"], limit["maximum"], limit["default"]) == (1, 100, 20)
