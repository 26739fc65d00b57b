"""The database as it is, behind the service's back."""

import json
from collections.abc import Iterator
from typing import Any

from shared.idempotency import stored_body
from shared.models import Receipt
from tests.api.conftest import Service

OWNER = ["local-tenant", "local-user"]


async def holding(service: Service, *texts: str) -> list[str]:
    """The ids of all documents, of all containers and users, that hold one of these texts anywhere."""
    found = []
    for container in (service.conversations, service.tenant_ops):
        async for document in container.query_items("SELECT * FROM c"):
            said = json.dumps(document, ensure_ascii=False)
            if document.get("type") == "receipt" and document.get("body"):
                said += stored_body(Receipt.model_validate(document))
            if any(text in said for text in texts):
                found.append(document["id"])
    return found


def conversations(first: int, count: int, **fields: Any) -> Iterator[dict[str, Any]]:
    """Documents of 1 KB as the service stores them."""
    for number in range(first, first + count):
        ulid = f"{number:026d}"
        yield {
            "id": f"conv_{ulid}",
            "type": "conversation",
            "createdAt": number,
            "title": "Bread",
            "titleKey": f":bread\x01{ulid}",
            "instructions": "i" * 600,
            "status": "active",
            "activity": {"lastAt": number},
            "activityKey": f"{number:015d}{ulid}",
            **fields,
        }


def deleted_conversations(first: int, count: int) -> Iterator[dict[str, Any]]:
    """The same, deleted."""
    for document in conversations(first, count, deletedAt=1, expiresAt=2):
        yield document | {"deletedKey": document.pop("activityKey")}


def message_id(conversation_id: str, seq: int) -> str:
    """An id of its own for each message of each conversation."""
    return f"msg_{conversation_id[5:7]}{conversation_id[-14:]}{seq:010d}"


def messages(
    conversation_id: str, first: int, count: int, content: str = "Hello."
) -> Iterator[dict[str, Any]]:
    """Messages as the service stores them, one after the other, behind one that it has stored itself."""
    for seq in range(first, first + count):
        yield {
            "id": message_id(conversation_id, seq),
            "type": "message",
            "conversationId": conversation_id,
            "seq": seq,
            "path": [[1, seq]],
            "messageKey": f"{conversation_id}:{seq:010d}",
            "branchKey": f"{conversation_id}:{1:010d}:{seq:010d}",
            "role": "user",
            "content": content,
            "createdAt": seq,
            "updatedAt": seq,
        }


async def grow(service: Service, conversation_id: str, count: int, content: str = "Hello.") -> None:
    """Let a conversation with one message have `count` more, behind the service's back."""
    owner = dict(zip(("tenantId", "userId"), OWNER, strict=True))
    creates: list[Any] = [
        ("create", ({**document, **owner},)) for document in messages(conversation_id, 2, count, content)
    ]
    for start in range(0, count, 50):
        await service.conversations.execute_item_batch(creates[start : start + 50], OWNER)
    last = count + 1
    newest = message_id(conversation_id, last)
    changes: list[dict[str, Any]] = [
        {"op": "set", "path": "/nextSeq", "value": last + 1},
        {"op": "set", "path": "/leaf", "value": {"id": newest, "path": [[1, last]], "tip": True}},
        {"op": "set", "path": "/activity/userMessages", "value": last},
        {"op": "set", "path": "/activity/lastMessageId", "value": newest},
    ]
    await service.conversations.patch_item(conversation_id, OWNER, changes)
