"""The environment variables: how each is read, what it looks like, and what it means."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pydantic import SecretStr

from .keeping import home, lifetimes, state_keys
from .readers import (
    agents,
    api_key,
    api_key_file,
    at_least,
    gateway,
    log_level,
    names,
    pattern,
    pem_path,
    seconds,
    switch,
    tenant,
    tools,
    upload_roots,
)


@dataclass(frozen=True)
class Variable:
    """One environment variable: where its value goes, how it is read, and what it looks like."""

    name: str
    field: str
    parse: Callable[[str], object]
    example: str
    meaning: str


VARIABLES: Final = (
    Variable(
        "AMBER_BASE_URL",
        "base_url",
        tenant,
        "https://yourcompany.ambersearch.de",
        "Your tenant's address; `sandbox` starts the embedded amber",
    ),
    Variable("AMBER_API_KEY", "api_key", api_key, "ambrs-…", "Your API key"),
    Variable(
        "AMBER_API_KEY_FILE",
        "api_key",
        api_key_file,
        "/run/secrets/amber_key",
        "A file that holds the key, instead of `AMBER_API_KEY`",
    ),
    Variable(
        "AMBER_OPENAI_MODELS",
        "openai_models",
        names,
        "azure/gpt-5.4",
        "Models of the tenant's OpenAI-format API, which lists none itself",
    ),
    Variable(
        "MORPHEUS_BASE_URL",
        "morpheus_base_url",
        gateway,
        "https://api.mor.org",
        "The Morpheus API Gateway, for `chat_completion`",
    ),
    Variable("MORPHEUS_API_KEY", "morpheus_api_key", api_key, "sk-…", "The gateway's key"),
    Variable(
        "ADAPTIVE_BASE_URL",
        "adaptive_base_url",
        gateway,
        "https://adaptive.yourcompany.example",
        "An Adaptive Engine, for `chat_completion` and `send_feedback`",
    ),
    Variable("ADAPTIVE_API_KEY", "adaptive_api_key", api_key, "…", "The engine's key"),
    Variable(
        "ADAPTIVE_MODELS",
        "adaptive_models",
        names,
        "support/llama-3,support",
        "The engine's models, as `project/model` or `project`; it lists none itself",
    ),
    Variable(
        "AMBER_MODEL",
        "model",
        pattern(r"\S+", "a model id: it holds a space"),
        "azure-gpt-4o",
        "The model; unset: the first that the tenant lists",
    ),
    Variable(
        "AMBER_LANGUAGE",
        "language",
        pattern(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", "a language code"),
        "de",
        "The language of questions and answers",
    ),
    Variable(
        "AMBER_AGENTS",
        "agents",
        agents,
        "hr=9676b2b0-9fdd-40b1-8a0a-0debe64b29ac,legal=…",
        "Names for agents, as `name=id` pairs with commas between them",
    ),
    Variable(
        "AMBER_TOOLS",
        "tools",
        tools,
        "ask_amber,web_search",
        "The tools to offer, and no others; `chat_completion`, `send_feedback` need it",
    ),
    Variable(
        "AMBER_UPLOAD_ROOTS",
        "upload_roots",
        upload_roots,
        f"/home/me/Documents{os.pathsep}/home/me/Desktop",
        "Folders for `upload_file` and images of `chat_completion`; `:` (Windows: `;`) between",
    ),
    Variable(
        "AMBER_UPLOAD_FIELD",
        "upload_field",
        pattern(r"[A-Za-z0-9_.\[\]-]+", "a form field's name"),
        "file",
        "The form field in which amber expects a file",
    ),
    Variable(
        "AMBER_STREAM",
        "stream",
        switch,
        "off",
        "`off` asks amber for whole answers instead of streams",
    ),
    Variable(
        "AMBER_STRUCTURED",
        "structured",
        switch,
        "off",
        "`off` leaves out structured results, for hosts that choke on them",
    ),
    Variable(
        "AMBER_STATE",
        "state",
        home,
        "sqlite:~/.amber-mcp/state.db",
        "Where conversations and runs are kept: `memory`, `sqlite:PATH` or `redis://…`",
    ),
    Variable(
        "AMBER_STATE_KEY",
        "state_keys",
        state_keys,
        "…",
        "Seals what is kept in Redis: `openssl rand -base64 32`; of several, the first seals",
    ),
    Variable(
        "AMBER_STATE_TTL",
        "state_ttl",
        lifetimes,
        "conversation=30d,run=12h",
        "How long each kind is kept after it was last written, or one duration for all",
    ),
    Variable(
        "AMBER_CA_BUNDLE",
        "ca_bundle",
        pem_path,
        "/etc/ssl/yourcompany-ca.pem",
        "Authorities to trust besides the system's: a PEM file, or a folder of them",
    ),
    Variable(
        "AMBER_CLIENT_CERT",
        "client_cert",
        pem_path,
        "/etc/ssl/client.pem",
        "A client certificate (PEM), for networks that ask for one",
    ),
    Variable(
        "AMBER_CLIENT_KEY",
        "client_key",
        pem_path,
        "/etc/ssl/client.key",
        "Its private key (PEM); unset: in the same file",
    ),
    Variable(
        "AMBER_CLIENT_KEY_PASSWORD",
        "client_key_password",
        SecretStr,
        "…",
        "The password of that key, where it is encrypted",
    ),
    Variable(
        "AMBER_CONNECT_TIMEOUT",
        "connect_timeout",
        seconds,
        "10",
        "Seconds until a connection must stand",
    ),
    Variable(
        "AMBER_READ_TIMEOUT", "read_timeout", seconds, "120", "Seconds that amber may stay silent"
    ),
    Variable(
        "AMBER_CALL_TIMEOUT",
        "call_timeout",
        seconds,
        "50",
        "Seconds that one tool call may take; keep it below the host's own limit",
    ),
    Variable(
        "AMBER_RUN_TIMEOUT",
        "run_timeout",
        seconds,
        "1800",
        "Seconds that an agent's run may take, over all calls that wait for it",
    ),
    Variable(
        "AMBER_MAX_RUNS",
        "max_runs",
        at_least(1),
        "8",
        "Runs of agents that one caller may have under way at a time",
    ),
    Variable(
        "AMBER_MAX_ANSWER_CHARS",
        "max_answer_chars",
        at_least(200),
        "40000",
        "Characters of an answer that the assistant gets to see",
    ),
    Variable(
        "AMBER_MAX_HISTORY_CHARS",
        "max_history_chars",
        at_least(0),
        "60000",
        "Characters of a conversation's earlier turns that go to amber; the oldest are left out",
    ),
    Variable(
        "AMBER_WEB_WITH_COMPANY",
        "web_with_company",
        switch,
        "on",
        "`on` lets `web_search` send a conversation's company answers along",
    ),
    Variable(
        "AMBER_MAX_UPLOAD_BYTES",
        "max_upload_bytes",
        at_least(1),
        "2147483648",
        "The largest file that is uploaded",
    ),
    Variable(
        "AMBER_MAX_BODY_BYTES",
        "max_body_bytes",
        at_least(1024),
        "33554432",
        "The largest message that the server takes",
    ),
    Variable(
        "AMBER_RETRIES",
        "retries",
        at_least(0),
        "3",
        "How often a request is made again that found no connection, or HTTP 429 or 503",
    ),
    Variable(
        "AMBER_MAX_CONCURRENT_REQUESTS",
        "max_concurrent_requests",
        at_least(1),
        "32",
        "Requests to one host at a time; others wait, and fail as `overloaded` in the end",
    ),
    Variable(
        "AMBER_MAX_RESPONSE_BYTES",
        "max_response_bytes",
        at_least(1024),
        "33554432",
        "The longest answer that is read from amber",
    ),
    Variable(
        "AMBER_MAX_EVENT_BYTES",
        "max_event_bytes",
        at_least(1024),
        "4194304",
        "The longest event of a streamed answer",
    ),
    Variable(
        "AMBER_MAX_ERROR_CHARS",
        "max_error_chars",
        at_least(0),
        "600",
        "Characters of amber's own words in an error",
    ),
    Variable(
        "AMBER_MAX_LIST_ENTRIES",
        "max_list_entries",
        at_least(1),
        "100",
        "Sources of an answer, models and uploads that the assistant gets to see",
    ),
    Variable(
        "AMBER_LOG_LEVEL",
        "log_level",
        log_level,
        "info",
        "What is logged on stderr: `debug`, `info`, `warning` or `error`",
    ),
    Variable(
        "AMBER_LOG_CONTENT",
        "log_content",
        switch,
        "on",
        "`on` logs arguments and answers as well, at the level `info`",
    ),
)
