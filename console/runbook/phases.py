"""The sections of one runbook as its phases, its symptoms and its text to read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from console.runbook import lexicon
from console.runbook.blocks import inline, walk
from console.runbook.drafts import Context, finish, raw
from console.runbook.ids import Names, slug
from console.runbook.model import Info, Phase, PhaseKind, Step
from console.runbook.page import Page
from console.runbook.sections import Section, own_steps
from console.runbook.sessions import in_sessions
from console.runbook.single import single_draft
from console.runbook.steps import Reading, read_steps

_PHASE_KINDS: Final[dict[str, PhaseKind]] = {
    "diagnose": "diagnose",
    "act": "act",
    "verify": "verify",
    "rollback": "rollback",
    "checklist": "checklist",
    "escalation": "escalate",
}


def _says(heading: str) -> bool:
    """Whether a numbered heading has words besides its number."""
    return not lexicon.numbered_as("step_prefix", heading) or lexicon.without_step(heading) != lexicon.fold(heading)


class Builder:
    """The phases, infos and symptoms of one runbook."""

    def __init__(self, page: Page, title: str, collection: bool) -> None:
        self.page = page
        self.title = title
        self.collection = collection
        self.phases: list[Phase] = []
        self.info: list[Info] = []
        self.symptoms: list[str] = []
        self.names = Names()

    def section(self, section: Section, children: Sequence[Section], inherited: str = "") -> None:
        """Add a section: its own blocks as a phase or an info, then what is under it."""
        own_end = section.children[0].start if section.children else section.end
        if own_steps(section):
            self._phase(section, own_end)
        else:
            self._add_info(section, own_end, inherited)
        for child in children:
            if child.single:
                self._single(child, section)
                continue
            self.section(child, child.children, inherited=section.cls if section.role == "info" else "")

    def _add_info(self, section: Section, end: int, inherited: str) -> None:
        infos = self.page.section_info(section, inherited)
        if section.cls == "symptoms":
            self.symptoms.extend(_symptoms(section))
        self.info.extend(self._labelled(info, section, end) for info in infos)

    def _labelled(self, info: Info, section: Section, end: int) -> Info:
        """The info of a label: its text without the label, or, where there is no label at all, under the runbook's title."""
        if not section.title:
            body = raw(self.page.context(""), section.start, self.page.trim(section.start, end))
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
        context = self.page.context(title, section.cls in ("checklist", "verify"))
        context.verifies = section.cls == "verify"
        if generic:
            context.fallback = self.title if self.collection and section.label else ""
        reading = read_steps(section.blocks, context)
        if not reading.drafts:
            self.info.extend(reading.info)
            self._add_info(section, own_end, "")
            return
        steps = self._steps(reading, section, context)
        end = max([step.end_line for step in steps] + [info.end_line for info in reading.info] + [section.body])
        end = max(end, self.page.trim(section.start, own_end)) if not section.label else end
        kind: PhaseKind = _PHASE_KINDS.get(section.cls, "steps")
        if any(step.checkbox for step in steps) and kind in ("steps", "act"):
            kind = "checklist"
        self.phases.append(Phase(title, section.start + 1, end, tuple(in_sessions(steps)), kind))
        self.info.extend(reading.info)

    def _single(self, section: Section, parent: Section) -> None:
        """A section that is one step, in the phase of the heading above it."""
        context = self.page.context(section.title)
        draft = single_draft(section, context, self.page.trim(section.start, section.end))
        step = finish(draft, self.names.new(slug(draft.title), "step"), context)
        last = self.phases[-1] if self.phases else None
        if last is not None and last.line == parent.start + 1:
            self.phases[-1] = msgspec.structs.replace(last, end_line=step.end_line, steps=(*last.steps, step))
            return
        title = lexicon.without_number(parent.title) if parent.title else self.title
        kind: PhaseKind = _PHASE_KINDS.get(parent.cls, "steps")
        self.phases.append(Phase(title, parent.start + 1, step.end_line, (step,), kind))

    def _steps(self, reading: Reading, section: Section, context: Context) -> list[Step]:
        numbered = (
            bool(section.title)
            and not section.label
            and (lexicon.is_numbered(section.title) or lexicon.numbered_as("step_prefix", section.title))
        )
        if numbered and len(reading.drafts) == 1:
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
