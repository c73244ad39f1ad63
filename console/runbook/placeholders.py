"""Where the placeholders of a command stand, and how the shell would read a value there.

The text is parsed with everything that looks like a placeholder masked by a plain word of the same length, so that
``<pod>`` is a word to the grammar and not two redirections; then each place is looked up in the parse tree.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal

from console.runbook.shell import parsed, words

if TYPE_CHECKING:
    from tree_sitter import Node

Context = Literal["word", "double", "heredoc", "inert", "none"]
"""How the shell reads the place: a bare word, inside double quotes, in a live heredoc, in a comment, or no way in."""


@dataclass(frozen=True)
class Placeholder:
    """One occurrence: ``text[start:end]`` is *source*; *why* is set where *context* is ``none``."""

    name: str
    source: str
    start: int
    end: int
    context: Context
    why: str = ""


_SHAPES: Final = re.compile(
    r"(?P<double>(?<![$%{])\{\{\s?(?P<n1>[A-Za-z_][\w-]*)\s?\}\}(?!\}))"
    r"|(?P<brace>(?<![$%@{\\])\{(?P<n2>[A-Za-z_][\w-]*)\}(?!\}))"
    r"|(?P<angle>(?<![<&\d])<(?P<n3>[^\W_](?:[\w ./:|@'’,()+*?!%#-]{0,78}[\w.)…])?)>(?!>))"
    r"|(?P<bracket>(?<![\[\w$\])*])\[(?P<n4>[A-Z][A-Z0-9]*(?:[ _/-][A-Z0-9]+)*)\](?![\](\w*+?]))"
    r"|(?P<your>\b(?P<n5>YOUR[_-][A-Z0-9_]+)\b)"
)
MAX_PLACEHOLDERS: Final = 200
"""In one command; more of them is no command that a person fills in."""
_BRACKET_RANGE: Final = re.compile(r"(?:[A-Z0-9]-[A-Z0-9])+|[A-Z]")


def find(text: str, variables: Collection[str] | None = None) -> list[Placeholder]:
    """The placeholders of shell *text*, in order. *variables* limits ``$NAME`` to these names; ``None`` takes every one
    that is not assigned in the text and no shell sets by itself. Placeholders in comments are not reported."""
    root, data, candidates = _parse(text)
    expansions = _expansions(root) if "$" in text else []
    if len(candidates) + len(expansions) > MAX_PLACEHOLDERS:
        why = f"stands among more than {MAX_PLACEHOLDERS} placeholders and variables"
        first = min([(start, end) for _, _, start, end in candidates], default=(text.find("$"), text.find("$") + 1))
        return [Placeholder("?", text[first[0] : first[1]], *first, "none", why)]
    offsets = _Offsets(text)
    found = []
    for label, kind, start, end in candidates:
        node = root.descendant_for_byte_range(offsets.byte(start), offsets.byte(end))
        context, why = _context(node, data, kind)
        if context != "inert":
            found.append(Placeholder(label, text[start:end], start, end, context, why))
    if "$" in text:
        assigned = assigned_names(root, data) if variables is None else frozenset[str]()
        for node in expansions:
            name = _expansion_name(node, data)
            if (
                name is None
                or not _bare(node, data).startswith(("$" + name, "${"))
                or (name not in variables if variables is not None else not _free(name, assigned))
            ):
                continue
            context, why = _context(node, data, "variable")
            start_byte = node.start_byte + (
                len(data[node.start_byte : node.end_byte]) - len(_bare(node, data).encode())
            )
            start, end = offsets.char(start_byte), offsets.char(node.end_byte)
            if context != "inert":
                found.append(Placeholder(name, text[start:end], start, end, context, why))
    return sorted(found, key=lambda one: one.start)


def shapes(text: str) -> list[tuple[str, str, int, int]]:
    """``(name, kind, start, end)`` of everything that looks like a placeholder, ``$NAME`` aside, before any parsing."""
    found = []
    for match in _SHAPES.finditer(text):
        kind = next(k for k in ("double", "brace", "angle", "bracket", "your") if match[k])
        name = next(match[group] for group in ("n1", "n2", "n3", "n4", "n5") if match[group])
        if kind == "bracket" and (_BRACKET_RANGE.fullmatch(name) or name in words("log_tags")):
            continue
        found.append((name, kind, match.start(), match.end()))
    return found


def masked(text: str) -> bytes:
    """*text* in UTF-8 with what looks like a placeholder replaced by a plain word of the same length, so that the shell
    grammar sees ``<pod>`` as a word and not as two redirections."""
    return _mask(text, shapes(text))


def _mask(text: str, found: list[tuple[str, str, int, int]]) -> bytes:
    pieces: list[bytes] = []
    position = 0
    for _, _, start, end in found:
        pieces += [text[position:start].encode(errors="replace"), b"V" * len(text[start:end].encode(errors="replace"))]
        position = end
    return b"".join(pieces) + text[position:].encode(errors="replace")


def _parse(text: str) -> tuple[Node, bytes, list[tuple[str, str, int, int]]]:

    found = shapes(text)
    data = _mask(text, found)
    return parsed(data), data, found


class _Offsets:
    """Character ↔ byte positions of one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._ascii = text.isascii()
        self._bytes = None if self._ascii else text.encode(errors="replace")

    def byte(self, char: int) -> int:
        return char if self._ascii else len(self._text[:char].encode(errors="replace"))

    def char(self, byte: int) -> int:
        return byte if self._bytes is None else len(self._bytes[:byte].decode(errors="ignore"))


def _expansions(root: Node) -> list[Node]:
    found, queue = [], [root]
    while queue:
        node = queue.pop()
        if node.type in ("simple_expansion", "expansion"):
            found.append(node)
        queue.extend(node.children)
    return found


def _bare(node: Node, data: bytes) -> str:
    # The grammar may start an expansion's node at the blank before it.
    return data[node.start_byte : node.end_byte].decode(errors="replace").lstrip()


def _expansion_name(node: Node, data: bytes) -> str | None:
    for child in node.children:
        if child.type == "variable_name":
            return data[child.start_byte : child.end_byte].decode(errors="replace")
        if child.type in ("subscript", "!"):
            return None
    return None


def _free(name: str, assigned: Collection[str]) -> bool:
    return not name[0].isdigit() and name not in words("variables") and name not in assigned


def assigned_names(root: Node, data: bytes) -> frozenset[str]:
    """The variables that a parsed script sets: assignments, ``for``, ``export X``, ``read``, ``printf -v``…"""
    found: set[str] = set()
    queue = [root]
    while queue:
        node = queue.pop()
        if node.type in ("variable_assignment", "for_statement", "declaration_command", "unset_command"):
            for child in node.children:
                if child.type == "variable_name":
                    found.add(data[child.start_byte : child.end_byte].decode(errors="replace"))
        elif node.type == "command":
            given = [data[c.start_byte : c.end_byte].decode(errors="replace") for c in node.children]
            if given and given[0] in ("read", "mapfile", "readarray", "getopts", "select"):
                found.update(word for word in given[1:] if re.fullmatch(r"[A-Za-z_]\w*", word))
            elif given[:2] == ["printf", "-v"]:
                found.update(given[2:3])
        queue.extend(node.children)
    return frozenset(found)


_INTERPRETERS: Final = {"python": "-c", "python3": "-c", "perl": "-e", "ruby": "-e", "node": "-e", "php": "-r"}
_NO_WAY: Final = {
    "raw_string": "stands in single quotes",
    "ansi_c_string": "stands in $'…' quotes",
    "arithmetic_expansion": "stands in arithmetic",
    "subscript": "stands in an array index",
    "variable_name": "stands where a name is set",
    "heredoc_start": "names a heredoc",
}


def _context(node: Node | None, data: bytes, kind: str) -> tuple[Context, str]:
    """How the shell reads *node*: walk up to what quotes or evaluates it, and look for a second shell."""
    context: Context | None = None
    child = node
    while node is not None:
        type_ = node.type
        if type_ == "comment":
            return "inert", ""
        if type_ in ("raw_string", "ansi_c_string") and kind in ("brace", "double", "bracket", "variable"):
            return "inert", ""  # an awk, jq or printf program, a template of its own
        if type_ in _NO_WAY and not (kind == "variable" and type_ == "variable_name"):
            return "none", _NO_WAY[type_]
        if type_ == "compound_statement" and data[node.start_byte : node.start_byte + 2] == b"((":
            return "none", "stands in arithmetic"
        if type_ == "heredoc_body" and context is None:
            if _heredoc_is_quoted(node, data):
                return ("none", "stands in a quoted heredoc") if kind in ("angle", "your") else ("inert", "")
            context = "heredoc"
        elif type_ in ("string", "translated_string") and context is None:
            context = "double"
        elif type_ in ("command_substitution", "process_substitution", "subshell") and context is None:
            context = "word"
        elif type_ == "binary_expression" and any(_text(c, data) in words("arithmetic_tests") for c in node.children):
            if node.parent is not None and data[node.parent.start_byte : node.parent.start_byte + 2] == b"[[":
                return "none", "stands in arithmetic"
        elif type_ == "command":
            problem = _second_shell(node, child, data)
            if problem == "program":
                return "inert", ""
            if problem:
                return "none", problem
        child, node = node, node.parent
    return context or "word", ""


def _text(node: Node, data: bytes) -> str:
    return data[node.start_byte : node.end_byte].decode(errors="replace")


def _heredoc_is_quoted(body: Node, data: bytes) -> bool:
    redirect = body.parent
    if redirect is None:
        return False
    return any(c.type == "heredoc_start" and not _text(c, data).isidentifier() for c in redirect.children)


def _second_shell(command: Node, child: Node | None, data: bytes) -> str:
    """Why a value in this argument of *command* would be read again as code; empty when it would not."""
    given = []
    for part in command.children:
        if part.type == "variable_assignment":
            continue
        if child is not None and part.start_byte >= child.start_byte:
            break
        given.append(_text(part, data).strip("'\""))
    if child is not None and child.type == "variable_assignment":
        return ""
    bare = [word.rsplit("/", 1)[-1] for word in given]
    while bare and bare[0] in ("sudo", "env", "time", "nohup", "command", "exec", "timeout"):
        bare = bare[1:]
    if not bare:
        return ""
    name = bare[0]
    if name in words("programs") and len(bare) == 1:
        return "program"
    if name in ("eval", "watch", "parallel"):
        return f"would be read again by {name}"
    if name == "su" and "-c" in bare:
        return "would be read again by su's shell"
    if name in ("ssh", "autossh") and _ssh_destination(given[len(given) - len(bare) :]):
        return "would be read again by the shell at the other end of ssh"
    for shell, flag in pairwise(bare):
        if shell in words("shells") and re.fullmatch(r"-[a-z]*c", flag):
            return f"would be read again by {shell} -c"
    option = _INTERPRETERS.get(name)
    if option and bare[-1] == option:
        return f"would be read as {name} code"
    return ""


def _ssh_destination(given: list[str]) -> bool:
    """Whether the words of an ssh command already name the host, so that what follows is a remote command."""
    skip = False
    for word in given[1:]:
        if skip:
            skip = False
        elif word in words("ssh_with_value"):
            skip = True
        elif not word.startswith("-"):
            return True
    return False
