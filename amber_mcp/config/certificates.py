"""Certificates that the operator names: authorities to trust as well, and this client's own."""

import re
import ssl
from pathlib import Path

_MAX_BYTES = 16 * 1024**2
_CERTIFICATE = re.compile(
    rb"-----BEGIN ([A-Z0-9 ]*CERTIFICATE)-----[^-]+-----END \1-----", re.DOTALL
)
_KEY = re.compile(rb"-----BEGIN ([A-Z0-9 ]*)PRIVATE KEY-----")
_ENCRYPTED = re.compile(rb"BEGIN ENCRYPTED PRIVATE KEY|Proc-Type: *4, *ENCRYPTED")


class InvalidFileError(ValueError):
    """A file that cannot be used: the variable that leads to it, and its fault."""

    def __init__(self, variable: str, fault: str) -> None:
        super().__init__(f"{variable} {fault}")
        self.variable = variable
        self.fault = fault


def trust(context: ssl.SSLContext, bundle: Path) -> None:
    """Let `context` trust the authorities in `bundle` as well: a PEM file, or a folder of them.

    Raises:
        FaultyFileError: if it cannot be read, or holds none.
    """
    variable = "AMBER_CA_BUNDLE"
    _load(context, variable, bundle, _files(variable, bundle))
    # An authority below the root is enough, as it is for curl: companies often hand out no other.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN


def present(context: ssl.SSLContext, certificate: Path, key: Path | None, password: str) -> None:
    """Let `context` present a client certificate to whoever asks for one.

    Args:
        key: the file that holds the private key; none: it stands in `certificate`.

    Raises:
        FaultyFileError: naming the file, or the password, that is the trouble.
    """
    _load(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), "AMBER_CLIENT_CERT", certificate, [certificate])
    variable, path = ("AMBER_CLIENT_KEY", key) if key else ("AMBER_CLIENT_CERT", certificate)
    if not _in(variable, path, _KEY):
        other = "" if key else ", and AMBER_CLIENT_KEY, which may name its file, is not set"
        raise InvalidFileError(
            variable, f"holds no {_as_pem('private key', variable, path)}{other}"
        )
    try:
        # A password is given in any case: without one, OpenSSL would ask at the terminal.
        context.load_cert_chain(certificate, path, password)
    except ssl.SSLError as error:
        if re.search("MISMATCH|NO_CERTIFICATE_ASSIGNED", error.reason or ""):
            fault = f"holds a key that does not belong to the certificate: {path}"
        elif error.reason:
            fault = f"cannot be used: {path}: {error.reason.replace('_', ' ').lower()}"
        elif not _in(variable, path, _ENCRYPTED):
            fault = f"holds a damaged key: {path}"
        elif password:
            variable, fault = "AMBER_CLIENT_KEY_PASSWORD", f"does not open the key in {path}"
        else:
            variable = "AMBER_CLIENT_KEY_PASSWORD"
            fault = f"is not set, and the key is encrypted: {path}"
        raise InvalidFileError(variable, fault) from None
    except ValueError:
        raise InvalidFileError("AMBER_CLIENT_KEY_PASSWORD", "is too long") from None


def faults(
    ca_bundle: Path | None, certificate: Path | None, key: Path | None, password: str
) -> list[InvalidFileError]:
    """What is wrong with what the variables name."""
    found = []
    if ca_bundle:
        try:
            trust(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ca_bundle)
        except InvalidFileError as fault:
            found.append(fault)
    if certificate:
        try:
            present(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), certificate, key, password)
        except InvalidFileError as fault:
            found.append(fault)
    elif key:
        found.append(InvalidFileError("AMBER_CLIENT_KEY", "is set without AMBER_CLIENT_CERT"))
    return found


def _load(context: ssl.SSLContext, variable: str, named: Path, files: list[Path]) -> None:
    found = [match[0] for path in files for match in _in(variable, path, _CERTIFICATE)]
    if not found:
        raise InvalidFileError(variable, f"holds no {_as_pem('certificate', variable, named)}")
    try:
        context.load_verify_locations(cadata=b"\n".join(found).decode("ascii"))
    except (ssl.SSLError, UnicodeDecodeError):
        raise InvalidFileError(variable, f"holds a damaged certificate: {named}") from None


def _files(variable: str, bundle: Path) -> list[Path]:
    try:
        return sorted(filter(Path.is_file, bundle.iterdir())) if bundle.is_dir() else [bundle]
    except OSError as error:
        raise _unreadable(variable, bundle, error) from None


def _in(variable: str, path: Path, pattern: re.Pattern[bytes]) -> list[re.Match[bytes]]:
    return list(pattern.finditer(_content(variable, path)))


def _content(variable: str, path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES)
    except (OSError, ValueError) as error:
        raise _unreadable(variable, path, error) from None


def _unreadable(variable: str, path: Path, error: Exception) -> InvalidFileError:
    reason = getattr(error, "strerror", None) or "no such file"
    return InvalidFileError(variable, f"names no file that can be read: {path}: {reason}")


def _as_pem(what: str, variable: str, path: Path) -> str:
    """`what` as PEM, and what seems to be there instead."""
    binary = path.is_file() and _content(variable, path)[:1] == b"\x30"
    hint = ". It is in binary form (DER or PKCS #12): convert it with openssl" if binary else ""
    return f"{what} in PEM form: {path}{hint}"
