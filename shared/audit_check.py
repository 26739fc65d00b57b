"""Whether a tenant's audit log is as it was written.

    python -m shared.audit_check --tenant T [--month 2026-11]

Reads the settings as the app does. Exit code: 0 where the log is whole, 1 where it isn't, 2 where it can't be
read.
"""

import argparse
import asyncio
import re
import sys
from collections.abc import Sequence

from shared.errors import ServiceError
from shared.services import services
from shared.settings import SettingsError

_WHOLE, _BROKEN, _UNREADABLE = 0, 1, 2


async def check(arguments: Sequence[str] | None = None) -> int:
    """Say a line for each fault, or for each shard how far it reaches; the exit code."""
    given = _parser().parse_args(arguments)
    audit = services().audit
    try:
        faults = await audit.faults(given.tenant, given.month)
        heads = await audit.heads(given.tenant, given.month)
        lines = faults or ["whole" if heads else "no entries", *heads]
    except ServiceError as error:
        sys.stderr.write(f"{error.message}\n")
        return _UNREADABLE
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return _BROKEN if faults else _WHOLE


async def _check_and_close() -> int:
    try:
        return await check()
    finally:
        await services().close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m shared.audit_check", description=__doc__)
    parser.add_argument("--tenant", required=True, help="the tenant's id")
    parser.add_argument("--month", type=_month, help="such as 2026-11; default this one (UTC)")
    return parser


def _month(text: str) -> str:
    if not re.fullmatch(r"2\d{3}-(0[1-9]|1[0-2])", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no month; write it as 2026-11")
    return text


def main() -> int:
    """The command."""
    try:
        services()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return _UNREADABLE
    return asyncio.run(_check_and_close())


if __name__ == "__main__":
    sys.exit(main())
