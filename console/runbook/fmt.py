"""The one usual way to write a runbook: attributes in order, no blanks at line ends, one blank line where there were more.

What a shell, a renderer or YAML would see stays: nothing inside code blocks, HTML, front matter or YAML texts is touched.
"""

from __future__ import annotations

from collections.abc import Sequence

from console.runbook.attributes import Attributes, parse, split, write
from console.runbook.blocks import read_blocks, walk
from console.runbook.essence import essence
from console.runbook.frontmatter import read_front_matter
from console.runbook.markdown import read_markdown
from console.safe_yaml import YamlError, load


def format_text(text: str, path: str) -> str:
    """*text* in the usual form; *text* itself where it could not be read the same afterwards. Idempotent."""
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    newline = "\r\n" if text.count("\r\n") * 2 > text.count("\n") else "\n"
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    form = _yaml if path.lower().endswith((".yaml", ".yml")) else _markdown
    found = form(lines, path)
    return text if found is None else mark + newline.join(found)


# ── Markdown


def _markdown(lines: list[str], path: str) -> list[str] | None:
    text = "\n".join(lines)
    document = read_markdown(text, path)
    if not document.runbooks or "\r" in text:
        return None
    try:
        kept = _code_rows(lines, path)
    except RecursionError:
        return None
    written = _attributes(lines)
    found = _tidied([written.get(row, line) for row, line in enumerate(lines)], kept, keep_breaks=True)
    made = "\n".join(found)
    again = read_markdown(made, path)
    same = essence(again) == essence(document) and len(again.problems) == len(document.problems)
    return found if same else None


def _code_rows(lines: Sequence[str], path: str) -> set[int]:
    """The rows (0-based) that stay as they are, in *lines*."""
    front = read_front_matter(lines, path).rows
    kept = set(range(front))
    marked = split(lines)
    rows = [""] * front + list(lines[front:]) if marked is None else marked.lines
    origin = list(range(1, len(lines) + 1)) if marked is None else marked.origin
    if marked is not None:
        rows = ["" if origin[row] <= front else line for row, line in enumerate(rows)]
    for block in walk(read_blocks(rows)):
        if block.kind in ("fence", "inert", "note"):
            first, last = origin[block.start], origin[min(block.end, len(origin)) - 1]
            kept.update(range(first - 1, last))
    return kept


def _attributes(lines: Sequence[str]) -> dict[int, str]:
    """Row → the line with its attributes in order."""
    marked = split(lines)
    found = {}
    for mark in marked.marks if marked is not None else ():
        line = lines[mark.line - 1]
        start = line.rfind("{", 0, line.rfind("}"))
        while start >= 0:  # a quoted value may hold a brace
            end = line.rfind("}") + 1
            given = parse(line[start:end])
            if given is not None and given == mark.attributes:
                found[mark.line - 1] = _line(line, start, end, given, mark.form)
                break
            start = line.rfind("{", 0, start)
    return found


def _line(line: str, start: int, end: int, given: Attributes, form: str) -> str:
    before, after = line[:start].rstrip(), line[end:].strip()
    if form == "line":
        indent = line[: len(line) - len(line.lstrip())]
        opening = before.strip()
        return f"{indent}{opening}{' ' if opening else ''}{write(given)}{' ' + after if after else ''}"
    return f"{before} {write(given)}"


def _tidied(lines: Sequence[str], kept: set[int], keep_breaks: bool) -> list[str]:
    """The lines without blanks at their ends and without more than one blank line together, outside of *kept* rows."""
    found: list[str] = []
    blank = True  # none at the start
    for row, line in enumerate(lines):
        if row in kept:
            found.append(line)
            blank = False
            continue
        bare = line.rstrip(" \t")
        if keep_breaks and bare and line.endswith("  ") and row + 1 < len(lines) and lines[row + 1].strip():
            bare += "  "
        if bare or not blank:
            found.append(bare)
        blank = not bare
    while found and not found[-1].strip() and len(lines) - 1 not in kept:
        found.pop()
    return [*found, ""] if found else [""]


# ── YAML


def _yaml(lines: list[str], path: str) -> list[str] | None:
    text = "\n".join(lines)
    try:
        before = load(text, path)
        kept = _scalar_rows(text)
        found = _tidied(lines, kept, keep_breaks=False)
        after = load("\n".join(found), path)
    except YamlError:
        return None
    return found if after.data == before.data else None


def _scalar_rows(text: str) -> set[int]:
    """The rows inside of texts that go over several lines."""
    import yaml

    kept: set[int] = set()
    for token in yaml.scan(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if isinstance(token, yaml.ScalarToken) and token.end_mark.line > token.start_mark.line:
            kept.update(range(token.start_mark.line, token.end_mark.line + (token.end_mark.column > 0)))
    return kept
