"""What an operator does by keyboard, as words; each waits until the screen shows that it happened."""

from __future__ import annotations

import re
import time
from functools import partial

from tests.e2e.terminal import Terminal

READY = r"1 Status.*2 Incident"
ARMED = r"x runs it(?!.*waiting)"  # the terminal has answered for the frame that shows the command


def declare(terminal: Terminal, line: str = "sev2 checkout answers 5xx -8m #payments", name: str = "INC-1") -> None:
    """Declare an incident from the Incident screen."""
    terminal.wait_for(READY)
    terminal.press("2", "D")
    terminal.wait_for(r"^declare>")
    terminal.type(line + "\n")
    terminal.wait_for(name)
    terminal.wait_for(r"^n>")


def note(terminal: Terminal, line: str) -> None:
    """Write a line on the timeline."""
    terminal.press("n")
    terminal.wait_for(r"-5m text")  # the grammar, under an empty line
    terminal.type(line)
    terminal.wait_for(r"^n> .")
    terminal.press("enter")
    terminal.wait_for(r"^n>$")


def select(terminal: Terminal, words: str) -> None:
    """Put the cursor on the line with *words*, which is on the screen, and wait until it stays there."""
    for _ in range(60):
        screen = terminal.wait_quiet(0.3).split("\n")
        there = next((row for row, line in enumerate(screen) if words in line and line[:1] in "▌ "), None)
        here = next((row for row, line in enumerate(screen) if line.startswith("▌")), None)
        assert there is not None, f"no line with {words!r}:\n{terminal.framed()}"
        assert here is not None, f"no cursor:\n{terminal.framed()}"
        if here == there:
            return
        terminal.press("down" if there > here else "up")
        terminal.wait_until(partial(_moved, terminal, screen[here]), what="the cursor to move")
    raise AssertionError(f"the cursor does not come to {words!r}:\n{terminal.framed()}")


def _moved(terminal: Terminal, before: str, _screen: str) -> bool:
    return cursor_line(terminal) != before


def cursor_line(terminal: Terminal) -> str:
    """The line that the cursor is on."""
    return next((line for line in terminal.screen.split("\n") if line.startswith("▌")), "")


def run(terminal: Terminal, ends: str = r"finished, exit 0") -> None:
    """Run the command of the step, once it is shown, and wait until its end (or what *ends* says) is shown."""
    terminal.wait_for(ARMED)
    terminal.press("x")
    asked = re.match(r"type (\S+) to run it>", terminal.wait_for(rf"^type \S+ to run it>|{ends}")[0])
    if asked:  # what destroys something asks for a word of it
        terminal.wait_quiet(0.3)  # the question's own answer comes behind its frame
        terminal.type(asked[1])
        terminal.wait_for(rf"to run it> {re.escape(asked[1])}")
        terminal.press("enter")
    terminal.wait_for(ends)


def hands_off(seconds: float) -> None:
    """Touch no key for so long: where a pause is itself what is tested."""
    time.sleep(seconds)
