"""Background titles and summaries.

What is to be done follows from the document alone (`shared.due`), so an event may come twice, late or never.
The model's results are applied to the current version of the document: a title that a person gave stays, and
an older summary never replaces a newer one.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from textwrap import shorten
from typing import Any, TypeVar

from shared.ai import Model, Prompt, SummaryText
from shared.clock import Clock
from shared.due import due_at, needs_line, needs_summary, needs_title, not_summarised
from shared.errors import ModelFailure, NotFound, ServiceError, Unavailable
from shared.idempotency import Once, finished_at_once
from shared.logs import trace
from shared.models import Caller, Conversation, DueWork, Message, Summary, TitleSource
from shared.repository import BackgroundRepository, Change, Repository

# Documents worked on at the same time.
CONCURRENCY = 8
# A clock ahead of ours may have set dueAt.
CLOCK_SKEW_MS = 5_000
# Messages that one summary reads; the next one goes on behind them.
SUMMARY_PAGE = 40
# Seconds after which a document's work is put off, so that one that hangs holds up the others no longer.
DEADLINE_SECONDS = 30
# The first messages, of which a title is made from the few that are no instructions.
TITLE_PAGE, TITLE_MESSAGES = 30, 6
FALLBACK_WORDS, FALLBACK_CHARACTERS = 8, 60
# A document that failed waits 30 s, doubling up to an hour; after five hours or so it is put aside.
PAUSE_MS, LONGEST_PAUSE_MS = 30_000, 3_600_000
MAX_FAILURES = 12

Pausable = TypeVar("Pausable", Conversation, Message)

logger = logging.getLogger(__name__)


def due_work(documents: Iterable[Mapping[str, Any]], now: int) -> list[DueWork]:
    """The work that is due among documents from the change feed, each document once."""
    due = {
        DueWork(Caller(document["tenantId"], document["userId"]), document["type"], document["id"])
        for document in documents
        if document.get("dueAt") is not None and document["dueAt"] <= now + CLOCK_SKEW_MS
    }
    return sorted(due, key=lambda work: work.id)


class Enrichment:
    """Writes titles, summaries and one-line summaries of long messages."""

    def __init__(
        self, repository: Repository, background: BackgroundRepository, model: Model, clock: Clock
    ) -> None:
        self._repository = repository
        self._background = background
        self._model = model
        self._clock = clock

    async def enrich(self, works: Iterable[DueWork]) -> None:
        """Do the work on each document; one that fails never holds up the rest.

        Raises Unavailable, after all have been tried, where the database was away: that concerns the batch.
        """
        slots = asyncio.Semaphore(CONCURRENCY)

        async def one(work: DueWork) -> None:
            async with slots:
                await self._enrich_one(work)

        results = await asyncio.gather(*map(one, works), return_exceptions=True)
        for failure in results:
            if isinstance(failure, BaseException):
                raise failure

    async def _enrich_one(self, work: DueWork) -> None:
        try:
            try:
                async with asyncio.timeout(DEADLINE_SECONDS):
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
            await self._conversation(work.owner, work.id)
        else:
            await self._message(work.owner, work.id)

    async def _conversation(self, owner: Caller, identifier: str) -> None:
        """Title and summary; a title that fails doesn't keep the summary from being written."""
        conversation = await self._repository.conversation(owner, identifier)
        untitled: Exception | None = None
        if needs_title(conversation):
            try:
                conversation = await self._give_title(owner, conversation)
            except ModelFailure as error:
                untitled = error
                conversation = await self._repository.conversation(owner, identifier)
        while needs_summary(conversation):
            conversation = await self._summarise(owner, conversation)
        if untitled:
            raise untitled
        if conversation.due_at is not None:
            await self._repository.change(owner, identifier, self._settled, known=conversation)

    async def refresh_summary(
        self, caller: Caller, identifier: str, once: Once | None = None
    ) -> Conversation:
        """Summarise what lies past the summary now, however little; raises the model's failure."""
        conversation = await self._repository.conversation(caller, identifier)
        while not_summarised(conversation) > 0:
            before = conversation.summary
            conversation = await self._summarise(caller, conversation)
            if conversation.summary == before:  # the rest is in progress
                break

        def refreshed(conversation: Conversation) -> Change:
            return Change(conversation, receipt=finished_at_once(once, caller, self._clock(), conversation))

        return (await self._repository.change(caller, identifier, refreshed, known=conversation)).conversation

    async def _give_title(self, owner: Caller, conversation: Conversation) -> Conversation:
        page = await self._repository.page_of_messages(owner, conversation.id, order="asc", limit=TITLE_PAGE)
        messages = [
            message for message in page.items if _says_something(message) and message.role != "system"
        ]
        messages = messages[:TITLE_MESSAGES]
        try:
            title = await self._model.title(_prompts(messages))
        except ModelFailure:
            await self._set_title(owner, conversation, fallback_title(messages), "fallback")
            raise
        return await self._set_title(owner, conversation, title, "auto")

    async def _set_title(
        self, owner: Caller, known: Conversation, title: str, source: TitleSource
    ) -> Conversation:
        def titled(conversation: Conversation) -> Change:
            if conversation.title_source == "user":
                return Change(conversation)
            named = conversation.changed(title=title, title_source=source)
            return self._settled(named) if source == "auto" else Change(named)

        return (await self._repository.change(owner, known.id, titled, known=known)).conversation

    async def _summarise(self, owner: Caller, conversation: Conversation) -> Conversation:
        """Roll the summary forward over the next messages, never over one in progress."""
        old = conversation.summary
        page = await self._repository.page_of_messages(
            owner, conversation.id, order="asc", limit=SUMMARY_PAGE, above=old.through_seq if old else 0
        )
        finished = list(takewhile(lambda message: message.status != "in_progress", page.items))
        if not finished:
            return await self._nothing_finished(owner, conversation)
        previous = SummaryText(old.text, old.highlights, old.model) if old else None
        text = await self._model.summary(previous, _prompts(filter(_says_something, finished)))
        summary = Summary(
            text=text.text,
            highlights=text.highlights,
            through_seq=finished[-1].seq,
            message_count=(old.message_count if old else 0) + len(finished),
            model=text.model,
            updated_at=self._clock(),
        )

        def summarised(conversation: Conversation) -> Change:
            if conversation.summary and conversation.summary.through_seq >= summary.through_seq:
                return Change(conversation)
            return self._settled(conversation.changed(summary=summary))

        return (
            await self._repository.change(owner, conversation.id, summarised, known=conversation)
        ).conversation

    async def _nothing_finished(self, owner: Caller, conversation: Conversation) -> Conversation:
        """A turn has begun meanwhile, and its end makes the summary due again; else the counts are wrong."""
        current = await self._repository.conversation(owner, conversation.id)
        if needs_summary(current):
            raise LookupError("no finished messages where the counts say there are some")
        return current

    def _settled(self, conversation: Conversation) -> Change:
        """Due again if there is more to do, no longer if not."""
        return Change(conversation.changed(due_at=due_at(conversation, self._clock()), failures=0))

    async def _message(self, owner: Caller, identifier: str) -> None:
        message = await self._repository.find_message(owner, identifier)
        if message is None:
            return
        line = await self._model.line(message.content) if needs_line(message) else message.summary

        def summarised(message: Message) -> Message:
            return message.changed(summary=line, due_at=None, failures=0)

        await self._repository.change_message(owner, identifier, summarised)

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

    def _paused(self, document: Pausable) -> Pausable:
        failures = document.failures + 1
        pause = min(PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS)
        return document.changed(failures=failures, due_at=self._clock() + pause)


def fallback_title(messages: Sequence[Message]) -> str:
    """The first words of the first user message."""
    first = next((message for message in messages if message.role == "user"), None)
    words = first.content.split()[:FALLBACK_WORDS] if first else []
    return shorten(" ".join(words), FALLBACK_CHARACTERS, placeholder="…") or "New conversation"


def _says_something(message: Message) -> bool:
    return bool(message.content) and message.status != "failed"


def _prompts(messages: Iterable[Message]) -> list[Prompt]:
    return [Prompt(message.role, message.content) for message in messages]
