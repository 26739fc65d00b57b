"""What happened in a conversation, counted."""

from shared.models.documents import Part


class Activity(Part):
    """What the default list of messages shows, counted; changed with it and never recomputed from it.

    characters: of their contents. answer_ms: from question to answer, of all turns that have ended.
    Tokens and request units are those of the turns; what was spent on a message that is deleted stays.
    """

    user_messages: int = 0
    assistant_messages: int = 0
    system_messages: int = 0
    characters: int = 0
    failed_answers: int = 0
    liked: int = 0
    disliked: int = 0
    ratings: int = 0
    rating_sum: int = 0
    last_message_id: str | None = None
    last_at: int
    turns: int = 0
    answer_ms: int = 0
    first_answer_ms: int | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    request_units: float = 0

    @property
    def message_count(self) -> int:
        """All of them."""
        return self.user_messages + self.assistant_messages + self.system_messages
