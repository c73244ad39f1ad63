"""A step's command as the operator is shown it: resolved, who and where, what to be careful about, what to type first.

The one place that decides whether a command may run, and what exactly was promised by showing it; the screen and the
guided run both ask here. Pure, but for :class:`Place`.
"""

from __future__ import annotations

import hashlib
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from console.runbook import processes
from console.runbook.model import Command, Param, Runbook, Step
from console.runbook.ready import Ready, make_ready


@dataclass(frozen=True)
class Place:
    """Where commands run from here."""

    host: str
    user: str
    cwd: Path

    @classmethod
    def here(cls) -> Place:
        """This process's."""
        try:
            cwd = Path.cwd()
        except OSError:  # the folder is gone
            cwd = Path("/")
        return cls(socket.gethostname(), processes.user_name(), cwd)


@dataclass(frozen=True)
class Resolved:
    """What the operator is shown, exactly."""

    ready: Ready
    place: Place
    warnings: tuple[str, ...] = ()
    confirm: str = ""  # a word that must be typed first; "" for none
    blocked: str = ""  # why this person can't do this step now (``gates.blocked``)

    @property
    def runs(self) -> bool:
        """Whether it may run, once its key is armed."""
        return not self.ready.why_not and not self.ready.missing and not self.blocked

    @property
    def subject(self) -> str:
        """All that is promised by the frame that shows it; of secrets a digest."""
        hidden = hashlib.sha256(repr(sorted(self.ready.secrets.items())).encode()).hexdigest()
        return "\0".join((self.ready.shown, self.place.host, self.place.user, str(self.ready.cwd), hidden))


def commands_of(step: Step) -> tuple[Command, ...]:
    """The commands that a step offers: its own, then the whole block as one where its parts are listed."""
    if step.whole is not None and len(step.commands) > 1:
        return (*step.commands, step.whole)
    return step.commands


def resolve(
    command: Command,
    step: Step,
    params: Mapping[str, Param],
    values: Mapping[str, str],
    place: Place,
    *,
    ascii_only: bool = False,
    blocked: str = "",
    copy_only: str = "",
) -> Resolved:
    """*command* with *values*, secrets among them. *ascii_only*: this terminal shows nothing else, so other characters call
    for a second look. *blocked*: what ``gates.blocked`` says. *copy_only*: why no command of this runbook runs from here (a
    broken file, instruction mode)."""
    ready = make_ready(command, step, params, values, place.cwd)
    if copy_only:
        ready = replace(ready, why_not=copy_only)
    if ready.host:
        place = Place(ready.host, "ssh", place.cwd)
    warnings = tuple(command.warnings)
    if ascii_only and not ready.shown.isascii():
        warnings = (*warnings, "some of its characters show as ? on this terminal")
    careful = "destructive" in (command.effect, step.effect) or bool(warnings) or bool(step.confirm)
    known = {"host": place.host, **ready.params}
    return Resolved(ready, place, warnings, _confirm_word(command, step, known) if careful else "", blocked)


INSTRUCTION: Final = "instruction mode: run it elsewhere, then tick it"


def copy_only(runbook: Runbook | None, *, instruction: bool = False) -> str:
    """Why no command of *runbook* runs from here; "" when they may."""
    if instruction:
        return INSTRUCTION
    return f"its file is broken: {runbook.broken}" if runbook is not None and runbook.broken else ""


_WORD: Final = re.compile(r"[\w./:@-]{2,40}")


def _confirm_word(command: Command, step: Step, values: Mapping[str, str]) -> str:
    """The word to type: the parameter that ``confirm: type-NAME`` names, else the target, else the command's first word."""
    named = (step.confirm or "").removeprefix("type-")
    if values.get(named):
        return values[named]
    for name in command.params:
        if _WORD.fullmatch(values.get(name, "")):
            return values[name]
    lines = [line for line in command.text.split("\n") if line.strip() and not line.lstrip().startswith("#")]
    words = [word for word in (lines[0].split() if lines else ()) if not word.startswith(("-", "$"))]
    return next((word for word in words if _WORD.fullmatch(word)), "yes")
