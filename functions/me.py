"""Endpoints for what is kept of the caller: usage, export, erasure, and how far these have come."""

from typing import Annotated

import azure.functions as func
from fastapi import Query

from shared.cursors import decode_cursor, encode_cursor
from shared.http import AsCaller, AsOnce, JsonLines, endpoint
from shared.schemas.lists import Listed, PageQuery
from shared.schemas.operations import Operation, OperationStarted
from shared.schemas.usage import DayUsage
from shared.services import services

bp = func.Blueprint()


@endpoint(bp, "POST", "me/export", status=202)
async def export_my_data(caller: AsCaller, once: AsOnce = None) -> OperationStarted:
    """Have everything that is kept of the caller written down, to be fetched from the operation."""
    return OperationStarted.of(await services().operations.export(caller, once))


@endpoint(bp, "POST", "me/erase", status=202)
async def erase_my_data(caller: AsCaller, once: AsOnce = None) -> OperationStarted:
    """Have everything that is kept of the caller removed for good."""
    return OperationStarted.of(await services().operations.erase(caller, once))


@endpoint(bp, "GET", "operations/{operation_id}")
async def get_operation(caller: AsCaller, operation_id: str) -> Operation:
    """Read how far an operation has come."""
    return Operation.of(await services().operations.get(caller, operation_id))


@endpoint(bp, "GET", "operations/{operation_id}/content")
async def get_operation_content(caller: AsCaller, operation_id: str) -> JsonLines:
    """Fetch what an export has written down, a JSON document a line."""
    return JsonLines(await services().operations.content(caller, operation_id))


@endpoint(bp, "GET", "usage")
async def get_usage(caller: AsCaller, query: Annotated[PageQuery, Query()]) -> Listed[DayUsage]:
    """List what the caller's turns have taken, by day (UTC) and model, newest first."""
    after = query.after and decode_cursor(query.after, caller, "usage")
    page = await services().usage.page(caller, limit=query.limit, after=after)
    return Listed[DayUsage].of(page, DayUsage.of, lambda position: encode_cursor(position, caller, "usage"))
