"""Two operators on one host, one database: each sees what the other does."""

from __future__ import annotations

import subprocess
import time
from functools import partial

from tests.e2e import keys
from tests.e2e.site import Site, eventually

SOON = 1.0  # what the operators are promised, in seconds
BUSY = 15.0  # what a busy test machine is given before it fails


def _on_disk(here: Site, text: str) -> bool:
    return text in here.texts()


def test_each_sees_the_others_events_within_a_second(here: Site) -> None:
    with here.console(actor="ann") as ann, here.console(actor="ben") as ben:
        keys.declare(ann)
        ben.wait_for("INC-1")  # in the header, without a key
        for terminal in (ann, ben):
            terminal.press("4")
        delays = []
        for number, (writer, reader) in enumerate(((ann, ben), (ben, ann)) * 3):
            text = f"line {number} of the talk"
            keys.note(writer, text)
            eventually(partial(_on_disk, here, text), "the line on disk")
            started = time.monotonic()
            reader.wait_for(text, timeout=BUSY)
            delays.append(time.monotonic() - started)
        print(f"seen by the other after {min(delays):.2f} to {max(delays):.2f} s (promised: {SOON:g} s)")
        assert sorted(delays)[0] <= SOON  # the best of six: a bound that only a wrong design breaks
        for terminal in (ann, ben):
            terminal.wait_until(
                lambda screen: [f"line {n} of the talk" in screen for n in range(6)] == [True] * 6, what="all six lines"
            )
    assert [event.actor for event in here.events("noted")][-6:] == ["ann", "ben"] * 3


def test_a_note_from_a_shell_appears_while_a_line_is_being_typed(here: Site) -> None:
    with here.console() as ann:
        keys.declare(ann)
        ann.press("4", "n")
        ann.type("my half of a")
        ann.wait_for("n> my half of a")
        argv = [str(part) for part in here.argv("note", "from the shell", actor="sue")]
        subprocess.run(argv, check=True, timeout=60, capture_output=True)
        ann.wait_for("from the shell")
        ann.type(" thought")
        ann.wait_for("n> my half of a thought")  # neither the line nor the focus was touched
        ann.press("enter")
        eventually(lambda: here.texts()[-2:] == ["from the shell", "my half of a thought"], "both lines")


def test_one_watch_serves_both(here: Site) -> None:
    with here.console(actor="ann") as ann, here.console(actor="ben") as ben:
        for terminal in (ann, ben):
            terminal.wait_for(r"checks \d+s ok")
        eventually(lambda: len(here.watches()) == 1, "one watch")
        here.watches()[0].kill()
        for terminal in (ann, ben):
            terminal.wait_for(r"checks \d+s ok|starting one")
        eventually(lambda: len(here.watches()) == 1, "another watch")
        ann.press("q")
        assert ann.wait_exit() == 0
        ben.wait_for(r"checks \d+s ok")
