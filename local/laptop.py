"""Puts the service together on a laptop and serves it until it is told to stop."""

import asyncio
import importlib
import logging
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast, get_args

import httpx2

from local.background import Background
from local.banner import banner, write_banner
from local.containers import create_containers
from local.database import Database, open_database
from local.environment import completed, is_offline
from local.host.admin import Admin
from local.host.http import Host, route_prefix
from local.host.registered import registered_functions
from local.model import OfflineModel
from local.model.trouble import Trouble
from local.server import listening, serve_until_stopped
from shared.logs import quiet_libraries
from shared.services import Services, install, services
from shared.settings import Settings, SettingsError

_CLOSING_SECONDS = 1.5


@dataclass(frozen=True)
class Options:
    """Where to listen, and the folder for the data."""

    host: str
    port: int
    data: Path


async def serve(options: Options, given: Mapping[str, str]) -> None:
    """Serve with the settings `given` until SIGINT or SIGTERM.

    Raises PortInUse, what `Engine.open` does, SettingsError, Refused, and AzureError where the database can't
    be worked with.
    """
    async with AsyncExitStack() as resources:
        listener = resources.enter_context(listening(options.host, options.port))
        port = listener.getsockname()[1]
        database = resources.enter_context(open_database(given, options.data, port))
        environment = completed(given, database)
        os.environ.update(environment)  # as the Functions host hands the app settings to its worker
        settings = Settings.load(environment)
        _set_up_logging(settings.loglevel)
        await _create_containers(settings, database)
        _install_services(settings, given, database, resources)

        functions = registered_functions(importlib.import_module("function_app").app)
        admin, prefix = Admin(functions), route_prefix(Path.cwd())
        host = Host(functions, prefix=prefix, admin=admin)
        background = Background(functions, environment, admin)
        await background.start(database, resources)
        name = f"[{options.host}]" if ":" in options.host else options.host
        address = f"http://{name}:{port}/{prefix}".rstrip("/")
        write_banner(banner(address, environment, database.place, functions))
        await serve_until_stopped(host, listener, partial(_stop, background))


async def _stop(background: Background, grace: float) -> None:
    """Stop what runs beside the requests; those who follow a turn are told how it ends."""
    turns = asyncio.create_task(services().runner.close())
    await background.stop(grace)
    await asyncio.wait([turns], timeout=grace)


async def _create_containers(settings: Settings, database: Database) -> None:
    async with AsyncExitStack() as resources:
        client = await database.client(resources)
        await create_containers(client, settings.cosmos_db_database_name, settings.cosmos_db_container_name)


def _install_services(
    settings: Settings, given: Mapping[str, str], database: Database, resources: AsyncExitStack
) -> None:
    model = _offline_model(given) if is_offline(given) else None
    services = Services(settings, cosmos_transport=database.transport, model_http_client=model)
    resources.push_async_callback(_close, services)
    install(services)


def _offline_model(given: Mapping[str, str]) -> httpx2.AsyncClient:
    name = "OFFLINE_MODEL_WORDS_PER_SECOND"
    try:
        pace = float(given.get(name) or 50)
        if not 0 <= pace < float("inf"):
            raise ValueError
    except ValueError:
        raise SettingsError(
            f"{name}: {given[name]!r} is no number of words; 50 is the default, 0 is at once"
        ) from None
    transport = OfflineModel(words_per_second=pace, trouble=_trouble(given))
    return httpx2.AsyncClient(transport=transport)


def _trouble(given: Mapping[str, str]) -> Trouble:
    name = "OFFLINE_MODEL_TROUBLE"
    wanted = given.get(name) or "none"
    for known in get_args(Trouble):
        if wanted == known:
            return cast(Trouble, known)  # get_args has no better type
    raise SettingsError(f"{name}: {wanted!r} is none of {', '.join(get_args(Trouble))}")


async def _close(services: Services) -> None:
    try:
        async with asyncio.timeout(_CLOSING_SECONDS):
            await services.close()
    except TimeoutError:
        logging.getLogger(__name__).warning("the service did not close in %.1f s", _CLOSING_SECONDS)


def _set_up_logging(level: str) -> None:
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    quiet_libraries()
