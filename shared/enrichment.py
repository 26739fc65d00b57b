"""Background work: does what is due, and sees to what fails.

What is to be done follows from the document alone (`shared.due`), so an event may come twice, late or never.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from shared.clock import Clock
from shared.descriptions import Descriptions
from shared.due import MAX_FAILURES
from shared.errors import NotFound, ServiceError, Unavailable
from shared.logs import trace
from shared.models import Caller, Conversation, DueWork, Message
from shared.repository import BackgroundRepository, Change, Repository
from shared.telemetry import instruments

# Documents worked on at the same time.
CONCURRENCY = 8
# A clock ahead of ours may have set dueAt.
CLOCK_SKEW_MS = 5_000
# A document that failed waits 30 s, doubling up to an hour: some five hours until it is put aside.
PAUSE_MS, LONGEST_PAUSE_MS = 30_000, 3_600_000

Pausable = TypeVar("Pausable", Conversation, Message)

logger = logging.getLogger(__name__)


def due_work(documents: Iterable[Mapping[str, Any]], now: int) -> list[DueWork]:
    """The work that is due among documents from the change feed, each document once."""
    due = {
        DueWork(Caller(document["tenantId"], document["userId"]), document["type"], document["id"])
        for document in documents
        if document.get("type") in ("conversation", "message") and _is_due(document.get("dueAt"), now)
    }
    return sorted(due, key=lambda work: work.id)


def _is_due(at: object, now: int) -> bool:
    return isinstance(at, int) and at <= now + CLOCK_SKEW_MS


class Enrichment:
    """Has titles and summaries written that are due."""

    def __init__(
        self,
        repository: Repository,
        background: BackgroundRepository,
        descriptions: Descriptions,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._background = background
        self._descriptions = descriptions
        self._clock = clock

    async def enrich(self, works: Iterable[DueWork]) -> None:
        """Do the work on each document; one that fails never holds up the rest.

        Raises Unavailable, after all have been tried, where the database was away for every one of them; what
        it was away for now and then stays due, for the sweep.
        """
        slots = asyncio.Semaphore(CONCURRENCY)

        async def one(work: DueWork) -> None:
            async with slots:
                await self._enrich_one(work)

        results = await asyncio.gather(*map(one, works), return_exceptions=True)
        failures = [result for result in results if isinstance(result, BaseException)]
        if failures and len(failures) == len(results):
            raise failures[0]

    async def _enrich_one(self, work: DueWork) -> None:
        try:
            try:
                await self._work_on(work)
            except (NotFound, Unavailable):
                raise
            except Exception as error:
                await self._postpone(work, error)
        except NotFound:
            logger.info("%s is gone before its background work", work.id)
        except Unavailable:
            raise
        except Exception as error:  # not even its failure can be noted on it
            await self._put_aside(work, error, failures=1)

    async def _work_on(self, work: DueWork) -> None:
        if work.type == "conversation":
            await self._descriptions.describe_conversation(work.owner, work.id)
        else:
            await self._descriptions.describe_message(work.owner, work.id)

    async def _postpone(self, work: DueWork, error: Exception) -> None:
        """Try again later, longer each time; in the end put it aside as a dead letter."""
        logger.warning("background work on %s failed: %s", work.id, trace(error))
        if work.type == "conversation":
            done = await self._repository.change(work.owner, work.id, lambda c: Change(self._paused(c)))
            failures = done.conversation.failures
        else:
            message = await self._repository.change_message(work.owner, work.id, self._paused)
            failures = message.failures if message else 0
        if failures >= MAX_FAILURES:
            await self._put_aside(work, error, failures)

    async def _put_aside(self, work: DueWork, error: Exception, failures: int) -> None:
        reason = error.code if isinstance(error, ServiceError) else type(error).__name__
        logger.error("background work on %s is given up after %s tries: %s", work.id, failures, reason)
        await self._background.put_aside(work, reason=reason, count=failures, now=self._clock())
        instruments().dead_letters.add(1, {"kind": work.type, "reason": reason})

    def _paused(self, document: Pausable) -> Pausable:
        failures = document.failures + 1
        pause = min(PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS)
        return document.changed(failures=failures, due_at=self._clock() + pause)
