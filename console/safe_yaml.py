"""YAML from outside, read safely: limits on size, depth and aliases, no duplicate keys, and the line of every key.

The scalars are those of the YAML 1.2 core schema (https://yaml.org/spec/1.2.2/#103-core-schema): only ``true`` and
``false`` are booleans, and dates, times and ``yes``/``no`` stay text. So ``options: {yes: promote, no: page}`` and
``at: 12:30`` mean what they say. Tags of languages (``!!python/…``, ``!Ref``) are refused. Merge keys (``<<``) work.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

Where = tuple[str | int, ...]
"""The place of a value: mapping keys (as text) and list positions, from the top: ``("services", 0, "name")``."""


@dataclass(frozen=True)
class Limits:
    """What a document may cost. *values* counts every key and value, aliases expanded."""

    size: int = 1_000_000
    depth: int = 64
    values: int = 100_000


DEFAULT_LIMITS: Final = Limits()


class YamlError(Exception):
    """A document that can't be used. ``str()`` is one line: ``file:line: what was expected``."""

    def __init__(self, source: str, line: int, message: str) -> None:
        super().__init__(f"{source}:{line}: {message}" if line else f"{source}: {message}")
        self.source = source
        self.line = line
        self.message = message


@dataclass(frozen=True)
class Loaded:
    """A document: *data* is plain dicts, lists, str, int, float, bool and None; *lines* has the 1-based line of every
    key and list item by its place."""

    source: str
    data: Any
    lines: dict[Where, int]

    def line(self, where: Sequence[str | int]) -> int:
        """The 1-based line of the value at *where*, or of the nearest ancestor that stands in the file."""
        place = tuple(where)
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)

    def line_at(self, path: str) -> int:
        """The line for a path as msgspec writes it: ``$.services[0].checks[2].url`` (``[...]`` matches nothing)."""
        where: Where = ()
        for name, position in re.findall(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]", path.removeprefix("$")):
            step: str | int = name or (int(position) if position.isdigit() else position)
            if (*where, step) not in self.lines:
                break
            where += (step,)
        return self.line(where)

    def error(self, where: Sequence[str | int], message: str) -> YamlError:
        """An error about the value at *where*, ready to raise."""
        return YamlError(self.source, self.line(where), message)


def load_file(path: Path, limits: Limits = DEFAULT_LIMITS) -> Loaded:
    """Read and parse *path*. Raises :class:`YamlError`, and ``OSError`` when the file can't be read."""
    with path.open("rb") as file:
        data = file.read(limits.size + 1)
    return load(data, str(path), limits)


def load(text: str | bytes, source: str, limits: Limits = DEFAULT_LIMITS) -> Loaded:
    """Parse one document. *source* names it in errors. An empty document is ``None``. Raises :class:`YamlError`."""
    import yaml

    size = len(text)
    if size > limits.size:
        raise YamlError(source, 0, f"larger than the {limits.size:,} bytes that are read")
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise YamlError(source, error.object.count(b"\n", 0, error.start) + 1, "not UTF-8 text") from None
    builder = _Builder(source, limits)
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            builder.take(event)
    except UnicodeEncodeError as error:
        raise YamlError(source, text.count("\n", 0, error.start) + 1, "not UTF-8 text") from None
    except yaml.YAMLError as error:
        raise _from_yaml(error, source, text) from None
    return Loaded(source, builder.result, builder.lines)


def _from_yaml(error: Exception, source: str, text: str) -> YamlError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML"
    if mark is not None:
        line = mark.line + 1
    else:  # a reader error knows only an offset
        position = getattr(error, "position", 0) or 0
        line = text.count("\n", 0, position) + 1
    return YamlError(source, line, " ".join(str(problem).split()))


_NULL: Final = frozenset(("", "~", "null", "Null", "NULL"))
_BOOL: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT: Final = re.compile(r"[-+]?[0-9]{1,4000}|0o[0-7]{1,4000}|0x[0-9a-fA-F]{1,4000}")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL_FLOAT: Final = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_CORE: Final = "tag:yaml.org,2002:"


def _plain(value: str) -> Any:
    if value in _NULL:
        return None
    if value in _BOOL:
        return _BOOL[value]
    if _INT.fullmatch(value):
        return int(value, 8 if value.startswith("0o") else 16 if value.startswith("0x") else 10)
    if _FLOAT.fullmatch(value):
        return float(value)
    if _SPECIAL_FLOAT.fullmatch(value):
        return float(value.replace(".", "", 1))
    return value


@dataclass
class _Open:
    """A list or mapping whose end has not come yet."""

    kind: Literal["list", "map"]
    value: Any
    where: Where
    anchor: str | None
    line: int
    key: Any = None
    has_key: bool = False
    merges: list[Any] = field(default_factory=list)
    size: int = 1


@dataclass
class _Builder:
    """Turns parser events into data without recursion, so that depth is ours to bound."""

    source: str
    limits: Limits
    result: Any = None
    lines: dict[Where, int] = field(default_factory=dict)
    stack: list[_Open] = field(default_factory=list)
    anchors: dict[str, tuple[Any, int]] = field(default_factory=dict)
    values: int = 0
    documents: int = 0

    def take(self, event: Any) -> None:
        import yaml

        line = event.start_mark.line + 1
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise self.error(line, "one document is expected in a file, and a second one starts here")
        elif isinstance(event, yaml.ScalarEvent):
            self.scalar(event, line)
        elif isinstance(event, yaml.AliasEvent):
            self.alias(event, line)
        elif isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
            self.open(event, line, "list" if isinstance(event, yaml.SequenceStartEvent) else "map")
        elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            self.close()

    def error(self, line: int, message: str) -> YamlError:
        return YamlError(self.source, line, message)

    def scalar(self, event: Any, line: int) -> None:
        text: str = event.value
        tag: str | None = event.tag
        if tag in (None, "!") or tag == _CORE + "str":
            value = _plain(text) if tag is None and event.implicit[0] else text
        elif tag in (_CORE + "int", _CORE + "float", _CORE + "bool", _CORE + "null"):
            value = _plain(text)
        else:
            raise self.error(line, f"the tag {tag} is not known here")
        merge = text == "<<" and tag is None and event.implicit[0]
        self.add(value, line, event.anchor, 1, merge)

    def alias(self, event: Any, line: int) -> None:
        if event.anchor not in self.anchors:
            raise self.error(line, f"the alias *{event.anchor} has no anchor before it")
        value, size = self.anchors[event.anchor]
        self.add(value, line, None, size)

    def open(self, event: Any, line: int, kind: Literal["list", "map"]) -> None:
        if event.tag not in (None, "!", _CORE + "seq", _CORE + "map"):
            raise self.error(line, f"the tag {event.tag} is not known here")
        if len(self.stack) >= self.limits.depth:
            raise self.error(line, f"nested deeper than {self.limits.depth} levels")
        where = self.place(line)
        self.count(1, line)
        self.stack.append(_Open(kind, [] if kind == "list" else {}, where, event.anchor, line))

    def close(self) -> None:
        done = self.stack.pop()
        if done.anchor:
            self.anchors[done.anchor] = (done.value, done.size)
        for merged in done.merges:
            for key, value in merged.items():
                done.value.setdefault(key, value)
        self.put(done.value, done.line, done.size)

    def count(self, size: int, line: int) -> None:
        self.values += size
        if self.values > self.limits.values:
            raise self.error(
                line, f"more than {self.limits.values:,} values, aliases counted as often as they are used"
            )

    def place(self, line: int) -> Where:
        """Where the next value goes; notes its line."""
        if not self.stack:
            self.lines[()] = line
            return ()
        top = self.stack[-1]
        if top.kind == "list":
            where = (*top.where, len(top.value))
            self.lines[where] = line
            return where
        return (*top.where, str(top.key) if top.has_key else "")

    def add(self, value: Any, line: int, anchor: str | None, size: int, merge: bool = False) -> None:
        self.count(size, line)
        self.place(line)
        if anchor:
            self.anchors[anchor] = (value, size)
        top = self.stack[-1] if self.stack else None
        if top is not None and top.kind == "map" and not top.has_key and merge:
            top.key, top.has_key = _MERGE, True
            return
        self.put(value, line, size)

    def put(self, value: Any, line: int, size: int) -> None:
        if not self.stack:
            self.result = value
            return
        top = self.stack[-1]
        top.size += size
        if top.kind == "list":
            top.value.append(value)
        elif not top.has_key:
            if not isinstance(value, str | int | float | bool | None):
                raise self.error(line, "a key must be a plain word or number")
            if value in top.value:
                raise self.error(line, f"the key {value!r} stands here twice (first on line {self.first(top, value)})")
            top.key, top.has_key = value, True
            self.lines.setdefault((*top.where, str(value)), line)
        elif top.key is _MERGE:
            self.merge(top, value, line)
            top.has_key = False
        else:
            top.value[top.key] = value
            top.has_key = False

    def first(self, top: _Open, key: object) -> int:
        return self.lines.get((*top.where, str(key)), top.line)

    def merge(self, top: _Open, value: Any, line: int) -> None:
        maps = value if isinstance(value, list) else [value]
        for one in maps:
            if not isinstance(one, dict):
                raise self.error(line, "<< takes a mapping or a list of mappings")
            top.merges.append(one)


_MERGE: Final = object()
