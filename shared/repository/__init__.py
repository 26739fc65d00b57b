"""The only part of the service that talks to Cosmos DB."""

from shared.repository.background import BackgroundRepository
from shared.repository.changes import Change, Changed
from shared.repository.conversations import Repository, in_progress
from shared.repository.database import Database, Transport
from shared.repository.metering import Cost, metered
from shared.repository.reader import Order

__all__ = [
    "BackgroundRepository",
    "Change",
    "Changed",
    "Cost",
    "Database",
    "Order",
    "Repository",
    "Transport",
    "in_progress",
    "metered",
]
