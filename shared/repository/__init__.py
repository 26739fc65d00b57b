"""The only part of the service that talks to Cosmos DB."""

from shared.repository.audit import AuditRepository, at_key
from shared.repository.background import BackgroundRepository
from shared.repository.changes import Change, Changed
from shared.repository.conversations import Repository, in_progress
from shared.repository.database import Database, Transport
from shared.repository.events import Delta, EventRepository
from shared.repository.metering import Cost, charged_to, metered, spent
from shared.repository.partition import Conflict, Document
from shared.repository.personal_data import PersonalData
from shared.repository.tenant_conversations import TenantConversations
from shared.repository.tenants import TenantRepository

__all__ = [
    "AuditRepository",
    "BackgroundRepository",
    "Change",
    "Changed",
    "Conflict",
    "Cost",
    "Database",
    "Delta",
    "Document",
    "EventRepository",
    "PersonalData",
    "Repository",
    "TenantConversations",
    "TenantRepository",
    "Transport",
    "at_key",
    "charged_to",
    "in_progress",
    "metered",
    "spent",
]
