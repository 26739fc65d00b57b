"""What a conversation's counters say; nothing is read for it but the conversation."""

from typing import Literal, Self

from pydantic import BaseModel

from shared import models


class MessageStatistics(BaseModel):
    """The messages that the list shows. average_length: in characters."""

    total_messages: int
    by_role: dict[models.Role, int]
    average_length: float


class ConversationFlow(BaseModel):
    """How it went. duration_minutes: from the start to the last activity. Seconds: until an answer ended."""

    duration_minutes: float
    turns: int
    average_answer_seconds: float | None
    first_answer_seconds: float | None


class QualityMetrics(BaseModel):
    """What its user thinks. satisfaction_rating: given at the end. ratings: of single answers."""

    satisfaction_rating: int | None
    liked: int
    disliked: int
    ratings: int
    average_rating: float | None
    failed_answers: int


class UsageMetrics(BaseModel):
    """What its turns have taken, also those whose messages are deleted."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    request_units: float


class ConversationAnalytics(BaseModel):
    """A conversation in figures."""

    object: Literal["conversation.analytics"] = "conversation.analytics"
    conversation_id: str
    message_statistics: MessageStatistics
    conversation_flow: ConversationFlow
    quality_metrics: QualityMetrics
    usage: UsageMetrics

    @classmethod
    def of(cls, stored: models.Conversation) -> Self:
        """As it is answered."""
        activity = stored.activity
        return cls(
            conversation_id=stored.id,
            message_statistics=MessageStatistics(
                total_messages=activity.message_count,
                by_role={
                    "user": activity.user_messages,
                    "assistant": activity.assistant_messages,
                    "system": activity.system_messages,
                },
                average_length=_mean(activity.characters, activity.message_count) or 0,
            ),
            conversation_flow=ConversationFlow(
                duration_minutes=round((activity.last_at - stored.created_at) / 60_000, 2),
                turns=activity.turns,
                average_answer_seconds=_mean(activity.answer_ms / 1000, activity.turns),
                first_answer_seconds=_seconds(activity.first_answer_ms),
            ),
            quality_metrics=QualityMetrics(
                satisfaction_rating=stored.rating,
                liked=activity.liked,
                disliked=activity.disliked,
                ratings=activity.ratings,
                average_rating=_mean(activity.rating_sum, activity.ratings),
                failed_answers=activity.failed_answers,
            ),
            usage=UsageMetrics(
                input_tokens=activity.input_tokens,
                output_tokens=activity.output_tokens,
                total_tokens=activity.input_tokens + activity.output_tokens,
                request_units=activity.request_units,
            ),
        )


def _mean(total: float, count: int) -> float | None:
    return round(total / count, 3) if count else None


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
