"""Who calls."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose data a call may touch: the only source of a partition key.

    actor: the service that asks on the user's behalf, None where the user does so. roles: those of the user.
    """

    tenant_id: str
    user_id: str
    email: str | None = None
    roles: frozenset[str] = frozenset()
    actor: str | None = None
