"""Shell text, read with the bash grammar: its statements, its commands, the variables it sets.

Nothing here runs anything. The facts come from tree-sitter's parse tree and the word lists of ``shell_words.yaml``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from tree_sitter import Node, Parser


MAX_SHELL: Final = 10_000
"""Characters of one piece that are read as shell: text that is no shell costs the grammar the square of its length."""


@cache
def parser() -> Parser:
    """The bash parser, made once."""
    import tree_sitter_bash
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_bash.language()))


# The grammar's scanner reads past its tables at some characters outside ASCII, and the process is gone. To the shell all
# of them are letters of a word; a full stop is one too, and as long. NUL would end its text early.
_SAFE: Final = bytes(byte if 0 < byte < 0x80 else ord(".") for byte in range(256))


@lru_cache(maxsize=512)
def parsed(data: bytes) -> Node:
    """The parse tree's root for *data*. Take texts out of *data* by its offsets: the tree's own bytes are ASCII."""
    return parser().parse(data.translate(_SAFE)).root_node


@cache
def words(name: str) -> frozenset[str]:
    """A word list of ``shell_words.yaml`` by its key."""
    return frozenset(_lists()[name].split())


@cache
def _lists() -> dict[str, str]:
    from importlib import resources

    from console.safe_yaml import load

    source = resources.files(__package__).joinpath("shell_words.yaml")
    lists: dict[str, str] = load(source.read_bytes(), "shell_words.yaml").data
    return lists


@dataclass(frozen=True)
class Statement:
    """A top-level statement or comment of a script: rows are 0-based and inclusive, and cover its trailing comment."""

    start: int
    end: int
    comment: bool


@dataclass(frozen=True)
class Script:
    """What the parse tree says about a piece of shell text."""

    parses: bool
    statements: tuple[Statement, ...]
    commands: tuple[tuple[str, ...], ...]
    """Every simple command as its words, quotes off, in order – also those inside loops and substitutions."""
    outer: tuple[tuple[tuple[str, ...], bool], ...]
    """The commands that have the screen: not those in substitutions, functions or in front of a pipe. True: its input is given."""
    whole: bool
    """A loop, heredoc or function: such text is never cut into parts."""
    assigned: frozenset[str]
    used: frozenset[str]
    """The variables whose values it takes, ``!`` for the last job's process."""
    keeps: bool
    """What it does to its shell – a directory, an option, a function – is still there for what comes after."""
    job: bool
    """It leaves a job in the background."""
    unclosed: str
    """A word behind ``<`` that more words of the same command follow: a placeholder whose ``>`` was forgotten, most likely."""


@lru_cache(maxsize=512)
def read(text: str) -> Script:
    """Parse *text*, placeholders masked. Never raises. Longer text is read up to :data:`MAX_SHELL`, and does not parse."""
    from console.runbook.placeholders import assigned_names, masked

    data = masked(text[:MAX_SHELL])
    root = parsed(data)
    statements: list[Statement] = []
    for child in root.children:
        start, end = child.start_point.row, child.end_point.row
        if child.end_point.column == 0 and end > start:
            end -= 1
        if not child.is_named and statements and start > statements[-1].end:
            continue  # a separator on its own
        last = statements[-1] if statements else None
        if last is not None and start <= last.end:
            statements[-1] = Statement(last.start, max(last.end, end), last.comment and child.type == "comment")
        else:
            statements.append(Statement(start, end, child.type == "comment"))
    commands, outer, whole = [], [], False
    used: set[str] = set()
    unclosed = ""
    for node, place in _walk(root):
        if node.type in (
            "heredoc_redirect",
            "for_statement",
            "while_statement",
            "c_style_for_statement",
            "function_definition",
        ):
            whole = True
        elif node.type in ("command", "declaration_command"):
            given = _command_words(node, data)
            commands.append(given)
            if place != "hidden":
                outer.append((given, place == "fed"))
        elif node.type in ("simple_expansion", "expansion"):
            used |= {_text(child, data) for child in node.children if child.type.endswith("variable_name")}
        elif node.type == "file_redirect":
            unclosed = unclosed or _unclosed(node, data)
    return Script(
        not root.has_error and len(text) <= MAX_SHELL,
        tuple(statements),
        tuple(commands),
        tuple(outer),
        whole,
        assigned_names(root, data),
        frozenset(used),
        _keeps(root, data),
        any(child.type == "&" for child in root.children),
        unclosed,
    )


def _text(node: Node, data: bytes) -> str:
    return data[node.start_byte : node.end_byte].decode(errors="replace").strip()


def _unclosed(redirect: Node, data: bytes) -> str:
    """The first target of ``<word more words``, which no one writes who means a file."""
    targets = [child for child in redirect.children if child.is_named and child.type != "file_descriptor"]
    reads = any(child.type == "<" for child in redirect.children)
    return "<" + _text(targets[0], data) if reads and len(targets) > 1 else ""


_OWN_SHELL: Final = frozenset(("subshell", "pipeline", "command_substitution", "process_substitution"))
_OF_THE_SHELL: Final = frozenset(
    (
        "cd",
        "pushd",
        "popd",
        "export",
        "source",
        ".",
        "set",
        "alias",
        "umask",
        "shopt",
        "trap",
        "ulimit",
        "eval",
        "declare",
        "local",
        "readonly",
        "unset",
    )
)


def _keeps(root: Node, data: bytes) -> bool:
    stack = [root]
    while stack:
        node = stack.pop()
        if node.type in _OWN_SHELL:
            continue
        if node.type in ("function_definition", "declaration_command", "unset_command"):
            return True
        if node.type == "command" and _OF_THE_SHELL.intersection(_command_words(node, data)[:1]):
            return True
        stack.extend(node.children)
    return False


Place = Literal["screen", "fed", "hidden"]


def _walk(root: Node) -> Iterator[tuple[Node, Place]]:
    """Nodes in document order, and whether what runs there has the terminal, only its screen, or neither."""
    stack: list[tuple[Node, Place]] = [(root, "screen")]
    while stack:
        node, place = stack.pop()
        yield node, place
        if node.type in ("command_substitution", "process_substitution", "function_definition"):
            place = "hidden"
        elif (
            place == "screen" and node.type == "redirected_statement" and any(_feeds(child) for child in node.children)
        ):
            place = "fed"
        if node.type == "pipeline":
            named = [child for child in node.children if child.is_named]
            after: Place = "hidden" if place == "hidden" else "fed"
            stack.extend((child, after) for child in named[-1:])
            stack.extend((child, "hidden") for child in reversed(named[:-1]))
        else:
            stack.extend((child, place) for child in reversed(node.children))


def _feeds(node: Node) -> bool:
    if node.type in ("heredoc_redirect", "herestring_redirect"):
        return True
    return node.type == "file_redirect" and any(child.type == "<" for child in node.children)


def _command_words(node: Node, data: bytes) -> tuple[str, ...]:
    given = []
    for part in node.children:
        if part.type in ("variable_assignment", "file_redirect", "heredoc_redirect", "herestring_redirect", "comment"):
            continue
        text = data[part.start_byte : part.end_byte].decode(errors="replace").strip()
        given.append(text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text)
    return tuple(given)
