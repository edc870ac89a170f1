"""The sandbox described in OpenAPI 3.1: what each route takes, answers and refuses.

Requests are described by the models that check them; the documents' own fields are all there.
Answers are described as they are sent: objects have the fields that are named, and no others.
"""

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import adaptive_bodies, chat, morpheus, openai_bodies

Json = dict[str, Any]

_AMBER, _MORPHEUS, _ADAPTIVE = "/api/beta", "/morpheus/api/v1", "/adaptive/api/v1"
_TEXT: Json = {"type": "string"}
_TEXT_OR_NULL: Json = {"type": ["string", "null"]}
_UUID: Json = {"type": "string", "format": "uuid"}
_FILE: Json = {"type": "string", "contentMediaType": "application/octet-stream"}
_FINISH: Json = {"type": "string", "enum": ["stop", "length", "tool_calls"]}
_NUMBER: Json = {"type": "integer", "minimum": 0}
_NULL: Json = {"type": "null"}


def route() -> Route:
    """`GET /openapi.json`, which asks for no key."""
    return Route("/openapi.json", _show)


async def _show(_: Request) -> Response:
    return JSONResponse(describe())


def describe() -> Json:
    """The description of all routes of the APIs."""
    schemas: Json = {}
    bearer = {"type": "http", "scheme": "bearer"}
    return {
        "openapi": "3.1.0",
        "info": {"title": "amber sandbox", "version": "1", "summary": "Four documented chat APIs"},
        "paths": {
            **_amber_paths(schemas),
            **_openai_paths(schemas),
            **_morpheus_paths(schemas),
            **_adaptive_paths(schemas),
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": dict.fromkeys(("amber", "morpheus", "adaptive"), bearer),
        },
    }


def _amber_paths(schemas: Json) -> Json:
    always = _refused(_detail(), 401, 421)
    model = _object(id=_TEXT, object=_const("model"), created=_NUMBER, owned_by=_TEXT)
    default = _const("default")
    answer = _completion(
        _object(role=_const("assistant"), content=_TEXT),
        service_tier=default,
        system_fingerprint=default,
        usage=_usage(),
    )
    asked = _body(schemas, "Amber", chat.ChatRequest)
    wanted = {"name": "model", "in": "path", "required": True, "schema": {**_TEXT, "minLength": 1}}
    file = {"type": "object", "required": ["file"], "properties": {"file": _FILE}}
    sent = {"required": True, "content": {"multipart/form-data": {"schema": file}}}
    kept = _object(id=_UUID, filename=_TEXT, size=_NUMBER, content_type=_TEXT)
    missing, wrong = _refused(_detail(), 404), _refused(_details(), 422)
    refused = {**always, **missing, **wrong, **_refused(_detail(), 413)}
    unkept = {**always, **wrong, **_refused(_detail(), 400)}
    models = f"{_AMBER}/amberai/models"
    shown = _operation("amber", "showModel", model, {**always, **missing})
    return {
        models: {"get": _operation("amber", "listModels", _listed(model), always)},
        f"{models}/{{model}}": {"get": {**shown, "parameters": [wanted]}},
        f"{_AMBER}/amberai/chat/completions": {
            "post": _operation("amber", "complete", answer, refused, asked, streams=True)
        },
        f"{_AMBER}/files/upload": {"post": _operation("amber", "upload", kept, unkept, sent)},
    }


def _openai_paths(schemas: Json) -> Json:
    function = _object(name=_TEXT, arguments=_TEXT)
    call = _object(id=_TEXT, function=function, type=_const("function"), index=_NUMBER)
    message = _object(
        content=_TEXT_OR_NULL,
        role=_const("assistant"),
        tool_calls={**_array(call), "type": ["array", "null"]},
        **dict.fromkeys(("refusal", "annotations", "audio", "function_call"), _NULL),
    )
    kinds = ("accepted_prediction", "audio", "reasoning", "rejected_prediction")
    usage = _usage(
        completion_tokens_details=_object(**{f"{kind}_tokens": _NULL for kind in kinds}),
        prompt_tokens_details=_object(audio_tokens=_NULL, cached_tokens=_NUMBER),
    )
    answer = _completion(message, service_tier=_TEXT, system_fingerprint=_TEXT, usage=usage)
    error = _object(message=_TEXT, type=_TEXT, param=_TEXT_OR_NULL, code=_TEXT_OR_NULL)
    refused = {
        **_refused(_object(error=error), 400, 404),
        **_refused(_detail(), 401, 413, 421),
        **_refused(_details(), 422),
    }
    asked = _body(schemas, "OpenAiFormat", openai_bodies.ChatRequest)
    post = _operation("amber", "completeInOpenAiFormat", answer, refused, asked, streams=True)
    return {f"{_AMBER}/openai/v1/chat/completions": {"post": post}}


def _morpheus_paths(schemas: Json) -> Json:
    model = _object(
        id=_TEXT, blockchainID=_TEXT, created=_NUMBER, tags=_array(_TEXT), modelType=_TEXT
    )
    function = _object(name=_TEXT, arguments=_TEXT)
    calls = _array(_object(id=_TEXT, type=_const("function"), function=function))
    filtered = _object(filtered={"type": "boolean"})
    answer = _completion(
        _object({"tool_calls": calls}, role=_const("assistant"), content=_TEXT_OR_NULL),
        {"content_filter_results": _object(hate=filtered, self_harm=filtered)},
        session_id=_TEXT,
        system_fingerprint=_TEXT,
        usage=_usage(),
    )
    why: Json = {"message": _TEXT, "type": _TEXT}
    named = {"code": _TEXT, "suggestions": _array(_TEXT), "session_id": _TEXT}
    amount: Json = {"type": "number"}
    refused = {
        **_refused(_object(error=_object(named, **why)), 400),
        **_refused(_object(error=_object(**why, available=amount, estimated_cost=amount)), 402),
        **_refused(_object(error=_object(**why, param=_NULL, code=_TEXT)), 429),
        **_refused(_detail(), 401, 413, 421),
        **_refused(_details(), 422),
    }
    asked = _body(schemas, "Morpheus", morpheus.ChatRequest)
    elsewhere = _refused(_detail(), 421)
    get = _operation("", "listMorpheusModels", _listed(model), elsewhere)
    post = _operation("morpheus", "completeWithMorpheus", answer, refused, asked, streams=True)
    return {f"{_MORPHEUS}/models": {"get": get}, f"{_MORPHEUS}/chat/completions": {"post": post}}


def _adaptive_paths(schemas: Json) -> Json:
    choice = _object(
        index=_NUMBER,
        message=_object(id=_UUID, role=_const("assistant"), content=_TEXT),
        completion_id=_UUID,
        model=_TEXT,
        finish_reason=_FINISH,
    )
    answer = _object(
        id=_UUID, created=_NUMBER, choices=_array(choice), session_id=_UUID, usage=_usage()
    )
    refused = {**_refused(_object(error=_TEXT), 400, 401, 404, 413), **_refused(_detail(), 421)}
    asked = _body(schemas, "Adaptive", adaptive_bodies.ChatRequest)
    post = _operation("adaptive", "completeWithAdaptive", answer, refused, asked, streams=True)
    paths = {f"{_ADAPTIVE}/chat/completions": {"post": post}}
    for kind in (adaptive_bodies.Outcome, adaptive_bodies.Comparison):
        name = kind.__name__
        given, number = _body(schemas, "Adaptive", kind), _object(**{f"{name.lower()}_id": _UUID})
        post = _operation("adaptive", f"add{name}", number, refused, given, status=201)
        paths[f"{_ADAPTIVE}/{name.lower()}"] = {"post": post}
    return paths


def _operation(
    key: str,
    name: str,
    answer: Json,
    refused: Json,
    body: Json | None = None,
    *,
    status: int = 200,
    streams: bool = False,
) -> Json:
    """An operation; `key` names the security scheme, if there is one."""
    content = _json(answer)
    if streams:
        content["text/event-stream"] = {}
    answered = {str(status): {"description": "The answer", "content": content}}
    return {
        "operationId": name,
        "security": [{key: []}] if key else [],
        **({"requestBody": body} if body else {}),
        "responses": {**answered, **refused},
    }


def _refused(schema: Json, *statuses: int) -> Json:
    return {
        str(status): {"description": HTTPStatus(status).phrase, "content": _json(schema)}
        for status in statuses
    }


def _body(schemas: Json, api: str, kind: type[BaseModel]) -> Json:
    """A request body; its schema and those it refers to are added to `schemas`."""
    place = f"#/components/schemas/{api}{{model}}"
    made = kind.model_json_schema(ref_template=place)
    for name, schema in {**made.pop("$defs", {}), kind.__name__: made}.items():
        # The texts of the classes are for those who read the code.
        schema.pop("description", None)
        schemas[f"{api}{name}"] = schema
    return {"required": True, "content": _json({"$ref": place.format(model=kind.__name__)})}


def _json(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}


def _completion(message: Json, choice: Json | None = None, /, **more: Json) -> Json:
    """An answer in OpenAI's format; `choice` and `more` are what an API adds to it."""
    choices = _object(
        index=_NUMBER, message=message, finish_reason=_FINISH, logprobs=_NULL, **(choice or {})
    )
    return _object(
        id=_TEXT,
        created=_NUMBER,
        model=_TEXT,
        object=_const("chat.completion"),
        choices=_array(choices),
        **more,
    )


def _usage(**more: Json) -> Json:
    counts = dict.fromkeys(("prompt_tokens", "completion_tokens", "total_tokens"), _NUMBER)
    return _object(**counts, **more)


def _object(optional: Json | None = None, /, **fields: Json) -> Json:
    return {
        "type": "object",
        "properties": {**fields, **(optional or {})},
        "required": list(fields),
        "additionalProperties": False,
    }


def _array(items: Json) -> Json:
    return {"type": "array", "items": items}


def _const(value: str) -> Json:
    return {"type": "string", "const": value}


def _listed(item: Json) -> Json:
    return _object(object=_const("list"), data=_array(item))


def _detail() -> Json:
    return _object(detail=_TEXT)


def _details() -> Json:
    place = _array({"type": ["string", "integer"]})
    return _object(detail=_array(_object(loc=place, msg=_TEXT, type=_TEXT)))
