"""Pages: the files that answers link to, readable in a browser and nothing else on the disk."""

from fastapi import APIRouter, HTTPException
from starlette.responses import FileResponse, Response

from .company import Collection
from .state import Sandboxed

_KINDS = {".html": "text/html", ".htm": "text/html", ".pdf": "application/pdf"}
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        "form-action 'none'; frame-ancestors 'none'; base-uri 'none'; sandbox"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

router = APIRouter(include_in_schema=False)


@router.get("/documents/{token}/{path:path}")
def show_document(token: str, path: str, state: Sandboxed) -> Response:
    """A document, for whoever has the token of a link: browsers send no key."""
    return _show(state.company.documents, token, path)


@router.get("/web/{token}/{path:path}")
def show_page(token: str, path: str, state: Sandboxed) -> Response:
    """A saved page of the web, likewise."""
    return _show(state.company.web, token, path)


def _show(collection: Collection, token: str, path: str) -> Response:
    file = (collection.root / path).resolve()
    is_known = token == collection.token and path in collection.by_path
    # A file may have become a link that leads out of the folder.
    if not (is_known and file.is_file() and file.is_relative_to(collection.root)):
        raise HTTPException(404, "Not Found")
    kind = _KINDS.get(file.suffix.lower(), "text/plain")
    return FileResponse(file, media_type=kind, headers=_HEADERS if kind[:4] == "text" else None)
