"""The errors that API Management gives, against the app's own: one shape, the same codes."""

import html
import re
from collections.abc import Collection, Iterator
from pathlib import Path

_FIELD = re.compile(r'new JProperty\("(\w+)"')
_CASE = re.compile(r"if \(([^)]*)\) \{\s*code = \"(\w+)\";(?: type = \"(\w+)\";)?")
_DEFAULTS = re.compile(r'var code = "(\w+)";\s*var type = "(\w+)";')
_REQUEST_ID = re.compile(r'IsMatch\(given, "\^(.*?)\$"\)')


def findings(
    infra: Path, fields: Collection[str], errors: Collection[tuple[int, str, str]], sources: str
) -> Iterator[str]:
    """What differs.

    fields: of the app's error. errors: status, code and type of each. sources: the deployed code.
    """
    problem = html.unescape((infra / "policies" / "problem.xml").read_text(encoding="utf-8"))
    if set(_FIELD.findall(problem)) != {"error", *fields}:
        yield f"problem.xml: an error has the fields {sorted(fields)}"
    default = _DEFAULTS.search(problem)
    for condition, code, given in _CASE.findall(problem):
        kind = given or (default[2] if default else "")
        for status in map(int, re.findall(r"status == (\d+)", condition)):
            ours = {(theirs, type_) for theirs, name, type_ in errors if name == code}
            if ours and not any(type_ == kind for _, type_ in ours):
                yield f"problem.xml: the app's type of {code} is {sorted(type_ for _, type_ in ours)}"
            if ours and status not in {theirs for theirs, _ in ours}:
                yield f"problem.xml: the app answers {code} with {sorted(theirs for theirs, _ in ours)}"
    pattern = _REQUEST_ID.search(
        html.unescape((infra / "policies" / "global.xml").read_text(encoding="utf-8"))
    )
    if not pattern or f'r"{pattern[1]}"' not in sources:
        yield "global.xml: takes other request ids than the app does"
