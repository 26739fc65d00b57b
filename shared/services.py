"""The composition root: what the service is made of, and the one place that puts it together."""

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from shared.administration import Administration
from shared.ai import Model
from shared.audit import Audit
from shared.auth import authentication
from shared.clock import Clock, system_clock
from shared.context import ContextReader
from shared.conversations import Conversations
from shared.dead_letters import DeadLetters
from shared.deletions import Deletions
from shared.descriptions import Descriptions
from shared.enrichment import Enrichment
from shared.forks import Forks
from shared.inactivity import Inactivity
from shared.logs import quiet_libraries
from shared.messages import Messages
from shared.operations import Operations
from shared.policy import Policies
from shared.purges import Purges
from shared.rates import RequestRates
from shared.repository import (
    AuditRepository,
    BackgroundRepository,
    Database,
    EventRepository,
    PersonalData,
    Repository,
    TenantConversations,
    TenantRepository,
    Transport,
)
from shared.responses import Responses
from shared.settings import Settings, read_environment
from shared.sweep import Sweep
from shared.telemetry import exporting
from shared.turns import Endings, QueuedTurns, Runner, TurnReader, Turns
from shared.usage import UsageCounts

if TYPE_CHECKING:  # it comes with openai, which is imported on first use
    import httpx2


class Services:
    """Everything that the functions use.

    cosmos_transport, model_http_client: what the two SDKs send their requests through; None is their own.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        cosmos_transport: Transport | None = None,
        model_http_client: "httpx2.AsyncClient | None" = None,
        clock: Clock = system_clock,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.auth = authentication(settings, clock)
        self.rates = RequestRates(settings.requests_per_minute, clock)
        self.database = Database(settings, cosmos_transport)
        self.model = Model(settings, model_http_client)
        container = settings.cosmos_db_container_name
        self.repository = repository = Repository(self.database, container, clock)
        background = BackgroundRepository(self.database, container)
        tenants = TenantRepository(self.database)
        policies = Policies(tenants, clock)
        self.conversations = Conversations(repository, policies, clock)
        self.messages = Messages(repository, clock)
        self.deletions = Deletions(repository, policies, clock)
        self.forks = Forks(repository, self.messages, clock)
        self.purges = Purges(repository, tenants, background, clock)
        self.inactivity = Inactivity(repository, background, clock)
        self.usage = UsageCounts(repository, tenants, policies, clock)
        self.audit = Audit(AuditRepository(self.database), clock)
        self.operations = Operations(
            repository, tenants, PersonalData(self.database, container), background, self.purges, clock
        )
        self.administration = Administration(
            TenantConversations(self.database, container, clock), tenants, clock
        )
        self.dead_letters = DeadLetters(repository, tenants, clock)
        self.context = ContextReader(repository, settings.context_token_budget)
        events = EventRepository(self.database)
        reader = TurnReader(repository)
        endings = Endings(repository, events, reader, self.usage, clock)
        self.runner = runner = Runner(repository, events, self.context, self.model, endings, clock)
        self.turns = Turns(
            repository,
            events,
            self.messages,
            reader,
            runner,
            endings,
            settings.models,
            self.usage,
            clock,
        )
        self.queued_turns = QueuedTurns(repository, reader, runner, clock)
        self.responses = Responses(repository, self.turns, reader, self.deletions, policies, clock)
        self.descriptions = Descriptions(repository, self.model, clock)
        self.enrichment = Enrichment(repository, background, self.descriptions, clock)
        self.sweep = Sweep(repository, background, endings, self.enrichment, clock)

    async def close(self) -> None:
        """Close what holds connections."""
        await self.runner.close()
        await self.auth.close()
        await self.model.close()
        await self.database.close()
        await asyncio.to_thread(exporting.stop)


_installed: Services | None = None


def install(made: Services) -> None:
    """Use these from now on."""
    global _installed
    _installed = made
    logging.getLogger("shared").setLevel(made.settings.loglevel)
    quiet_libraries()
    exporting.start(made.settings)


def services() -> Services:
    """The services of this process, made from the environment on first use; raises SettingsError."""
    if _installed is None:
        install(Services(Settings.load(read_environment(Path.cwd()))))
    assert _installed is not None  # noqa: S101 - for the type checker
    return _installed
