"""One piece of text that may be a command: what it is, whether it may run, and why not."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from console.runbook.judgement import facts
from console.runbook.model import Command
from console.runbook.params import env_name
from console.runbook.placeholders import find, shapes
from console.runbook.shell import read, words

SHELL: Final = "sh"


@dataclass
class Scope:
    """What a whole file tells about its commands. *dirty*: 1-based lines that held characters which hide what they do."""

    assigned: frozenset[str] = frozenset()
    dirty: frozenset[int] = frozenset()
    sources: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Parameter name → as written, first line; filled while reading."""
    names: dict[str, str] = field(default_factory=dict)
    """Environment variable → the first spelling of its parameter: names that differ in punctuation are one."""

    budget: float = 400.0
    """What the file's shell blocks may still cost, in squares of a thousand characters: four of 10,000, or 1,600 of 500."""

    def affords(self, text: str) -> bool:
        """Whether *text* may be parsed too; it is paid for."""
        self.budget -= (len(text) / 1000) ** 2
        return self.budget >= 0

    def name(self, name: str) -> str:
        """The spelling that the file uses first."""
        return self.names.setdefault(env_name(name), name)


_LANGUAGE_NAMES: Final = {
    "api": "an API path, not a shell command",
    "path": "a file's name, not a command",
    "url": "an address, not a command",
    "promql": "a PromQL query, not a shell command",
    "logql": "a LogQL query, not a shell command",
    "powershell": "PowerShell, not a POSIX shell",
}


def other(text: str, lang: str, line: int, end_line: int, scope: Scope, title: str = "") -> Command:
    """Something to copy that is no shell text: a query, an API path, code of another language."""
    params: dict[str, None] = {}
    if lang in ("api", "path", "url"):
        for name, kind, start, end in shapes(text):
            if kind in ("angle", "double", "brace"):
                params[name] = None
                scope.sources.setdefault(name, (text[start:end], line))
    query = lang in words("query_tags")
    why = _LANGUAGE_NAMES.get(lang) or (
        f"a query ({lang}), not a shell command" if query else f"{lang} code, not a shell command"
    )
    return Command(text, lang, False, why, tuple(params), line, end_line, title)


_STANDS_FOR: Final = re.compile(r"(?:^|[=/@:])[xX]{3,}(?:[.:-][xX]+)*$")
ELLIPSES: Final = frozenset(("...", "…", "[...]", "[…]", "<...>", "<…>"))
_ONLY_HERE: Final = frozenset(
    ("cd", "pushd", "popd", "export", "source", ".", "alias", "set", "unset", "umask", "ulimit", "shopt", "declare")
)


def shell(text: str, line: int, end_line: int, scope: Scope, title: str = "") -> Command:
    """Shell text as a command, judged."""
    params: dict[str, None] = {}
    why = None
    for one in find(text):
        if one.source.startswith("$") and one.name in scope.assigned:
            why = why or f"uses ${one.name}, which another block sets: run both in one shell of your own"
        elif one.context == "none":
            why = why or f"{one.source} {one.why}, so no value can be put in safely"
            if one.source.startswith("$") or "quote" in one.why:
                continue  # it is no parameter where the shell would never look for one
        if not (one.source.startswith("$") and one.name in scope.assigned):
            name = scope.name(one.name)
            params[name] = None
            scope.sources.setdefault(name, (one.source, line + text.count("\n", 0, one.start)))
    judged = facts(text)
    why = _not_runnable(text, line, end_line, scope) or why
    if judged.opens_early and why is None:
        why = f"{judged.opens_early} opens a session: the lines after it belong inside it, not here"
    return Command(
        text=text,
        lang=SHELL,
        runnable=why is None,
        why_not=why,
        params=tuple(params),
        line=line,
        end_line=end_line,
        title=title,
        tty=judged.tty,
        effect=judged.effect,
        warnings=judged.warnings,
    )


def _not_runnable(text: str, line: int, end_line: int, scope: Scope) -> str | None:
    if scope.dirty and any(number in scope.dirty for number in range(line, end_line + 1)):
        return "holds invisible or control characters"
    script = read(text)
    if not script.parses:
        return "does not parse as shell"
    if not any(not statement.comment for statement in script.statements):
        return "holds no command"
    if any(word in ELLIPSES for command in script.commands for word in command):
        return "has an ellipsis where something is left out"
    if any(_STANDS_FOR.search(word) for command in script.commands for word in command):
        return "has xxx where a value belongs"
    if script.unclosed:
        return f"{script.unclosed} opens a file, or is a placeholder that lacks its '>'"
    if not script.commands and script.assigned:
        return "only sets variables: use it in your own shell"
    if any(command and re.match(r"https?://", command[0]) for command in script.commands):
        return "holds an address where a command should be"
    outer = [command for command, _ in script.outer if command]
    if outer and all(command[0] in _ONLY_HERE for command in outer) and len(outer) == len(script.commands):
        return "changes only the shell it is typed in: use it in your own"
    return None


_QUERY: Final = re.compile(
    r"^\s*(?:select\s.+\sfrom\b|insert\s+into\b|update\s+\S+\s+set\b|delete\s+from\b|alter\s+(?:table|system)\b"
    r"|create\s+(?:table|index|database|role|user)\b|drop\s+(?:table|index|database)\b|vacuum\b|analyze\s+\w+;"
    r"|show\s+\w+.*;|with\s+\w+\s+as\s*\(|grant\s+\w+.*\bto\b)",
    re.IGNORECASE | re.DOTALL,
)
_PROMQL: Final = re.compile(
    r"^\s*(?:sum|rate|irate|increase|avg|max|min|count|topk|bottomk|histogram_quantile|absent|absent_over_time|"
    r"label_replace|predict_linear|delta|deriv|avg_over_time|max_over_time|sort_desc|time)\s*(?:by\s*|without\s*)?\("
    r"|^\s*[a-zA-Z_:][\w:]*\{[^}]*(?:=~|!~|!=|=)\s*\"[^}]*\}|^\s*[a-z_:][\w:]*\s*(?:==|!=|>=|<=|>|<)\s*\d+(?:\.\d+)?\s*$"
)
_YAML_LINE: Final = re.compile(r"^\s*(?:- )?[A-Za-z_][\w./-]*:(?:\s|$)|^\s*- \S|^---\s*$")
_REPL: Final = re.compile(
    r"^\s*(?:mysql|MariaDB \[.*?\]|psql|postgres|\w+=?)(?:=[#>]|>|-[#>])\s|^\s*(?:>>>|irb\(.*?\)[:>\d]+|pry\(.*?\)>)\s"
)


def query_language(text: str) -> str:
    """``sql``, ``promql`` or ``yaml`` when *text* looks like it; empty for anything else."""
    if _QUERY.match(text):
        return "sql"
    if _PROMQL.match(text):
        return "promql"
    if _REPL.match(text):
        return "sql" if re.match(r"\s*(?:mysql|Maria|psql|postgres|\w+=[#>])", text) else "python"
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if lines and sum(1 for line in lines if _YAML_LINE.match(line)) * 2 > len(lines):
        return "yaml"
    return ""


_SCRIPT: Final = re.compile(r"^(?:\.{1,2}/|~/|/?(?:[\w.-]+/)+)[\w.-]+$|^[\w-]+\.(?:sh|py|rb|pl|bash)$")


def starts_like_a_command(text: str) -> bool:
    """Whether the first command of *text*, to the shell's grammar, is one that runbooks use, or a script by its path."""
    found = next((command for command in read(text.strip()).commands if command), None)
    return found is not None and _known(found[0])


def _known(word: str) -> bool:
    if word in words("commands") or word in words("wrappers"):
        return True
    if re.match(r"\$\{?[A-Z_]+\}?/\S", word):
        return True
    if re.match(r"(?:\.{1,2}|~)/\S", word):
        return True
    return bool(_SCRIPT.match(word)) and (
        "/bin/" in word or word.startswith("bin/") or word.endswith((".sh", ".py", ".rb", ".pl", ".bash"))
    )


def is_command_line(text: str) -> bool:
    """Whether a paragraph is one bare command that lacks the indent of a code block: a known one, with an option, a path or a
    placeholder in it, and not a sentence."""
    line = text.strip()
    if (
        "\n" in line
        or "`" in line
        or len(line) > 500
        or line.endswith((".", ":", "?", "!"))
        or not starts_like_a_command(line)
    ):
        return False
    rest = line.split()[1:]
    return read(line).parses and any(re.match(r"--?[A-Za-z]|[~.]?/\w|<[A-Za-z]", word) for word in rest)


_API: Final = re.compile(r"^(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)\s+(?:https?:/)?/\S+")
_SYSTEM_PATHS: Final = re.compile(
    r"^/(?:bin|boot|data|dev|etc|home|lib|lib64|media|mnt|opt|proc|root|run|sbin|srv|sys|tmp|usr|var|Users|Volumes)(?:/|$)"
)
_PATH: Final = re.compile(r"^(?:~/|\.{1,2}/|/)?(?:[\w.@*<>{}$-]+/)+[\w.@*<>{}$-]*$")


def span_language(text: str) -> str:
    """What a code span is: ``sh`` for a command, ``api``, ``url`` or ``path`` for something to copy; empty for a mere word."""
    span = text.strip()
    if span.startswith("$ "):
        span = span[2:]
    if not span or len(span) > 500:
        return ""
    if _API.match(span):
        return "api"
    if re.match(r"https?://\S+$", span):
        return "url"
    if span.startswith("/") and " " not in span:
        return "path" if _SYSTEM_PATHS.match(span) else "api" if re.match(r"/[\w{}<>:.-]+", span) else ""
    if (
        " " not in span
        and _PATH.match(span)
        and not (_SCRIPT.match(span) and span.startswith(("./", "/", "~/", "bin/")))
    ):
        return (
            "path"
            if span.endswith("/") or re.search(r"\.\w{1,8}$", span) or span.startswith(("~/", "./", "../"))
            else ""
        )
    if re.search(r"^\w+\(|^[A-Z][a-z]+ [a-z]", span):
        return ""
    return _command_span(span)


_SHELL_FILE: Final = re.compile(r"[\w.-]+\.(?:sh|bash|py|rb|pl)")


def _command_span(span: str) -> str:
    """``sh`` where the grammar finds a command in a code span that is meant as one, and not a word that is only mentioned."""
    found = [command for command in read(span).commands if command]
    if not found or span[0] in "|&;<>":
        return ""
    name, rest = found[0][0], found[0][1:]
    if not _known(name):
        # An unknown tool is a command where it is given options, or hands on to one that is known.
        given = any(re.fullmatch(r"--?[A-Za-z][\w-]*(?:=.*)?", word) for word in rest)
        handed = any(_known(command[0]) for command in found[1:]) and "|" in span
        return SHELL if re.fullmatch(r"[a-z][\w.-]+", name) and (given or handed) else ""
    if rest or len(found) > 1 or read(span).assigned:
        return "" if rest in (("command",), ("commands",)) or rest[:1] in (("=",), (":",)) else SHELL
    if _SHELL_FILE.fullmatch(name):
        return "path"
    return SHELL if name in words("bare_commands") or "/" in name else ""
