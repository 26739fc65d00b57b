"""The service says whether it runs, what it offers, and under which id it answered."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError

from local.cosmos import Fault
from local.cosmos.faults import THROTTLED
from local.host.registered import HTTP, registered_functions
from tests.api.conftest import Service
from tests.api.refusals import refused

ULID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")


@pytest.mark.parametrize("path", ["health/live", "health/ready", "openapi.json", "docs"])
async def test_the_service_is_asked_about_itself_without_a_name(service: Service, path: str) -> None:
    answer = await service.http.get(path, headers={"X-Local-User": "no\tname", "Authorization": "Bearer x"})

    assert answer.status_code == 200


async def test_it_says_that_it_runs_and_is_ready(service: Service) -> None:
    for path in ("health/live", "health/ready"):
        answer = await service.http.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("status", [403, 404, 429])
async def test_it_is_not_ready_without_its_database_and_still_alive(service: Service, status: int) -> None:
    await service.http.get("health/ready")
    service.engine.faults.add(Fault("read_container", status=status, headers=THROTTLED, times=100))

    answer = await service.http.get("health/ready")

    assert "database" in refused(answer, 503, "unavailable", "database")
    assert int(answer.headers["retry-after"]) >= 1
    assert (await service.http.get("health/live")).status_code == 200
    service.engine.faults.clear()
    assert (await service.http.get("health/ready")).status_code == 200


@pytest.mark.parametrize("path", ["health/ready", "conversations"])
async def test_a_database_that_is_away_at_the_start_is_unavailable_until_it_comes(
    service: Service, path: str
) -> None:
    refusing = ServiceRequestError("connection refused")
    service.engine.faults.add(Fault("read_account", error=refusing, times=100))

    for _ in range(2):
        refused(await service.http.get(path), 503, "unavailable", "database")

    service.engine.faults.clear()
    assert (await service.http.get(path)).status_code == 200


@pytest.mark.parametrize(
    "given",
    ["a", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "trace-1.2_3:4", "a" * 128],
    ids=["short", "ulid", "marks", "long"],
)
async def test_a_sane_request_id_is_taken_from_the_caller(service: Service, given: str) -> None:
    taken = await service.http.get("health/live", headers={"x-request-id": given})
    error = await service.http.get("conversations/conv_1", headers={"x-request-id": given})

    assert taken.headers["x-request-id"] == error.headers["x-request-id"] == given
    refused(error, 404, "conversation_not_found")


@pytest.mark.parametrize(
    "given",
    ["", "a b", "a" * 129, "a\tb", "<script>", "é", 'a"b', "a%0ab"],
    ids=["empty", "blank", "long", "tab", "markup", "not-ascii", "quote", "percent"],
)
async def test_any_other_request_id_is_replaced(service: Service, given: str) -> None:
    answer = await service.http.get("health/live", headers={b"x-request-id": given.encode()})

    assert ULID.fullmatch(answer.headers["x-request-id"])


async def test_every_request_gets_an_id_of_its_own(service: Service) -> None:
    answers = [await service.http.get("conversations") for _ in range(3)]

    assert len({answer.headers["x-request-id"] for answer in answers}) == 3


async def test_a_fault_of_ours_is_told_by_its_request_id_and_logged_without_its_words(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    service.engine.faults.add(Fault("query", error=ZeroDivisionError("the secret inside")))

    answer = await service.http.get("conversations", headers={"x-request-id": "trace-1"})

    refused(answer, 500, "internal_error")
    assert "secret" not in answer.text
    (logged,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "trace-1" in logged.getMessage()
    assert "ZeroDivisionError at " in caplog.text
    assert "the secret inside" not in caplog.text


async def test_what_the_database_says_does_not_reach_the_caller(service: Service) -> None:
    await service.http.get("conversations")
    service.engine.faults.add(Fault("query", status=400, times=10))

    answer = await service.http.get("conversations")

    refused(answer, 500, "internal_error")
    assert "injected" not in answer.text


async def _document(service: Service) -> dict[str, Any]:
    answer = await service.http.get("openapi.json")
    assert answer.status_code == 200
    return dict(answer.json())


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)


async def test_the_openapi_document_has_the_shape_of_3_1(service: Service) -> None:
    document = await _document(service)

    assert document["openapi"].startswith("3.1.")
    assert document["info"]["title"]
    assert document["info"]["version"]
    for reference in _references(document):
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
    for _, path, operation in _operations(document):
        declared = {each["name"] for each in operation.get("parameters", []) if each["in"] == "path"}
        assert declared == set(re.findall(r"{(\w+)}", path))
        assert all(each["schema"] for each in operation.get("parameters", []))
        assert operation["summary"]
        assert operation["description"]


async def test_every_http_function_is_in_the_openapi_document_by_its_name(service: Service) -> None:
    import function_app  # once the services are there

    described = {
        (operation["operationId"], method, path)
        for method, path, operation in _operations(await _document(service))
    }

    served = {
        (function.name, str(method.value), f"/v1/{function.trigger['route']}")
        for function in registered_functions(function_app.app)
        if function.kind == HTTP
        for method in function.trigger["methods"]
    }
    assert described == served
    assert len({name for name, _, _ in described}) == len(described)


async def test_every_operation_tells_its_answers_and_its_errors(service: Service) -> None:
    document = await _document(service)

    for method, path, operation in _operations(document):
        done = ("restore", "end", "archive", "reopen", "summary", "replay", "cancel")
        created = method == "POST" and not path.endswith((*done, "{conversation_id}"))
        status = "202" if "/me/" in path else "201" if created else "200"
        assert set(operation["responses"]) >= {status, "default"}
        error = operation["responses"]["default"]["content"]["application/json"]["schema"]
        assert error == {"$ref": "#/components/schemas/Problem"}


async def test_what_is_answered_has_the_fields_that_the_document_says(service: Service) -> None:
    schemas = (await _document(service))["components"]["schemas"]
    conversation = await service.new_conversation()
    turn = await service.ask(conversation["id"], "Hello?")
    deleted = (await service.http.delete(f"conversations/{conversation['id']}")).json()
    problem = (await service.http.get(f"conversations/{conversation['id']}")).json()

    for name, shown in {
        "Conversation": conversation,
        "Turn": turn,
        "Message": turn["question"],
        "Usage": turn["usage"],
        "ConversationDeleted": deleted,
        "Problem": problem,
        "ErrorBody": problem["error"],
    }.items():
        assert set(schemas[name]["properties"]) == set(shown), name


async def test_the_document_tells_what_a_list_and_a_change_take(service: Service) -> None:
    parameters = {
        operation["operationId"]: {each["name"] for each in operation.get("parameters", [])}
        for _, _, operation in _operations(await _document(service))
    }

    filters = {"status", "product", "agent_id", "org_id", "entity_type", "tag", "query", "deleted", "sort"}
    assert parameters["list_conversations"] == {"limit", "after", "order"} | filters
    places = {"limit", "after", "before", "order", "leaf", "deleted"}
    assert parameters["list_messages"] == {"conversation_id"} | places
    assert parameters["delete_conversation"] == {"conversation_id", "If-Match", "purge"}
    for name in ("rename_conversation", "update_conversation"):
        assert parameters[name] == {"conversation_id", "If-Match"}
    for name in ("restore_conversation", "end_conversation", "archive_conversation", "add_message", "ask"):
        assert parameters[name] == {"conversation_id", "If-Match", "Idempotency-Key"}
    assert parameters["create_conversation"] == {"Idempotency-Key"}
