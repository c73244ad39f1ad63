"""Which sections of a file are runbooks of their own, which are phases of one, and which are for reading only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from console.runbook import lexicon
from console.runbook.sections import Section, produces


@dataclass
class Unit:
    """One runbook to be: its section, and the headings above it. *nested* units below it are not part of it."""

    section: Section
    above: tuple[Section, ...]
    own_only: bool = False
    """Only the section's own blocks are the runbook: the sections under it are units themselves."""


@dataclass
class Plan:
    """The units of a file in order, and the sections that belong to the file as a whole."""

    units: list[Unit] = field(default_factory=list)
    shared: list[Section] = field(default_factory=list)
    headings: list[Section] = field(default_factory=list)
    """Headings that only hold others; with the text below them, if any, for reading."""
    collection: bool = False


def plan(root: Section) -> Plan:
    """Decide. A file is a collection when at least two of its sections are incidents or procedures by their form."""
    top = _top(root)
    found = Plan()
    if len(_strong(top)) >= 2:
        found.collection = True
        _collect(top, (), found, is_top=True)
        if top is not root:
            found.headings.insert(0, root)
        return found
    return whole(root)


def whole(root: Section) -> Plan:
    """The file as one runbook."""
    top, found = _top(root), Plan()
    found.units.append(Unit(top, ()))
    if top is not root:
        found.headings.append(root)
        found.shared.extend(child for child in root.children if child is not top)
    return found


def _top(root: Section) -> Section:
    """The section whose children are the file's main parts: the first heading if it is alone at its level."""
    titled = [child for child in root.children if child.title]
    if len(titled) == 1 and not produces_own(root):
        return titled[0]
    if len(titled) > 1 and not titled[0].children and not produces_own(root) and titled[0].level < titled[1].level:
        return root
    return root


def produces_own(section: Section) -> bool:
    """Whether the section's own blocks, its labels included, give steps."""
    from console.runbook.sections import own_steps

    return own_steps(section) or any(child.label and produces(child) for child in section.children)


def _real(section: Section) -> list[Section]:
    return [child for child in section.children if not child.label]


def _strong(section: Section) -> list[Section]:
    """The sections at any depth below *section* that are incidents or procedures by their form."""
    found: list[Section] = []
    children = [child for child in _real(section) if child.role != "info" and produces(child)]
    phases = [child for child in children if child.role == "action" and child.exact and child.cls != "checklist"]
    for child in children:
        if _is_strong(child, section, bool(phases)):
            found.append(child)
        elif child.role in ("group", "unknown") or (child.role == "action" and not child.exact):
            found.extend(_strong(child))
    return found


def _is_strong(child: Section, parent: Section, has_phases: bool) -> bool:
    if child.role == "group" and any(produces(one) for one in _real(child)):
        return False
    if lexicon.numbered_as("step_prefix", child.title):
        return False
    if lexicon.numbered_as("unit_prefix", child.title):
        return True
    if parent.role == "group" and not (
        child.role == "action" and child.exact and has_phases and child.cls != "checklist"
    ):
        return True
    if any(one.cls == "symptoms" for one in child.children):
        return True
    return not has_phases and child.role == "unknown" and lexicon.contains("trouble", child.title)


def _collect(section: Section, above: tuple[Section, ...], found: Plan, is_top: bool = False) -> None:
    if not is_top and produces_own(section):
        found.units.append(Unit(section, above, own_only=True))
    else:
        found.headings.append(section)
        if is_top and produces_own(section):
            found.units.append(Unit(section, above, own_only=True))
            found.headings.pop()
    inner = above if is_top else (*above, section)
    for child in _real(section):
        if child.role == "info" or not produces(child):
            found.shared.append(child)
        elif _holds_units(child):
            _collect(child, inner, found)
        else:
            found.units.append(Unit(child, inner))


def _holds_units(section: Section) -> bool:
    below = [child for child in _real(section) if child.role != "info" and produces(child)]
    if section.role == "group":
        return bool(below)
    return len(_strong(section)) >= 2 and not lexicon.numbered_as("unit_prefix", section.title)


def flatten(sections: Sequence[Section]) -> list[Section]:
    """The sections and all below them, in file order."""
    found: list[Section] = []
    stack = list(reversed(sections))
    while stack:
        section = stack.pop()
        found.append(section)
        stack.extend(reversed(section.children))
    return found
