"""Long work at a terminal: it tells how far it is, and ctrl-C leaves nothing half done, in one line, with exit code 130."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from console.incident import actions
from console.journal.events import New
from tests.e2e.site import Site
from tests.e2e.terminal import Terminal

MANY = 12_000


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """A file with many events of the past."""
    path = tmp_path / "records.json"
    events = [
        {
            "at": f"2026-03-{1 + n // 1440:02d}T{n % 1440 // 60:02d}:{n % 60:02d}:00Z",
            "text": f"line {n}",
            "actor": "ann",
        }
        for n in range(MANY)
    ]
    path.write_text(json.dumps({"title": "long ago", "events": events}))
    return path


def interrupted(terminal: Terminal, pattern: str) -> str:
    """Wait for the progress, press ctrl-C; what stands on the screen in the end."""
    terminal.wait_for(pattern)
    terminal.press("ctrl+c")
    assert terminal.wait_exit() == 130
    return "\n".join(line.rstrip() for line in terminal.screen.splitlines() if line.strip())


def vigie(here: Site, *more: str, term: str = "xterm-256color") -> Terminal:
    return Terminal(here.argv(*more), size=(90, 10), cwd=here.folder, term=term)


def test_an_import_that_is_cancelled_leaves_nothing(here: Site, records: Path) -> None:
    with here.journal(read_only=False, create=True) as journal:
        journal.declare(actions.declare("here already"))
    with vigie(here, "import", str(records)) as terminal:
        shown = interrupted(terminal, r"importing records.json: [\d,]+ of 12,000 \(\d+ %\)")
        assert re.search(r"^vigie: cancelled: nothing was imported$", shown, re.MULTILINE), shown
        assert "importing" not in shown.replace("^C", "")  # the line is gone
    with here.journal() as journal:
        assert [info.count for info in journal.incidents()] == [1]
        journal.check_integrity()
    done = subprocess.run(here.argv("import", str(records)), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 and f"{MANY} added" in done.stdout
    assert done.stderr == ""  # no terminal: no progress


@pytest.fixture
def long_incident(here: Site) -> Site:
    with here.journal(read_only=False, create=True) as journal:
        stream = journal.declare(actions.declare("a long one"))[0]
        for start in range(0, MANY, 2000):
            news: list[New] = [actions.note(f"*line* {start + n}") for n in range(2000)]
            journal.append(stream, news)
    return here


def test_an_export_that_is_cancelled_leaves_no_file(long_incident: Site) -> None:
    here = long_incident
    before = sorted(here.folder.iterdir())
    # Slowly, so that it can be caught in the middle whatever the machine: the template waits at every line.
    template = here.folder / "slow.md.j2"
    template.write_text(
        "{% for line in timeline() %}{{ line.text }}{% for n in range(3000) %}{% endfor %}\n{% endfor %}"
    )
    with vigie(here, "export", "--template", str(template), "-o", "out.md") as terminal:
        shown = interrupted(terminal, r"exporting INC-1: [\d,]+ of 36,003 \(\d+ %\)")
        assert re.search(r"^vigie: cancelled: out\.md was not written$", shown, re.MULTILINE), shown
    template.unlink()
    assert sorted(here.folder.iterdir()) == before


def test_a_terminal_that_cant_go_back_gets_lines(long_incident: Site) -> None:
    here = long_incident
    template = here.folder / "slow.md.j2"
    template.write_text(
        "{% for line in timeline() %}{{ line.text }}{% for n in range(3000) %}{% endfor %}\n{% endfor %}"
    )
    with vigie(here, "export", "--template", str(template), "-o", "out.md", term="dumb") as terminal:
        shown = interrupted(terminal, r"exporting INC-1: [\d,]+ of")
        assert b"\x1b" not in bytes(terminal.raw) and b"\r" not in bytes(terminal.raw).replace(b"\r\n", b"")
        assert "cancelled" in shown


def test_a_lint_of_a_big_tree_can_be_cancelled(here: Site) -> None:
    folder = here.folder / "tree"
    folder.mkdir()
    book = "# {n}\n\n## Steps\n\n" + "".join(
        f"1. Step {m}:\n\n   ```sh\n   echo {m} | grep x\n   ```\n\n" for m in range(30)
    )
    for n in range(400):
        (folder / f"book-{n}.md").write_text(book.replace("{n}", str(n)))
    with vigie(here, "runbooks", "lint", str(folder)) as terminal:
        shown = interrupted(terminal, r"(?:reading|checking) runbooks: \d+ of 400 \(\d+ %\)")
        assert "vigie: cancelled: not everything was checked" in shown
