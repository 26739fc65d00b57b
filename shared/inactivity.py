"""Ending conversations in which nothing has happened for as long as the tenant says; off by default."""

import logging

from shared.clock import Clock
from shared.due import due_at
from shared.errors import NotFound
from shared.logs import trace
from shared.models import Conversation, DueWork, Ended
from shared.repository import BackgroundRepository, Change, Repository

# Conversations of a tenant that one run of the timer ends.
RUN_LIMIT = 500

logger = logging.getLogger(__name__)


class Inactivity:
    """Run by a timer; safe when two run at once, for a conversation that has come alive is left alone."""

    def __init__(self, repository: Repository, background: BackgroundRepository, clock: Clock) -> None:
        self._repository = repository
        self._background = background
        self._clock = clock

    async def run(self) -> None:
        """End what has been inactive for too long, in every tenant that wants it."""
        async for tenant_id, minutes in self._background.timeouts():
            before, left = self._clock() - minutes * 60_000, RUN_LIMIT
            async for work in self._background.inactive(tenant_id, before):
                await self._end(work, before)
                left -= 1
                if left == 0:
                    break

    async def _end(self, work: DueWork, before: int) -> None:
        def ended(conversation: Conversation) -> Change:
            alive = conversation.activity.last_at >= before or conversation.lease is not None
            if alive or conversation.status != "active":
                return Change(conversation)
            now = self._clock()
            over = conversation.changed(status="ended", ended=Ended(at=now, reason="inactivity"))
            return Change(over.changed(due_at=due_at(over, now)))

        try:
            await self._repository.change(work.owner, work.id, ended)
        except NotFound:
            return
        except Exception as error:
            logger.error("%s could not be ended: %s", work.id, trace(error))
