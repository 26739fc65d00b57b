"""Endpoints of turns."""

import azure.functions as func

from shared.http import AsCaller, endpoint
from shared.schemas.answers import Turn
from shared.schemas.requests import Ask
from shared.services import services

bp = func.Blueprint()


@endpoint(bp, "POST", "conversations/{conversation_id}/ask", status=201)
async def ask(caller: AsCaller, conversation_id: str, body: Ask) -> Turn:
    """Store a question, answer it, and store the answer."""
    return Turn.of(await services().turns.ask(caller, conversation_id, body.question()))
