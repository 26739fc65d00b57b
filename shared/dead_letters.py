"""Background work that was given up: an administrator sees why, and has it tried again."""

from contextlib import suppress
from typing import TypeVar

from shared.clock import Clock
from shared.errors import NotFound
from shared.idempotency import Once, finished_at_once
from shared.models import Caller, Conversation, Message, Page
from shared.records import DeadLetter
from shared.repository import Change, Repository, TenantRepository

Worked = TypeVar("Worked", Conversation, Message)


class DeadLetters:
    """Lists and replays the dead letters of the caller's own tenant."""

    def __init__(self, repository: Repository, tenants: TenantRepository, clock: Clock) -> None:
        self._repository = repository
        self._tenants = tenants
        self._clock = clock

    async def page(self, caller: Caller, *, limit: int, after: str | None) -> Page[DeadLetter]:
        """Dead letters by the id of the document that they are about."""
        return await self._tenants.dead_letters(caller.tenant_id, limit=limit, after=after)

    async def replay(self, caller: Caller, identifier: str, once: Once | None = None) -> DeadLetter:
        """Have the work done again from its first try; what is gone meanwhile is only forgotten.

        The letter goes last: a request that dies before leaves it, and making work due twice does no harm.
        """
        letter = await self._tenants.dead_letter(caller.tenant_id, identifier)
        owner = Caller(caller.tenant_id, letter.user_id)
        if letter.work_type == "conversation":
            with suppress(NotFound):
                await self._repository.change(
                    owner, letter.id, lambda found: Change(self._due(found)), deleted=True
                )
        else:
            await self._repository.change_message(owner, letter.id, self._due)
        if receipt := finished_at_once(once, caller, self._clock(), letter):
            await self._repository.keep(caller, receipt)
        await self._tenants.remove_dead_letter(caller.tenant_id, letter.id)
        return letter

    def _due(self, document: Worked) -> Worked:
        """Due now, or once it is restored."""
        return document.changed(failures=0, due_at=None if document.deleted_at else self._clock())
