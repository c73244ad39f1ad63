"""What went wrong on the network, in words: "connection refused", "certificate expired"."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Iterator
from typing import Final

from console.snapshot import DOWN, UNKNOWN

# X509_V_ERR_*: https://docs.openssl.org/master/man3/X509_STORE_CTX_get_error/
_CERTIFICATE: Final = {
    9: "certificate not valid yet",
    10: "certificate expired",
    18: "certificate is self-signed",
    19: "certificate chain ends in a self-signed one that is not trusted",
    20: "certificate of an unknown issuer",
    21: "certificate of an unknown issuer",
    23: "certificate revoked",
    62: "certificate is for another name",
    64: "certificate is for another address",
}
# Reasons of OpenSSL that an operator can do something about.
_TLS: Final = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the server wants a certificate of ours",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the server refuses our certificate",
    "TLSV1_ALERT_UNKNOWN_CA": "the server does not know who issued our certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "the server says that our certificate expired",
    "WRONG_VERSION_NUMBER": "TLS failed: the server does not speak TLS here",
    "RECORD_LAYER_FAILURE": "TLS failed: the server does not speak TLS here",
    "UNSUPPORTED_PROTOCOL": "TLS failed: the server speaks only an old version",
    "TLSV1_ALERT_PROTOCOL_VERSION": "TLS failed: no version of TLS that both speak",
    "DH_KEY_TOO_SMALL": "TLS failed: the server's key is too small",
}
_ERRNO: Final = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.ECONNABORTED: "connection aborted",
    errno.EPIPE: "connection closed",
    errno.EHOSTUNREACH: "no route to host",
    errno.ETIMEDOUT: "timed out",
    errno.ENETUNREACH: "network unreachable from here",
    errno.EMFILE: "too many open files here",
    errno.ENFILE: "too many open files here",
    errno.EADDRNOTAVAIL: "no local address or port left",
    errno.EACCES: "not permitted here",
    errno.EPERM: "not permitted here",
}
# These say something about this machine, not about the service.
_OURS: Final = frozenset(
    (errno.ENETUNREACH, errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM, errno.ENOMEM)
)


def explain(error: BaseException) -> tuple[str, str]:
    """``(state, words)`` for a failed connection: DOWN, or UNKNOWN where the fault is on our side (names, files, routes)."""
    fallback = ""
    for one in _causes(error):
        if isinstance(one, socket.gaierror):
            return UNKNOWN, f"name look-up failed: {one.strerror or one}"
        if isinstance(one, ssl.SSLCertVerificationError):
            return DOWN, _CERTIFICATE.get(one.verify_code, f"certificate refused: {one.verify_message}")
        if isinstance(one, ssl.SSLError):
            if one.reason in _TLS:
                return DOWN, _TLS[one.reason]
            if "no application protocol" in str(one).lower():  # without a name in the ssl module of Python 3.11
                return DOWN, "TLS failed: the server speaks no version of HTTP that was asked for"
            return DOWN, f"TLS failed: {(one.reason or str(one)).replace('_', ' ').lower()}"
        if isinstance(one, OSError) and one.errno is not None:
            words = _ERRNO.get(one.errno) or os.strerror(one.errno).lower()
            return (UNKNOWN if one.errno in _OURS else DOWN), words
        fallback = fallback or str(one)
    return DOWN, fallback or type(error).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """*error*, what caused it, and so on; the members of a group one after another."""
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += one.exceptions if isinstance(one, BaseExceptionGroup) else ()
        waiting += [next_one for next_one in (one.__cause__, one.__context__) if next_one is not None]
