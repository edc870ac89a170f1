"""JSON schemas that every host takes: no `$ref`, no `$defs`, no `anyOf`, no titles."""

from typing import Annotated, Any

from pydantic import BaseModel, JsonValue, WithJsonSchema

OpenObject = Annotated[dict[str, JsonValue], WithJsonSchema({"type": "object"})]
"""An object of any content."""


def flat_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of `model`, nested models written inline; what may be absent is not required."""
    schema = model.model_json_schema(mode="serialization")
    definitions = schema.pop("$defs", {})
    flat: dict[str, Any] = _flat(schema, definitions)
    flat.pop("description", None)
    return flat


def _flat(node: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_flat(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        definition = definitions[node["$ref"].rpartition("/")[2]]
        node = {**definition, **{key: value for key, value in node.items() if key != "$ref"}}
        node.pop("description", None)
    if "const" in node:
        node = {"enum": [node["const"]], **{k: v for k, v in node.items() if k != "const"}}
    properties = node.get("properties")
    flat = {
        key: _flat(value, definitions)
        for key, value in node.items()
        if key not in ("title", "properties", "anyOf") and not (key == "default" and value is None)
    }
    if properties is not None:
        flat["properties"] = {name: _flat(value, definitions) for name, value in properties.items()}
    for option in node.get("anyOf", ()):
        if option != {"type": "null"}:
            flat |= _flat(option, definitions)
    return flat
