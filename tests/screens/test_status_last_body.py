"""The Status detail shows what a failing check got, made harmless."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from console.clock import SystemClock
from console.watch.changes import Changes, LastBody
from console.watch.lease import boot_id
from console.watch.status_db import StatusDb
from console.watch.status_file import Leader


class Leading:
    """The leader of this console's status.db, for as long as a test needs one."""

    def __init__(self, console: Any) -> None:
        self._db = StatusDb.open(console.paths.status_db)
        self._beat = int(SystemClock().boottime() * 1000)
        lead = Leader(epoch=1, holder="x", boot_id=boot_id(), config_hash="h", beat_ms=self._beat)
        self._db.take_lead(lead)

    def store(self, text: str, age: timedelta) -> None:
        body = LastBody(at=datetime.now(UTC) - age, detail="http 503, expected below 400", text=text)
        self._db.write(1, Changes(bodies={"api/http": body}), beat_ms=self._beat)


async def test_the_body_under_a_heading_with_its_age(console: Any, given: Any) -> None:
    rest = "\n".join(f"at step {n}" for n in range(60))
    leading = Leading(console)
    leading.store(f'{{"error": "no db\x1b[2J\u202e"}}\n{rest}', timedelta(minutes=7))
    async with console.open(size=(100, 80)):
        console.show(given.snapshot(given.check("api", "http", "DOWN", detail="http 503"), given.check("db", "tcp")))
        await console.press("enter")
        await console.until(lambda: "last body" in console.text())
        text = console.text()
        assert "last body  (first came 7m" in text
        assert "http 503, expected below 400" in text
        assert '{"error": "no db<ESC>[2J<U+202E>"}' in text
        assert "at step 38" in text and "at step 39" not in text and "21 more lines" in text


async def test_another_failure_brings_its_body_while_one_looks(console: Any, given: Any) -> None:
    leading = Leading(console)
    async with console.open():
        console.show(given.snapshot(given.check("api", "http")))
        await console.press("H", "enter")
        await console.until(lambda: "no change recorded" in console.text())
        assert "last body" not in console.text()
        leading.store("the disk is full", timedelta(seconds=1))
        console.show(given.snapshot(given.check("api", "http", "DOWN", detail="http 503")))
        await console.until(lambda: "the disk is full" in console.text())


async def test_no_body_no_heading(console: Any, given: Any) -> None:
    Leading(console)
    async with console.open():
        console.show(given.snapshot(given.check("api", "http", "DOWN", detail="refused")))
        await console.press("enter")
        await console.until(lambda: "no change recorded" in console.text())
        assert "last body" not in console.text()
