"""Headings, and what acts as a heading, as a tree of classified sections."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from console.runbook import lexicon
from console.runbook.blocks import Block, inline, walk
from console.runbook.commands import span_language, starts_like_a_command
from console.runbook.fences import kind_of
from console.runbook.lists import has_tasks, join_lists

Role = Literal["info", "action", "group", "unknown"]


@dataclass
class Section:
    """A heading (or a label that acts as one), its own blocks, and the sections under it. Rows are 0-based, end exclusive;
    *start* is the heading's row, *body* the first row after it."""

    title: str
    level: int
    start: int
    body: int
    end: int
    blocks: list[Block] = field(default_factory=list)
    children: list[Section] = field(default_factory=list)
    cls: str = ""
    exact: bool = False
    label: bool = False
    """A bold line, list item or paragraph, not a real heading."""
    role: Role = "unknown"
    by_form: bool = False
    """It is action by its own heading's form, which says nothing of the headings below it."""
    single: bool = False
    """Its heading carries attributes: all of it is one step."""

    @property
    def line(self) -> int:
        return self.start + 1


def build(blocks: Sequence[Block], rows: int) -> Section:
    """The section tree of a file; the root has level 0, no title, and everything before the first heading as its blocks."""
    root = Section("", 0, 0, 0, rows)
    path = [root]
    for block in blocks:
        if block.kind != "heading":
            path[-1].blocks.append(block)
            continue
        while path[-1].level >= block.level:
            path.pop().end = block.start
        title = " ".join(inline(block.text).plain.split())
        section = _section(title, block.level, block.start, block.end, rows)
        path[-1].children.append(section)
        path.append(section)
    _close(root)
    _with_labels(root)
    _assign_roles(root)
    return root


def _section(title: str, level: int, start: int, body: int, end: int, label: bool = False) -> Section:
    cls, exact = lexicon.heading_class(title)
    return Section(title, level, start, body, end, cls=cls, exact=exact, label=label)


def _close(root: Section) -> None:
    """Where each section's own part ends: at its first child, or where the next one starts."""
    stack = [(root, root.end)]
    while stack:
        section, end = stack.pop()
        section.end = end
        starts = [child.start for child in section.children] + [end]
        stack.extend((child, starts[i + 1]) for i, child in enumerate(section.children))


def _with_labels(root: Section) -> None:
    queue = [root]
    while queue:
        section = queue.pop()
        queue.extend(section.children)
        section.blocks = join_lists(section.blocks)
        own, labelled = _labels(section)
        section.blocks = own
        section.children = labelled + section.children


@dataclass(frozen=True)
class Label:
    """A paragraph or list item that starts with a label: ``**Actions :**``, ``- Symptoms: …``."""

    title: str
    rest: str
    bold: bool


def label_of(text: str) -> Label | None:
    """The label that *text* (inline source) starts with, if any: bold words, or lexicon words before a colon."""
    if len(text) > 2000:
        return None
    read = inline(text)
    if read.bold.strip() and not read.plain[: len(read.plain) - len(read.plain.lstrip())].strip():
        title = read.bold.strip()
        rest = read.after_bold.strip()
        if not read.plain.lstrip().startswith(title):
            return None
        colon = title.endswith((":", "：")) or rest.startswith((":", "："))
        title = title.rstrip(" :：").strip()
        rest = rest.lstrip(" :：").strip()
        if not title or len(title.split()) > 9 or (rest and not colon):
            return None
        return Label(title, _after_colon(text) if rest else "", True)
    match = re.match(r"([^\n:：]{2,48}?)\s*[:：](?:\s+|$)", read.plain)
    if match is None or lexicon.heading_class(match[1])[1] is False:
        return None
    return Label(match[1].strip(), _after_colon(text) if read.plain[match.end() :].strip() else "", False)


def _after_colon(text: str) -> str:
    """The inline source after the label's colon."""
    match = re.match(r"\s*(?:\*\*|__)?[^\n:：]*?(?:\*\*|__)?\s*[:：]\s*(?:\*\*|__)?\s*", text)
    return text[match.end() :] if match else text


def _labels(section: Section) -> tuple[list[Block], list[Section]]:
    """Split a section's own blocks at its labels: (blocks before or outside any label, sections of the labels)."""
    own: list[Block] = []
    found: list[Section] = []
    current: Section | None = None
    known = _knows_labels(section.blocks)
    for position, block in enumerate(section.blocks):
        following = section.blocks[position + 1] if position + 1 < len(section.blocks) else None
        made = _label_section(block, following, section, known)
        if made:
            current = made[-1] if made[-1].end == -1 else None
            for one in made:
                one.end = block.end if one.end == -1 else one.end
            found.extend(made)
        elif (
            current is not None
            and not (current.cls in lexicon.INFO_CLASSES and current.blocks and _actionable(block))
            and block.kind != "rule"
        ):
            current.blocks.append(block)
            current.end = block.end
        else:
            if current is not None and current.cls in lexicon.INFO_CLASSES and block.kind != "rule":
                current = None
            # What stands after a label but not in it is a nameless part of its own, in its place.
            if found and block.kind != "rule" and current is None:
                if not found[-1].title and found[-1].label:
                    found[-1].blocks.append(block)
                    found[-1].end = block.end
                else:
                    found.append(
                        Section("", section.level + 1, block.start, block.start, block.end, [block], label=True)
                    )
            else:
                own.append(block)
    return own, found


def _knows_labels(blocks: Sequence[Block]) -> bool:
    """Whether any paragraph carries a label that the lexicon knows: then unknown ones beside it are labels too."""
    for block in blocks:
        if block.kind == "paragraph":
            label = label_of(block.text)
            if label is not None and lexicon.heading_class(label.title)[0]:
                return True
    return False


def _label_section(block: Block, following: Block | None, section: Section, known: bool) -> list[Section]:
    """Sections that *block* starts; the last one's ``end`` is -1 while it takes the blocks after it."""
    level = section.level + 1
    if block.kind == "list" and not has_tasks(block):
        return _labelled_items(block, level)
    if block.kind != "paragraph":
        return []
    label = label_of(block.text)
    if label is None or lexicon.is_phrase("admonition", label.title):
        return []
    cls, _ = lexicon.heading_class(label.title)
    if not label.rest:
        follows = following is not None and following.kind in ("list", "fence", "table", "paragraph", "note")
        if not follows or not (cls or known or _heads(label, following)):
            return []
        return [_section(label.title, level, block.start, block.end, -1, label=True)]
    if not cls and not (known and label.bold):
        return []
    made = _section(label.title, level, block.start, block.start, block.end, label=True)
    made.blocks = [Block("paragraph", block.start, block.end, label.rest)]
    return [made]


def _heads(label: Label, following: Block | None) -> bool:
    """Whether an unknown bold line stands over something to do."""
    return (
        label.bold
        and following is not None
        and (following.kind == "fence" or (following.kind == "list" and (following.ordered or has_tasks(following))))
    )


def _labelled_items(block: Block, level: int) -> list[Section]:
    labels = []
    for item in block.children:
        first = item.children[0] if item.children else None
        label = label_of(first.text) if first is not None and first.kind == "paragraph" else None
        if label is None or not lexicon.heading_class(label.title)[1]:
            return []
        labels.append(label)
    classes = {lexicon.heading_class(label.title)[0] for label in labels}
    if not classes & (lexicon.ACTION_CLASSES | {"symptoms"}):
        return []
    found = []
    for item, label in zip(block.children, labels, strict=True):
        made = _section(label.title, level, item.start, item.start, item.end, label=True)
        if label.rest:
            first = item.children[0]
            made.blocks.append(Block("paragraph", first.start, first.end, label.rest))
        made.blocks.extend(item.children[1:])
        found.append(made)
    return found


def _actionable(block: Block) -> bool:
    """Whether a block is something to do by its shape: a shell block, an ordered list, a task list."""
    if block.kind == "fence":
        kind = kind_of(block.text, block.info)[0]
        return kind in ("shell", "query") or (kind == "code" and starts_like_a_command(block.text))
    return block.kind == "list" and (block.ordered or has_tasks(block))


def holds_action(section: Section) -> bool:
    """Whether the section's own blocks hold a shell block, an ordered list or a task item (rule 3), at any depth."""
    return any(_actionable(block) for block in walk(section.blocks))


def _assign_roles(root: Section) -> None:
    title = next((child for child in root.children if not child.label), None)
    stack: list[tuple[Section, Section | None]] = [(root, None)]
    while stack:
        section, parent = stack.pop()
        section.role = _role(section, parent)
        if section is title and section.level == 1 and section.children and section.role == "info":
            section.role = "unknown"  # a title may say overview or guide: what it is about is under its parts
        stack.extend((child, section) for child in section.children)


def _role(section: Section, parent: Section | None) -> Role:
    if not section.title and section.label and parent is not None:
        return parent.role if parent.role != "group" else "unknown"
    inside_info = parent is not None and parent.role == "info"
    cls = section.cls
    unit = lexicon.numbered_as("unit_prefix", section.title) and not section.label
    if cls in lexicon.INFO_CLASSES and not (unit and not section.exact):
        return "info"
    if inside_info:
        acts = (
            cls in lexicon.ACTION_CLASSES
            and section.exact
            and holds_action(section)
            and parent is not None
            and parent.cls == "info"
        )
        return "action" if acts else "info"
    if cls in lexicon.ACTION_CLASSES and not (lexicon.is_topic(section.title) and not section.label):
        return "action"
    if cls == "group" and not section.label:
        return "group"
    if (parent is not None and parent.role == "action" and not parent.by_form) or (
        not section.label and lexicon.starts("how_to", section.title)
    ):
        return "action"
    if not section.label and _numbered_order(section.title):
        section.by_form = True
        return "action"
    return "unknown"


def _numbered_order(title: str) -> bool:
    """Whether a heading is a step by its form: ``Step 2: …``, or ``2. Check …`` with a number and a verb."""
    if lexicon.numbered_as("step_prefix", title):
        return True
    told = lexicon.without_filler(lexicon.without_number(title))
    return lexicon.is_numbered(title) and any(lexicon.starts(key, told) for key in ("check", "imperative"))


def relax(root: Section) -> None:
    """For a file that gives no steps by its form: sections whose lines tell someone to do something are taken as action."""
    for told in (_tells, holds_action):
        stack = [root]
        while stack:
            section = stack.pop()
            stack.extend(section.children)
            # Last, what stands below a heading like Overview that holds the whole file.
            inside = told is holds_action and section.role == "info" and not section.cls and not section.label
            if (section.role in ("unknown", "group") or inside) and told(section):
                section.role = "action"
        if produces(root):
            return


def _tells(section: Section) -> bool:
    if link_list(section):
        return False
    items = [item.children[0].text for b in section.blocks if b.kind == "list" for item in b.children if item.children]
    if (
        len(section.blocks) == 1
        and section.blocks[0].kind == "paragraph"
        and lexicon.starts("refer", section.blocks[0].text)
    ):
        return any(target.split("#")[0].endswith(".md") for _, target in inline(section.blocks[0].text).links)
    told = sum(lexicon.starts("imperative", text) or lexicon.starts("check", text) for text in items)
    if items and told * 2 >= len(items):
        return True
    return _names_command(section.blocks)


def _names_command(blocks: Sequence[Block]) -> bool:
    """Whether a code span anywhere in the blocks is a command."""
    texts = [block.text for block in walk(blocks) if block.kind == "paragraph" and "`" in block.text]
    return any(span_language(code) == "sh" for text in texts for code in inline(text).codes)


def link_list(section: Section) -> bool:
    """Whether the section is nothing but a list of links: an index, not steps."""
    items = [item for block in section.blocks if block.kind == "list" for item in block.children]
    texts = [child.text for item in items for child in item.children[:1] if child.kind == "paragraph"]
    if not items or any(block.kind == "fence" for block in section.blocks) or len(texts) != len(items):
        return False
    linked = 0
    for text in texts:
        read = inline(text)
        linked += len(read.links) == 1 and len(read.links[0][0]) >= 0.7 * len(read.plain.strip(" .:-"))
    return linked >= max(2, 0.8 * len(items))


def produces(section: Section) -> bool:
    """Whether the section, or one under it, gives steps."""
    return own_steps(section) or any(produces(child) for child in section.children)


def _empty(section: Section) -> bool:
    """Whether the section says no more than TODO, or what is to be done about that."""
    texts = [block.text for block in section.blocks if block.kind == "paragraph"]
    todo = len(texts) == 1 and len(texts[0].split()) < 9 and re.match(r"\W*(?:TODO|TBD|FIXME)\b", texts[0])
    return len(texts) == len(section.blocks) and (bool(todo) or all(lexicon.is_phrase("empty", text) for text in texts))


def own_steps(section: Section) -> bool:
    """Whether the section's own blocks give steps."""
    if section.role == "info" or not section.blocks or _empty(section):
        return False
    paragraphs = sum(block.kind == "paragraph" for block in section.blocks)
    if link_list(section) and not (section.role == "action" and section.exact and paragraphs > 1):
        return False
    if holds_action(section):
        return True
    if section.role != "action":
        return False
    if (
        section.level == 1
        and not section.label
        and not section.exact
        and any(produces(one) for one in section.children)
    ):
        return False  # the title of the file, and what leads up to its parts
    if all(
        block.kind in ("paragraph", "note", "quote", "inert", "rule", "table") for block in section.blocks
    ) and not _names_command(section.blocks):
        # Prose above parts that have steps only leads up to them.
        return any(block.kind == "paragraph" for block in section.blocks) and not any(
            produces(child) for child in section.children
        )
    return any(block.kind in ("paragraph", "list", "fence", "note") for block in section.blocks)
