"""The blocks of an action section as steps (rules 4–10, 12–18 of plain Markdown)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from console.runbook import lexicon
from console.runbook.blocks import Block, Inline, inline, walk
from console.runbook.commands import SHELL, is_command_line, shell, span_language
from console.runbook.drafts import Context, Draft, first_line, raw, title_of
from console.runbook.fences import Part, kind_of, tag_of
from console.runbook.model import Command, Info
from console.runbook.notes import note_text
from console.runbook.spans import deep_commands, fence_of, is_step, span_commands


@dataclass
class Reading:
    """The steps of some blocks, and what stands between them to be read: tables and the like."""

    drafts: list[Draft] = field(default_factory=list)
    info: list[Info] = field(default_factory=list)


def read_steps(blocks: Sequence[Block], context: Context) -> Reading:
    """Turn the blocks of an action section into steps; every row of them ends up in a step or an info."""
    reading = Reading()
    pending: list[Block] = []
    blocks = [block for block in blocks if block.kind != "rule"]
    bullets = _bullets_are_steps(blocks)
    for block in blocks:
        if block.kind == "list" and not block.ordered and _is_remark(pending):
            pending.append(block)  # "Tips:" and what they are
        elif block.kind == "list" and (block.ordered or bullets or _has_tasks(block) or _runs_something(block)):
            _with_notes(reading, _list_steps(block, context, "", 0), pending, context)
        elif block.kind == "fence" and is_step(block):
            _fence_step(reading, block, pending, context)
        elif block.kind == "fence" and not pending and _is_output(block, reading):
            _give_output(reading.drafts[-1], block)
        elif block.kind == "table":
            _flush(reading, pending, context)
            reading.info.append(Info(context.heading, raw(context, block.start, block.end), block.line, block.end_line))
        elif (
            block.kind == "paragraph"
            and reading.drafts
            and all(one.kind == "paragraph" for one in pending)
            and lexicon.starts("expect", block.text)
        ):
            _flush(reading, pending, context)
            _extend(reading.drafts[-1], block, context, expect=True)
        elif block.kind == "paragraph" and not pending and _inline_step(block):
            pending.append(block)
            _prose(reading, pending, context)
        else:
            pending.append(block)
    _flush(reading, pending, context)
    return reading


def _is_remark(pending: Sequence[Block]) -> bool:
    return bool(pending) and pending[-1].kind == "paragraph" and lexicon.is_phrase("admonition", pending[-1].text)


def _has_tasks(block: Block) -> bool:
    return any(item.checked is not None for item in walk(block.children))


def _runs_something(block: Block) -> bool:
    """Whether a bullet list holds commands: a shell block in an item, or a code span that is one."""
    for one in walk(block.children):
        if one.kind == "fence" and is_step(one):
            return True
        if one.kind == "paragraph" and any(span_language(code) == SHELL for code in inline(one.text).codes):
            return True
    return False


def _bullets_are_steps(blocks: Sequence[Block]) -> bool:
    """Bullets are steps only where nothing of higher rank is (rule 4)."""
    return not any(
        (b.kind == "list" and (b.ordered or _has_tasks(b))) or (b.kind == "fence" and is_step(b)) for b in blocks
    )


def _inline_step(block: Block) -> bool:
    """A paragraph that names a command and leads to nothing else is a step by itself (rule 17)."""
    if block.text.rstrip().endswith((":", "：")):
        return False
    return any(span_language(code) == SHELL for code in inline(block.text).codes)


# ── paragraphs, notes and what else stands around steps


def _with_notes(reading: Reading, drafts: list[Draft], pending: list[Block], context: Context) -> None:
    if drafts and pending:
        _lead_in(drafts[0], pending, context)
    reading.drafts.extend(drafts)


def _lead_in(draft: Draft, pending: list[Block], context: Context) -> None:
    """What stands before a step is shown with it."""
    draft.notes[:0] = [text for block in pending if (text := note_text(block, context))]
    draft.start = min(draft.start, pending[0].start)
    _add_calls(draft, pending)
    pending.clear()


def _flush(reading: Reading, pending: list[Block], context: Context) -> None:
    """Text that no step follows: the end of the last step, or a step of its own where there is none."""
    if not pending:
        return
    if reading.drafts:
        for block in pending:
            _extend(reading.drafts[-1], block, context, expect=lexicon.starts("expect", block.text))
        pending.clear()
    elif any(block.kind in ("paragraph", "list", "quote", "note") for block in pending):
        _prose(reading, pending, context)
    else:
        reading.info.append(
            Info(
                context.heading, raw(context, pending[0].start, pending[-1].end), pending[0].line, pending[-1].end_line
            )
        )
        pending.clear()


def _extend(draft: Draft, block: Block, context: Context, expect: bool = False) -> None:
    text = raw(context, block.start, block.end)
    (draft.expect if expect else draft.body).append(text)
    draft.end = max(draft.end, block.end)
    _add_calls(draft, [block])
    if block.kind == "paragraph":
        draft.prose += "\n\n" + block.text


def _prose(reading: Reading, pending: list[Block], context: Context) -> None:
    """A section of prose is one thing to do."""
    first = next((block for block in pending if block.kind == "paragraph"), None)
    draft = Draft(pending[0].start, pending[-1].end)
    text = raw(context, draft.start, draft.end)
    if first is not None:
        read = inline(first.text)
        title, cut = title_of(read.plain)
        alone = len(pending) == 1 and not cut and not read.links
        draft.title = title
        draft.body = [] if alone else [text]
        draft.prose = first.text
    else:
        draft.title, draft.body = context.fallback, [text]
    for block in pending:
        draft.commands.extend(span_commands(block, context))
    _add_calls(draft, pending)
    reading.drafts.append(draft)
    pending.clear()


def _add_calls(draft: Draft, blocks: Sequence[Block]) -> None:
    for block in walk(blocks):
        if block.kind == "paragraph" and "](" in block.text:
            for _, target in inline(block.text).links:
                if re.match(r"(?!\w+:|/|#)[^?#]+\.md(?:#.*)?$", target) and target not in draft.calls:
                    draft.calls.append(target)


# ── code blocks


def _is_output(block: Block, reading: Reading) -> bool:
    """An untagged block directly after a command is what it prints (rule 10)."""
    return bool(reading.drafts) and bool(reading.drafts[-1].commands) and _shows(block)


def _shows(block: Block, before: str = "") -> bool:
    """Whether a block is what a command prints: words – or, where the text *before* it says so, whatever it looks like."""
    kind = kind_of(block.text, block.info)[0]
    return kind == "text" or (kind == "config" and not tag_of(block.info) and lexicon.contains("output", before))


def _give_output(draft: Draft, block: Block) -> None:
    draft.output.append(block.text.rstrip("\n"))
    draft.end = max(draft.end, block.end)


def _fence_step(reading: Reading, block: Block, pending: list[Block], context: Context) -> None:
    fence = fence_of(block, context)
    drafts = [_from_part(part) for part in fence.parts]
    if not drafts:
        pending.append(block)
        return
    drafts[0].start, drafts[-1].end = block.start, block.end
    drafts[0].whole = fence.whole if sum(len(draft.commands) for draft in drafts) > 1 else None
    if fence.split:
        for draft, after in pairwise(drafts):
            draft.end = after.start
        for draft, part in zip(drafts, fence.parts, strict=True):
            draft.note_only = not part.commands and not part.numbered
            draft.title = draft.title or context.fallback
        _with_notes(reading, drafts, pending, context)
        return
    draft = drafts[0]
    intro = pending[-1] if pending and pending[-1].kind == "paragraph" else None
    if (
        intro is not None
        and len(pending) > 1
        and pending[-2].kind == "paragraph"
        and lexicon.is_phrase("example", intro.text)
    ):
        draft.body.insert(0, raw(context, intro.start, intro.end))
        draft.start = intro.start
        pending.pop()
        intro = pending[-1]
    if intro is not None:
        read = inline(intro.text)
        title, cut = title_of(read.plain)
        if draft.title and draft.title != title:
            draft.body.insert(0, draft.title)
        draft.title = title
        draft.prose = intro.text
        if cut or read.links:
            draft.body.insert(0, raw(context, intro.start, intro.end))
        draft.commands[:0] = [c for c in span_commands(intro, context) if c.lang == SHELL]
        draft.start = intro.start
        pending.pop()
        _add_calls(draft, [intro])
    elif not draft.title:
        script = len(draft.commands) == 1 and "\n" in draft.commands[0].text
        draft.title = context.fallback or (context.heading if script else first_line(draft)) or context.heading
    if pending:
        _lead_in(draft, pending, context)
    reading.drafts.append(draft)


def _from_part(part: Part) -> Draft:
    title, cut = title_of(part.title)
    body = ([part.title] if cut else []) + list(part.remarks)
    draft = Draft(part.line - 1, part.end_line, title, ["\n".join(body)] if body else [], list(part.commands))
    draft.prose = part.title
    if part.expect:
        draft.expect.append(part.expect)
    if part.output:
        draft.output.append(part.output)
    return draft


# ── lists


def _list_steps(block: Block, context: Context, parent: str, depth: int) -> list[Draft]:
    tasks = _has_tasks(block)
    found: list[Draft] = []
    links: list[Block] = []
    for item in block.children:
        if tasks and _is_link(item):  # not ticked itself: what the task before or after it is about
            if found:
                _extend(found[-1], item, context)
            else:
                links.append(item)
            continue
        nested = [child for child in item.children if child.kind == "list" and _has_tasks(child)] if tasks else []
        if nested:
            found.extend(_nested_tasks(item, nested, context, parent, depth))
        else:
            found.append(_item_step(item, item.children, context, parent, depth))
        if links and found:
            _lead_in(found[0], links, context)
    return found


def _is_link(item: Block) -> bool:
    """Whether an item without a box is nothing but a link."""
    first = item.children[0] if len(item.children) == 1 else None
    if first is None or first.kind != "paragraph" or item.checked is not None:
        return False
    read = inline(first.text)
    bare = read.plain.strip(" <>")
    return re.fullmatch(r"https?://\S+", bare) is not None or (
        len(read.links) == 1 and read.links[0][0].strip() == bare
    )


def _nested_tasks(item: Block, nested: list[Block], context: Context, parent: str, depth: int) -> list[Draft]:
    """Task items under an item: steps under its name. The item is a step itself unless it is no more than that name."""
    first_nested = item.children.index(nested[0])
    rest = item.children[:first_nested]
    aside = [child for child in nested[0].children if _is_link(child)] if _is_link(nested[0].children[0]) else []
    if aside and len(aside) < len(nested[0].children):  # links under the item, before its first task
        inner = nested[0]
        rest = [*rest, replace(inner, end=aside[-1].end, children=aside)]
        nested = [replace(inner, start=aside[-1].end, children=inner.children[len(aside) :]), *nested[1:]]
    after = [child for child in item.children[first_nested:] if child not in nested]
    first = rest[0] if rest and rest[0].kind == "paragraph" else None
    read = inline(first.text) if first is not None else None
    plain = " ".join(read.plain.split()) if read is not None else ""
    name = plain.rstrip(" :：")
    below: list[Draft] = []
    for block in nested:
        below.extend(_list_steps(block, context, name, depth + 1))
    for child in after:  # what stands below the nested items goes with the last of them
        _item_child(below[-1], child, context)
        below[-1].end = max(below[-1].end, child.end)
    heading = len(rest) <= 1 and (read is None or read.bold.strip() == plain or plain.endswith((":", "：")))
    if heading and below:
        below[0].start = item.start
        return below
    own = _item_step(
        Block("item", item.start, nested[0].start, children=rest, checked=item.checked), rest, context, parent, depth
    )
    return [own, *below]


def _item_step(item: Block, children: Sequence[Block], context: Context, parent: str, depth: int) -> Draft:
    draft = Draft(item.start, item.end, parent=parent, depth=depth, checked=item.checked)
    first = children[0] if children and children[0].kind == "paragraph" else None
    if first is not None:
        first, expected = _without_expectation(first, context)
        draft.expect.extend(expected)
        read = inline(first.text)
        commands = span_commands(first, context)
        draft.title, cut = title_of(_without_trailing_command(read, commands))
        if cut or read.links:  # a link's target is worth keeping in sight
            draft.body.append(_item_text(first, context))
        draft.prose = first.text
        draft.commands.extend(commands)
        _add_calls(draft, [first])
    for child in children[1:] if first is not None else children:
        _item_child(draft, child, context)
    if not draft.title:
        draft.title = first_line(draft) or context.fallback
    return draft


def _without_expectation(block: Block, context: Context) -> tuple[Block, list[str]]:
    """A paragraph up to a line that says what to expect, and that line with what follows."""
    rows = block.text.split("\n")
    for number in range(1, len(rows)):
        if lexicon.starts("expect", rows[number]):
            cut = block.start + number
            return Block("paragraph", block.start, cut, "\n".join(rows[:number])), [raw(context, cut, block.end)]
    return block, []


def _item_text(first: Block, context: Context) -> str:
    """The item's first paragraph without its marker."""
    return re.sub(r"^\s*(?:[-*+]|\d+[.)])\s+(?:\[[ xX]\]\s+)?", "", raw(context, first.start, first.end))


def _without_trailing_command(read: Inline, commands: Sequence[Command]) -> str:
    """``Look at the log: `tail x` `` is titled by its words; the command stands below it anyway."""
    plain = " ".join(read.plain.split())
    for command in commands:
        flat = " ".join(command.text.split())
        match = re.search(rf"\s*(?:[:：]|\s[-–—])\s*{re.escape(flat)}\s*\.?$", plain)
        if match and match.start() >= 4 and len(commands) == 1:
            return plain[: match.start()]
    return plain


def _item_child(draft: Draft, child: Block, context: Context) -> None:
    if child.kind == "fence":
        if is_step(child):
            fence = fence_of(child, context)
            for part in fence.parts:
                draft.commands.extend(part.commands)
                text = "\n".join(([part.title] if part.title and not part.commands else []) + list(part.remarks))
                if part.title and part.commands and not part.commands[0].title:
                    text = "\n".join([part.title, *part.remarks])
                if text:
                    draft.body.append(text)
                if part.expect:
                    draft.expect.append(part.expect)
                if part.output:
                    draft.output.append(part.output)
            if fence.whole is not None and sum(len(part.commands) for part in fence.parts) > 1 and draft.whole is None:
                draft.whole = fence.whole
        elif draft.commands and _shows(child, draft.body[-1] if draft.body else ""):
            draft.output.append(child.text.rstrip("\n"))
        else:
            draft.body.append(raw(context, child.start, child.end))
        return
    if child.kind == "paragraph" and lexicon.starts("expect", child.text):
        draft.expect.append(raw(context, child.start, child.end))
    elif child.kind == "paragraph" and is_command_line(child.text):
        draft.commands.append(shell(child.text.strip(), child.line, child.end_line, context.scope))
        return
    else:
        draft.body.append(note_text(child, context))
    draft.commands.extend(deep_commands(child, context))
    _add_calls(draft, [child])
