"""Several servers' words as one list: merged, believed, doubted; pure, with a clock that the test turns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from console.alerts.alertmanager import GettableAlert, Matcher, ServerStatus, Silence, SilenceStatus, Status
from console.alerts.judge import Judge
from console.alerts.poll import back_off
from console.alerts.views import AlertmanagerView, PrometheusView
from console.fingerprint import fingerprint
from console.snapshot import FIRING, GONE, GONE_BECAUSE, SUPPRESSED_ALERT, Report, Source
from console.sources import AlertmanagerConfig, PrometheusConfig

START = datetime(2026, 3, 14, 2, 0, tzinfo=UTC)
DEEP = {"alertname": "QueueDeep", "queue": "a"}
LONG_AGO = ServerStatus(uptime=START - timedelta(days=3))


def view(name: str, **more: Any) -> AlertmanagerView:
    return AlertmanagerView(AlertmanagerConfig(name=name, url="http://127.0.0.1:1", **more), "alertmanager")


def told(
    labels: dict[str, str] = DEEP,
    state: str = "active",
    *,
    starts: float = 0,
    sent: float = 0,
    lasts: float = 240,
    silenced: tuple[str, ...] = (),
    inhibited: tuple[str, ...] = (),
) -> GettableAlert:
    """An alert as a server reports it; times in seconds after START."""
    return GettableAlert(
        fingerprint=fingerprint(labels),
        labels=labels,
        starts_at=START + timedelta(seconds=starts),
        ends_at=START + timedelta(seconds=sent + lasts),
        updated_at=START + timedelta(seconds=sent),
        status=Status(state=state, silenced_by=silenced, inhibited_by=inhibited),
    )


def watchdog(sent: float) -> GettableAlert:
    return told({"alertname": "Watchdog"}, sent=sent)


class Scene:
    """Some Alertmanagers and what is shown of them."""

    def __init__(self, *names: str, known: Report | None = None, **more: Any) -> None:
        self.views = {name: view(name, **more) for name in names}
        before = known or Report(sources=())
        self.judge = Judge(
            list(self.views.values()),
            [],
            lambda labels: (labels.get("severity", ""), 1),
            before.alerts,
            before.sources,
        )

    def at(self, seconds: float, **said: list[GettableAlert] | None) -> Report:
        """Each named server gives these alerts, or (None) no answer; what is true by that."""
        now = START + timedelta(seconds=seconds)
        for name, alerts in said.items():
            if alerts is None:
                self.views[name].failed("connection refused")
            else:
                self.views[name].answered(alerts, LONG_AGO, now)
        return self.judge.report(now)


def test_each_alert_once_with_its_earliest_start_and_the_loudest_state() -> None:
    scene = Scene("a", "b")
    report = scene.at(0, a=[told(starts=-10, state="suppressed", silenced=("s1",))], b=[told(starts=-70)])
    (alert,) = report.alerts
    assert (alert.state, alert.silenced_by, alert.reported_by) == (FIRING, (), ("a", "b"))
    assert alert.starts_at == START - timedelta(seconds=70)
    quiet = scene.at(
        10,
        a=[told(starts=-10, state="suppressed", silenced=("s1",))],
        b=[told(starts=-70, state="suppressed", silenced=("s2",), inhibited=("00aa",))],
    )
    (alert,) = quiet.alerts
    assert (alert.state, alert.silenced_by, alert.inhibited_by) == (SUPPRESSED_ALERT, ("s1", "s2"), ("00aa",))
    (alert,) = scene.at(20, a=[told(state="suppressed", inhibited=("x",))], b=[told(state="unprocessed")]).alerts
    assert (alert.state, alert.inhibited_by) == (SUPPRESSED_ALERT, ("x",))


def test_one_that_is_down_hides_nothing_of_the_other() -> None:
    scene = Scene("a", "b")
    scene.at(0, a=[told()], b=[told()])
    for seconds in (10, 20, 30):
        report = scene.at(seconds, a=[told(sent=seconds)], b=None)
    (alert,) = report.alerts
    assert (alert.state, alert.reported_by) == (FIRING, ("a",))
    assert [source.state for source in report.sources] == ["ok", "lost"]
    assert scene.at(40, a=[], b=None).alerts == ()  # told so: it left long before its time


def test_a_lost_source_keeps_its_alerts_and_resolves_nothing() -> None:
    scene = Scene("a")
    scene.at(0, a=[told()])
    assert scene.at(10, a=None).alerts[0].state == GONE or scene.at(10).sources[0].state == "ok"
    report = scene.at(20, a=None)
    (alert,) = report.alerts
    assert (alert.state, report.sources[0].state) == (GONE, "lost")
    assert alert.annotations[GONE_BECAUSE] == "a is lost"
    (back,) = scene.at(30, a=[told(sent=25)]).alerts
    assert (back.state, GONE_BECAUSE in back.annotations) == (FIRING, False)


def test_what_runs_out_is_not_over_and_what_is_told_is() -> None:
    scene = Scene("a")
    scene.at(0, a=[told(lasts=240)])
    report = scene.at(10, a=[])  # gone 230 s before its time: somebody said so
    assert report.alerts == ()
    assert report.evidence == {fingerprint(DEEP): "absent from a"}

    scene = Scene("a")
    scene.at(0, a=[told(lasts=40)])
    scene.at(35, a=[told(lasts=40)])
    (alert,) = scene.at(41, a=[]).alerts  # its time ran out: its Prometheus may be dead
    assert "nobody said that it is over" in alert.annotations[GONE_BECAUSE]
    (again,) = scene.at(50, a=[told(sent=50)]).alerts
    assert again.state == FIRING


def test_a_watchdog_tells_that_its_prometheus_lives() -> None:
    scene = Scene("a")
    scene.at(0, a=[told(lasts=40), watchdog(0)])
    (alert,) = scene.at(41, a=[watchdog(10)]).alerts
    assert alert.state == GONE
    assert scene.at(50, a=[watchdog(45)]).alerts == ()

    scene = Scene("a")
    scene.at(0, a=[told(), watchdog(0)])
    report = scene.at(10, a=[])  # with the watchdog gone nothing is over, whatever its time
    assert report.alerts[0].state == GONE
    assert (report.sources[0].state, "Watchdog is missing" in report.sources[0].error) == ("stale", True)


def test_where_nobody_would_notice_a_dead_prometheus_it_is_said() -> None:
    """Without a watchdog, and no Prometheus that is asked itself, silence may mean that nobody sends anything."""
    scene = Scene("am")
    (source,) = scene.at(0, am=[told()]).sources
    assert (source.state, source.note) == ("ok", "no watchdog")
    (source,) = scene.at(1, am=[told(), watchdog(1)]).sources
    assert (source.state, source.note) == ("ok", "")
    (source,) = Scene("am", watchdog="Heartbeat").at(0, am=[told()]).sources
    assert (source.state, source.note) == ("stale", "")
    manager, prometheus = view("am"), PrometheusView(PrometheusConfig(name="p", url="http://127.0.0.1:1"), "prometheus")
    judge = Judge([manager], [prometheus], lambda labels: ("", 1))
    manager.answered([told()], LONG_AGO, START)
    assert judge.report(START).sources[0].note == ""


def test_the_watchdog_itself_is_no_problem_and_may_have_another_name() -> None:
    scene = Scene("a", watchdog="AlwaysOn")
    report = scene.at(0, a=[told({"alertname": "AlwaysOn"}), told({"alertname": "Watchdog"})])
    assert [alert.name for alert in report.alerts] == ["Watchdog"]
    assert report.sources[0].state == "ok"
    assert scene.at(10, a=[]).sources[0].state == "stale"


def test_the_next_process_knows_of_the_watchdog_and_believes_no_silence() -> None:
    first = Scene("a")
    before = first.at(0, a=[told(), watchdog(0)])
    assert before.sources[0].watchdog == "Watchdog"
    second = Scene("a", known=before)
    report = second.at(10, a=[])
    assert (report.alerts[0].state, report.sources[0].state) == (GONE, "stale")
    assert second.at(20, a=[watchdog(15)]).alerts[0].state == GONE  # it may be the last that was sent
    assert second.at(200, a=[watchdog(199)]).alerts == ()


def test_a_source_with_very_many_alerts_is_asked_less_often_and_not_lost_meanwhile() -> None:
    scene = Scene("a", interval=1, timeout=2)
    scene.at(0, a=[told()])
    assert scene.at(9).sources[0].state == "lost"
    scene.views["a"].pause = 10.0
    assert scene.at(9).sources[0].state == "ok"


def test_until_a_source_has_been_asked_its_alerts_are_as_they_were() -> None:
    before = Scene("a").at(0, a=[told()])
    second = Scene("a", known=before)
    assert second.at(5).alerts == before.alerts
    assert second.at(6, a=None).alerts == before.alerts
    assert second.at(7, a=None).alerts[0].state == GONE


def test_a_server_that_began_a_moment_ago_is_not_believed() -> None:
    scene = Scene("a")
    scene.at(0, a=[told()])
    now = START + timedelta(seconds=10)
    scene.views["a"].answered([], ServerStatus(uptime=now - timedelta(seconds=2)), now)
    report = scene.judge.report(now)
    assert (report.sources[0].state, report.alerts[0].state) == ("warming", GONE)


def test_a_server_that_began_anew_has_not_been_told() -> None:
    scene = Scene("a", warm_up=5)
    scene.at(0, a=[told()])
    for seconds in (10, 60, 3600, 86000):
        now = START + timedelta(seconds=seconds)
        scene.views["a"].answered([], ServerStatus(uptime=START + timedelta(seconds=3)), now)
        report = scene.judge.report(now)
        assert [alert.state for alert in report.alerts] == [GONE]
    now = START + timedelta(days=1, seconds=20)
    scene.views["a"].answered([], ServerStatus(uptime=START + timedelta(seconds=3)), now)
    report = scene.judge.report(now)
    assert report.alerts == ()
    assert "for a day" in report.evidence[fingerprint(DEEP)]


def test_an_alert_of_a_source_that_is_configured_no_more_is_over() -> None:
    scene = Scene("b", known=Scene("a").at(0, a=[told()]))
    report = scene.at(10, b=[])
    assert report.alerts == ()
    assert report.evidence == {fingerprint(DEEP): "its source is no longer configured"}


def test_an_unchanged_alert_stays_the_same_object_whatever_it_is_sent() -> None:
    scene = Scene("a", "b")
    first = scene.at(0, a=[told()], b=[told()]).alerts[0]
    assert scene.at(10, a=[told(sent=9)], b=[told(sent=9)]).alerts[0] is first


def test_silences_of_a_cluster_are_one_each_as_last_heard() -> None:
    scene = Scene("a", "b")

    def silence(state: str, seconds: float) -> Silence:
        return Silence(
            id="s1",
            status=SilenceStatus(state=state),
            matchers=(Matcher(name="queue", value='a"', is_regex=True, is_equal=False),),
            starts_at=START,
            ends_at=START + timedelta(hours=1),
            updated_at=START + timedelta(seconds=seconds),
        )

    scene.views["a"].answered([], LONG_AGO, START, (silence("active", 0),))
    scene.views["b"].answered([], LONG_AGO, START, (silence("expired", 5),))
    (found,) = scene.judge.report(START).silences
    assert (found.state, found.source, found.words) == ("expired", "a", 'queue!~"a\\""')


def test_the_pause_grows_to_half_a_minute_and_never_beats_in_step() -> None:
    assert [back_off(n, lambda: 0.5) for n in (1, 2, 3, 4, 5, 6, 50)] == [1, 2, 4, 8, 16, 30, 30]
    assert (back_off(1, lambda: 0.0), back_off(1, lambda: 1.0)) == (0.75, 1.25)


def test_a_source_says_what_is_wrong_in_the_fewest_words() -> None:
    scene = Scene("a")
    assert scene.at(0).sources == (Source(name="a", kind="alertmanager", state="warming"),)
    assert scene.at(1, a=None).sources[0].state == "warming"
    scene.views["a"].failed("first\nsecond\x1b[2J")
    assert scene.at(2).sources[0].error.isprintable()
    lost = scene.at(2, a=None).sources[0]
    assert (lost.state, lost.error, lost.last_ok) == ("lost", "connection refused", None)
