"""The built-in offline model: answers the `openai` SDK at the HTTP level, without a network or an account."""

from local.model.transport import OfflineModel

__all__ = ["OfflineModel"]
