"""The environment variables: how each is read, what it looks like, and what it means."""

import os
from typing import Final

from pydantic import SecretStr

from .keeping import home, lifetimes, state_keys
from .limits import LIMITS
from .readers import (
    agents,
    api_key,
    api_key_file,
    gateway,
    log_level,
    names,
    pattern,
    pem_path,
    switch,
    tenant,
    tools,
    upload_roots,
)
from .values import Variable

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
        "AMBER_WEB_WITH_COMPANY",
        "web_with_company",
        switch,
        "on",
        "`on` lets `web_search` send a conversation's company answers along",
    ),
    Variable(
        "AMBER_STATE",
        "state",
        home,
        "sqlite:~/.amber-mcp/state.db",
        "Where conversations, runs and uploads are kept: `memory`, `sqlite:PATH` or `redis://…`",
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
    *LIMITS,
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
