"""The threat model names the tests that show what it says, so they must be there."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_every_test_that_the_threat_model_names_is_there() -> None:
    page = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    tests = "\n".join(path.read_text(encoding="utf-8") for path in ROOT.glob("tests/*/test_*.py"))

    named = set(re.findall(r"`(test_\w+)`", page))
    assert len(named) > 20
    assert {name for name in named if f"def {name}(" not in tests} == set()
    cases = set(re.findall(r"`([a-z0-9]+(?:-[a-z0-9]+)+)`", page)) - {"no-store", "pip-audit"}
    assert {case for case in cases if f'"{case}"' not in tests} == set()
    assert {path for path in re.findall(r"`(tests/\S+)`", page) if not (ROOT / path).exists()} == set()
