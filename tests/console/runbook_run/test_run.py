"""The fold of a run: what was done, what comes next, who was first, what a redaction leaves."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from console.journal.events import CommandFinished, CommandStarted, Event, New, Noted, Origin, Undone
from console.journal.folds import fold_stream
from console.journal.store import Journal
from console.runbook import actions, progress
from console.runbook.actions import Beaten, Refused
from console.runbook.model import Option, Param, Phase, Runbook, Step
from console.runbook.progress import RunView
from console.runbook.run import Command, Runs, RunsFold

from .conftest import Desk


def runbook(count: int = 4) -> Runbook:
    steps = tuple(Step(id=f"s{number}", kind="do", title=f"Step {number}") for number in range(1, count + 1))
    decide = Step(
        id="which", kind="decide", title="Which?", options=(Option("yes", "Second"), Option("no", "s1"), Option("?"))
    )
    return Runbook(
        id="rb",
        title="Stale feed \x1b[31m",
        path="rb.md",
        params=(Param("host"), Param("token", secret=True)),
        phases=(
            Phase("First", 1, 9, steps[: count // 2]),
            Phase("Ask", 10, 12, (decide,)),
            Phase("Second", 13, 20, steps[count // 2 :]),
        ),
    ).sealed()


class Follower:
    """An operator: a connection, and the run as it was when they last looked."""

    def __init__(self, journal: Journal, stream: str, run: str) -> None:
        self.journal, self.stream, self.run = journal, stream, run
        self.seen = self.look()

    def look(self) -> RunView:
        found = progress.view(self.fold(), self.run)
        assert found is not None
        self.seen = found
        return found

    def fold(self) -> Runs:
        return fold_stream(self.journal, self.stream, RunsFold())

    def do(self, news: list[New]) -> RunView:
        actions.append(self.journal, self.stream, news)
        return self.look()


@pytest.fixture
def ana(desk: Desk) -> Follower:
    news = actions.start_run(runbook(), {"host": "db1", "token": "s3cr3t"}, why="alertname FeedStale")
    (started, *_) = actions.append(desk.journal, desk.stream, news)
    return Follower(desk.journal, desk.stream, started.body.run)  # type: ignore[union-attr]  # a RunStarted


def states(view: RunView) -> dict[str, str]:
    return {step.id: step.state for step in view.steps if step.state != "open"}


def test_a_run_begins_with_its_content_frozen(ana: Follower) -> None:
    view = ana.look()
    assert [(step.id, step.phase, step.kind) for step in view.steps] == [
        ("s1", "First", "do"),
        ("s2", "First", "do"),
        ("which", "Ask", "decide"),
        ("s3", "Second", "do"),
        ("s4", "Second", "do"),
    ]
    assert (view.current, view.why, view.by, view.settled) == ("s1", "alertname FeedStale", "ana", 0)
    assert view.values == {"host": "db1"}
    assert view.secrets == {"token"}
    assert progress.runbook_of(ana.fold().runs[ana.run]) == runbook()  # to the byte, with its escape sequence
    assert "s3cr3t" not in str(list(ana.journal.all(ana.stream)))


def test_tick_skip_fail_observe(ana: Follower) -> None:
    ana.do(actions.tick(ana.seen, "s1", " lag 40 MB "))
    ana.do(actions.observe(ana.seen, "s1", "rising"))
    ana.do(actions.skip(ana.seen, "s2", "no replica here"))
    view = ana.do(actions.decide(ana.seen, "which", Option("?")))
    assert states(view) == {"s1": "done", "s2": "skipped", "which": "done"}
    assert view.current == "s3"
    view = ana.do(actions.fail(view, "s3", "timed out"))
    assert view.current == "s3"  # what now is a person's choice
    one = view.step("s1")
    assert one is not None
    assert (one.by, one.text, [seen.text for seen in one.observed]) == ("ana", "lag 40 MB", ["rising"])
    assert [step.text for step in view.steps] == ["lag 40 MB", "no replica here", "?", "timed out", ""]
    view = ana.do(actions.tick(view, "s3", "second try"))
    view = ana.do(actions.tick(view, "s4"))
    assert (view.current, view.settled) == ("", 5)


@pytest.mark.parametrize(
    ("answer", "goto"), [(Option("yes", "Second"), "s3"), (Option("no", "s1"), "s1"), (Option("x", "gone"), "s1")]
)
def test_a_decision_goes_where_it_says(ana: Follower, answer: Option, goto: str) -> None:
    ana.do(actions.jump(ana.seen, "which"))
    view = ana.do(actions.decide(ana.seen, "which", answer))
    assert view.current == ("s3" if answer.goto == "gone" else goto)


def test_the_next_step(ana: Follower) -> None:
    view = ana.do(actions.tick(ana.seen, "s4"))  # another operator's step, far below
    assert view.current == "s1"
    view = ana.do(actions.jump(view, "s3"))
    assert view.current == "s3"
    view = ana.do(actions.tick(view, "s3"))
    assert view.current == "s1"  # round to what was left open
    view = ana.do(actions.undo(view, "s3"))
    assert view.current == "s3"
    assert states(view) == {"s4": "done"}
    view = ana.do(actions.jump(view, "s4"))
    assert view.current == "s4"  # to look at a step that is done


def test_undo_takes_back_one_change_and_can_be_undone(ana: Follower) -> None:
    ana.do(actions.fail(ana.seen, "s1", "no route"))
    ana.do(actions.tick(ana.seen, "s1"))
    view = ana.do(actions.undo(ana.seen, "s1"))
    assert states(view) == {"s1": "failed"}
    undo = ana.fold().runs[ana.run].acts[-1].event
    ana.journal.append(ana.stream, [New(body=Undone(target=undo))])
    assert states(ana.look()) == {"s1": "done"}
    view = ana.do(actions.undo(ana.seen, "s1"))
    view = ana.do(actions.undo(view, "s1"))
    assert states(view) == {}
    with pytest.raises(Refused, match="nothing to take back"):
        actions.undo(view, "s1")
    assert (step := view.step("s1")) is not None and step.changes == 5


def test_an_undone_line_of_the_timeline_counts_here_too(ana: Follower) -> None:
    ana.do(actions.tick(ana.seen, "s1"))
    ana.do(actions.tick(ana.seen, "s2"))
    first = ana.fold().runs[ana.run].acts[0].event
    ana.journal.append(ana.stream, [New(body=Undone(target=first))])
    view = ana.look()
    assert states(view) == {"s2": "done"}
    assert view.current == "s1"


def test_parameters(ana: Follower) -> None:
    view = ana.do(actions.set_param(ana.seen, "host", "db2"))
    assert view.values == {"host": "db2"}
    view = ana.do(actions.set_param(view, "pin", "1234", secret=True))
    assert view.secrets == {"token", "pin"}
    assert "1234" not in str(list(ana.journal.all(ana.stream)))


def test_what_is_refused(ana: Follower) -> None:
    with pytest.raises(Refused, match="needs a reason"):
        actions.skip(ana.seen, "s1", "  ")
    with pytest.raises(Refused, match="nothing was written"):
        actions.observe(ana.seen, "s1", "\n")
    with pytest.raises(Refused, match="no step 'nope'"):
        actions.tick(ana.seen, "nope")
    view = ana.do(actions.end(ana.seen, "abandoned", "wrong host"))
    for act in (lambda: actions.tick(view, "s1"), lambda: actions.jump(view, "s1"), lambda: actions.end(view)):
        with pytest.raises(Refused, match="ana ended this run at"):
            act()
    assert ana.do(actions.observe(view, "s1", "seen later")).step("s1") is not None


def test_an_end_can_be_taken_back_and_come_again(ana: Follower) -> None:
    view = ana.do(actions.end(ana.seen))
    assert view.end is not None and view.end.outcome == "done"
    ana.journal.append(ana.stream, [New(body=Undone(target=view.end.event))])
    assert ana.look().end is None
    view = ana.do(actions.end(ana.seen, "abandoned"))
    assert view.end is not None and view.end.outcome == "abandoned"


def test_switching_runbooks_keeps_both(ana: Follower) -> None:
    ana.do(actions.tick(ana.seen, "s1"))
    view = ana.do(actions.switch(ana.seen, runbook(2), {}, "it is not the feed"))
    assert view.end is not None
    both = progress.views(ana.fold())
    assert [(one.run, one.settled, len(one.steps)) for one in both] == [(ana.run, 1, 5), (view.end.to_run, 0, 3)]
    assert both[1].why.startswith("switched from Stale feed")


def test_several_runs_at_once(ana: Follower) -> None:
    (started, *_) = actions.append(ana.journal, ana.stream, actions.start_run(runbook(), {}))
    other = Follower(ana.journal, ana.stream, started.body.run)  # type: ignore[union-attr]  # a RunStarted
    ana.do(actions.tick(ana.seen, "s1"))
    other.do(actions.skip(other.seen, "s1", "not here"))
    assert (states(ana.look()), states(other.look())) == ({"s1": "done"}, {"s1": "skipped"})


# ── two operators ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def bob(ana: Follower, database: Path) -> object:
    with Journal.open(database, actor="bob", origin=Origin(program="console")) as journal:
        yield Follower(journal, ana.stream, ana.run)


def test_two_at_the_same_step_have_one_winner(ana: Follower, bob: Follower) -> None:
    ana.do(actions.tick(ana.seen, "s1"))
    for news in (
        actions.tick(bob.seen, "s1"),
        actions.skip(bob.seen, "s1", "not needed"),
        actions.fail(bob.seen, "s1"),
    ):
        with pytest.raises(Beaten, match=r"^ana ticked this step at \d\d:\d\d:\d\dZ$") as caught:
            bob.do(news)
        assert caught.value.event.actor == "ana"
    assert len(ana.fold().runs[ana.run].acts) == 1
    bob.look()
    assert states(bob.do(actions.undo(bob.seen, "s1"))) == {}  # having seen it, bob may take it back
    with pytest.raises(Beaten, match="bob took this step back"):
        ana.do(actions.undo(ana.seen, "s1"))


def test_beaten_records_nothing_of_it(ana: Follower, bob: Follower) -> None:
    ana.do(actions.end(ana.seen))
    count = len(list(ana.journal.all(ana.stream)))
    with pytest.raises(Beaten, match="ana ended this run"):
        bob.do(actions.switch(bob.seen, runbook(2), {}))
    assert len(list(ana.journal.all(ana.stream))) == count


def test_the_same_keypress_again_is_no_second_one(ana: Follower) -> None:
    """After a crash between commit and answer the writer may send it again."""
    news = actions.tick(ana.seen, "s1")
    first = actions.append(ana.journal, ana.stream, news)
    again = actions.append(ana.journal, ana.stream, news)
    assert [event.id for event in first] == [event.id for event in again]


def test_both_may_observe(ana: Follower, bob: Follower) -> None:
    ana.do(actions.observe(ana.seen, "s1", "red"))
    view = bob.do(actions.observe(bob.seen, "s1", "green"))
    step = view.step("s1")
    assert step is not None
    assert [(seen.by, seen.text) for seen in step.observed] == [("ana", "red"), ("bob", "green")]


# ── what is lost on the way ──────────────────────────────────────────────────────────────────────────────────────


def test_a_redaction_takes_the_words_and_nothing_else(ana: Follower, bob: Follower) -> None:
    ana.do(actions.tick(ana.seen, "s1", "password is hunter2"))
    ana.do(actions.observe(ana.seen, "s2", "hunter2 again"))
    ana.do(actions.skip(ana.seen, "s2", "hunter2"))
    live = ana.fold()
    for act in list(live.runs[ana.run].acts):
        RunsFold().apply(live, ana.journal.redact(act.event, "a secret"))
    for found in (progress.view(live, ana.run), ana.look()):
        assert found is not None
        assert states(found) == {"s1": "done", "s2": "skipped"}
        assert "hunter2" not in str(found)
        assert [step.changes for step in found.steps[:2]] == [1, 1]
    bob.look()
    bob.do(actions.undo(bob.seen, "s2"))  # keys go on from where they were


def test_a_redacted_start_leaves_what_was_done(ana: Follower) -> None:
    ana.do(actions.tick(ana.seen, "s2"))
    live = ana.fold()
    RunsFold().apply(live, ana.journal.redact(live.runs[ana.run].event, "x"))
    for found in (progress.view(live, ana.run), ana.look()):
        assert found is not None
        assert "can't be read" in found.problem
        assert [(step.id, step.title, step.state) for step in found.steps] == [("s2", "Step 2", "done")]


def event(body: object, number: int = 1, kind: str = "") -> Event:
    from datetime import UTC, datetime

    return Event(  # type: ignore[call-arg]  # a test's envelope
        id=f"E{number}",
        stream="S",
        seq=number,
        recorded_at=datetime(2026, 1, 1, tzinfo=UTC),
        occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
        actor="ana",
        origin=Origin(program="cli"),
        kind=kind,
        body=body,  # type: ignore[arg-type]  # any body
    )


STARTED = CommandStarted(command="C", text="x", host="h", user="u", cwd="/", boot_id="b1", run="R", step="s1")


def test_the_first_end_of_a_command_stands() -> None:
    runs = RunsFold().apply(Runs(), event(STARTED))
    assert runs.commands["C"].finish is None
    RunsFold().apply(runs, event(CommandFinished(command="C", run="R", step="s1", exit_code=0, head="h"), 2))
    RunsFold().apply(runs, event(CommandFinished(command="C", outcome="unknown"), 3))
    finish = runs.commands["C"].finish
    assert finish is not None and (finish.outcome, finish.head) == ("exited", "h")


def test_a_finished_command_ticks_nothing(ana: Follower) -> None:
    """Exit 0 is "finished", not "fixed"."""
    started = msgspec.structs.replace(STARTED, run=ana.run)
    finished = CommandFinished(command="C", run=ana.run, step="s1", exit_code=0)
    ana.journal.append(ana.stream, [New(body=started), New(body=finished)])
    view = ana.look()
    assert states(view) == {}
    assert view.current == "s1"
    (command,) = view.steps[0].commands
    assert isinstance(command, Command) and command.finish is not None
    assert actions.command_key(view, "s1") == f"run:{ana.run}:step:s1:command-1"


def test_acts_of_a_run_without_a_start_are_kept() -> None:
    from console.journal.events import StepTicked

    runs = RunsFold().apply(Runs(), event(StepTicked(run="R", step="s1", title="Look")))
    found = progress.view(runs, "R")
    assert found is not None
    assert [(step.title, step.state) for step in found.steps] == [("Look", "done")]


def test_kinds_of_a_newer_version_are_counted() -> None:
    from console.journal.events import Unknown

    runs = RunsFold().apply(Runs(), event(Unknown(kind="step_teleported", fields={})))
    assert runs.unknown == 1
    assert RunsFold().apply(runs, event(Noted(text="x"))).runs == {}


@pytest.mark.parametrize("content", ["", "{", "[]", '{"id": 1}'])
def test_content_that_can_not_be_read_is_said(content: str) -> None:
    from console.journal.events import RunStarted

    runs = RunsFold().apply(Runs(), event(RunStarted(run="R", runbook="rb", title="T", content=content)))
    found = progress.view(runs, "R")
    assert found is not None and "can't be read" in found.problem
