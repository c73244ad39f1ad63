"""An approval is of the commands as they read then: values or text that change afterwards need another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from console.commands.context import Context, Options
from console.commands.runbooks_approve import approve
from console.journal.events import CommandFinished, CommandStarted, New
from console.runbook import actions, subjects
from console.runbook.model import Runbook, Step

from .test_gates import ANA, BOB, Run, book, sh

STEPS = (
    Step(id="ok", kind="approve", title="Fail over?"),
    Step(id="look", kind="run", title="Look", commands=(sh("cat lag"),), capture={"lag": "stdout"}),
    Step(id="go", kind="run", title="Go", commands=(sh("failover <target> <lag>", params=("target", "lag")),)),
    Step(id="far", kind="run", title="Restart", host="$target", commands=(sh("restart"),)),
    Step(id="again", kind="approve", title="And now?"),
    Step(id="drop", kind="run", title="Drop", commands=(sh("drop <old>", params=("old",)),)),
)


@pytest.fixture
def run(database: Path) -> Iterator[Run]:
    made = Run(database, book(*STEPS))
    made.do(ANA, lambda view: actions.set_param(view, "target", "db2"))
    yield made
    for journal in made.journals.values():
        journal.close()


def approved(run: Run, step: str = "ok") -> None:
    run.do(
        BOB,
        lambda view: actions.approve(view, step, BOB.uid, subject=subjects.subject(view, run.runbook, step)),
    )


def captured(run: Run, name: str, value: str) -> None:
    command = f"C{len(run.view.steps)}{value}"
    at = {"run": run.run, "step": "look"}
    started = CommandStarted(command=command, text="cat lag", host="h", user="ana", cwd="/", **at)
    finished = CommandFinished(command=command, exit_code=0, captured={name: value}, **at)
    run.do(ANA, lambda _: [New(body=started), New(body=finished)])


def test_a_value_that_changes_afterwards_is_not_approved(run: Run) -> None:
    assert "needs the approval" in run.blocked("go", ANA)
    approved(run)
    assert [run.blocked(step, ANA) for step in ("go", "far", "ok")] == ["", "", ""]
    run.do(ANA, lambda view: actions.set_param(view, "target", "db1"))
    assert "reads differently now than when bob approved it" in run.blocked("go", ANA)
    assert "reads differently" in run.blocked("far", ANA)  # its host is that value
    assert run.blocked("look", ANA) == ""  # nothing of it has changed
    assert "reads differently" in run.blocked("ok", ANA)
    approved(run)  # the same person, about what it says now
    assert run.blocked("go", ANA) == run.blocked("far", ANA) == ""


def test_back_to_what_was_approved_counts_again(run: Run) -> None:
    approved(run)
    for value in ("db1", "db2"):
        run.do(ANA, lambda view, value=value: actions.set_param(view, "target", value))  # type: ignore[misc]  # bound now
    assert run.blocked("go", ANA) == ""


def test_what_a_command_gives_later_is_part_of_what_was_approved(run: Run) -> None:
    approved(run)
    captured(run, "lag", "3")
    assert run.blocked("go", ANA) == ""
    run.do(ANA, lambda view: actions.set_param(view, "lag", "4"))  # typed in its place
    assert "reads differently" in run.blocked("go", ANA)


def test_what_a_command_had_given_by_then_is_approved_as_it_was(run: Run) -> None:
    captured(run, "lag", "3")
    approved(run)
    assert run.blocked("go", ANA) == ""
    captured(run, "lag", "900")
    assert "reads differently" in run.blocked("go", ANA)


def test_each_approval_is_of_what_comes_before_the_next_one(run: Run) -> None:
    approved(run)
    assert "“And now?” needs the approval" in run.blocked("drop", ANA)
    approved(run, "again")
    assert run.blocked("drop", ANA) == ""
    run.do(ANA, lambda view: actions.set_param(view, "old", "everything"))
    assert "reads differently now than when bob approved it" in run.blocked("drop", ANA)
    assert run.blocked("go", ANA) == ""


@pytest.mark.parametrize(
    "edit",
    [
        lambda step: replace(step, commands=(sh("failover --force <target> <lag>", params=("target", "lag")),)),
        lambda step: replace(step, host="db9"),
        lambda step: replace(step, cwd="/etc"),
        lambda step: replace(step, env={"FORCE": "1"}),
        lambda step: replace(step, calls=("RB-9",)),
    ],
)
def test_an_edited_file_is_not_approved(run: Run, edit: Callable[[Step], Step]) -> None:
    view = run.view
    given = subjects.subject(view, run.runbook, "ok")
    edited = book(*(edit(step) if step.id == "go" else step for step in STEPS))
    assert subjects.covers(given, view, run.runbook, "ok")
    assert not subjects.covers(given, view, edited, "ok", "go")
    assert subjects.covers(given, view, edited, "ok", "look")


def test_a_new_run_of_the_edited_file_begins_without_approvals(run: Run) -> None:
    approved(run)
    news = actions.start_run(book(*STEPS), {"target": "db2"})
    run.do(ANA, lambda _: news)
    run.run = news[0].body.run  # type: ignore[attr-defined]  # a RunStarted
    assert "needs the approval of one person" in run.blocked("go", ANA)


def test_many_steps_are_one(run: Run) -> None:
    def many(last: str) -> Runbook:
        steps = [Step(id=f"s{n}", kind="run", title="x", commands=(sh(f"echo {n}"),)) for n in range(300)]
        return book(STEPS[0], *steps, Step(id="end", kind="run", title="x", commands=(sh(last),)))

    given = subjects.subject(run.view, many("true"), "ok")
    assert len(given) < 40
    assert subjects.covers(given, run.view, many("true"), "ok", "s7")
    assert not subjects.covers(given, run.view, many("reboot"), "ok", "s7")


def test_the_list_says_what_would_run(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    ctx = Context(Options(db=str(run.journals[ANA].path), actor="bob"))
    assert approve.main([], standalone_mode=False, obj=ctx) == 0
    out = capsys.readouterr().out
    assert "$ failover db2 <lag>\n" in out
    assert "$ restart on $target\n" in out


def test_a_pause_that_was_taken_back_can_be_confirmed_again(database: Path) -> None:
    from console.journal.events import Undone

    here = Run(database, book(Step(id="one", kind="do", title="One"), pause="Impact?"))
    here.do(ANA, lambda view: actions.confirm(view, "Look", "12 %"))
    here.do(BOB, lambda view: [New(body=Undone(target=view.confirmed["Look"].event))])
    assert "first confirm" in here.blocked("one", ANA)
    here.do(ANA, lambda view: actions.confirm(view, "Look", "40 %"))
    assert here.blocked("one", ANA) == ""
    assert here.view.confirmed["Look"].text == "40 %"
    for journal in here.journals.values():
        journal.close()
