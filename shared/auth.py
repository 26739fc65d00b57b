"""Who is asking: request headers in, Caller out."""

import re
from collections.abc import Mapping
from typing import Protocol

from shared.errors import Forbidden, InvalidRequest
from shared.models import Caller
from shared.settings import Settings, SettingsError

# What may stand in a partition key and in a log line: no control characters, no surrounding blanks.
_NAME = re.compile(r"[!-~](?:[ -~]{0,254}[!-~])?")


# The app roles.
ADMINISTRATOR, ON_BEHALF = "Conversations.Admin", "Conversations.OnBehalf"


class Authentication(Protocol):
    """A way to know the caller."""

    async def caller(self, headers: Mapping[str, str]) -> Caller:
        """The verified caller of a request; raises Unauthorized where there is none."""


class LocalAuthentication:
    """`AUTH_MODE=local`: takes the caller's word for who they are, so it is refused inside Azure."""

    async def caller(self, headers: Mapping[str, str]) -> Caller:
        """The caller named by `X-Local-User`, `X-Local-Tenant`, `X-Local-Email` and `X-Local-Roles`."""
        return Caller(
            tenant_id=_named(headers, "X-Local-Tenant", "local-tenant"),
            user_id=_named(headers, "X-Local-User", "local-user"),
            email=_named(headers, "X-Local-Email", "") or None,
            roles=frozenset(re.split(r"[ ,]+", headers.get("X-Local-Roles", "").strip())) - {""},
        )


def authentication(settings: Settings) -> Authentication:
    """The way that `AUTH_MODE` names."""
    if settings.auth_mode == "local":
        return LocalAuthentication()
    raise SettingsError("AUTH_MODE: 'entra' is not built yet; only 'local' is, for use on a laptop")


def _named(headers: Mapping[str, str], header: str, default: str) -> str:
    value = headers.get(header) or default
    if value and not _NAME.fullmatch(value):
        raise InvalidRequest(
            f"{header} takes 1 to 256 visible ASCII characters, without blanks around them.", param=header
        )
    return value


def require_administrator(caller: Caller) -> None:
    """Refuse whoever is no administrator of their tenant."""
    if ADMINISTRATOR not in caller.roles:
        raise Forbidden(f"This takes the app role {ADMINISTRATOR}.")
