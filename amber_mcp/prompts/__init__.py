"""The prompts, one file each."""

from collections.abc import Mapping, Sequence

from .ask_agent import ask_agent
from .compare_files import compare_files
from .prompt import Prompt
from .research import research
from .summarise_file import summarise_file

__all__ = ["Prompt", "prompts_for"]


def prompts_for(tools: Sequence[str]) -> Mapping[str, Prompt]:
    """The prompts, by their names, that need no other tools than these."""
    every = (research, summarise_file, compare_files, ask_agent)
    return {prompt.name: prompt for prompt in every if set(prompt.tools) <= set(tools)}
