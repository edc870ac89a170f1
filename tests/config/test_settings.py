"""Settings: every variable, every way to leave one unset, and every fault told without a secret."""

import os
from pathlib import Path

import pytest

from amber_mcp.config.parsers import DEFAULT_TOOLS, TOOL_NAMES, is_loopback
from amber_mcp.config.settings import Settings, variables
from amber_mcp.errors import NotConfigured

KEY = "ambrs-planted-key-0123456789"


@pytest.mark.parametrize(
    ("given", "root"),
    [
        ("https://acme.ambersearch.de", "https://acme.ambersearch.de"),
        ("https://acme.ambersearch.de/", "https://acme.ambersearch.de"),
        ("acme.ambersearch.de", "https://acme.ambersearch.de"),
        ("  HTTPS://Acme.ambersearch.DE  ", "https://acme.ambersearch.de"),
        ("https://acme.ambersearch.de/api/beta/amberai", "https://acme.ambersearch.de"),
        ("https://acme.ambersearch.de/api/beta/amberai/", "https://acme.ambersearch.de"),
        (
            "https://acme.ambersearch.de/api/beta/amberai/chat/completions",
            "https://acme.ambersearch.de",
        ),
        ("https://acme.ambersearch.de/api/beta/openai/v1", "https://acme.ambersearch.de"),
        ("https://acme.ambersearch.de/mcp/", "https://acme.ambersearch.de"),
        ("https://acme.ambersearch.com:8443", "https://acme.ambersearch.com:8443"),
        ("https://gateway.example/amber/", "https://gateway.example/amber"),
        ("https://gateway.example/amber/api/beta/amberai", "https://gateway.example/amber"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("http://localhost:9000/", "http://localhost:9000"),
        ("http://[::1]:9000", "http://[::1]:9000"),
        ("sandbox", "sandbox"),
        ("Sandbox", "sandbox"),
    ],
)
def test_base_url_is_the_tenants_root(given: str, root: str) -> None:
    settings = Settings.from_environment({"AMBER_BASE_URL": given})
    assert settings.problems == ()
    assert settings.base_url == root


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ("ftp://acme.ambersearch.de", "ftp://"),
        ("http://acme.ambersearch.de", "plain http"),
        ("https://user:secret-word@acme.ambersearch.de", "user name or a password"),
        ("https://acme.ambersearch.de?key=secret-word", "query"),
        ("https://customerDomain.ambersearch.de", "placeholder"),
        ("https://", "no valid host"),
        ("https://a b.example", "no valid host"),
        ("https://acme.example:99999", "not a URL"),
        ("https://[::1", "not a URL"),
        ("https://acme.example:0", "port 0"),
    ],
)
def test_a_faulty_base_url_names_the_variable_the_fault_and_an_example(
    given: str, fault: str
) -> None:
    (problem,) = Settings.from_environment({"AMBER_BASE_URL": given}).problems
    assert problem.startswith("AMBER_BASE_URL ")
    assert fault in problem
    assert "Example: https://" in problem
    assert "secret-word" not in problem


@pytest.mark.parametrize("value", ["", "   ", "''"])
def test_blank_values_are_unset(value: str) -> None:
    given = {variable.name: value for variable in variables()}
    assert Settings.from_environment(given) == Settings()


@pytest.mark.parametrize(
    "template",
    [
        "${user_config.api_key}",
        "${AMBER_API_KEY}",
        "${AMBER_API_KEY:-}",
        "${env:AMBER_API_KEY}",
        "${input:amber-api-key}",
        "${{ secrets.AMBER_API_KEY }}",
        "{{AMBER_API_KEY}}",
        "$(AMBER_API_KEY)",
        "$AMBER_API_KEY",
        "$env:AMBER_API_KEY",
        "%AMBER_API_KEY%",
    ],
)
def test_templates_that_a_host_left_unfilled_are_unset_and_named(template: str) -> None:
    given = {variable.name: f' "{template}"\n' for variable in variables()}
    settings = Settings.from_environment(given)
    assert settings.model_copy(update={"unfilled": {}}) == Settings()
    with pytest.raises(NotConfigured) as error:
        settings.require()
    assert f"AMBER_API_KEY is not set: the host left {template} unfilled" in error.value.message
    (problem,) = Settings.from_environment({"AMBER_API_KEY": f"Bearer {template}"}).problems
    assert f"AMBER_API_KEY holds {template}, which the host left unfilled" in problem


@pytest.mark.parametrize("password", ["$ecret", "%20", "$1", "{a}", "a${B}", "%a%"])
def test_what_only_looks_like_a_template_is_a_value(password: str) -> None:
    settings = Settings.from_environment({"AMBER_CLIENT_KEY_PASSWORD": password})
    assert settings.client_key_password.get_secret_value() == password


@pytest.mark.parametrize("given", [KEY, f"Bearer {KEY}", f"bearer   {KEY}", f"  {KEY}\n"])
def test_the_key_comes_with_or_without_bearer(given: str) -> None:
    settings = Settings.from_environment({"AMBER_API_KEY": given})
    assert settings.api_key.get_secret_value() == KEY


@pytest.mark.parametrize("given", ["Bearer", f"{KEY} {KEY}", f"{KEY}\x00", f"{KEY}ß"])
def test_a_faulty_key_is_never_repeated(given: str) -> None:
    settings = Settings.from_environment({"AMBER_API_KEY": given})
    (problem,) = settings.problems
    assert problem.startswith("AMBER_API_KEY holds")
    assert "planted" not in problem
    assert "planted" not in repr(settings)


def test_the_key_is_in_no_repr() -> None:
    settings = Settings.from_environment({"AMBER_API_KEY": KEY})
    assert KEY not in repr(settings)
    assert KEY not in str(settings)
    assert KEY not in settings.model_dump_json()


@pytest.mark.parametrize(
    "content",
    [
        f"\ufeffBearer {KEY}\n".encode(),
        f"\ufeff{KEY}\r\n".encode("utf-16-le"),
        f'"{KEY}"\n'.encode(),
        f"AMBER_API_KEY={KEY}\n".encode(),
        f"# amber\nAMBER_BASE_URL=a.example\r\nexport AMBER_API_KEY = '{KEY}'\r\n".encode(),
    ],
)
def test_the_key_may_stand_in_a_file(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    settings = Settings.from_environment({"AMBER_API_KEY_FILE": str(file)})
    assert settings.problems == ()
    assert settings.api_key.get_secret_value() == KEY


def test_a_key_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    long = tmp_path / "long"
    long.write_bytes(b"x" * 20_000)
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\xfa")
    empty = tmp_path / "empty"
    empty.write_text("\n")
    for path, fault in (
        (tmp_path / "none", "No such file"),
        (tmp_path, "Is a directory"),
        (long, "too long"),
        (binary, "text"),
        (empty, "is empty"),
    ):
        (problem,) = Settings.from_environment({"AMBER_API_KEY_FILE": str(path)}).problems
        assert str(path) in problem
        assert fault in problem


def test_a_key_and_a_key_file_are_one_too_many(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY)
    given = {"AMBER_API_KEY": KEY, "AMBER_API_KEY_FILE": str(file)}
    assert "both set" in Settings.from_environment(given).problems[0]


@pytest.mark.parametrize(
    ("given", "agents"),
    [
        (" hr=1-2 , legal = 3-4,", {"hr": ("1-2", ""), "legal": ("3-4", "")}),
        (
            "hr=1 | Leave, pay and contracts,, it=2|,the desk=3|a|b=c",
            {"hr": ("1", "Leave, pay and contracts"), "it": ("2", ""), "the desk": ("3", "a|b=c")},
        ),
    ],
)
def test_agents_are_names_for_ids(given: str, agents: dict[str, tuple[str, str]]) -> None:
    settings = Settings.from_environment({"AMBER_AGENTS": given})
    assert settings.problems == ()
    assert settings.agents == agents


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ("hr", "number 1"),
        ("a=1,=1", "number 2"),
        ("a=1,b=|What b is for", "number 2"),
        ("a=1,b,c=2", "number 1"),
        ("hr=1,HR=2", "twice"),
        (KEY, "number 1"),
    ],
)
def test_faulty_agents_are_told(given: str, fault: str) -> None:
    (problem,) = Settings.from_environment({"AMBER_AGENTS": given}).problems
    assert fault in problem
    assert KEY not in problem


@pytest.mark.parametrize(
    ("given", "offered"),
    [
        ("", DEFAULT_TOOLS),
        ("list_models, ask_amber ask_amber", ("list_models", "ask_amber")),
        ('["list_models", "ask_amber"]', ("list_models", "ask_amber")),
        ("ask-amber,List_Models", ("ask_amber", "list_models")),
        ("*", TOOL_NAMES),
        ("all", TOOL_NAMES),
    ],
)
def test_tools_are_all_five_or_those_that_are_named(given: str, offered: tuple[str, ...]) -> None:
    settings = Settings.from_environment({"AMBER_TOOLS": given})
    assert settings.tools == offered
    assert settings.problems == ()


@pytest.mark.parametrize("given", ["none", "[]", "5"])
def test_where_no_tool_is_known_those_of_the_default_are_listed(given: str) -> None:
    settings = Settings.from_environment({"AMBER_TOOLS": given})
    assert settings.tools == DEFAULT_TOOLS
    assert f"AMBER_TOOLS names unknown tools ({given})" in settings.problems[0]


def test_a_misspelt_tool_never_opens_the_others() -> None:
    settings = Settings.from_environment({"AMBER_TOOLS": "ask_amber,web_serch"})
    assert settings.tools == ("ask_amber",)
    assert "web_serch" in settings.problems[0]


def test_upload_roots_are_absolute_folders() -> None:
    given = os.pathsep.join(["/data/a", "~/b"])
    settings = Settings.from_environment({"AMBER_UPLOAD_ROOTS": given})
    assert settings.upload_roots == (Path("/data/a"), Path.home() / "b")


def test_faulty_upload_roots_allow_nothing() -> None:
    settings = Settings.from_environment({"AMBER_UPLOAD_ROOTS": "relative/folder"})
    assert settings.upload_roots == ()
    assert "relative/folder" in settings.problems[0]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("AMBER_STREAM", "off", False),
        ("AMBER_STREAM", "On", True),
        ("AMBER_STRUCTURED", "false", False),
        ("AMBER_LANGUAGE", "de", "de"),
        ("AMBER_LANGUAGE", "pt-BR", "pt-BR"),
        ("AMBER_MODEL", "azure/gpt-5.4", "azure/gpt-5.4"),
        ("AMBER_UPLOAD_FIELD", "files", "files"),
        ("AMBER_CONNECT_TIMEOUT", "2.5", 2.5),
        ("AMBER_READ_TIMEOUT", "300", 300.0),
        ("AMBER_CALL_TIMEOUT", "240", 240.0),
        ("AMBER_MAX_ANSWER_CHARS", "1_000", 1000),
        ("AMBER_MAX_UPLOAD_BYTES", "5", 5),
        ("AMBER_MAX_BODY_BYTES", "4096", 4096),
        ("AMBER_MAX_SESSIONS", "1", 1),
        ("AMBER_SESSION_TIMEOUT", "0.5", 0.5),
    ],
)
def test_a_value_is_read(name: str, value: str, expected: object) -> None:
    settings = Settings.from_environment({name: value})
    field = next(variable.field for variable in variables() if variable.name == name)
    assert settings.problems == ()
    assert getattr(settings, field) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AMBER_STREAM", "maybe"),
        ("AMBER_LANGUAGE", "deutsch bitte"),
        ("AMBER_MODEL", "two words"),
        ("AMBER_UPLOAD_FIELD", 'a"b'),
        ("AMBER_UPLOAD_FIELD", "a b"),
        ("AMBER_MAX_BODY_BYTES", "9" * 5000),
        ("AMBER_CONNECT_TIMEOUT", "soon"),
        ("AMBER_READ_TIMEOUT", "0"),
        ("AMBER_CALL_TIMEOUT", "nan"),
        ("AMBER_MAX_ANSWER_CHARS", "10"),
        ("AMBER_MAX_UPLOAD_BYTES", "1 GiB"),
        ("AMBER_MAX_BODY_BYTES", "-1"),
        ("AMBER_MAX_SESSIONS", "0"),
    ],
)
def test_a_faulty_value_names_its_variable_and_keeps_the_default(name: str, value: str) -> None:
    settings = Settings.from_environment({name: value})
    (problem,) = settings.problems
    assert problem.startswith(f"{name} ")
    assert "Example: " in problem
    assert settings.model_copy(update={"problems": ()}) == Settings()


def test_every_field_has_its_variable() -> None:
    assert {variable.field for variable in variables()} == set(Settings.model_fields) - {
        "problems",
        "unfilled",
    }


def test_every_example_is_right() -> None:
    for variable in variables():
        if not variable.field.endswith(("api_key", "state_keys")):
            assert variable.parse(variable.example) is not None


def test_what_is_missing_is_named() -> None:
    with pytest.raises(NotConfigured, match=r"AMBER_BASE_URL is not set.*AMBER_API_KEY is not set"):
        Settings.from_environment({}).require()
    with pytest.raises(NotConfigured) as error:
        Settings.from_environment({"AMBER_BASE_URL": "ftp://x", "AMBER_API_KEY": KEY}).require()
    assert "AMBER_BASE_URL starts with ftp://" in error.value.message
    assert "not set" not in error.value.message


def test_the_sandbox_needs_no_key() -> None:
    Settings.from_environment({"AMBER_BASE_URL": "sandbox"}).require()


def test_the_environment_is_read_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMBER_LANGUAGE", "fr")
    assert Settings.from_environment().language == "fr"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("localhost", True), ("127.0.0.2", True), ("::1", True), ("0.0.0.0", False), ("x.de", False)],
)
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize("quote", ['"', "'"])
def test_quotes_around_a_value_are_taken_off(quote: str) -> None:
    given = {"AMBER_API_KEY": f"{quote}{KEY}{quote}", "AMBER_BASE_URL": f"{quote}a.example {quote}"}
    settings = Settings.from_environment(given)
    assert settings.api_key.get_secret_value() == KEY
    assert settings.base_url == "https://a.example"


def test_a_key_given_as_the_file_of_a_key_is_not_repeated() -> None:
    for key in (KEY, "an-odd-key-of-no-known-form"):
        (problem,) = Settings.from_environment({"AMBER_API_KEY_FILE": key}).problems
        assert "names no file that can be read" in problem
        assert key not in problem


@pytest.mark.parametrize("name", ["AMBER_UPLOAD_ROOTS", "AMBER_API_KEY_FILE"])
def test_the_home_of_nobody_is_a_fault(name: str) -> None:
    settings = Settings.from_environment({name: "~no-such-user/x"})
    (problem,) = settings.problems
    assert "home folder of somebody unknown" in problem
    assert not settings.upload_roots


def test_for_the_sandbox_nothing_of_a_tenant_counts() -> None:
    tenant = {
        "AMBER_BASE_URL": "https://customerDomain.ambersearch.de",
        "AMBER_API_KEY": "ambrs-…",
        "AMBER_API_KEY_FILE": "/no/such/file",
        "AMBER_AGENTS": "hr=1",
        "AMBER_MODEL": "theirs",
        "AMBER_OPENAI_MODELS": "theirs",
        "AMBER_LANGUAGE": "de",
    }
    settings = Settings.for_sandbox(tenant)
    assert settings == Settings(base_url="sandbox", language="de")
    settings.require()


@pytest.mark.parametrize(
    ("upstream", "missing"),
    [
        ("MORPHEUS", "MORPHEUS_BASE_URL is not set.*MORPHEUS_API_KEY is not set"),
        ("ADAPTIVE", "ADAPTIVE_BASE_URL is not set.*ADAPTIVE_API_KEY is not set"),
    ],
)
def test_each_upstream_has_its_own_variables(upstream: str, missing: str) -> None:
    with pytest.raises(NotConfigured, match=missing):
        Settings.from_environment({"AMBER_BASE_URL": "a.example"}).require(upstream)
    given = {f"{upstream}_BASE_URL": "https://x.example/api/v1/", f"{upstream}_API_KEY": "Bearer k"}
    settings = Settings.from_environment(given)
    settings.require(upstream)
    assert getattr(settings, f"{upstream.lower()}_base_url") == "https://x.example"


def test_models_are_named_one_after_the_other() -> None:
    given = {"AMBER_OPENAI_MODELS": "azure/gpt-5.4, b b", "ADAPTIVE_MODELS": "p/m,p"}
    settings = Settings.from_environment(given)
    assert settings.openai_models == ("azure/gpt-5.4", "b")
    assert settings.adaptive_models == ("p/m", "p")
