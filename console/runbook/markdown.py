"""Plain Markdown as runbooks: the rules of reading, put together. Nothing is run, nothing is guessed, no line is dropped."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import PurePath
from typing import Final

import msgspec

from console.runbook import lexicon
from console.runbook.annotated import read_annotated
from console.runbook.attributes import split
from console.runbook.blocks import MAX_NESTING, Block, inline, read_blocks, too_deep, walk
from console.runbook.commands import Scope
from console.runbook.coverage import cover
from console.runbook.fences import kind_of
from console.runbook.frontmatter import FrontMatter, read_front_matter
from console.runbook.ids import Names, slug
from console.runbook.model import Document, Info, Param, Problem, Runbook
from console.runbook.outline import Plan, Unit, flatten, plan, whole
from console.runbook.page import Page, inherited_kind
from console.runbook.params import env_name, is_secret
from console.runbook.phases import Builder
from console.runbook.sections import Section, build, produces, relax
from console.runbook.shell import MAX_SHELL
from console.runbook.shell import read as read_shell
from console.runbook.single import claim
from console.sanitize import is_clean, visible

MAX_SIZE: Final = 512_000
"""Characters; a larger file is no runbook, and gets one line that says so."""
MAX_ROWS: Final = 20_000
MAX_STEPS: Final = 5_000
MAX_SHARED: Final = 400_000
"""Characters of shared text, times runbooks: beyond it only the first runbook of a file carries the file's own text."""


def read_markdown(text: str, path: str) -> Document:
    """Read a file's *text*. *path* names it. Never raises: what can't be read is one problem."""
    if len(text) > MAX_SIZE:
        return unreadable(path, f"larger than the {MAX_SIZE:,} characters that are read")
    if text.count("\n") + text.count("\r") > 2 * MAX_ROWS or len(text.splitlines()) > MAX_ROWS:
        return unreadable(path, f"longer than the {MAX_ROWS:,} lines that are read")
    document = _read(text, path)
    count = sum(len(phase.steps) for runbook in document.runbooks for phase in runbook.phases)
    if count > MAX_STEPS:
        return unreadable(path, f"{count:,} steps, and no one follows more than {MAX_STEPS:,}")
    return document


def _read(text: str, path: str) -> Document:
    try:
        marked = split(text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n"))
        if marked is not None:
            return read_annotated(marked, lambda cleaned, singles: Reader(cleaned, path, singles))
        return Reader(text, path).document()
    except RecursionError:
        return unreadable(path, "nested too deeply to be read")


def unreadable(path: str, message: str, line: int = 0) -> Document:
    """The document for a file that gives nothing."""
    return Document(path, (), (Problem(line, "error", "R001", message),))


class Reader:
    """One file on its way to a document. *singles* are the rows of headings that each stand over one step."""

    def __init__(self, text: str, path: str, singles: Collection[int] = ()) -> None:
        self.path = path
        self.singles = singles
        text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
        originals = text.split("\n")
        self.lines = originals if is_clean(text) else [visible(line) for line in originals]
        dirty = (
            frozenset(n for n, line in enumerate(originals, 1) if line != self.lines[n - 1])
            if self.lines is not originals
            else frozenset()
        )
        self.stem = PurePath(path).stem
        self.page = Page(self.lines, Scope(dirty=dirty), self.stem)
        self.problems: list[Problem] = []
        self.front = FrontMatter()

    def document(self) -> Document:
        self.front = read_front_matter(self.lines, self.path)
        self.problems.extend(self.front.problems)
        rows = [""] * self.front.rows + list(self.lines[self.front.rows :])
        blocks = read_blocks(rows)
        self.page.scope = Scope(self._assigned(blocks), self.page.scope.dirty)
        if (row := too_deep(blocks)) is not None:
            words = f"nested deeper than {MAX_NESTING} levels: what is below is shown as it stands"
            self.problems.append(Problem(row + 1, "warning", "R032", words))
        root = build(blocks, len(rows))
        root.start = root.body = self.front.rows
        claim(root, self.singles)
        if not self.singles and not produces(root):
            relax(root)
        drawn = whole(root) if self.singles else plan(root)
        runbooks = cover(self._runbooks(drawn, root), self.lines)
        return Document(self.path, tuple(runbook.sealed() for runbook in runbooks), tuple(self.problems))

    def _assigned(self, blocks: Sequence[Block]) -> frozenset[str]:
        found: set[str] = set()
        for block in walk(blocks):
            if (
                block.kind == "fence"
                and "=" in block.text
                and len(block.text) <= MAX_SHELL
                and kind_of(block.text, block.info)[0] == "shell"
            ):
                found |= read_shell(re.sub(r"(?m)^\s*\$ ", "", block.text)).assigned
            elif block.kind == "paragraph" and "export " in block.text:
                for code in inline(block.text).codes:
                    found |= read_shell(code).assigned
        return frozenset(found)

    # ── runbooks

    def _runbooks(self, drawn: Plan, root: Section) -> list[Runbook]:
        title = self._title(root)
        shared = self._shared(drawn)
        names = Names()
        single = len(drawn.units) == 1
        found = []
        budget = MAX_SHARED // max(len(drawn.units), 1)
        heavy = sum(len(info.body) for info in shared) > budget
        for number, unit in enumerate(drawn.units):
            runbook = self._runbook(unit, title if single else "", single, names, drawn.collection)
            common = shared if number == 0 or not heavy else []
            own = sorted(runbook.info, key=lambda info: info.line)
            found.append(self._complete(runbook, own, common))
        return found

    def _title(self, root: Section) -> str:
        headings = [child for child in root.children if child.title and not child.label]
        first = next((child for child in headings if child.level == 1), headings[0] if headings else None)
        title = "" if first is None else first.title
        if first is not None and first.exact and first.cls in lexicon.INFO_CLASSES:
            # "Summary" names no file; its own name does, or else its next heading.
            other = next((child.title for child in headings if child is not first), title)
            title = other if self.stem.casefold() in ("readme", "index", "_index") else self.stem
        return self.front.text("title") or title or self.stem

    def _runbook(self, unit: Unit, title: str, single: bool, names: Names, collection: bool) -> Runbook:
        section = unit.section
        name = title or lexicon.without_number(section.title) or self.stem
        builder = Builder(self.page, name, collection)
        children = [child for child in section.children if child.label] if unit.own_only else section.children
        builder.section(section, children)
        own_id = self.front.text("id") if single else None
        wanted = slug(own_id or (self.stem if single else name))
        end = (
            section.children[len(children)].start
            if unit.own_only and len(children) < len(section.children)
            else section.end
        )
        return Runbook(
            id=names.new(wanted, "runbook"),
            title=name,
            path=self.path,
            symptoms=tuple(builder.symptoms),
            params=(),
            phases=tuple(builder.phases),
            info=tuple(builder.info),
            line=section.start + 1,
            end_line=max(end, section.start + 1),
            section=" › ".join(one.title for one in unit.above),
        )

    def _complete(self, runbook: Runbook, own: list[Info], shared: list[Info]) -> Runbook:
        front = self.front
        info = [*own, *shared]
        return msgspec.structs.replace(
            runbook,
            info=tuple(info),
            params=self._params(runbook, info),
            match=front.match,
            owner=front.text("owner"),
            reviewed=front.text("reviewed"),
            review_every=front.text("review_every"),
            service=front.texts("service"),
            severity=front.text("severity"),
            tags=front.texts("tags"),
            requires=front.texts("requires"),
            symptoms=(*front.texts("symptoms"), *runbook.symptoms),
            escalate=front.escalate,
            roles=front.roles,
            contacts=front.contacts,
            metadata=front.metadata,
        )

    def _params(self, runbook: Runbook, info: Sequence[Info]) -> tuple[Param, ...]:
        declared = {env_name(param.name): param for param in self.front.params}
        found: dict[str, Param] = {}
        for step in runbook.steps():
            commands = (*step.commands, step.whole) if step.whole is not None else step.commands
            for command in commands:
                for name in command.params:
                    source, line = self.page.scope.sources.get(name, ("", command.line))
                    found.setdefault(env_name(name), Param(name, None, is_secret(name), source, line))
        for one in info:
            for name in one.params:
                source, line = self.page.scope.sources.get(name, (f"[{name}]", one.line))
                found.setdefault(env_name(name), Param(name, None, False, source, line, "text"))
        for key, param in declared.items():
            seen = found.get(key)
            found[key] = msgspec.structs.replace(param, name=seen.name) if seen is not None else param
        return tuple(found.values())

    # ── what belongs to the file

    def _shared(self, drawn: Plan) -> list[Info]:
        found: list[Info] = []
        if self.front.rows:
            body = "\n".join(self.lines[1 : self.front.rows - 1])
            found.append(Info("Front matter", body, 1, self.front.rows, "metadata", True))
        for section in drawn.headings:
            found.extend(self.page.section_info(section, ""))
        for section in drawn.shared:
            for one in flatten([section]):
                found.extend(self.page.section_info(one, inherited_kind(one, section)))
        return [msgspec.structs.replace(info, shared=True) for info in sorted(found, key=lambda info: info.line)]
