"""The Report screen: the postmortem as it would export, its gaps, and the file it is written to."""

from __future__ import annotations

import dataclasses
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from console.incident import actions as incidents
from screens import report_apart, report_build
from screens.look import Look
from screens.report_build import Rows, tone, write


def room(console: Any) -> Any:
    return console.app.bridge.rooms["report"]


def declared(console: Any) -> str:
    stream: str = console.declare(
        incidents.declare(
            "checkout answers 5xx",
            severity="SEV2",
            services=("api",),
            impact_start=datetime.now(UTC) - timedelta(minutes=9),
        )
    )
    with console.journal() as journal:
        journal.append(
            stream, [incidents.note("the replica lags", kind="finding"), incidents.open_task("check the db")]
        )
    return stream


async def opened(console: Any) -> None:
    await console.until(lambda: console.app.desk.incident is not None)
    await console.press("5")
    await console.until(lambda: room(console).report is not None, "the report")


async def test_it_reads_as_it_would_export(console: Any) -> None:
    stream = declared(console)
    async with console.open(size=(200, 60)):
        await opened(console)
        rows = room(console).report.rows
        shown = [rows.text(at) for at in range(len(rows))]
        target, size = write(console.deps, stream, str(console.paths.folder / "x.md"))
        exported = Path(target).read_text(encoding="utf-8")
        assert size == room(console).report.size == len(exported.encode())
        assert "".join(exported.split()) == "".join("".join(shown).split())
        assert "postmortem, draft" in console.text() and 'id: "INC-1"' in console.text()


async def test_its_gaps_are_listed_and_one_goes_there(console: Any) -> None:
    declared(console)
    async with console.open():
        await opened(console)
        assert "gaps in the record" in console.text() and "to be written" in console.text()
        await console.press("g")
        await console.until(lambda: "acknowledged is not recorded" in console.text())
        assert "open task (no owner): check the db" in console.text()
        await console.press("enter")
        assert "choose one that has a place" in console.text()
        await console.press("end", "enter")
        await console.until(lambda: "_To be written_" in console.text() and not room(console).listing)


async def test_a_stamp_closes_a_gap(console: Any) -> None:
    stream = declared(console)
    async with console.open():
        await opened(console)
        assert any(gap.key == "milestone:mitigated" for gap in room(console).report.gaps)
        with console.journal() as journal:
            journal.append(stream, [incidents.mark("mitigated")])
        await console.until(lambda: all(gap.key != "milestone:mitigated" for gap in room(console).report.gaps))


async def test_it_is_written_to_a_new_file_and_never_over_one(console: Any, tmp_path: Path) -> None:
    declared(console)
    target, taken = tmp_path / "report.md", tmp_path / "taken.md"
    taken.write_text("mine", encoding="utf-8")
    async with console.open(size=(160, 40)):
        await opened(console)
        await console.press("w", "ctrl+u")
        await console.type(str(taken))
        await console.press("enter")
        await console.until(lambda: "nothing was overwritten" in console.text())
        await console.press("ctrl+u")
        await console.type(str(tmp_path / "no" / "such.md"))
        await console.press("enter")
        await console.until(lambda: "no such folder" in console.text())
        await console.press("ctrl+u")
        await console.type(str(target))
        await console.press("enter")
        await console.until(lambda: f"written: {target}" in console.text())
    assert taken.read_text(encoding="utf-8") == "mine"
    assert target.read_text(encoding="utf-8").startswith("---\n")
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert (
        sorted(path.name for path in tmp_path.iterdir() if path.is_file() and "vigie" not in path.name)[0]
        == "report.md"
    )


async def test_without_an_incident_it_says_so(console: Any) -> None:
    async with console.open():
        await console.press("5")
        await console.until(lambda: "No incident is open" in console.text())
        await console.press("w")
        assert "the report is not there yet" in console.text()


async def test_a_long_incident_is_read_in_windows(console: Any) -> None:
    stream = declared(console)
    with console.journal() as journal:
        for start in range(0, 4000, 500):
            journal.append(stream, [incidents.note(f"line {start + number}") for number in range(500)])
    async with console.open():
        await opened(console)
        report = room(console).report
        assert len(report.rows) > 4000
        await console.press("end")
        await console.until(lambda: "vigie verify" in console.text() or report.head in console.text())
        await console.press("home")
        await console.until(lambda: 'id: "INC-1"' in console.text())


@pytest.mark.parametrize("size", [(80, 24), (200, 60), (44, 12)])
async def test_hostile_words_ascii_and_a_resize(console: Any, size: tuple[int, int]) -> None:
    bad = "[@click=app.quit]x[/] \x1b]0;x\x07 a\u202eb " + "z" * 10_000
    stream = console.declare(incidents.declare(bad, summary=bad, services=(bad,)))
    with console.journal() as journal:
        journal.append(stream, [incidents.note(bad, starred=True), incidents.open_task(bad, owner=bad)])
    async with console.open(size=size, look=Look(ascii_only=True)):
        await opened(console)
        for key in ("pagedown", "pagedown", "G", "g", "G", "escape", "home"):
            await console.press(key)
            assert console.text().isascii() and "\x1b" not in console.text()
        await console.pilot.resize_terminal(100, 30)
        await console.until(lambda: room(console).report.width == 98)


def test_rows_are_read_from_the_file() -> None:
    rows = Rows()
    for number in range(1200):
        rows.add(f"zeile {number} ü")
    rows.flush()
    assert len(rows) == 1200 and rows.text(0) == "zeile 0 ü" and rows.text(1199) == "zeile 1199 ü"
    assert rows[7] == ((" ", "text"), ("zeile 7 ü", "text"))
    assert len(rows[10:13]) == 3
    rows.close()


def test_headings_and_prompts_stand_out() -> None:
    assert tone("## Summary") == "title" and tone("_To be written_: what?") == "degraded" and tone("| a |") == "dim"


# ── long ones: a process of its own, progress, esc ──────────────────────────────────────────────────────────────


@pytest.fixture(autouse=True)
def _long_is_not_so_long(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "windows" not in request.node.name:
        monkeypatch.setattr(report_apart, "LONG", 500)


def long_one(console: Any) -> str:
    stream = declared(console)
    with console.journal() as journal:
        for start in range(0, report_apart.LONG, 500):
            news = [incidents.note(f"line {start + n} *x*", starred=n == 7) for n in range(500)]
            journal.append(stream, news)
    return stream


def test_a_process_of_its_own_makes_the_same_report(console: Any, tmp_path: Path) -> None:
    stream = long_one(console)
    told: list[float] = []
    look = Look(ascii_only=True)
    here = report_build.build(console.deps, stream, 60, look, lambda: True)
    there = report_apart.build(console.deps, stream, 60, look, lambda: True, told.append)
    assert [there.rows.text(at) for at in range(len(there.rows))] == [
        here.rows.text(at) for at in range(len(here.rows))
    ]
    assert dataclasses.replace(there, took_s=0.0) == dataclasses.replace(here, took_s=0.0)
    assert told == sorted(told) and len(told) >= 3 and told[-1] == 1.0
    here.rows.close()
    there.rows.close()
    one, two = tmp_path / "one.md", tmp_path / "two.md"
    write(console.deps, stream, str(one))
    fill = report_apart.fill
    write(console.deps, stream, str(two), lambda out: fill(console.deps, stream, out, lambda: True, told.append))
    assert one.read_bytes() == two.read_bytes()


def test_what_goes_wrong_in_it_is_a_line(console: Any) -> None:
    declared(console)
    with pytest.raises(OSError, match=r"^no events in NOBODY$"):
        report_apart.build(console.deps, "NOBODY", 60, Look(), lambda: True, lambda _: None)


def test_one_that_is_stopped_leaves_no_file_and_no_process(console: Any, tmp_path: Path) -> None:
    stream = long_one(console)
    before = {child.pid for child in psutil.Process().children()}
    with pytest.raises(report_build.Stopped):
        report_apart.build(console.deps, stream, 60, Look(), lambda: False, lambda _: None)
    target = tmp_path / "x.md"
    with pytest.raises(report_build.Stopped):
        write(
            console.deps,
            stream,
            str(target),
            lambda out: report_apart.fill(console.deps, stream, out, lambda: False, lambda _: None),
        )
    assert not list(tmp_path.glob("*x.md*"))
    assert {child.pid for child in psutil.Process().children()} <= before


async def test_a_long_report_tells_how_far_it_is_and_esc_stops_it(
    console: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long_one(console)
    gate = threading.Event()
    run = report_apart._run

    def slowly(deps: Any, stream: str, asked: Any, descriptors: Any, wanted: Any, told: Any) -> Any:
        told(0.43)
        while not gate.is_set() and wanted():
            gate.wait(0.01)
        return run(deps, stream, asked, descriptors, wanted, told)

    monkeypatch.setattr(report_apart, "_run", slowly)
    async with console.open(size=(100, 24)):
        await console.until(lambda: console.app.desk.incident is not None)
        await console.press("5")
        await console.until(lambda: "building the report on INC-1  43 %   esc stops it" in console.text())
        await console.press("escape")
        await console.until(lambda: "the report on INC-1 is not built: u builds it" in console.text())
        gate.set()
        await console.press("u")
        await console.until(lambda: room(console).report is not None, "the report")
        assert "esc stops it" not in console.text()
        gate.clear()
        target = tmp_path / "long.md"
        await console.press("w", "ctrl+u")
        await console.type(str(target))
        await console.press("enter")
        await console.until(lambda: " writing  43 %   esc stops it" in console.text())
        await console.press("1", "5")  # keys are not held up by it
        await console.press("escape")
        await console.until(lambda: "stopped, nothing was written" in console.text())
        assert not list(tmp_path.glob("*long.md*"))
        gate.set()
        await console.press("w", "ctrl+u")
        await console.type(str(target))
        await console.press("enter")
        await console.until(lambda: f"written: {target}" in console.text())
        assert target.stat().st_size == room(console).report.size
