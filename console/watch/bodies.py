"""The beginning of what a failing check got: which checks have one, when it is written anew, when it is dropped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from console.snapshot import OK
from console.watch.changes import LastBody
from console.watch.state import Machine, Result

MOST: Final = 2000  # characters that are kept
KEPT: Final = timedelta(hours=1)  # after the check is OK again
_SHORT: Final = 4  # a secret below that would be found everywhere
_SCHEMES: Final = ("basic", "bearer", "digest", "token")


class Bodies:
    """Which text status.db has for each check; the texts themselves stay there."""

    def __init__(self, kept: Mapping[str, LastBody]) -> None:
        self._texts = {key: hash(body.text) for key, body in kept.items()}

    def take(self, key: str, result: Result, machine: Machine, now: datetime) -> dict[str, LastBody | None]:
        """What *result*, which made *machine*, changes: a new text, or None where the old one has had its time."""
        if result.state != OK:
            if not result.got or self._texts.get(key) == hash(result.got):
                return {}
            self._texts[key] = hash(result.got)
            return {key: LastBody(at=now, detail=result.detail, text=result.got)}
        over = machine.hard == OK and machine.since is not None and now - machine.since >= KEPT
        return self.drop([key]) if over else {}

    def drop(self, keys: Iterable[str]) -> dict[str, LastBody | None]:
        """Forget the texts of *keys*."""
        return {key: None for key in keys if self._texts.pop(key, None) is not None}

    def lost(self) -> None:
        """status.db was made anew, without them: the next result brings its text again."""
        self._texts.clear()


def beginning(text: str) -> str:
    """The first :data:`MOST` characters of *text*, as SQLite can store them. Not sanitised."""
    return text[:MOST].encode("utf-8", "replace").decode("utf-8").strip()


def without(text: str, secrets: Iterable[str]) -> str:
    """*text* without the *secrets* that a server may have sent back: whole header values, and each word of them."""
    words = {word for secret in secrets for word in (secret, *secret.split())}
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= _SHORT and word.lower() not in _SCHEMES:
            text = text.replace(word, "(secret)")
    return text
