"""Secrets on a command line: what is recorded of ``vigie exec`` shows that there was one, not what it was.

The journal can't forget, and the postmortem is passed on. What is hidden is what says of itself that it is a secret: an
option or variable with such a name, a password in a URL, credentials of ``curl -u``, an authorization header. A secret
that looks like any other word stays: nothing here can know it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from console.runbook.params import is_secret
from console.runbook.ready import HIDDEN

_ASSIGNED: Final = re.compile(r"(?P<name>-{0,2}[A-Za-z_][\w.-]*)=(?P<value>.+)", re.DOTALL)
_OPTION: Final = re.compile(r"--?[A-Za-z][\w-]*")
_URL: Final = re.compile(r"(?P<start>[A-Za-z][\w+.-]*://[^\s/@:]*:)[^\s/@]+(?=@)")
_HEADER: Final = re.compile(
    r"(?P<start>\b(?:proxy-)?authorization:\s*(?:(?:basic|bearer|digest|token|negotiate)\s+)?|"
    r"\b(?:set-)?cookie:\s*|\bx-[\w-]*(?:key|token|secret|auth)[\w-]*:\s*)\S[^'\"\n]*",
    re.IGNORECASE,
)
_INSIDE: Final = re.compile(
    r"(?P<start>(?:^|(?<=[\s;&|(]))(?P<name>--?[A-Za-z][\w-]*(?==|[ \t])|[A-Za-z_]\w*(?==))[= \t]+)"
    r"(?P<value>'[^']*'|\"[^\"]*\"|[^\s'\";&|()]+)"
)
_NAME: Final = re.compile(
    r"(?:password|passwd|token|secret|apikey)$", re.IGNORECASE
)  # PGPASSWORD: no word's edge in it
_ELSEWHERE: Final = re.compile(r"[-_](?:file|path|fd|stdin|name|id|type|url|host|port|len(?:gth)?|ttl)$", re.IGNORECASE)
_USER: Final = frozenset({"-u", "--user", "-U", "--proxy-user"})


def hushed(command: Sequence[str]) -> list[str]:
    """*command* with :data:`~console.runbook.ready.HIDDEN` in the place of each secret that says what it is."""
    shown: list[str] = []
    for word in command:
        before = shown[-1] if shown else ""
        if before in _USER and ":" in word and not word.startswith("-"):
            shown.append(f"{word.partition(':')[0]}:{HIDDEN}")
        elif _OPTION.fullmatch(before) and _names_one(before) and not _OPTION.fullmatch(word):
            shown.append(HIDDEN)
        else:
            shown.append(_within(word))
    return shown


def _names_one(name: str) -> bool:
    return (is_secret(name) or _NAME.search(name) is not None) and not _ELSEWHERE.search(name)


def _within(word: str) -> str:
    whole = _ASSIGNED.fullmatch(word)
    if whole is not None and _names_one(whole["name"]):
        return f"{whole['name']}={HIDDEN}"
    word = _URL.sub(rf"\g<start>{HIDDEN}", word)
    word = _HEADER.sub(rf"\g<start>{HIDDEN}", word)
    return _INSIDE.sub(_script_word, word) if re.search(r"\s", word) else word


def _script_word(match: re.Match[str]) -> str:
    """A word of a script such as that of ``sh -c``: there a name and its value stand in one argument."""
    name, value = match["name"], match["value"]
    if not _names_one(name) or value.startswith(("$", "-", '"$', HIDDEN)):
        return match.group()
    return match["start"] + HIDDEN
