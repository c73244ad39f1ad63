"""The templates of alert labels and annotations: Go's ``{{ … }}`` as far as rules use it, compiled when a file is read.

``$labels.name``, ``$value``, ``$externalLabels.name`` (also as ``.Labels``, ``.Value``, ``.ExternalLabels``), texts, numbers,
pipes, and the functions of :data:`_FUNCTIONS`. What is outside (``if``, ``range``, ``query``, ``template``) is refused by name.
Source: https://prometheus.io/docs/prometheus/latest/configuration/template_reference/
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final


class TemplateError(ValueError):
    """A template that can't be filled here. ``str()`` is one line."""


@dataclass(frozen=True)
class Values:
    """What a template is filled with."""

    labels: Mapping[str, str]
    value: float
    external: Mapping[str, str]


Term = Callable[[Values], Any]


@dataclass(frozen=True)
class Template:
    """A compiled text: *parts* are texts and terms, in order."""

    parts: tuple[str | Term, ...]

    def fill(self, values: Values) -> str:
        """The text for *values*. Raises :class:`TemplateError` for a function that can't take what it is given."""
        return "".join(part if isinstance(part, str) else shown(part(values)) for part in self.parts)


def shown(value: Any) -> str:
    """*value* as Go prints it with ``%v``: floats in their shortest form, with an exponent from 1e+06 on."""
    if not isinstance(value, float):
        return str(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value and not 1e-4 <= abs(value) < 1e6:
        digits, _, power = f"{Decimal(repr(value)).normalize():e}".partition("e")
        return f"{digits}e{power[0]}{power[1:].zfill(2)}"
    return f"{Decimal(repr(value)):f}".removesuffix(".0")


# ── compiling ───────────────────────────────────────────────────────────────────────────────────────────────────────

_ACTION: Final = re.compile(
    r"\{\{(?P<left>-\s)?(?P<inside>(?:\"(?:\\.|[^\"\\])*\"|`[^`]*`|[^\"`])*?)(?P<right>\s-)?\}\}", re.S
)
_TOKEN: Final = re.compile(
    r"""\s*(?:
      (?P<text>"(?:\\.|[^"\\])*"|`[^`]*`)
    | (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<path>[$.][A-Za-z_][\w]*(?:\.[A-Za-z_]\w*)?)
    | (?P<word>[A-Za-z_]\w*)
    | (?P<pipe>\|)
    | (?P<open>\()
    | (?P<close>\))
    )""",
    re.X,
)


def compile_template(text: str) -> Template:
    """Read *text*. Raises :class:`TemplateError`."""
    parts: list[str | Term] = []
    position = 0
    trim = False
    for action in _ACTION.finditer(text):
        before = text[position : action.start()]
        before = before.lstrip() if trim else before
        parts.append(before.rstrip() if action["left"] else before)
        trim = bool(action["right"])
        inside = action["inside"].strip()
        if not (inside.startswith("/*") and inside.endswith("*/")):
            parts.append(_pipeline(inside))
        position = action.end()
    rest = text[position:]
    if "{{" in rest:
        raise TemplateError("a {{ is never closed with }}")
    parts.append(rest.lstrip() if trim else rest)
    return Template(tuple(part for part in parts if part != ""))


def _pipeline(inside: str) -> Term:
    tokens = _tokens(inside)
    term, rest = _piped(tokens, inside)
    if rest:
        raise TemplateError(f"can't be read here: {{{{ {inside} }}}}")
    return term


def _tokens(inside: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    position = 0
    while position < len(inside):
        match = _TOKEN.match(inside, position)
        if match is None:
            if not inside[position:].strip():
                break
            raise TemplateError(f"can't be read here: {{{{ {inside} }}}}")
        found.append((match.lastgroup or "", match[match.lastgroup or 0]))
        position = match.end()
    return found


Tokens = Sequence[tuple[str, str]]


def _piped(tokens: Tokens, inside: str) -> tuple[Term, Tokens]:
    """One pipeline up to the end or a closing bracket."""
    term, tokens = _command(tokens, inside, None)
    while tokens and tokens[0][0] == "pipe":
        term, tokens = _command(tokens[1:], inside, term)
    return term, tokens


def _command(tokens: Tokens, inside: str, piped: Term | None) -> tuple[Term, Tokens]:
    if not tokens:
        raise TemplateError(f"something is missing in {{{{ {inside} }}}}")
    kind, word = tokens[0]
    arguments: list[Term] = []
    if kind != "word":
        term, rest = _term(tokens, inside)
        if piped is not None or (rest and rest[0][0] not in ("pipe", "close")):
            raise TemplateError(f"expected a function in {{{{ {inside} }}}}")
        return term, rest
    if word not in _FUNCTIONS:
        raise TemplateError(f"{word} is not filled in here; these are: {', '.join(_FUNCTIONS)}")
    rest = tokens[1:]
    while rest and rest[0][0] not in ("pipe", "close"):
        term, rest = _term(rest, inside)
        arguments.append(term)
    if piped is not None:
        arguments.append(piped)
    function, fewest, most = _FUNCTIONS[word]
    if not fewest <= len(arguments) <= most:
        raise TemplateError(f"{word} has {len(arguments)} arguments in {{{{ {inside} }}}}, expected {fewest}")
    taken = tuple(arguments)
    return (lambda values: function(*(argument(values) for argument in taken))), rest


def _term(tokens: Tokens, inside: str) -> tuple[Term, Tokens]:
    kind, word = tokens[0]
    rest = tokens[1:]
    if kind == "open":
        term, rest = _piped(rest, inside)
        if not rest or rest[0][0] != "close":
            raise TemplateError(f"a ( is never closed in {{{{ {inside} }}}}")
        return term, rest[1:]
    if kind == "text":
        text = word[1:-1] if word.startswith("`") else _unquoted(word, inside)
        return (lambda values: text), rest
    if kind == "number":
        number = float(word)
        return (lambda values: number), rest
    if kind == "path":
        return _path(word), rest
    raise TemplateError(f"can't be read here: {{{{ {inside} }}}}")


def _unquoted(word: str, inside: str) -> str:
    try:
        text = json.loads(word, strict=False)
    except ValueError:
        raise TemplateError(f"a text can't be read in {{{{ {inside} }}}}") from None
    assert isinstance(text, str)  # noqa: S101 - a quoted word is a text
    return text


def _path(word: str) -> Term:
    head, _, name = word[1:].partition(".")
    head = head.lower() if word.startswith(".") else head
    if head == "value" and not name:
        return lambda values: values.value
    if head == "labels":
        return (lambda values: values.labels.get(name, "")) if name else (lambda values: values.labels)
    if head in ("externalLabels", "externallabels"):
        return (lambda values: values.external.get(name, "")) if name else (lambda values: values.external)
    raise TemplateError(f"{word} is not known here; there are $labels, $value and $externalLabels")


# ── functions ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TemplateError(f"expected a number, got {str(value)[:40]!r}") from None


def _short(value: float) -> str:
    """``%.4g``."""
    return "NaN" if math.isnan(value) else shown(value) if math.isinf(value) else f"{value:.4g}"


def _scaled(value: float, step: float, prefixes: Sequence[str]) -> tuple[float, str]:
    prefix = ""
    for one in prefixes:
        if abs(value) < step:
            break
        prefix, value = one, value / step
    return value, prefix


def _small(value: float) -> tuple[float, str]:
    prefix = ""
    for one in "munpfazy":
        if abs(value) >= 1:
            break
        prefix, value = one, value * 1000
    return value, prefix


def _humanize(raw: Any) -> str:
    value = _number(raw)
    if not value or not math.isfinite(value):
        return _short(value)
    scaled, prefix = _scaled(value, 1000, "kMGTPEZY") if abs(value) >= 1 else _small(value)
    return _short(scaled) + prefix


def _humanize1024(raw: Any) -> str:
    value = _number(raw)
    if abs(value) <= 1 or not math.isfinite(value):
        return _short(value)
    scaled, prefix = _scaled(value, 1024, ("ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"))
    return _short(scaled) + prefix


def _humanize_duration(raw: Any) -> str:
    value = _number(raw)
    if not math.isfinite(value):
        return _short(value)
    if not value:
        return "0s"
    if abs(value) < 1:
        scaled, prefix = _small(value)
        return f"{_short(scaled)}{prefix}s"
    sign, whole = ("-" if value < 0 else ""), int(abs(value))
    days, hours, minutes, seconds = whole // 86400, whole // 3600 % 24, whole // 60 % 60, whole % 60
    if days:
        return f"{sign}{days}d {hours}h {minutes}m {seconds}s"
    if hours:
        return f"{sign}{hours}h {minutes}m {seconds}s"
    if minutes:
        return f"{sign}{minutes}m {seconds}s"
    return f"{sign}{_short(abs(value))}s"


def _humanize_timestamp(raw: Any) -> str:
    value = _number(raw)
    if not math.isfinite(value):
        return _short(value)
    try:
        moment = datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise TemplateError(f"{shown(value)} is no time") from None
    return (
        f"{moment:%Y-%m-%d %H:%M:%S}{f'.{moment.microsecond:06d}'.rstrip('0') if moment.microsecond else ''} +0000 UTC"
    )


_VERB: Final = re.compile(r"%(?:%|(?P<spec>[-+ 0#]*\d*(?:\.\d+)?)(?P<verb>[a-zA-Z]))")


def _printf(form: Any, *arguments: Any) -> str:
    rest = list(arguments)

    def one(match: re.Match[str]) -> str:
        verb = match["verb"]
        if verb is None:
            return "%"
        if not rest:
            raise TemplateError(f"printf {form!r} wants more than it is given")
        value = rest.pop(0)
        if verb in "feEgG":
            return f"%{match['spec']}{verb}" % _number(value)
        if verb in "vs":
            return f"%{match['spec']}s" % shown(value)
        if verb == "q":
            return json.dumps(shown(value), ensure_ascii=False)
        raise TemplateError(f"printf's %{verb} is not filled in here; use %f, %g, %e, %v, %s or %q")

    return _VERB.sub(one, str(form))


def _title(text: Any) -> str:
    return re.sub(r"(?:^|(?<=\W))\w", lambda match: match[0].upper(), shown(text))


def _index(mapping: Any, key: Any) -> str:
    if not isinstance(mapping, Mapping):
        raise TemplateError("index is for $labels and $externalLabels")
    return str(mapping.get(str(key), ""))


def _strip_port(address: Any) -> str:
    text = shown(address)
    host, colon, port = text.rpartition(":")
    return host.strip("[]") if colon and port.isdigit() else text


_MANY: Final = 64
_FUNCTIONS: Final[Mapping[str, tuple[Callable[..., Any], int, int]]] = {  # function, fewest and most arguments
    "humanize": (_humanize, 1, 1),
    "humanize1024": (_humanize1024, 1, 1),
    "humanizeDuration": (_humanize_duration, 1, 1),
    "humanizePercentage": (lambda value: f"{_short(_number(value) * 100)}%", 1, 1),
    "humanizeTimestamp": (_humanize_timestamp, 1, 1),
    "printf": (_printf, 1, _MANY),
    "print": (lambda *values: "".join(shown(value) for value in values), 1, _MANY),
    "title": (_title, 1, 1),
    "toUpper": (lambda text: shown(text).upper(), 1, 1),
    "toLower": (lambda text: shown(text).lower(), 1, 1),
    "stripPort": (_strip_port, 1, 1),
    "index": (_index, 2, 2),
}
