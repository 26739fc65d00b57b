"""How a conversation and its messages change: plain functions from what is to what shall be.

The use cases put them together into transitions, which `Repository.change` computes anew from the current
version whenever another write came first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.ai import Answer
from shared.due import due_at, needs_line
from shared.errors import ConversationBusy, ConversationNotActive, InvalidRequest
from shared.models import MAX_CONTENT, Activity, Conversation, IncompleteReason, Leaf, Message, Role, Usage
from shared.paths import MAX_STRETCHES, Path, before, branching_off, going_on


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDraft:
    """What a caller says of a new message.

    parent_id: the message to go on from; by default the leaf. edited_from: the one to stand beside, instead.
    """

    content: str
    role: Role = "user"
    parent_id: str | None = None
    edited_from: str | None = None
    display_text: str | None = None
    is_json: bool = False
    question_config: dict[str, Any] | None = None
    prompt_details: dict[str, Any] | None = None
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the tree a message is added: its parent, the path to it, whether that is its branch's end."""

    parent_id: str | None
    path: Path
    tip: bool = False

    def path_of(self, seq: int) -> Path:
        """The path of the message that is added here. InvalidRequest where it has branched too often."""
        path = (going_on if self.tip else branching_off)(self.path, seq)
        if len(path) > MAX_STRETCHES:
            raise InvalidRequest(
                f"The path has branched off {MAX_STRETCHES} times; fork the conversation to go on.",
                param="parent_id",
            )
        return path


def at_leaf(conversation: Conversation) -> Place:
    """Behind the leaf."""
    leaf = conversation.leaf
    return Place(leaf.id, leaf.path, leaf.tip) if leaf else Place(None, ())


def behind(conversation: Conversation, parent: Message) -> Place:
    """Behind any message: a new branch, unless it is the leaf."""
    if conversation.leaf_message_id == parent.id:
        return at_leaf(conversation)
    return Place(parent.id, parent.path)


def beside(message: Message) -> Place:
    """Behind the parent of a message, as its sibling."""
    return Place(message.parent_id, before(message.path))


def require_free(conversation: Conversation) -> None:
    """Refuse what a running turn forbids."""
    if conversation.lease is not None:
        raise ConversationBusy(
            "A turn is running in this conversation; wait until it has ended.", retry_after=2
        )


def require_active(conversation: Conversation) -> None:
    """Refuse what only an active conversation takes."""
    if conversation.status != "active":
        raise ConversationNotActive(f"The conversation is {conversation.status}; reopen it first.")


def reopened(conversation: Conversation) -> Conversation:
    """The conversation, active; what it was rated stays."""
    return conversation.changed(status="active", ended=None)


def ready_to_grow(conversation: Conversation) -> Conversation:
    """The conversation, if it takes messages; one that inactivity has ended is reopened by them."""
    if conversation.ended and conversation.ended.reason == "inactivity":
        conversation = reopened(conversation)
    require_active(conversation)
    return conversation


def active_at(conversation: Conversation, now: int) -> Conversation:
    """The conversation with its last activity now."""
    last_at = max(now, conversation.activity.last_at)
    return conversation.changed(activity=conversation.activity.model_copy(update={"last_at": last_at}))


def drafted(
    conversation: Conversation, identifier: str, draft: MessageDraft, now: int, place: Place | None = None
) -> Message:
    """The message that a draft becomes as the next one of a conversation; by default behind the leaf."""
    place = place or at_leaf(conversation)
    message = Message(
        id=identifier,
        tenant_id=conversation.tenant_id,
        user_id=conversation.user_id,
        conversation_id=conversation.id,
        seq=conversation.next_seq,
        path=place.path_of(conversation.next_seq),
        parent_id=place.parent_id,
        edited_from=draft.edited_from,
        role=draft.role,
        content=draft.content,
        display_text=draft.display_text,
        is_json=draft.is_json,
        question_config=draft.question_config,
        prompt_details=draft.prompt_details,
        metadata=draft.metadata,
        created_at=now,
        updated_at=now,
    )
    return message.changed(due_at=now) if needs_line(message) else message


def counted(activity: Activity, message: Message, by: int = 1) -> Activity:
    """The counts with a message that the list shows more, or (by: -1) less."""
    role = f"{message.role}_messages"
    changes = {
        role: by,
        "characters": by * len(message.content),
        "failed_answers": by * (message.status == "failed"),
        "liked": by * (message.liked is True),
        "disliked": by * (message.liked is False),
        "ratings": by * (message.rating is not None),
        "rating_sum": by * (message.rating or 0),
    }
    return activity.model_copy(
        update={name: getattr(activity, name) + change for name, change in changes.items()}
    )


def recounted(conversation: Conversation, old: Message, new: Message) -> Conversation:
    """The conversation whose counts have one version of a message in place of another."""
    activity = counted(counted(conversation.activity, old, by=-1), new)
    return conversation.changed(activity=activity)


def appended_to(conversation: Conversation, message: Message) -> Conversation:
    """The conversation with one message more: counted, the new leaf, at the top of the list."""
    activity = counted(conversation.activity, message)
    grown = conversation.changed(
        next_seq=message.seq + 1,
        leaf=Leaf(id=message.id, path=message.path),
        activity=activity.model_copy(update={"last_message_id": message.id}),
    )
    grown = active_at(grown, message.created_at)
    return grown.changed(due_at=due_at(grown, message.created_at))


def turn_ended(
    conversation: Conversation, answers: Sequence[tuple[Message, Message]], charge: float
) -> Conversation:
    """The conversation with the answers counted (before, after), and what the turn has taken.

    charge: in request units.
    """
    for empty, answer in answers:
        conversation = recounted(conversation, empty, answer)
    first, activity = answers[0][1], conversation.activity
    took = max(0, first.updated_at - first.created_at)
    used = [answer.usage for _, answer in answers if answer.usage]
    return conversation.changed(
        activity=activity.model_copy(
            update={
                "turns": activity.turns + 1,
                "answer_ms": activity.answer_ms + took,
                "first_answer_ms": took if activity.first_answer_ms is None else activity.first_answer_ms,
                "input_tokens": activity.input_tokens + sum(usage.input_tokens for usage in used),
                "output_tokens": activity.output_tokens + sum(usage.output_tokens for usage in used),
                "request_units": round(activity.request_units + charge, 2),
            }
        )
    )


def answered(empty: Message, answer: Answer, now: int) -> Message:
    """The answer's message, finished; one too long for a message is cut as if the model had stopped there."""
    reason = answer.incomplete_reason
    if len(answer.content) > MAX_CONTENT:
        reason = "max_output_tokens"
    finished = empty.changed(
        content=answer.content[:MAX_CONTENT],
        status="incomplete" if reason else "completed",
        incomplete_reason=reason,
        model=answer.model,
        usage=Usage(input_tokens=answer.usage.input_tokens, output_tokens=answer.usage.output_tokens),
        updated_at=now,
    )
    return finished.changed(due_at=now) if needs_line(finished) else finished


def failed(empty: Message, error: str, now: int, text: str = "") -> Message:
    """The message of an answer that the model didn't give, or broke off. error: its code."""
    turn = empty.turn and empty.turn.model_copy(update={"error": error, "queued": False})
    return empty.changed(status="failed", content=text[:MAX_CONTENT], turn=turn, updated_at=now)


def stopped(empty: Message, reason: IncompleteReason, now: int, text: str = "") -> Message:
    """The message of an answer that was cancelled, or whose server didn't live to finish it."""
    turn = empty.turn and empty.turn.model_copy(update={"queued": False})
    cut = empty.changed(
        status="incomplete",
        incomplete_reason=reason,
        content=text[:MAX_CONTENT],
        turn=turn,
        updated_at=now,
    )
    return cut.changed(due_at=now) if needs_line(cut) else cut
