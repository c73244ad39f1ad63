"""A file's lines, and what of them is to be read rather than done: sections as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from console.runbook.commands import Scope
from console.runbook.drafts import Context, raw
from console.runbook.fences import kind_of
from console.runbook.model import Info, InfoKind
from console.runbook.params import in_text
from console.runbook.sections import Section, link_list

_INFO_KINDS: Final[dict[str, InfoKind]] = {
    "symptoms": "symptoms",
    "contacts": "contacts",
    "escalation": "escalation",
    "template": "template",
    "links": "links",
}


class Page:
    """The *lines* of one file. *name* stands over what no heading stands over."""

    def __init__(self, lines: Sequence[str], scope: Scope, name: str) -> None:
        self.lines = lines
        self.scope = scope
        self.name = name

    def section_info(self, section: Section, inherited: str) -> list[Info]:
        """A section as text to read: its heading and its own blocks."""
        end = self.trim(section.start, section.children[0].start if section.children else section.end)
        if end <= section.start or not any(line.strip() for line in self.lines[section.start : end]):
            return []
        body = raw(self.context(""), section.body, end) if section.body < end else ""
        kind = _info_kind(section, inherited, body)
        title = section.title or self.name
        return [Info(title, body, section.start + 1, end, kind, False, self._text_params(section, body, kind))]

    def _text_params(self, section: Section, body: str, kind: InfoKind) -> tuple[str, ...]:
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


def inherited_kind(section: Section, top: Section) -> str:
    """The info class that a section under *top* has: its own, or that of the section above."""
    return section.cls if section.cls in _INFO_KINDS else top.cls


def _info_kind(section: Section, inherited: str, body: str) -> InfoKind:
    if not body.strip():
        return "heading"
    if link_list(section):
        return "links"
    return _INFO_KINDS.get(section.cls) or _INFO_KINDS.get(inherited, "text")
