"""Titles, summaries, and one-line summaries of long messages, written by the model.

The model's results are applied to the current version of the document: a title that a person gave stays, and
an older summary never replaces a newer one.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from itertools import dropwhile, takewhile
from textwrap import shorten

from shared.ai import Model, Prompt, SummaryText
from shared.clock import Clock
from shared.due import due_at, needs_line, needs_summary, needs_title, not_summarised
from shared.errors import ModelFailure, ModelTimeout, NotFound
from shared.idempotency import Once, finished_at_once
from shared.models import Caller, Conversation, Message, Summary, TitleSource
from shared.repository import Change, Repository
from shared.telemetry import instruments

# Messages that one summary reads; the next one goes on behind them.
SUMMARY_PAGE = 40
# Summaries that one request to refresh rolls forward.
MAX_REFRESH = 10
# Seconds for one call of the model, so that one that hangs holds up others no longer.
DEADLINE_SECONDS = 30
# The first messages, of which a title is made from the few that are no instructions.
TITLE_PAGE, TITLE_MESSAGES = 30, 6
FALLBACK_WORDS, FALLBACK_CHARACTERS = 8, 60


class Descriptions:
    """Says in few words what a conversation or a message is about."""

    def __init__(self, repository: Repository, model: Model, clock: Clock) -> None:
        self._repository = repository
        self._model = model
        self._clock = clock

    async def describe_conversation(self, owner: Caller, identifier: str) -> None:
        """Title and summary; a title that fails doesn't keep the summary from being written."""
        conversation = await self._repository.conversation(owner, identifier)
        untitled: Exception | None = None
        if needs_title(conversation):
            try:
                conversation = await self._give_title(owner, conversation)
            except ModelFailure as error:
                untitled = error
                conversation = await self._repository.conversation(owner, identifier)
        if needs_summary(conversation):  # once: what is left comes back with the change feed
            conversation = await self._summarise(owner, conversation)
        if untitled:
            raise untitled
        if conversation.due_at is not None and due_at(conversation, self._clock()) is None:
            await self._repository.change(owner, identifier, self._settled, known=conversation)

    async def describe_message(self, owner: Caller, identifier: str) -> None:
        """A long message's one line, unless its conversation is deleted."""
        message = await self._repository.find_message(owner, identifier)
        if message is None:
            return
        line = message.summary
        if needs_line(message) and await self._is_there(owner, message.conversation_id):
            async with _deadline():
                line = await self._model.line(message.content)

        def summarised(message: Message) -> Message:
            return message.changed(summary=line, due_at=None, failures=0)

        await self._repository.change_message(owner, identifier, summarised)

    async def _is_there(self, owner: Caller, conversation_id: str) -> bool:
        try:
            await self._repository.conversation(owner, conversation_id)
        except NotFound:
            return False
        return True

    async def refresh_summary(
        self, caller: Caller, identifier: str, if_match: str | None = None, once: Once | None = None
    ) -> Conversation:
        """Summarise what lies past the summary now, however little; raises the model's failure."""
        conversation = await self._repository.conversation(caller, identifier)
        conversation.require_version(if_match)
        for _ in range(MAX_REFRESH):
            if not_summarised(conversation) == 0:
                break
            before = conversation
            conversation = await self._summarise(caller, conversation)
            same = conversation.summary == before.summary
            if same and conversation.removals == before.removals:  # the rest is in progress
                break

        def refreshed(conversation: Conversation) -> Change:
            return Change(
                conversation, receipt=finished_at_once(once, caller, self._clock(), conversation, identifier)
            )

        return (await self._repository.change(caller, identifier, refreshed, known=conversation)).conversation

    async def _give_title(self, owner: Caller, conversation: Conversation) -> Conversation:
        page = await self._repository.page_of_messages(owner, conversation, order="asc", limit=TITLE_PAGE)
        messages = [
            message for message in page.items if _says_something(message) and message.role != "system"
        ]
        messages = _from_the_first_question(messages)[:TITLE_MESSAGES]
        try:
            async with _deadline():
                title = await self._model.title(_prompts(messages))
        except ModelFailure:
            await self._set_title(owner, conversation, fallback_title(messages), "fallback")
            raise
        titled = await self._set_title(owner, conversation, title, "auto")
        self._note_lag(conversation, messages)
        return titled

    def _note_lag(self, known: Conversation, messages: Sequence[Message]) -> None:
        """How long it took from being due; a failure has put that off, so then from the first question."""
        since = messages[0].created_at if known.failures and messages else known.due_at
        if since is not None:
            instruments().title_lag.record(max(0, self._clock() - since) / 1000)

    async def _set_title(
        self, owner: Caller, known: Conversation, title: str, source: TitleSource
    ) -> Conversation:
        def titled(conversation: Conversation) -> Change:
            if conversation.title_source not in (None, "fallback"):
                return Change(conversation)
            named = conversation.changed(title=title, title_source=source)
            return self._settled(named) if source == "auto" else Change(named)

        return (await self._repository.change(owner, known.id, titled, known=known)).conversation

    async def _summarise(self, owner: Caller, known: Conversation) -> Conversation:
        """Roll the summary forward over the next messages, never over one in progress.

        It is dropped if messages were deleted or came back meanwhile: it may tell of what is gone.
        """
        old = known.summary
        page = await self._repository.page_of_messages(
            owner, known, order="asc", limit=SUMMARY_PAGE, above=old.through_seq if old else 0
        )
        finished = list(takewhile(lambda message: message.status != "in_progress", page.items))
        if not finished:
            return await self._nothing_finished(owner, known)
        previous = SummaryText(old.text, old.highlights, old.model) if old else None
        async with _deadline():
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
            older = conversation.summary and conversation.summary.through_seq >= summary.through_seq
            if older or conversation.removals != known.removals:
                return Change(conversation)
            return self._settled(conversation.changed(summary=summary))

        return (await self._repository.change(owner, known.id, summarised, known=known)).conversation

    async def _nothing_finished(self, owner: Caller, conversation: Conversation) -> Conversation:
        """A turn has begun meanwhile, and its end makes the summary due again; else the counts are wrong."""
        current = await self._repository.conversation(owner, conversation.id)
        if needs_summary(current):
            raise LookupError("no finished messages where the counts say there are some")
        return current

    def _settled(self, conversation: Conversation) -> Change:
        """Due again if there is more to do, no longer if not."""
        return Change(conversation.changed(due_at=due_at(conversation, self._clock()), failures=0))


def fallback_title(messages: Sequence[Message]) -> str:
    """The first words of the first user message."""
    first = next((message for message in messages if message.role == "user"), None)
    words = first.content.split()[:FALLBACK_WORDS] if first else []
    return shorten(" ".join(words), FALLBACK_CHARACTERS, placeholder="…") or "New conversation"


@asynccontextmanager
async def _deadline() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            yield
    except TimeoutError as error:
        raise ModelTimeout("The model took too long.") from error


def _from_the_first_question(messages: list[Message]) -> list[Message]:
    """Without what was said before a user said anything."""
    return list(dropwhile(lambda message: message.role != "user", messages)) or messages


def _says_something(message: Message) -> bool:
    return bool(message.content) and message.status != "failed"


def _prompts(messages: Iterable[Message]) -> list[Prompt]:
    return [Prompt(message.role, message.content) for message in messages]
