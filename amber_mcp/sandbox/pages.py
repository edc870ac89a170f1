"""Pages: the files that answers link to, readable in a browser and nothing else on the disk."""

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from . import formats
from .company import Collection

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
        "form-action 'none'; frame-ancestors 'none'; base-uri 'none'; sandbox"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def route(prefix: str, collection: Collection) -> Route:
    """`GET /prefix/{token}/{path}` for the files of one collection."""

    async def show(request: Request) -> Response:
        document = collection.by_path.get(request.path_params["path"])
        if document is None:
            raise HTTPException(404, "Not Found")
        content, kind = await to_thread.run_sync(_read, collection, document.path)
        headers = dict(_HEADERS)
        if kind == "application/pdf":
            del headers["Content-Security-Policy"]
        return Response(content, media_type=kind, headers=headers)

    return Route(f"/{prefix}/{collection.token}/{{path:path}}", show)


def _read(collection: Collection, path: str) -> tuple[bytes, str]:
    """A file as it is now, unless it has become a link that leads out of the folder."""
    file = (collection.root / path).resolve()
    try:
        if not file.is_relative_to(collection.root):
            raise HTTPException(404, "Not Found")
        content = file.read_bytes()
        kind = formats.KINDS[file.suffix.lower()]
        if kind == "pdf":
            return content, "application/pdf"
        text = formats.decode(content)
    except (OSError, KeyError, formats.UnreadableError) as error:
        raise HTTPException(404, "Not Found") from error
    return text.encode(), "text/html" if kind == "html" else "text/plain"
