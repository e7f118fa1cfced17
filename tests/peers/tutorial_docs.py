"""`main.py` of the tutorial with a local /docs: FastAPI's own loads from a CDN that a test cannot reach.

The files are fetched once, at the start, from SWAGGER_UI_URL, which is Vestibule's /docs. This application serves them.
"""

import gzip
import os
import urllib.request

from fastapi import Response
from fastapi.openapi.docs import get_swagger_ui_html

from main import app


def fetch(name: str) -> bytes:
    with urllib.request.urlopen(f"{os.environ['SWAGGER_UI_URL']}/{name}") as response:
        body = response.read()
        return gzip.decompress(body) if response.headers.get("Content-Encoding") == "gzip" else body


FILES = {name: fetch(name) for name in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png")}
TYPES = {"js": "text/javascript", "css": "text/css", "png": "image/png"}

app.router.routes = [route for route in app.router.routes if getattr(route, "path", "") != "/docs"]


@app.get("/docs", include_in_schema=False)
def docs() -> Response:
    return get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="Tutorial",
        swagger_js_url="/swagger-ui/swagger-ui-bundle.js",
        swagger_css_url="/swagger-ui/swagger-ui.css",
        swagger_favicon_url="/swagger-ui/favicon-32x32.png",
    )


@app.get("/swagger-ui/{name}", include_in_schema=False)
def swagger_ui(name: str) -> Response:
    return Response(FILES[name], media_type=TYPES[name.rsplit(".", 1)[1]])
