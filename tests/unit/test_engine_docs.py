"""The page on the engine: its first example runs as it stands, and does what its last line says."""

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
from azure.cosmos import PartitionKey
from azure.cosmos.aio import CosmosClient

from local.cosmos import EmbeddedTransport, Engine, Fault

PAGE = Path(__file__).parents[2] / "docs" / "cosmos-engine.md"


def blocks(language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


async def test_the_first_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    example = blocks("python")[0]
    names: dict[str, Any] = {
        each.__name__: each for each in (CosmosClient, EmbeddedTransport, Engine, Fault, PartitionKey)
    }
    exec(f"async def example():\n{textwrap.indent(example, '    ')}", names)  # noqa: S102  # our own page
    await names["example"]()
    assert capsys.readouterr().out.startswith("[200, 429, 429, 201] ")


def test_the_faults_of_the_page_are_faults() -> None:
    engine = Engine.open(None)
    exec(blocks("python")[1], {"engine": engine, "Fault": Fault})  # noqa: S102  # our own page
    engine.close()
