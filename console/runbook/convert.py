"""Plain Markdown turned into the annotated form: every line stays, and each step gets its id and kind on a line before it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from console.runbook.attributes import Attributes, fences, split, write
from console.runbook.essence import essence
from console.runbook.frontmatter import read_front_matter
from console.runbook.markdown import read_markdown
from console.runbook.model import Document, Runbook, Step
from console.runbook.values import Expected, variable


class ConvertError(Exception):
    """The file can't be converted; ``str()`` is one line that says why."""


def convert(text: str, path: str) -> str:
    """*text* in the annotated form; what is annotated already stays as it is. Raises :class:`ConvertError`. The result is
    read again before it is given: its steps, commands and parameters are those of *text*."""
    document = read_markdown(text, path)
    if not document.runbooks:
        raise ConvertError(str(document.problems[0].message if document.problems else "can't be read"))
    broken = next((one.broken for one in document.runbooks if one.broken), "")
    if broken:
        raise ConvertError(f"is broken; correct it first: {broken}")
    wanted = essence(document)
    for with_params in (True, False):
        made = _converted(text, document, with_params)
        if essence(read_markdown(made, path)) == wanted:
            return made
    raise ConvertError("its steps would not be read the same afterwards; nothing was changed")


def _converted(text: str, document: Document, with_params: bool) -> str:
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    before = _annotations(lines, document)
    found: list[str] = []
    for number, line in enumerate(lines, 1):
        found.extend(before.get(number, ()))
        found.append(line)
    if with_params and len(document.runbooks) == 1:
        found = _declared(found, document.runbooks[0], document.path)
    return mark + newline.join(found)


def _annotations(lines: Sequence[str], document: Document) -> dict[int, list[str]]:
    """Line → the lines of attributes to put before it."""
    marked = split(lines)
    marks = {mark.line for mark in marked.marks} if marked is not None else set()
    places = fences(lines)
    found: dict[int, list[str]] = {}
    for runbook in document.runbooks:
        for step in runbook.steps():
            if any(line in marks for line in range(step.line, step.end_line + 1)):
                continue
            line = lines[step.line - 1]
            indent = line[: len(line) - len(line.lstrip())]
            written = write(_attributes(step))
            row = f"{indent}# {written}" if places[step.line - 1] == "in" else f"{indent}<!-- {written} -->"
            found.setdefault(step.line, []).append(row)
    return found


def _attributes(step: Step) -> Attributes:
    pairs: list[tuple[str, str]] = [("kind", step.kind)]
    shell = [one for one in step.commands if one.lang == "sh"]
    if shell:
        destroys = any(one.effect == "destructive" for one in shell)
        pairs.append(("effect", "destructive" if destroys else "change"))
    return Attributes(step.id, (), tuple(pairs))


def _declared(lines: list[str], runbook: Runbook, path: str) -> list[str]:
    """*lines* with the runbook's parameters in the front matter, where it has none yet."""
    front = read_front_matter(lines, path)
    names = [
        one for one in runbook.params if one.scope == "command" and one.source != "front matter" and _fits(one.name)
    ]
    if not names or front.problems or "params" in front.fields or (front.rows and lines[0].rstrip() != "---"):
        return lines
    rows = ["params:", *(f"  {one.name}: {{{'secret: true' if one.secret else ''}}}" for one in names)]
    if front.rows:
        return [*lines[: front.rows - 1], *rows, *lines[front.rows - 1 :]]
    return ["---", *rows, "---", "", *lines]


def _fits(name: str) -> bool:
    try:
        return variable(name) == name and not re.search(r"[:#]", name)
    except Expected:
        return False
