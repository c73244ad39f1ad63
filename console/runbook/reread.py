"""Where a value would not stay a string: what reads it once more, as code or as a name, after the shell has filled it in.

Quotes keep a value one word of one command. They do not help where that command is a shell, where bash itself evaluates the word
(``let``, ``declare -i``, ``[[ -v``, ``printf -v``, ``trap``), or where another program takes the text as its own language (SQL,
sed). The first two leave nothing but copying; in the third a value of plain characters means the same everywhere.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from console.runbook.shell import words

if TYPE_CHECKING:
    from tree_sitter import Node

PLAIN: Final = re.compile(r"[\w./:@%+=-]*", re.ASCII)
"""Values that no language which reads them again takes for more than a word, a number or a name."""

_PREFIXES: Final = frozenset(
    {"sudo", "doas", "env", "time", "nohup", "command", "builtin", "exec", "timeout", "nice", "stdbuf"}
)
_CODE_OPTION: Final = {
    "python": "c",
    "python3": "c",
    "perl": "eE",
    "ruby": "e",
    "node": "ep",
    "php": "r",
    "flock": "c",
    "script": "c",
    "runuser": "c",
    "sg": "c",
    "su": "c",
}
_SINGLE_VALUED: Final = frozenset({"-p", "-t", "-n", "-N", "-d", "-u", "-i", "-s", "-O"})  # of read and its kin


def at(node: Node, child: Node | None, data: bytes) -> tuple[str, str]:
    """``(how, what)`` reads a value again that stands in *child* of *node*: *how* is "code" or "text", or "program" where it is
    no placeholder of ours; both empty when nothing does."""
    if child is not None and any(_is_broken_off(part) for part in node.children if part.end_byte <= child.start_byte):
        return "code", "stands where the shell's grammar is not sure"
    match node.type:
        case "command":
            return _command(node, child, data)
        case "declaration_command":
            options = [text for part in node.children if (text := _text(part, data)).startswith("-")]
            if any(letter in option for option in options for letter in "in"):
                return "code", "would be evaluated, or names a variable, by declare"
        case "unset_command":
            return "code", "names a variable"
        case "expansion":  # ${x:from:length}
            before = (part for part in node.children if child is not None and part.end_byte <= child.start_byte)
            if any(_text(part, data) == ":" for part in before):
                return "code", "stands in arithmetic"
        case "unary_expression":
            if any(part.type == "test_operator" and _text(part, data) in ("-v", "-R") for part in node.children):
                return "code", "names a variable"
        case "c_style_for_statement":
            if child is not None and child.type not in ("do_group", "compound_statement"):
                return "code", "stands in arithmetic"
        case "redirected_statement":
            body = node.child_by_field_name("body") or node.children[0]
            if child is not None and child.type in ("heredoc_redirect", "herestring_redirect"):
                return _stdin(_stage(body, data))
        case "heredoc_redirect":
            return _through([part for part in node.children if part.type == "pipeline"], data)
        case "pipeline":
            return _pipeline(node, child, data)
    return "", ""


def _is_broken_off(node: Node) -> bool:
    """``${x:$n:2}``: the grammar ends the expansion too early, and takes the rest of it for text."""
    return node.type == "expansion" and any(part.is_missing for part in node.children)


def _command(command: Node, child: Node | None, data: bytes) -> tuple[str, str]:
    given = []
    for part in command.children:
        if part.type == "variable_assignment":
            continue
        if child is not None and part.start_byte >= child.start_byte:
            break
        given.append(_text(part, data).strip("'\""))
    if child is not None and child.type == "variable_assignment":
        return "", ""
    if child is not None and child.type in ("herestring_redirect", "heredoc_redirect"):
        return _stdin(_stage(command, data))
    bare = _bare(given)
    if "env" in given and any(word in ("-S", "--split-string") for word in given):
        return "code", "would be read again by env -S"
    if not bare:
        return "", ""
    name, before = bare[0], bare[-1]
    if name in words("programs") and len(bare) == 1:
        return "program", ""
    if child is not None and child.type == "process_substitution":
        if name in words("shells") or name in ("source", "."):
            return "code", f"would be read again by {name}"
        return "", ""
    if name in ("eval", "watch", "parallel", "trap", "let", "compgen", "at", "batch"):
        return "code", f"would be read again by {name}"
    if _sets_a_name(name, before, bare):
        return "code", f"names a variable of {name}"
    if name in ("ssh", "autossh") and _ssh_destination(given[len(given) - len(bare) :]):
        return "code", "would be read again by the shell at the other end of ssh"
    for place, word in enumerate(bare):
        if word in words("shells") and any(re.fullmatch(r"-[a-zA-Z]*c", flag) for flag in bare[place + 1 :]):
            return "code", f"would be read again by {word} -c"
    letters = _CODE_OPTION.get(re.sub(r"[\d.]+$", "", name)) or _CODE_OPTION.get(name)
    if letters and any(re.fullmatch(rf"-[a-zA-Z]*[{letters}]", flag) for flag in bare[1:]):
        reader = f"{name}'s shell" if name in ("su", "runuser", "sg", "flock", "script") else ""
        return "code", f"would be read again by {reader}" if reader else f"would be read as {name} code"
    return "text" if (program := next((word for word in bare if word in words("own_language")), "")) else "", program


def _sets_a_name(name: str, before: str, bare: list[str]) -> bool:
    """Whether the word behind *before* is a variable's name: an index in it, ``a[$(…)]``, would be evaluated."""
    if name in ("read", "mapfile", "readarray"):
        return before not in _SINGLE_VALUED or before == "-a"
    if name == "printf":
        return before == "-v"
    if name == "wait":
        return before == "-p"
    if name == "test":
        return before in ("-v", "-R")
    return name in ("unset", "getopts") and len(bare) > (name == "getopts")


def _pipeline(node: Node, child: Node | None, data: bytes) -> tuple[str, str]:
    """What prints a value prints it into the next command."""
    if child is None:
        return "", ""
    first = _bare(_stage(child, data))
    if first[:1] not in (["echo"], ["printf"], ["cat"], ["tee"]):
        return "", ""
    return _through([part for part in node.children if part.start_byte > child.start_byte], data)


def _through(stages: list[Node], data: bytes) -> tuple[str, str]:
    for stage in stages:
        for part in stage.children if stage.type == "pipeline" else (stage,):
            found = _stdin(_stage(part, data))
            if found[0]:
                return found
    return "", ""


def _stdin(given: list[str]) -> tuple[str, str]:
    """What a command of these words makes of its standard input."""
    bare = _bare(given)
    if not bare:
        return "", ""
    name = bare[0]
    if name in ("su", "at", "batch", "crontab", "parallel"):
        return "code", f"would be read again by {name}"
    shells = [place for place, word in enumerate(bare) if word in words("shells")]
    if shells and (name == "xargs" or all(word.startswith("-") and "c" not in word for word in bare[shells[-1] + 1 :])):
        return "code", f"would be read again by {bare[shells[-1]]}"
    if name in ("ssh", "autossh") and not shells and len(_ssh_words(given[len(given) - len(bare) :])) < 2:
        return "code", "would be read again by the shell at the other end of ssh"
    if (
        name in _CODE_OPTION
        and all(word.startswith("-") for word in bare[1:])
        and name in ("python", "python3", "perl", "ruby", "node", "php")
    ):
        return "code", f"would be read as {name} code"
    if any(word in words("own_language") for word in bare):
        return "text", next(word for word in bare if word in words("own_language"))
    return "", ""


def _stage(node: Node, data: bytes) -> list[str]:
    """The words of a command, also below its redirections."""
    while node.type == "redirected_statement" and node.children:
        node = node.children[0]
    if node.type != "command":
        return []
    parts = (
        part for part in node.children if part.type != "variable_assignment" and not part.type.endswith("_redirect")
    )
    return [_text(part, data).strip("'\"") for part in parts]


def _bare(given: list[str]) -> list[str]:
    """The words from the program on: what runs it with other rights or settings stands before."""
    bare = [word.rsplit("/", 1)[-1] if not word.startswith("-") else word for word in given]
    while bare and bare[0] in _PREFIXES:
        bare = bare[1:]
    return bare


def _ssh_words(given: list[str]) -> list[str]:
    """The host, and what is to be run there."""
    found: list[str] = []
    skip = False
    for word in given[1:]:
        if skip:
            skip = False
        elif not found and word in words("ssh_with_value"):
            skip = True
        elif found or not word.startswith("-"):
            found.append(word)
    return found


def _ssh_destination(given: list[str]) -> bool:
    """Whether the words of an ssh command already name the host, so that what follows is a remote command."""
    return bool(_ssh_words(given))


def _text(node: Node, data: bytes) -> str:
    return data[node.start_byte : node.end_byte].decode(errors="replace")
