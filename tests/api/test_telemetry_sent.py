"""Where telemetry goes, from a process of its own, which ends in time whatever becomes of it."""

import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.api.collector import collecting
from tests.api.server import ROOT, Server, eventually

# Whatever is to be sent is sent at once, or only when the process ends.
AT_ONCE = {"OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_METRIC_EXPORT_INTERVAL": "200"}
# As infra/modules/functions.bicep sets them.
QUIET = {
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED": "true",
    "APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED": "true",
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
}
AT_THE_END = {"OTEL_BSP_SCHEDULE_DELAY": "600000", "OTEL_METRIC_EXPORT_INTERVAL": "600000"}


@asynccontextmanager
async def _served(data: Path, **settings: str) -> AsyncIterator[Server]:
    server = Server(data)
    await server.start(**settings)
    try:
        yield server
    finally:
        await server.close()


async def test_a_collector_gets_the_spans_and_metrics_of_a_real_process(tmp_path: Path) -> None:
    with collecting() as collector:
        async with _served(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **AT_ONCE) as server:
            conversation = await server.post("conversations", {})
            path = f"conversations/{conversation['id']}"
            await server.post(f"{path}/ask", {"content": "canary: why is the sky blue?"})

            async def all_there() -> bool:
                names = {span.name for span in collector.spans}
                wanted = {"create_conversation", "ask", "chat default", "execute_item_batch conversations"}
                return wanted | {"enrich"} <= names and "conversations.title.lag" in collector.metrics

            await eventually(all_there, 10)
    ask = next(span for span in collector.spans if span.name == "ask")
    parts = {span.name for span in collector.spans if span.parent_span_id == ask.span_id}
    assert {"chat default", "execute_item_batch conversations"} <= parts
    assert collector.services == {"conversations"}
    assert {"conversations.turns", "conversations.request_units"} <= collector.metrics
    assert "canary" not in str(collector.spans)


async def test_application_insights_gets_the_rows_that_the_alerts_ask_for(tmp_path: Path) -> None:
    with collecting() as intake:
        to = {"APPLICATIONINSIGHTS_CONNECTION_STRING": intake.connection_string}
        async with _served(tmp_path, **to, **QUIET, **AT_ONCE) as server:
            conversation = await server.post("conversations", {})
            await server.post(f"conversations/{conversation['id']}/ask", {"content": "Why?"})
            assert (await server.http.get("conversations/nothing")).status_code == 404

            async def all_there() -> bool:
                metrics = {row["metrics"][0]["name"] for row in intake.rows if "metrics" in row}
                names = {row["properties"].get("conversations.function") for row in intake.rows}
                return {"enrich", "ask", "get_conversation"} <= names and "conversations.turns" in metrics

            await eventually(all_there, 10)
            assert await server.stop() < 5
    requests = {
        row["properties"]["conversations.function"]: row
        for row in intake.rows
        if row["table"] == "RequestData"
    }
    ask, missing, enrich = requests["ask"], requests["get_conversation"], requests["enrich"]
    assert (ask["responseCode"], ask["success"], missing["responseCode"]) == ("201", True, "404")
    assert ask["properties"]["conversations.trigger"] == "http"
    assert (enrich["success"], enrich["properties"]["conversations.trigger"]) == (True, "datasource")
    called = [row for row in intake.rows if row.get("type") == "azure.cosmosdb"]
    assert {row["table"] for row in called} == {"RemoteDependencyData"}
    assert all(float(row["properties"]["azure.cosmosdb.operation.request_charge"]) >= 0 for row in called)
    (turn,) = [row for row in intake.rows if row.get("metrics", [{}])[0].get("name") == "conversations.turns"]
    assert (turn["metrics"][0]["value"], turn["properties"]["status"]) == (1, "completed")


async def test_what_is_left_is_sent_when_the_process_is_told_to_stop(tmp_path: Path) -> None:
    with collecting() as collector:
        async with _served(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **AT_THE_END) as server:
            await server.get("health/live")
            assert not collector.asked.is_set()

            assert await server.stop(signal.SIGTERM) < 5

    assert "live" in {span.name for span in collector.spans}


async def test_a_collector_that_hangs_holds_up_neither_a_request_nor_the_end(tmp_path: Path) -> None:
    with collecting(hanging=True) as collector:
        async with _served(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **AT_ONCE) as server:
            await server.get("health/ready")

            async def is_asked() -> bool:
                return collector.asked.is_set()

            await eventually(is_asked, 5)
            await server.get("health/ready")

            assert await server.stop(signal.SIGTERM) < 5


async def test_a_collector_that_is_away_holds_up_neither(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        async with _served(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=away, **AT_ONCE) as server:
            await server.get("health/ready")

            assert await server.stop(signal.SIGTERM) < 5


_IMPORTED = """
import sys
import function_app
from opentelemetry import metrics, trace
assert isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
assert type(metrics.get_meter_provider()).__name__ == "_ProxyMeterProvider"
print([name for name in ({names}) if name in sys.modules])
"""


def _loaded(*names: str, **settings: str) -> str:
    """Which of some modules are loaded when the app is; the process's own providers never are."""
    given = {
        "AUTH_MODE": "local",
        "COSMOS_DB_ENDPOINT": "http://127.0.0.1:9",
        "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
        **settings,
    }
    listed = ", ".join(map(repr, names)) + ","
    ran = subprocess.run(  # noqa: S603 - this interpreter, with the text above
        [sys.executable, "-c", _IMPORTED.format(names=listed)],
        cwd=ROOT,
        env=given,
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout.strip()


SENDERS = ("azure.monitor", "opentelemetry.exporter", "azure.identity", "openai", "requests")


def test_without_a_destination_nothing_of_it_is_loaded() -> None:
    assert _loaded("opentelemetry.sdk", *SENDERS) == "[]"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"),
        ("APPLICATIONINSIGHTS_CONNECTION_STRING", f"InstrumentationKey={'0' * 8}{'-0000' * 3}-{'0' * 12}"),
    ],
)
def test_with_one_what_sends_is_not_loaded_before_there_is_something_to_send(name: str, value: str) -> None:
    assert _loaded("opentelemetry.sdk", *SENDERS, **{name: value}) == "['opentelemetry.sdk']"
