"""Commands over bad links: one that is cut and found again, one with 300 ms of delay, a terminal that answers nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import keys
from tests.e2e.site import QUIET, Site, eventually, site
from tests.e2e.sshd import sshd
from tests.e2e.terminal import Terminal

RUNBOOK = """\
# Long work

## Steps

1. Begin the long work:

   ```sh
   echo begun >> {folder}/witness; until test -e {folder}/go; do sleep 0.05; done; echo the long work ends
   ```

2. The second thing:

   ```sh
   echo second >> {folder}/witness
   ```

3. The third thing:

   ```sh
   echo third >> {folder}/witness
   ```
"""


@pytest.fixture
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with one runbook, whose first command runs until the file ``go`` is there. Its paths are short."""
    folder = tmp_path_factory.mktemp("s")
    with site(folder, QUIET + "runbooks: [books]\n") as made:
        (folder / "books").mkdir()
        (folder / "books" / "long-work.md").write_text(RUNBOOK.format(folder=folder))
        yield made


def witness(here: Site) -> list[str]:
    file = here.folder / "witness"
    return file.read_text().split() if file.exists() else []


def choose(terminal: Terminal) -> None:
    """Follow the runbook."""
    terminal.press("3")
    terminal.wait_for("Long work")
    keys.select(terminal, "Long work")
    terminal.press("s")
    terminal.wait_for(r"1 of 3")


@pytest.mark.timeout(240)
def test_a_link_cut_in_the_middle_of_a_command_and_the_command_found_again(bench: Site, tmp_path: Path) -> None:
    here = bench
    with sshd(tmp_path / "ssh") as server:
        argv = server.client(here.argv())
        with Terminal(argv, size=(100, 30), env=here.env) as terminal:
            keys.declare(terminal)
            choose(terminal)
            keys.run(terminal, ends="running|X ends it")
            eventually(lambda: witness(here) == ["begun"], "the command at work")
            server.link.cut()
            assert terminal.wait_exit() == 255
        eventually(lambda: not here.consoles(), "no console")
        assert witness(here) == ["begun"]
        assert not here.events("command_finished")  # it works on, without anybody
        with Terminal(server.client(here.argv()), size=(100, 30), env=here.env) as again:
            again.wait_for("INC-1")
            again.press("3")
            again.wait_for("running|X ends it")
            (here.folder / "go").touch()
            again.wait_for("finished, exit 0")
            again.wait_for("the long work ends")
            again.press("4")
            again.wait_for("exit 0")
    assert len(here.events("command_started")) == len(here.events("command_finished")) == 1
    assert witness(here) == ["begun"]  # nothing was run twice


def test_a_command_ends_while_no_console_is_there(bench: Site, tmp_path: Path) -> None:
    here = bench
    with here.console(size=(100, 30)) as terminal:
        keys.declare(terminal)
        choose(terminal)
        keys.run(terminal, ends="running|X ends it")
        eventually(lambda: witness(here) == ["begun"], "the command at work")
        terminal.process.kill()
        terminal.wait_exit()
    (here.folder / "go").touch()
    finished = eventually(lambda: here.events("command_finished"), "its end in the journal, by its supervisor")
    assert getattr(finished[0].body, "exit_code", None) == 0
    assert finished[0].origin.program == "supervisor"
    with here.console(size=(100, 30)) as again:
        again.wait_for("INC-1")
        again.press("3")
        again.wait_for("finished, exit 0")
        again.wait_for("the long work ends")


def test_keys_typed_ahead_over_a_slow_link_run_nothing_that_was_not_shown(bench: Site) -> None:
    here = bench
    (here.folder / "go").touch()
    with here.console(size=(100, 30), rtt=0.3) as terminal:
        keys.declare(terminal)
        # Blind: choose, start, run, run, run, before any of it can have been seen.
        terminal.press("3", "s", "x", "x", "x")
        terminal.wait_for(r"1\.?1?.* of 3|Long work")
        terminal.wait_quiet(1.0)  # all of it has been taken
        if "of 3" not in terminal.screen:
            choose(terminal)
            terminal.press("x")
        terminal.wait_for(keys.ARMED)
        assert witness(here) == []
        assert not here.events("command_started")
        # Seen: this one runs, once. What was typed behind it is for steps that nobody has seen.
        terminal.press("x", "space", "x", "space", "x")
        eventually(lambda: witness(here)[:1] == ["begun"], "the first command")
        terminal.wait_for("the long work ends")
        terminal.wait_quiet(2.0)  # time enough for a command that should not run
        terminal.wait_for(keys.ARMED)
        assert witness(here) == ["begun"]
        assert len(here.events("command_started")) == 1
        found = re.search(r"echo (\w+) >>", terminal.screen)
        assert found is not None
        shown = found[1]
        terminal.press("x")
        terminal.wait_until(lambda _: witness(here) == ["begun", shown], what=f"the run of the {shown} command")


def test_a_terminal_that_answers_nothing_needs_the_key_twice(bench: Site) -> None:
    here = bench
    (here.folder / "go").touch()
    with here.console(size=(100, 30), mute=True) as terminal:
        keys.declare(terminal)
        choose(terminal)
        deadline = time.monotonic() + 60
        while "does not say what it shows" not in terminal.screen:
            assert time.monotonic() < deadline, terminal.framed()
            terminal.press("x")
            terminal.wait_for("nothing was run")
            assert witness(here) == []
            keys.hands_off(1.2)  # the second press belongs to the first only after a pause
        terminal.press("x")
        eventually(lambda: witness(here) == ["begun"], "the command, at the second press")
