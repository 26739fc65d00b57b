"""The page `docs`: Swagger UI over `openapi.json`, whole in itself: it may load nothing from elsewhere."""

from functools import cache
from importlib.resources import files

from shared.http.resource import Page

# Scripts and styles stand in the page; it asks this service and nobody else, also with a token typed into it.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<div id="docs"></div>
<script>{script}</script>
<script>
SwaggerUIBundle({{ url: "openapi.json", dom_id: "#docs", deepLinking: true, validatorUrl: null }});
</script>
</body>
</html>
"""


@cache
def viewer(title: str) -> Page:
    """The page."""
    resources = files("fastapi_swagger") / "resources"
    script = (resources / "swagger-ui-bundle.js").read_text(encoding="utf-8")
    style = (resources / "swagger-ui.css").read_text(encoding="utf-8")
    html = _PAGE.format(title=title, style=style, script=script.replace("</script", r"<\/script"))
    return Page(html=html, policy=POLICY)
