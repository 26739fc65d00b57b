"""`Idempotency-Key`: what a repeated request is answered with."""

import json
import re
from typing import Annotated, Any

from fastapi import Header, Request, Response
from pydantic import WithJsonSchema
from starlette.responses import StreamingResponse

from shared.errors import FINAL, InvalidRequest
from shared.http.problems import problem
from shared.http.resource import EventStream
from shared.idempotency import Once, Show, stored_body
from shared.ids import same_ulid
from shared.models import Caller
from shared.services import services

HEADER = "Idempotency-Key"
REPLAYED = {"Idempotency-Replayed": "true"}
_KEY = re.compile(r"[!-~](?:[ -~]{0,253}[!-~])?")

AsOnce = Annotated[
    Once | None,
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 255}),
    Header(alias=HEADER, description="Names this request: repeated within 24 hours, it has its effect once."),
]


def once_of(request: Request, body: Any, show: Show) -> Once | None:
    """The try that a request is, if it has a key. Raises InvalidRequest for a malformed one."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise InvalidRequest(
            f"{HEADER} takes 1 to 255 visible ASCII characters, without blanks around them.", param=HEADER
        )
    text = json.dumps([request.method, request.url.path, body], sort_keys=True)
    return Once.of(key, text, services().clock(), show)


def shown(answer: Any, status: int, request_id: str) -> Show:
    """How an endpoint answers what its use case gives. answer: its model, made by its `of`."""

    def show(outcome: Any) -> tuple[int, str]:
        if isinstance(outcome, Exception):
            failure = problem(outcome, request_id)
            return failure.status_code, bytes(failure.body).decode()
        return status, answer.of(outcome).model_dump_json()

    return show


async def replay(caller: Caller, once: Once, stream: type[EventStream] | None = None) -> Response | None:
    """The answer that the key's request was given, if this try is not its first. stream: as events."""
    repository = services().repository
    receipt = await repository.receipt(caller, once.receipt_id)
    if receipt is None or receipt.try_id == once.try_id:
        return None
    once.check(receipt)
    if receipt.status is None:
        work = services().turns if receipt.answer_id else services().forks
        outcome = await work.outcome(caller, receipt)
        receipt = await repository.complete(caller, receipt, once.completed(receipt, outcome))
    if stream and receipt.answer_id:
        turn_id = same_ulid("resp", receipt.answer_id)
        events = stream.of(await services().turns.followed(caller, turn_id))
        return StreamingResponse(events.pieces, 200, REPLAYED | events.headers, events.media_type)
    status = receipt.status or 200
    headers = REPLAYED | (FINAL if status >= 400 else {})
    return Response(stored_body(receipt), status, headers, media_type="application/json")
