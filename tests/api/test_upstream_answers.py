"""Answers in the forms that APIs of this kind are known to send, each with what it says.

`upstream_answers.json` holds them: what came with status 200, and the answer, the sources or the
error that it is. Where no answer is named, the text is as it came.
"""

import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.responses import Response

from amber_mcp.answering import answer
from amber_mcp.errors import AmberError
from tests.api.asking import QUESTION
from tests.upstream import Canned, amber_of, client_of

CASES = json.loads(Path(__file__).with_name("upstream_answers.json").read_text())


def text_of(body: str) -> str:
    content = json.loads(body)["choices"][0]["message"]["content"]
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
async def test_an_answer_says_the_same_in_every_form(
    upstream: Canned, case: dict[str, Any]
) -> None:
    kind = {"Content-Type": case["content_type"]} if case["content_type"] else None
    expected = case["expect"]
    async with upstream(Response(case["body"], headers=kind)) as canned:
        async with client_of(canned.settings()) as http:
            with anyio.fail_after(20):
                if "error" in expected:
                    with pytest.raises(AmberError) as raised:
                        await answer(amber_of(http), QUESTION, on_text=len)
                    assert raised.value.kind == expected["error"]
                    assert expected["words"] in raised.value.upstream
                    return
                answered = await answer(amber_of(http), QUESTION, on_text=len)
    assert answered.text == (expected.get("answer") or text_of(case["body"]))
    assert answered.finish_reason == expected.get("finish_reason", "stop")
    found = [{"title": source.title, "url": source.url} for source in answered.sources]
    assert found == expected.get("sources", [])
    assert [source.number for source in answered.sources] == [*range(1, len(found) + 1)]
