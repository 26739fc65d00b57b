"""What a caller can do with conversations."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from shared.clock import Clock
from shared.due import due_at
from shared.errors import InvalidRequest
from shared.idempotency import Once, finished_at_once
from shared.ids import new_id
from shared.models import MAX_METADATA, Activity, Caller, Conversation, Ended, EntityType, Page
from shared.repository import Change, Order, Repository
from shared.transitions import active_at, activity_key, reopened, require_active

# How long a deleted conversation can be restored.
RETENTION_MS = 30 * 24 * 60 * 60 * 1000


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationUpdate:
    """What a caller wants changed. fields: their new values by name. metadata: merged; None removes a key."""

    fields: dict[str, Any]
    metadata: dict[str, str | None]


class Conversations:
    """Starts, lists, changes, ends, deletes and restores conversations."""

    def __init__(self, repository: Repository, clock: Clock) -> None:
        self._repository = repository
        self._clock = clock

    async def create(
        self, caller: Caller, draft: ConversationDraft, once: Once | None = None
    ) -> Conversation:
        """Start a conversation, owned by the caller."""
        now = self._clock()
        identifier = new_id("conv", now)
        conversation = Conversation(
            id=identifier,
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
            activity_key=activity_key(identifier, now),
        )
        receipt = finished_at_once(once, caller, now, conversation)
        return await self._repository.create(caller, conversation, receipt)

    async def get(self, caller: Caller, identifier: str) -> Conversation:
        """One conversation that is not deleted."""
        return await self._repository.conversation(caller, identifier)

    async def page(
        self, caller: Caller, *, order: Order, limit: int, after: str | None
    ) -> Page[Conversation]:
        """The caller's conversations by last activity, behind the activity key `after`."""
        return await self._repository.page_of_conversations(caller, order=order, limit=limit, after=after)

    async def rename(self, caller: Caller, identifier: str, title: str, if_match: str | None) -> Conversation:
        """Give it a title that nothing automatic will ever replace."""
        update = ConversationUpdate(fields={"title": title}, metadata={})
        return await self.update(caller, identifier, update, if_match)

    async def update(
        self, caller: Caller, identifier: str, update: ConversationUpdate, if_match: str | None
    ) -> Conversation:
        """Change some of its fields; what isn't named stays."""

        def updated(conversation: Conversation) -> Change:
            changed = conversation.changed(**update.fields)
            if "title" in update.fields:
                changed = changed.changed(title_source="user")
            if update.metadata:
                changed = changed.changed(metadata=_merged(conversation.metadata, update.metadata))
            return Change(changed.changed(due_at=due_at(changed, self._clock())))

        done = await self._repository.change(caller, identifier, updated, if_match=if_match)
        return done.conversation

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
        """From one status to another."""

        def change(conversation: Conversation) -> Change:
            now, there = self._clock(), moved(conversation)
            there = there.changed(due_at=due_at(there, now))
            return Change(there, receipt=finished_at_once(once, caller, now, there))

        done = await self._repository.change(caller, identifier, change, if_match=if_match)
        return done.conversation

    async def delete(self, caller: Caller, identifier: str, if_match: str | None) -> Conversation:
        """Put it out of sight; it can be restored until it expires."""

        def deleted(conversation: Conversation) -> Change:
            now = self._clock()
            return Change(
                conversation.changed(
                    deleted_at=now, expires_at=now + RETENTION_MS, activity_key=None, due_at=None
                )
            )

        done = await self._repository.change(caller, identifier, deleted, if_match=if_match)
        return done.conversation

    async def restore(
        self, caller: Caller, identifier: str, if_match: str | None, once: Once | None = None
    ) -> Conversation:
        """Bring a deleted one back as it was; one that isn't deleted stays as it is."""

        def restored(conversation: Conversation) -> Change:
            now = self._clock()
            if conversation.deleted_at is not None:
                back = conversation.changed(deleted_at=None, expires_at=None)
                back = active_at(back, conversation.activity.last_at)
                conversation = back.changed(due_at=due_at(back, now))
            return Change(conversation, receipt=finished_at_once(once, caller, now, conversation))

        done = await self._repository.change(caller, identifier, restored, if_match=if_match, deleted=True)
        return done.conversation


def _merged(metadata: dict[str, str], changes: dict[str, str | None]) -> dict[str, str]:
    merged = {name: value for name, value in (metadata | changes).items() if value is not None}
    if len(merged) > MAX_METADATA:
        raise InvalidRequest(
            f"metadata: would have {len(merged)} pairs; it takes at most {MAX_METADATA}.", param="metadata"
        )
    return merged
