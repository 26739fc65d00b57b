"""A Cosmos DB account on the laptop: plugged under the real SDK as its transport, with SQLite below it."""

from local.cosmos.engine import Engine
from local.cosmos.faults import Fault
from local.cosmos.folder_lock import FolderInUse, FolderUnusable
from local.cosmos.transport import BlockingTransport, EmbeddedTransport

__all__ = ["BlockingTransport", "EmbeddedTransport", "Engine", "Fault", "FolderInUse", "FolderUnusable"]
