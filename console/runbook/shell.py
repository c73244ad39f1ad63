"""Shell text, read with the bash grammar: what is a command, and what it does to the terminal and to one's own link.

Nothing here runs anything. The facts come from tree-sitter's parse tree and the word lists of ``shell_words.yaml``.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Parser


@cache
def parser() -> Parser:
    """The bash parser, made once."""
    import tree_sitter_bash
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_bash.language()))


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
