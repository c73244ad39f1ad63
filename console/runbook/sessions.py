"""Commands that open a session, and what stands after them in the same phase (rule 14)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from console.runbook import lexicon
from console.runbook.commands import SHELL
from console.runbook.judgement import facts
from console.runbook.model import Command, Step

_EXITS = ("exit", "logout", "log out", "disconnect", "quit", "leave the session", "close the session")


def in_sessions(steps: Sequence[Step]) -> list[Step]:
    """The steps of a phase: after a command that opens a session, commands are copy-only until an explicit exit."""
    inside = ""
    found = []
    for step in steps:
        commands = []
        for command in step.commands:
            judged, inside = _judge(command, inside)
            commands.append(judged)
        if inside and lexicon.fold(step.title).startswith(_EXITS):
            inside = ""
        found.append(msgspec.structs.replace(step, commands=tuple(commands), whole=_whole(step.whole, commands)))
    return found


def _judge(command: Command, inside: str) -> tuple[Command, str]:
    """The command as it stands inside the session *inside* (empty: none), and the session after it."""
    if command.lang != SHELL:
        return command, inside
    seen = facts(command.text)
    if inside and seen.closes:
        return _copy_only(command, f"leaves the session above ({inside})"), ""
    if inside:
        return (
            _copy_only(command, f"runs inside the session above ({inside})") if command.runnable else command
        ), inside
    return command, seen.opens


def _copy_only(command: Command, why: str) -> Command:
    return msgspec.structs.replace(command, runnable=False, why_not=why)


def _whole(whole: Command | None, parts: Sequence[Command]) -> Command | None:
    """The whole block runs only if each of its parts may."""
    blocked = next((part for part in parts if not part.runnable), None)
    if whole is None or blocked is None or not whole.runnable:
        return whole
    return _copy_only(whole, blocked.why_not or "a part of it can't run")
