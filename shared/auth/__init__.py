"""Who is asking: request headers in, Caller out."""

from shared.auth.callers import ADMINISTRATOR, ON_BEHALF, Authentication, require_administrator
from shared.auth.local import LocalAuthentication
from shared.clock import Clock
from shared.settings import Settings

__all__ = ["ADMINISTRATOR", "ON_BEHALF", "Authentication", "authentication", "require_administrator"]


def authentication(settings: Settings, clock: Clock) -> Authentication:
    """The way that `AUTH_MODE` names."""
    if settings.auth_mode == "local":
        return LocalAuthentication()
    from shared.auth.entra import EntraAuthentication  # 0.3 s to import, which a laptop need not spend

    return EntraAuthentication(settings, clock)
