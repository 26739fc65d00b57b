"""Puts the service together on a laptop and runs it: database, model, functions, host, pumps, timers."""

import asyncio
import importlib
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from local.admin import Admin
from local.banner import Banner
from local.change_feed import ChangeFeedPump
from local.containers import create_containers
from local.database import Database, open_database
from local.feed import FeedSettings
from local.host import Host, route_prefix
from local.model import OfflineModel
from local.registered import COSMOS_DB, TIMER, RegisteredFunction, registered_functions
from local.timers import Timer

logger = logging.getLogger(__name__)
