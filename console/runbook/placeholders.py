"""Where the placeholders of a command stand, and how the shell would read a value there.

The text is parsed with everything that looks like a placeholder masked by a plain word of the same length, so that
``<pod>`` is a word to the grammar and not two redirections; then each place is looked up in the parse tree.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from console.runbook import reread
from console.runbook.shell import parsed, words

if TYPE_CHECKING:
    from tree_sitter import Node

Context = Literal["word", "double", "heredoc", "inert", "none"]
"""How the shell reads the place: a bare word, inside double quotes, in a live heredoc, in a comment, or no way in."""


@dataclass(frozen=True)
class Placeholder:
    """One occurrence: ``text[start:end]`` is *source*; *why* is set where *context* is ``none``; elsewhere it names the program
    that reads the text in a language of its own, where only plain values stay what they are."""

    name: str
    source: str
    start: int
    end: int
    context: Context
    why: str = ""
    leads: bool = False  # an argument begins with it: a value with "-" in front would be an option


_SHAPES: Final = re.compile(
    r"(?P<double>(?<![$%{])\{\{\s?(?P<n1>[A-Za-z_][\w-]*)\s?\}\}(?!\}))"
    r"|(?P<brace>(?<![$%@{\\])\{(?P<n2>[A-Za-z_][\w-]*)\}(?!\}))"
    r"|(?P<angle>(?<![<&\d])<(?P<n3>[^\W_](?:[\w ./:|@'’,()+*?!%#-]{0,78}[\w.)…])?)>(?!>))"
    r"|(?P<bracket>(?<![\[\w$\])*])\[(?P<n4>[A-Z][A-Z0-9]*(?:[ _/-][A-Z0-9]+)*)\](?![\](\w*+?]))"
    r"|(?P<your>\b(?P<n5>YOUR[_-][A-Z0-9_]+)\b)"
)
MAX_PLACEHOLDERS: Final = 200
"""In one command; more of them is no command that a person fills in."""
_PASSED_ON: Final = 8  # from one variable to the next
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
            leads = _leads(node, data, offsets.byte(start))
            found.append(Placeholder(label, text[start:end], start, end, context, why, leads))
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
                leads = _leads(node, data, node.end_byte - len(_bare(node, data).encode()))
                found.append(Placeholder(name, text[start:end], start, end, context, why, leads))
    if "=" in text or "for" in text:
        found = [_as_carried(one, root, data, offsets) for one in found]
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
    return bool(name) and not name[0].isdigit() and name not in words("variables") and name not in assigned


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


_NO_WAY: Final = {
    "raw_string": "stands in single quotes",
    "ansi_c_string": "stands in $'…' quotes",
    "arithmetic_expansion": "stands in arithmetic",
    "subscript": "stands in an array index",
    "variable_name": "stands where a name is set",
    "heredoc_start": "names a heredoc",
}


def _context(node: Node | None, data: bytes, kind: str) -> tuple[Context, str]:
    """How the shell reads *node*: walk up to what quotes or evaluates it, and look for what reads it again. With it, why there is
    no way in, or the program that has the text in a language of its own."""
    context: Context | None = None
    again = ""
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
        elif type_ == "binary_expression" and _is_arithmetic_test(node, data):
            return "none", "stands in arithmetic"
        how, what = reread.at(node, child, data)
        if how == "program":
            return "inert", ""
        if how == "code":
            return "none", what
        again = again or what
        child, node = node, node.parent
    return context or "word", again


def _is_arithmetic_test(node: Node, data: bytes) -> bool:
    """``[[ a -eq b ]]``: there, and not in ``[ … ]``, bash evaluates both sides."""
    if not any(_text(part, data) in words("arithmetic_tests") for part in node.children):
        return False
    while node.parent is not None and node.type != "test_command":
        node = node.parent
    return data[node.start_byte : node.start_byte + 2] == b"[["


def _text(node: Node, data: bytes) -> str:
    return data[node.start_byte : node.end_byte].decode(errors="replace")


def _heredoc_is_quoted(body: Node, data: bytes) -> bool:
    redirect = body.parent
    if redirect is None:
        return False
    return any(c.type == "heredoc_start" and not _text(c, data).isidentifier() for c in redirect.children)


def _leads(node: Node | None, data: bytes, start: int) -> bool:
    """Whether an argument of a command begins at *start*, and no ``--`` before it says that options are over."""
    while node is not None and node.parent is not None and node.parent.type != "command":
        node = node.parent
    command = node.parent if node is not None else None
    if node is None or command is None or node.type in ("command_name", "variable_assignment", "herestring_redirect"):
        return False
    quote = data[node.start_byte : start].strip()
    over = any(_text(part, data) == "--" for part in command.children if part.end_byte <= node.start_byte)
    return node.start_byte <= start and quote in (b"", b'"', b'$"') and not over


def _as_carried(one: Placeholder, root: Node, data: bytes, offsets: _Offsets) -> Placeholder:
    """*one*, with what becomes of it in the variables that it is put into: ``x=<n>; echo $((x + 1))`` evaluates it."""
    if one.context == "none":
        return one
    names = _carriers(root, data, offsets.byte(one.start))
    again = ""
    for name in sorted(names):
        context, what = _use(root, data, name)
        if context == "none":
            return replace(one, context="none", why=f"goes on in ${name}, which {what}")
        again = again or what
    return replace(one, why=one.why or again)


def _carriers(root: Node, data: bytes, start: int) -> set[str]:
    """The variables that hold what stands at byte *start*, however often it is passed on."""
    given = _every(root, ("variable_assignment", "for_statement"))
    names: set[str] = set()
    for _ in range(_PASSED_ON):
        more = set()
        for node in given:
            target = next((part for part in node.children if part.type in ("variable_name", "subscript")), None)
            if target is None:
                continue
            values = [part for part in node.children[1:] if part.type not in ("do_group", "compound_statement")]
            holds = any(part.start_byte <= start < part.end_byte for part in values)
            used = (_expansion_name(found, data) for part in values for found in _expansions(part))
            if holds or any(name in names for name in used):
                more.add(_text(target, data).partition("[")[0])
        if more <= names:
            break
        names |= more
    return names


def _use(root: Node, data: bytes, name: str) -> tuple[Context, str]:
    """The worst place where the variable *name* is used."""
    again = ""
    for node in _expansions(root):
        if _expansion_name(node, data) == name:
            context, what = _context(node, data, "variable")
            if context == "none":
                return context, what
            again = again or what
    word = re.compile(rb"\b" + re.escape(name.encode()) + rb"\b")
    for node in _every(root, ("arithmetic_expansion", "compound_statement", "c_style_for_statement", "subscript")):
        body = data[node.start_byte : node.end_byte]
        if node.type == "compound_statement" and not body.startswith(b"(("):
            continue
        if node.type == "c_style_for_statement":
            body = body.partition(b"))")[0]
        if word.search(body.partition(b"[")[2] if node.type == "subscript" else body):
            return "none", "stands in arithmetic"
    for node in _every(root, ("declaration_command",)):
        options = [_text(part, data) for part in node.children if _text(part, data).startswith("-")]
        if any("i" in option for option in options) and word.search(data[node.start_byte : node.end_byte]):
            return "none", "is evaluated at each assignment"
    return "word", again


def _every(root: Node, types: tuple[str, ...]) -> list[Node]:
    found, queue = [], [root]
    while queue:
        node = queue.pop()
        if node.type in types:
            found.append(node)
        queue.extend(node.children)
    return found
