"""Finding: what one search in a collection gives to an answer."""

from collections.abc import Iterable

from . import answers
from .answers import Source
from .company import Collection
from .index import Hit

MOST_HITS = 6


def find(
    collection: Collection,
    where: str,
    question: str,
    before: str,
    base: str,
    folders: Iterable[str] = (),
) -> Source:
    """The best documents of a collection, with links that open them."""
    kept = tuple(folders)
    served = f"{'web' if where == 'pages' else 'documents'}/{collection.token}"

    def link(hit: Hit) -> str:
        url = hit.document.url if where == "pages" else ""
        return answers.link(hit.title, hit.path, url or answers.address(base, served, hit.path))

    hits = collection.index.search(question, MOST_HITS, folders=kept, before=before)
    return Source(where, collection.index.count(kept), hits, link)
