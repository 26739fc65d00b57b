"""The OpenAPI document says what the endpoints do: who may call, with which errors, headers and examples."""

import re
from hashlib import sha256
from importlib.resources import files
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
        ("get_item", "GET", "conversations/{id}/items/msg_1", {}, 404),
        ("list_messages", "GET", "conversations/{id}/messages?leaf=msg_1", {}, 404),
        ("create_response", "POST", "responses", {"json": {"input": "x", "conversation": "conv_1"}}, 404),
        (
            "create_response",
            "POST",
            "responses",
            {"json": {"input": "x", "previous_response_id": "resp_1"}},
            404,
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
    content = (await _operations(service))["ask"]["responses"]["200"]["content"]

    assert set(content) == {"text/event-stream"}
    assert "response.output_text.delta" in content["text/event-stream"]["example"]


async def test_a_body_may_be_left_out_where_every_field_may(service: Service) -> None:
    operations = await _operations(service)

    assert operations["create_conversation"]["requestBody"]["required"] is False
    assert operations["add_message"]["requestBody"]["required"] is True


async def test_what_is_no_json_is_not_called_so(service: Service) -> None:
    operations = await _operations(service)

    assert set(operations["docs"]["responses"]["200"]["content"]) == {"text/html"}
    assert set(operations["get_operation_content"]["responses"]["200"]["content"]) == {"application/jsonl"}


async def test_limits_are_told_in_the_words_of_json_schema(service: Service) -> None:
    parameters = (await _operations(service))["list_conversations"]["parameters"]
    limit = next(one["schema"] for one in parameters if one["name"] == "limit")

    assert (limit["minimum"], limit["maximum"], limit["default"]) == (1, 100, 20)


@pytest.mark.parametrize(
    ("operation", "name", "limits"),
    [
        ("get_response", "starting_after", {"minimum": 0, "maximum": 10**9}),
        ("get_response", "Last-Event-ID", {"minimum": 0}),
        ("update_conversation", "If-Match", {"pattern": r'^(?:\*|"[!#-~]*")$'}),
    ],
)
async def test_what_is_refused_is_not_told_as_allowed(
    service: Service, operation: str, name: str, limits: dict[str, Any]
) -> None:
    parameters = (await _operations(service))[operation]["parameters"]
    (schema,) = [one["schema"]["anyOf"][0] for one in parameters if one["name"] == name]

    assert limits.items() <= schema.items()


async def test_a_blank_title_is_none(service: Service) -> None:
    title = (await _document(service))["components"]["schemas"]["NewTitle"]["properties"]["title"]

    assert OAS31Validator(title).is_valid(" Rye ")
    assert not OAS31Validator(title).is_valid("  ")


async def test_the_page_shows_the_document_and_loads_nothing_from_elsewhere(service: Service) -> None:
    page = await service.http.get("docs")

    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    outside_of_scripts = re.sub(r"<(script|style)>.*?</\1>", "", page.text, flags=re.DOTALL)
    assert re.findall(r"(?:src|href)=", outside_of_scripts) == []
    assert page.text.count("</script>") == 2
    assert 'SwaggerUIBundle({ url: "openapi.json"' in page.text


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("swagger-ui-bundle.js", "3f6abf70480db7e07914df4c98a77385f22ea585eaf457a3e6415ba0eae2d167"),
        ("swagger-ui.css", "c3cfe8248c4b0b89673600fb829924eafbac6de4bc4b2b06f5f5243483074d0a"),
    ],
)
def test_the_viewers_files_are_those_of_swagger_ui_dist_5_34_0(name: str, digest: str) -> None:
    """They see the tokens that are typed in, so another package's build of them is not taken on trust."""
    assert sha256((files("fastapi_swagger") / "resources" / name).read_bytes()).hexdigest() == digest
