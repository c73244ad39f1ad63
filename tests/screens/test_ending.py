"""A console on a real terminal: it opens, refuses in one line, and ends well whatever happens to it."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
import sys
import termios
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.config import Paths
from console.incident import actions
from console.journal.events import Origin
from console.journal.store import Journal
from tests.e2e.terminal import Terminal

# The console itself, without a watch of its own: nothing may stay behind after a test.
PROGRAM = """
import signal, sys
from dataclasses import replace
from screens.opening import run
from screens.start import Start, deps_from
{before}
start = Start(db=sys.argv[1])
sys.exit(run(start, lambda: replace(deps_from(start), watching=False)))
"""


def command(database: Path, before: str = "") -> list[str]:
    return [sys.executable, "-P", "-c", PROGRAM.format(before=textwrap.dedent(before)), str(database)]


@pytest.fixture
def stream(database: Path, home: Path) -> Iterator[str]:
    with Journal.open(database, actor="bob", origin=Origin(program="cli")) as journal:
        yield journal.declare(actions.declare("checkout 5xx", severity="SEV2"))[0]


def _opened(terminal: Terminal) -> None:
    terminal.wait_for("INC-1 SEV2")


def _cooked(terminal: Terminal) -> bool:
    flags = termios.tcgetattr(terminal.master)[3]
    return bool(flags & termios.ECHO) and bool(flags & termios.ICANON)


def test_q_leaves_with_0_and_the_terminal_as_it_was(database: Path, stream: str) -> None:
    with Terminal(command(database)) as terminal:
        before = terminal.settings
        _opened(terminal)
        assert not _cooked(terminal)
        terminal.press("q")
        assert terminal.wait_exit() == 0
        assert termios.tcgetattr(terminal.master) == before
        assert terminal.model.modes.get(1049, False) is False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_in_time_with_nothing_lost(number: signal.Signals, database: Path, stream: str) -> None:
    with Terminal(command(database)) as terminal:
        _opened(terminal)
        terminal.type("nsaved before")
        terminal.press("enter")
        terminal.type("nhalf a line")
        terminal.wait_for("n> half a line")
        began = time.monotonic()
        terminal.signal(number)
        assert terminal.wait_exit() == 128 + number
        assert time.monotonic() - began < 3
        assert _cooked(terminal)
    with Journal.open(database, actor="bob", origin=Origin(program="cli"), read_only=True) as journal:
        assert [getattr(event.body, "text", "") for event in journal.window(stream)][-1] == "saved before"
    kept = sqlite3.connect(Paths(database).drafts)
    assert kept.execute("SELECT text FROM drafts WHERE key = 'scribe'").fetchone() == ("half a line",)
    kept.close()


def test_a_closed_terminal_ends_it(database: Path, stream: str) -> None:
    with Terminal(command(database)) as terminal:
        _opened(terminal)
        terminal.type("nhalf")
        terminal.wait_for("n> half")
        began = time.monotonic()
        terminal.hang_up()
        assert terminal.wait_exit() == 128 + signal.SIGHUP
        assert time.monotonic() - began < 3
    kept = sqlite3.connect(Paths(database).drafts)
    assert kept.execute("SELECT text FROM drafts WHERE key = 'scribe'").fetchone() == ("half",)
    kept.close()


def test_a_closed_terminal_ends_it_also_when_hup_is_ignored(database: Path, stream: str) -> None:
    ignoring = (
        "signal.signal = lambda number, to, real=signal.signal: real(number, signal.SIG_IGN if number == 1 else to)"
    )
    with Terminal(command(database, ignoring)) as terminal:
        _opened(terminal)
        terminal.hang_up()
        assert terminal.wait_exit(10) == 128 + signal.SIGHUP


def test_a_stalled_terminal_and_a_signal_end_it(database: Path, stream: str) -> None:
    """Nobody reads the output: the event loop blocks in a write, and the signal is still heard."""
    with Terminal(command(database)) as terminal:
        _opened(terminal)
        terminal.stall()
        for _ in range(400):
            terminal.press("?", "esc")
        time_to_fill = time.monotonic() + 3
        while time.monotonic() < time_to_fill and not _blocked(terminal.process.pid):
            time.sleep(0.05)
        began = time.monotonic()
        terminal.signal(signal.SIGTERM)
        assert terminal.wait_exit(10) == 128 + signal.SIGTERM
        assert time.monotonic() - began < 5


def _blocked(pid: int) -> bool:
    """Whether a thread of the process waits in a write to a terminal."""
    for task in Path(f"/proc/{pid}/task").glob("*/wchan"):
        try:
            if "tty" in task.read_text() or "n_tty" in task.read_text():
                return True
        except OSError:
            continue
    return False


def test_no_terminal_is_refused_in_one_line(database: Path, home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "screens.main", "--db", str(database)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == "" and done.stderr.startswith("vigie: the console needs a terminal")
    assert done.stderr.count("\n") == 1 and "\x1b" not in done.stderr
    assert not database.exists()


def test_a_dumb_terminal_is_refused_in_one_line(database: Path, home: Path) -> None:
    with Terminal([sys.executable, "-P", "-m", "screens.main", "--db", str(database)], term="dumb") as terminal:
        assert terminal.wait_exit() == 2
        terminal.wait_until(lambda screen: "TERM=dumb" in screen)
        assert b"\x1b" not in terminal.raw


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--config", "/nowhere/vigie.yaml"], "/nowhere/vigie.yaml: no such configuration file"),
        (["--db", "{folder}/not-ours.db"], "not a Vigie database"),
        (["--runbooks", "/nowhere"], "/nowhere: no such runbook folder"),
    ],
)
def test_what_can_not_be_opened_is_one_line_and_2(arguments: list[str], says: str, home: Path, tmp_path: Path) -> None:
    (tmp_path / "not-ours.db").write_bytes(b"SQLite format 2\0" * 100)
    given = [part.format(folder=tmp_path) for part in arguments]
    with Terminal([sys.executable, "-P", "-m", "screens.main", *given], size=(200, 24)) as terminal:
        assert terminal.wait_exit() == 2
        terminal.wait_until(lambda screen: says in screen)
        assert "Traceback" not in terminal.screen
        assert _cooked(terminal)


def test_version_loads_neither_textual_nor_httpx() -> None:
    code = (
        "import sys; from screens.main import main; code = main(['--version']); "
        "print(code, sorted({'textual', 'rich', 'httpx', 'yaml', 'psutil', 'sqlite3'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0].startswith("vigie ")
    assert done.stdout.splitlines()[1] == "0 []"


def test_the_first_paint_needs_no_journal_no_config_no_http() -> None:
    code = (
        "import sys; import screens.opening; "
        "heavy = {'click', 'httpx', 'yaml', 'psutil', 'sqlite3', 'jinja2', 'markdown_it', 'tree_sitter', "
        "'platformdirs', 'textual.widgets._markdown', 'ulid', 'pygments'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    # Textual itself brings platformdirs; everything else is ours to put off.
    assert done.stdout.strip() in ("[]", "['platformdirs']")


@pytest.mark.parametrize(
    ("env", "term", "marks"),
    [
        ({"LANG": "C.UTF-8"}, "xterm-256color", "✗ D"),
        ({"LANG": "C", "LC_ALL": "C"}, "xterm-256color", "X D"),
        ({"LANG": "C.UTF-8"}, "linux", "X D"),
        ({"LANG": "C.UTF-8", "NO_COLOR": "1"}, "xterm", "✗ D"),
        ({"LANG": "C.UTF-8", "TEXTUAL_COLOR_SYSTEM": "many"}, "xterm-256color", "✗ D"),
    ],
)
def test_every_kind_of_terminal(env: dict[str, str], term: str, marks: str, database: Path, stream: str) -> None:
    with Terminal(command(database), env=env, term=term) as terminal:
        _opened(terminal)
        terminal.press("?")
        terminal.wait_for("In a list")
        terminal.press("end")
        terminal.wait_for("unknown or stale")
        if marks.startswith("X"):
            assert bytes(terminal.raw).isascii()
        if term == "linux":
            assert b"38;5" not in terminal.raw and b"38;2" not in terminal.raw
        if "NO_COLOR" in env:
            assert not any(code in terminal.raw for code in (b"[31m", b";31m", b"38;5", b"38;2"))
            # Black is a colour, too: on a dark terminal nothing of it is seen.
            assert not re.search(rb"\x1b\[(?:[\d;]*;)?(?:[34][0-7]|9[0-7]|10[0-7])(?:;[\d;]*)?m", bytes(terminal.raw))
        terminal.press("q")
        assert terminal.wait_exit() == 0


def test_exported_columns_do_not_hide_a_resize(database: Path, stream: str) -> None:
    with Terminal(command(database), env={"COLUMNS": "80", "LINES": "24"}) as terminal:
        _opened(terminal)
        terminal.resize(30, 8)
        terminal.wait_for("too small: 30x8")


def test_any_size(database: Path, stream: str) -> None:
    with Terminal(command(database)) as terminal:
        _opened(terminal)
        for size in ((200, 60), (1, 1), (30, 5), (40, 10), (80, 24)):
            terminal.resize(*size)
        terminal.wait_for("INC-1 SEV2")
        terminal.resize(30, 8)
        terminal.wait_for("too small: 30x8")
        terminal.resize(200, 60)
        terminal.wait_until(lambda screen: len(screen.split("\n")) == 60 and "INC-1 SEV2" in screen)
        terminal.press("q")
        assert terminal.wait_exit() == 0
