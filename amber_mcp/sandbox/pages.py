"""Pages: the files that answers link to, readable in a browser and nothing else on the disk."""

from fastapi import APIRouter, HTTPException
from starlette.responses import FileResponse, Response

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
@router.get("/web/{token}/{path:path}")
def show(token: str, path: str, state: Sandboxed) -> Response:
    """A document or a saved page, for whoever has the token of a link: browsers send no key."""
    for collection in (state.company.documents, state.company.web):
        if token == collection.token and path in collection.by_path:
            file = (collection.root / path).resolve()
            # A file may have become a link that leads out of the folder.
            if file.is_file() and file.is_relative_to(collection.root):
                kind = _KINDS.get(file.suffix.lower(), "text/plain")
                headers = _HEADERS if kind.startswith("text") else None
                return FileResponse(file, media_type=kind, headers=headers)
    raise HTTPException(404, "Not Found")
