"""`python -m local`: the whole service on this machine, with no account anywhere."""

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from azure.core.exceptions import AzureError

from local.cosmos import FolderInUse, FolderUnusable
from local.cosmos.storage import DamagedFile, ForeignFile
from local.host.registered import Refused
from local.laptop import Options, serve
from local.server import PortInUse
from shared.settings import SettingsError, read_environment

_FAILED, _MISUSED = 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop; the exit code: 0, 1 where something is in the way, 2 for a wrong setting."""
    try:
        environment = read_environment(Path.cwd())
        options = _options(arguments, environment)
        asyncio.run(serve(options, environment))
    except SettingsError as error:
        return _say(str(error), _MISUSED)
    except (PortInUse, FolderInUse, FolderUnusable, ForeignFile, DamagedFile, Refused) as error:
        return _say(str(error), _FAILED)
    except AzureError as error:
        endpoint = environment.get("COSMOS_DB_ENDPOINT")
        place = f"COSMOS_DB_ENDPOINT: {endpoint}" if endpoint else f"The data folder {options.data}"
        return _say(f"{place} cannot be used: {_first_line(error)}", _FAILED)
    except KeyboardInterrupt:
        pass
    return 0


def _options(arguments: Sequence[str] | None, environment: Mapping[str, str]) -> Options:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument("--port", help="default 7071, or PORT")
    parser.add_argument("--data", help="the folder for the data; default .data, or DATA_DIR")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on; default %(default)s")
    given = parser.parse_args(arguments)
    port = given.port or environment.get("PORT") or "7071"
    if not port.isdecimal() or int(port) > 65_535:
        raise SettingsError(f"PORT: {port!r} is not a port; take a number up to 65535")
    return Options(given.host, int(port), Path(given.data or environment.get("DATA_DIR") or ".data"))


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _say(text: str, code: int) -> int:
    sys.stderr.write(f"{text}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
