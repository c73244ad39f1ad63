"""When a certificate begins and ends, also one that nobody trusts: ``ssl`` shows nothing of those but their bytes.

Reads just enough of DER for RFC 5280's ``Certificate.tbsCertificate.validity``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

_SEQUENCE: Final = 0x30
_VERSION: Final = 0xA0
_UTC_TIME: Final = 0x17
_GENERALIZED_TIME: Final = 0x18


class Validity(Struct, frozen=True):
    """From *start* to *end*, both in UTC and inclusive."""

    start: datetime
    end: datetime


def validity(der: bytes) -> Validity:
    """The validity of the certificate *der*. Raises ``ValueError`` for anything else."""
    try:
        certificate, _ = _inside(der, 0, _SEQUENCE)
        body, _ = _inside(certificate, 0, _SEQUENCE)
        at = 0
        if body[0] == _VERSION:
            at = _skip(body, at)
        for _ in range(3):  # serial number, signature algorithm, issuer
            at = _skip(body, at)
        times, _ = _inside(body, at, _SEQUENCE)
        return Validity(_time(times, 0), _time(times, _skip(times, 0)))
    except IndexError:
        raise ValueError("not a certificate") from None


def _inside(data: bytes, at: int, tag: int) -> tuple[bytes, int]:
    """The content of the element at *at*, and where the next one begins."""
    if data[at] != tag:
        raise ValueError(f"not a certificate: expected {tag:#x}, got {data[at]:#x}")
    start, end = _bounds(data, at)
    return data[start:end], end


def _skip(data: bytes, at: int) -> int:
    return _bounds(data, at)[1]


def _bounds(data: bytes, at: int) -> tuple[int, int]:
    first, start = data[at + 1], at + 2
    length = first
    if first & 0x80:
        count = first & 0x7F
        if not 1 <= count <= 4:
            raise ValueError("not a certificate: a length that DER does not know")
        length, start = int.from_bytes(data[start : start + count], "big"), start + count
    if start + length > len(data):
        raise ValueError("not a certificate: it ends too early")
    return start, start + length


def _time(data: bytes, at: int) -> datetime:
    start, end = _bounds(data, at)
    text = data[start:end].decode("ascii", "replace")
    if data[at] == _UTC_TIME:  # RFC 5280 4.1.2.5.1: years 50 to 99 are of the last century
        text = ("19" if text[:2] >= "50" else "20") + text
    elif data[at] != _GENERALIZED_TIME:
        raise ValueError("not a certificate: no time where one belongs")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
