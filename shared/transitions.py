"""How a conversation and its messages change: plain functions from what is to what shall be.

The use cases put them together into transitions, which `Repository.change` computes anew from the current
version whenever another write came first.
"""

from dataclasses import dataclass
from typing import Any

from shared.ai import Answer
from shared.due import due_at, needs_line
from shared.errors import ConversationNotActive
from shared.models import MAX_CONTENT, Conversation, Message, Role, Usage, message_key


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDraft:
    """What a caller says of a new message. parent_id: the message to go on from; by default the leaf."""

    content: str
    role: Role = "user"
    parent_id: str | None = None
    display_text: str | None = None
    is_json: bool = False
    question_config: dict[str, Any] | None = None
    prompt_details: dict[str, Any] | None = None
    metadata: dict[str, str]


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


def drafted(conversation: Conversation, identifier: str, draft: MessageDraft, now: int) -> Message:
    """The message that a draft becomes as the next one of a conversation."""
    key = message_key(conversation.id, conversation.next_seq)
    message = Message(
        id=identifier,
        tenant_id=conversation.tenant_id,
        user_id=conversation.user_id,
        conversation_id=conversation.id,
        seq=conversation.next_seq,
        message_key=key,
        system_key=key if draft.role == "system" else None,
        parent_id=draft.parent_id or conversation.leaf_message_id,
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


def appended_to(conversation: Conversation, message: Message) -> Conversation:
    """The conversation with one message more: counted, the new leaf, at the top of the list."""
    activity = conversation.activity
    grown = conversation.changed(
        next_seq=message.seq + 1,
        leaf_message_id=message.id,
        activity=activity.model_copy(
            update={
                "message_count": activity.message_count + 1,
                "user_messages": activity.user_messages + (message.role == "user"),
                "system_messages": activity.system_messages + (message.role == "system"),
                "last_message_id": message.id,
                "branched": activity.branched or message.parent_id != conversation.leaf_message_id,
            }
        ),
    )
    grown = active_at(grown, message.created_at)
    return grown.changed(due_at=due_at(grown, message.created_at))


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


def failed(answer: Message, now: int) -> Message:
    """The message of an answer that the model didn't give."""
    return answer.changed(status="failed", updated_at=now)


def interrupted(answer: Message, now: int) -> Message:
    """The message of an answer whose server didn't live to finish it."""
    return answer.changed(status="incomplete", incomplete_reason="interrupted", updated_at=now)
