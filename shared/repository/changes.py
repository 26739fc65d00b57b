"""How a change is written: as the difference between what was read and what it should become."""

import asyncio
import random
import re
from dataclasses import dataclass, replace
from typing import Any, Self

from shared.errors import Unavailable
from shared.models import Conversation, Message, Receipt, Stored
from shared.records import DayUsage, ModelUsage
from shared.repository.partition import Operation, written

# Operations of one patch: the service's limit.
MAX_PATCH = 10
# A model's name that is itself in a patch's path.
_PLAIN = re.compile(r"[\w.: -]+").fullmatch
# How long a write tries to win against others before it gives up.
PATIENCE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Change:
    """What one write makes of a conversation, with the messages that it adds and changes (before, after).

    usage: the day's, before (None: it is the first) and with what a turn has taken. receipt: of the request
    that the write belongs to, if it has one. guarded: only if the changed messages are still as they were
    read; for a transition that reads them.
    """

    conversation: Conversation
    created: tuple[Message, ...] = ()
    updated: tuple[tuple[Message, Message], ...] = ()
    receipt: Receipt | None = None
    usage: tuple[DayUsage | None, DayUsage] | None = None
    guarded: bool = False

    @property
    def alone(self) -> bool:
        """Whether the conversation is all that is written."""
        return not (self.created or self.updated or self.receipt or self.usage)

    def marked(self, change_id: str) -> Self:
        """The change with its id on what it changes, so that a later look finds it done."""
        return replace(
            self,
            conversation=self.conversation.changed(change_id=change_id),
            updated=tuple((old, new.changed(change_id=change_id)) for old, new in self.updated),
        )


@dataclass(frozen=True, slots=True)
class Changed:
    """What was written, as it is stored now: first the added messages, then the changed ones."""

    conversation: Conversation
    messages: tuple[Message, ...] = ()
    receipt: Receipt | None = None
    usage: DayUsage | None = None


def patch_operations(before: Stored, after: Stored) -> list[dict[str, Any]]:
    """The patch that turns one version of a document into the other, top-level field by field.

    A field that another version of this code has added stays, as it would not in a replace.
    """
    old, new = before.document(), after.document()
    sets = [
        {"op": "set", "path": f"/{name}", "value": value}
        for name, value in new.items()
        if name not in old or old[name] != value
    ]
    return sets + [{"op": "remove", "path": f"/{name}"} for name in old if name not in new]


def conversation_operations(before: Conversation, after: Conversation) -> list[Operation]:
    """The patch of a conversation, if it is still the one that was read; in parts of what one patch takes."""
    operations = patch_operations(before, after)
    parts = [operations[start : start + MAX_PATCH] for start in range(0, len(operations), MAX_PATCH)]
    first, *others = [("patch", (before.id, part)) for part in parts]
    return [(*first, {"if_match_etag": before.etag}), *others]


def other_operations(change: Change) -> list[Operation]:
    """What a change writes beside the conversation."""
    return [
        *(("create", (message.document(),)) for message in change.created),
        *(
            (
                "patch",
                (old.id, patch_operations(old, new)),
                {"if_match_etag": old.etag} if change.guarded else {},
            )
            for old, new in change.updated
        ),
        *receipt_operations(change.receipt),
        *(_usage_operations(*change.usage) if change.usage else ()),
    ]


def _usage_operations(before: DayUsage | None, after: DayUsage) -> list[Operation]:
    """What counts a turn: added to what is there, so that a user's turns that end at once don't compete."""
    if before is None:
        return [("create", (after.document(),))]
    taken = {name: used - before.models.get(name, ModelUsage()) for name, used in after.models.items()}
    increments = [
        {"op": "incr", "path": f"/models/{name}/{field}", "value": value}
        for name, used in taken.items()
        for field, value in used.model_dump(by_alias=True).items()
        if value
    ]
    if set(taken) <= set(before.models) and len(increments) <= MAX_PATCH and all(map(_PLAIN, taken)):
        return [("patch", (before.id, increments))]
    models = {"op": "set", "path": "/models", "value": after.document()["models"]}
    return [("patch", (before.id, [models]), {"if_match_etag": before.etag})]


def receipt_operations(receipt: Receipt | None) -> list[Operation]:
    """A new receipt, which must be the first of its key; or one that was read, completed."""
    if receipt is None:
        return []
    return [written(receipt.document(), {"_etag": receipt.etag} if receipt.etag else None)]


class Patience:
    """How long one write goes on trying: growing pauses, jittered so that rivals part, for 10 seconds."""

    def __init__(self) -> None:
        self._clock = asyncio.get_running_loop().time
        self._deadline = self._clock() + PATIENCE_SECONDS
        self._pause = 0.005

    def limit(self) -> asyncio.Timeout:
        """Ends a try with TimeoutError when the write's time is up, whatever the SDK still waits for."""
        return asyncio.timeout_at(self._deadline)

    async def wait(self) -> None:
        """Wait before the next try; raises Unavailable when it has been long enough."""
        left = self._deadline - self._clock()
        if left <= 0:
            raise Unavailable("The write found no way through; try again.", retry_after=1)
        pause = random.uniform(0, self._pause)  # noqa: S311 - no secret hangs on it
        await asyncio.sleep(min(pause, left))
        self._pause = min(self._pause * 2, 1.0)
