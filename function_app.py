"""What the Functions host loads: registers the blueprints, nothing else."""

import azure.functions as func

from functions import background, conversations, me, messages, responses, system, tenant, turns
from shared.services import services

services()  # a setting that is missing or wrong ends the start here, by its name

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
for module in (conversations, messages, turns, responses, me, tenant, background, system):
    app.register_functions(module.bp)
