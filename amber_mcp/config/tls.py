"""Whom to trust, and what to present to whoever asks for a client certificate."""

import os
import ssl

import httpx2

from amber_mcp.errors import NotConfigured

from .certificates import InvalidFileError, present, trust
from .settings import Settings


def tls_context(settings: Settings) -> ssl.SSLContext:
    """The context of every connection that speaks TLS.

    It trusts the system's authorities, or those of `SSL_CERT_FILE` or `SSL_CERT_DIR` in their
    place, and those of `AMBER_CA_BUNDLE` in any case.

    Raises:
        NotConfigured: naming the variable that leads to a file that cannot be used.
    """
    variable, path = _instead_of_the_system_s()
    if variable == "SSL_CERT_DIR" and not any(map(os.path.isdir, path.split(os.pathsep))):
        raise NotConfigured(f"{variable} names no folder: {path}")
    try:
        context = httpx2.create_ssl_context()
    except OSError as error:
        faulty = isinstance(error, ssl.SSLError)
        reason = "no certificate in PEM form" if faulty else error.strerror
        raise NotConfigured(
            f"{variable} names no file that can be read: {path}: {reason}"
            if variable
            else f"the system's authorities cannot be read: {error}"
        ) from error
    # Newer Pythons ask more of a file's authorities than of the system's: many a company's fail.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    try:
        if settings.ca_bundle:
            trust(context, settings.ca_bundle)
        if settings.client_cert:
            password = settings.client_key_password.get_secret_value()
            present(context, settings.client_cert, settings.client_key, password)
    except InvalidFileError as error:
        raise NotConfigured(str(error)) from None
    return context


def authorities(settings: Settings) -> str:
    """Who is trusted, in words."""
    variable, path = _instead_of_the_system_s()
    base = f"those in {path} alone ({variable})" if variable else "the operating system's"
    bundle = f", and those in {settings.ca_bundle} (AMBER_CA_BUNDLE)" if settings.ca_bundle else ""
    return base + bundle


def _instead_of_the_system_s() -> tuple[str, str]:
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        if path := os.environ.get(variable):
            return variable, path
    return "", ""
