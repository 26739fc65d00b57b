"""Finds what no event has brought about: due work that was missed, and turns whose server has died."""

import logging

from shared.clock import Clock
from shared.enrichment import Enrichment
from shared.errors import NotFound
from shared.logs import trace
from shared.models import DueWork
from shared.repository import BackgroundRepository, Repository
from shared.turns import Endings

# The change feed has this long before the sweep takes it that the work was missed.
GRACE_MS = 60_000
BATCH = 50

logger = logging.getLogger(__name__)


class Sweep:
    """Run by a timer; safe when two run at once, for all it does is conditional on the document."""

    def __init__(
        self,
        repository: Repository,
        background: BackgroundRepository,
        endings: Endings,
        enrichment: Enrichment,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._background = background
        self._endings = endings
        self._enrichment = enrichment
        self._clock = clock

    async def run(self) -> None:
        """Close dead turns, then do the work that is overdue; what fails is left for the next run."""
        async for work in self._background.expired_leases(self._clock()):
            try:
                conversation = await self._repository.conversation(work.owner, work.id, deleted=True)
                await self._endings.close_expired(work.owner, conversation)
            except NotFound:
                continue
            except Exception as error:
                logger.error("the turn in %s could not be closed: %s", work.id, trace(error))
        batch: list[DueWork] = []
        async for work in self._background.due(self._clock() - GRACE_MS):
            batch.append(work)
            if len(batch) == BATCH:
                await self._enrichment.enrich(batch)
                batch = []
        await self._enrichment.enrich(batch)
