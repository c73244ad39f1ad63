"""Attributes in Markdown: ``{#id kind=check timeout=20s}`` after a heading, in a fence's info, or on a line of their own.

The notation is that of Pandoc's header and fenced-code attributes (https://pandoc.org/MANUAL.html#extension-attributes). A
dot makes an inner key (``expect.exit=0``); a quoted value of such a key may also be a YAML flow mapping without its braces.
A line of its own may stand in an HTML comment, so that no renderer shows it, and inside a shell block in a comment.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from console.runbook.keys import STEP_KEYS
from console.runbook.values import KINDS, PHASE_KINDS

Form = Literal["heading", "line", "fence"]

_ITEM: Final = r"""(?:\#[^\s{}"'=]+|\.[\w-]+|[A-Za-z][\w.-]*=(?:"[^"\n]*"|'[^'\n]*'|[^\s"'{}]+))"""
_BLOCK: Final = rf"\{{\s*{_ITEM}(?:\s+{_ITEM})*\s*\}}"
_ITEMS: Final = re.compile(_ITEM)
_HEADING: Final = re.compile(r" {0,3}(#{1,6})\s+\S")
_LINE: Final = re.compile(rf"^\s*(?:<!--\s*({_BLOCK})\s*-->|({_BLOCK}))\s*$")
_IN_FENCE: Final = re.compile(rf"^\s*#\s*({_BLOCK})\s*$")
_OPENING: Final = re.compile(r"^\s*(?:[-*+]\s+|\d+[.)]\s+)*(`{3,}|~{3,})")

_MAPS: Final = ("expect", "retry", "options", "capture", "env", "with")
ELSEWHERE: Final = frozenset(("run", "text", "output"))
"""Keys that the Markdown itself carries: the block, the words."""


@dataclass(frozen=True)
class Attributes:
    """What stands between the braces; *pairs* in order, dots and quotes as written."""

    id: str = ""
    classes: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()

    def names(self) -> set[str]:
        """The outer keys."""
        return {name.split(".", 1)[0] for name, _ in self.pairs}

    def given(self) -> dict[str, Any]:
        """The keys as a mapping, inner ones nested: what the YAML form would hold. A key that stands twice gives a list."""
        found: dict[str, Any] = {"id": self.id} if self.id else {}
        for name, value in self.pairs:
            outer, _, inner = name.partition(".")
            if inner:
                held = found.setdefault(outer, {})
                if isinstance(held, dict):
                    held[inner] = value
            else:
                found[outer] = _flow(outer, value)
        return found


def _flow(name: str, value: str) -> Any:
    """``yes: promote, no: page`` as the mapping that it is."""
    if name not in _MAPS or not re.search(r":(?:\s|$)", value):
        return value
    from console.safe_yaml import Limits, YamlError, load

    try:
        return load("{" + value.strip().removeprefix("{").removesuffix("}") + "}", name, Limits(2000, 4, 200)).data
    except YamlError:
        return value


def parse(text: str) -> Attributes | None:
    """The attributes of ``{…}``; None when it is no such block."""
    if not re.fullmatch(_BLOCK, text.strip()):
        return None
    name, classes, pairs = "", [], []
    for item in _ITEMS.findall(text.strip()[1:-1]):
        if item[0] == "#":
            name = item[1:]
        elif item[0] == ".":
            classes.append(item[1:])
        else:
            key, _, value = item.partition("=")
            pairs.append((key, value[1:-1] if value[:1] in "\"'" and value[:1] == value[-1:] else value))
    return Attributes(name, tuple(classes), tuple(pairs))


def write(given: Attributes) -> str:
    """The one way to write attributes: id, classes, then keys in the order of the registry."""
    order = {name: number for number, name in enumerate(STEP_KEYS)}
    pairs = sorted(given.pairs, key=lambda pair: order.get(pair[0].split(".", 1)[0], len(order)))
    items = [f"#{given.id}"] if given.id else []
    items += [f".{one}" for one in given.classes]
    items += [f"{name}={_quoted(value)}" for name, value in pairs]
    return "{" + " ".join(items) + "}"


def _quoted(value: str) -> str:
    if re.fullmatch(r"[^\s\"'{}]+", value):
        return value
    return f"'{value}'" if '"' in value else f'"{value}"'


@dataclass(frozen=True)
class Mark:
    """Attributes in a file: on source line *line* (1-based), for what stands at row *row* (0-based) of the cleaned text."""

    line: int
    row: int
    form: Form
    level: int
    attributes: Attributes

    @property
    def is_phase(self) -> bool:
        """Whether it is a phase's: a heading with a pause, a phase's kind, or at level 1 or 2 without a step's keys."""
        if self.form != "heading":
            return False
        kind = next((value for name, value in self.attributes.pairs if name == "kind"), "")
        names = self.attributes.names()
        if "pause" in names or kind in PHASE_KINDS:
            return True
        return self.level <= 2 and kind not in KINDS and not names & set(STEP_KEYS)


@dataclass
class Marked:
    """A file's lines without its attributes. ``origin[row]`` is the 1-based source line of a cleaned row."""

    lines: list[str] = field(default_factory=list)
    origin: list[int] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)


def _ours(attributes: Attributes, form: Form) -> bool:
    names = attributes.names()
    if form == "fence":
        return bool(names & (set(STEP_KEYS) - {"title"})) or bool(
            attributes.id and not names and not attributes.classes
        )
    return bool(names & {*STEP_KEYS, "pause"})


def split(lines: Sequence[str]) -> Marked | None:
    """*lines* apart from their attributes; None where the file has none of ours, and is plain.

    A heading with a mere id is a step's only where other headings have keys: renderers of plain Markdown use ids too. So is
    a line of nothing but an id only in a comment."""
    if not any("{" in line and "}" in line for line in lines):
        return None
    found = _candidates(lines)
    if not any(_ours(attributes, form) for _, form, _, attributes, _ in found):
        return None
    marked = Marked()
    headings = any(form == "heading" and _ours(attributes, form) for _, form, _, attributes, _ in found)
    by_row = {
        row: (form, level, attributes, rest)
        for row, form, level, attributes, rest in found
        if _ours(attributes, form) or (form == "heading" and headings and level >= 3) or (form == "line" and not rest)
    }
    for row, line in enumerate(lines):
        if row not in by_row:
            marked.lines.append(line)
            marked.origin.append(row + 1)
            continue
        form, level, attributes, rest = by_row[row]
        marked.marks.append(Mark(row + 1, len(marked.lines), form, level, attributes))
        if form != "line":
            marked.lines.append(rest)
            marked.origin.append(row + 1)
    return marked


def fences(lines: Sequence[str]) -> list[Literal["", "open", "in", "close"]]:
    """Where each line stands: outside of code blocks, at their edges, or inside."""
    found: list[Literal["", "open", "in", "close"]] = []
    fence = ""
    for line in lines:
        edge = _OPENING.match(line)
        if not fence:
            fence = edge[1] if edge else ""
            found.append("open" if fence else "")
        elif edge and edge[1][0] == fence[0] and len(edge[1]) >= len(fence) and not line.strip().strip(fence[0]):
            fence = ""
            found.append("close")
        else:
            found.append("in")
    return found


def _behind(row: int, line: str, form: Form) -> list[tuple[int, Form, int, Attributes, str]]:
    """The attributes at the end of a heading, or of the first line of a code block."""
    bare = line.rstrip().rstrip("#").rstrip() if form == "heading" else line.rstrip()
    start = len(bare)
    for _ in range(5):  # a quoted value may hold a brace or two
        start = bare.rfind("{", 0, start)
        before = bare[: max(start, 0)].rstrip()
        attributes = parse(bare[start:]) if start > 0 and bare.endswith("}") else None
        if attributes is None:
            continue
        heading = _HEADING.match(before)
        if form == "heading" and heading:
            return [(row, form, len(heading[1]), attributes, before)]
        if form == "fence" and re.fullmatch(r"[\w.+-]*", before.lstrip("-*+ \t0123456789.)").lstrip("`~").strip()):
            return [(row, form, 0, attributes, before)]
    return []


def _candidates(lines: Sequence[str]) -> list[tuple[int, Form, int, Attributes, str]]:
    found: list[tuple[int, Form, int, Attributes, str]] = []
    for row, (line, place) in enumerate(zip(lines, fences(lines), strict=True)):
        if "{" not in line or len(line) > 2000:
            continue
        if place == "in":
            match = _IN_FENCE.match(line)
            attributes = parse(match[1]) if match else None
            if attributes is not None and (attributes.id or _ours(attributes, "line")):
                found.append((row, "line", 0, attributes, ""))
        elif place == "open" or _HEADING.match(line):
            found.extend(_behind(row, line, "fence" if place == "open" else "heading"))
        elif (match := _LINE.match(line)) and (attributes := parse(match[1] or match[2])) is not None:
            found.append((row, "line", 0, attributes, "" if match[1] and attributes.id else line))
    return found
