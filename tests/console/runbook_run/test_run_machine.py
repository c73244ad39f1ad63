"""Two operators on one run, in any order, each seeing the other late: the fold agrees with a plain account of it."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from console.journal.events import Declared, New, Origin, Undone
from console.journal.folds import fold_stream
from console.journal.store import Journal
from console.runbook import actions, progress
from console.runbook.actions import Beaten, Refused
from console.runbook.model import Phase, Runbook, Step
from console.runbook.run import Runs, RunsFold

STEPS = ("a", "b", "c:0", "d")
BOOK = Runbook(
    id="rb",
    title="T",
    path="rb.md",
    phases=(Phase("P", 1, 9, tuple(Step(id=step, kind="do", title=step.upper()) for step in STEPS)),),
)
who = st.sampled_from(["ana", "bob"])
steps = st.sampled_from(STEPS)
STATES = {"tick": "done", "skip": "skipped", "fail": "failed"}


class TwoOperators(RuleBasedStateMachine):
    """``account`` is the truth as a person would write it down: per step, what was done and what took it back."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name) / "vigie.db"
        self.journals = {name: Journal.open(path, actor=name, origin=Origin(program="cli")) for name in ("ana", "bob")}
        self.stream, _, _ = self.journals["ana"].declare([New(body=Declared(title="x"))])
        self.account: dict[str, list[tuple[str, str]]] = {step: [] for step in STEPS}  # (event, state)
        self.taken_back: dict[str, list[str]] = {}  # event → events that took it back
        self.changes = dict.fromkeys(STEPS, 0)
        self.live = Runs()
        self.read = 0

    @initialize()
    def start(self) -> None:
        news = actions.start_run(BOOK, {})
        (event,) = actions.append(self.journals["ana"], self.stream, news)
        self.run = event.body.run  # type: ignore[union-attr]  # a RunStarted
        self.catch_up()
        self.seen = {name: self.now() for name in self.journals}

    def catch_up(self) -> None:
        for event in self.journals["ana"].all(self.stream, after_seq=self.read):
            self.live = RunsFold().apply(self.live, event)
            self.read = event.seq

    def now(self) -> progress.RunView:
        found = progress.view(self.live, self.run)
        assert found is not None
        return found

    def counts(self, event: str) -> bool:
        return not any(self.counts(undo) for undo in self.taken_back.get(event, ()))

    def state(self, step: str) -> str:
        return next((state for event, state in reversed(self.account[step]) if self.counts(event)), "open")

    @rule(name=who)
    def look(self, name: str) -> None:
        self.seen[name] = self.now()

    @rule(name=who, step=steps, do=st.sampled_from(["tick", "skip", "fail"]))
    def settle(self, name: str, step: str, do: str) -> None:
        seen = self.seen[name]
        try:
            news = actions.skip(seen, step, "why") if do == "skip" else getattr(actions, do)(seen, step)
        except Refused:
            found = seen.step(step)
            assert found is not None and found.state in ("done", "skipped") and seen.current != step
            return
        event = self.send(name, step, news)
        if event:
            self.account[step].append((event, STATES[do]))

    @rule(name=who, step=steps)
    def undo(self, name: str, step: str) -> None:
        last = next((event for event, _ in reversed(self.account[step]) if self.counts(event)), "")
        try:
            news = actions.undo(self.seen[name], step)
        except Refused:
            found = self.seen[name].step(step)
            assert found is not None and found.state == "open"
            return
        event = self.send(name, step, news)
        if event and last:  # else the timeline's undo was quicker, and there is nothing left to take back
            self.taken_back.setdefault(last, []).append(event)

    def send(self, name: str, step: str, news: list[New]) -> str:
        """One winner: whoever acted on what is still true. "" for the other."""
        found = self.seen[name].step(step)
        assert found is not None
        stale = found.changes != self.changes[step]
        try:
            (event,) = actions.append(self.journals[name], self.stream, news)
        except Beaten as beaten:
            assert stale
            assert beaten.event.dedupe == news[0].dedupe
            return ""
        assert not stale
        self.changes[step] += 1
        self.catch_up()
        return event.id

    @rule(name=who, data=st.data())
    def strike_out(self, name: str, data: st.DataObject) -> None:
        """``undo`` on the timeline: of a tick, or of an undo."""
        events = [act.event for act in self.live.runs[self.run].acts] + [
            one for undos in self.taken_back.values() for one in undos
        ]
        if not events:
            return
        target = data.draw(st.sampled_from(events))
        (event,) = self.journals[name].append(self.stream, [New(body=Undone(target=target))])
        self.taken_back.setdefault(target, []).append(event.id)
        self.catch_up()

    @rule(name=who, step=steps)
    def jump(self, name: str, step: str) -> None:
        actions.append(self.journals[name], self.stream, actions.jump(self.seen[name], step))
        self.catch_up()
        assert self.now().current == step

    @rule(name=who, step=steps)
    def observe(self, name: str, step: str) -> None:
        before = self.now()
        actions.append(self.journals[name], self.stream, actions.observe(before, step, "seen"))
        self.catch_up()
        assert self.now().current == before.current

    @rule()
    def restart(self) -> None:
        """A checkpoint is written and read; the fold goes on from it."""
        self.live = msgspec.msgpack.decode(msgspec.msgpack.encode(self.live), type=Runs)

    @invariant()
    def the_fold_agrees(self) -> None:
        view = self.now()
        assert {step.id: step.state for step in view.steps} == {step: self.state(step) for step in STEPS}
        assert {step.id: step.changes for step in view.steps} == self.changes
        assert view == progress.view(
            fold_stream(self.journals["bob"], self.stream, RunsFold(), checkpoint=False), self.run
        )
        if view.current == "":
            assert view.settled == len(STEPS)
        else:
            assert view.current in STEPS

    def teardown(self) -> None:
        for journal in self.journals.values():
            assert journal.verify(self.stream).ok
            journal.close()
        self.folder.cleanup()


TestTwoOperators = TwoOperators.TestCase
TestTwoOperators.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
