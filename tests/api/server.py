"""A real server in a process of its own, for what only that can show: kill -9, titles by themselves."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import httpx2

ROOT = Path(__file__).parent.parent.parent
PATIENCE_SECONDS = 15.0


class Server:
    """`python -m local` on a free port and a folder of its own."""

    def __init__(self, data: Path, settings: Mapping[str, str] | None = None) -> None:
        self._data = data
        self._settings = settings or {}
        self._process: asyncio.subprocess.Process | None = None
        self.http = httpx2.AsyncClient()

    async def start(self) -> None:
        """Start it, and wait until it says where it listens."""
        environment = {
            "PATH": os.environ["PATH"],
            "OFFLINE_MODEL_WORDS_PER_SECOND": "0",
            "LOGLEVEL": "ERROR",
            **self._settings,
        }
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "local", "--port", "0", "--data", str(self._data)),
            cwd=ROOT,
            env=environment,
            stdout=asyncio.subprocess.PIPE,
        )
        assert self._process.stdout
        async with asyncio.timeout(PATIENCE_SECONDS):
            line = (await self._process.stdout.readline()).decode()
        assert line.startswith("address"), f"it said {line!r}"
        await self.http.aclose()
        self.http = httpx2.AsyncClient(base_url=line.split()[1] + "/")

    async def stop(self, sign: signal.Signals = signal.SIGTERM) -> float:
        """End it with a signal; how many seconds that took."""
        assert self._process
        started = time.monotonic()
        self._process.send_signal(sign)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._process.communicate()
        return time.monotonic() - started

    async def kill(self) -> None:
        """kill -9."""
        await self.stop(signal.SIGKILL)

    async def close(self) -> None:
        """Leave nothing behind."""
        await self.http.aclose()
        if self._process and self._process.returncode is None:
            await self.kill()

    async def get(self, path: str) -> Any:
        """What is there now."""
        answer = await self.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        """What came of it."""
        answer = await self.http.post(path, json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()


async def eventually(look: Callable[[], Awaitable[Any]], seconds: float) -> float:
    """Wait until `look` finds something; how many seconds that took."""
    started = time.monotonic()
    while not await look():
        assert time.monotonic() - started < seconds, f"not within {seconds} s"
        await asyncio.sleep(0.05)
    return time.monotonic() - started
