"""Settings: one frozen object, made from the environment.

Every variable is described once, in `variables.py`; `Settings.from_environment` reads them. A blank
value and an unfilled template of a desktop bundle (`${user_config.api_key}`) count as unset.
A faulty value never stops a stdio server from listing its tools: it is kept in `problems`, and
the first call is answered with it.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, SecretStr

from . import certificates
from .errors import NotConfigured
from .keeping import Home, Lifetimes
from .redaction import distinct_secrets, redacted
from .values import DEFAULT_TOOLS, SANDBOX, FaultyValueError, LogLevel, Variable
from .variables import VARIABLES

_OF_A_TENANT = (
    "AMBER_API_KEY",
    "AMBER_API_KEY_FILE",
    "AMBER_AGENTS",
    "AMBER_MODEL",
    "AMBER_OPENAI_MODELS",
)
_UNFILLED_TEMPLATE = re.compile(r"\$\{user_config\.[^}]*\}")


class Settings(BaseModel):
    """What the operator set. Immutable; holds secrets only as `SecretStr`."""

    model_config = ConfigDict(frozen=True)

    base_url: str = ""
    api_key: SecretStr = SecretStr("")
    openai_models: tuple[str, ...] = ()
    morpheus_base_url: str = ""
    morpheus_api_key: SecretStr = SecretStr("")
    adaptive_base_url: str = ""
    adaptive_api_key: SecretStr = SecretStr("")
    adaptive_models: tuple[str, ...] = ()
    model: str = ""
    language: str = "en"
    agents: Mapping[str, str] = {}
    tools: tuple[str, ...] = DEFAULT_TOOLS
    stream: bool = True
    structured: bool = True
    upload_roots: tuple[Path, ...] | None = None
    upload_field: str = "file"
    state: Home = Home()
    state_keys: tuple[SecretStr, ...] = ()
    state_ttl: Lifetimes = Lifetimes()
    ca_bundle: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    client_key_password: SecretStr = SecretStr("")
    connect_timeout: float = 10
    read_timeout: float = 120
    call_timeout: float = 50
    run_timeout: float = 1800
    max_runs: int = 8
    max_answer_chars: int = 40_000
    max_upload_bytes: int = 2 * 1024**3
    max_body_bytes: int = 32 * 1024**2
    max_history_chars: int = 60_000
    web_with_company: bool = False
    retries: int = 3
    max_concurrent_requests: int = 32
    max_response_bytes: int = 32 * 1024**2
    max_event_bytes: int = 4 * 1024**2
    max_error_chars: int = 600
    max_list_entries: int = 100
    log_level: LogLevel = "warning"
    log_content: bool = False
    problems: tuple[str, ...] = ()

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read every variable of `VARIABLES` from `environ` (default: `os.environ`)."""
        given = _set_values(os.environ if environ is None else environ)
        values: dict[str, object] = {}
        problems: list[str] = []
        for variable in VARIABLES:
            if variable.name not in given:
                continue
            try:
                values[variable.field] = variable.parse(given[variable.name])
            except FaultyValueError as fault:
                problems.append(_problem(variable, fault))
                if fault.usable is not None:
                    values[variable.field] = fault.usable
        if "AMBER_API_KEY" in given and "AMBER_API_KEY_FILE" in given:
            problems.append("AMBER_API_KEY and AMBER_API_KEY_FILE are both set. Set one of them")
        settings = cls.model_validate(values)
        if settings.state.is_redis and "AMBER_STATE_KEY" not in given:
            problems.append(
                "AMBER_STATE_KEY is not set, which seals what is kept in Redis. "
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
        by_name = {variable.name: variable for variable in VARIABLES}
        return [_problem(by_name[faulty.variable], faulty.fault) for faulty in faults]

    @property
    def keys(self) -> tuple[str, ...]:
        """The configured API keys."""
        held = (self.api_key, self.morpheus_api_key, self.adaptive_api_key)
        return tuple(filter(None, (key.get_secret_value() for key in held)))

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every configured secret that can be told from a word, for `redacted`."""
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
                for variable in VARIABLES
                if variable.name in (f"{upstream}_BASE_URL", f"{upstream}_API_KEY")
                and not any(problem.startswith(variable.name) for problem in faults)
                and not getattr(self, variable.field)
            ]
        if faults:
            raise NotConfigured("; ".join(faults))


def _problem(variable: Variable, fault: object) -> str:
    return redacted(f"{variable.name} {fault}. Example: {variable.example}")


def as_set(value: str) -> str:
    """What a variable is set to: nothing, where it is blank or an unfilled template.

    Quotes around it, which a shell would take off, are taken off.
    """
    value = value.strip()
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    value = value[1:-1].strip() if quoted else value
    return "" if _UNFILLED_TEMPLATE.fullmatch(value) else value


def _set_values(environ: Mapping[str, str]) -> dict[str, str]:
    given = {variable.name: as_set(environ.get(variable.name, "")) for variable in VARIABLES}
    return {name: value for name, value in given.items() if value}
