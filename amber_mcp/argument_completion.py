"""Completion of what the user types: arguments of prompts, and ids in templates."""

import logging
from collections.abc import Mapping, Sequence

from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CompleteRequestParams,
    CompleteResult,
    Completion,
    PromptReference,
)

from .app import App
from .prompts import Prompt
from .prompts.prompt import Values
from .protocol.boundary import best_effort
from .resources import TEMPLATES, Template
from .text.redaction import distinct_secrets, redact, remove_secrets
from .text.sanitise import quoted, strip_controls

_MOST_VALUES = 100
_SECONDS = 2.0


async def complete(
    app: App, prompts: Mapping[str, Prompt], params: CompleteRequestParams
) -> CompleteResult:
    """The values that hold what was typed; those that begin with it come first.

    Where the values cannot be had soon, there are none: nobody waits for them.

    Raises:
        MCPError: if there is no such prompt, template or argument.
    """
    values = _values_of(app, prompts, params)
    typed = params.argument.value.strip().casefold()
    known: Sequence[str] = []
    if values is not None:
        with best_effort("nothing to complete with", _SECONDS, logging.DEBUG):
            await app.ready()
            known = await values(app)
    plain = _plain(app, known)
    found = dict.fromkeys(each for each in plain if typed in each.casefold())
    ordered = sorted(found, key=lambda each: not each.casefold().startswith(typed))
    return CompleteResult(
        completion=Completion(
            values=ordered[:_MOST_VALUES],
            total=len(ordered),
            has_more=len(ordered) > _MOST_VALUES,
        )
    )


def _values_of(
    app: App, prompts: Mapping[str, Prompt], params: CompleteRequestParams
) -> Values | None:
    name = params.argument.name
    if isinstance(params.ref, PromptReference):
        prompt = prompts.get(params.ref.name)
        if prompt and name in prompt.arguments:
            return prompt.arguments[name].values
        known = [f"{each.name} ({', '.join(each.arguments)})" for each in prompts.values()]
    else:
        for template in TEMPLATES:
            if params.ref.uri == template.uri and name == "id":
                return _ids_of(template)
        known = [template.uri for template in TEMPLATES]
    raise MCPError(
        code=INVALID_PARAMS,
        message=redact(
            f"There is nothing to complete by {quoted(name)} here. There are: {', '.join(known)}.",
            *app.settings.secrets,
        ),
    )


def _ids_of(template: Template) -> Values:
    async def ids(app: App) -> Sequence[str]:
        return await app.store.ids(template.kind, await app.caller())

    return ids


def _plain(app: App, values: Sequence[str]) -> Sequence[str]:
    """Those of one line, without secrets and escapes: a changed one would mean something else."""
    secrets = distinct_secrets(app.settings.keys)
    return [
        each
        for each in values
        if "\n" not in each and remove_secrets(strip_controls(each), *secrets) == each
    ]
