"""The keys of a step, in one registry: the YAML form, the attributes in Markdown and the table in the guide read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from console.runbook import values
from console.runbook.model import Level, Problem
from console.runbook.values import Expected, UnknownKey

Where = tuple[str | int, ...]

UNKNOWN_KEY: Final = "R005"
WRONG_VALUE: Final = "R006"
NOT_THERE: Final = "R007"
STRAY: Final = "R008"


@dataclass
class Findings:
    """Problems on their way, and where keys stand: *line_of* takes a place as :class:`console.safe_yaml.Loaded` does."""

    line_of: Callable[[Where], int]
    problems: list[Problem] = field(default_factory=list)

    def add(self, where: Where, code: str, message: str, level: Level = "error") -> None:
        """A problem at *where*."""
        self.problems.append(Problem(self.line_of(where), level, code, message))

    def read(self, where: Where, parse: Callable[[Any], Any], value: Any) -> Any:
        """*value* as *parse* reads it; None, and a problem, when it does not fit."""
        try:
            return parse(value)
        except Expected as error:
            place = (*where, *([error.key] if error.key else ()))
            if isinstance(error, UnknownKey):
                self.add(place, UNKNOWN_KEY, f"{_dotted(place)}: {error}")
                return None
            self.add(place, WRONG_VALUE, f"{_dotted(place)}: expected {error}, not {_shown(value, error.key)}")
            return None

    def unknown(self, where: Where, known: Any) -> None:
        """A problem for the key at the end of *where*."""
        self.add(where, UNKNOWN_KEY, f"{_dotted(where)}: not a known key{values.nearest(str(where[-1]), known)}")


def _dotted(where: Where) -> str:
    """The place of a key from its step or list item on: the line says which one that is."""
    last = max((index for index, one in enumerate(where) if isinstance(one, int)), default=-1)
    return ".".join(str(one) for one in where[last + 1 :]) or str(where[-2] if len(where) > 1 else "the file")


def _shown(value: Any, key: str) -> str:
    if key and isinstance(value, Mapping) and key in value:
        value = value[key]
    shown = values.text(value) if isinstance(value, str | int | float | bool) else ""
    if isinstance(value, list | Mapping):
        return "a list" if isinstance(value, list) else "a mapping"
    return "nothing" if value is None else repr(shown if len(shown) < 60 else shown[:57] + "…")


@dataclass(frozen=True)
class Key:
    """A key: what it takes and does, in words; how it is read; the model's field it fills; the kinds that have it (none:
    every kind)."""

    name: str
    takes: str
    says: str
    read: Callable[[Any], Any]
    field: str = ""
    kinds: tuple[str, ...] = ()


_RUNS: Final = ("run", "check", "wait", "do")


def shell_texts(value: Any) -> tuple[str, ...]:
    """One script, or a list of them."""
    found = value if isinstance(value, list) else [value]
    if not found or not all(isinstance(one, str) and one.strip() for one in found):
        raise Expected("shell text, or a list of such")
    return tuple(found)


STEP_KEYS: Final[dict[str, Key]] = {
    key.name: key
    for key in (
        Key("id", "a word", "names the step for `next`, `undo`, `until`, `goto:` and answers", values.identifier, "id"),
        Key("kind", " · ".join(values.KINDS), "what the step is", values.kind, "kind"),
        Key("title", "one line", "what to do", values.line, "title"),
        Key("text", "Markdown", "more about it, shown with the step", values.text, "body"),
        Key("run", "shell text, or a list", "the command; a parameter is its `$name`", shell_texts, "", _RUNS),
        Key(
            "expect", "words, or `exit` `warn_exit` `match` `prose`", "what shows that it went well", values.expectation
        ),
        Key("output", "text", "a sample of what is printed, display only", values.text, "output"),
        Key(
            "ask",
            "one line",
            "the question, or what to confirm or approve",
            values.line,
            "ask",
            ("decide", "pause", "approve"),
        ),
        Key(
            "options",
            "answer: step",
            "the answers, each with the step it leads to",
            values.options,
            "options",
            ("decide",),
        ),
        Key(
            "approvals",
            "a number",
            "how many people, none of them the runner",
            values.integer(1, 20),
            "approvals",
            ("approve",),
        ),
        Key("for", "a duration", "how long to wait", values.duration, "wait_s", ("wait",)),
        Key("until", "a step's id", "the check that the wait is for", values.identifier, "until", ("wait",)),
        Key("runbook", "a name or a file", "the runbook to go to", values.line, "", ("call",)),
        Key(
            "with",
            "name: value",
            "its parameters; `$name` is a value of this run",
            lambda v: values.mapping(v, values.variable),
            "call_params",
            ("call",),
        ),
        Key("effect", "read · change · destructive", "what the command does to the world", values.effect, "effect"),
        Key("confirm", "enter · type-<param>", "what is typed before it may run", values.confirm, "confirm"),
        Key("tty", "no · yes · follow", "yes: it wants the terminal; follow: it runs until stopped", values.tty),
        Key("timeout", "a duration", "when the command is ended", values.duration, "timeout_s"),
        Key(
            "retry",
            "a number, or `attempts` `every` `backoff`",
            "how often it is tried, or how a check polls",
            values.retry,
            "retry",
        ),
        Key("on_fail", "ask · stop · continue · goto:<id>", "what a failure leads to", values.on_fail, "on_fail"),
        Key(
            "capture",
            "param: source",
            "puts `stdout`, `stderr`, `first_line`, `last_line`, `exit` or `/pattern/` into a parameter",
            values.captures,
            "capture",
        ),
        Key("undo", "a step's id, or words", "the way back", values.line, "undo"),
        Key("next", "a step's id, a phase, or end", "what comes after it", values.line, "next"),
        Key("host", "a host, or `$name`", "runs there, by ssh", values.line, "host"),
        Key("cwd", "a folder", "runs in it", values.line, "cwd"),
        Key("env", "NAME: value", "is added to the environment", values.environment, "env"),
        Key("required", "yes · no", "later steps wait for this one", values.boolean, "required"),
        Key("optional", "yes · no", "may be left out", values.boolean, "optional"),
        Key("assignee", "a name or role", "who does it", values.line, "assignee"),
        Key("role", "a role of `roles`", "who alone may do or approve it", values.line, "role"),
    )
}

_NEEDS: Final[dict[str, tuple[str, ...]]] = {
    "run": ("run",),
    "decide": ("options",),
    "wait": ("for", "until", "run"),
    "call": ("runbook",),
}


def kind_of(given: Mapping[str, Any]) -> str:
    """The kind of a step that names none: what its other keys say."""
    for key, kind in (
        ("options", "decide"),
        ("approvals", "approve"),
        ("runbook", "call"),
        ("for", "wait"),
        ("until", "wait"),
    ):
        if key in given:
            return kind
    return "run" if "run" in given else "do"


def read_keys(given: Mapping[str, Any], where: Where, findings: Findings, kind: str = "") -> dict[str, Any]:
    """The values of a step's keys as each is read; those that do not fit are left out, and are problems. *kind* is the
    step's where *given* does not say."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        key = STEP_KEYS.get(name)
        if key is None:
            findings.unknown((*where, str(name)), STEP_KEYS)
        elif (read := findings.read((*where, name), key.read, value)) is not None:
            found[name] = read
    kind = found.get("kind") or kind or kind_of(given)
    for name in found:
        kinds = STEP_KEYS[name].kinds
        if kinds and kind not in kinds:
            findings.add((*where, name), WRONG_VALUE, f"{name}: a key of {' and '.join(kinds)}; this step is a {kind}")
    return found


def missing(kind: str, given: Mapping[str, Any]) -> str:
    """What a step of *kind* still needs, in words; empty when nothing."""
    needs = _NEEDS.get(kind, ())
    return "" if not needs or any(name in given for name in needs) else " or ".join(needs)


def fields(found: Mapping[str, Any]) -> dict[str, Any]:
    """What read keys mean for a :class:`console.runbook.model.Step`; ``run``, ``tty`` and ``runbook`` aside."""
    set_: dict[str, Any] = {STEP_KEYS[name].field: value for name, value in found.items() if STEP_KEYS[name].field}
    if "expect" in found:
        check, prose = found["expect"]
        set_.update({"check": check} if check is not None else {}, **({"expect": prose} if prose else {}))
    if "runbook" in found:
        set_["calls"] = (found["runbook"],)
    return set_
