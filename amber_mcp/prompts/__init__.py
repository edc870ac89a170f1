"""The prompts that hosts offer to users as commands."""

from .catalog import prompts_for
from .prompt import Prompt, get_prompt, list_prompts

__all__ = ["Prompt", "get_prompt", "list_prompts", "prompts_for"]
