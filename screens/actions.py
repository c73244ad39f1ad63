"""The one registry of what keys do: id, keys, words, where, danger, and why an action is off.

Bindings, the hint line, help, the palette and ``docs/keys.md`` are all made from it. An action ``status.ack`` is carried
out by the method ``do_ack`` of whatever owns the context ``status`` (see :class:`screens.room.Performs`).
To add one: a line here, and the method there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

EVERYWHERE: Final = "everywhere"


@dataclass(frozen=True)
class Situation:
    """What decides whether an action is possible now; a room describes itself with it."""

    target: str = ""  # what is selected: "check", "alert", "event", "step", "runbook", …; "" for nothing
    incident: bool = False  # whether there is a current incident
    read_only: bool = False
    facts: frozenset[str] = frozenset()  # anything else a room says of itself: "run", "healthy", "runbook"…


Off = Callable[[Situation], str]


def _always(_: Situation) -> str:
    return ""


def needs(
    *targets: str, incident: bool = False, writes: bool = False, facts: tuple[str, ...] = (), why: str = ""
) -> Off:
    """A reason why not, or "". *targets*: one of these must be selected; *writes*: not in a read-only console."""

    def off(now: Situation) -> str:
        if writes and now.read_only:
            return "this console is read-only"
        if targets and now.target not in targets:
            return why or f"select {' or '.join(_articled(target) for target in targets)} first"
        if incident and not now.incident:
            return "no incident is open: D declares one"
        for fact in facts:
            if fact not in now.facts:
                return why or f"no {fact} here"
        return ""

    return off


def _silence_off(now: Situation) -> str:
    if "alertmanager" not in now.facts:
        return "no Alertmanager is connected: silences are made there"
    why = "select an alert of another system first: our own are acknowledged (a)"
    return needs("alert", facts=("foreign",), writes=True, why=why)(now)


def _articled(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


@dataclass(frozen=True)
class Action:
    """One thing that can be done. ``where`` is the context whose keys it belongs to."""

    id: str
    keys: tuple[str, ...]  # as Textual names them: "D", "slash", "ctrl+l"
    words: str  # two or three words: hint line, palette
    about: str  # one sentence: help, docs
    where: str = EVERYWHERE
    hint: int = 0  # place in the hint line, small first; 0 = not there
    short: str = ""  # the word for the hint line, when ``words`` is long
    danger: bool = False
    off: Off = field(default=_always, compare=False)

    @property
    def name(self) -> str:
        """The part of the id after the dot: the method is ``do_<name>``."""
        return self.id.rpartition(".")[2]


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
        off=needs(incident=True, writes=True),
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

_PROBLEM: Final = ("check", "alert")

_STATUS: Final = (
    Action(
        "status.detail",
        ("enter",),
        "detail",
        "Everything known about it, with its history; opens what is folded.",
        "status",
        hint=1,
        off=needs("check", "alert", "group", "fold"),
    ),
    Action(
        "status.runbook",
        ("r",),
        "its runbook",
        "Open the runbook for it in the Runbook screen.",
        "status",
        hint=2,
        short="runbook",
        off=needs(*_PROBLEM, "group"),
    ),
    Action(
        "status.ack",
        ("a",),
        "acknowledge",
        "Say that you have seen it, with a reason, for 2h or until it is over; others see who and when.",
        "status",
        hint=3,
        short="ack",
        off=needs(*_PROBLEM, facts=("episode",), writes=True, why="select an alert or a failing check first"),
    ),
    Action(
        "status.silence",
        ("S",),
        "silence",
        "Silence it in its Alertmanager, for everybody.",
        "status",
        danger=True,
        off=_silence_off,
    ),
    Action(
        "status.recheck",
        ("R",),
        "check again now",
        "Ask the watch to run this check at once, or to ask this alert's source.",
        "status",
        off=needs(*_PROBLEM, facts=("source",), writes=True, why="select a check or an alert first"),
    ),
    Action(
        "status.healthy",
        ("H",),
        "show the healthy",
        "Unfold or fold the checks that are OK.",
        "status",
    ),
    Action(
        "status.group",
        ("g",),
        "group",
        "One row for all checks of a service, for all alerts of a name, or each by itself; Enter opens a group.",
        "status",
    ),
    Action(
        "status.sort_worst", ("W",), "worst first", "The usual order: what nobody has dealt with yet on top.", "status"
    ),
    Action("status.sort_newest", ("A",), "newest first", "By age, whatever the state.", "status"),
    Action("status.sort_name", ("N",), "by name", "By name, whatever the state.", "status"),
    Action("status.sort_slowest", ("L",), "slowest first", "By latency (p95), whatever the state.", "status"),
    Action("status.mute", ("m",), "mute the bell", "No bell in this console; again turns it on.", "status"),
)

_TIMELINE: Final = (
    Action(
        "timeline.detail",
        ("enter",),
        "whole event",
        "The whole event: text, times, who, where, hash.",
        "timeline",
        hint=1,
        short="detail",
        off=needs("event"),
    ),
    Action(
        "timeline.star",
        ("asterisk",),
        "star",
        "Make it part of the story, or take it out again.",
        "timeline",
        hint=2,
        off=needs("event", incident=True, writes=True, facts=("own",), why="select an event of the incident first"),
    ),
    Action(
        "timeline.follow",
        ("F",),
        "follow",
        "Go to the newest and stay there.",
        "timeline",
        hint=3,
    ),
)

_NOW: Final = needs(incident=True, writes=True)

_INCIDENT: Final = (
    Action(
        "incident.choose",
        ("enter",),
        "open this incident",
        "Make the incident under the cursor the current one; everywhere else follows.",
        "incident",
        off=needs("incident", why="i lists the incidents first"),
    ),
    Action(
        "incident.severity",
        ("s",),
        "set the severity",
        "Another severity, or none.",
        "incident",
        hint=2,
        short="severity",
        off=_NOW,
    ),
    Action(
        "incident.milestone",
        ("m",),
        "stamp a milestone",
        "Say that impact began, somebody noticed, it is mitigated or resolved; now, or at a time.",
        "incident",
        hint=3,
        short="milestone",
        off=_NOW,
    ),
    Action(
        "incident.role",
        ("r",),
        "take a role",
        "Take a role (ic, ops, comms, scribe, next-ic), or give it to somebody.",
        "incident",
        hint=4,
        short="role",
        off=_NOW,
    ),
    Action(
        "incident.title",
        ("t",),
        "change the title",
        "Another title; the old one stays in the record.",
        "incident",
        off=_NOW,
    ),
    Action(
        "incident.summary",
        ("y",),
        "write the summary",
        "What happened in two or three sentences.",
        "incident",
        off=_NOW,
    ),
    Action(
        "incident.task",
        ("d",),
        "a task is done",
        "Choose the open task that is done.",
        "incident",
        hint=5,
        short="task done",
        off=needs(incident=True, writes=True, facts=("open task",)),
    ),
    Action(
        "incident.list",
        ("i",),
        "list the incidents",
        "Open and closed ones; Enter switches.",
        "incident",
        hint=6,
        short="list",
    ),
    Action(
        "incident.close",
        ("c",),
        "close the incident",
        "It is over: with a reason; count and head of the chain are printed.",
        "incident",
        hint=7,
        short="close",
        danger=True,
        off=needs(incident=True, writes=True, facts=("open incident",), why="it is closed already; O opens it again"),
    ),
    Action(
        "incident.reopen",
        ("O",),
        "reopen the incident",
        "It was not over: with a reason.",
        "incident",
        off=needs(incident=True, writes=True, facts=("closed incident",), why="it is open"),
    ),
)

_PICKER: Final = (
    Action(
        "picker.preview",
        ("enter",),
        "show its steps",
        "What it is for, and its steps; nothing runs.",
        "picker",
        hint=1,
        short="steps",
        off=needs("runbook"),
    ),
    Action(
        "picker.start",
        ("s",),
        "start following it",
        "Follow it in the current incident, its text frozen as it is now; without an incident the declare line comes first.",
        "picker",
        hint=2,
        short="start",
        off=needs("runbook", writes=True),
    ),
)


def _on_step(*facts: str, why: str = "") -> Off:
    return needs("step", writes=True, facts=facts, why=why)


_RUN: Final = (
    Action("run.tick", ("space",), "tick", "The step is done; the cursor goes on.", "run", hint=1, off=_on_step()),
    Action(
        "run.run",
        ("x",),
        "run the command",
        "Run the command that is shown, here, as you; only once the terminal has shown it.",
        "run",
        hint=2,
        short="run",
        danger=True,
        off=_on_step("command", why="this step has no command"),
    ),
    Action(
        "run.observe", ("o",), "observe", "Note what you see at this step, in one line.", "run", hint=3, off=_on_step()
    ),
    Action("run.skip", ("s",), "skip", "Leave the step out, with a reason.", "run", hint=4, off=_on_step()),
    Action(
        "run.fail",
        ("f",),
        "failed",
        "It was tried and did not work; you stay on it.",
        "run",
        hint=5,
        short="fail",
        off=_on_step(),
    ),
    Action(
        "run.undo",
        ("u",),
        "undo",
        "Take back the last tick, skip, fail or answer of this step.",
        "run",
        hint=6,
        off=_on_step(),
    ),
    Action(
        "run.jump",
        ("g",),
        "go to a step",
        "Make another step the current one, by its number or words.",
        "run",
        hint=7,
        short="go to",
    ),
    Action(
        "run.info",
        ("i",),
        "all it says",
        "Symptoms, escalation, contacts, tables and the rest of its file.",
        "run",
        hint=8,
        short="info",
    ),
    Action(
        "run.edit",
        ("e",),
        "edit a value",
        "Give or change a parameter before it is used.",
        "run",
        hint=9,
        short="values",
        off=needs(writes=True),
    ),
    Action(
        "run.copy",
        ("c",),
        "copy the command",
        "Copy it as it stands here (OSC 52), to run it elsewhere.",
        "run",
        hint=10,
        short="copy",
        off=needs("step", facts=("command",), why="this step has no command"),
    ),
    Action(
        "run.switch",
        ("w",),
        "wrong runbook",
        "Go on in another runbook; this run's record stays.",
        "run",
        hint=11,
        short="switch",
        off=needs(writes=True, facts=("going",), why="this run is over: a follows another"),
    ),
    Action(
        "run.decide",
        ("d",),
        "decide",
        "Answer the decision of this step; the answers are letters.",
        "run",
        off=_on_step(),
    ),
    Action(
        "run.timer",
        ("t",),
        "start or cut the wait",
        "Start the wait of this step, which goes on without this console; again: cut it short.",
        "run",
        off=_on_step("wait", why="this step does not wait for any time"),
    ),
    Action(
        "run.approve",
        ("A",),
        "approve",
        "Say that this step may be done; who runs it can't, another person has to.",
        "run",
        off=_on_step("approval", why="this step asks for no approval"),
    ),
    Action(
        "run.confirm",
        ("y",),
        "confirm the pause",
        "Confirm what this phase asks before its first step.",
        "run",
        off=_on_step("pause", why="nothing is to be confirmed here"),
    ),
    Action(
        "run.call",
        ("r",),
        "the runbook it calls",
        "Follow the runbook that this step calls, with the values that it gives; [ comes back.",
        "run",
        off=_on_step("call", why="this step calls no other runbook"),
    ),
    Action(
        "run.instruction",
        (),
        "instruction mode",
        "Nothing runs from here: copy the command, run it elsewhere, tick by hand. Again: as before.",
        "run",
    ),
    Action(
        "run.whole",
        ("enter",),
        "the step whole",
        "The whole text of the step, and its whole command. On a phase's heading: fold it, or unfold it.",
        "run",
    ),
    Action("run.fold", ("F",), "fold phases", "List the current phase's steps alone; again: all of them.", "run"),
    Action(
        "run.output",
        ("v",),
        "view the output",
        "The output alone, to scroll in.",
        "run",
        off=needs("step", facts=("output",), why="nothing was run at this step"),
    ),
    Action("run.next_command", ("tab",), "next command", "The next of the step's commands.", "run"),
    Action("run.previous_command", ("shift+tab",), "command before", "The one before.", "run"),
    Action(
        "run.cancel",
        ("X",),
        "end the command",
        "End the running command and all that belongs to it.",
        "run",
        danger=True,
        off=needs("step", facts=("running command",), why="no command runs at this step"),
    ),
    Action("run.rollback", ("R",), "rollback steps", "To the steps that take it back; again: the next of them.", "run"),
    Action("run.escalation", ("E",), "whom to call", "Escalation and contacts of this runbook.", "run"),
    Action("run.another", ("a",), "another runbook", "Follow another runbook besides.", "run", off=needs(writes=True)),
    Action(
        "run.next_run",
        ("right_square_bracket",),
        "next run",
        "The next run of this incident.",
        "run",
        off=needs(facts=("other run",), why="there is one run only"),
    ),
    Action(
        "run.previous_run",
        ("left_square_bracket",),
        "run before",
        "The run before.",
        "run",
        off=needs(facts=("other run",), why="there is one run only"),
    ),
    Action("run.runs", ("b",), "all runs", "Choose among the runs of this incident.", "run"),
    Action(
        "run.finish",
        ("z",),
        "end this run",
        "You are done with this runbook, or it did not help.",
        "run",
        off=needs(writes=True, facts=("going",), why="this run is over"),
    ),
)

_REPORT: Final = (
    Action(
        "report.gaps",
        ("g",),
        "list what is missing",
        "Milestones that nobody stamped, sections to be written, and how to mend each.",
        "report",
        hint=1,
        short="gaps",
        off=needs(facts=("report",), why="the report is not there yet"),
    ),
    Action(
        "report.there",
        ("enter",),
        "go to the gap",
        "To the place in the report where it would stand.",
        "report",
        hint=2,
        short="there",
        off=needs("gap", why="g lists the gaps; choose one that has a place in the report"),
    ),
    Action(
        "report.write",
        ("w",),
        "write it to a file",
        "Asks for the file; never overwrites one.",
        "report",
        hint=3,
        short="write",
        off=needs(facts=("report",), why="the report is not there yet"),
    ),
    Action(
        "report.update",
        ("u",),
        "bring it up to date",
        "Build it again from the record as it is now.",
        "report",
        hint=4,
        short="update",
    ),
)

ACTIONS: Final[tuple[Action, ...]] = (
    *_EVERYWHERE,
    *_PROMPT,
    *_LIST,
    *_PAGES,
    *_STATUS,
    *_TIMELINE,
    *_INCIDENT,
    *_PICKER,
    *_RUN,
    *_REPORT,
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
