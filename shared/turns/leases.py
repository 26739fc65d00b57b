"""The lease that a running turn holds of its conversation."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from shared.clock import Clock
from shared.errors import NotFound
from shared.logs import trace
from shared.models import Caller, Conversation, Lease
from shared.repository import Change, Repository

LEASE_MS = 60_000
# How long a turn in the background may wait to be taken up.
QUEUED_MS = 600_000
RENEW_SECONDS = 20.0

logger = logging.getLogger(__name__)


class TurnLost(Exception):
    """The lease no longer names the turn: somebody has closed it, so its result is dropped."""


def taken(conversation: Conversation, lease: Lease, now: int, length: int = LEASE_MS) -> Conversation:
    """The conversation under the lease of a turn, for so many milliseconds."""
    return conversation.changed(lease=lease, lease_until=now + length)


def require_lease(conversation: Conversation, turn_id: str) -> None:
    """Raise TurnLost unless the conversation's lease is this turn's."""
    if conversation.lease is None or conversation.lease.turn_id != turn_id:
        raise TurnLost


@asynccontextmanager
async def lease_kept(
    repository: Repository,
    caller: Caller,
    conversation_id: str,
    turn_id: str,
    clock: Clock,
    lost: Callable[[], None],
) -> AsyncIterator[None]:
    """Renew the lease of a turn every 20 seconds while the context is open. lost: called when it can't be."""

    def renewed(conversation: Conversation) -> Change:
        require_lease(conversation, turn_id)
        return Change(conversation.changed(lease_until=clock() + LEASE_MS))

    async def renew() -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                await repository.change(caller, conversation_id, renewed, deleted=True)
            except (TurnLost, NotFound):
                lost()
                return
            except Exception as error:
                logger.error("the lease of turn %s could not be renewed: %s", turn_id, trace(error))

    renewing = asyncio.create_task(renew())
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.wait([renewing])
