"""The page that runs in the browser, at ``/``, where it was built: plain files in the folder ``page`` of this room."""

from pathlib import Path

from fastapi import FastAPI
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).parent / "page"
ISOLATED = {  # without these a browser gives WebAssembly no threads
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}


class IsolatedFiles(StaticFiles):
    """Static files in a context that is isolated from other origins."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(ISOLATED)
        return response


def add(app: FastAPI, folder: Path | None = None) -> None:
    """Puts the page at ``/``, or the way to the documentation where no page was built; after all other routes."""
    folder = folder or FOLDER
    if (folder / "index.html").is_file():
        app.mount("/", IsolatedFiles(directory=folder, html=True), name="page")
        return

    @app.get("/", include_in_schema=False)
    async def home() -> Response:
        return RedirectResponse("/docs")
