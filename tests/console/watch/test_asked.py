"""Maintenance begun by hand: in the record, heeded by whoever leads, over by itself or by a word."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from console.cli import main
from console.clock import FixedClock
from console.journal.events import AlertRaised, Maintenance, Origin
from console.journal.store import Journal
from console.snapshot import DOWN, MAINT, OK
from console.watch import asked
from console.watch.changes import Changes, Kept
from console.watch.recorder import Recorder
from tests.console.watch.test_board import Bench, service

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def begin(bench: Bench, *covers: str, seconds: float) -> None:
    new = asked.began(covers, now=bench.now, until=bench.now + timedelta(seconds=seconds), reason="disk swap")
    assert isinstance(new.body, Maintenance)
    bench.board.told(new.body, bench.now)
    bench.board.maintain(bench.now)


def test_nobody_is_alerted_until_it_is_over_by_itself() -> None:
    bench = Bench(service("api"), service("db"))
    bench.feed("api/port", OK)
    bench.board.maintain(bench.now)
    begin(bench, "api", seconds=100)
    assert not any(isinstance(body, AlertRaised) for body in bench.feed("api/port", DOWN, DOWN, DOWN))
    assert any(isinstance(body, AlertRaised) for body in bench.feed("db/port", DOWN, DOWN, DOWN))
    api = bench.snapshot().checks[0]
    assert (api.state, MAINT in api.overlays, api.maintenance) == (DOWN, True, "api")
    bench.seconds += 100
    bench.board.maintain(bench.now)
    over, raised = bench.feed("api/port", DOWN)
    assert isinstance(over, Maintenance)
    assert (over.name, over.began, over.asked) == ("api", False, False)
    assert isinstance(raised, AlertRaised)
    assert bench.snapshot().checks[0].maintenance == ""


def test_it_is_ended_by_a_word_and_replaced_by_a_newer_one() -> None:
    bench = Bench(service("api"))
    bench.feed("api/port", OK)
    bench.board.maintain(bench.now)
    begin(bench, "api", seconds=100)
    begin(bench, "api", seconds=1000)
    bench.seconds += 200
    bench.board.maintain(bench.now)
    assert bench.snapshot().checks[0].maintenance == "api"
    assert bench.board.drain().news == []  # the first one gave way: it does not end
    windows = asked.told({}, asked.began(["api"], now=bench.now, until=bench.now, reason="r").body, bench.now)  # type: ignore[arg-type]
    ended = asked.ended(windows["api"], now=bench.now)
    assert isinstance(ended.body, Maintenance)
    bench.board.told(ended.body, bench.now)
    bench.board.maintain(bench.now)
    assert bench.snapshot().checks[0].maintenance == ""
    assert any(isinstance(body, AlertRaised) for body in bench.feed("api/port", DOWN, DOWN, DOWN))


def test_the_next_leader_knows_it_from_the_record(database: Path, tmp_path: Path) -> None:
    clock = FixedClock(START)

    def opened() -> Journal:
        return Journal.open(database, actor="ana", origin=Origin(program="cli"), clock=clock)

    with opened() as journal:
        journal.append_watch([asked.began(["api"], now=START, until=START + HOUR, reason="disk swap")])
        journal.append_watch([asked.began([], now=START, until=START + HOUR, reason="all")])
    clock.advance(60)
    leading = Recorder(opened, tmp_path / "status.db", holder="h", config_hash="c", clock=clock)
    assert leading.try_lead() is not None
    kept = leading.load()
    assert {name: window.reason for name, window in kept.windows.items()} == {"api": "disk swap", "everything": "all"}
    with opened() as journal:
        journal.append_watch([asked.ended(kept.windows["everything"], now=clock.now())])
    told = [one.body for one in leading.publish(Changes(), None).acknowledged]
    assert [(body.name, body.began) for body in told if isinstance(body, Maintenance)][-1] == ("everything", False)
    leading.close()
    with opened() as journal:
        assert set(asked.windows(journal, clock.now())) == {"api"}
    bench = Bench(service("api"), kept=Kept(windows=kept.windows))
    bench.board.maintain(START + timedelta(seconds=60), since=START)
    assert bench.snapshot().checks[0].maintenance == "api"
    assert bench.board.drain().news == []  # that it began is recorded already
    bench.board.maintain(START + 2 * HOUR)
    assert {new.body.name for new in bench.board.drain().news} == {"api", "everything"}  # type: ignore[union-attr]


@pytest.fixture
def vigie(database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    config = tmp_path / "vigie.yaml"
    config.write_text(
        "services:\n  - name: shop\n    checks:\n      - {kind: load, warn: null}\n      - {kind: cpu, warn: null}\n"
        "maintenance:\n  - {name: always, services: [shop/cpu], at: '00:00', lasts: 1d}\n"
    )

    def call(*arguments: str) -> tuple[int, str, str]:
        code = main(["--db", str(database), "--config", str(config), "--actor", "ana", "maintenance", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_the_command(vigie: Any, database: Path) -> None:
    code, out, err = vigie("shop", "--for", "30m", "--reason", "disk\x1b[2J swap")
    assert (code, out.startswith("shop until 20"), err.startswith("2 checks;")) == (0, True, True)
    listed = vigie("--list")[1].splitlines()
    assert listed[0].startswith("always until ") and listed[0].endswith("(vigie.yaml)")
    assert listed[1].startswith("shop until ") and listed[1].endswith("(by hand): disk<ESC>[2J swap")
    assert vigie("shop", "--end")[:2] == (0, "shop is over\n")
    assert vigie("shop", "--end")[0] == 1
    assert vigie("--end", "--all")[0] == 1
    assert vigie("shop/load", "--all", "--reason", "x")[0] == 2
    with Journal.open(database, actor="t", origin=Origin(program="cli")) as journal:
        bodies = [(event.actor, event.body) for event in journal.since(0) if isinstance(event.body, Maintenance)]
    assert [(actor, body.began, body.reason) for actor, body in bodies] == [
        ("ana", True, "disk<ESC>[2J swap"),
        ("ana", False, ""),
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "expected a service, a service/check, or --all"),
        (("nope", "--reason", "x"), "no service and no check is named 'nope'"),
        (("shop",), "--reason: maintenance needs one"),
        (("shop", "--reason", "x", "--for", "soon"), "--for: not a duration"),
        (("shop", "--reason", "x", "--for", "8d"), "--for: expected more than 0s and at most 7d"),
    ],
)
def test_a_mistake_is_one_line(vigie: Any, database: Path, arguments: tuple[str, ...], words: str) -> None:
    code, out, err = vigie(*arguments)
    assert (code, out, err.count("\n"), words in err) == (2, "", 1, True)
    assert not database.exists()
