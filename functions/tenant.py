"""Endpoints for a tenant's administrator, and of operations."""

from typing import Annotated

import azure.functions as func
from fastapi import Query

from shared.cursors import decode_cursor, encode_cursor
from shared.http import AsCaller, AsOnce, endpoint
from shared.schemas.answers import DeadLetter, Listed, Operation
from shared.schemas.requests import PageQuery
from shared.services import services

bp = func.Blueprint()


@endpoint(bp, "GET", "tenant/dead-letters")
async def list_dead_letters(caller: AsCaller, query: Annotated[PageQuery, Query()]) -> Listed[DeadLetter]:
    """List the background work of the tenant that was given up."""
    after = query.after and decode_cursor(query.after, caller, "dead-letters")
    page = await services().dead_letters.page(caller, limit=query.limit, after=after)
    return Listed[DeadLetter].of(
        page, DeadLetter.of, lambda position: encode_cursor(position, caller, "dead-letters")
    )


@endpoint(bp, "POST", "tenant/dead-letters/{dead_letter_id}/replay")
async def replay_dead_letter(caller: AsCaller, dead_letter_id: str, once: AsOnce = None) -> DeadLetter:
    """Have background work tried again."""
    return DeadLetter.of(await services().dead_letters.replay(caller, dead_letter_id))


@endpoint(bp, "GET", "operations/{operation_id}")
async def get_operation(caller: AsCaller, operation_id: str) -> Operation:
    """Read how far an operation has come."""
    return Operation.of(await services().purges.operation(caller, operation_id))
