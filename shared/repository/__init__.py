"""The only part of the service that talks to Cosmos DB."""

from shared.repository.background import BackgroundRepository
from shared.repository.changes import Change, Changed
from shared.repository.conversations import Repository, in_progress
from shared.repository.database import Database, Transport
from shared.repository.metering import Cost, metered, spent
from shared.repository.tenants import TenantRepository, operations_scope

__all__ = [
    "BackgroundRepository",
    "Change",
    "Changed",
    "Cost",
    "Database",
    "Repository",
    "TenantRepository",
    "Transport",
    "in_progress",
    "metered",
    "operations_scope",
    "spent",
]
