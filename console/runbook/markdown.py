"""Plain Markdown as runbooks: the rules of reading, put together. Nothing is run, nothing is guessed, no line is dropped."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Final

import msgspec

from console.runbook import lexicon
from console.runbook.annotated import read_annotated
from console.runbook.attributes import split
from console.runbook.blocks import MAX_NESTING, Block, inline, read_blocks, too_deep, walk
from console.runbook.commands import Scope
from console.runbook.coverage import cover
from console.runbook.drafts import Context, finish, raw
from console.runbook.fences import kind_of
from console.runbook.frontmatter import FrontMatter, read_front_matter
from console.runbook.model import Document, Info, InfoKind, Param, Phase, PhaseKind, Problem, Runbook, Step
from console.runbook.outline import Plan, Unit, flatten, plan, whole
from console.runbook.params import env_name, in_text, is_secret
from console.runbook.sections import Section, build, link_list, own_steps, produces, relax
from console.runbook.sessions import in_sessions
from console.runbook.shell import MAX_SHELL
from console.runbook.shell import read as read_shell
from console.runbook.single import claim, single_draft
from console.runbook.steps import Reading, read_steps
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


def slug(text: str) -> str:
    """A stable id from a title: folded words joined by ``-``; letters of any script stay."""
    return re.sub(r"\s+", "-", lexicon.fold(text))[:60].strip("-")


@dataclass
class _Names:
    """Ids that are taken."""

    taken: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)

    def new(self, wanted: str, fallback: str) -> str:
        base = wanted or fallback
        name = base
        while name in self.taken:
            self.counts[base] = self.counts.get(base, 1) + 1
            name = f"{base}-{self.counts[base]}"
        self.taken.add(name)
        return name


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
        self.scope = Scope(dirty=dirty)
        self.problems: list[Problem] = []
        self.front = FrontMatter()
        self.stem = PurePath(path).stem

    def document(self) -> Document:
        self.front = read_front_matter(self.lines, self.path)
        self.problems.extend(self.front.problems)
        rows = [""] * self.front.rows + list(self.lines[self.front.rows :])
        blocks = read_blocks(rows)
        self.scope = Scope(self._assigned(blocks), self.scope.dirty)
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
        names = _Names()
        single = len(drawn.units) == 1
        found = []
        budget = MAX_SHARED // max(len(drawn.units), 1)
        heavy = sum(len(info.body) for info in shared) > budget
        for number, unit in enumerate(drawn.units):
            runbook = self._runbook(unit, title if single else "", single, names, drawn.collection)
            common = shared if number == 0 or not heavy else []
            own = sorted(runbook.info, key=lambda info: info.line)
            found.append(self._complete(runbook, own, common, number == 0))
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

    def _runbook(self, unit: Unit, title: str, single: bool, names: _Names, collection: bool) -> Runbook:
        section = unit.section
        name = title or lexicon.without_number(section.title) or self.stem
        builder = _Builder(self, name, collection)
        children = [child for child in section.children if child.label] if unit.own_only else section.children
        builder.section(section, children, top=True)
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

    def _complete(self, runbook: Runbook, own: list[Info], shared: list[Info], first: bool) -> Runbook:
        front = self.front
        info = [*own, *shared]
        params = self._params(runbook, info)
        return msgspec.structs.replace(
            runbook,
            info=tuple(info),
            params=params,
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
                    source, line = self.scope.sources.get(name, ("", command.line))
                    found.setdefault(env_name(name), Param(name, None, is_secret(name), source, line))
        for one in info:
            for name in one.params:
                source, line = self.scope.sources.get(name, (f"[{name}]", one.line))
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
            found.extend(self.section_info(section, "", only_own=True))
        for section in drawn.shared:
            for one in flatten([section]):
                found.extend(self.section_info(one, _inherited(one, section), only_own=True))
        return [msgspec.structs.replace(info, shared=True) for info in sorted(found, key=lambda info: info.line)]

    def section_info(self, section: Section, inherited: str, only_own: bool) -> list[Info]:
        """A section as text to read: its heading and its own blocks."""
        end = section.children[0].start if section.children and only_own else section.end
        end = self.trim(section.start, end)
        if end <= section.start or not any(line.strip() for line in self.lines[section.start : end]):
            return []
        body = raw(self.context(""), section.body, end) if section.body < end else ""
        kind = _info_kind(section, inherited, body)
        title = section.title or self.stem
        return [Info(title, body, section.start + 1, end, kind, False, self.text_params(section, body, kind))]

    def text_params(self, section: Section, body: str, kind: InfoKind) -> tuple[str, ...]:
        """Placeholders of a message template: only where the text is meant to be sent."""
        fences = [
            block for block in section.blocks if block.kind == "fence" and kind_of(block.text, block.info)[0] == "text"
        ]
        texts = [block.text for block in fences] or ([body] if kind == "template" else [])
        found: dict[str, None] = {}
        for text in texts:
            holes = in_text(text)
            if kind != "template" and len(holes) < 2:
                continue  # a bracket in some output
            for name, source in holes:
                found[name] = None
                row = next((n for n in range(section.start, section.end) if source in self.lines[n]), section.start)
                self.scope.sources.setdefault(name, (source, row + 1))
        return tuple(found)

    def trim(self, start: int, end: int) -> int:
        """*end* without the blank rows before it."""
        while end > start and not self.lines[end - 1].strip():
            end -= 1
        return end

    def context(self, heading: str, checklist: bool = False) -> Context:
        """What steps under *heading* are read with."""
        return Context(self.lines, self.scope, heading, heading, checklist)


def _inherited(section: Section, top: Section) -> str:
    """The info class that a section under *top* has: its own, or that of the section above."""
    return section.cls if section.cls in _INFO_KINDS else top.cls


_INFO_KINDS: Final[dict[str, InfoKind]] = {
    "symptoms": "symptoms",
    "contacts": "contacts",
    "escalation": "escalation",
    "template": "template",
    "links": "links",
}
_PHASE_KINDS: Final[dict[str, PhaseKind]] = {
    "diagnose": "diagnose",
    "act": "act",
    "verify": "verify",
    "rollback": "rollback",
    "checklist": "checklist",
    "escalation": "escalate",
}


def _info_kind(section: Section, inherited: str, body: str) -> InfoKind:
    if not body.strip():
        return "heading"
    if link_list(section):
        return "links"
    return _INFO_KINDS.get(section.cls) or _INFO_KINDS.get(inherited, "text")


def _says(heading: str) -> bool:
    """Whether a numbered heading has words besides its number."""
    return not lexicon.numbered_as("step_prefix", heading) or lexicon.without_step(heading) != lexicon.fold(heading)


class _Builder:
    """The phases, infos and symptoms of one runbook."""

    def __init__(self, reader: Reader, title: str, collection: bool) -> None:
        self.reader = reader
        self.title = title
        self.collection = collection
        self.phases: list[Phase] = []
        self.info: list[Info] = []
        self.symptoms: list[str] = []
        self.names = _Names()

    def section(self, section: Section, children: Sequence[Section], top: bool = False, inherited: str = "") -> None:
        """Add a section: its own blocks as a phase or an info, then what is under it."""
        own_end = section.children[0].start if section.children else section.end
        if own_steps(section):
            self._phase(section, own_end)
        elif section.role == "info" and section.label and not section.children:
            self._add_info(section, own_end, inherited)
        else:
            self._add_info(section, own_end, inherited)
        for child in children:
            if child.single:
                self._single(child, section)
                continue
            self.section(child, child.children, inherited=section.cls if section.role == "info" else "")

    def _add_info(self, section: Section, end: int, inherited: str) -> None:
        infos = self.reader.section_info(section, inherited, only_own=True)
        if section.cls == "symptoms":
            self.symptoms.extend(_symptoms(section))
        self.info.extend(self._labelled(info, section, end) for info in infos)

    def _labelled(self, info: Info, section: Section, end: int) -> Info:
        """The info of a label: its text without the label, or, where there is no label at all, under the runbook's title."""
        if not section.title:
            body = raw(self.reader.context(""), section.start, self.reader.trim(section.start, end))
            return msgspec.structs.replace(info, title=self.title, body=body, kind="text")
        if not section.label or section.body != section.start:
            return info
        body = _label_body(section)
        return msgspec.structs.replace(
            info, body=body, kind="text" if info.kind == "heading" and body.strip() else info.kind
        )

    def _phase(self, section: Section, own_end: int) -> None:
        title = lexicon.without_number(section.title) if section.title else self.title
        generic = section.exact and section.cls in lexicon.ACTION_CLASSES
        context = self.reader.context(title, section.cls in ("checklist", "verify"))
        context.verifies = section.cls == "verify"
        if generic:
            context.fallback = self.title if self.collection and section.label else ""
        reading = read_steps(section.blocks, context)
        if not reading.drafts:
            self._keep(reading)
            self._add_info(section, own_end, "")
            return
        steps = self._steps(reading, section, context)
        end = max([step.end_line for step in steps] + [info.end_line for info in reading.info] + [section.body])
        end = max(end, self.reader.trim(section.start, own_end)) if not section.label else end
        kind: PhaseKind = _PHASE_KINDS.get(section.cls, "steps")
        if any(step.checkbox for step in steps) and kind in ("steps", "act"):
            kind = "checklist"
        self.phases.append(Phase(title, section.start + 1, end, tuple(in_sessions(steps)), kind))
        self._keep(reading)

    def _single(self, section: Section, parent: Section) -> None:
        """A section that is one step, in the phase of the heading above it."""
        context = self.reader.context(section.title)
        draft = single_draft(section, context, self.reader.trim(section.start, section.end))
        step = finish(draft, self.names.new(slug(draft.title), "step"), context)
        last = self.phases[-1] if self.phases else None
        if last is not None and last.line == parent.start + 1:
            self.phases[-1] = msgspec.structs.replace(last, end_line=step.end_line, steps=(*last.steps, step))
            return
        title = lexicon.without_number(parent.title) if parent.title else self.title
        kind: PhaseKind = _PHASE_KINDS.get(parent.cls, "steps")
        self.phases.append(Phase(title, parent.start + 1, step.end_line, (step,), kind))

    def _keep(self, reading: Reading) -> None:
        self.info.extend(reading.info)

    def _steps(self, reading: Reading, section: Section, context: Context) -> list[Step]:
        numbered = (
            bool(section.title)
            and not section.label
            and (lexicon.is_numbered(section.title) or lexicon.numbered_as("step_prefix", section.title))
        )
        if numbered and len(reading.drafts) == 1 and section.title:
            draft = reading.drafts[0]
            heading = lexicon.without_number(section.title)
            if not _says(heading):
                heading = draft.title or heading
            elif (
                draft.title
                and draft.title != heading
                and not draft.title.endswith("…")
                and draft.title not in "\n".join(draft.body)
            ):
                draft.body.insert(0, draft.title)
            draft.title = heading
            draft.lead = lexicon.without_step(section.title)
            draft.start = section.start
        return [finish(draft, self.names.new(slug(draft.title), "step"), context) for draft in reading.drafts]


def _label_body(section: Section) -> str:
    """The text of a label that stands on the label's own line: ``**Cause:** a full disk``."""
    return "\n\n".join(
        inline(block.text).plain if block.kind == "paragraph" else block.text for block in section.blocks
    )


def _symptoms(section: Section) -> list[str]:
    """One text per sign: the items of lists, otherwise whole paragraphs."""
    found = []
    for block in walk(section.blocks):
        if block.kind != "paragraph":
            continue
        text = " ".join(inline(block.text).plain.split())
        if text:
            found.append(text)
    return found
