"""Hostile text in every field that a screen shows, and the stream to the terminal read by a strict grammar: what leaves is
text without a harmful character and the sequences of our own, nothing else."""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from console.incident import actions
from console.journal.events import Origin
from console.journal.store import Journal
from console.runbook import actions as runs
from console.runbook.library import load_library
from console.sanitize import is_clean
from console.snapshot import Source
from tests.e2e.keys import ARMED
from tests.e2e.terminal import Terminal

EVIL: Final = (
    "\x1b]0;owned\x07",
    "\x1b]52;c;cm0gLXJmIC8=\x07",
    "\x1b[3J\x1b[?1000h\x1bc",  # not what we write ourselves: that could not be told apart
    "\x9b31m\x9d0;t\x9c\x90q\x9c",
    "a\u202eb\u2066c\u200bd\ufeffe\U000e0041\u2028",
    "\x1bP+q544e\x1b\\ \x08\x08\x0e\x05\x7f",
)
ALL: Final = " ".join(EVIL)

# What the driver may write. Numbers are plain decimals, nowhere more of them than the sequence has.
SEQUENCE: Final = re.compile(
    rb"\x1b\[(?:\d+(?:;\d+)?)?H"  # CUP
    rb"|\x1b\[\d*[ABCDXLMb]"  # CUU, CUD, CUF, CUB, ECH, IL, DL, REP
    rb"|\x1b\[2?[JK]"  # ED, EL
    rb"|\x1b\[\d{0,3}[@P]"  # ICH, DCH
    rb"|\x1b\[(?:\d+(?:;\d+)*)?m"  # SGR
    rb"|\x1b\[(?:\d+;\d+)?r"  # DECSTBM
    rb"|\x1b\[6n|\x1b7|\x1b8"  # DSR, DECSC, DECRC
    rb"|\x1b\[\?(?:7|25|1004|1049|2004|2026|2048)[hl]|\x1b\[\?(?:2026|2048)\$p"  # modes
    rb"|\x1b\[>\d+u|\x1b\[<u"  # kitty's keyboard
    rb"|[\r\n\x08]"
)
TEXT: Final = re.compile(rb"[^\x00-\x1f\x7f]+")

PROGRAM: Final = textwrap.dedent(
    """
    import socket, sys
    from dataclasses import replace
    import msgspec
    import console.watch.status_reader as reader
    from console.snapshot import StatusSnapshot
    from screens.opening import run
    from screens.start import Start, deps_from

    evil = open(sys.argv[3], encoding="utf-8", newline="").read()
    socket.gethostname = lambda: "host" + evil[:10]
    hostile = msgspec.msgpack.decode(open(sys.argv[2], "rb").read(), type=StatusSnapshot)
    reader.StatusReader.poll = lambda self: hostile
    start = Start(db=sys.argv[1], actor="me" + evil)
    sys.exit(run(start, lambda: replace(deps_from(start), watching=False)))
    """
)
BOOK: Final = f"""# Book {EVIL[0]}{EVIL[3]}{EVIL[4]}

Words {ALL} and more.

## Actions {EVIL[4]}

1. A step {EVIL[0]}{EVIL[3]}

   Said before {EVIL[4]}

   ```bash
   printf 'out \\033]0;owned\\007\\033[2J\\302\\2335n\\342\\200\\256 end\\n'
   ```
"""


def foreign(raw: bytes) -> list[bytes]:
    """What of *raw* is not ours: every piece with what stands around it."""
    found = []
    at = 0
    while at < len(raw):
        match = SEQUENCE.match(raw, at)
        if match is None:
            match = TEXT.match(raw, at)
            if match is None or not is_clean(match[0].decode("utf-8", "replace")):
                found.append(raw[max(0, at - 20) : at + 40])
        at = match.end() if match is not None else at + 1
    return found


def test_the_grammar_finds_what_is_foreign() -> None:
    assert foreign(b"\x1b[0;1mtext\x1b[3;4H\r\n\x1b[6n") == []
    for text in EVIL:
        assert foreign(b"text " + text.encode()), text


@pytest.fixture
def command(database: Path, home: Path, tmp_path: Path, given: Any) -> list[str]:
    """The way to open a console on an evil journal, status and runbook."""
    book = tmp_path / f"evil{EVIL[2]}{EVIL[4]}.md".replace("/", "_")
    book.write_text(BOOK, encoding="utf-8", newline="")
    things = []
    for number, text in enumerate((*EVIL, ALL)):
        of = {text: text, "service": text}
        things.append(given.check(f"{number}{text}", text, "DOWN", detail=text, labels=of, runbook=text))
        things.append(
            given.alert(text, text, fingerprint=f"{number:016x}", labels=of, annotations={text: text, "summary": text})
        )
    sources = [Source(name=text, kind=text, state="lost", error=text) for text in EVIL]
    (tmp_path / "status").write_bytes(msgspec.msgpack.encode(given.snapshot(*things, sources=sources)))
    (tmp_path / "evil").write_text(ALL, encoding="utf-8", newline="")
    entry = load_library([book], shipped=False).entries[0]
    with Journal.open(database, actor=ALL, origin=Origin(program="cli", host=ALL)) as journal:
        declared = actions.declare(ALL, severity=EVIL[0], services=list(EVIL), labels={ALL: ALL}, summary=ALL)
        stream = journal.declare(declared)[0]
        journal.append(stream, [actions.note(text, tags=[text], starred=True) for text in EVIL])
        journal.append(stream, [actions.open_task(text, owner=text) for text in EVIL])
        journal.append(stream, [actions.set_role(text, text) for text in EVIL])
        runs.append(journal, stream, runs.start_run(entry.runbook, {}))
    return [sys.executable, "-P", "-c", PROGRAM, str(database), str(tmp_path / "status"), str(tmp_path / "evil")]


@pytest.mark.parametrize(("size", "term"), [((80, 24), "linux"), ((120, 40), "xterm-256color")])
def test_nothing_foreign_leaves(command: list[str], size: tuple[int, int], term: str) -> None:
    with Terminal(command, size=size, term=term) as terminal:
        terminal.wait_for("DOWN 7")
        terminal.wait_for("INC-1")
        terminal.press("3")
        terminal.wait_for(ARMED)
        terminal.press("x")
        terminal.wait_for(r"out .*end")
        for mode in "12345":
            terminal.press(mode)
            terminal.wait_quiet(0.2)
            for _ in range(3):
                terminal.press("down", "enter")
                terminal.wait_quiet(0.1)
                terminal.press("pgdn", "end", "esc")
            terminal.press("/", *"own", "esc", ":", "esc", "?", "pgdn", "esc")
            terminal.wait_quiet(0.1)
        terminal.press("1", "n")
        terminal.paste(ALL)
        terminal.wait_for(r"<U\+202E>")
        terminal.press("enter")
        terminal.wait_quiet(0.2)
        terminal.press("esc", "q")
        assert terminal.wait_exit() == 0
        assert "<ESC>" in terminal.raw.decode("utf-8", "replace")
        assert foreign(bytes(terminal.raw)) == []
