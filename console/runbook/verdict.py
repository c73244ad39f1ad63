"""What a runbook expects of a command, judged; and the values that later steps take from its output.

Patterns come from runbooks, and one can be made to run for years: each is tried in a process of its own with a time limit.
Read by the supervisor after a command was started; nothing heavy here either.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Mapping
from typing import Any

HELD = "held"
WARNED = "warned"
FAILED = "failed"

TEXT_BYTES = 1 << 16  # of a try's output that are judged: half from its beginning, half from its end
PATTERN_S = 2.0
VALUE_CHARACTERS = 4096


class Text:
    """The beginning and the end of what one try wrote."""

    def __init__(self) -> None:
        self._first = b""
        self._last = b""

    def add(self, chunk: bytes) -> None:
        """Take the next bytes."""
        half = TEXT_BYTES // 2
        room = half - len(self._first)
        if room > 0:
            self._first += chunk[:room]
            chunk = chunk[room:]
        if chunk:
            self._last = (self._last + chunk)[-half:]

    @property
    def text(self) -> str:
        """As text; an unreadable byte is a replacement character."""
        return (self._first + self._last).decode("utf-8", "replace")


def judge(expect: Mapping[str, Any], exit_code: int | None, number: int | None, text: str) -> tuple[str, str]:
    """``(verdict, why)`` of a command that ended by itself: with *exit_code*, or by the signal *number*.

    *expect*: ``exit`` and ``warn`` are lists of exit codes, ``match`` a pattern that is searched in *text* (with ``^`` and
    ``$`` at its lines), ``no_match`` one that must not be there, ``prose`` what the runbook says in words.
    """
    wanted = list(expect.get("exit") or [0])
    warned = list(expect.get("warn") or [])
    if number is not None:
        return FAILED, f"ended by signal {number}"
    if exit_code not in wanted and exit_code not in warned:
        return FAILED, f"exit {exit_code}, expected {_either(wanted)}"
    for key, ought in (("match", True), ("no_match", False)):
        pattern = expect.get(key)
        if not pattern:
            continue
        found, problem = search(pattern, text)
        if problem:
            return FAILED, problem
        if (found is not None) is not ought:
            return FAILED, f"its output {'does not match' if ought else 'matches'} {pattern}"
    if exit_code in warned:
        return WARNED, f"exit {exit_code}"
    return HELD, ""


def _either(codes: list[int]) -> str:
    return " or ".join(map(str, codes))


def capture(how: str, out: str, err: str = "", exit_code: int | None = None) -> tuple[str, str]:
    """``(value, problem)``; *how* is that of ``Step.capture``. A value is one line: several are none."""
    if how == "exit":
        return ("", "it has no exit code") if exit_code is None else (str(exit_code), "")
    if how in ("stdout", "stderr", "first_line", "last_line"):
        text = err if how == "stderr" else out
        lines = [line for line in text.replace("\r\n", "\n").split("\n") if line.strip()]
        if not lines:
            return "", "there was no output"
        if how in ("stdout", "stderr") and len(lines) > 1:
            return "", f"{len(lines)} lines of output, expected one"
        value = lines[-1 if how == "last_line" else 0].strip()
    else:
        pattern = how[1:-1] if len(how) > 2 and how[0] == how[-1] == "/" else how
        found, problem = search(pattern, out)
        if problem or found is None:
            return "", problem or f"its output does not match {how}"
        value = found.strip()
    if len(value) > VALUE_CHARACTERS:
        return "", f"more than {VALUE_CHARACTERS} characters"
    return value, ""


def search(pattern: str, text: str, limit_s: float = PATTERN_S) -> tuple[str | None, str]:
    """``(what matched – its first group if it has one – or None, problem)``; never takes longer than *limit_s* seconds."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    child = os.fork()
    if child == 0:
        _search(pattern, text, writer)
    os.close(writer)
    data, limit = b"", time.monotonic() + limit_s
    try:
        while True:
            left = limit - time.monotonic()
            if left <= 0 or not select.select([reader], [], [], left)[0]:
                return None, f"the pattern {pattern} took longer than {limit_s:g} s"
            chunk = os.read(reader, 1 << 16)
            if not chunk:
                break
            data += chunk
    finally:
        os.close(reader)
        try:
            os.kill(child, signal.SIGKILL)
        except ProcessLookupError:
            pass
        try:
            os.waitpid(child, 0)
        except ChildProcessError:
            pass
    said = data.decode("utf-8", "surrogateescape")
    if said.startswith("+"):
        return said[1:], ""
    return None, "" if said == "-" else f"the pattern {pattern} can't be read: {said[1:] or 'no word'}"


def _search(pattern: str, text: str, writer: int) -> None:
    """In the child: never returns."""
    import re

    try:
        found = re.search(pattern, text, re.MULTILINE)
        group = found[1 if found.re.groups else 0] if found is not None else None
        said = "-" if found is None else f"+{group or ''}"
    except BaseException as problem:
        said = f"!{problem}"
    try:
        rest = memoryview(said.encode("utf-8", "surrogateescape"))
        while rest:
            rest = rest[os.write(writer, rest) :]
    finally:
        os._exit(0)
