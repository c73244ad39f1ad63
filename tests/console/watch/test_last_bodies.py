"""What a failing check got: from the server through the probe and status.db to whoever looks."""

from __future__ import annotations

import asyncio
import base64
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from console.clock import FixedClock
from console.services import CheckConfig, ServiceConfig
from console.snapshot import DOWN, OK, UNKNOWN
from console.watch.board import Board
from console.watch.bodies import KEPT, MOST, without
from console.watch.changes import Kept, LastBody
from console.watch.checks import Check, compile_checks
from console.watch.measure import measure
from console.watch.probing import Tools
from console.watch.state import Result
from console.watch.status_db import StatusDb
from console.watch.status_file import Leader
from console.watch.status_reader import StatusReader
from tests.console.watch.checking import check, result
from tests.console.watch.servers import answer, flood, http_server

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
WHY = b'{"error": "no connection to db-1", "tries": 3}\n'


# ── probes ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_bad_answer_leaves_its_beginning_whether_or_not_a_condition_asks() -> None:
    async with http_server(
        {"/": answer(503, WHY), "/ok": answer(200, WHY), "/long": answer(500, b"x" * 9000)}
    ) as server:
        unasked = await result("http", url=server.url())
        asked = await result("http", "[BODY].error == none", url=server.url("/ok"))
        fine = await result("http", "[BODY].tries == 3", url=server.url("/ok"))
        long = await result("http", url=server.url("/long"))
    assert (unasked.state, unasked.got) == (DOWN, WHY.decode().strip())
    assert (asked.state, asked.got) == (DOWN, WHY.decode().strip())
    assert (fine.state, fine.got) == (OK, "")
    assert long.got == "x" * MOST


async def test_a_body_that_nobody_judges_never_costs_the_verdict() -> None:
    over = asyncio.Event()

    async def hangs(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 404 X\r\nContent-Length: 500\r\n\r\nso far")
        await writer.drain()
        await over.wait()

    async def breaks(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 500 X\r\nContent-Length: 500\r\n\r\nhalf")
        await writer.drain()

    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 500 X\r\nConnection: close\r\n\r\n")
        await flood(writer)

    async with http_server({"/hangs": hangs, "/breaks": breaks, "/endless": endless}) as server:
        expected = await result("http", "[STATUS] == 404", url=server.url("/hangs"), timeout=0.6)
        bad = await result("http", url=server.url("/hangs"), timeout=0.6)
        broken = await result("http", url=server.url("/breaks"))
        much = await result("http", url=server.url("/endless"))
        over.set()
    assert (expected.state, expected.detail, expected.got) == (OK, "http 404", "")
    assert (bad.state, bad.detail, bad.got) == (DOWN, "http 404, expected below 400", "so far")
    assert (broken.detail, broken.got) == ("http 500, expected below 400", "half")
    assert len(much.got) == MOST


async def test_what_a_server_sends_back_of_our_secrets_is_not_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OUR_TOKEN", "s3cr3t-token-of-ours")
    (tmp_path / "password").write_text("hunter22\n")
    basic = base64.b64encode(b"ann:hunter22").decode()
    echo = f"Authorization: Bearer s3cr3t-token-of-ours; again s3cr3t-token-of-ours; Basic {basic}; bye".encode()
    async with http_server({"/": answer(401, echo)}) as server:
        bearer = await result("http", url=server.url(), bearer_env="OUR_TOKEN")
        header = await result("http", url=server.url(), headers_env={"X-Api-Key": "OUR_TOKEN"})
        password = await result("http", url=server.url(), username="ann", password_file=str(tmp_path / "password"))
        page = await result("metric", url=server.url(), metric="up", bearer_env="OUR_TOKEN")
    for found in (bearer, header, page):
        assert "s3cr3t" not in found.got and found.got.endswith("; bye")
    assert page.state == UNKNOWN
    assert basic not in password.got and "bye" in password.got
    assert without("Bearer abc", ["Bearer abc"]) == "(secret)"


@asynccontextmanager
async def speaking(words: bytes, *, hold: bool) -> AsyncIterator[int]:
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(words)
            await writer.drain()
            if hold:
                await reader.read()
        except ConnectionError:
            pass
        finally:
            writer.close()
            ended.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.wait_for(ended.wait(), 10)


async def test_banners() -> None:
    async with speaking(b"554 too many of you\r\n", hold=False) as port:
        unwanted = await result("tcp", host="127.0.0.1", port=port, expect="^220")
        refused = await result("tls", host="127.0.0.1", port=port, starttls="smtp")
    async with speaking(b"421 later\r\n", hold=True) as port:
        waits = await result("tcp", host="127.0.0.1", port=port, expect="^220", timeout=0.4)
    assert (unwanted.state, unwanted.got) == (DOWN, "554 too many of you")
    assert (refused.state, refused.got) == (DOWN, "554 too many of you")
    assert (waits.state, waits.detail, waits.got) == (DOWN, "timed out after 0.4s", "421 later")


async def test_output_rows_and_lines(tmp_path: Path) -> None:
    said = [sys.executable, "-c", "import sys; print('one'); print('two'); print('oh', file=sys.stderr); sys.exit(2)"]
    program = await result("command", run=said)
    database = tmp_path / "jobs.db"
    made = sqlite3.connect(database)
    made.execute("CREATE TABLE job (name TEXT, tries INTEGER)")
    made.executemany("INSERT INTO job VALUES (?, ?)", [("mail", 7), ("export", 9)])
    made.commit()
    made.close()
    rows = await result("sqlite", "[ROWS] == 0", path=str(database), query="SELECT name, tries FROM job")
    log = tmp_path / "app.log"
    log.write_text("")
    one = check("log", path=str(log), pattern="E", fail=1)
    async with Tools() as tools:
        await measure(one, tools)
        log.write_text("E first\nfine\nE second\n")
        lines = await measure(one, tools)
    assert (program.state, program.got) == (DOWN, "one\ntwo\noh")
    assert (rows.state, rows.got) == (DOWN, "name | tries\nmail | 7\nexport | 9")
    assert (lines.state, lines.got) == (DOWN, "E first\nE second")


# ── the board ────────────────────────────────────────────────────────────────────────────────────────────────────


def api(port: int = 9) -> Check:
    config = CheckConfig(kind="tcp", name="port", options={"host": "127.0.0.1", "port": port})
    return compile_checks([ServiceConfig(name="api", checks=(config,))])[0]


def bad(got: str) -> Result:
    return Result(state=DOWN, detail="http 503", got=got)


class Watched:
    """A board of one check, and what it wants stored of bodies."""

    def __init__(self, kept: Kept | None = None, check: Check | None = None) -> None:
        self.check = check or api()
        self.board = Board((self.check,), kept or Kept(), START)
        self.seconds = 0.0

    def take(self, found: Result, after: float = 10) -> dict[str, Any]:
        self.seconds += after
        self.board.take(self.check, found, START + timedelta(seconds=self.seconds), self.seconds)
        changes = self.board.drain()
        assert all(one is None or one.last is None or one.last.got == "" for one in changes.machines.values())
        return changes.bodies


def test_a_text_is_stored_when_it_is_another() -> None:
    watched = Watched()
    assert watched.take(Result(state=OK)) == {}
    first = LastBody(at=START + timedelta(seconds=20), detail="http 503", text="a")
    assert watched.take(bad("a")) == {"api/port": first}
    assert watched.take(bad("a")) == {}
    assert (
        watched.take(Result(state=DOWN, detail="connection refused")) == {}
    )  # what came before says more than nothing
    assert watched.take(bad("b"))["api/port"].text == "b"


def test_it_goes_when_all_was_well_for_long() -> None:
    watched = Watched()
    watched.take(bad("a"))
    assert watched.take(Result(state=OK)) == watched.take(Result(state=OK)) == {}
    assert watched.take(Result(state=OK), KEPT.total_seconds() - 60) == {}
    assert watched.take(Result(state=OK), 120) == {"api/port": None}
    assert watched.take(Result(state=OK)) == {}
    assert watched.take(bad("a"))["api/port"].text == "a"


def test_the_next_leader_goes_on_from_it() -> None:
    body = LastBody(at=START, detail="http 503", text="a")
    machines = {"api/port": Watched().board.everything().machines["api/port"]}
    kept = Kept(machines=machines, bodies={"api/port": body, "gone/port": body})  # type: ignore[arg-type]
    watched = Watched(kept)
    assert watched.take(bad("a")) == {"gone/port": None}
    assert Watched(kept, api(port=10)).board.drain().bodies == {"api/port": None, "gone/port": None}


def test_a_new_status_db_gets_it_again() -> None:
    watched = Watched()
    watched.take(bad("a"))
    watched.board.everything()
    assert watched.take(bad("a"))["api/port"].text == "a"


# ── all the way ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_from_the_server_to_the_reader(tmp_path: Path) -> None:
    status = tmp_path / "status.db"
    hostile = b"down\x1b[2J\x00 \xff now"
    reader = StatusReader(status, FixedClock(START))
    assert reader.last_body("s/http") is None and reader.problem == ""
    async with http_server({"/": answer(503, hostile)}) as server, Tools() as tools:
        one = check("http", url=server.url())
        board = Board((one,), Kept(), START)
        board.take(one, await measure(one, tools), START, 1.0)
    lead = Leader(epoch=1, holder="x", boot_id="b", config_hash="h", beat_ms=1)
    with StatusDb.open(status) as db:
        db.take_lead(lead)
        db.write(1, board.drain(), beat_ms=1)
        expected = LastBody(at=START, detail="http 503, expected below 400", text="down\x1b[2J\x00 \ufffd now")
        assert reader.last_body(one.key) == expected
        assert db.kept().bodies == {one.key: expected}
        assert Board((), db.kept(), START).drain().bodies == {one.key: None}
        gone = Board((), db.kept(), START)
        db.write(1, gone.drain(), beat_ms=1)
        assert reader.last_body(one.key) is None and db.kept().bodies == {}
    assert status.stat().st_mode & 0o077 == 0
    status.write_bytes(b"not a database at all" * 500)
    assert reader.last_body(one.key) is None and reader.problem
    reader.close()
