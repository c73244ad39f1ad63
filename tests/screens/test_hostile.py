"""Hostile text on every screen: shown as it is, doing nothing, and no foreign control byte ever on the terminal."""

from __future__ import annotations

import sys
import textwrap
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from console.incident import actions
from console.journal.events import Origin
from console.journal.store import Journal
from console.snapshot import Source
from screens.room import MODES
from tests.e2e.terminal import Terminal

HOSTILE = (
    "[/",
    "[@click=app.quit]x[/]",
    "[bold red]b[/bold red] [/etc/passwd]",
    "\x1b]0;owned\x07",
    "\x1b]52;c;cm0gLXJmIC8=\x07",
    "\x1b[2J\x1b[?1049l\x9b31m",
    "a\u202eb\u2066c\u200bd\ufeffe\U000e0041",
    "x" * 10_000,
    "日" * 5_000,
    "\ud800 lone, \x00 nul, \r\n newline",
    "$(reboot) `id` {{7*7}} %s {0}",
)
SHOWN = ("[/", "[@click=app.quit]x[/]", "<ESC>]0;owned<BEL>", "<U+202E>")


def _status(given: Any) -> Any:
    things = []
    for number, text in enumerate(HOSTILE):
        name = text[:2000]
        things.append(
            given.check(
                f"{number} {name}", name, "DOWN", detail=text, labels={text: text, "service": text}, runbook=text
            )
        )
        things.append(
            given.alert(
                f"{number} {name}",
                text,
                fingerprint=f"{number:016x}",
                labels={text: text},
                annotations={"summary": text, text: text},
                source=text,
                runbook=text,
            )
        )
    return given.snapshot(*things, sources=[Source(name=text, kind=text, state="lost", error=text) for text in HOSTILE])


def _incident(journal: Journal) -> str:
    first = [text.encode("utf-8", "replace").decode() for text in HOSTILE]
    stream = journal.declare(
        actions.declare(
            first[3] + first[1], severity=first[1], services=first, labels={"a": first[3]}, summary=first[6]
        )
    )[0]
    journal.append(stream, [actions.note(text, tags=[text], starred=True) for text in first])
    journal.append(stream, [actions.open_task(text, owner=text) for text in first])
    journal.append(stream, [actions.set_role(text[:50], text) for text in first])
    return str(stream)


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_every_screen_shows_it_literally(console: Any, given: Any, size: tuple[int, int]) -> None:
    with console.journal() as journal:
        _incident(journal)
    async with console.open(size=size):
        console.show(_status(given))
        await console.until(lambda: console.app.desk.incident is not None)
        seen = ""
        for mode in MODES:
            await console.press(mode.digit)
            await console.pilot.pause()
            seen += console.text()
            for _ in range(6):
                await console.press("down", "enter")
                seen += console.text()
                await console.press("escape")
            await console.press("colon", "escape", "slash")
            await console.type("[/x")
            await console.press("escape", "question_mark", "escape")
        assert console.app.is_running
        for text in SHOWN:
            assert text in seen, text
        styles = [
            segment.style
            for strip in console.app.screen._compositor.render_strips(console.app.size)
            for segment in strip
            if segment.style is not None
        ]
        assert not any(style.link or "@click" in style.meta for style in styles)


async def test_hostile_lines_typed_and_asked(console: Any, given: Any) -> None:
    """What stands in an ask's label, hint and draft is literal as well."""
    from screens.asks import Ask, Choice

    async with console.open():
        for text in HOSTILE:
            console.app.desk.say(text, "error")
            console.app.desk.ask(
                Ask(
                    id="x",
                    label=text[:20] + ">",
                    submit=lambda _: None,
                    text=text,
                    hint=text,
                    preview=lambda line: line,
                    choices=lambda _, text=text: [Choice("k", text, text)],
                )
            )
            await console.pilot.pause()
            assert "\x1b" not in console.text() and "\u202e" not in console.text()
        await console.press("escape")
        assert console.app.is_running


PROGRAM = """
import sys
from dataclasses import replace
from datetime import UTC, datetime
import msgspec
from screens.opening import run
from screens.start import Start, deps_from
import console.watch.status_reader as reader
from console.snapshot import StatusSnapshot
hostile = msgspec.msgpack.decode(open(sys.argv[2], "rb").read(), type=StatusSnapshot)
reader.StatusReader.poll = lambda self: hostile
start = Start(db=sys.argv[1])
sys.exit(run(start, lambda: replace(deps_from(start), watching=False)))
"""


@pytest.mark.parametrize("term", ["xterm-256color", "linux"])
def test_no_foreign_byte_reaches_the_terminal(
    database: Path, home: Path, tmp_path: Path, given: Any, term: str
) -> None:
    import msgspec

    def packable(value: Any) -> Any:  # a lone surrogate can't be written down at all
        return msgspec.msgpack.decode(msgspec.msgpack.encode(value)) if not isinstance(value, str) else value

    clean = [text.replace("\ud800", "") for text in HOSTILE]
    things = [
        given.check(text[:200] + str(number), "x", "DOWN", detail=text, labels={text: text}, runbook=text)
        for number, text in enumerate(clean)
    ]
    things += [
        given.alert(text, text, fingerprint=f"{number:016x}", labels={text: text}, annotations={text: text})
        for number, text in enumerate(clean)
    ]
    snapshot = given.snapshot(*things, sources=[Source(name=text, kind="x", state="lost") for text in clean])
    (tmp_path / "status").write_bytes(msgspec.msgpack.encode(snapshot))
    with Journal.open(database, actor="\x1b]0;me\x07", origin=Origin(program="cli", host="\x1b[2J")) as journal:
        _incident(journal)
    command = [sys.executable, "-P", "-c", textwrap.dedent(PROGRAM), str(database), str(tmp_path / "status")]
    with Terminal(command, size=(120, 40), term=term) as terminal:
        terminal.wait_for("DOWN 1")
        terminal.wait_for("INC-1")
        for keys in ("1", "4"):
            terminal.press(keys)
            for _ in range(8):
                terminal.press("down", "enter", "pgdn", "esc")
            terminal.press("?", "esc", ":", "esc")
        terminal.press("1", "D")
        terminal.wait_for("declare>")
        terminal.paste("\x1b]0;pasted\x07\u202e")
        terminal.wait_for(r"<U\+202E>")
        terminal.press("ctrl+c", "esc", "q")
        assert terminal.wait_exit() == 0
        assert [text for text in terminal.model.strange if not text.startswith("OSC 22")] == []
        assert terminal.model.title in ("", None)


def test_timedeltas_do_not_overflow(given: Any) -> None:
    """A source that lies about its times is shown, not believed, and breaks nothing."""
    from datetime import UTC, datetime

    from screens.header import sources_line
    from screens.look import Look
    from screens.status_entries import entries
    from screens.status_rows import cells

    now = datetime.now(UTC)
    for at in (datetime.min.replace(tzinfo=UTC), now + timedelta(days=40_000)):
        snapshot = given.snapshot(
            given.check("a", "b", "DOWN", since=at), sources=[Source(name="x", kind="y", last_ok=at)]
        )
        assert sources_line(snapshot, now)
        assert all(cells(entry, now, Look()) for entry in entries(snapshot))
