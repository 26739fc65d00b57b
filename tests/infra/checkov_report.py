"""`python -m tests.infra.checkov_report < report.json`: 1 unless checkov read everything and liked it.

Its own exit code is 0 also where it could not parse a file, or found none.
"""

import json
import sys


def main() -> int:
    """Judge the report on stdin."""
    report = json.load(sys.stdin)
    summary = report["summary"]
    for check in report["results"]["failed_checks"]:
        sys.stdout.write(
            f"{check['file_path']}: {check['resource']}: {check['check_id']} {check['check_name']}\n"
        )
    counts = ", ".join(
        f"{summary[name]} {name}" for name in ("passed", "failed", "parsing_errors", "resource_count")
    )
    sys.stdout.write(f"checkov: {counts}\n")
    return int(bool(summary["failed"] or summary["parsing_errors"]) or not summary["resource_count"])


if __name__ == "__main__":
    sys.exit(main())
