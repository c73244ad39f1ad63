"""What stands between an operator and a step; and the guided run of all nine kinds, with two people."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from console.commands.guided import Desk as Place
from console.commands.guided import GuidedRun, Talk
from console.journal.events import Declared, New, Origin, RoleSet
from console.journal.folds import fold_stream
from console.journal.store import Journal
from console.runbook import actions, gates, progress, subjects
from console.runbook.actions import Refused
from console.runbook.gates import Who
from console.runbook.model import Command, Expect, Option, Phase, Retry, Role, Runbook, Step
from console.runbook.progress import RunView
from console.runbook.run import RunsFold

from .conftest import Desk

ANA, BOB = Who("ana", 1001, "ana"), Who("bob", 1002, "bob", frozenset({"governance_admin"}))


def sh(text: str, **how: object) -> Command:
    return Command(text=text, lang="sh", runnable=True, **how)  # type: ignore[arg-type]  # test kwargs


def book(*steps: Step, pause: str | None = None, roles: tuple[Role, ...] = ()) -> Runbook:
    phases = (
        Phase("Look", 1, 2, steps, pause=pause),
        Phase("After", 3, 4, (Step(id="last", kind="run", title="Last", commands=(sh("echo last"),)),)),
    )
    return Runbook(id="RB-1", title="Nine", path="rb.yaml", phases=phases, roles=roles, form="yaml").sealed()


class Run:
    """A run started by ana, at which ana and bob work from logins of their own."""

    def __init__(self, database: Path, runbook: Runbook) -> None:
        self.runbook = runbook
        self.journals = {
            who: Journal.open(database, actor=who.actor, origin=Origin(program="cli", uid=who.uid))
            for who in (ANA, BOB)
        }
        self.stream, _, _ = self.journals[ANA].declare([New(body=Declared(title="x"))])
        news = actions.start_run(runbook, {})
        self.run: str = news[0].body.run  # type: ignore[attr-defined]  # a RunStarted
        self.do(ANA, lambda _: news)

    @property
    def view(self) -> RunView:
        found = progress.view(fold_stream(self.journals[ANA], self.stream, RunsFold()), self.run)
        assert found is not None
        return found

    def do(self, who: Who, make: Callable[[RunView], list[New]]) -> None:
        actions.append(self.journals[who], self.stream, make(self.view) if hasattr(self, "run_started") else make(None))  # type: ignore[arg-type]
        self.run_started = True

    def blocked(self, step: str, who: Who) -> str:
        return gates.blocked(self.view, self.runbook, step, who)


@pytest.fixture
def run(database: Path) -> Iterator[Callable[..., Run]]:
    made: list[Run] = []

    def make(*steps: Step, **how: object) -> Run:
        made.append(Run(database, book(*steps, **how)))  # type: ignore[arg-type]  # test kwargs
        return made[-1]

    yield make
    for one in made:
        for journal in one.journals.values():
            journal.close()


def test_a_role_is_held_by_group_or_by_the_incident(run: Callable[..., Run]) -> None:
    here = run(Step(id="gov", kind="run", title="Set the fee", role="governance_admin", commands=(sh("true"),)))
    assert here.blocked("gov", ANA) == (
        "for governance_admin only: nobody holds that role yet (r on Incident takes it)"
    )
    assert here.blocked("gov", BOB) == ""
    here.do(BOB, lambda _: [New(body=RoleSet(role="governance_admin", person="ana"))])
    assert here.blocked("gov", ANA) == ""
    assert "that is ana" in here.blocked("gov", Who("eve", 1003, "eve"))
    with pytest.raises(Refused, match="governance_admin only"):
        actions.tick(here.view, "gov", blocked=here.blocked("gov", Who("eve", 1003)))


def test_a_role_with_members_is_the_operating_systems_business(run: Callable[..., Run]) -> None:
    roles = (Role("dba", users=("ana",), groups=("dba",)),)
    here = run(Step(id="drop", kind="do", title="Drop", role="dba"), roles=roles)
    here.do(BOB, lambda _: [New(body=RoleSet(role="dba", person="bob"))])  # taking the role here is not enough
    assert here.blocked("drop", BOB) == "for dba only (ana, group dba); you are bob"
    assert here.blocked("drop", Who("calls herself ana", 1001, "ana")) == ""
    assert here.blocked("drop", Who("ana", 7, "eve")) != ""  # what somebody calls themselves does not count


def test_an_approval_is_another_persons(run: Callable[..., Run]) -> None:
    here = run(
        Step(id="ok", kind="approve", title="Fail over?"),
        Step(id="go", kind="run", title="Go", commands=(sh("true"),)),
    )
    for step in ("ok", "go", "last"):
        assert "needs the approval of one person" in here.blocked(step, ANA), step
    assert "can't approve it" in gates.not_by(here.view, here.runbook, "ok", ANA)
    with pytest.raises(Refused, match="can't approve"):
        actions.approve(here.view, "ok", ANA.uid, blocked=gates.not_by(here.view, here.runbook, "ok", ANA))
    # An approval that got into the journal all the same does not count.
    here.do(ANA, lambda view: actions.approve(view, "ok", ANA.uid))
    assert "needs the approval" in here.blocked("go", ANA)
    # The same name from another login is another person; the same login with another name is not.
    assert gates.not_by(here.view, here.runbook, "ok", Who("somebody else", ANA.uid)) != ""
    assert gates.not_by(here.view, here.runbook, "ok", BOB) == ""
    here.do(ANA, lambda view: actions.skip(view, "ok", "in a hurry"))
    assert "needs the approval" in here.blocked("go", ANA)  # left out is not approved
    here.do(
        BOB,
        lambda view: actions.approve(
            view, "ok", BOB.uid, "looked at the lag", subject=subjects.subject(view, here.runbook, "ok")
        ),
    )
    assert [here.blocked(step, ANA) for step in ("ok", "go", "last")] == ["", "", ""]
    assert "you approved it, so another one runs" in here.blocked("go", BOB)
    with pytest.raises(Refused, match="approved this step already"):
        actions.approve(here.view, "ok", BOB.uid, subject=subjects.subject(here.view, here.runbook, "ok"))


def test_an_approval_that_names_no_commands_approves_none(run: Callable[..., Run]) -> None:
    here = run(
        Step(id="ok", kind="approve", title="Fail over?"),
        Step(id="go", kind="run", title="Go", commands=(sh("true"),)),
    )
    here.do(BOB, lambda view: actions.approve(view, "ok", BOB.uid, "as an earlier version recorded it"))
    assert "reads differently now than when bob approved it" in here.blocked("go", ANA)


def test_two_approvals_are_of_two_people(run: Callable[..., Run]) -> None:
    here = run(Step(id="ok", kind="approve", title="Sure?", approvals=2, role="governance_admin"))
    here.do(BOB, lambda view: actions.approve(view, "ok", BOB.uid, subject=subjects.subject(view, here.runbook, "ok")))
    assert "2 people besides who runs it, 1 so far" in here.blocked("last", ANA)
    eve = Who("eve", 1003, "eve")
    assert "governance_admin only" in gates.not_by(here.view, here.runbook, "ok", eve)
    waiting = [state.id for state, _ in gates.waiting_for(here.view, here.runbook)]
    assert waiting == ["ok"]


def test_pauses_stop_and_required_steps_too(run: Callable[..., Run]) -> None:
    here = run(
        Step(id="one", kind="do", title="One", required=True),
        Step(id="wait", kind="pause", title="Tell the desk"),
        Step(id="two", kind="do", title="Two"),
        pause="Confirm the impact",
    )
    assert here.blocked("one", ANA) == "first confirm: Confirm the impact"
    here.do(ANA, lambda view: actions.confirm(view, "Look", "12 % of orders"))
    assert here.blocked("one", ANA) == ""
    assert here.blocked("two", ANA) == "first “One” (required); s there skips it, with a reason"
    here.do(ANA, lambda view: actions.jump(view, "two"))
    assert here.blocked("two", ANA) != ""  # going there is no way around it
    here.do(ANA, lambda view: actions.tick(view, "one"))
    assert here.blocked("last", ANA) == "first “Tell the desk” (a pause); s there skips it, with a reason"
    here.do(ANA, lambda view: actions.skip(view, "wait", "they know"))
    assert here.blocked("two", ANA) == here.blocked("last", ANA) == ""


def test_a_decision_that_leads_past_a_pause_lifts_it(run: Callable[..., Run]) -> None:
    yes, no = Option("yes", ""), Option("no", "last")
    here = run(
        Step(id="which", kind="decide", title="Lag?", options=(yes, no)),
        Step(id="wait", kind="pause", title="Tell the desk"),
    )
    here.do(ANA, lambda view: actions.decide(view, "which", no))
    assert here.view.current == "last"
    assert here.blocked("last", ANA) == ""
    here.do(ANA, lambda view: actions.undo(view, "which"))
    here.do(ANA, lambda view: actions.decide(view, "which", yes))
    assert "Tell the desk" in here.blocked("last", ANA)


# ── the guided run ───────────────────────────────────────────────────────────────────────────────────────────────

NINE = (
    Step(id="note", kind="note", title="Read this"),
    Step(id="do", kind="do", title="Do this", next="check"),
    Step(id="never", kind="do", title="Never come here"),
    Step(
        id="check",
        kind="check",
        title="Look until it is there",
        commands=(sh("cat there 2>/dev/null"),),
        check=Expect(match="^up$"),
        retry=Retry(attempts=50, every=0.05),
        capture={"state": "stdout"},
    ),
    Step(id="use", kind="run", title="Use it", commands=(sh("echo it is <state>", params=("state",)),)),
    Step(
        id="bad",
        kind="run",
        title="This fails",
        commands=(sh("exit 3"),),
        check=Expect(exit=0),
        retry=Retry(attempts=2, every=0.01),
        on_fail="goto:wait",
    ),
    Step(id="past", kind="pause", title="Led past"),
    Step(id="wait", kind="wait", title="Let it settle", wait_s=0.3),
    Step(id="pause", kind="pause", title="Confirm", ask="Impact confirmed?"),
    Step(id="which", kind="decide", title="Lag?", options=(Option("under"), Option("over", "last"))),
    Step(id="ok", kind="approve", title="May we?"),
    Step(id="call", kind="call", title="The other one", calls=("RB-2",), call_params={"to": "$state"}),
)


class Answers:
    """What is typed, in order; a callable is done between two answers, as another person would."""

    def __init__(self, *answers: str | Callable[[], None]) -> None:
        self.left = list(answers)
        self.said: list[str] = []

    def ask(self, question: str) -> str | None:
        while self.left and callable(self.left[0]):
            self.left.pop(0)()  # type: ignore[operator]  # looked at just now
        return str(self.left.pop(0)) if self.left else None

    def talk(self) -> Talk:
        import time

        def wait(seconds: float) -> bool:
            time.sleep(seconds)
            return False

        return Talk(say=self.said.append, ask=self.ask, ask_secret=self.ask, wait=wait)


def test_all_nine_kinds_line_by_line(desk: Desk, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    runbook = book(*NINE)
    called = Runbook(
        id="RB-2",
        title="The other",
        path="b.yaml",
        phases=(Phase("P", 1, 1, (Step(id="a", kind="do", title="Its only step"),)),),
    ).sealed()
    news = actions.start_run(runbook, {})
    actions.append(desk.journal, desk.stream, news)
    run = news[0].body.run  # type: ignore[attr-defined]  # a RunStarted
    place = Place(desk.journal, desk, desk.stream, tmp_path, 10**6, 0o600, find=lambda name: called)

    def up() -> None:
        (tmp_path / "there").write_text("up\n")

    def bob_approves() -> None:
        with Journal.open(desk.journal.path, actor="bob", origin=Origin(program="cli", uid=4242)) as other:
            view = progress.view(fold_stream(other, desk.stream, RunsFold()), run)
            assert view is not None
            actions.append(
                other,
                desk.stream,
                actions.approve(view, "ok", 4242, "go ahead", subject=subjects.subject(view, runbook, "ok")),
            )

    answers = Answers(
        "",  # note
        "",  # do: goes on at the check
        up,
        "x",
        "",
        "x",  # uses what was captured
        "",
        "x",  # fails, twice: the runbook goes to the wait
        "t",
        "",
        "",  # pause
        "d 1",
        "",  # refused: nobody approved
        "a",  # refused: who runs it can't
        bob_approves,  # between two keys: it counts for the next one
        "",
        "k",
        "",
        "e",  # in the called one
        "",
        "x",
        "",
        "e never used",
    )
    # uid 7 started it (the desk's origin); this process is another login, which would be allowed to approve.
    guided = GuidedRun(place, runbook, run, {}, answers.talk())
    guided._who = replace_who(guided._who, 7)
    assert guided.walk() is True, "\n".join(answers.said)
    said = "\n".join(answers.said)
    out = capfd.readouterr().out
    assert "  | it is up" in out and "  | last" in out
    assert "NOT as expected: exit 3, expected 0" in said
    assert "try 2" in said and "the runbook goes on at wait" in said
    assert "needs the approval of one person" in said
    assert "who runs this can't approve it" in said

    view = progress.view(fold_stream(desk.journal, desk.stream, RunsFold()), run)
    assert view is not None
    states = {step.id: step.state for step in view.steps}
    assert states == {
        "note": "done",
        "do": "done",
        "never": "open",
        "check": "done",
        "use": "done",
        "bad": "open",
        "past": "open",
        "wait": "done",
        "pause": "done",
        "which": "done",
        "ok": "done",
        "call": "done",
        "last": "done",
    }
    assert view.values["state"] == "up"
    runs = progress.views(fold_stream(desk.journal, desk.stream, RunsFold()))
    assert [(one.runbook, one.end.outcome if one.end else "") for one in runs] == [
        ("RB-1", "abandoned"),
        ("RB-2", "done"),
    ]
    assert runs[1].why == "called by Nine: The other one"


def replace_who(who: Who, uid: int) -> Who:
    return Who(who.actor, uid, who.user, who.groups)


def test_a_wait_is_over_at_its_time_whoever_looks(desk: Desk) -> None:
    runbook = book(Step(id="w", kind="wait", title="Wait", wait_s=3600.0))
    news = actions.start_run(runbook, {})
    actions.append(desk.journal, desk.stream, news)
    run = news[0].body.run  # type: ignore[attr-defined]  # a RunStarted

    def look() -> RunView:
        found = progress.view(fold_stream(desk.journal, desk.stream, RunsFold()), run)
        assert found is not None
        return found

    now = desk.journal.clock.now()
    actions.append(desk.journal, desk.stream, actions.start_wait(look(), "w", 3600.0, now))
    step = look().step("w")
    assert step is not None and step.waiting is not None and step.waiting.until is not None
    assert (step.waiting.until - now).total_seconds() == 3600.0
    with pytest.raises(Refused, match="started this wait"):
        actions.start_wait(look(), "w", 3600.0, now)
    answers = Answers("", "cut the feed is back", "", "x", "e")
    place = Place(desk.journal, desk, desk.stream, Path("/"), 10**6, 0o600)
    GuidedRun(place, runbook, run, {}, answers.talk()).walk()
    assert any("left: t waits for it" in line for line in answers.said)
    assert look().step("w").state == "done"  # type: ignore[union-attr]  # it is there
    kinds = [event.kind for event in desk.events()]
    assert kinds.index("step_wait_cut") < kinds.index("step_ticked")


def test_a_failure_that_stops_the_runbook(desk: Desk, tmp_path: Path) -> None:
    runbook = book(
        Step(id="a", kind="run", title="A", commands=(sh("exit 1"),), check=Expect(), on_fail="stop"),
        Step(id="b", kind="do", title="B"),
    )
    news = actions.start_run(runbook, {})
    actions.append(desk.journal, desk.stream, news)
    run = news[0].body.run  # type: ignore[attr-defined]  # a RunStarted
    answers = Answers("x", "j 2", "", "j 1", "s it is the sensor", "", "q")
    place = Place(desk.journal, desk, desk.stream, tmp_path, 10**6, 0o600)
    GuidedRun(place, runbook, run, {}, answers.talk()).walk()
    said = "\n".join(answers.said)
    assert "the runbook stops here until this step is settled" in said
    assert "stopped at “A”: it failed, and the runbook says stop" in said
    view = progress.view(fold_stream(desk.journal, desk.stream, RunsFold()), run)
    assert view is not None and [step.state for step in view.steps] == ["skipped", "done", "open"]


def test_instruction_mode_runs_nothing(desk: Desk, tmp_path: Path) -> None:
    runbook = book(Step(id="a", kind="run", title="A", commands=(sh(f"touch {tmp_path}/canary"),)))
    news = actions.start_run(runbook, {})
    actions.append(desk.journal, desk.stream, news)
    run = news[0].body.run  # type: ignore[attr-defined]  # a RunStarted
    answers = Answers("x", "", "q")
    place = Place(desk.journal, desk, desk.stream, tmp_path, 10**6, 0o600, instruction=True)
    GuidedRun(place, runbook, run, {}, answers.talk()).walk()
    assert not (tmp_path / "canary").exists()
    assert any("instruction mode" in line for line in answers.said)


def test_who_i_am_is_the_operating_systems_word() -> None:
    who = Who.here("whatever I call myself")
    assert (who.actor, who.uid) == ("whatever I call myself", os.getuid())
    assert replace(Step(id="a", kind="do", title="A"), role="x").role == "x"
