"""`python -m local.openapi`: writes infra/openapi.json, which API Management imports, from the endpoints."""

import importlib
import json
from pathlib import Path

from shared.http import endpoints, openapi_document
from shared.services import Services, install
from shared.settings import Settings

FILE = Path(__file__).parent.parent / "infra" / "openapi.json"
# None of them is in the document; the app does not start without.
_SETTINGS = {
    "AUTH_MODE": "local",
    "COSMOS_DB_ENDPOINT": "http://localhost",
    "OPENAI_BASE_URL": "http://localhost",
}


def document() -> str:
    """The file's text: what the route `openapi.json` answers, a line a value. Needs `function_app`."""
    return json.dumps(openapi_document(endpoints()), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    install(Services(Settings.load(_SETTINGS)))
    importlib.import_module("function_app")
    FILE.write_text(document(), encoding="utf-8")
