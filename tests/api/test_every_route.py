"""What holds of every route alike: whose it is, its version, its key, and input that it doesn't know."""

import inspect
import pkgutil
from collections.abc import Iterable
from importlib import import_module
from typing import Any

import httpx2
import pytest

import functions
from shared.http import endpoints
from shared.http.endpoint import Endpoint
from tests.api.conftest import Service
from tests.api.refusals import refused, stored

ROLES = {"X-Local-Roles": "Conversations.Admin"}
UNKNOWN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
STRANGERS = [{"X-Local-User": "mallory"}, {"X-Local-Tenant": "elsewhere"}]
BODIES: dict[str, dict[str, Any]] = {
    "rename_conversation": {"title": "Mine"},
    "update_conversation": {"pinned": True},
    "end_conversation": {"rating": 5},
    "add_message": {"role": "user", "content": "Hello."},
    "update_message": {"display_text": "Hi."},
    "rate_message": {"liked": True},
    "ask": {"content": "Hello?"},
    "update_metadata": {"metadata": {"a": "b"}},
    "create_items": {"items": [{"role": "user", "content": "Hello."}]},
    "create_response": {"input": "Hello?"},
    "hold_user": {"reason": "A case at court."},
}
# What must have been done before.
BEFORE: dict[str, tuple[str, str, Any]] = {
    "restore_conversation": ("DELETE", "", None),
    "reopen_conversation": ("POST", "/end", None),
    "restore_message": ("DELETE", "/messages/{message}", None),
    "unrate_message": ("PUT", "/messages/{message}/rating", {"liked": False}),
}
# Leaves what was there as it was, so that no version of it matters.
WITHOUT_VERSION = {"fork_conversation"}
# Their version is that of the first answer.
OF_RESPONSES = ["delete_response", "cancel_response"]
for module in pkgutil.iter_modules(functions.__path__):  # each declares its endpoints
    import_module(f"functions.{module.name}")
ALL = {one.function.__name__: one for one in endpoints()}
# OpenAI's, which ignore what they don't use.
LENIENT = {name for name, one in ALL.items() if one.lenient}
# Where no effect is a key's: they show what goes on, or are the same work under the same key.
WITHOUT_RECEIPT = {"replay_dead_letter", "cancel_response", "export_my_data", "erase_my_data"}
OF_CONVERSATIONS = [
    name for name, one in ALL.items() if "{conversation_id}" in one.route and not one.administrator
]
OF_MESSAGES = [name for name, one in ALL.items() if "{message_id}" in one.route or "{item_id}" in one.route]


def _taking(parameter: str) -> list[str]:
    return [name for name, one in ALL.items() if parameter in inspect.signature(one.function).parameters]


class Scene:
    """A conversation with a question and its answer, ready for a route's request."""

    def __init__(self, service: Service, name: str) -> None:
        self.service = service
        self.name = name
        self.endpoint: Endpoint = ALL[name]

    async def __aenter__(self) -> "Scene":
        conversation = await self.service.new_conversation()
        turn = await self.service.ask(conversation["id"], "What is rye?")
        self.conversation, self.message = conversation["id"], turn["answers"][0]["id"]
        self.response = turn["id"]
        if before := BEFORE.get(self.name):
            method, action, body = before
            path = f"conversations/{self.conversation}{action.format(message=self.message)}"
            assert (await self.service.http.request(method, path, json=body)).status_code == 200
        self.before = await stored(self.service)
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def ask(
        self, *, conversation: str = "", message: str = "", query: str = "", extra: Any = None, **headers: str
    ) -> httpx2.Response:
        """The route's request, with what is given in place of what is right."""
        path = self.endpoint.route.format(
            conversation_id=conversation or self.conversation,
            message_id=message or self.message,
            item_id=message or self.message,
            response_id=self.response,
            user_id="mallory",
            operation_id=f"op_{UNKNOWN}",
            dead_letter_id=f"conv_{UNKNOWN}",
        )
        body = BODIES.get(self.name, {}) | (extra or {})
        more: dict[str, Any] = {"json": body} if body else {}
        return await self.service.http.request(self.endpoint.method, path + query, headers=headers, **more)

    async def unchanged(self) -> bool:
        """Whether nothing was written."""
        return await stored(self.service) == self.before


def _named(names: Iterable[str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("name", sorted(names))


@_named(OF_CONVERSATIONS)
async def test_what_is_anothers_is_not_found(service: Service, name: str) -> None:
    async with Scene(service, name) as scene:
        for stranger in STRANGERS:
            for headers in (stranger, stranger | {"If-Match": "*", "X-Local-Roles": "Conversations.Admin"}):
                refused(await scene.ask(**headers), 404, "conversation_not_found")
        assert await scene.unchanged()


@_named(OF_CONVERSATIONS)
async def test_what_is_not_there_is_not_found(service: Service, name: str) -> None:
    async with Scene(service, name) as scene:
        for unknown in (f"conv_{UNKNOWN}", "conv_1", scene.message):
            refused(await scene.ask(conversation=unknown), 404, "conversation_not_found")
        if name in OF_MESSAGES:
            for unknown in (f"msg_{UNKNOWN}", "msg_1", scene.conversation):
                refused(await scene.ask(message=unknown), 404, "message_not_found")
        assert await scene.unchanged()


@_named(set(OF_CONVERSATIONS) - {"restore_conversation"})
async def test_what_is_deleted_is_not_found(service: Service, name: str) -> None:
    async with Scene(service, name) as scene:
        await service.http.delete(f"conversations/{scene.conversation}")
        scene.before = await stored(service)

        refused(await scene.ask(), 404, "conversation_not_found")

        assert await scene.unchanged()


@_named(OF_MESSAGES)
async def test_a_message_of_another_conversation_is_not_found(service: Service, name: str) -> None:
    async with Scene(service, name) as scene:
        other = await service.new_conversation()
        scene.before = await stored(service)

        refused(await scene.ask(conversation=other["id"]), 404, "message_not_found")

        assert await scene.unchanged()


@_named(OF_CONVERSATIONS)
async def test_the_request_itself_is_right(service: Service, name: str) -> None:
    async with Scene(service, name) as scene:
        answer = await scene.ask(**{"If-Match": "*"})

        assert answer.status_code == scene.endpoint.status
        assert (await stored(service) != scene.before) == (scene.endpoint.method != "GET")


@_named(_taking("if_match"))
async def test_a_stale_version_is_refused_with_the_current_one(service: Service, name: str) -> None:
    async with Scene(service, name) as scene:
        current = scene.before[scene.message if name in OF_MESSAGES + OF_RESPONSES else scene.conversation]

        answer = await scene.ask(**{"If-Match": '"stale"'})

        refused(answer, 412, "version_mismatch", "If-Match")
        assert answer.headers["etag"] == current
        assert await scene.unchanged()
        assert (await scene.ask(**{"If-Match": current})).status_code == scene.endpoint.status


@_named(_taking("if_match"))
async def test_a_malformed_version_is_refused(service: Service, name: str) -> None:
    async with Scene(service, name) as scene:
        for malformed in ("", "abc", '"abc', 'W/"abc"', '"a", "b"'):
            answer = await scene.ask(**{"If-Match": malformed})
            refused(answer, 400, "invalid_request", "If-Match")
        assert await scene.unchanged()


def test_every_change_takes_a_version_and_every_post_a_key() -> None:
    changes = {name for name in OF_CONVERSATIONS if ALL[name].method != "GET"}
    assert set(_taking("if_match")) == (changes | set(OF_RESPONSES)) - WITHOUT_VERSION
    assert set(_taking("once")) == {name for name, one in ALL.items() if one.method == "POST"}


@_named(set(_taking("once")) - WITHOUT_RECEIPT)
async def test_a_request_repeated_with_its_key_is_the_first_answer(service: Service, name: str) -> None:
    async with Scene(service, name) as scene:
        first = await scene.ask(**{"Idempotency-Key": "k"})
        assert first.status_code == scene.endpoint.status
        after = await stored(service)
        assert after != scene.before

        again = await scene.ask(**{"Idempotency-Key": "k"})

        assert (again.status_code, again.json()) == (first.status_code, first.json())
        assert again.headers["idempotency-replayed"] == "true"
        refused(
            await service.http.post("conversations", json={"title": "x"}, headers={"Idempotency-Key": "k"}),
            422,
            "idempotency_key_reused",
            "Idempotency-Key",
        )
        assert await stored(service) == after


@_named(_taking("once"))
async def test_a_malformed_key_is_refused(service: Service, name: str) -> None:
    async with Scene(service, name) as scene:
        for key in ("", "k" * 256, " ", "a\tb"):
            answer = await scene.ask(**{"Idempotency-Key": key}, **ROLES)
            refused(answer, 400, "invalid_request", "Idempotency-Key")
        assert await scene.unchanged()


@_named(set(ALL) - LENIENT)
async def test_what_a_route_does_not_know_is_named(service: Service, name: str) -> None:
    async with Scene(service, name) as scene:
        for query, param in (("?x=1", "x"), ("?Limit=5", "Limit"), ("?user_id=mallory", "user_id")):
            refused(await scene.ask(query=query, **ROLES), 400, "invalid_request", param)
        if scene.endpoint.method in ("POST", "PUT", "PATCH"):
            for field in ("x", "user_id", "tenant_id", "seq"):
                answer = await scene.ask(extra={field: "mallory"}, **ROLES)
                refused(answer, 400, "invalid_request", field)
        assert await scene.unchanged()
