"""Two operators on one run, each on a terminal: ticks cross at once, who was second is told so, and a killed console loses
nothing of what runs."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.journal.events import CommandFinished, Declared, New, Origin
from console.journal.folds import fold_stream
from console.journal.store import Journal
from console.runbook import actions, progress
from console.runbook.library import load_library
from console.runbook.run import RunsFold
from tests.e2e.site import Site, eventually, site

SOON = 1.0  # what the operators are promised, in seconds
BOOK = """id: RB-TWO
title: Two at once
phases:
  - title: Look
    steps:
      - {id: one, kind: do, title: First thing}
      - {id: two, kind: do, title: Second thing}
      - {id: three, kind: do, title: Third thing}
      - {id: slow, kind: run, title: Takes long, run: "echo begun; while [ ! -e go ]; do sleep 0.05; done; echo ended"}
      - {id: six, kind: do, title: Sixth thing}
"""


class Two:
    """A run, and what is recorded of it."""

    def __init__(self, here: Site) -> None:
        self.here = here
        book = here.folder / "two.runbook.yaml"
        book.write_text(BOOK)
        (entry,) = load_library([book], shipped=False).entries
        here.paths.database.parent.mkdir(parents=True, exist_ok=True)
        with Journal.open(here.paths.database, actor="ann", origin=Origin(program="cli", uid=1)) as journal:
            self.stream, _, _ = journal.declare([New(body=Declared(title="feeds"))])
            news = actions.start_run(entry.runbook, {})
            actions.append(journal, self.stream, news)
            self.run: str = news[0].body.run  # type: ignore[attr-defined]  # a RunStarted

    def view(self) -> progress.RunView:
        with self.here.journal(read_only=False) as journal:
            found = progress.view(fold_stream(journal, self.stream, RunsFold()), self.run)
        assert found is not None
        return found

    def state(self, step: str) -> str:
        found = self.view().step(step)
        return found.state if found is not None else ""


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    with site(tmp_path / "site") as here:
        yield Two(here)


def test_each_sees_the_others_ticks_and_the_second_is_told(two: Two) -> None:
    here = two.here
    with here.console(actor="ann") as ann, here.console(actor="ben") as ben:
        for terminal in (ann, ben):
            terminal.wait_for("INC-1")
            terminal.press("3")
            terminal.wait_for("First thing")
            terminal.wait_quiet(0.3)
        delays = []
        for count, (writer, reader) in enumerate(((ann, ben), (ben, ann)), 1):
            if writer is ben:
                writer.press("down")  # nobody's cursor was moved
                writer.wait_for(r"^▌. 2 ")
            writer.press("space")
            step = ("one", "two")[count - 1]
            eventually(lambda step=step: two.state(step) == "done", "the tick on disk")
            began = time.monotonic()
            reader.wait_for(rf"^.✓ {count} ")
            delays.append(time.monotonic() - began)
        print(f"ticks seen by the other after {', '.join(f'{delay:.2f}' for delay in delays)} s (promised {SOON:g} s)")
        assert min(delays) <= SOON  # a bound that only a wrong design breaks
        ann.press("down")
        ann.wait_for(r"^▌. 3 ")
        for terminal in (ann, ben):
            terminal.wait_quiet(0.3)
            terminal.press("s")
            terminal.wait_for(r"^skip, because>")
        ann.type("the desk is closed\n")
        ben.wait_for(r"^.s 3 ")
        ben.type("not today\n")
        ben.wait_for(r"ann skipped this step at \d\d:\d\d:\d\dZ")
    assert [event.actor for event in here.events("step_skipped")] == ["ann"]


def test_a_killed_console_and_the_next_one(two: Two) -> None:
    here = two.here
    with here.journal(read_only=False) as journal:
        actions.append(journal, two.stream, actions.jump(two.view(), "slow"))
    with here.console(actor="ann") as ann:
        ann.wait_for("INC-1")
        ann.press("3")
        ann.wait_for(r"x runs it(?!.*waiting)")
        ann.press("x")
        ann.wait_for(r"running \d")
        ann.wait_for("begun")
        ann.signal(signal.SIGKILL)
        ann.wait_exit()
    with here.console(actor="ben") as ben:
        ben.wait_for("INC-1")
        ben.press("3")
        ben.wait_for(r"running .*ann")  # whose it is
        ben.wait_for("begun")
        (here.folder / "go").touch()
        ben.wait_for(r"finished, exit 0")
        ben.wait_for("ended")
    (finish,) = [event.body for event in here.events("command_finished")]
    assert isinstance(finish, CommandFinished)
    assert (finish.outcome, finish.exit_code) == ("exited", 0)
    assert len(here.events("command_started")) == 1
