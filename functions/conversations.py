"""Endpoints of conversations."""

from typing import Annotated

import azure.functions as func
from fastapi import Query

from shared.cursors import decode_cursor, encode_cursor
from shared.http import AsCaller, AsOnce, IfMatch, endpoint
from shared.schemas.analytics import ConversationAnalytics
from shared.schemas.context import ContextQuery, ConversationContext
from shared.schemas.conversation_lists import ConversationsQuery
from shared.schemas.conversations import (
    Conversation,
    ConversationChanges,
    Ending,
    NewConversation,
    NewFork,
    NewTitle,
)
from shared.schemas.deletions import ConversationDeleted, DeletionQuery
from shared.schemas.lists import Listed
from shared.schemas.operations import OperationStarted
from shared.schemas.summaries import ConversationSummary
from shared.services import services

bp = func.Blueprint()


@endpoint(bp, "POST", "conversations", status=201)
async def create_conversation(caller: AsCaller, body: NewConversation, once: AsOnce = None) -> Conversation:
    """Start a conversation, owned by the caller."""
    return Conversation.of(await services().conversations.create(caller, body.draft(), once))


@endpoint(bp, "GET", "conversations")
async def list_conversations(
    caller: AsCaller, query: Annotated[ConversationsQuery, Query()]
) -> Listed[Conversation]:
    """List the caller's conversations."""
    page = await services().conversations.page(
        caller,
        query.filters(),
        sort=query.sort,
        order=query.direction,
        limit=query.limit,
        after=query.after and decode_cursor(query.after, caller, *query.list_of()),
    )
    return Listed[Conversation].of(
        page, Conversation.of, lambda position: encode_cursor(position, caller, *query.list_of())
    )


@endpoint(bp, "GET", "conversations/{conversation_id}")
async def get_conversation(caller: AsCaller, conversation_id: str) -> Conversation:
    """Read a conversation."""
    return Conversation.of(await services().conversations.get(caller, conversation_id))


@endpoint(bp, "PUT", "conversations/{conversation_id}")
async def rename_conversation(
    caller: AsCaller, conversation_id: str, body: NewTitle, if_match: IfMatch = None
) -> Conversation:
    """Give a conversation a title that nothing automatic will replace."""
    renamed = await services().conversations.rename(caller, conversation_id, body.title, if_match)
    return Conversation.of(renamed)


@endpoint(bp, "DELETE", "conversations/{conversation_id}")
async def delete_conversation(
    caller: AsCaller,
    conversation_id: str,
    query: Annotated[DeletionQuery, Query()],
    if_match: IfMatch = None,
) -> ConversationDeleted | OperationStarted:
    """Delete a conversation; it can be restored until it expires, unless it is purged."""
    if not query.purge:
        return ConversationDeleted.of(
            await services().conversations.delete(caller, conversation_id, if_match)
        )
    operation = await services().purges.purge(caller, conversation_id, if_match)
    return OperationStarted.of(operation) if operation else ConversationDeleted.gone(conversation_id)


@endpoint(bp, "POST", "conversations/{conversation_id}/restore")
async def restore_conversation(
    caller: AsCaller, conversation_id: str, if_match: IfMatch = None, once: AsOnce = None
) -> Conversation:
    """Bring a deleted conversation back as it was."""
    return Conversation.of(await services().conversations.restore(caller, conversation_id, if_match, once))


@endpoint(bp, "PATCH", "conversations/{conversation_id}")
async def update_conversation(
    caller: AsCaller, conversation_id: str, body: ConversationChanges, if_match: IfMatch = None
) -> Conversation:
    """Change some fields of a conversation; metadata is merged."""
    update = body.update()
    return Conversation.of(await services().conversations.update(caller, conversation_id, update, if_match))


@endpoint(bp, "POST", "conversations/{conversation_id}/end")
async def end_conversation(
    caller: AsCaller, conversation_id: str, body: Ending, if_match: IfMatch = None, once: AsOnce = None
) -> Conversation:
    """End a conversation, with a rating; it takes no messages until it is reopened."""
    ended = await services().conversations.end(
        caller, conversation_id, body.rating, body.feedback, if_match, once
    )
    return Conversation.of(ended)


@endpoint(bp, "POST", "conversations/{conversation_id}/archive")
async def archive_conversation(
    caller: AsCaller, conversation_id: str, if_match: IfMatch = None, once: AsOnce = None
) -> Conversation:
    """Put a conversation away; it takes no messages until it is reopened."""
    return Conversation.of(await services().conversations.archive(caller, conversation_id, if_match, once))


@endpoint(bp, "POST", "conversations/{conversation_id}/reopen")
async def reopen_conversation(
    caller: AsCaller, conversation_id: str, if_match: IfMatch = None, once: AsOnce = None
) -> Conversation:
    """Make an ended or archived conversation active again."""
    return Conversation.of(await services().conversations.reopen(caller, conversation_id, if_match, once))


@endpoint(bp, "GET", "conversations/{conversation_id}/summary")
async def get_summary(caller: AsCaller, conversation_id: str) -> ConversationSummary:
    """Read a conversation's summary, with how far it reaches."""
    return ConversationSummary.of(await services().conversations.get(caller, conversation_id))


@endpoint(bp, "POST", "conversations/{conversation_id}/summary")
async def refresh_summary(
    caller: AsCaller, conversation_id: str, if_match: IfMatch = None, once: AsOnce = None
) -> ConversationSummary:
    """Summarise now what lies past a conversation's summary."""
    summarised = await services().descriptions.refresh_summary(caller, conversation_id, if_match, once)
    return ConversationSummary.of(summarised)


@endpoint(bp, "GET", "conversations/{conversation_id}/context")
async def get_context(
    caller: AsCaller, conversation_id: str, query: Annotated[ContextQuery, Query()]
) -> ConversationContext:
    """Read what the model is sent before the next question, with counts."""
    conversation, context = await services().context.next(caller, conversation_id, query.max_tokens)
    return ConversationContext.of(conversation, context)


@endpoint(bp, "GET", "conversations/{conversation_id}/analytics")
async def get_analytics(caller: AsCaller, conversation_id: str) -> ConversationAnalytics:
    """Read a conversation in figures."""
    return ConversationAnalytics.of(await services().conversations.get(caller, conversation_id))


@endpoint(bp, "POST", "conversations/{conversation_id}/fork", status=201)
async def fork_conversation(
    caller: AsCaller, conversation_id: str, body: NewFork, once: AsOnce = None
) -> Conversation:
    """Copy the path to a message into a conversation of its own."""
    fork = await services().forks.fork(caller, conversation_id, body.up_to_message_id, once)
    return Conversation.of(fork)
