"""Examples for the OpenAPI document, by the schema's name; a test holds each against its schema."""

from typing import Any

_CONVERSATION = "conv_01JD0E8Z5MZK3WQ4T7V9X2B6NC"
_QUESTION = "msg_01JD0E9A7QH2M8R5S6T1V3W4XY"
_ANSWER = "msg_01JD0E9B1C2D3E4F5G6H7J8K9M"

_QUESTION_SHOWN = {
    "id": _QUESTION,
    "object": "conversation.message",
    "conversation_id": _CONVERSATION,
    "seq": 1,
    "parent_id": None,
    "role": "user",
    "content": "How do I bake a rye bread?",
    "display_text": "How do I bake a rye bread?",
    "status": "completed",
    "created_at": 1_763_000_000,
}
_ANSWER_SHOWN = {
    "id": _ANSWER,
    "object": "conversation.message",
    "conversation_id": _CONVERSATION,
    "seq": 2,
    "parent_id": _QUESTION,
    "role": "assistant",
    "content": "With a sourdough, and with patience.",
    "status": "completed",
    "model": "chat",
    "usage": {"input_tokens": 24, "output_tokens": 9},
    "created_at": 1_763_000_001,
}

EXAMPLES: dict[str, dict[str, Any]] = {
    "NewConversation": {"title": "Bread", "tags": ["baking"], "metadata": {"channel": "web"}},
    "ConversationChanges": {"pinned": True, "metadata": {"channel": None}},
    "NewTitle": {"title": "Rye bread"},
    "Ending": {"rating": 5, "feedback": "It rose."},
    "NewMessage": {"role": "user", "content": "How do I bake a rye bread?"},
    "Ask": {"content": "How do I bake a rye bread?", "max_output_tokens": 400},
    "Conversation": {
        "id": _CONVERSATION,
        "object": "conversation",
        "created_at": 1_763_000_000,
        "title": "Bake a rye bread",
        "title_source": "auto",
        "status": "active",
        "metadata": {"channel": "web"},
        "tags": ["baking"],
        "pinned": False,
        "message_count": 2,
        "last_activity_at": 1_763_000_001,
    },
    "Message": _ANSWER_SHOWN,
    "Turn": {
        "id": _ANSWER.replace("msg_", "resp_"),
        "object": "conversation.turn",
        "conversation_id": _CONVERSATION,
        "status": "completed",
        "question": _QUESTION_SHOWN,
        "answers": [_ANSWER_SHOWN],
        "usage": {"input_tokens": 24, "output_tokens": 9},
        "created_at": 1_763_000_000,
    },
    "Problem": {
        "error": {
            "code": "conversation_not_found",
            "message": f"There is no conversation '{_CONVERSATION}'.",
            "type": "invalid_request_error",
            "param": "conversation_id",
            "details": [],
            "request_id": "01JD0EA2B3C4D5E6F7G8H9J0KM",
        }
    },
}
