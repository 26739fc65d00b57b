"""Endpoints for a tenant's administrator; each act is written to the audit log."""

from typing import Annotated

import azure.functions as func
from fastapi import Query

from shared.cursors import decode_cursor, encode_cursor
from shared.http import AsCaller, AsOnce, endpoint
from shared.schemas.lists import Listed, PageQuery
from shared.schemas.tenant import (
    AuditEntry,
    AuditQuery,
    DeadLetter,
    HeldUser,
    NewHold,
    TenantConversation,
    TenantConversationsQuery,
)
from shared.services import services

bp = func.Blueprint()


@endpoint(bp, "GET", "tenant/conversations", administrator=True)
async def list_tenant_conversations(
    caller: AsCaller, query: Annotated[TenantConversationsQuery, Query()]
) -> Listed[TenantConversation]:
    """List the conversations of all users of the tenant, by last activity."""
    after = query.after and decode_cursor(query.after, caller, *query.list_of())
    page = await services().administration.page(caller, query.filters(), limit=query.limit, after=after)
    return Listed[TenantConversation].of(
        page, TenantConversation.of, lambda position: encode_cursor(position, caller, *query.list_of())
    )


@endpoint(bp, "GET", "tenant/conversations/{conversation_id}", administrator=True)
async def get_tenant_conversation(caller: AsCaller, conversation_id: str) -> TenantConversation:
    """Read a conversation of any user of the tenant."""
    return TenantConversation.of(await services().administration.get(caller, conversation_id))


@endpoint(bp, "GET", "tenant/audit", administrator=True)
async def list_audit(caller: AsCaller, query: Annotated[AuditQuery, Query()]) -> Listed[AuditEntry]:
    """List a month's acts of services and administrators, newest first."""
    after = query.after and decode_cursor(query.after, caller, *query.list_of())
    page = await services().audit.page(caller, query.month, limit=query.limit, after=after)
    return Listed[AuditEntry].of(
        page, AuditEntry.of, lambda position: encode_cursor(position, caller, *query.list_of())
    )


@endpoint(bp, "PUT", "tenant/holds/{user_id}", administrator=True)
async def hold_user(caller: AsCaller, user_id: str, body: NewHold) -> HeldUser:
    """Have a user's data kept, so that it can't be erased; without a reason: no longer."""
    hold = await services().administration.hold(caller, user_id, body.reason)
    return HeldUser.of(user_id, hold)


@endpoint(bp, "GET", "tenant/dead-letters", administrator=True)
async def list_dead_letters(caller: AsCaller, query: Annotated[PageQuery, Query()]) -> Listed[DeadLetter]:
    """List the background work of the tenant that was given up."""
    after = query.after and decode_cursor(query.after, caller, "dead-letters")
    page = await services().dead_letters.page(caller, limit=query.limit, after=after)
    return Listed[DeadLetter].of(
        page, DeadLetter.of, lambda position: encode_cursor(position, caller, "dead-letters")
    )


@endpoint(bp, "POST", "tenant/dead-letters/{dead_letter_id}/replay", administrator=True)
async def replay_dead_letter(caller: AsCaller, dead_letter_id: str, once: AsOnce = None) -> DeadLetter:
    """Have background work tried again."""
    return DeadLetter.of(await services().dead_letters.replay(caller, dead_letter_id, once))
