"""A step that wants the terminal (``tty: yes``) on another host: ``ssh -t``, and its script by that very terminal.

The argument list holds the host's name and a fixed text, as in :mod:`console.runbook.remote`; but what goes in is what the
operator types, so script and values can't simply stand ahead of it: a terminal would show them, cut long lines, and take some
bytes for keys. So the far side first sets its terminal to take bytes as they are and show none, and then says
:data:`READY`. Only then values and script are sent, as two lines of plain characters (``~`` is ssh's own key), and what the
operator typed meanwhile follows. The far side takes nothing but the two lines, sets its terminal back, and begins.
"""

from __future__ import annotations

from typing import Final

READY: Final = b"\x1evigie takes the script\x1f"
"""What the far side says when it takes the script. It stands in no argument list in this form, so no echo of one is it."""
INTERRUPT: Final = b"\x03"
_PLAIN: Final = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 _-+=.,;/@#()[]{}<>|&*?!$\"'^"
)

# Single quotes may not stand in it: the far login shell, whichever it is, gets it inside a pair of them. Its variables have
# names that no value has.
PROGRAM: Final = (
    "__vigie_t=$(stty -g) && stty raw -echo "
    '|| { echo "vigie: the terminal there can not be set" >&2; exit 254; }; '
    'printf "\\036vigie takes the script\\037"; IFS= read -r __vigie_v && IFS= read -r __vigie_s; stty "$__vigie_t"; '
    "case $__vigie_v$__vigie_s in :*::*:) ;; "
    '*) echo "vigie: the script did not arrive" >&2; exit 254 ;; esac; '
    "__vigie_v=${__vigie_v#:}; __vigie_s=${__vigie_s#:}; "
    'printf -v __vigie_v %b "${__vigie_v%:}"; printf -v __vigie_s %b "${__vigie_s%:}"; '
    'eval "$__vigie_v" || exit 126; unset __vigie_t __vigie_v; eval "$__vigie_s"'
)


def argv(host: str, config: str = "") -> list[str]:
    """The ssh command for *host*; *config* is a file for its ``-F``."""
    given = ["-F", config] if config else []
    return ["ssh", "-t", "-o", "BatchMode=yes", *given, "--", host, f"exec bash -c '{PROGRAM}'"]


def lines(payload: bytes) -> bytes:
    """*payload* (:func:`console.runbook.remote.payload`: two parts, a NUL behind each) as the two lines that are sent."""
    return b"".join(b":" + _escaped(part) + b":\n" for part in payload.split(b"\0")[:2])


def _escaped(data: bytes) -> bytes:
    """For ``printf %b``: each byte outside :data:`_PLAIN` by its number. The colon is what a whole line begins and ends with."""
    return b"".join(bytes((byte,)) if byte in _PLAIN else b"\\0%03o" % byte for byte in data)


class Handing:
    """What goes in and comes out until the far side has its script. Pure: bytes in, bytes out."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._held = b""  # what may be the beginning of READY
        self._typed = b""  # for the script, once it has begun
        self.ready = False  # the far side takes it
        self.interrupted = False

    def came(self, data: bytes) -> bytes:
        """Of what the far side wrote, what is for the operator."""
        if self.ready:
            return data
        data = self._held + data
        before, found, after = data.partition(READY)
        if found:
            self.ready, self._held = True, b""
            return before + after
        keep = next((size for size in range(min(len(READY) - 1, len(data)), 0, -1) if data.endswith(READY[:size])), 0)
        self._held = data[len(data) - keep :]
        return data[: len(data) - keep]

    def typed(self, data: bytes) -> None:
        """The operator typed; nothing of it goes before the script. Ctrl-C is for the log-in itself."""
        self.interrupted = self.interrupted or INTERRUPT in data
        self._typed += data

    def sent(self) -> bytes:
        """What is to be sent once :attr:`ready`: the script, and what was typed meanwhile."""
        return lines(self._payload) + self._typed
