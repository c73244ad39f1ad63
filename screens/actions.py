"""The one registry of what keys do: id, keys, words, where, danger, and why an action is off.

Bindings, the hint line, help, the palette and ``docs/keys.md`` are all made from it. An action ``status.ack`` is carried
out by the method ``do_ack`` of whatever owns the context ``status`` (see :class:`screens.room.Performs`).
To add one: a row here or in the file of its room, and the method there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from screens.action import EVERYWHERE, Action, Situation, needs
from screens.actions_rooms import INCIDENT, REPORT, STATUS, TIMELINE
from screens.actions_runbook import PICKER, RUN

__all__ = [
    "ACTIONS",
    "BY_ID",
    "CONTEXTS",
    "EVERYWHERE",
    "Action",
    "Situation",
    "hints",
    "key_words",
    "keys_page",
    "needs",
    "of",
    "reach",
]

# context -> (title in help, the contexts whose keys work there too, from the inside out)
CONTEXTS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    EVERYWHERE: ("Everywhere", ()),
    "prompt": ("While typing a line", ()),
    "list": ("In a list", (EVERYWHERE,)),
    "pages": ("In a text", (EVERYWHERE,)),
    "help": ("Help", ("pages", EVERYWHERE)),
    "status": ("Status", ("list", EVERYWHERE)),
    "incident": ("Incident", ("pages", EVERYWHERE)),
    "picker": ("Runbook: choosing one", ("list", EVERYWHERE)),
    "run": ("Runbook: following one", ("list", EVERYWHERE)),
    "timeline": ("Timeline", ("list", EVERYWHERE)),
    "report": ("Report", ("pages", EVERYWHERE)),
}

_EVERYWHERE: Final = (
    Action("app.mode_status", ("1",), "status", "What is broken: checks and alerts, worst first."),
    Action("app.mode_incident", ("2",), "incident", "The incident: clocks, roles, tasks, last decision."),
    Action("app.mode_runbook", ("3",), "runbook", "What to do: the steps of the runbook, the current one large."),
    Action("app.mode_timeline", ("4",), "timeline", "What has been done: every event of the incident."),
    Action("app.mode_report", ("5",), "report", "What to write down: the postmortem and its gaps."),
    Action(
        "app.note",
        ("n",),
        "write a note",
        "Open the scribe line; what is typed is kept as a draft at every key.",
        hint=80,
        short="note",
        off=needs(writes=True),  # without an incident, too: what is typed is a draft then, and never keys
    ),
    Action(
        "app.declare",
        ("D",),
        "declare an incident",
        "Declare an incident in one line: sev2 checkout 5xx -8m #payments.",
        hint=81,
        short="declare",
        off=needs(writes=True),
    ),
    Action("app.palette", ("colon",), "command palette", "Find any action by its words.", hint=90, short="cmd"),
    Action("app.filter", ("slash",), "filter", "Show only the lines that hold these words; !word leaves out.", hint=70),
    Action(
        "app.problems",
        ("p",),
        "problems only",
        "Show only what needs somebody; again shows all.",
        hint=71,
        short="problems",
    ),
    Action("app.help", ("question_mark",), "help", "The keys that work here and everywhere.", hint=91),
    Action("app.back", ("escape",), "back", "Close what is open, clear the filter, go back."),
    Action("app.switch", (), "switch incident", "Make another incident the current one."),
    Action("app.theme", (), "choose a theme", "Change the colours; the choice is kept."),
    Action("app.quit", ("q",), "leave", "Leave the console. Commands and the watch go on; drafts are kept."),
    Action("app.repaint", ("ctrl+l",), "repaint", "Draw the whole screen again."),
    Action("app.suspend", ("ctrl+z",), "suspend", "Stop to the shell; fg comes back."),
    Action("app.clear", ("ctrl+c",), "clear the line", "Clear the line being typed. It never quits."),
)

_PROMPT: Final = (
    Action("prompt.save", ("enter",), "save", "Save the line, or do what it asks.", "prompt"),
    Action("prompt.leave", ("escape",), "leave the line", "Leave the line; a draft of it is kept.", "prompt"),
    Action("prompt.clear", ("ctrl+c",), "clear", "Clear the line. It never quits.", "prompt"),
    Action("prompt.next", ("down", "tab"), "next choice", "The next of the choices above the line.", "prompt"),
    Action("prompt.previous", ("up", "shift+tab"), "previous choice", "The choice before.", "prompt"),
    Action(
        "prompt.edit",
        ("ctrl+x",),
        "open in an editor",
        "Write the line in $VISUAL or $EDITOR; leaving it comes back.",
        "prompt",
    ),
    Action("prompt.repaint", ("ctrl+l",), "repaint", "Draw the whole screen again.", "prompt"),
    Action("prompt.suspend", ("ctrl+z",), "suspend", "Stop to the shell; fg comes back.", "prompt"),
)

_LIST: Final = (
    Action("list.down", ("down", "j"), "down", "One line down.", "list"),
    Action("list.up", ("up", "k"), "up", "One line up.", "list"),
    Action("list.page_down", ("pagedown", "ctrl+f"), "page down", "One page down.", "list"),
    Action("list.page_up", ("pageup", "ctrl+b"), "page up", "One page up.", "list"),
    Action("list.first", ("home",), "first", "To the first line; the order is brought up to date.", "list"),
    Action("list.last", ("end", "G"), "last", "To the last line.", "list"),
)

_PAGES: Final = (
    Action("pages.down", ("down", "j"), "down", "One line down.", "pages"),
    Action("pages.up", ("up", "k"), "up", "One line up.", "pages"),
    Action("pages.page_down", ("pagedown", "ctrl+f", "space"), "page down", "One page down.", "pages"),
    Action("pages.page_up", ("pageup", "ctrl+b"), "page up", "One page up.", "pages"),
    Action("pages.first", ("home",), "first", "To the beginning.", "pages"),
    Action("pages.last", ("end", "G"), "last", "To the end.", "pages"),
)

ACTIONS: Final[tuple[Action, ...]] = (
    *_EVERYWHERE,
    *_PROMPT,
    *_LIST,
    *_PAGES,
    *STATUS,
    *TIMELINE,
    *INCIDENT,
    *PICKER,
    *RUN,
    *REPORT,
)
# What a line is typed into: where one of these is refused, words may follow that were meant for it.
LINES: Final = frozenset(
    {
        *("app.note", "app.declare", "app.palette", "app.filter", "status.ack", "status.silence"),
        *("incident.role", "incident.title", "incident.summary", "run.observe", "run.skip", "run.fail"),
    }
)
BY_ID: Final[dict[str, Action]] = {action.id: action for action in ACTIONS}

_KEYS: Final = {
    "colon": ":",
    "slash": "/",
    "question_mark": "?",
    "asterisk": "*",
    "escape": "esc",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "home": "Home",
    "end": "End",
    "down": "↓",
    "up": "↑",
    "shift+tab": "S-tab",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
}


def key_words(key: str, ascii_only: bool = False) -> str:
    """A key as people write it: ``:``, ``esc``, ``ctrl-L``."""
    if ascii_only and key in ("down", "up"):
        return key
    if key in _KEYS:
        return _KEYS[key]
    if key.startswith("ctrl+"):
        return "ctrl-" + key[5:].upper()
    return key


def of(where: str) -> Iterator[Action]:
    """The actions whose keys belong to the context *where*, and to no other."""
    return (action for action in ACTIONS if action.where == where)


def reach(where: str) -> Iterator[Action]:
    """The actions whose keys work in *where*: its own, then those of the contexts around it."""
    yield from of(where)
    for outer in CONTEXTS[where][1]:
        yield from of(outer)


def hints(where: str) -> list[Action]:
    """What the hint line shows in *where*, in its order."""
    return sorted((action for action in reach(where) if action.hint), key=lambda action: action.hint)


def keys_page() -> str:
    """``docs/keys.md``."""
    lines = [
        "# Keys",
        "",
        "Made from the registry in `screens/actions.py` (`python -m screens.actions`); a test holds that it is up to date.",
        "Printable keys are text while a line is being typed. `:` finds every action by its words, also those without a key.",
    ]
    for where, (title, _) in CONTEXTS.items():
        rows = list(of(where))
        if not rows:
            continue
        lines += ["", f"## {title}", "", "| key | does | |", "|---|---|---|"]
        for action in rows:
            keys = " ".join(f"`{key_words(key)}`" for key in action.keys) or "(palette)"
            lines.append(f"| {keys} | {action.words}{' (asks first)' if action.danger else ''} | {action.about} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    import sys

    sys.stdout.write(keys_page())
