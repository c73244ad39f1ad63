"""Placeholders in commands: finding them, and putting values in without ever splicing them into shell text.

A placeholder is ``<name>``, ``{name}``, ``{{name}}``, ``[NAME]``, ``YOUR_X``, or a ``$NAME`` that the runbook never
assigns. :func:`bind` turns each into a quoted reference to an environment variable at its node of the shell's parse
tree, so that a value is always one word, whatever it holds. Where a reference would not be a value – single quotes, a
quoted heredoc, arithmetic, text that goes through a second shell – it raises :class:`UnbindableError`:
copy only.
"""

from __future__ import annotations

import re
import shlex
import zlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from console.runbook.placeholders import Placeholder, find
from console.runbook.reread import PLAIN
from console.runbook.shell import words

PREFIX: Final = "VIGIE_P_"


class UnbindableError(Exception):
    """The command can only be copied; ``str()`` says why in a few words."""


_OPTION: Final = re.compile(r"-(?!\d+(?:\.\d+)?$).")  # a negative number is a number


@dataclass(frozen=True)
class Bound:
    """A script ready to run: give it *env* (parameter name → environment variable) with the operator's values."""

    script: str
    env: dict[str, str]
    guarded: dict[str, str] = field(default_factory=dict)  # parameter name → what reads it in its own language
    leading: frozenset[str] = frozenset()  # parameters that an argument begins with

    def refusal(self, values: Mapping[str, str]) -> str:
        """Why one of the values can't be used where it stands; "" when all can."""
        for name, program in self.guarded.items():
            if not PLAIN.fullmatch(values.get(name, "")):
                return f"{name} would be read again by {program}, where only letters, digits and . _ - / : @ % + = are safe"
        for name in sorted(self.leading):
            if _OPTION.match(values.get(name, "")):
                return f"{name} begins with -, so the command would take it for an option"
        return ""

    def environment(self, values: Mapping[str, str]) -> dict[str, str]:
        """The variables to add to the process's environment. Raises ``KeyError`` for a name without a value."""
        return {variable: values[name] for name, variable in self.env.items()}


_IN_TEXT: Final = re.compile(
    r"\[([^\W\d_][^\[\]\n]{1,78})\](?![(\[])(?!:\s*(?:https?:|\.?/))"
    r"|<([^\W\d_][\w ./:|-]{0,60})>"
    r"|\{\{?\s?([A-Za-z_][\w-]*)\s?\}\}?"
)
_SECRET: Final = re.compile(
    r"(?:^|[_\W])(?:pass(?:wd|word|phrase)?|pwd|secret|token|credentials?|api[_ -]?key|apikey|private[_ -]?key|"
    r"access[_ -]?key|auth[_ -]?key|mot[_ -]de[_ -]passe|passwort|contraseña|密码|パスワード)s?"
    r"(?:$|[_\W\d])",
    re.IGNORECASE,
)


def env_name(name: str) -> str:
    """The environment variable that carries parameter *name*: ``bot-id`` → ``VIGIE_P_bot_id``. Names that differ only
    in punctuation are the same parameter."""
    plain = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")
    if name.isascii() and plain:
        return PREFIX + plain
    return f"{PREFIX}{plain}_{zlib.crc32(name.encode()):08x}".replace("__", "_")


def is_secret(name: str) -> bool:
    """Whether a parameter's name says that its value must not be shown or logged."""
    return _SECRET.search(name) is not None


def in_text(text: str) -> list[tuple[str, str]]:
    """``(name, source)`` of each placeholder of a message template, in order, each once. Here any ``[words]`` count,
    as long as they are no link and no task box."""
    found: dict[str, str] = {}
    for match in _IN_TEXT.finditer(text):
        name = next(group for group in match.groups() if group)
        if name.strip() and name not in words("log_tags") and name.casefold() not in ("x", "note", "tip", "warning"):
            found.setdefault(name.strip(), match.group())
    return list(found.items())


def bind(text: str, names: Collection[str]) -> Bound:
    """The script that runs *text* with the parameters *names* taken from the environment. Raises
    :class:`UnbindableError`
    when one of them stands where no reference can, or when a placeholder is not among *names*."""
    wanted = {env_name(name): name for name in names}
    variables = _variables(names)
    pieces: list[str] = []
    env: dict[str, str] = {}
    guarded: dict[str, str] = {}
    leading: set[str] = set()
    position = 0
    for one in find(text, variables):
        variable = env_name(one.name)
        if one.context == "none":
            raise UnbindableError(f"{one.source} {one.why}")
        if variable not in wanted:
            raise UnbindableError(f"{one.source} has no value")
        env[wanted[variable]] = variable
        if one.why:
            guarded.setdefault(wanted[variable], one.why)
        if one.leads:
            leading.add(wanted[variable])
        pieces += [text[position : one.start], _reference(one, variable)]
        position = one.end
    return Bound("".join(pieces) + text[position:], env, guarded, frozenset(leading))


def display(text: str, values: Mapping[str, str]) -> str:
    """*text* with the values in place, quoted as the shell needs: what a person reads, and may paste. Placeholders
    without a value, and those that can't be filled, stay as they are."""
    by_variable = {env_name(name): value for name, value in values.items()}
    variables = _variables(values)
    pieces: list[str] = []
    position = 0
    for one in find(text, variables):
        value = by_variable.get(env_name(one.name))
        if value is None or one.context == "none" or _operator(one):
            continue
        shown = shlex.quote(value) if one.context == "word" else re.sub(r'([\\"$`])', r"\\\1", value)
        pieces += [text[position : one.start], shown]
        position = one.end
    return "".join(pieces) + text[position:]


def _variables(names: Iterable[str]) -> frozenset[str]:
    """The ``$NAME`` spellings of parameters: the name itself, and ``bot_id`` for ``bot-id``."""
    plain = {env_name(name).removeprefix(PREFIX) for name in names} | set(names)
    return frozenset(name for name in plain if re.fullmatch(r"[A-Za-z_]\w*", name))


def _operator(one: Placeholder) -> bool:
    """``${NAME:-x}`` and its kin: the expansion does more than give the value."""
    return one.source.startswith("${") and one.source != "${" + one.name + "}"


def _reference(one: Placeholder, variable: str) -> str:
    tail = one.source[2:].replace(one.name, variable, 1) if _operator(one) else variable + "}"
    inner = "${" + tail
    return f'"{inner}"' if one.context == "word" else inner
