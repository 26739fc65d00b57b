"""What a caller can do with conversations."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.clock import Clock
from shared.due import due_at
from shared.errors import NotFound
from shared.filters import ConversationFilter, Order, Sort
from shared.idempotency import Once, finished_at_once
from shared.ids import new_id
from shared.metadata import merged
from shared.models import Activity, Caller, Conversation, Ended, EntityType, Message, Page
from shared.policy import Policies
from shared.repository import Change, Repository
from shared.transitions import MessageDraft, appended_to, drafted, reopened, require_active


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationDraft:
    """What a caller says of a new conversation."""

    title: str | None = None
    product: str | None = None
    agent_id: str | None = None
    entity_type: EntityType | None = None
    org_id: str | None = None
    instructions: str | None = None
    metadata: dict[str, str]
    tags: tuple[str, ...] = ()
    pinned: bool = False
    messages: tuple[MessageDraft, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationUpdate:
    """What a caller wants changed. fields: their new values by name. metadata: merged; None removes a key."""

    fields: dict[str, Any]
    metadata: dict[str, str | None]


class Conversations:
    """Starts, lists, changes, ends, deletes and restores conversations."""

    def __init__(self, repository: Repository, policies: Policies, clock: Clock) -> None:
        self._repository = repository
        self._policies = policies
        self._clock = clock

    async def create(
        self, caller: Caller, draft: ConversationDraft, once: Once | None = None
    ) -> Conversation:
        """Start a conversation, owned by the caller."""
        if draft.product:
            (await self._policies.of(caller.tenant_id)).check_product(draft.product)
        now = self._clock()
        conversation = Conversation(
            id=new_id("conv", now),
            tenant_id=caller.tenant_id,
            user_id=caller.user_id,
            user_email=caller.email,
            created_at=now,
            title=draft.title,
            title_source="user" if draft.title else None,
            product=draft.product,
            agent_id=draft.agent_id,
            entity_type=draft.entity_type,
            org_id=draft.org_id,
            instructions=draft.instructions,
            metadata=draft.metadata,
            tags=draft.tags,
            pinned=draft.pinned,
            activity=Activity(last_at=now),
        )
        messages: list[Message] = []
        for number, first in enumerate(draft.messages):
            messages.append(drafted(conversation, new_id("msg", now + number), first, now))
            conversation = appended_to(conversation, messages[-1])
        receipt = finished_at_once(once, caller, now, conversation, conversation.id)
        return await self._repository.create(caller, conversation, receipt, tuple(messages))

    async def get(self, caller: Caller, identifier: str) -> Conversation:
        """One conversation that is not deleted."""
        return await self._repository.conversation(caller, identifier)

    async def page(
        self,
        caller: Caller,
        filters: ConversationFilter,
        *,
        sort: Sort,
        order: Order,
        limit: int,
        after: str | None,
    ) -> Page[Conversation]:
        """The caller's conversations that the filters leave, behind a position of this list."""
        return await self._repository.page_of_conversations(
            caller, filters, sort=sort, order=order, limit=limit, after=after
        )

    async def rename(self, caller: Caller, identifier: str, title: str, if_match: str | None) -> Conversation:
        """Give it a title that nothing automatic will ever replace."""
        update = ConversationUpdate(fields={"title": title}, metadata={})
        return await self.update(caller, identifier, update, if_match)

    async def update(
        self, caller: Caller, identifier: str, update: ConversationUpdate, if_match: str | None
    ) -> Conversation:
        """Change some of its fields; what isn't named stays."""
        if product := update.fields.get("product"):
            (await self._policies.of(caller.tenant_id)).check_product(product)

        def updated(conversation: Conversation) -> Change:
            changed = conversation.changed(**update.fields)
            if "title" in update.fields:
                changed = changed.changed(title_source="user")
            if update.metadata:
                changed = changed.changed(metadata=merged(conversation.metadata, update.metadata))
            return Change(changed.changed(due_at=due_at(changed, self._clock())))

        done = await self._repository.change(caller, identifier, updated, if_match=if_match)
        return done.conversation

    async def replace_metadata(
        self,
        caller: Caller,
        identifier: str,
        metadata: dict[str, str],
        if_match: str | None,
        once: Once | None = None,
    ) -> Conversation:
        """Put other metadata in place of all there was."""

        def replaced(conversation: Conversation) -> Conversation:
            return conversation.changed(metadata=metadata)

        return await self._move(caller, identifier, replaced, if_match, once)

    async def end(
        self,
        caller: Caller,
        identifier: str,
        rating: int | None,
        feedback: str | None,
        if_match: str | None,
        once: Once | None = None,
    ) -> Conversation:
        """End an active one: it takes no more messages until it is reopened."""

        def ended(conversation: Conversation) -> Conversation:
            require_active(conversation)
            return conversation.changed(
                status="ended",
                ended=Ended(at=self._clock(), reason="user"),
                rating=conversation.rating if rating is None else rating,
                feedback=conversation.feedback if feedback is None else feedback,
            )

        return await self._move(caller, identifier, ended, if_match, once)

    async def archive(
        self, caller: Caller, identifier: str, if_match: str | None, once: Once | None = None
    ) -> Conversation:
        """Put an active or ended one away; it takes no more messages until it is reopened."""

        def archived(conversation: Conversation) -> Conversation:
            return conversation.changed(status="archived")

        return await self._move(caller, identifier, archived, if_match, once)

    async def reopen(
        self, caller: Caller, identifier: str, if_match: str | None, once: Once | None = None
    ) -> Conversation:
        """Make an ended or archived one active again."""
        return await self._move(caller, identifier, reopened, if_match, once)

    async def _move(
        self,
        caller: Caller,
        identifier: str,
        moved: Callable[[Conversation], Conversation],
        if_match: str | None,
        once: Once | None,
    ) -> Conversation:
        """From one status to another, or a change that an Idempotency-Key may name."""

        def change(conversation: Conversation) -> Change:
            now, there = self._clock(), moved(conversation)
            there = there.changed(due_at=due_at(there, now))
            return Change(there, receipt=finished_at_once(once, caller, now, there, there.id))

        done = await self._repository.change(caller, identifier, change, if_match=if_match)
        return done.conversation

    async def delete(self, caller: Caller, identifier: str, if_match: str | None) -> Conversation:
        """Put it out of sight; it can be restored until it expires."""

        async def deleted(conversation: Conversation) -> Change:
            policy = await self._policies.of(caller.tenant_id)
            now = self._clock()
            expires_at = now + policy.retention_ms
            return Change(conversation.changed(deleted_at=now, expires_at=expires_at, due_at=None))

        done = await self._repository.change(caller, identifier, deleted, if_match=if_match)
        return done.conversation

    async def restore(
        self, caller: Caller, identifier: str, if_match: str | None, once: Once | None = None
    ) -> Conversation:
        """Bring a deleted one back as it was; one that isn't deleted stays as it is."""

        def restored(conversation: Conversation) -> Change:
            now = self._clock()
            if conversation.hidden or (conversation.expires_at or now) < now:
                raise NotFound("conversation", identifier)
            if conversation.deleted_at is not None:
                back = conversation.changed(deleted_at=None, expires_at=None)
                conversation = back.changed(due_at=due_at(back, now))
            return Change(
                conversation, receipt=finished_at_once(once, caller, now, conversation, conversation.id)
            )

        done = await self._repository.change(caller, identifier, restored, if_match=if_match, deleted=True)
        return done.conversation
