"""What can't be understood is refused by the name of its field, and nothing is stored."""

import json
from typing import Any

import httpx2
import pytest

from tests.api.conftest import Service
from tests.api.refusals import refused, stored

UNKNOWN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
JSON = {"Content-Type": "application/json"}
MESSAGE = {"role": "user", "content": "Hello."}


async def _conversation(service: Service) -> tuple[str, dict[str, str]]:
    """A conversation's id, and what the database holds now."""
    return (await service.new_conversation())["id"], await stored(service)


def _route(which: str, conversation_id: str) -> tuple[str, str]:
    """Method and path of what takes a body."""
    path = f"conversations/{conversation_id}"
    return {
        "conversation": ("POST", "conversations"),
        "title": ("PUT", path),
        "message": ("POST", f"{path}/messages"),
        "question": ("POST", f"{path}/ask"),
        "nothing": ("POST", f"{path}/restore"),
    }[which]


async def _send(
    service: Service, which: str, conversation_id: str, body: bytes, headers: dict[str, str] = JSON
) -> httpx2.Response:
    method, path = _route(which, conversation_id)
    return await service.http.request(method, path, content=body, headers=headers)


BODIES = ["conversation", "title", "message", "question", "nothing"]

NOT_JSON: list[tuple[str, bytes, str | None]] = [
    ("blank", b" ", None),
    ("text", b"hello", None),
    ("half", b'{"content": "a', None),
    ("trailing comma", b'{"content": "a",}', None),
    ("single quotes", b"{'content': 'a'}", None),
    ("two objects", b"{}{}", None),
    ("not UTF-8", b'{"content": "\xff\xfe\xfa"}', None),
    ("form", b"content=a&role=user", None),
    ("NaN", b'{"content": NaN}', None),
    ("infinity", b'{"metadata": -Infinity}', None),
    ("digits", b'{"content": 1' + b"0" * 5_000 + b"}", None),
    ("control character", b'{"content": "a\x01"}', None),
    ("double key", b'{"content": "a", "content": "b"}', "content"),
    ("double key inside", b'{"metadata": {"a": "b", "a": "b"}}', "a"),
    ("double key of half a character", b'{"\\ud800": 1, "\\ud800": 2}', None),
    ("double key with NUL", b'{"a\\u0000": 1, "a\\u0000": 2}', None),
    ("array", b"[]", None),
    ("null", b"null", None),
    ("string", b'"content"', None),
    ("number", b"7", None),
    ("deep arrays", b"[" * 100_000, None),
    ("deep objects", b'{"metadata": ' + b'{"a":' * 40 + b"1" + b"}" * 41, None),
    ("NUL in a key", b'{"a\\u0000": 1}', None),
    ("NUL in a key inside", b'{"metadata": {"a\\u0000": "b"}}', "metadata"),
    ("half a character in a key", b'{"\\udc00": 1}', None),
]


@pytest.mark.parametrize(("body", "param"), [pytest.param(b, p, id=name) for name, b, p in NOT_JSON])
async def test_a_body_that_is_no_proper_json_object_is_refused(
    service: Service, body: bytes, param: str | None
) -> None:
    conversation_id, before = await _conversation(service)

    for which in BODIES:
        answer = await _send(service, which, conversation_id, body)
        refused(answer, 400, "invalid_request", param)

    assert await stored(service) == before


async def test_a_body_that_is_no_object_is_told_so(service: Service) -> None:
    answer = await _send(service, "conversation", "", b"[]")

    assert refused(answer, 400, "invalid_request") == "The body should be an object."


@pytest.mark.parametrize(
    ("which", "param"), [("title", "title"), ("message", "content"), ("question", "content")]
)
async def test_no_body_lacks_what_is_required(service: Service, which: str, param: str) -> None:
    conversation_id, before = await _conversation(service)

    answer = await _send(service, which, conversation_id, b"", {})

    assert refused(answer, 400, "invalid_request", param) == f"{param}: is required."
    assert await stored(service) == before


Case = tuple[str, dict[str, Any], str, str]
FIELDS: list[Case] = [
    # the body, the fields that are wrong in it, the param that is named, how its message goes on
    ("conversation", {"title": 7}, "title", "should be a valid string."),
    ("conversation", {"title": ""}, "title", "should not be blank."),
    ("conversation", {"title": " \t\n\u3000"}, "title", "should not be blank."),
    ("conversation", {"title": "t" * 201}, "title", "string should have at most 200 characters."),
    ("conversation", {"title": "a\0b"}, "title", "A NUL"),
    ("conversation", {"title": "\ud83d"}, "title", "Half a surrogate pair"),
    ("conversation", {"tags": ["t"] * 21}, "tags", "should have at most 20 items."),
    ("conversation", {"tags": ["a", "t" * 65]}, "tags[1]", "string should have at most 64 characters."),
    ("conversation", {"tags": [""]}, "tags[0]", "string should have at least 1 character."),
    ("conversation", {"tags": "a"}, "tags", "should be an array."),
    ("conversation", {"tags": {"a": "b"}}, "tags", "should be an array."),
    ("conversation", {"tags": [7]}, "tags[0]", "should be a valid string."),
    ("conversation", {"tags": ["a", "\udc00"]}, "tags[1]", "Half a surrogate pair"),
    (
        "conversation",
        {"metadata": {str(n): "" for n in range(17)}},
        "metadata",
        "should have at most 16 pairs.",
    ),
    ("conversation", {"metadata": {"k" * 65: ""}}, f"metadata.{'k' * 65}", "key should have at most 64"),
    ("conversation", {"metadata": {"": "v"}}, "metadata.", "key should have at least 1 character."),
    ("conversation", {"metadata": {"k": "v" * 513}}, "metadata.k", "string should have at most 512"),
    ("conversation", {"metadata": {"k": 7}}, "metadata.k", "should be a valid string."),
    ("conversation", {"metadata": {"k": None}}, "metadata.k", "should be a valid string."),
    ("conversation", {"metadata": {"k": {"deep": "v"}}}, "metadata.k", "should be a valid string."),
    ("conversation", {"metadata": {"k": "\0"}}, "metadata.k", "A NUL"),
    ("conversation", {"metadata": ["k"]}, "metadata", "should be an object."),
    ("conversation", {"metadata": "k"}, "metadata", "should be an object."),
    ("conversation", {"instructions": "i" * 32_001}, "instructions", "string should have at most 32000"),
    ("conversation", {"instructions": "  "}, "instructions", "should not be blank."),
    ("conversation", {"pinned": "true"}, "pinned", "should be a valid boolean."),
    ("conversation", {"pinned": 1}, "pinned", "should be a valid boolean."),
    ("conversation", {"entity_type": "user"}, "entity_type", "should be 'USER' or 'LEAD'."),
    ("conversation", {"product": "My Product"}, "product", "string should match"),
    ("conversation", {"agent_id": "a" * 129}, "agent_id", "string should have at most 128"),
    ("conversation", {"org_id": ""}, "org_id", "string should have at least 1"),
    ("conversation", {"user_email": "ada@example.com"}, "user_email", "is not known here."),
    ("conversation", {"tenant_id": "elsewhere"}, "tenant_id", "is not known here."),
    ("conversation", {"user_id": "mallory"}, "user_id", "is not known here."),
    ("conversation", {"userId": "mallory"}, "userId", "is not known here."),
    ("conversation", {"id": f"conv_{UNKNOWN}"}, "id", "is not known here."),
    ("title", {"title": None}, "title", "should be a valid string."),
    ("title", {"title": "t" * 201}, "title", "string should have at most 200"),
    ("title", {"title": " "}, "title", "should not be blank."),
    ("title", {"title": ["Mine"]}, "title", "should be a valid string."),
    ("title", {"tags": ["a"]}, "tags", "is not known here."),
    ("message", {"role": None}, "role", "should be 'user', 'assistant' or 'system'."),
    ("message", {"role": "developer"}, "role", "should be 'user', 'assistant' or 'system'."),
    ("message", {"role": "User"}, "role", "should be 'user', 'assistant' or 'system'."),
    ("message", {"content": 7}, "content", "should be a valid string."),
    ("message", {"content": [{"type": "text"}]}, "content", "should be a valid string."),
    ("message", {"content": ""}, "content", "should not be blank."),
    ("message", {"content": " \n\u00a0"}, "content", "should not be blank."),
    ("message", {"content": "c" * 100_001}, "content", "string should have at most 100000"),
    ("message", {"content": "a\0"}, "content", "A NUL"),
    ("message", {"content": "\ude00\ud83d"}, "content", "Half a surrogate pair"),
    ("message", {"display_text": "d" * 100_001}, "display_text", "string should have at most 100000"),
    ("message", {"is_json": "true"}, "is_json", "should be a valid boolean."),
    ("message", {"is_json": True}, "is_json", "is true, but content is not JSON."),
    ("message", {"is_json": True, "content": "NaN"}, "is_json", "is true, but content is not JSON."),
    ("message", {"is_json": True, "content": "[" * 50_000}, "is_json", "is true, but content is not JSON."),
    ("message", {"question_config": "x"}, "question_config", "should be an object."),
    ("message", {"question_config": [1]}, "question_config", "should be an object."),
    (
        "message",
        {"question_config": {"a": "b" * 16_377}},
        "question_config",
        "should be at most 16 KB of JSON.",
    ),
    (
        "message",
        {"question_config": {"ä": "ä" * 8_190}},
        "question_config",
        "should be at most 16 KB of JSON.",
    ),
    ("message", {"question_config": {"a": [1, {"b": "\0"}]}}, "question_config.a[1].b", "A NUL"),
    ("message", {"prompt_details": {"a": [10**400]}}, "prompt_details.a[0]", "The number is too large"),
    (
        "message",
        {"prompt_details": {"a": "b" * 16_377}},
        "prompt_details",
        "should be at most 16 KB of JSON.",
    ),
    ("message", {"status": "failed"}, "status", "is not known here."),
    ("message", {"seq": 1}, "seq", "is not known here."),
    ("message", {"conversation_id": f"conv_{UNKNOWN}"}, "conversation_id", "is not known here."),
    ("question", {"content": None}, "content", "is required."),
    ("question", {"content": " "}, "content", "should not be blank."),
    ("question", {"role": "user"}, "role", "is not known here."),
    ("question", {"instructions": "i" * 32_001}, "instructions", "string should have at most 32000"),
    ("question", {"max_output_tokens": "5"}, "max_output_tokens", "should be an integer."),
    ("question", {"max_output_tokens": 5.5}, "max_output_tokens", "should be an integer."),
    ("question", {"max_output_tokens": True}, "max_output_tokens", "should be an integer."),
    ("question", {"max_output_tokens": 0}, "max_output_tokens", "should be greater than or equal to 1."),
    ("question", {"max_output_tokens": 10**30}, "max_output_tokens", "should be less than or equal to"),
    ("question", {"temperature": "1"}, "temperature", "should be a valid number."),
    ("question", {"temperature": 2.1}, "temperature", "should be less than or equal to 2."),
    ("question", {"temperature": -0.1}, "temperature", "should be greater than or equal to 0."),
    ("question", {"model": 4}, "model", "should be a valid string."),
    ("question", {"model": "gpt-unknown"}, "model", "model should be one of: default, small, large."),
    ("nothing", {"title": "Mine"}, "title", "is not known here."),
]
ENOUGH: dict[str, dict[str, Any]] = {
    "title": {"title": "Mine"},
    "message": MESSAGE,
    "question": {"content": "Hello?"},
}


@pytest.mark.parametrize(
    ("which", "fields", "param", "text"),
    [pytest.param(*case, id=f"{case[0]}-{case[2][:20]}-{case[3][:24].strip('.')}") for case in FIELDS],
)
async def test_a_wrong_field_is_named(
    service: Service, which: str, fields: dict[str, Any], param: str, text: str
) -> None:
    conversation_id, before = await _conversation(service)

    body = json.dumps(ENOUGH.get(which, {}) | fields).encode()
    message = refused(await _send(service, which, conversation_id, body), 400, "invalid_request", param)

    assert message.removeprefix(f"{param}: ").startswith(text), message
    assert await stored(service) == before
    assert service.model.requests == []


async def test_a_number_that_json_has_and_a_double_has_not_is_refused(service: Service) -> None:
    conversation_id, before = await _conversation(service)

    body = b'{"role": "user", "content": "a", "question_config": {"a": -1e999}}'
    refused(
        await _send(service, "message", conversation_id, body), 400, "invalid_request", "question_config.a"
    )

    assert await stored(service) == before


async def test_all_that_is_wrong_is_listed(service: Service) -> None:
    conversation_id, _ = await _conversation(service)

    answer = await service.http.post(
        f"conversations/{conversation_id}/messages", json={"content": 7, "is_json": "no", "x": 1}
    )

    refused(answer, 400, "invalid_request", "content")
    assert [detail["param"] for detail in answer.json()["error"]["details"]] == [
        "content",
        "role",
        "is_json",
        "x",
    ]


@pytest.mark.parametrize("which", ["message", "question"])
@pytest.mark.parametrize("parent", ["unknown", "another's", "malformed", "conversation", "empty", "long"])
async def test_a_parent_that_is_no_message_of_the_conversation_is_refused(
    service: Service, which: str, parent: str
) -> None:
    other = await service.new_conversation()
    theirs = await service.add(other["id"], "Hello.")
    conversation_id, before = await _conversation(service)
    parent_id = {
        "unknown": f"msg_{UNKNOWN}",
        "another's": theirs["id"],
        "malformed": "msg_1",
        "conversation": conversation_id,
        "empty": "",
        "long": "msg_" + "0" * 100,
    }[parent]

    body = json.dumps(ENOUGH[which] | {"parent_id": parent_id}).encode()
    refused(await _send(service, which, conversation_id, body), 400, "invalid_request", "parent_id")

    assert await stored(service) == before
    assert service.model.requests == []


@pytest.mark.parametrize(
    "media_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "json",
        "a" * 500,
    ],
    ids=["none", "text", "form", "multipart", "json", "long"],
)
async def test_a_body_that_does_not_say_it_is_json_is_refused(service: Service, media_type: str) -> None:
    conversation_id, before = await _conversation(service)

    for which in BODIES:
        headers = {"Content-Type": media_type} if media_type else {}
        answer = await _send(service, which, conversation_id, b'{"title": "Mine"}', headers)
        message = refused(answer, 415, "unsupported_media_type", "Content-Type")
        assert "application/json" in message
        assert "''" not in message

    assert await stored(service) == before


@pytest.mark.parametrize("media_type", ["Application/JSON; charset=utf-8", "application/merge-patch+json"])
async def test_a_body_of_any_kind_of_json_is_read(service: Service, media_type: str) -> None:
    answer = await _send(service, "conversation", "", b'{"title": "Mine"}', {"Content-Type": media_type})

    assert (answer.status_code, answer.json()["title"]) == (201, "Mine")


async def test_a_body_over_two_mebibytes_is_too_large_and_one_of_just_that_is_read(service: Service) -> None:
    conversation_id, before = await _conversation(service)
    just = b'{"title": "Mine"' + b" " * (2 * 1024 * 1024 - 17) + b"}"

    for which in BODIES:
        answer = await _send(service, which, conversation_id, just + b" ")
        refused(answer, 413, "body_too_large")

    assert await stored(service) == before
    assert (await _send(service, "conversation", "", just)).status_code == 201


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=x", "limit"),
        ("limit=1.5", "limit"),
        ("limit=", "limit"),
        ("limit=" + "9" * 5_000, "limit"),
        ("order=up", "order"),
        ("order=DESC", "order"),
        ("order=", "order"),
        ("after=", "after"),
        ("after=" + "a" * 4_097, "after"),
        ("x=1", "x"),
        ("Limit=5", "Limit"),
        ("limit=5&limit=5", "limit"),
        ("x=1&x=2", "x"),
        ("x=active", "x"),
        ("limit%00=5", "limit\0"),
    ],
)
async def test_a_wrong_query_parameter_is_named(service: Service, query: str, param: str) -> None:
    conversation_id, _ = await _conversation(service)

    for path in ("conversations", f"conversations/{conversation_id}/messages"):
        refused(await service.http.get(f"{path}?{query}"), 400, "invalid_request", param)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "conversations"),
        ("GET", "conversations/{id}"),
        ("PUT", "conversations/{id}"),
        ("DELETE", "conversations/{id}"),
        ("POST", "conversations/{id}/restore"),
        ("POST", "conversations/{id}/messages"),
        ("GET", f"conversations/{{id}}/messages/msg_{UNKNOWN}"),
        ("POST", "conversations/{id}/ask"),
        ("GET", "health/live"),
        ("GET", "health/ready"),
        ("GET", "openapi.json"),
    ],
)
async def test_a_query_parameter_that_a_route_does_not_know_is_refused(
    service: Service, method: str, path: str
) -> None:
    conversation_id, before = await _conversation(service)

    answer = await service.http.request(method, path.format(id=conversation_id) + "?purge=maybe")

    refused(answer, 400, "invalid_request", "purge")
    assert await stored(service) == before


IDS = {
    "up": "..%2f..%2fconversations",
    "slash": "{right}%2F",
    "backslash": "%5c..",
    "quote": "%27%20OR%201=1--",
    "double-quote": "%22",
    "nul": "%00",
    "nul-behind": "{right}%00",
    "blank-before": "%20{right}",
    "blank-behind": "{right}%20",
    "newline": "{right}%0a",
    "question-mark": "{right}%3f",
    "hash": "%23",
    "percent": "%25",
    "long": "a" * 5_000,
    "one-more": "{right}0",
    "one-less": "{right:.20}",
    "emoji": "%F0%9F%98%80",
    "full-width": "conv_%EF%BC%90" + "1" * 25,
    "not-utf8": "%ff%fe",
    "half-a-surrogate": "%ed%a0%80",
    "lower-case": "{lower}",
    "too-late": "{prefix}_8" + "Z" * 25,
    "not-base32": "{prefix}_0" + "U" * 25,
    "prefix": "{prefix}_",
    "no-prefix": UNKNOWN,
    "unknown": "{prefix}_" + UNKNOWN,
    "star": "*",
}


@pytest.mark.parametrize("trick", IDS)
async def test_an_id_with_tricks_is_not_found(service: Service, trick: str) -> None:
    conversation_id = (await service.new_conversation())["id"]
    message_id = (await service.add(conversation_id, "Hello."))["id"]
    before = await stored(service)

    def tricky(right: str) -> str:
        return IDS[trick].format(right=right, lower=right.lower(), prefix=right.partition("_")[0])

    path = f"conversations/{tricky(conversation_id)}"
    with service.engine.recording() as calls:
        for method, route, body in (
            ("GET", path, None),
            ("PUT", path, {"title": "Mine"}),
            ("DELETE", path, None),
            ("POST", f"{path}/restore", None),
            ("GET", f"{path}/messages", None),
            ("POST", f"{path}/messages", MESSAGE),
            ("GET", f"{path}/messages/{message_id}", None),
            ("POST", f"{path}/ask", {"content": "Hello?"}),
        ):
            answer = await service.http.request(method, route, json=body)
            refused(answer, 404, "conversation_not_found")
    assert trick == "unknown" or calls == []
    answer = await service.http.get(f"conversations/{conversation_id}/messages/{tricky(message_id)}")
    refused(answer, 404, "message_not_found")

    assert await stored(service) == before


async def test_a_message_is_no_conversation_nor_the_other_way_round(service: Service) -> None:
    conversation_id = (await service.new_conversation())["id"]
    message_id = (await service.add(conversation_id, "Hello."))["id"]
    before = await stored(service)
    swapped = f"conv_{message_id.removeprefix('msg_')}"

    for path in (message_id, swapped, f"{message_id}/messages", f"{swapped}/messages/{message_id}"):
        refused(await service.http.get(f"conversations/{path}"), 404, "conversation_not_found")
    for identifier in (conversation_id, f"msg_{conversation_id.removeprefix('conv_')}"):
        answer = await service.http.get(f"conversations/{conversation_id}/messages/{identifier}")
        refused(answer, 404, "message_not_found")
    answer = await service.http.put(f"conversations/{message_id}", json={"title": "Mine"})
    refused(answer, 404, "conversation_not_found")

    assert await stored(service) == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "nowhere"),
        ("PATCH", "conversations"),
        ("POST", "health/live"),
        ("GET", "conversations/a/b/c/d"),
    ],
)
async def test_a_route_or_method_that_the_host_does_not_know_is_its_404(
    service: Service, method: str, path: str
) -> None:
    assert (await service.http.request(method, path)).status_code == 404
