"""What the model is sent for a turn."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.ai import Prompt, count_tokens
from shared.models import Caller, Conversation, Message
from shared.repository import Repository

# Bounds on what one turn reads: the newest messages before the question, and older system messages.
MESSAGES = 100
SYSTEM_MESSAGES = 20


@dataclass(frozen=True, slots=True)
class Context:
    """The messages for the model in order, and the estimate of their tokens."""

    prompts: tuple[Prompt, ...]
    tokens: int


class ContextReader:
    """Reads the path from the root to a message, as far back as the token budget reaches."""

    def __init__(self, repository: Repository, budget: int) -> None:
        self._repository = repository
        self._budget = budget

    async def read(
        self, caller: Caller, conversation: Conversation, leaf: Message, instructions: str | None = None
    ) -> Context:
        """Instructions, the path's system messages, the summary, then the newest of the path up to `leaf`.

        instructions: in place of the conversation's. The leaf is sent whatever it takes.
        """
        path = await self._path(caller, conversation.id, leaf)
        system = [message for message in path if message.role == "system"]
        if conversation.activity.system_messages > len(system) and path[0].parent_id:
            system = [*await self._older_system(caller, conversation.id, path[0].seq), *system]
        head = [Prompt("system", text) for text in _system_texts(conversation, instructions, system)]
        spent = sum(_cost(prompt.content) for prompt in head)
        dialogue = _newest_within(self._budget - spent, path)
        prompts = (*head, *dialogue)
        return Context(prompts, sum(_cost(prompt.content) for prompt in prompts))

    async def _path(self, caller: Caller, conversation_id: str, leaf: Message) -> list[Message]:
        """The leaf and its ancestors, oldest first, until the root or the bound on reading."""
        path = [leaf]
        if leaf.parent_id is None:
            return path
        page = await self._repository.page_of_messages(
            caller, conversation_id, order="desc", limit=MESSAGES, below=leaf.seq
        )
        for message in page.items:
            if message.id == path[0].parent_id:
                path.insert(0, message)
        return path

    async def _older_system(self, caller: Caller, conversation_id: str, below: int) -> list[Message]:
        found = await self._repository.system_messages(
            caller, conversation_id, below=below, limit=SYSTEM_MESSAGES
        )
        return list(reversed(found))


def _system_texts(
    conversation: Conversation, instructions: str | None, system: Iterable[Message]
) -> Iterable[str]:
    if text := instructions or conversation.instructions:
        yield text
    yield from (message.content for message in system)
    if conversation.summary and conversation.summary.text:
        yield f"Summary of the conversation so far:\n{conversation.summary.text}"


def _newest_within(budget: int, path: Sequence[Message]) -> list[Prompt]:
    """The end of the path that fits, oldest first; its last message in any case."""
    kept: list[Prompt] = []
    for message in reversed(path):
        if message.role == "system" or not _speaks(message):
            continue
        budget -= _cost(message.content)
        if kept and budget < 0:
            break
        kept.insert(0, Prompt(message.role, message.content))
    return kept


def _speaks(message: Message) -> bool:
    """Whether the model is to see it: deleted, failed and empty ones it is not."""
    return bool(message.content) and message.status != "failed" and message.deleted_at is None


def _cost(content: str) -> int:
    """Tokens of a message, with the few that frame it."""
    return count_tokens(content) + 4
