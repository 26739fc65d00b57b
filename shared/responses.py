"""Responses, as OpenAI's clients ask for them: turns that find, or make, their conversation by themselves."""

from dataclasses import dataclass, replace

from shared.clock import Clock
from shared.deletions import Deletions
from shared.idempotency import Once, finished_at_once
from shared.ids import new_id
from shared.models import Activity, Caller, Conversation, Message, TurnOptions
from shared.policy import Policies
from shared.repository import Change, Repository
from shared.transitions import MessageDraft, appended_to, drafted, ready_to_grow
from shared.turns import Question, Run, Turns


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseDraft:
    """What a caller asks for. drafts: the messages, the last of which is answered."""

    drafts: tuple[MessageDraft, ...]
    options: TurnOptions
    conversation_id: str | None = None


class Responses:
    """Creates, reads and deletes responses; adds items."""

    def __init__(
        self,
        repository: Repository,
        turns: Turns,
        deletions: Deletions,
        policies: Policies,
        clock: Clock,
    ) -> None:
        self._repository = repository
        self._turns = turns
        self._deletions = deletions
        self._policies = policies
        self._clock = clock

    async def create(self, caller: Caller, draft: ResponseDraft, once: Once | None = None) -> Run:
        """Have it answered; in the background: have it stored, to be answered soon."""
        conversation_id, question = await self._question(caller, draft)
        return await self._turns.ask(caller, conversation_id, question, once=once)

    async def delete(self, caller: Caller, turn_id: str, if_match: str | None) -> None:
        """Put its answers out of sight; its version is that of the first."""
        turn = await self._turns.get(caller, turn_id)
        for answer in turn.answers:
            await self._deletions.delete(caller, answer.conversation_id, answer.id, if_match)
            if_match = None

    async def inputs(self, caller: Caller, turn_id: str) -> tuple[Message, ...]:
        """The messages that asked, in their order."""
        turn = await self._turns.get(caller, turn_id)
        record = turn.answer.turn
        found = [
            await self._repository.find_message(caller, identifier)
            for identifier in (record.input_ids if record else ())
        ]
        return tuple(message for message in found if message and message.deleted_at is None)

    async def add_items(
        self,
        caller: Caller,
        conversation_id: str,
        drafts: tuple[MessageDraft, ...],
        if_match: str | None = None,
        once: Once | None = None,
    ) -> tuple[Message, ...]:
        """Append messages, all or none."""
        now = self._clock()
        identifiers = [new_id("msg", now + number) for number in range(len(drafts))]

        def appended(conversation: Conversation) -> Change:
            conversation = ready_to_grow(conversation)
            added: list[Message] = []
            for draft, identifier in zip(drafts, identifiers, strict=True):
                added.append(drafted(conversation, identifier, draft, now))
                conversation = appended_to(conversation, added[-1])
            receipt = finished_at_once(once, caller, now, tuple(added), conversation_id)
            return Change(conversation, created=tuple(added), receipt=receipt)

        done = await self._repository.change(caller, conversation_id, appended, if_match=if_match)
        return done.messages

    async def _question(self, caller: Caller, draft: ResponseDraft) -> tuple[str, Question]:
        """Where to ask, and what."""
        question = Question(drafts=draft.drafts, options=draft.options)
        if draft.conversation_id is not None:
            return draft.conversation_id, question
        if previous_id := draft.options.previous_response_id:
            previous = await self._turns.record(caller, previous_id)
            ephemeral = previous.turn is not None and previous.turn.options.ephemeral
            options = draft.options.model_copy(update={"ephemeral": ephemeral})
            return previous.conversation_id, replace(question, options=options, previous=previous)
        options = draft.options.model_copy(update={"ephemeral": True})
        return await self._ephemeral(caller), replace(question, options=options)

    async def _ephemeral(self, caller: Caller) -> str:
        """A conversation that no list shows, removed when a deleted one would be."""
        now = self._clock()
        policy = await self._policies.of(caller.tenant_id)
        made = Conversation(
            id=new_id("conv", now),
            tenant_id=caller.tenant_id,
            user_id=caller.user_id,
            user_email=caller.email,
            created_at=now,
            activity=Activity(last_at=now),
            ephemeral=True,
            purge_at=now + policy.retention_ms,
        )
        return (await self._repository.create(caller, made)).id
