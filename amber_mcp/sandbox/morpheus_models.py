"""Models of the Morpheus gateway: the list, and which of them a name means."""

import difflib
import hashlib
from dataclasses import dataclass
from typing import Any

from .errors import ApiError

_NEAR = 0.75


@dataclass(frozen=True, slots=True)
class Model:
    """A model; `kind` is what it is for, and only `LLM` is for chat."""

    id: str
    kind: str = "LLM"

    def described(self) -> dict[str, Any]:
        """The model as the gateway lists one."""
        number = hashlib.sha256(self.id.encode()).hexdigest()
        return {
            "id": self.id,
            "blockchainID": f"0x{number}",
            "created": 0,
            "tags": [],
            "modelType": self.kind,
        }


DEFAULT = Model("sandbox-quote")
BROKE = Model("sandbox-broke")
BUSY = Model("sandbox-busy")
MODELS = (DEFAULT, BROKE, BUSY, Model("sandbox-embedding", "EMBEDDING"))


def find(wanted: str | None) -> Model:
    """The model of a name, or the default one for none and for one that resembles no other.

    Raises:
        ApiError: the name is nearly that of a model, or the model is not for chat.
    """
    if not wanted:
        return DEFAULT
    model = next((each for each in MODELS if each.id == wanted), None)
    if model is None:
        names = [each.id for each in MODELS]
        near = difflib.get_close_matches(wanted.lower(), names, cutoff=_NEAR)
        if near:
            raise _refused(
                f"Model '{wanted}' not found. Did you mean '{near[0]}'?",
                "model_not_found",
                "model_not_found_near_miss",
                suggestions=near,
            )
        return DEFAULT
    if model.kind != "LLM":
        raise _refused(
            f"Model '{wanted}' is of type {model.kind} and cannot chat.",
            "model_type_mismatch",
            "model_type_mismatch",
        )
    return model


def _refused(message: str, kind: str, code: str, **more: Any) -> ApiError:
    error = {"message": message, "type": kind, "code": code, **more}
    return ApiError(400, {"error": error}, {"X-Morpheus-Error": code})
