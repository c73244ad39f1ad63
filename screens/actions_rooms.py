"""What keys do in Status, Timeline, Incident and Report: rows of the registry (screens.actions)."""

from __future__ import annotations

from typing import Final

from screens.action import Action, Situation, needs


def _silence_off(now: Situation) -> str:
    if "alertmanager" not in now.facts:
        return "no Alertmanager is connected: silences are made there"
    why = "select an alert of another system first: our own are acknowledged (a)"
    return needs("alert", facts=("foreign",), writes=True, why=why)(now)


_PROBLEM: Final = ("check", "alert")

STATUS: Final[tuple[Action, ...]] = (
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
        "status.maintenance",
        ("M",),
        "maintenance",
        "Problems of this check's service are expected for a while: still checked, nobody is alerted; 'end' ends it.",
        "status",
        off=needs(
            *_PROBLEM,
            "group",
            facts=("checked",),
            writes=True,
            why="select a check first: others' alerts are silenced (S)",
        ),
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

TIMELINE: Final[tuple[Action, ...]] = (
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

INCIDENT: Final[tuple[Action, ...]] = (
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

REPORT: Final[tuple[Action, ...]] = (
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
