"""When background work is due on a document. It follows from the document alone, never from an event seen."""

from shared.models import Conversation, Message

# Finished messages past the last summary that make the next one due.
SUMMARY_EVERY = 6
# Characters above which a message gets a one-line summary of its own.
LONG_MESSAGE = 1_500
# Failures in a row after which a document's work is put aside.
MAX_FAILURES = 12


def needs_title(conversation: Conversation) -> bool:
    """It has a user message, no turn runs, and nobody has named it; a fallback title is not the last word."""
    return (
        _at_rest(conversation)
        and conversation.activity.user_messages > 0
        and conversation.title_source in (None, "fallback")
    )


def needs_summary(conversation: Conversation) -> bool:
    """Enough finished messages lie past its summary, or any where it has ended; and no turn runs."""
    enough = 1 if conversation.status == "ended" else SUMMARY_EVERY
    return _at_rest(conversation) and not_summarised(conversation) >= enough


def not_summarised(conversation: Conversation) -> int:
    """How many messages lie past its summary."""
    covered = conversation.summary.message_count if conversation.summary else 0
    return conversation.activity.message_count - covered


def needs_line(message: Message) -> bool:
    """It is long, finished, and has no one-line summary yet."""
    return (
        len(message.content) > LONG_MESSAGE
        and message.status != "in_progress"
        and message.summary is None
        and message.deleted_at is None
    )


def due_at(conversation: Conversation, now: int) -> int | None:
    """When work on it is due: a time that is set already stays, for it may be a pause after a failure.

    What has failed too often is not due again until somebody replays it.
    """
    if conversation.lease is not None:
        return conversation.due_at
    if not (needs_title(conversation) or needs_summary(conversation)):
        return None
    return conversation.due_at or (now if conversation.failures < MAX_FAILURES else None)


def _at_rest(conversation: Conversation) -> bool:
    return conversation.lease is None and conversation.deleted_at is None and not conversation.ephemeral
