"""What a caller can do with conversations."""

from dataclasses import dataclass

from shared.clock import Clock
from shared.due import due_at
from shared.idempotency import Once, finished_at_once
from shared.ids import new_id
from shared.models import Activity, Caller, Conversation, EntityType, Page
from shared.repository import Change, Order, Repository

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


class Conversations:
    """Starts, lists, renames, deletes and restores conversations."""

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

        def renamed(conversation: Conversation) -> Change:
            named = conversation.changed(title=title, title_source="user")
            return Change(named.changed(due_at=due_at(named, self._clock())))

        done = await self._repository.change(caller, identifier, renamed, if_match=if_match)
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


def activity_key(conversation_id: str, last_at: int) -> str:
    """The sort key of the lists: the padded time of the last activity, ties broken by the id's ULID."""
    return f"{last_at:015d}{conversation_id.removeprefix('conv_')}"


def active_at(conversation: Conversation, now: int) -> Conversation:
    """The conversation with its last activity now, in its place in the lists unless it is deleted."""
    last_at = max(now, conversation.activity.last_at)
    return conversation.changed(
        activity=conversation.activity.model_copy(update={"last_at": last_at}),
        activity_key=None if conversation.deleted_at else activity_key(conversation.id, last_at),
    )
