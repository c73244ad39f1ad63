"""What an operator does by keyboard, as words; each waits until the screen shows that it happened."""

from __future__ import annotations

from tests.e2e.terminal import Terminal

READY = r"1 Status.*2 Incident"


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
