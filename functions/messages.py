"""Endpoints of messages."""

from typing import Annotated

import azure.functions as func
from fastapi import Query

from shared.cursors import encode_cursor, position_of
from shared.http import AsCaller, AsOnce, IfMatch, endpoint
from shared.messages import MessagesWanted, Rating
from shared.schemas.conversations import Conversation
from shared.schemas.deletions import MessageDeleted
from shared.schemas.lists import Listed
from shared.schemas.message_lists import MessagesQuery
from shared.schemas.messages import Message, MessageChanges, MessageRating, NewMessage
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
    caller: AsCaller, conversation_id: str, query: Annotated[MessagesQuery, Query()]
) -> Listed[Message]:
    """List a conversation's messages in the order that they were added, or one path through them."""
    this_list = query.list_of(conversation_id)
    wanted = MessagesWanted(
        order=query.order,
        limit=query.limit,
        after=position_of(query.after, "after", caller, *this_list),
        before=position_of(query.before, "before", caller, *this_list),
        leaf=query.leaf,
        deleted=query.deleted,
    )
    page = await services().messages.page(caller, conversation_id, wanted)

    def cursor(position: str) -> str | None:
        return None if wanted.backwards else encode_cursor(position, caller, *this_list)

    return Listed[Message].of(page, Message.of, cursor)


@endpoint(bp, "DELETE", "conversations/{conversation_id}/messages")
async def clear_messages(caller: AsCaller, conversation_id: str, if_match: IfMatch = None) -> Conversation:
    """Remove all messages of a conversation for good; the numbering goes on."""
    return Conversation.of(await services().deletions.clear(caller, conversation_id, if_match))


@endpoint(bp, "GET", "conversations/{conversation_id}/messages/{message_id}")
async def get_message(caller: AsCaller, conversation_id: str, message_id: str) -> Message:
    """Read a message."""
    return Message.of(await services().messages.get(caller, conversation_id, message_id))


@endpoint(bp, "PATCH", "conversations/{conversation_id}/messages/{message_id}")
async def update_message(
    caller: AsCaller, conversation_id: str, message_id: str, body: MessageChanges, if_match: IfMatch = None
) -> Message:
    """Change what is shown of a message; metadata is merged."""
    changed = await services().messages.update(caller, conversation_id, message_id, body.update(), if_match)
    return Message.of(changed)


@endpoint(bp, "DELETE", "conversations/{conversation_id}/messages/{message_id}")
async def delete_message(
    caller: AsCaller, conversation_id: str, message_id: str, if_match: IfMatch = None
) -> MessageDeleted:
    """Delete a message; it can be restored until it expires."""
    return MessageDeleted.of(await services().deletions.delete(caller, conversation_id, message_id, if_match))


@endpoint(bp, "POST", "conversations/{conversation_id}/messages/{message_id}/restore")
async def restore_message(
    caller: AsCaller, conversation_id: str, message_id: str, if_match: IfMatch = None, once: AsOnce = None
) -> Message:
    """Bring a deleted message back as it was."""
    back = await services().deletions.restore(caller, conversation_id, message_id, if_match, once)
    return Message.of(back)


@endpoint(bp, "PUT", "conversations/{conversation_id}/messages/{message_id}/rating")
async def rate_message(
    caller: AsCaller, conversation_id: str, message_id: str, body: MessageRating, if_match: IfMatch = None
) -> Message:
    """Say what an assistant's message was like, in place of what was said before."""
    rated = await services().messages.rate(caller, conversation_id, message_id, body.said(), if_match)
    return Message.of(rated)


@endpoint(bp, "DELETE", "conversations/{conversation_id}/messages/{message_id}/rating")
async def unrate_message(
    caller: AsCaller, conversation_id: str, message_id: str, if_match: IfMatch = None
) -> Message:
    """Take back what was said of a message."""
    return Message.of(await services().messages.rate(caller, conversation_id, message_id, Rating(), if_match))
