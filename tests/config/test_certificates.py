"""Files of certificates and keys that cannot be used: which variable, what is wrong, no secret."""

import shutil
import subprocess
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)

from amber_mcp.config.settings import Settings

PASSWORD = "geheim-geheim"
CA, CERT, KEY = "AMBER_CA_BUNDLE", "AMBER_CLIENT_CERT", "AMBER_CLIENT_KEY"
KEY_PASSWORD = "AMBER_CLIENT_KEY_PASSWORD"


def written(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Certificates and keys in each form that people have them in."""
    ca = trustme.CA()
    issued, another = ca.issue_cert("anna@company.test"), ca.issue_cert("otto@company.test")
    key = load_pem_private_key(issued.private_key_pem.bytes(), None)
    certificate = x509.load_pem_x509_certificate(issued.cert_chain_pems[0].bytes())
    lock = BestAvailableEncryption(PASSWORD.encode())
    rsa_key = rsa.generate_private_key(65537, 2048)
    (tmp_path / "empty").mkdir()
    forms = {
        "authority": ca.cert_pem.bytes(),
        "certificate": issued.cert_chain_pems[0].bytes(),
        "key": issued.private_key_pem.bytes(),
        "both": issued.private_key_and_cert_chain_pem.bytes(),
        "another key": another.private_key_pem.bytes(),
        "RSA key": rsa_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        "locked key": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock),
        "old locked key": key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, lock),
        "DER": certificate.public_bytes(Encoding.DER),
        "PKCS 12": pkcs12.serialize_key_and_certificates(b"x", key, certificate, None, lock),  # type: ignore[arg-type]  # an EC key
        "text": b"Ask Otto for the certificate.",
        "damaged": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "damaged key": b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    }
    paths = {name: written(tmp_path / name, content) for name, content in forms.items()}
    return {**paths, "none": str(tmp_path / "none"), "empty": str(tmp_path / "empty")}


Given = dict[str, str]


@pytest.mark.parametrize(
    ("given", "variable", "fault"),
    [
        ({CA: "none"}, CA, "names no file that can be read: {none}: No such file"),
        ({CA: "text"}, CA, "holds no certificate in PEM form: {text}"),
        ({CA: "key"}, CA, "holds no certificate in PEM form: {key}"),
        ({CA: "empty"}, CA, "holds no certificate in PEM form: {empty}"),
        ({CA: "DER"}, CA, "in binary form (DER or PKCS #12): convert it"),
        ({CA: "damaged"}, CA, "holds a damaged certificate: {damaged}"),
        ({CERT: "none"}, CERT, "names no file that can be read: {none}: No such file"),
        ({CERT: "empty"}, CERT, "names no file that can be read: {empty}: Is a directory"),
        ({CERT: "text", KEY: "key"}, CERT, "holds no certificate in PEM form: {text}"),
        ({CERT: "PKCS 12"}, CERT, "in binary form (DER or PKCS #12): convert it"),
        ({CERT: "certificate"}, CERT, "AMBER_CLIENT_KEY, which may name its file, is not set"),
        ({CERT: "certificate", KEY: "none"}, KEY, "names no file that can be read: {none}"),
        ({CERT: "certificate", KEY: "text"}, KEY, "holds no private key in PEM form: {text}"),
        ({CERT: "certificate", KEY: "certificate"}, KEY, "holds no private key in PEM form"),
        ({CERT: "certificate", KEY: "another key"}, KEY, "does not belong to the certificate"),
        ({CERT: "certificate", KEY: "RSA key"}, KEY, "does not belong to the certificate"),
        ({CERT: "certificate", KEY: "damaged key"}, KEY, "holds a damaged key: {damaged key}"),
        ({CERT: "damaged", KEY: "key"}, CERT, "holds a damaged certificate: {damaged}"),
        ({CERT: "certificate", KEY: "locked key"}, KEY_PASSWORD, "is not set, and the key is"),
        ({CERT: "certificate", KEY: "old locked key"}, KEY_PASSWORD, "is not set, and the key is"),
        (
            {CERT: "certificate", KEY: "locked key", KEY_PASSWORD: "wrong-geheim"},
            KEY_PASSWORD,
            "does not open the key in {locked key}",
        ),
        (
            {CERT: "certificate", KEY: "old locked key", KEY_PASSWORD: "wrong-geheim"},
            KEY_PASSWORD,
            "does not open the key in {old locked key}",
        ),
        (
            {CERT: "certificate", KEY: "locked key", KEY_PASSWORD: "geheim" * 500},
            KEY_PASSWORD,
            "is too long",
        ),
        ({KEY: "key"}, KEY, "is set without AMBER_CLIENT_CERT"),
    ],
)
def test_a_faulty_file_is_a_problem_of_its_variable(
    files: dict[str, str], given: Given, variable: str, fault: str
) -> None:
    settings = Settings.from_environment({name: files.get(v, v) for name, v in given.items()})
    (problem,) = settings.problems
    assert problem.startswith(f"{variable} ")
    assert fault.format(**files) in problem
    assert "Example: " in problem
    assert "geheim" not in problem
    assert "geheim" not in repr(settings)


@pytest.mark.parametrize(
    "given",
    [
        {CA: "authority"},
        {CA: "both"},
        {CERT: "both"},
        {CERT: "certificate", KEY: "key"},
        {CERT: "both", KEY: "key", KEY_PASSWORD: "needless"},
        {CERT: "certificate", KEY: "locked key", KEY_PASSWORD: PASSWORD},
        {CERT: "certificate", KEY: "old locked key", KEY_PASSWORD: PASSWORD},
    ],
)
def test_what_can_be_used_is_no_problem(files: dict[str, str], given: Given) -> None:
    settings = Settings.from_environment({name: files.get(v, v) for name, v in given.items()})
    assert settings.problems == ()
    assert PASSWORD not in repr(settings)


@pytest.mark.parametrize("name", [CA, CERT, KEY])
def test_a_key_in_place_of_its_file_is_not_repeated(name: str, files: dict[str, str]) -> None:
    pem = Path(files["key"]).read_text()
    (problem,) = Settings.from_environment({name: pem}).problems
    assert problem.startswith(f"{name} holds a certificate or a key itself")
    assert pem.splitlines()[1] not in problem


def test_a_locked_key_never_asks_at_the_terminal(
    files: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    Settings.from_environment({CERT: files["certificate"], KEY: files["locked key"]})
    assert capfd.readouterr() == ("", "")


def test_several_problems_are_told_together(files: dict[str, str]) -> None:
    given = {CA: files["none"], CERT: files["text"], "AMBER_LANGUAGE": "???"}
    assert len(Settings.from_environment(given).problems) == 3


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")
def test_the_documented_commands_turn_other_forms_into_pem(
    files: dict[str, str], tmp_path: Path
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "networks.md").read_text(encoding="utf-8")
    given_as = {"company-ca.cer": files["DER"], "client.pfx": files["PKCS 12"]}
    of_authority, of_client = (
        [given_as.get(word, word) for word in line.split()]
        for line in page.splitlines()
        if line.startswith("openssl ")
    )
    of_client += ["-passin", f"pass:{PASSWORD}", "-passout", f"pass:{PASSWORD}"]
    for command in (of_authority, of_client):
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    given = {
        CA: str(tmp_path / "company-ca.pem"),
        CERT: str(tmp_path / "client.pem"),
        KEY_PASSWORD: PASSWORD,
    }
    assert Settings.from_environment(given).problems == ()
