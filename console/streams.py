"""The three standard streams as a command can rely on them, whoever started it: open, and able to write any character.

What goes to a file or a pipe is UTF-8 whatever the locale, so that the same journal gives the same bytes.
"""

from __future__ import annotations

import io
import os
import sys


def make_ready() -> None:
    """Give closed descriptors 0 to 2 somewhere to go, and let no locale refuse a character.

    A descriptor left closed would be taken by the next file that is opened (the database, say), and what is meant for
    people would be written into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            spare = os.open(os.devnull, os.O_RDWR)
            if spare != number:
                os.dup2(spare, number)
                os.close(spare)
            os.set_inheritable(number, True)
    # Python's own objects for them are None where the descriptor was closed when it started.
    if sys.stdin is None:
        sys.stdin = os.fdopen(0, encoding="utf-8", errors="surrogateescape", closefd=False)
    if sys.stdout is None:
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)
    for stream in (sys.stdout, sys.stderr):
        if not isinstance(stream, io.TextIOWrapper):
            continue  # a test's
        if stream is sys.stdout and not stream.isatty() and stream.encoding.lower() not in ("utf-8", "utf8"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
        elif stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="backslashreplace")
