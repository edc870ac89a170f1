"""Settings: one frozen object, made from the environment.

Each setting is declared once, with its variable. A faulty value never stops a stdio server from
listing its tools: it is put into `problems`, and each call is answered with it.
"""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, SecretStr

from amber_mcp.errors import NotConfigured
from amber_mcp.text.redaction import distinct_secrets

from . import certificates, parsers, storage
from .agents import Agent
from .environment import (
    Env,
    InvalidValueError,
    Variable,
    is_template,
    problem,
    variable_value,
)
from .parsers import DEFAULT_TOOLS, SANDBOX, LogLevel

_OF_A_TENANT = (
    "AMBER_API_KEY",
    "AMBER_API_KEY_FILE",
    "AMBER_AGENTS",
    "AMBER_MODEL",
    "AMBER_OPENAI_MODELS",
)


class Settings(BaseModel):
    """What the operator set. Immutable; holds secrets only as `SecretStr`."""

    model_config = ConfigDict(frozen=True)

    base_url: Annotated[
        str, Env("AMBER_BASE_URL", parsers.tenant, "https://yourcompany.ambersearch.de")
    ] = ""
    """Your tenant's address; `sandbox` starts the embedded amber."""
    api_key: Annotated[
        SecretStr,
        Env("AMBER_API_KEY", parsers.api_key, "ambrs-…"),
        Env(
            "AMBER_API_KEY_FILE",
            parsers.api_key_file,
            "/run/secrets/amber_key",
            meaning="A file that holds the key, instead of `AMBER_API_KEY`",
        ),
    ] = SecretStr("")
    """Your API key."""
    openai_models: Annotated[
        tuple[str, ...], Env("AMBER_OPENAI_MODELS", parsers.names, "azure/gpt-5.4")
    ] = ()
    """Models of the tenant's OpenAI-format API, which lists none itself."""
    morpheus_base_url: Annotated[
        str, Env("MORPHEUS_BASE_URL", parsers.gateway, "https://api.mor.org")
    ] = ""
    """The Morpheus API Gateway, for `chat_completion`."""
    morpheus_api_key: Annotated[SecretStr, Env("MORPHEUS_API_KEY", parsers.api_key, "sk-…")] = (
        SecretStr("")
    )
    """The gateway's key."""
    adaptive_base_url: Annotated[
        str, Env("ADAPTIVE_BASE_URL", parsers.gateway, "https://adaptive.yourcompany.example")
    ] = ""
    """An Adaptive Engine, for `chat_completion` and `send_feedback`."""
    adaptive_api_key: Annotated[SecretStr, Env("ADAPTIVE_API_KEY", parsers.api_key, "…")] = (
        SecretStr("")
    )
    """The engine's key."""
    adaptive_models: Annotated[
        tuple[str, ...], Env("ADAPTIVE_MODELS", parsers.names, "support/llama-3,support")
    ] = ()
    """The engine's models, as `project/model` or `project`; it lists none itself."""
    model: Annotated[
        str,
        Env("AMBER_MODEL", parsers.pattern(r"\S+", "a model id: it holds a space"), "azure-gpt-4o"),
    ] = ""
    """The model; unset: the first that the tenant lists."""
    language: Annotated[
        str,
        Env(
            "AMBER_LANGUAGE",
            parsers.pattern(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", "a language code"),
            "de",
        ),
    ] = "en"
    """The language of questions and answers."""
    agents: Annotated[
        Mapping[str, Agent],
        Env("AMBER_AGENTS", parsers.agents, "hr=9676b2b0-…|Questions on leave,legal=…"),
    ] = {}
    """Names for agents: `name=id` pairs with commas; after a bar, what an agent is for."""
    tools: Annotated[tuple[str, ...], Env("AMBER_TOOLS", parsers.tools, "ask_amber,web_search")] = (
        DEFAULT_TOOLS
    )
    """The tools to offer, no others; `list_files`, `chat_completion`, `send_feedback` need it."""
    upload_roots: Annotated[
        tuple[Path, ...] | None,
        Env(
            "AMBER_UPLOAD_ROOTS",
            parsers.upload_roots,
            f"/home/me/Documents{os.pathsep}/home/me/Desktop",
        ),
    ] = None
    """Folders for `upload_file` and images of `chat_completion`; `:` (Windows: `;`) between."""
    upload_field: Annotated[
        str,
        Env(
            "AMBER_UPLOAD_FIELD",
            parsers.pattern(r"[A-Za-z0-9_.\[\]-]+", "a form field's name"),
            "file",
        ),
    ] = "file"
    """The form field in which amber expects a file."""
    stream: Annotated[bool, Env("AMBER_STREAM", parsers.switch, "off")] = True
    """`off` asks amber for whole answers instead of streams."""
    structured: Annotated[bool, Env("AMBER_STRUCTURED", parsers.switch, "off")] = True
    """`off` leaves out structured results, for hosts that choke on them."""
    web_with_company: Annotated[bool, Env("AMBER_WEB_WITH_COMPANY", parsers.switch, "on")] = False
    """`on` lets `web_search` send a conversation's company answers along."""
    state: Annotated[
        storage.StorageLocation,
        Env("AMBER_STATE", storage.storage_location, "sqlite:~/.amber-mcp/state.db"),
    ] = storage.StorageLocation()
    """Where conversations, runs and uploads are kept: `memory`, `sqlite:PATH` or `redis://…`."""
    state_keys: Annotated[
        tuple[SecretStr, ...], Env("AMBER_STATE_KEY", storage.state_keys, "…")
    ] = ()
    """Encrypts what is in Redis: `openssl rand -base64 32`; of several, the first encrypts."""
    state_ttl: Annotated[
        storage.TimeToLive, Env("AMBER_STATE_TTL", storage.time_to_live, "conversation=30d,run=12h")
    ] = storage.TimeToLive()
    """How long each kind is kept after it was last written, or one duration for all."""
    ca_bundle: Annotated[
        Path | None, Env("AMBER_CA_BUNDLE", parsers.pem_path, "/etc/ssl/yourcompany-ca.pem")
    ] = None
    """Authorities to trust besides the system's: a PEM file, or a folder of them."""
    client_cert: Annotated[
        Path | None, Env("AMBER_CLIENT_CERT", parsers.pem_path, "/etc/ssl/client.pem")
    ] = None
    """A client certificate (PEM), for networks that ask for one."""
    client_key: Annotated[
        Path | None, Env("AMBER_CLIENT_KEY", parsers.pem_path, "/etc/ssl/client.key")
    ] = None
    """Its private key (PEM); unset: in the same file."""
    client_key_password: Annotated[SecretStr, Env("AMBER_CLIENT_KEY_PASSWORD", SecretStr, "…")] = (
        SecretStr("")
    )
    """The password of that key, where it is encrypted."""
    connect_timeout: Annotated[float, Env("AMBER_CONNECT_TIMEOUT", parsers.seconds)] = 10
    """Seconds until a connection must stand."""
    read_timeout: Annotated[float, Env("AMBER_READ_TIMEOUT", parsers.seconds)] = 120
    """Seconds that amber may stay silent."""
    call_timeout: Annotated[float, Env("AMBER_CALL_TIMEOUT", parsers.seconds)] = 50
    """Seconds that one tool call may take; keep it below the host's own limit."""
    run_timeout: Annotated[float, Env("AMBER_RUN_TIMEOUT", parsers.seconds)] = 1800
    """Seconds that an agent's run may take, over all calls that wait for it."""
    max_runs: Annotated[int, Env("AMBER_MAX_RUNS", parsers.at_least(1))] = 8
    """Runs of agents that one caller may have under way at a time."""
    max_answer_chars: Annotated[int, Env("AMBER_MAX_ANSWER_CHARS", parsers.at_least(200))] = 40_000
    """Characters of an answer that the assistant gets to see."""
    max_history_chars: Annotated[int, Env("AMBER_MAX_HISTORY_CHARS", parsers.at_least(0))] = 60_000
    """Characters of a conversation's earlier turns that go to amber, the latest first."""
    max_upload_bytes: Annotated[int, Env("AMBER_MAX_UPLOAD_BYTES", parsers.at_least(1))] = (
        2 * 1024**3
    )
    """The largest file that is uploaded."""
    max_body_bytes: Annotated[int, Env("AMBER_MAX_BODY_BYTES", parsers.at_least(1024))] = (
        32 * 1024**2
    )
    """The largest message that the server takes."""
    max_sessions: Annotated[int, Env("AMBER_MAX_SESSIONS", parsers.at_least(1))] = 128
    """Sessions over HTTP at a time; the one that was idle longest makes room for a new one."""
    session_timeout: Annotated[float, Env("AMBER_SESSION_TIMEOUT", parsers.seconds)] = 1800
    """Seconds that a session over HTTP may be idle."""
    retries: Annotated[int, Env("AMBER_RETRIES", parsers.at_least(0))] = 3
    """How often a request is made again that found no connection, or HTTP 429 or 503."""
    max_concurrent_requests: Annotated[
        int, Env("AMBER_MAX_CONCURRENT_REQUESTS", parsers.at_least(1))
    ] = 32
    """Requests to one host at a time; others wait, and fail as `overloaded` in the end."""
    max_response_bytes: Annotated[int, Env("AMBER_MAX_RESPONSE_BYTES", parsers.at_least(1024))] = (
        32 * 1024**2
    )
    """The most bytes that are read for one answer from amber."""
    max_json_bytes: Annotated[int, Env("AMBER_MAX_JSON_BYTES", parsers.at_least(1024))] = (
        8 * 1024**2
    )
    """The longest answer in one piece, and the longest event of a streamed one."""
    max_error_chars: Annotated[int, Env("AMBER_MAX_ERROR_CHARS", parsers.at_least(0))] = 600
    """Characters of amber's own words in an error."""
    max_list_entries: Annotated[int, Env("AMBER_MAX_LIST_ENTRIES", parsers.at_least(1))] = 100
    """Sources of an answer, models and uploads that the assistant gets to see."""
    log_level: Annotated[LogLevel, Env("AMBER_LOG_LEVEL", parsers.log_level, "info")] = "warning"
    """What is logged on stderr: `debug`, `info`, `warning` or `error`."""
    log_content: Annotated[bool, Env("AMBER_LOG_CONTENT", parsers.switch, "on")] = False
    """`on` logs arguments and answers as well, at the level `info`."""
    problems: tuple[str, ...] = ()
    unfilled: Mapping[str, str] = {}
    """The templates that the host left unfilled, by their variables, which count as unset."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read every variable of `variables()` from `environ` (default: `os.environ`)."""
        given = _given(os.environ if environ is None else environ)
        unfilled = {name: value for name, value in given.items() if is_template(value)}
        given = {name: value for name, value in given.items() if name not in unfilled}
        values: dict[str, object] = {"unfilled": unfilled}
        problems: list[str] = []
        for variable in variables():
            if variable.name not in given:
                continue
            try:
                values[variable.field] = variable.parse(given[variable.name])
            except InvalidValueError as fault:
                problems.append(problem(variable, fault))
                if fault.usable is not None:
                    values[variable.field] = fault.usable
        if "AMBER_API_KEY" in given and "AMBER_API_KEY_FILE" in given:
            problems.append("AMBER_API_KEY and AMBER_API_KEY_FILE are both set. Set one of them")
        settings = cls.model_validate(values)
        if settings.state.is_redis and "AMBER_STATE_KEY" not in given:
            problems.append(
                "AMBER_STATE_KEY is not set, which encrypts what is kept in Redis. "
                "Make a key with: openssl rand -base64 32"
            )
        problems += settings._faulty_certificates()
        return settings.model_copy(update={"problems": tuple(problems)})

    @classmethod
    def for_sandbox(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """The same for the embedded amber: whatever belongs to a tenant is left out."""
        given = dict(os.environ if environ is None else environ)
        for name in _OF_A_TENANT:
            given.pop(name, None)
        return cls.from_environment({**given, "AMBER_BASE_URL": SANDBOX})

    def _lack(self, name: str) -> str:
        template = self.unfilled.get(name)
        return f"is not set: the host left {template} unfilled" if template else "is not set"

    def _faulty_certificates(self) -> list[str]:
        faults = certificates.faults(
            self.ca_bundle,
            self.client_cert,
            self.client_key,
            self.client_key_password.get_secret_value(),
        )
        by_name = {variable.name: variable for variable in variables()}
        return [problem(by_name[faulty.variable], faulty.fault) for faulty in faults]

    @property
    def keys(self) -> tuple[str, ...]:
        """The configured API keys."""
        held = (self.api_key, self.morpheus_api_key, self.adaptive_api_key)
        return tuple(filter(None, (key.get_secret_value() for key in held)))

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every configured secret that can be told from a word, for `redact`."""
        passwords = (self.client_key_password, self.state.password)
        held = (each.get_secret_value() for each in passwords if each is not None)
        state_keys = (key.get_secret_value() for key in self.state_keys)
        return (*self.keys, *state_keys, *distinct_secrets(held))

    @property
    def uses_sandbox(self) -> bool:
        """Whether the embedded amber is to be started in this process."""
        return self.base_url == SANDBOX

    def require(self, upstream: str = "AMBER") -> None:
        """Make sure that calls to an upstream (`AMBER`, `MORPHEUS`, `ADAPTIVE`) can be made.

        Raises:
            NotConfigured: naming each variable that is faulty or missing.
        """
        faults = list(self.problems)
        if not self.uses_sandbox:
            faults += [
                problem(variable, self._lack(variable.name))
                for variable in variables()
                if variable.name in (f"{upstream}_BASE_URL", f"{upstream}_API_KEY")
                and not any(problem.startswith(variable.name) for problem in faults)
                and not getattr(self, variable.field)
            ]
        if faults:
            raise NotConfigured("; ".join(faults))


def _given(environ: Mapping[str, str]) -> dict[str, str]:
    values = {each.name: variable_value(environ.get(each.name, "")) for each in variables()}
    return {name: value for name, value in values.items() if value}


@cache
def variables() -> tuple[Variable, ...]:
    """Every variable, in the order in which the settings are declared."""
    return tuple(
        Variable(
            env.name,
            field,
            env.parse,
            env.example or str(declared.default),
            env.meaning,
        )
        for field, declared in Settings.model_fields.items()
        for env in declared.metadata
        if isinstance(env, Env)
    )
