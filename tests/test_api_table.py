"""The table of `docs/apis.md`: every documented name is in it, and every name in it is real."""

import ast
import importlib
import re
from collections.abc import Iterator
from functools import reduce
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TABLE = ROOT / "docs" / "apis.md"
ROW = re.compile(r"^\| ([\w ]+) \| `([^`]+)` \| `([\w.]+):([\w.]+)` \| `([\w/.]+)::(\w+)` \|$")

DOCUMENTED = {
    "000": {
        "request": "messages model stream temperature metadata tools",
        "response": "id created model choices usage object service_tier system_fingerprint",
        "authorization": "Authorization",
    },
    "001": {
        "route": "GET_/models GET_/models/{model} POST_/chat/completions "
        "POST_/api/beta/files/upload",
        "role": "system user assistant",
        "tool": "amberSearch webSearch",
        "metadata": "agent_id files language",
    },
    "002": {
        "request": "messages model stream max_tokens tools tool_choice",
        "referred": "audio frequency_penalty function_call functions logit_bias logprobs "
        "max_completion_tokens metadata modalities n parallel_tool_calls prediction "
        "presence_penalty prompt_cache_key prompt_cache_retention reasoning_effort "
        "response_format safety_identifier seed service_tier stop store stream_options "
        "temperature top_logprobs top_p user verbosity web_search_options",
        "role": "developer",
        "content": "text image_url",
        "response": "id choices created model object service_tier system_fingerprint usage "
        "usage.prompt_tokens_details usage.completion_tokens_details choices.finish_reason "
        "choices.index choices.logprobs message.content message.refusal message.role "
        "message.annotations message.audio message.function_call message.tool_calls "
        "tool_calls.id tool_calls.type tool_calls.index tool_calls.function.name "
        "tool_calls.function.arguments",
        "stream": "delta.content delta.role delta.refusal delta.function_call delta.tool_calls",
    },
    "003": {
        "request": "model messages temperature top_p n stream stop max_tokens presence_penalty "
        "frequency_penalty tools tool_choice session_id",
        "message": "role content name tool_calls tool_call_id",
        "header": "Accept Authorization",
        "response": "(unknown)",
        "error": "detail",
    },
    "004": {
        "request": "messages model stop max_tokens temperature top_p max_ttft_ms stream "
        "stream_options session_id user ab_campaign n labels metadata system_prompt_args tags "
        "use_tools tools store",
        "message": "content role name completion_id metadata",
        "response": "id created choices session_id usage choices.index choices.completion_id "
        "choices.model choices.finish_reason message.id message.role message.content "
        "usage.completion_tokens usage.prompt_tokens usage.total_tokens",
    },
}


def rows() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each row, with the seed under whose heading it stands."""
    seed = ""
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if heading := re.match(r"## Seed (\d+)", line):
            seed = heading[1]
        elif line.startswith("| ") and not line.startswith("| part "):
            match = ROW.match(line)
            assert match, line
            yield seed, match.groups()


def test_every_documented_name_is_in_the_table_once() -> None:
    in_table = sorted((seed, part, name) for seed, (part, name, *_) in rows())
    documented = sorted(
        (seed, part, name.replace("_/", " /"))
        for seed, parts in DOCUMENTED.items()
        for part, names in parts.items()
        for name in names.split()
    )
    assert in_table == documented


@pytest.mark.parametrize(
    ("module", "name"), sorted({(module, name) for _, (_, _, module, name, _, _) in rows()})
)
def test_what_handles_a_name_is_there(module: str, name: str) -> None:
    assert callable(reduce(getattr, name.split("."), importlib.import_module(module)))


@pytest.mark.parametrize(
    ("file", "test"), sorted({(file, test) for _, (_, _, _, _, file, test) in rows()})
)
def test_what_proves_it_is_there(file: str, test: str) -> None:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    assert test in {node.name for node in tree.body if isinstance(node, kinds)}
