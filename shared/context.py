"""What the model is sent for a turn."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.ai import Prompt, count_tokens
from shared.models import Caller, Conversation, Message, Page, Role
from shared.repository import Repository

# Bounds on what one turn reads: the newest messages before the question, and older system messages.
MESSAGES = 100
SYSTEM_MESSAGES = 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One message for the model, and the estimate of its tokens. message_id: where it is a stored message."""

    prompt: Prompt
    tokens: int
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """The messages for the model in order, and the tokens that they may take (the last one always goes).

    truncated: whether older messages are left out.
    """

    entries: tuple[Entry, ...]
    budget: int
    truncated: bool

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """As the model is sent them."""
        return tuple(entry.prompt for entry in self.entries)

    @property
    def tokens(self) -> int:
        """The estimate for all of them."""
        return sum(entry.tokens for entry in self.entries)


class ContextReader:
    """Reads the path from the root to a message, as far back as the token budget reaches."""

    def __init__(self, repository: Repository, budget: int) -> None:
        self._repository = repository
        self._budget = budget

    async def next(
        self, caller: Caller, conversation_id: str, budget: int | None
    ) -> tuple[Conversation, Context]:
        """A conversation, and what the model will be sent before its next question."""
        conversation = await self._repository.conversation(caller, conversation_id)
        leaf = await self._repository.find_message(caller, conversation.leaf_message_id or "")
        return conversation, await self.read(caller, conversation, leaf, budget=budget)

    async def read(
        self,
        caller: Caller,
        conversation: Conversation,
        leaf: Message | None,
        *,
        parent: Message | None = None,
        instructions: str | None = None,
        budget: int | None = None,
    ) -> Context:
        """Instructions, the path's system messages, the summary, then the newest of the path up to `leaf`.

        parent: of the leaf, where it is in hand. instructions: in place of the conversation's. budget: in
        place of the setting's.
        """
        budget = min(budget or self._budget, self._budget)
        path, more = [message for message in (parent, leaf) if message], False
        if path and path[0].parent_id:
            page = await self._path(caller, conversation, path[0], MESSAGES)
            path, more = [*reversed(page.items), *path], page.next is not None
        system = [message for message in path if message.role == "system"]
        if more and conversation.activity.system_messages > len(system):
            older = await self._path(caller, conversation, path[0], SYSTEM_MESSAGES, "systemKey")
            system = [*reversed(older.items), *system]
        head = list(_head(conversation, instructions, system))
        dialogue = [_entry(message.role, message.content, message.id) for message in path if _speaks(message)]
        kept = _newest_within(budget - sum(entry.tokens for entry in head), dialogue)
        return Context((*head, *kept), budget, truncated=more or len(kept) < len(dialogue))

    async def _path(
        self, caller: Caller, conversation: Conversation, end: Message, limit: int, key: str = "branchKey"
    ) -> Page[Message]:
        """What comes before a message on its path, newest first."""
        return await self._repository.page_of_path(
            caller, conversation, end.path, order="desc", limit=limit, below=end.seq, key=key
        )


def _head(conversation: Conversation, instructions: str | None, system: Iterable[Message]) -> Iterable[Entry]:
    if text := instructions or conversation.instructions:
        yield _entry("system", text)
    for message in system:
        yield _entry("system", message.content, message.id)
    if conversation.summary and conversation.summary.text:
        yield _entry("system", f"Summary of the conversation so far:\n{conversation.summary.text}")


def _newest_within(budget: int, dialogue: Sequence[Entry]) -> list[Entry]:
    """The end of the dialogue that fits; its last message in any case."""
    kept: list[Entry] = []
    for entry in reversed(dialogue):
        budget -= entry.tokens
        if kept and budget < 0:
            break
        kept.insert(0, entry)
    return kept


def _speaks(message: Message) -> bool:
    """Whether it is of the dialogue: deleted, failed and empty ones the model isn't to see."""
    seen = bool(message.content) and message.status != "failed" and message.deleted_at is None
    return seen and message.role != "system"


def _entry(role: Role, content: str, message_id: str | None = None) -> Entry:
    """With the few tokens that frame a message."""
    return Entry(Prompt(role, content), count_tokens(content) + 4, message_id)
