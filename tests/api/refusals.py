"""What every refusal must look like, whichever route it comes from."""

import re
from typing import Any

import httpx2

from tests.api.conftest import Service

_OF_PYTHON = re.compile(r"dictionary|tuple|None|str\b|int\b|pydantic|validation|\binput\b|Traceback", re.I)


def refused(answer: httpx2.Response, status: int, code: str, param: str | None = None) -> str:
    """Assert the one error shape with these values, in terms of JSON; the message."""
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error"}
    error: dict[str, Any] = answer.json()["error"]
    assert set(error) == {"code", "message", "type", "param", "details", "request_id"}
    assert (error["code"], error["param"]) == (code, param)
    assert error["request_id"] == answer.headers["x-request-id"]
    assert all(set(detail) == {"param", "message"} and detail["param"] for detail in error["details"])
    assert not _OF_PYTHON.search(error["message"]), error["message"]
    return str(error["message"])


async def stored(service: Service) -> dict[str, str]:
    """Every document in the database with its version: the same again means that nothing was written."""
    found = service.conversations.query_items("SELECT c.id, c._etag FROM c")
    return {document["id"]: document["_etag"] async for document in found}
