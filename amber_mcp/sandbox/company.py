"""The company: what the sandbox knows, which is one folder of documents and one of web pages."""

from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_urlsafe

from .agents import Agent, read_agents
from .documents import Document, LeftOut, read_folder
from .errors import SandboxError
from .index import Index
from .thesaurus import Thesaurus
from .words import Lexicon

_SAMPLE = Path(__file__).with_name("company")


@dataclass(frozen=True)
class Collection:
    """A folder that was read: its documents by path, and the index over them.

    `token` stands in the address of each document, so that only who was given the link can open
    it: a browser sends no key.
    """

    root: Path
    by_path: dict[str, Document]
    index: Index
    left_out: tuple[LeftOut, ...]
    token: str = field(default_factory=lambda: token_urlsafe(16), repr=False)


@dataclass(frozen=True)
class Company:
    """Everything that can be searched, and who can be asked to search it."""

    documents: Collection
    web: Collection
    agents: tuple[Agent, ...]
    thesaurus: Thesaurus

    def agent(self, number: str) -> Agent | None:
        """The agent with an id."""
        return next((each for each in self.agents if str(each.id) == number.lower()), None)

    def close(self) -> None:
        """Give the memory back."""
        self.documents.index.close()
        self.web.index.close()


def read_company(documents: Path | None = None, web: Path | None = None) -> Company:
    """Read the folders, by default those of the sample company.

    Raises:
        SandboxError: a folder is missing, or its agents.json cannot be understood.
    """
    thesaurus = Thesaurus(Lexicon())
    searched = _collect(documents or _SAMPLE / "documents", thesaurus)
    pages = _collect(web or _SAMPLE / "web", thesaurus)
    agents = read_agents(documents or _SAMPLE, searched.by_path)
    return Company(searched, pages, agents, thesaurus)


def _collect(root: Path, thesaurus: Thesaurus) -> Collection:
    if not root.is_dir():
        raise SandboxError(f"{root} is not a folder")
    library = read_folder(root)
    by_path = {document.path: document for document in library.documents}
    return Collection(library.root, by_path, Index(library.documents, thesaurus), library.left_out)
