"""Endpoints of turns."""

import azure.functions as func

from shared.http import AsCaller, AsOnce, IfMatch, endpoint
from shared.schemas.events import TurnEvents
from shared.schemas.turns import Ask, Turn
from shared.services import services

bp = func.Blueprint()


@endpoint(bp, "POST", "conversations/{conversation_id}/ask", status=201)
async def ask(
    caller: AsCaller, conversation_id: str, body: Ask, if_match: IfMatch = None, once: AsOnce = None
) -> Turn | TurnEvents:
    """Store a question, answer it, and store the answer; with `stream`, tell it word by word."""
    run = await services().turns.ask(caller, conversation_id, body.question(), if_match, once)
    if body.stream:
        return TurnEvents.of(await services().turns.following(run))
    return Turn.of(await run.outcome())
