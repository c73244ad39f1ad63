"""The Status screen, by keyboard at 80×24."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from console.config import Config
from console.journal.events import Acknowledged, CheckChanged, Declared, Maintenance, New
from console.snapshot import Source
from screens import status, status_entries, status_order, status_rows
from screens.errands import RunbookFor


def _outage(given: Any) -> Any:
    labels = {"service": "api", "check": "http", "alertname": "ApiDown"}
    return given.snapshot(
        given.check("api", "http", "DOWN", detail="http 503, 5 of 5 failing", labels=labels, runbook="RB-api"),
        given.check("db", "tcp", "DEGRADED", detail="slow"),
        *[given.check(f"s{n:03}", "tcp") for n in range(187)],
        given.alert("ApiDown", source="vigie", labels=labels, fingerprint="00000000000000aa"),
        sources=(
            Source(name="am-a", kind="alertmanager", last_ok=datetime.now(UTC) - timedelta(seconds=3)),
            Source(name="prom-1", kind="prometheus", state="stale", last_ok=datetime.now(UTC) - timedelta(minutes=4)),
        ),
    )


async def test_the_screen_of_the_design(console: Any, given: Any) -> None:
    async with console.open():
        console.show(_outage(given))
        await console.pilot.pause()
        lines = console.lines()
        assert len(lines) == 24
        assert lines[0].startswith(" prod-bastion   DOWN 1  DEGRADED 1  UNKNOWN 0  OK 187")
        assert lines[0].endswith("Z")
        assert lines[1].startswith(" prom-1 STALE 4m | am-a 3s ok")
        assert lines[1].endswith("no incident")
        assert lines[2].startswith(" 1 Status  2 Incident  3 Runbook  4 Timeline  5 Report")
        assert lines[3].startswith("▌✗ D api/http")
        assert "http 503, 5 of 5 failing" in lines[3] and lines[3].endswith("→ RB-api")
        assert lines[4].startswith(" ! W db/tcp")
        assert lines[5].startswith(" ✓ K 187 OK")
        assert lines[-2].startswith("n>")
        assert lines[-1].endswith("? help")


async def test_why_a_source_can_not_be_believed_is_said(console: Any, given: Any) -> None:
    now = datetime.now(UTC)
    why = "its target shop 127.0.0.1:1 does not answer: alerts about it may be missing"
    ok = Source(name="am-a", kind="alertmanager", last_ok=now, note="no watchdog")
    stale = Source(name="prom-1", kind="prometheus", state="stale", last_ok=now, error=why)
    gone = Source(name="prom-2", kind="prometheus", state="lost", last_ok=now, error="connection\x1b[2J refused")
    async with console.open():
        console.show(given.snapshot(given.check("db", "tcp"), sources=(ok, stale)))
        await console.until(lambda: "prom-1 stale: its target shop 127.0.0.1:1 does not answer" in console.text())
        assert "am-a 0s ok, no watchdog" in console.lines()[1]
        console.show(given.snapshot(given.check("db", "tcp"), sources=(ok, stale, gone)))
        await console.until(lambda: "prom-2 lost (and 1 more): connection<ESC>[2J refused" in console.text())
        console.show(given.snapshot(given.check("db", "tcp"), sources=(ok,)))
        await console.until(lambda: "refused" not in console.text() and "prom" not in console.text())


async def test_no_status_is_not_green(console: Any) -> None:
    async with console.open():
        assert "no status yet" in console.lines()[0]
        assert "OK" not in console.lines()[0]


async def test_acknowledge(console: Any, given: Any) -> None:
    async with console.open():
        console.show(_outage(given))
        await console.press("a")
        await console.press("enter")
        assert "a reason, please" in console.lines()[-1]
        await console.type("on it")
        await console.press("enter")
        await console.until(lambda: "acknowledged: ApiDown" in console.text())
        with console.journal() as journal:
            bodies = [event.body for event in journal.since(0) if isinstance(event.body, Acknowledged)]
        assert [(body.fingerprint, body.reason, body.service) for body in bodies] == [
            ("00000000000000aa", "on it", "api")
        ]


async def test_maintenance_by_hand(console: Any, given: Any) -> None:
    async with console.open():
        console.show(_outage(given))
        await console.press("M")
        await console.press("enter")
        assert "a reason, please" in console.lines()[-1]
        await console.type("disk swap for 2h")
        await console.press("enter")
        await console.until(lambda: "maintenance of api for 2h" in console.text())
        with console.journal() as journal:
            (event,) = [event for event in journal.since(0) if isinstance(event.body, Maintenance)]
        body = event.body
        assert (body.name, body.services, body.reason, body.asked) == ("api", ("api",), "disk swap", True)
        assert timedelta(minutes=119) < body.until - event.recorded_at <= timedelta(hours=2)
        console.show(given.snapshot(given.check("api", "http", "DOWN", overlays=("MAINT",), maintenance="api")))
        await console.press("M")
        assert "'end' ends it" in console.text()
        await console.type("end")
        await console.press("enter")
        await console.until(lambda: "maintenance of api is over" in console.text())
        console.show(given.snapshot(*[given.check("db", f"c{n}", "DOWN") for n in range(3)]))
        await console.press("g")
        await console.until(lambda: "3 DOWN" in console.text())
        await console.press("home", "M")
        assert "db: still checked, nobody is alerted" in console.text()
        await console.press("escape")


async def test_what_can_not_be_done_says_why(console: Any, given: Any) -> None:
    async with console.open():
        console.show(_outage(given))
        await console.press("S")
        assert "silence: no Alertmanager is connected" in console.lines()[-1]
        await console.press("end", "a")
        assert "acknowledge: select an alert" in console.lines()[-1]
        await console.press("up", "R")
        await console.until(lambda: "not asked: no watch is running" in console.lines()[-1])
        await console.press("n")
        assert "no incident is open: D declares one" in console.lines()[-1]


async def test_declare_from_a_check_takes_its_labels(console: Any, given: Any) -> None:
    async with console.open():
        console.show(_outage(given))
        await console.press("D")
        assert "declare>  ApiDown: http 503, 5 of 5 failing -3m" in console.lines()[-2]
        assert "impact since" in console.lines()[-1]
        await console.type("sev2")  # the severity is what is missing: it goes where the cursor stands
        assert "declare> sev2 ApiDown: http 503, 5 of 5 failing -3m" in console.lines()[-2]
        await console.press("enter")
        await console.until(lambda: console.app.desk.incident is not None)
        assert "INC-1 SEV2" in console.lines()[1] and "T+00:0" in console.lines()[1]
        with console.journal() as journal:
            declared = next(event.body for event in journal.since(0) if isinstance(event.body, Declared))
        assert declared.labels["alertname"] == "ApiDown"
        assert declared.services == ("api",) and declared.source == "check api/http"


@pytest.mark.parametrize(
    ("typed", "title", "severity", "services", "minutes"),
    [
        ("-8m #tag", "ApiDown: http 503, 5 of 5 failing", "", ("tag", "api"), 8),
        ("sev2 -8m #tag", "ApiDown: http 503, 5 of 5 failing", "SEV2", ("tag", "api"), 8),
        ("sev2 checkout -8m #tag", "checkout ApiDown: http 503, 5 of 5 failing", "SEV2", ("tag", "api"), 8),
        ("sev2", "ApiDown: http 503, 5 of 5 failing", "SEV2", ("api",), 3),
    ],
)
async def test_what_is_typed_in_front_of_a_problem_s_words_is_read_as_a_line(
    console: Any, given: Any, typed: str, title: str, severity: str, services: tuple[str, ...], minutes: int
) -> None:
    async with console.open():
        console.show(_outage(given))
        await console.press("D")
        await console.type(typed)
        await console.press("enter")
        await console.until(lambda: console.app.desk.incident is not None)
        with console.journal() as journal:
            events = list(journal.since(0))
        declared = next(event for event in events if isinstance(event.body, Declared))
        assert (declared.body.title, declared.body.severity) == (title, severity)
        assert declared.body.services == services
        begun = console.app.desk.incident.zero.at
        assert round((declared.occurred_at - begun).total_seconds() / 60) == minutes


async def test_its_runbook_in_one_key(console: Any, given: Any) -> None:
    async with console.open():
        console.show(_outage(given))
        await console.pilot.pause()
        wanted: list[Any] = []
        console.app.desk.mode_wanted.subscribe(console.app, wanted.append, immediate=True)
        await console.press("r")
        (mode, errand) = wanted[0]
        assert mode == "runbook"
        assert isinstance(errand, RunbookFor)
        assert (errand.name, errand.named, errand.labels["service"]) == ("ApiDown", "RB-api", "api")


async def test_detail_with_history(console: Any, given: Any) -> None:
    with console.journal() as journal:
        journal.append_watch(
            [
                New(
                    body=CheckChanged(service="api", check="http", kind="http", old="OK", new="DOWN", detail="503"),
                    dedupe="check:api/http:DOWN:1",
                )
            ]
        )
    async with console.open():
        console.show(_outage(given))
        await console.press("enter")
        await console.until(lambda: "OK -> DOWN" in console.text())
        text = console.text()
        assert "last result" in text and "alertname" in text and "esc back" in text
        console.show(_outage(given))  # a refresh keeps what is read
        await console.pilot.pause()
        assert "OK -> DOWN" in console.text()
        await console.press("escape")
        assert console.lines()[3].startswith("▌✗ D api/http")


async def test_a_refresh_holds_the_order_and_says_what_is_new(console: Any, given: Any) -> None:
    async with console.open():
        since = datetime.now(UTC) - timedelta(minutes=3)
        a, b = given.check("a", "x", "DEGRADED", since=since), given.check("b", "x", "DEGRADED", since=since)
        console.show(given.snapshot(a, b))
        await console.press("down")
        assert console.lines()[4].startswith("▌! W b/x")
        console.show(given.snapshot(a, b, given.check("c", "x", "DOWN")))
        await console.pilot.pause()
        assert console.lines()[4].startswith("▌! W b/x")
        assert "+1 new" in console.lines()[2]
        await console.press("home")
        console.show(console.app.desk.status)
        await console.pilot.pause()
        assert console.lines()[3].startswith("▌✗ D c/x")


async def test_filter_problems_and_fold(console: Any, given: Any) -> None:
    async with console.open():
        console.show(_outage(given))
        await console.press("slash")
        await console.type("db")
        assert "hides 1 critical" in console.lines()[2]
        assert console.lines()[3].startswith("▌! W db/tcp")
        await console.press("enter")
        assert "/db" in console.lines()[2]
        await console.press("escape")
        assert console.lines()[3].startswith("▌✗ D api/http")
        await console.press("H")
        assert any("s000/tcp" in line for line in console.lines())
        await console.press("H", "p")
        assert "problems only" in console.lines()[2]
        await console.press("escape")
        assert "problems only" not in console.lines()[2]


async def test_with_no_configuration_it_says_how_to_add_services(home: Any, console: Any, given: Any) -> None:
    object.__setattr__(console, "deps", _with_config(console.deps, Config()))
    async with console.open(size=(120, 30)):
        console.show(given.snapshot(given.check("host", "disk")))
        await console.pilot.pause()
        assert "only this host" in console.text() and "add services: in" in console.text()


def _with_config(deps: Any, config: Config) -> Any:
    from dataclasses import replace

    return replace(deps, config=config)


async def test_read_only_writes_nothing(console: Any, given: Any) -> None:
    from dataclasses import replace

    console.journal().close()
    console.deps = replace(console.deps, read_only=True)
    async with console.open():
        console.show(_outage(given))
        await console.press("a")
        assert "acknowledge: this console is read-only" in console.lines()[-1]
        await console.press("escape", "D")
        assert "declare an incident: this console is read-only" in console.lines()[-1]
        assert "read-only" in console.lines()[2]
    assert [path.name for path in console.paths.database.parent.iterdir() if path.name.startswith("vigie")] == [
        "vigie.db"
    ]


async def test_5000_checks_show_a_screenful(console: Any, given: Any) -> None:
    async with console.open():
        console.show(given.snapshot(*[given.check(f"s{n:04}", "tcp", "DOWN") for n in range(5000)]))
        await console.until(lambda: "s0000/tcp" in console.text() or "s4999/tcp" in console.text())
        await console.press("end")
        assert "5,000/5,000" in console.lines()[2]
        await console.press("pageup", "up")
        assert "4,98" in console.lines()[2]


async def test_the_bell_rings_once_for_what_is_new_and_critical(console: Any, given: Any, monkeypatch: Any) -> None:
    async with console.open():
        rung: list[int] = []
        monkeypatch.setattr(console.app, "bell", lambda: rung.append(1))
        known, minor = given.check("known", "x", "DOWN"), given.check("minor", "x", "DEGRADED")
        console.show(given.snapshot(known))
        console.show(given.snapshot(known, minor))
        assert rung == []  # what was so when the console opened, and what is not critical, make no noise
        console.show(given.snapshot(known, minor, given.check("a", "x", "DOWN"), given.check("b", "x", "DOWN")))
        assert rung == [1]
        console.show(given.snapshot(known, given.check("c", "x", "DOWN")))
        assert rung == [1]  # not twice within half a minute


async def test_names_are_whole_where_there_is_room(console: Any, given: Any) -> None:
    name = "readings-volume"
    async with console.open():
        console.show(
            given.snapshot(given.check(name, "space", "DOWN", detail="used_percent is 99.8", runbook="RB-volume"))
        )
        await console.pilot.pause()
        assert f"{name}/space used_percent is 99.8" in console.lines()[3]
        await console.pilot.resize_terminal(200, 60)
        await console.pilot.pause()
        assert f"{name}/space used_percent is 99.8" in console.lines()[3]  # not a third of the screen for it


async def test_how_to_add_services_has_the_whole_line(home: Any, console: Any, given: Any) -> None:
    console.deps = _with_config(console.deps, Config())
    async with console.open():
        console.show(given.snapshot(given.check("host", "cpu")))
        await console.pilot.pause()
        assert "only this host add services: in ~/.config/vigie/vigie.yaml;" in console.text()


async def test_very_many_are_ordered_beside_the_keys_and_look_the_same(
    console: Any, given: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordered: list[int] = []
    entries = status_entries.entries

    def noted(*arguments: Any) -> Any:
        ordered.append(threading.get_ident())
        return entries(*arguments)

    monkeypatch.setattr(status_entries, "entries", noted)
    things = [given.check(f"s{n}", "http", "DOWN" if n % 9 == 0 else "OK") for n in range(400)]
    seen: list[list[str]] = []
    for many in (10_000, 100):
        monkeypatch.setattr(status_order, "MANY", many)
        async with console.open():
            console.show(given.snapshot(*things))
            await console.until(lambda: "s387/http" in console.text())
            found = [console.lines()[3:]]
            for keys, there in (
                (("slash", "s", "1", "8", "enter"), "s18/http"),
                (("escape",), "s387/http"),
                (("p",), "s387/http"),
                (("p",), "s387/http"),
                (("end",), "355 OK"),
            ):
                await console.press(*keys)
                await console.until(
                    lambda there=there: there in console.text() and not console.app.bridge.room.order.busy
                )
                found.append([line[:40] for line in console.lines()[3:]])
            console.show(given.snapshot(*things, given.alert("Late", "critical", starts_at=datetime.now(UTC))))
            await console.until(lambda: not console.app.bridge.room.order.busy)
            await console.press("home")
            await console.until(lambda: "Late" in console.text(), "the new one")
            seen.append([[line[:40] for line in lines] for lines in found])
    assert seen[0] == seen[1]
    assert ordered[0] == threading.get_ident() and threading.get_ident() not in ordered[-2:]


async def test_what_is_painted_first_stays(monkeypatch: pytest.MonkeyPatch, console: Any, given: Any) -> None:
    """The columns are those of the whole screen also before the room has its size, or the first frame is sent twice."""
    widths: list[int] = []
    columns = status_rows.columns

    def noted(view: Any, width: int, look: Any, **options: Any) -> Any:
        widths.append(width)
        return columns(view, width, look, **options)

    monkeypatch.setattr(status_rows, "columns", noted)
    async with console.open():
        console.show(_outage(given))
        widths.clear()
        await console.app.bridge.body.mount(status.StatusRoom(console.app.desk))  # a status is known when it is built
        await console.pilot.pause()
    assert widths and set(widths) == {80}
