"""What the sandbox's Adaptive Engine has: a project, its models, metrics, a campaign, a user.

Ids are made of the names, so that they are the same in every run.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from .errors import ApiError


@dataclass(frozen=True, slots=True)
class Entity:
    """Something with a key and an id."""

    key: str

    @property
    def id(self) -> uuid.UUID:
        """The id, by which it can be named as well."""
        return uuid.uuid5(uuid.NAMESPACE_URL, f"amber-sandbox:{type(self).__name__}:{self.key}")


@dataclass(frozen=True, slots=True)
class Project(Entity):
    """What models belong to."""


@dataclass(frozen=True, slots=True)
class Model(Entity):
    """A way to answer: how many passages of the company's documents it quotes."""

    passages: int


@dataclass(frozen=True, slots=True)
class Campaign(Entity):
    """An A/B test: choices come from its models by turns."""

    models: tuple[Model, ...]


@dataclass(frozen=True, slots=True)
class Metric(Entity):
    """What feedback is counted for."""

    kind: Literal["bool", "scalar"]


@dataclass(frozen=True, slots=True)
class User(Entity):
    """Whom an answer is for."""


@dataclass(frozen=True, slots=True)
class Tool(Entity):
    """A tool of the server's own."""


PROJECT = Project("sandbox")
MODELS = (Model("quote", 2), Model("detailed", 5))
CAMPAIGN = Campaign("quote-or-detailed", MODELS)
METRICS = (Metric("helpfulness", "scalar"), Metric("resolved", "bool"))
USER = User("visitor")
COMPANY_SEARCH = Tool("company-search")

Found = TypeVar("Found", bound=Entity)


def find(entities: Sequence[Found], wanted: str) -> Found:
    """The one with a key or an id.

    Raises:
        ApiError: there is none.
    """
    for entity in entities:
        if wanted == entity.key or wanted.lower() == str(entity.id):
            return entity
    raise not_found(type(entities[0]).__name__, wanted)


def find_model(wanted: str) -> Model:
    """The model of `{project}/{model}`, or the default one of `{project}`.

    Raises:
        ApiError: there is no such project, or no such model.
    """
    project, _, model = wanted.partition("/")
    find((PROJECT,), project)
    return MODELS[0] if "/" not in wanted else find(MODELS, model)


def not_found(kind: str, wanted: str) -> ApiError:
    """404, in the words of section 10."""
    return ApiError(404, {"error": f"EntityNotFound: {kind} '{wanted}' does not exist"})
