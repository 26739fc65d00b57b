"""From who someone is, and what they may, to whose data they touch: the same for both ways to sign in."""

import re
from dataclasses import dataclass
from typing import Protocol

from starlette.datastructures import Headers

from shared.errors import Forbidden, InvalidRequest
from shared.models import Caller

READ_WRITE = "Conversations.ReadWrite"
ON_BEHALF = "Conversations.OnBehalf"
ADMINISTRATOR = "Conversations.Admin"
ON_BEHALF_OF = "X-On-Behalf-Of"

# What may stand in a partition key and in a log line: no control characters, no surrounding blanks.
_NAME = re.compile(r"[!-~](?:[ -~]{0,254}[!-~])?")
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


class Authentication(Protocol):
    """A way to know the caller."""

    async def caller(self, headers: Headers) -> Caller:
        """The verified caller of a request; raises Unauthorized or Forbidden where there is none."""

    async def close(self) -> None:
        """Close what holds connections."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who has signed in, and where. permissions: the scopes and app roles that they hold."""

    tenant_id: str
    subject_id: str
    email: str | None
    permissions: frozenset[str]


def is_name(value: object) -> bool:
    """Whether something can be a tenant's or a user's id."""
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def named(headers: Headers, header: str, default: str) -> str:
    """The id or address in a header. Raises InvalidRequest for one that no partition key should have."""
    value = headers.get(header) or default
    if value and not is_name(value):
        raise InvalidRequest(
            f"{header} takes 1 to 256 visible ASCII characters, without blanks around them.", param=header
        )
    return value


def caller_of(identity: Identity, headers: Headers) -> Caller:
    """Whose data this request touches: one's own, or that of the user whom a service names.

    Raises Forbidden where neither is permitted, InvalidRequest where a service names nobody.
    """
    permissions = identity.permissions
    if ON_BEHALF_OF in headers:
        return _user_of(identity, headers)
    if permissions & {READ_WRITE, ADMINISTRATOR}:
        return Caller(identity.tenant_id, identity.subject_id, identity.email, permissions)
    if ON_BEHALF in permissions:
        raise InvalidRequest(
            f"{ON_BEHALF_OF} is required: the user on whose behalf you ask.", param=ON_BEHALF_OF
        )
    raise Forbidden(
        f"This takes the scope {READ_WRITE}, or one of the app roles {ON_BEHALF} and {ADMINISTRATOR}."
    )


def _user_of(service: Identity, headers: Headers) -> Caller:
    """The user that a service names: without the service's own roles, which are none of the user's."""
    if ON_BEHALF not in service.permissions:
        raise Forbidden(f"{ON_BEHALF_OF} takes the app role {ON_BEHALF}.")
    user = named(headers, ON_BEHALF_OF, "") if len(headers.getlist(ON_BEHALF_OF)) == 1 else ""
    if not user:
        raise InvalidRequest(f"{ON_BEHALF_OF} should name one user.", param=ON_BEHALF_OF)
    user = user.lower() if _GUID.fullmatch(user) else user  # as tokens have it: one person, one partition
    return Caller(service.tenant_id, user, actor=service.subject_id)


def require_administrator(caller: Caller) -> None:
    """Refuse whoever is no administrator of their tenant."""
    if ADMINISTRATOR not in caller.roles:
        raise Forbidden(f"This takes the app role {ADMINISTRATOR}.")
