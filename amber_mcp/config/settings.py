"""Settings: one frozen object, made from the environment.

Each setting is declared once, with its variable: how that is read, an example, and what it means.
A faulty value never stops a stdio server from listing its tools: it is kept in `problems`, and
each call is answered with it.
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
from .environment import Env, InvalidValueError, Variable, problem, variable_value
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
        str,
        Env(
            parsers.tenant,
            "Your tenant's address; `sandbox` starts the embedded amber",
            "https://yourcompany.ambersearch.de",
        ),
    ] = ""
    api_key: Annotated[
        SecretStr,
        Env(parsers.api_key, "Your API key", "ambrs-…"),
        Env(
            parsers.api_key_file,
            "A file that holds the key, instead of `AMBER_API_KEY`",
            "/run/secrets/amber_key",
            name="AMBER_API_KEY_FILE",
        ),
    ] = SecretStr("")
    openai_models: Annotated[
        tuple[str, ...],
        Env(
            parsers.names,
            "Models of the tenant's OpenAI-format API, which lists none itself",
            "azure/gpt-5.4",
        ),
    ] = ()
    morpheus_base_url: Annotated[
        str,
        Env(
            parsers.gateway,
            "The Morpheus API Gateway, for `chat_completion`",
            "https://api.mor.org",
        ),
    ] = ""
    morpheus_api_key: Annotated[SecretStr, Env(parsers.api_key, "The gateway's key", "sk-…")] = (
        SecretStr("")
    )
    adaptive_base_url: Annotated[
        str,
        Env(
            parsers.gateway,
            "An Adaptive Engine, for `chat_completion` and `send_feedback`",
            "https://adaptive.yourcompany.example",
        ),
    ] = ""
    adaptive_api_key: Annotated[SecretStr, Env(parsers.api_key, "The engine's key", "…")] = (
        SecretStr("")
    )
    adaptive_models: Annotated[
        tuple[str, ...],
        Env(
            parsers.names,
            "The engine's models, as `project/model` or `project`; it lists none itself",
            "support/llama-3,support",
        ),
    ] = ()
    model: Annotated[
        str,
        Env(
            parsers.pattern(r"\S+", "a model id: it holds a space"),
            "The model; unset: the first that the tenant lists",
            "azure-gpt-4o",
        ),
    ] = ""
    language: Annotated[
        str,
        Env(
            parsers.pattern(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", "a language code"),
            "The language of questions and answers",
            "de",
        ),
    ] = "en"
    agents: Annotated[
        Mapping[str, str],
        Env(
            parsers.agents,
            "Names for agents, as `name=id` pairs with commas between them",
            "hr=9676b2b0-9fdd-40b1-8a0a-0debe64b29ac,legal=…",
        ),
    ] = {}
    tools: Annotated[
        tuple[str, ...],
        Env(
            parsers.tools,
            "The tools to offer, and no others; `chat_completion`, `send_feedback` need it",
            "ask_amber,web_search",
        ),
    ] = DEFAULT_TOOLS
    upload_roots: Annotated[
        tuple[Path, ...] | None,
        Env(
            parsers.upload_roots,
            "Folders for `upload_file` and images of `chat_completion`; `:` (Windows: `;`) between",
            f"/home/me/Documents{os.pathsep}/home/me/Desktop",
        ),
    ] = None
    upload_field: Annotated[
        str,
        Env(
            parsers.pattern(r"[A-Za-z0-9_.\[\]-]+", "a form field's name"),
            "The form field in which amber expects a file",
            "file",
        ),
    ] = "file"
    stream: Annotated[
        bool, Env(parsers.switch, "`off` asks amber for whole answers instead of streams", "off")
    ] = True
    structured: Annotated[
        bool,
        Env(
            parsers.switch,
            "`off` leaves out structured results, for hosts that choke on them",
            "off",
        ),
    ] = True
    web_with_company: Annotated[
        bool,
        Env(
            parsers.switch,
            "`on` lets `web_search` send a conversation's company answers along",
            "on",
        ),
    ] = False
    state: Annotated[
        storage.StorageLocation,
        Env(
            storage.storage_location,
            "Where conversations, runs and uploads are kept: `memory`, `sqlite:PATH` or `redis://…`",
            "sqlite:~/.amber-mcp/state.db",
        ),
    ] = storage.StorageLocation()
    state_keys: Annotated[
        tuple[SecretStr, ...],
        Env(
            storage.state_keys,
            "Encrypts what is in Redis: `openssl rand -base64 32`; of several, the first encrypts",
            "…",
            name="AMBER_STATE_KEY",
        ),
    ] = ()
    state_ttl: Annotated[
        storage.TimeToLive,
        Env(
            storage.time_to_live,
            "How long each kind is kept after it was last written, or one duration for all",
            "conversation=30d,run=12h",
        ),
    ] = storage.TimeToLive()
    ca_bundle: Annotated[
        Path | None,
        Env(
            parsers.pem_path,
            "Authorities to trust besides the system's: a PEM file, or a folder of them",
            "/etc/ssl/yourcompany-ca.pem",
        ),
    ] = None
    client_cert: Annotated[
        Path | None,
        Env(
            parsers.pem_path,
            "A client certificate (PEM), for networks that ask for one",
            "/etc/ssl/client.pem",
        ),
    ] = None
    client_key: Annotated[
        Path | None,
        Env(
            parsers.pem_path,
            "Its private key (PEM); unset: in the same file",
            "/etc/ssl/client.key",
        ),
    ] = None
    client_key_password: Annotated[
        SecretStr, Env(SecretStr, "The password of that key, where it is encrypted", "…")
    ] = SecretStr("")
    connect_timeout: Annotated[
        float, Env(parsers.seconds, "Seconds until a connection must stand")
    ] = 10
    read_timeout: Annotated[float, Env(parsers.seconds, "Seconds that amber may stay silent")] = 120
    call_timeout: Annotated[
        float,
        Env(
            parsers.seconds,
            "Seconds that one tool call may take; keep it below the host's own limit",
        ),
    ] = 50
    run_timeout: Annotated[
        float,
        Env(
            parsers.seconds, "Seconds that an agent's run may take, over all calls that wait for it"
        ),
    ] = 1800
    max_runs: Annotated[
        int, Env(parsers.at_least(1), "Runs of agents that one caller may have under way at a time")
    ] = 8
    max_answer_chars: Annotated[
        int, Env(parsers.at_least(200), "Characters of an answer that the assistant gets to see")
    ] = 40_000
    max_history_chars: Annotated[
        int,
        Env(
            parsers.at_least(0),
            "Characters of a conversation's earlier turns that go to amber, the latest first",
        ),
    ] = 60_000
    max_upload_bytes: Annotated[
        int, Env(parsers.at_least(1), "The largest file that is uploaded")
    ] = 2 * 1024**3
    max_body_bytes: Annotated[
        int, Env(parsers.at_least(1024), "The largest message that the server takes")
    ] = 32 * 1024**2
    retries: Annotated[
        int,
        Env(
            parsers.at_least(0),
            "How often a request is made again that found no connection, or HTTP 429 or 503",
        ),
    ] = 3
    max_concurrent_requests: Annotated[
        int,
        Env(
            parsers.at_least(1),
            "Requests to one host at a time; others wait, and fail as `overloaded` in the end",
        ),
    ] = 32
    max_response_bytes: Annotated[
        int, Env(parsers.at_least(1024), "The longest answer that is read from amber")
    ] = 32 * 1024**2
    max_event_bytes: Annotated[
        int, Env(parsers.at_least(1024), "The longest event of a streamed answer")
    ] = 4 * 1024**2
    max_error_chars: Annotated[
        int, Env(parsers.at_least(0), "Characters of amber's own words in an error")
    ] = 600
    max_list_entries: Annotated[
        int,
        Env(
            parsers.at_least(1),
            "Sources of an answer, models and uploads that the assistant gets to see",
        ),
    ] = 100
    log_level: Annotated[
        LogLevel,
        Env(
            parsers.log_level,
            "What is logged on stderr: `debug`, `info`, `warning` or `error`",
            "info",
        ),
    ] = "warning"
    log_content: Annotated[
        bool,
        Env(parsers.switch, "`on` logs arguments and answers as well, at the level `info`", "on"),
    ] = False
    problems: tuple[str, ...] = ()

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read every variable of `variables()` from `environ` (default: `os.environ`)."""
        given = _given(os.environ if environ is None else environ)
        values: dict[str, object] = {}
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
        seals = (key.get_secret_value() for key in self.state_keys)
        return (*self.keys, *seals, *distinct_secrets(held))

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
                f"{variable.name} is not set. Example: {variable.example}"
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


def _name(field: str) -> str:
    return (field if field.startswith(("morpheus_", "adaptive_")) else f"amber_{field}").upper()


@cache
def variables() -> tuple[Variable, ...]:
    """Every variable, in the order in which the settings are declared."""
    return tuple(
        Variable(
            env.name or _name(field),
            field,
            env.parse,
            env.example or str(declared.default),
            env.meaning,
        )
        for field, declared in Settings.model_fields.items()
        for env in declared.metadata
        if isinstance(env, Env)
    )
