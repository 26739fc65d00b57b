"""`python -m bench.telemetry`: what telemetry costs a request, in processor time, as ratios within one run.

None: its calls taken out of the code. Off: as it is without a destination. Told: to the SDK, which hands
batches to nobody: what a request has to do. Sent: to a collector on this machine, another process that throws
them away, until all has come there; a thread beside the requests does that. Blocks of requests, the four in
turn, the quickest block of each, for whatever else the machine does only adds.
"""

import asyncio
import io
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from unittest.mock import patch

import httpx2
from opentelemetry.metrics import NoOpMeter
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import INVALID_SPAN, Span

from bench.__main__ import Request, in_process, say
from shared import telemetry
from shared.services import services
from shared.telemetry import exporting
from shared.telemetry.providers import Destination, Providers

BLOCKS, BLOCK = 9, 50
MODES = ("none", "off", "told", "sent")
_SINK = """
from http.server import *
class Sink(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_request(self, *_):
        pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


async def main() -> None:
    """Measure, and print a line each."""
    logging.disable(logging.WARNING)
    os.environ["OTEL_BSP_SCHEDULE_DELAY"] = "100"
    with _sink() as url:
        os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = url
        async with in_process() as http:
            settings = services().settings.model_copy(update={"otel_exporter_otlp_endpoint": url})
            nobody = Destination(lambda _: _Nobody(), lambda: ConsoleMetricExporter(_NOWHERE), deltas=False)
            providers = {
                "told": Providers([nobody], settings),
                "sent": Providers(exporting.destinations(settings), settings),
            }
            await _compare(await _requests(http), providers)
            for each in providers.values():
                each.close()


async def _compare(requests: Mapping[str, Request], providers: Mapping[str, Providers]) -> None:
    head = "".join(f"{mode:>8}" for mode in MODES)
    say(f"{'µs':<22}{head}{'off/none':>10}{'told/none':>11}{'sent/none':>11}{'spans':>7}")
    for name, request in requests.items():
        taken = {mode: float("inf") for mode in MODES}
        for _ in range(BLOCKS):
            for mode in MODES:
                taken[mode] = min(taken[mode], await _block(request, mode, providers))
        off, told, sent = (taken[mode] / taken["none"] for mode in MODES[1:])
        times = "".join(f"{taken[mode]:>8.0f}" for mode in MODES)
        say(f"{name:<22}{times}{off:>10.3f}{told:>11.3f}{sent:>11.3f}{await _spans(request):>7}")


async def _block(request: Request, mode: str, providers: Mapping[str, Providers]) -> float:
    """Microseconds of this process's processor time, its threads included, a request."""
    to = providers.get(mode)
    telemetry.use(*((to.tracers, to.meters) if to else ()))
    with _taken_out() if mode == "none" else nullcontext():
        started = time.process_time()
        for _ in range(BLOCK):
            (await request()).raise_for_status()
        if mode == "sent" and to:
            await asyncio.to_thread(to.tracers.force_flush)
    telemetry.use()
    return (time.process_time() - started) / BLOCK * 1e6


class _Nobody(SpanExporter):
    """Takes everything, and drops it."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.SUCCESS


async def _spans(request: Request) -> int:
    """How many a request has, with what it leaves behind."""
    kept, tracers = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(kept))
    telemetry.use(tracers)
    await request()
    telemetry.use()
    return len(kept.get_finished_spans())


async def _requests(http: httpx2.AsyncClient) -> dict[str, Request]:
    """From one without a call of the database to one with many and a call of the model."""
    path = f"conversations/{(await http.post('conversations', json={})).json()['id']}"

    async def ask() -> httpx2.Response:
        started = await http.post("conversations", json={})
        return await http.post(f"conversations/{started.json()['id']}/ask", json={"content": "Why?"})

    message = {"role": "user", "content": "word " * 100}
    return {
        "health/live": lambda: http.get("health/live"),
        "get conversation": lambda: http.get(path),
        "list conversations": lambda: http.get("conversations?limit=20"),
        "add message": lambda: http.post(f"{path}/messages", json=message),
        "start and ask": ask,
    }


@contextmanager
def _taken_out() -> Iterator[None]:
    """The code as if it told nothing."""
    places = ("shared.invocations", "shared.repository.metering", "shared.ai.calls")
    with ExitStack() as patches:
        for place in places:
            patches.enter_context(patch(f"{place}.span", _no_span))
            patches.enter_context(patch(f"{place}.instruments", lambda: _NOTHING))
        yield


@contextmanager
def _no_span(*_: object, **__: object) -> Iterator[Span]:
    yield INVALID_SPAN


_NOWHERE = io.StringIO()
_NOTHING = telemetry.Instruments(NoOpMeter(""))


@contextmanager
def _sink() -> Iterator[str]:
    """The address of a collector that throws everything away."""
    with subprocess.Popen([sys.executable, "-c", _SINK], stdout=subprocess.PIPE, text=True) as sink:  # noqa: S603 - this interpreter, with the text above
        assert sink.stdout  # noqa: S101 - for the type checker
        try:
            yield f"http://127.0.0.1:{sink.stdout.readline().strip()}"
        finally:
            sink.kill()


if __name__ == "__main__":
    asyncio.run(main())
