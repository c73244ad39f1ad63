"""The watch and its files: read again on a change or SIGHUP, kept when wrong; what systemd hears of it; what is dropped."""

from __future__ import annotations

import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from console import systemd
from console.cli import main
from console.clock import FixedClock
from console.journal.events import AlertRaised, AlertResolved, CheckChanged, New, Origin, SourceLost, WatchLed
from console.journal.store import Journal
from console.snapshot import DOWN, OK
from console.watch.changes import Changes
from console.watch.lease import new_holder
from console.watch.recorder import Recorder
from console.watch.state import Machine
from tests.test_daemon import VIGIE, Place, assert_each_transition_once, until


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        yield Place(tmp_path, stack)


def configured(place: Place, *, extra: str = "", port: int | None = None) -> str:
    return (
        "services:\n  - name: feed\n    checks:\n      - {kind: tcp, host: 127.0.0.1, "
        f"port: {port or place.port}, interval: 200ms, retry_interval: 100ms, fail_threshold: 2, recover_threshold: 2}}\n"
        + extra
    )


def replace_file(path: Path, text: str) -> None:
    fresh = path.with_name("fresh")
    fresh.write_text(text)
    fresh.replace(path)


def keys(place: Place) -> list[str]:
    snapshot = place.reader.poll()
    return [check.key for check in snapshot.checks] if snapshot is not None else []


def source(place: Place, name: str) -> tuple[str, str]:
    snapshot = place.reader.poll()
    found = next((one for one in snapshot.sources if one.name == name), None) if snapshot is not None else None
    return (found.state, found.error) if found is not None else ("", "")


def test_a_changed_file_is_read_and_what_did_not_change_goes_on(place: Place) -> None:
    process = place.watch()
    place.wait_for(DOWN)
    until(lambda: place.bodies(AlertRaised), "the alert is recorded")
    replace_file(
        place.config, configured(place, extra="  - name: host\n    checks: [{kind: load, interval: 1s, warn: null}]\n")
    )
    until(lambda: keys(place) == ["feed/tcp", "host/load"], "the new check is there")
    assert place.leader_pid() == process.pid
    assert place.state() == DOWN
    place.open_port()
    place.wait_for(OK)
    until(lambda: place.bodies(AlertResolved), "the alert is resolved")
    assert_each_transition_once(place)
    first, second = place.bodies(WatchLed)
    assert (first.epoch, second.epoch) == (1, 2)
    assert first.config_hash != second.config_hash
    assert len(place.bodies(AlertRaised)) == 1  # the same episode before and after


def test_a_wrong_file_changes_nothing_and_is_told(place: Place) -> None:
    process = place.watch()
    place.wait_for(DOWN)
    replace_file(place.config, "services:\n  - name: feed\n    checks: [{kind: nonsense}]\n")
    until(lambda: source(place, "config")[0] == "stale", "the sources say so")
    error = source(place, "config")[1]
    assert error.startswith(
        f"the old configuration is in force: {place.config}:3: services[0].checks[0].kind: expected"
    )
    assert keys(place) == ["feed/tcp"]
    place.open_port()
    place.wait_for(OK)
    assert (place.reader.poll() or pytest.fail("no status")).overall != OK  # what is asked for is not what is watched
    replace_file(place.config, configured(place))
    until(lambda: source(place, "config") == ("", ""), "it is mended")
    until(lambda: (place.reader.poll() or pytest.fail("no status")).overall == OK, "all is well again")
    assert len(place.bodies(WatchLed)) == 1  # nothing new was in force at any time
    place.config.unlink()
    until(lambda: source(place, "config")[1].endswith(": gone"), "a file that is gone is told too")
    process.terminate()
    process.wait(timeout=6)
    assert process.stderr is not None
    assert "the old configuration is in force" in process.stderr.read()


def test_sighup_reads_again_at_once_and_a_rule_file_counts(place: Place, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text("groups: []\n")
    place.config.write_text(configured(place, extra="rules: [rules.yml]\n"))
    process = place.watch()
    place.wait_for(DOWN)
    process.send_signal(signal.SIGHUP)
    rules.write_text("groups:\n  - name: g\n    rules: [{alert: A, expr: 'vector(1'}]\n")
    until(lambda: source(place, "config")[0] == "stale", "the broken rules are told")
    rules.write_text("groups:\n  - name: g\n    rules: [{alert: A, expr: vector(1)}]\n")
    process.send_signal(signal.SIGHUP)
    until(lambda: source(place, "config") == ("", ""), "the rules are in force")
    assert process.poll() is None


def test_a_check_that_was_taken_out_resolves_its_alert(place: Place) -> None:
    place.watch()
    place.wait_for(DOWN)
    until(lambda: place.bodies(AlertRaised), "the alert is recorded")
    replace_file(place.config, "services:\n  - name: host\n    checks: [{kind: load, interval: 1s, warn: null}]\n")
    (resolved,) = until(lambda: place.bodies(AlertResolved), "it can't resolve by itself any more")
    assert resolved.evidence == "no longer watched"


def test_a_terminal_that_hangs_up_ends_it(place: Place) -> None:
    command = [*VIGIE, "--db", str(place.paths.database), "--config", str(place.config), "watch"]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, command)
    try:
        until(place.leader_pid, "it leads")
        os.kill(pid, signal.SIGHUP)
        until(lambda: place.state() == DOWN, "it goes on")
        os.close(terminal)
        terminal = -1
        _, status = until(lambda: (found := os.waitpid(pid, os.WNOHANG))[0] and found, "it ends", 8)
        assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGHUP
        pid = 0
    finally:
        if terminal >= 0:
            os.close(terminal)
        if pid:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def test_systemd_hears_that_it_is_ready_alive_reloading_and_stopping(place: Place, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(15)
        heard: list[str] = []

        def until_heard(wanted: str) -> None:
            while not any(wanted in line for line in heard):
                heard.extend(manager.recv(4096).decode().splitlines())

        command = [*VIGIE, "--db", str(place.paths.database), "--config", str(place.config), "watch"]
        environ = {**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"}
        with subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL) as process:
            try:
                for wanted in ("READY=1", "WATCHDOG=1", "STATUS=leads: epoch 1, 1 checks"):
                    until_heard(wanted)
                process.send_signal(signal.SIGHUP)
                until_heard("RELOADING=1")
                heard.clear()
                process.terminate()
                until_heard("STOPPING=1")
            finally:
                process.terminate()
                process.wait(timeout=8)


def test_watchdog_time_is_that_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    assert systemd.watchdog_s() == 15
    monkeypatch.setenv("WATCHDOG_PID", "1")
    assert systemd.watchdog_s() is None
    monkeypatch.setenv("NOTIFY_SOCKET", "/no/such/socket")
    systemd.tell("READY=1")  # nobody there is no error


@pytest.mark.parametrize("named", [True, False])
def test_the_unit_that_ships_is_one_that_systemd_takes(
    named: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("no systemd-analyze here")
    monkeypatch.delenv("VIGIE_DB", raising=False)
    config = tmp_path / "with space 100%.yaml"
    config.write_text("title: x\n")
    options = ["--db", str(tmp_path / "v.db")] if named else []
    assert main([*options, "--config", str(config), "watch", "--systemd-unit"]) == 0
    text = capsys.readouterr().out
    assert f'"{tmp_path}/with space 100%%.yaml"' in text
    assert ("StateDirectory=vigie" in text) is not named
    unit = tmp_path / "vigie-watch.service"
    unit.write_text(text)
    done = subprocess.run([analyze, "verify", str(unit)], capture_output=True, text=True, timeout=60, check=False)
    ours = [line for line in done.stderr.splitlines() if "vigie-watch" in line]
    assert (done.returncode, ours) == (0, [])


def test_old_segments_are_dropped_and_the_rest_still_verifies(tmp_path: Path) -> None:
    clock = FixedClock(datetime(2026, 1, 10, tzinfo=UTC))
    with Journal.open(tmp_path / "v.db", actor="t", origin=Origin(program="watch"), clock=clock) as journal:
        for number in range(5):
            changed = CheckChanged(service=f"feed{number}", check="port", kind="tcp", old=OK, new=DOWN)
            journal.append_watch([New(body=changed)])
            clock.advance(31 * 86400)
        journal.append_watch([New(body=CheckChanged(service="a", check="b", kind="tcp", old=OK, new=DOWN))])
        months = [info.stream for info in journal.streams()]
        assert len(months) == 6
        gone = journal.drop_watch(clock.now() - timedelta(days=90))
        assert gone == sorted(months)[: len(gone)]
        assert len(gone) == 2  # March ended less than 90 days ago
        left = journal.streams()
        assert [info.stream for info in left] == [one for one in months if one not in gone]
        assert all(journal.verify(info.stream).ok for info in left)
        assert journal.search("feed0") == []
        assert len(journal.search("feed4")) == 1
        kept = journal.rows("SELECT stream, count FROM dropped_segments ORDER BY stream")
        assert kept == [(stream, 2) for stream in gone]
        assert journal.drop_watch(clock.now() - timedelta(days=90)) == []
        assert journal.drop_watch(clock.now() + timedelta(days=900)) != []
        assert len(journal.streams()) == 1  # the newest stays, however old


def test_recheck_waits_for_the_watchs_answer(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    slow = configured(place).replace("interval: 200ms, retry_interval: 100ms", "interval: 1h")
    place.config.write_text(slow)
    options = ["--db", str(place.paths.database), "--config", str(place.config)]
    assert main([*options, "recheck", "feed"]) == 2
    assert "no watch is running" in capsys.readouterr().err
    place.watch()
    place.wait_for(DOWN)
    assert main([*options, "recheck", "nope"]) == 2
    assert "named 'nope'" in capsys.readouterr().err
    place.open_port()
    codes = [main([*options, "recheck", "feed/tcp"]) for _ in range(2)]
    first, second = capsys.readouterr().out.splitlines()
    assert codes == [1, 0]
    assert first.startswith("DOWN (OK 1/2)  feed/tcp  ")
    assert second.startswith("OK  feed/tcp  ")
    place.close_port()
    assert main([*options, "recheck", "feed"]) == 1


def test_dropping_the_oldest_segment_keeps_status_db_ours(tmp_path: Path) -> None:
    clock = FixedClock(datetime(2026, 1, 10, tzinfo=UTC))

    def open_journal() -> Journal:
        return Journal.open(tmp_path / "v.db", actor="t", origin=Origin(program="watch"), clock=clock)

    def recorder() -> Recorder:
        return Recorder(open_journal, tmp_path / "d" / "status.db", holder=new_holder(), config_hash="c", clock=clock)

    first = recorder()
    assert first.try_lead() is not None
    first.load()
    clock.advance(150 * 86400)
    first.publish(Changes(machines={"a/b": Machine()}, news=[New(body=SourceLost(source="am"))]), None)
    (gone,) = first.forget_before(clock.now() - timedelta(days=90))
    assert gone == "watch:2026-01"
    first.release()
    first.close()
    second = recorder()
    assert second.try_lead() is not None
    assert set(second.load().machines) == {"a/b"}  # not thrown away as another journal's
    second.close()
