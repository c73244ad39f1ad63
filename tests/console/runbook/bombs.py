"""Files made to hurt whoever reads them: each by its name, written when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

HEAD: Final = "# S\n\n## Steps\n\n"
_UNIT_SIZE: Final = 400_000
"""Characters of a file of one repeated piece: just below what is read at all."""

_PIECES: Final = {
    "star": "*a ",
    "double star": "**a ",
    "underscore": "_a ",
    "emphasis": "a**b*c",
    "tick": "`a ",
    "link": "[a](",
    "open link": "[a",
    "image": "![a",
    "angle": "<a",
    "comment": "<!--",
    "empty link": "[](",
    "definition": "[a]: (",
    "reference": "[a][b] ",
    "entity": "&amp;",
    "address": "<http://a",
    "html": '<a b="',
    "cdata": "<![CDATA[",
    "placeholder": "<a> ",
    "variable": "$a ",
    "substitution": "$(",
    "template": "{{",
    "quote": '"',
    "table": "|a|b|\n|-|-|\n",
    "pipe": "|a|b|\n",
    "heading": "#\n",
    "setext": "a\n=\n",
    "admonition": "!!! a\n",
    "colons": ":::",
    "mixed lists": "+ a\n- a\n* a\n",
    "tasks": "- [ ] a\n",
    "label": "**A:** b\n\n",
    "code": "```\n",
    "fences": "```sh\nls <a> | $b\n```\n",
    "waits": "wait if check ",
    "heredoc": "cat <<A\n",
}


def _steps(path: Path) -> None:
    path.write_text(HEAD + "".join(f"{n}. Go\n" for n in range(1, 50_001)))


def _long(path: Path) -> None:
    with path.open("wb") as file:
        file.write(HEAD.encode())
        file.truncate(100_000_000)


def _aliases(path: Path) -> None:
    rows = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    rows += [f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]" for n in range(12)]
    path.write_text("\n".join(["---", *rows, "---", ""]) + HEAD + "1. Go\n")


def _ticks(path: Path) -> None:
    path.write_text(HEAD + "".join("`" * n + "a" for n in range(1, 850)) + "\n")


NAMED: Final[dict[str, Callable[[Path], object]]] = {
    "100 MB": _long,
    "50,000 steps": _steps,
    "lists 1,000 deep": lambda path: path.write_text(HEAD + "- " * 1000 + "a\n"),
    "lists by indent": lambda path: path.write_text(HEAD + "".join("  " * n + "- a\n" for n in range(600))),
    "quotes 1,000 deep": lambda path: path.write_text(HEAD + (("> " * 1000) + "a\n") * 150),
    "not UTF-8": lambda path: path.write_bytes(HEAD.encode() + b"1. \xff\xfe `ls \xc3\x28`\n"),
    "alias bomb": _aliases,
    "deep front matter": lambda path: path.write_text(
        "---\na: " + "[" * 5000 + "]" * 5000 + "\n---\n" + HEAD + "1. Go\n"
    ),
    "NUL": lambda path: path.write_bytes(HEAD.encode() + b"1. a\x00b\n"),
    "one line of 10 MB": lambda path: path.write_text(HEAD + "x" * 10_000_000),
    "one line": lambda path: path.write_text(HEAD + "1. " + "x" * _UNIT_SIZE),
    "growing ticks": _ticks,
    **{
        f"many: {name}": (lambda path, piece=piece: path.write_text(HEAD + piece * (_UNIT_SIZE // len(piece))))
        for name, piece in _PIECES.items()
    },
    **{
        f"block: {name}": (
            lambda path, piece=piece: path.write_text(
                HEAD + ("```sh\nls " + (piece * (9_900 // len(piece))).replace("```", "'''") + "\n```\n\n") * 40
            )
        )
        for name, piece in _PIECES.items()
    },
}
ONE_LINE: Final = frozenset(
    {
        "100 MB",
        "50,000 steps",
        "lists 1,000 deep",
        "lists by indent",
        "quotes 1,000 deep",
        "not UTF-8",
        "alias bomb",
        "deep front matter",
        "NUL",
        "one line of 10 MB",
    }
)
"""Those that the operator is told about, in one line."""
