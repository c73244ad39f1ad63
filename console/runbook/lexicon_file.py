"""``lexicon.yaml`` beside the runbooks: the operator's own words, added to those that Vigie reads plain Markdown by.

It has the keys of the shipped ``lexicon.yaml``, each with the phrases to add: a text with ``|`` between them, or a list. What a
phrase means here wins over what it meant before; ``remove`` takes phrases out of every list.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from console.safe_yaml import Limits, Loaded, YamlError, load_file

NAME: Final = "lexicon.yaml"
LIMITS: Final = Limits(size=200_000, depth=4, values=20_000)
_MAPPINGS: Final = ("headings", "units", "front_matter")


@dataclass
class Words:
    """What one file adds. *lists* and *mappings* are by key, as phrases not yet folded."""

    lists: dict[str, list[str]] = field(default_factory=dict)
    mappings: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Fault:
    """What is wrong with a file: nothing of it is used then. ``str()`` is ``file:line: words``."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}" if self.line else f"{self.path}: {self.message}"


def read_words(path: Path, shipped: Mapping[str, Any]) -> Words | Fault:
    """The phrases of the file at *path*; *shipped* is the lexicon they are added to, which says what keys there are."""
    try:
        loaded = load_file(path, LIMITS)
        if loaded.data is None:
            return Words()
        if not isinstance(loaded.data, dict):
            return Fault(path, 1, "a mapping of lists was expected, like 'wait: hold on | stand by'")
        return _words(loaded, shipped)
    except YamlError as error:
        return Fault(path, error.line, error.message)
    except OSError as error:
        return Fault(path, 0, error.strerror or "can't be read")


def _words(loaded: Loaded, shipped: Mapping[str, Any]) -> Words:
    found = Words()
    known = [*shipped, "remove"]
    for key, value in loaded.data.items():
        if key not in known:
            raise loaded.error((key,), f"{key}: {_unknown(str(key), known)}")
        if key == "remove":
            found.removed = _phrases(loaded, (key,), value)
        elif key in _MAPPINGS:
            found.mappings[key] = _mapping(loaded, key, value, shipped[key])
        else:
            found.lists[key] = _phrases(loaded, (key,), value)
    return found


def _mapping(loaded: Loaded, key: str, value: object, shipped: Mapping[str, Any]) -> dict[str, list[str]]:
    if not isinstance(value, dict):
        raise loaded.error((key,), f"{key}: a mapping was expected, like '{_example(key)}'")
    if key == "front_matter":
        fields = sorted(set(map(str, shipped.values())))
        for name, target in value.items():
            if target not in fields:
                raise loaded.error((key, name), f"{key}.{name}: {_unknown(str(target), fields)}")
        return {str(name): [str(target)] for name, target in value.items()}
    for name in value:
        if name not in shipped:
            raise loaded.error((key, name), f"{key}.{name}: {_unknown(str(name), list(shipped))}")
    return {str(name): _phrases(loaded, (key, name), one) for name, one in value.items()}


def _example(key: str) -> str:
    return {"headings": "act: what to do now", "units": "minute: mn", "front_matter": "on_call: owner"}[key]


def _phrases(loaded: Loaded, where: tuple[str, ...], value: object) -> list[str]:
    given: Sequence[object] = (
        value.split("|") if isinstance(value, str) else value if isinstance(value, list) else (value,)
    )
    for position, one in enumerate(given):
        if not isinstance(one, str) or not any(character.isalnum() for character in one):
            place: tuple[str | int, ...] = (*where, position) if isinstance(value, list) else where
            raise loaded.error(place, f"{'.'.join(where)}: phrases were expected, got {one!r}")
    return [str(one) for one in given]


def _unknown(given: str, known: Sequence[str]) -> str:
    close = get_close_matches(given, known, 1)
    return f"is not known{f', did you mean {close[0]}' if close else ''}: {', '.join(known)}"
