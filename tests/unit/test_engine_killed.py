"""`kill -9` under write load: nothing acknowledged is lost, and the file opens each time.

Two kills; more with KILLS=20 .venv/bin/python -m pytest -s tests/unit/test_engine_killed.py
"""

import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from threading import Condition
from typing import Any

import httpx2

from tests.unit.test_engine_served import DOCS, KEY, fill, running

KILLS = int(os.environ.get("KILLS", "2"))
WRITERS = 4
WRITES = (1, 150)
"""How many are acknowledged between a start and a kill."""
BATCH = {**KEY, "x-ms-cosmos-is-batch-request": "true"}


class Written:
    """What was acknowledged: the ETag of each item, and the least that the counter may stand at."""

    def __init__(self) -> None:
        self.etags: dict[str, str] = {}
        self.counted = 0
        self.numbers = count()
        self._lock = Condition()

    def next(self) -> int:
        with self._lock:
            return next(self.numbers)

    def acknowledged(self, etags: dict[str, str], counted: int = 0) -> None:
        with self._lock:
            self.etags |= etags
            self.counted = max(self.counted, counted)
            self._lock.notify_all()

    def wait_for(self, more: int) -> None:
        with self._lock:
            enough = len(self.etags) + more
            assert self._lock.wait_for(lambda: len(self.etags) >= enough, timeout=20)


def write_until_broken(client: httpx2.Client, written: Written) -> None:
    """Items alone, and batches that raise the counter with each new item."""
    try:
        while True:
            number = written.next()
            (alone if number % 2 else together)(client, written, number)
    except httpx2.HTTPError:
        pass


def alone(client: httpx2.Client, written: Written, number: int) -> None:
    item = {"id": f"i{number}", "key": "k", "text": "x" * 500}
    answer = client.post(DOCS, json=item, headers=KEY)
    written.acknowledged({item["id"]: answer.raise_for_status().json()["_etag"]})


def together(client: httpx2.Client, written: Written, number: int) -> None:
    count_up = [{"op": "incr", "path": "/n", "value": 1}]
    batch: list[dict[str, Any]] = [
        {"operationType": "Patch", "id": "counter", "resourceBody": {"operations": count_up}},
        {"operationType": "Create", "resourceBody": {"id": f"b{number}", "key": "k", "text": "x" * 500}},
    ]
    answer = client.post(DOCS, json=batch, headers=BATCH)
    assert answer.status_code == 200, answer.text
    counter, item = answer.json()
    written.acknowledged({f"b{number}": item["eTag"]}, counter["resourceBody"]["n"])


def items(client: httpx2.Client) -> Iterator[dict[str, Any]]:
    headers = {"x-ms-max-item-count": "-1"}
    while True:
        answer = client.get(DOCS, headers=headers)
        yield from answer.raise_for_status().json()["Documents"]
        if "x-ms-continuation" not in answer.headers:
            return
        headers["x-ms-continuation"] = answer.headers["x-ms-continuation"]


def check(client: httpx2.Client, written: Written) -> None:
    """All that was acknowledged is there as it was, and each batch as a whole or not at all."""
    found = {item["id"]: item for item in items(client)}
    counter = found.pop("counter")
    etags = {name: item["_etag"] for name, item in found.items()}
    assert written.etags.items() <= etags.items()
    assert len([name for name in found if name.startswith("b")]) == counter["n"] >= written.counted


def test_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    written, luck, opened = Written(), random.Random(0), []  # noqa: S311  # luck, not secrets
    with running(tmp_path) as (_, client, _):
        fill(client)
        client.post(DOCS, json={"id": "counter", "key": "k", "n": 0}, headers=KEY).raise_for_status()
    for _ in range(KILLS):
        before = time.monotonic()
        with running(tmp_path) as (process, client, _), ThreadPoolExecutor(WRITERS) as pool:
            opened.append(time.monotonic() - before)
            check(client, written)
            writers = [pool.submit(write_until_broken, client, written) for _ in range(WRITERS)]
            written.wait_for(luck.randint(*WRITES))
            process.send_signal(signal.SIGKILL)
            for writer in writers:
                writer.result()
    with running(tmp_path) as (_, client, _):
        check(client, written)
    said = f"{KILLS} kills, {len(written.etags)} acknowledged items, starts of {max(opened):.1f} s at most"
    sys.stdout.write(f"\n{said}\n")
