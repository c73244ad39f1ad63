"""A step on another host: by the system's ``ssh``, with the user's own ssh_config, and never asking anything.

The argument list holds the host's name and a fixed text. Values, folder and script go by stdin, each part ended by a NUL
byte, ahead of anything else; the far bash reads them, and its own input is /dev/null from there on. What comes on that way
later is a request to end: the far process group is signalled there, because ending ``ssh`` here would leave it running.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Final

# No "-" in front (it would be an option), nothing that a shell or ssh_config would read as more than a name.
_HOST: Final = re.compile(r"(?:[A-Za-z_][\w.-]*@)?[A-Za-z0-9_:\[](?:[\w.:\]%-]*[\w\]])?")
MOST_BYTES: Final = 900_000  # of script and values: what a pipe may hold for an ordinary user
GRACE_S: Final = 5
FAILED: Final = 255  # ssh's own exit code

# Single quotes may not stand in it: the far login shell, whichever it is, gets it inside a pair of them. Its variables have
# names that no value has (:data:`OURS`): a value called ``s`` must not become the script.
_PROGRAM: Final = (
    'IFS= read -rd "" __vigie_v && IFS= read -rd "" __vigie_s '
    '|| { echo "vigie: the script did not arrive" >&2; exit 254; }; '
    "exec 3<&0 </dev/null; "
    '{ read -r c <&3 && { trap "" TERM; kill -TERM 0; sleep GRACE; kill -KILL 0; }; } >/dev/null 2>&1 & __vigie_w=$!; '
    'eval "$__vigie_v" || exit 126; unset __vigie_v; ( unset __vigie_w; eval "$__vigie_s" ) 3<&-; __vigie_r=$?; '
    "kill $__vigie_w 2>/dev/null; exit $__vigie_r"
).replace("GRACE", str(GRACE_S))
OURS: Final = "__vigie_"
"""What the variables of the programs for the far side begin with."""


def is_host(name: str) -> bool:
    """Whether *name* is a host's name (``db1``, ``deploy@db1.example``, ``::1``) and nothing else."""
    return len(name) <= 255 and _HOST.fullmatch(name) is not None


def argv(host: str, config: str = "") -> list[str]:
    """The ssh command for *host*; *config* is a file for its ``-F``."""
    given = ["-F", config] if config else []
    return ["ssh", "-T", "-o", "BatchMode=yes", *given, "--", host, f"exec bash -c '{_PROGRAM}'"]


def payload(script: str, env: Mapping[str, str], cwd: str = "") -> bytes:
    """What goes in by stdin. Raises ``ValueError`` for a NUL byte or more than fits."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in env.items()]
    if cwd:
        home = cwd == "~" or cwd.startswith("~/")
        where = '"$HOME"' + (shlex.quote(cwd[1:]) if cwd[1:] else "") if home else shlex.quote(cwd)
        lines.append(f"cd -- {where}")
    parts = ["\n".join([*lines, ":"]) if not cwd else "\n".join(lines), script]
    if any("\0" in part for part in parts):
        raise ValueError("it holds a NUL byte")
    data = b"".join(part.encode("utf-8", "surrogateescape") + b"\0" for part in parts)
    if len(data) > MOST_BYTES:
        raise ValueError(f"{len(data)} bytes of script and values: more than goes to another host")
    return data


def explanation(host: str, exit_code: int | None) -> str:
    """A word on ssh's own exit code; "" for any other."""
    if exit_code != FAILED:
        return ""
    return (
        f"exit 255 is what ssh itself ends with when it can't reach {host}, can't log in, or loses the connection: "
        "its message is in the output"
    )
