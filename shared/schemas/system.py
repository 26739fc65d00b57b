"""How the service is."""

from typing import Literal

from pydantic import BaseModel


class Health(BaseModel):
    """The service is up."""

    status: Literal["ok"] = "ok"
