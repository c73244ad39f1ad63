"""Secrets in output: their values are replaced before anything is kept, wherever a read happens to cut them.

Masked is the value itself and what it commonly becomes: base64 (at its three alignments), percent-encoded, JSON- and
shell-escaped, hexadecimal, with the line ends of a terminal, and each longer line of a value of several lines.
:func:`forms` finds these and is called where the value is known; :class:`Masker` is all that the supervisor needs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

MASK_FROM = 3  # characters; a shorter secret can't be told from ordinary text
_LINE_FROM = 8
_ENCODED_FROM = 4


def forms(secrets: Mapping[str, str]) -> list[tuple[str, str]]:
    """``(form, name)`` for each form of each secret that is masked; bytes as surrogate escapes, no form twice."""
    found: dict[str, str] = {}
    for name, value in secrets.items():
        if len(value) < MASK_FROM:
            continue
        for form in (value, *_others(value)):
            if len(form) >= MASK_FROM:
                found.setdefault(form, name)
    return sorted(found.items(), key=lambda item: (-len(item[0]), item[0]))


def _others(value: str) -> Iterable[str]:
    import base64
    import json
    import shlex
    from urllib.parse import quote, quote_plus

    raw = value.encode("utf-8", "surrogateescape")
    if "\n" in value:
        yield value.replace("\n", "\r\n")
        yield from (line for line in value.splitlines() if len(line) >= _LINE_FROM)
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield shlex.quote(value).strip("'")
    if len(raw) < _ENCODED_FROM:
        return
    for encoded in (quote(raw, safe=""), quote(raw), quote_plus(raw)):
        yield encoded
        yield re.sub(r"%[0-9A-F]{2}", lambda match: match.group().lower(), encoded)
    yield raw.hex()
    yield raw.hex().upper()
    for shift in range(3):
        # What stands before and behind in the same text changes the characters at the edges: only those between count.
        start = 0 if shift == 0 else shift + 1
        end = (shift + len(raw)) * 4 // 3
        for alphabet in (base64.b64encode, base64.urlsafe_b64encode):
            core = alphabet(b"\0" * shift + raw).decode()[start:end]
            if len(core) >= _LINE_FROM:
                yield core


class Masker:
    """Replaces the forms in a stream of bytes that comes in pieces; what may be the beginning of one is held back."""

    def __init__(self, forms: Iterable[tuple[str, str]]) -> None:
        self.count = 0  # how many were masked
        self._names = {form.encode("utf-8", "surrogateescape"): name for form, name in forms}
        self._forms = sorted(self._names, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, self._forms))) if self._forms else None
        self._longest = max(map(len, self._forms), default=0)
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """What may be passed on by now."""
        if self._pattern is None:
            return chunk
        data = self._held + chunk
        hold = self._hold_from(data)
        shown, taken = self._replace(data, hold)
        hold = max(hold, taken)
        self._held = data[hold:]
        return shown + data[taken:hold]

    def flush(self) -> bytes:
        """What was held back: nothing more comes."""
        data, self._held = self._held, b""
        if self._pattern is None or not data:
            return data
        shown, taken = self._replace(data, len(data))
        return shown + data[taken:]

    def _replace(self, data: bytes, hold: int) -> tuple[bytes, int]:
        """*data* masked, up to the end of the last form that begins before *hold*; and where that is."""
        if self._pattern is None or not any(form in data for form in self._forms):
            return b"", 0
        pieces: list[bytes] = []
        position = 0
        for match in self._pattern.finditer(data):
            if match.start() >= hold:
                break
            pieces += [data[position : match.start()], f"[secret {self._names[match.group()]}]".encode()]
            position = match.end()
            self.count += 1
        return b"".join(pieces), position

    def _hold_from(self, data: bytes) -> int:
        """Where the longest end of *data* begins that is the beginning of a form, but not all of it."""
        start = max(0, len(data) - self._longest + 1)
        tail = data[start:]
        best = len(data)
        for form in self._forms:
            at = tail.find(form[:1], max(0, len(tail) - len(form) + 1))
            while 0 <= at < best - start:
                if form.startswith(tail[at:]):
                    best = start + at
                    break
                at = tail.find(form[:1], at + 1)
        return best
