"""A locked database, a full disk: what is typed is kept, shown as unsaved, and saved in its order later."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import keys
from tests.e2e.site import QUIET, Site, eventually, site
from tests.e2e.terminal import Terminal

LINES = [f"line {number} while nothing could be saved" for number in range(4)]


def write_all(terminal: Terminal) -> None:
    for line in LINES:
        keys.note(terminal, line)


def saved(here: Site) -> bool:
    return [text for text in here.texts() if text.startswith("line ")] == LINES


@pytest.mark.timeout(180)
def test_a_database_locked_by_another_process(here: Site) -> None:
    with here.console() as terminal:
        keys.declare(terminal)
        other = sqlite3.connect(here.paths.database, isolation_level=None, timeout=30)
        try:
            other.execute("BEGIN IMMEDIATE")
            write_all(terminal)
            terminal.wait_for(r"unsaved \(4\): another process")
            # The keys go on working.
            terminal.press("4")
            terminal.press("1")
            terminal.press("?")
            terminal.wait_for("Everywhere|In a list")
            terminal.press("esc")
            assert not [text for text in here_texts(other) if text.startswith("line ")]
        finally:
            other.execute("ROLLBACK")
            other.close()
        eventually(lambda: saved(here), "the lines, in their order")
        terminal.wait_gone("unsaved")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_database_locked_for_half_a_minute(here: Site) -> None:
    with here.console() as terminal:
        keys.declare(terminal)
        code = (
            "import sqlite3, sys, time\ndb = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)\n"
            "db.execute('BEGIN IMMEDIATE')\nprint('locked', flush=True)\ntime.sleep(30)\ndb.execute('ROLLBACK')"
        )
        argv = [shutil.which("python3") or "python3", "-c", code, os.fspath(here.paths.database)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "locked\n"
            write_all(terminal)
            terminal.wait_for("unsaved")
            assert other.wait(60) == 0
        eventually(lambda: saved(here), "the lines, in their order")
        terminal.wait_gone("unsaved")


def test_what_was_unsaved_when_the_console_was_killed_is_saved_by_the_next_one(here: Site) -> None:
    with here.console() as terminal:
        keys.declare(terminal)
        other = sqlite3.connect(here.paths.database, isolation_level=None, timeout=30)
        other.execute("BEGIN IMMEDIATE")
        write_all(terminal)
        terminal.wait_for("unsaved")
        terminal.wait_quiet()
        terminal.process.kill()
        terminal.wait_exit()
        other.execute("ROLLBACK")
        other.close()
    assert not saved(here)
    with here.console() as again:
        again.wait_for("INC-1")
        eventually(lambda: saved(here), "the lines of the killed console, in their order")


def here_texts(connection: sqlite3.Connection) -> list[str]:
    return [str(row[0]) for row in connection.execute("SELECT body FROM events WHERE kind = 'noted'")]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of three megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", folder], capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"a full disk needs a mount, which is not allowed here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(ballast: Path) -> None:
    """Take every byte that is left."""
    with ballast.open("ab", buffering=0) as file:
        for size in (4096, 512, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                pass


def test_a_full_disk(small_disk: Path) -> None:
    with site(small_disk / "site", QUIET) as here:
        with here.console() as terminal:
            keys.declare(terminal)
            terminal.wait_for(r"checks \d+s ok")
            ballast = small_disk / "ballast"
            fill(ballast)
            keys.note(terminal, LINES[0])
            fill(ballast)  # what SQLite gave back after its first failure
            terminal.wait_for("unsaved")
            for line in LINES[1:]:
                keys.note(terminal, line)
            terminal.wait_for(r"unsaved \(4\): no space")
            terminal.press("4")  # reading goes on
            terminal.wait_for("INC-1")
            ballast.unlink()
            eventually(lambda: saved(here), "the lines, in their order")
            terminal.wait_gone("unsaved")
        with here.journal(read_only=False) as journal:
            journal.check_integrity()
            assert journal.verify(journal.incidents()[0].stream).ok
