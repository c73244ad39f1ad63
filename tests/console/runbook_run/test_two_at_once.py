"""Two operators act on one step: one of them is first, and the other is told who, whether or not they could have seen it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from console.journal.events import New
from console.runbook import actions
from console.runbook.actions import Beaten, Refused
from console.runbook.model import Option, Step
from console.runbook.progress import RunView

from .test_gates import ANA, BOB, Run, book

Act = Callable[[RunView], list[New]]
YES = Option("yes", "")
ACTS: dict[str, Act] = {
    "tick": lambda view: actions.tick(view, "one"),
    "skip": lambda view: actions.skip(view, "one", "no time"),
    "fail": lambda view: actions.fail(view, "one"),
    "decide": lambda view: actions.decide(view, "which", YES),
    "confirm": lambda view: actions.confirm(view, "Look", "12 %"),
    "wait": lambda view: actions.start_wait(view, "wait", 60, view.at),
    "end": lambda view: actions.end(view, "abandoned"),
}
DID = {
    "tick": "ana ticked this step",
    "skip": "ana skipped this step",
    "fail": "ana marked this step as failed",
    "decide": "ana decided this step",
    "confirm": "ana confirmed this",
    "wait": "ana started this wait",
    "end": "ana ended this run",
}


@pytest.fixture
def run(database: Path) -> Iterator[Run]:
    steps = (
        Step(id="one", kind="do", title="One"),
        Step(id="which", kind="decide", title="Which?", options=(YES, Option("no", "one"))),
        Step(id="wait", kind="wait", title="Wait", wait_s=60),
    )
    made = Run(database, book(*steps, pause="Impact?"))
    yield made
    for journal in made.journals.values():
        journal.close()


@pytest.mark.parametrize("name", ACTS)
def test_at_the_same_moment(run: Run, name: str) -> None:
    seen = run.view  # by both, before either
    run.do(ANA, lambda _: ACTS[name](seen))
    with pytest.raises(Beaten, match=DID[name]):
        actions.append(run.journals[BOB], run.stream, ACTS[name](seen))


@pytest.mark.parametrize("name", [name for name in ACTS if name != "fail"])
def test_a_moment_later(run: Run, name: str) -> None:
    """The other console has shown it by now; whoever pressed the key had not looked."""
    run.do(ANA, ACTS[name])
    with pytest.raises(Refused, match=DID[name]):
        ACTS[name](run.view)


@pytest.mark.parametrize("second", ["tick", "skip", "fail"])
@pytest.mark.parametrize("first", ["tick", "skip"])
def test_two_different_things(run: Run, first: str, second: str) -> None:
    seen = run.view
    run.do(ANA, ACTS[first])
    with pytest.raises(Beaten, match=DID[first]):
        actions.append(run.journals[BOB], run.stream, ACTS[second](seen))
    with pytest.raises(Refused, match=f"{DID[first]} at .*; u takes that back"):
        ACTS[second](run.view)


def test_what_failed_may_still_be_settled(run: Run) -> None:
    run.do(ANA, ACTS["fail"])
    run.do(BOB, ACTS["tick"])
    step = run.view.step("one")
    assert step is not None and (step.state, step.by) == ("done", "bob")


def test_where_the_run_went_back_a_step_is_done_again(run: Run) -> None:
    run.do(ANA, ACTS["tick"])
    run.do(ANA, lambda view: actions.decide(view, "which", Option("no", "one")))
    assert run.view.current == "one"
    run.do(BOB, ACTS["tick"])
    step = run.view.step("one")
    assert step is not None and step.by == "bob"
    with pytest.raises(Refused, match="bob ticked"):
        ACTS["tick"](run.view)
