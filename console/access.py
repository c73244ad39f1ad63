"""How a server is asked that wants to know who we are: secrets from files and the environment, TLS contexts.

The configuration names where a secret is, never the secret: the configuration is shown, logged and hashed.
"""

from __future__ import annotations

import base64
import os
import ssl
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from console.sources import Access

_MOST: Final = 65_536  # bytes of a secret


class AccessError(Exception):
    """A secret or a certificate of ours can't be used; ``str()`` is one line without the secret."""


def secret(file: str, variable: str, base: Path) -> str:
    """What stands in *file* (relative to *base*) or in the environment's *variable*; "" when neither is named."""
    if variable:
        found = os.environ.get(variable, "").strip()
        if not found:
            raise AccessError(f"the environment variable {variable} is not set")
        return _usable(found, variable)
    if not file:
        return ""
    try:
        with (base / Path(file).expanduser()).open("rb") as opened:
            found = opened.read(_MOST).decode("utf-8", "strict").strip()
    except (OSError, UnicodeDecodeError) as error:
        words = getattr(error, "strerror", None) or "not text"
        raise AccessError(f"{file} can't be read: {words.lower()}") from None
    if not found:
        raise AccessError(f"{file} is empty")
    return _usable(found, file)


def _usable(found: str, where: str) -> str:
    # A library would quote the whole value in its complaint.
    if not found.isprintable():
        raise AccessError(f"{where} holds more than one line of text")
    return found


def basic(username: str, password: str) -> str:
    """The ``Authorization`` of HTTP's basic scheme (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode("ascii")


def headers_of(access: Access, base: Path) -> Mapping[str, str]:
    """The header that says who we are, if any. Reads files: call it in a thread. Raises :class:`AccessError`."""
    token = secret(access.bearer_file, access.bearer_env, base)
    if token:
        return {"authorization": f"Bearer {token}"}
    if access.username:
        return {"authorization": basic(access.username, secret(access.password_file, access.password_env, base))}
    return {}


class _Http2Alone(ssl.SSLContext):
    """Offers HTTP/2 and nothing else: httpcore offers HTTP/1.1 before it, speaks HTTP/2 whatever was agreed on."""

    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        super().set_alpn_protocols(["h2"])


def http2_alone(context: ssl.SSLContext) -> ssl.SSLContext:
    """*context*, from now on for HTTP/2 only."""
    context.__class__ = _Http2Alone
    return context


def tls_context(access: Access, base: Path) -> ssl.SSLContext:
    """What is trusted and shown over TLS. Costs tens of milliseconds: keep it. Raises :class:`AccessError`.

    Without ``ca_file`` it trusts what this host trusts (also ``SSL_CERT_FILE``), so that a house's own CA is known.
    """
    paths = ssl.get_default_verify_paths()
    context = ssl.create_default_context()
    try:
        if access.ca_file:
            context = ssl.create_default_context(cafile=str(base / Path(access.ca_file).expanduser()))
        elif not (paths.cafile or paths.capath):
            import certifi

            context.load_verify_locations(certifi.where())
        if access.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if access.cert_file:
            own, key = base / Path(access.cert_file).expanduser(), base / Path(access.key_file).expanduser()
            context.load_cert_chain(own, key, password=_no_password)
    except (OSError, ValueError) as error:
        named = ", ".join(one for one in (access.ca_file, access.cert_file, access.key_file) if one)
        raise AccessError(f"the certificates can't be used ({named}): {_reason(error)}") from None
    return context


def _no_password() -> str:
    # OpenSSL would ask on the terminal.
    raise ValueError("the key is protected by a pass phrase")


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "not PEM").replace("_", " ").lower()
    return (getattr(error, "strerror", None) or str(error)).lower()
