"""Endpoints of messages."""

from typing import Annotated

import azure.functions as func
from fastapi import Query

from shared import models
from shared.cursors import decode_number, encode_cursor
from shared.http import AsCaller, AsOnce, IfMatch, endpoint
from shared.schemas.answers import Listed, Message
from shared.schemas.requests import NewMessage, OldestFirst
from shared.services import services

bp = func.Blueprint()


@endpoint(bp, "POST", "conversations/{conversation_id}/messages", status=201)
async def add_message(
    caller: AsCaller,
    conversation_id: str,
    body: NewMessage,
    if_match: IfMatch = None,
    once: AsOnce = None,
) -> Message:
    """Append a message to a conversation."""
    added = await services().messages.add(caller, conversation_id, body.draft(), if_match, once)
    return Message.of(added)


@endpoint(bp, "GET", "conversations/{conversation_id}/messages")
async def list_messages(
    caller: AsCaller, conversation_id: str, query: Annotated[OldestFirst, Query()]
) -> Listed[Message]:
    """List a conversation's messages in the order that they were added. `after` also takes a message's id."""
    this_list = ("messages", conversation_id, query.order)
    by_id = query.after if query.after and query.after.startswith("msg_") else None
    page = await services().messages.page(
        caller,
        conversation_id,
        order=query.order,
        limit=query.limit,
        after=decode_number(query.after, caller, *this_list) if query.after and not by_id else None,
        after_id=by_id,
    )

    def cursor(last: models.Message) -> str:
        return encode_cursor(str(last.seq), caller, *this_list)

    return Listed[Message].of(page, Message.of, cursor)


@endpoint(bp, "GET", "conversations/{conversation_id}/messages/{message_id}")
async def get_message(caller: AsCaller, conversation_id: str, message_id: str) -> Message:
    """Read a message."""
    return Message.of(await services().messages.get(caller, conversation_id, message_id))
