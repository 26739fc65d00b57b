"""The embedded Cosmos DB engine by itself: served over HTTP on this machine, or backed up.

`python -m local.cosmos` serves it, `python -m local.cosmos backup` copies its data, also while it is served.
COSMOS_DB_KEY is the key that clients must sign with; by default it is the emulator's, which everybody knows.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from local.cosmos import Engine, Fault, FolderInUse, FolderUnusable
from local.cosmos.gateway import gateway
from local.cosmos.signature import WELL_KNOWN_KEY, NotAKey, Signature
from local.cosmos.storage import FILE_NAME, DamagedFile, ForeignFile, NoSuchFile, back_up
from local.server import PortInUse, listening, serve_until_stopped

_HOST = "127.0.0.1"
_FAILED, _MISUSED = 1, 2
_MOST_PARTITIONS = 100
_FAULT = """make requests fail, for example {"operation": "create", "status": 429, "probability": 0.1,
    "times": null}; the fields are those of local.cosmos.Fault, and it can be given several times"""
_PARTITIONS = "physical partitions of each container that is made from now on; default %(default)s"


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what is asked; the exit code: 0, 1 where something is in the way, 2 for a wrong option or key."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "backup":
            _back_up(options.data, options.to)
        else:
            asyncio.run(_serve(options))
    except NotAKey as error:
        return _say(f"COSMOS_DB_KEY: {error}", _MISUSED)
    except PortInUse:
        other = f"Stop what uses it, or take another with --port {options.port + 1}"
        return _say(f"Port {options.port} of {_HOST} cannot be listened on. {other}", _FAILED)
    except FileExistsError as error:
        return _say(f"{error.filename2 or error.filename} exists already; it was left as it is.", _FAILED)
    except (FolderInUse, FolderUnusable, ForeignFile, DamagedFile, NoSuchFile, OSError) as error:
        return _say(str(error), _FAILED)
    except KeyboardInterrupt:
        pass
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.cosmos", description=__doc__)
    parser.add_argument("--port", type=_port, default=8081, help="default %(default)s; 0 is any free one")
    folder = "the folder for the data; default .data"
    parser.add_argument("--data", type=Path, default=Path(".data"), help=folder)
    parser.add_argument("--partitions", type=_partitions, default=1, help=_PARTITIONS)
    parser.add_argument("--fault", type=_fault, action="append", default=[], metavar="JSON", help=_FAULT)
    parser.add_argument("--seed", type=int, default=0, help="of the faults' luck; default %(default)s")
    commands = parser.add_subparsers(dest="command", metavar="backup")
    backup = commands.add_parser("backup", help="copy the data to a file, also while it is served")
    backup.add_argument("--data", type=Path, default=argparse.SUPPRESS, help=folder)
    backup.add_argument("--to", type=Path, required=True, help="the file to make; it must not exist")
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; take a number up to 65535")
    return int(text)


def _partitions(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= _MOST_PARTITIONS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {_MOST_PARTITIONS}")
    return int(text)


def _fault(text: str) -> Fault:
    try:
        return Fault(**json.loads(text))
    except (TypeError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no fault: {error}") from error


async def _serve(options: argparse.Namespace) -> None:
    key = os.environ.get("COSMOS_DB_KEY") or WELL_KNOWN_KEY
    signature = Signature(key)
    with (
        listening(_HOST, options.port) as listener,
        closing(Engine.open(options.data, partitions=options.partitions)) as engine,
    ):
        engine.faults.seed(options.seed)
        for fault in options.fault:
            engine.faults.add(fault)
        _introduce(listener.getsockname()[1], options.data, key)
        await serve_until_stopped(gateway(engine, signature), listener, _nothing_else)


def _introduce(port: int, folder: Path, key: str) -> None:
    whose = "the emulator's well-known one" if key == WELL_KNOWN_KEY else "yours, from COSMOS_DB_KEY"
    sys.stdout.write(
        f"address   http://{_HOST}:{port}/\n"
        f"data      {folder.resolve() / FILE_NAME}\n"
        f"key       {whose}\n"
        "stop      Ctrl-C\n"
    )
    sys.stdout.flush()


async def _nothing_else(grace: float) -> None:
    """There is nothing to stop but the server."""


def _back_up(folder: Path, to: Path) -> None:
    back_up(folder / FILE_NAME, to)
    sys.stdout.write(f"{to}: {to.stat().st_size} bytes. To use it, make it {FILE_NAME} in an empty folder.\n")


def _say(text: str, code: int) -> int:
    sys.stderr.write(f"{text}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
