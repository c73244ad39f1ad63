"""The line being typed, in the operator's own editor: ``$VISUAL``, ``$EDITOR``, or the first of those that most hosts have.

The text goes through a file in a private folder. What the editor left there becomes the line, and its draft, when it ends
well; otherwise the line stays as it was.
"""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from screens.term.guest import Outcome, Program

if TYPE_CHECKING:
    from screens.desk import Desk

USUAL: Final = ("sensible-editor", "editor", "vi", "nano", "ed")


def editor(environ: Mapping[str, str] | None = None) -> list[str]:
    """The editor's argv; empty when there is none. :class:`ValueError` when the variable can't be read as words."""
    env = os.environ if environ is None else environ
    for variable in ("VISUAL", "EDITOR"):
        if env.get(variable, "").strip():
            try:
                return shlex.split(env[variable])
            except ValueError as error:
                raise ValueError(f"${variable}: {error}") from error
    return next(([name] for name in USUAL if shutil.which(name, path=env.get("PATH"))), [])


def edit(desk: Desk, text: str, put: Callable[[str], None], tell: Callable[[str], None]) -> str | None:
    """Open *text* in the editor; *put* gets what it became, unless that is the same, *tell* a line about what went
    otherwise. Returns why not, at once."""
    try:
        argv = editor()
    except ValueError as error:
        return str(error)
    if not argv:
        return "no editor here: set EDITOR"
    title = f"the editor ({Path(argv[0]).name})"
    going = _going.get(title)
    if going is None:
        try:
            folder = Path(tempfile.mkdtemp(prefix="vigie-"))
            path = folder / "line.txt"
            path.write_text(text + "\n", encoding="utf-8")
        except OSError as error:
            return f"not edited: {error.strerror or error}"
    else:
        path = going

    def then(outcome: Outcome) -> None:
        if outcome.stopped:
            _going[title] = path
            tell(f"{title} is stopped: ctrl-X goes on with it")
            return
        _going.pop(title, None)
        try:
            _take(outcome, path)
        finally:
            shutil.rmtree(path.parent, ignore_errors=True)

    def _take(outcome: Outcome, path: Path) -> None:
        if outcome.refusal:
            tell(f"not edited: {outcome.refusal}")
        elif outcome.code:
            tell(f"{title} ended with {outcome.code}: the line is as it was")
        else:
            try:
                became = path.read_text(encoding="utf-8", errors="replace").removesuffix("\n")
            except OSError as error:
                tell(f"not edited: {error.strerror or error}")
                return
            if became != text:
                put(became)

    desk.lend(Program([*argv, os.fspath(path)], name=title), then)
    return None


_going: dict[str, Path] = {}  # the file of an editor that was stopped, by its title
