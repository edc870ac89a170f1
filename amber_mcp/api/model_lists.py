"""Lists of models, in the forms that such APIs answer with."""

from collections.abc import Iterator

from amber_mcp.errors import UpstreamError

from .failures import words_of
from .json_text import shown_json

_MOST_CHARS = 300


def model_ids(body: object, *, kind: str = "") -> list[str]:
    """The ids in `{"data": […]}`, `{"models": […]}` or a bare list, of objects or of texts.

    Args:
        kind: where the entries tell a `modelType`, the one to keep.

    Raises:
        UpstreamError: if `body` is no such list.
    """
    match body:
        case {"data": [*entries]} | {"models": [*entries]} | [*entries]:
            return [model_id for entry in entries for model_id in _id(entry, kind)]
    raise UpstreamError("the list of models cannot be read", upstream=words_of(shown_json(body)))


def model_id_of(body: object) -> str:
    """The id in one model's description.

    Raises:
        UpstreamError: if there is none.
    """
    for model_id in _id(body, ""):
        return model_id
    raise UpstreamError(
        "the description of the model cannot be read", upstream=words_of(shown_json(body))
    )


def _id(entry: object, kind: str) -> Iterator[str]:
    match entry:
        case str() if 0 < len(entry) <= _MOST_CHARS:
            yield entry
        case {"id": str() as model_id, **rest} if 0 < len(model_id) <= _MOST_CHARS:
            if not kind or rest.get("modelType", kind) == kind:
                yield model_id
