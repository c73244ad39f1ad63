"""The fold of an incident: facts, undo, revision, redaction, bounded state, checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from console.incident import actions
from console.incident.fold import IncidentFold, fold
from console.incident.state import Incident
from console.journal.events import (
    Body,
    CommandFinished,
    CommandStarted,
    Erased,
    Event,
    New,
    Origin,
    Redacted,
    RunEnded,
    RunStarted,
    Unknown,
)
from tests.console.incident.making import START, events


def state(*news: New | Body) -> Incident:
    return fold(events(news))


DECLARED = actions.declare("Checkout fails", severity="SEV3", services=["checkout"])[0]


def test_what_a_declaration_says() -> None:
    incident = state(*actions.declare("Checkout fails", severity="SEV2", services=["a"], impact_start=START))
    assert (incident.title, incident.severity, incident.services) == ("Checkout fails", "SEV2", ("a",))
    assert incident.is_open
    assert incident.declared_by == "ann"
    assert set(incident.milestones()) == {"declared", "impact_start"}


def test_an_import_declares_nothing() -> None:
    incident = fold(events([DECLARED], program="import"))
    assert incident.title == "Checkout fails"
    assert incident.milestones() == {}


def test_severity_peak_current_and_spans() -> None:
    incident = state(DECLARED, actions.set_severity("SEV1"), actions.set_severity("SEV4"))
    assert incident.severity == "SEV4"
    assert incident.peak_severity() == "SEV1"
    assert incident.peak_severity(["SEV4", "SEV3", "SEV1"]) == "SEV4"
    assert [(span.severity, span.end is None) for span in incident.severity_spans()] == [
        ("SEV3", False),
        ("SEV1", False),
        ("SEV4", True),
    ]


def test_a_backdated_severity_does_not_replace_the_current_one() -> None:
    incident = state(DECLARED, actions.set_severity("SEV1", at=START - timedelta(hours=1)))
    assert incident.severity == "SEV3"
    assert incident.peak_severity() == "SEV1"


def test_close_and_reopen() -> None:
    news: list[New] = [DECLARED, actions.close(1, "h1"), actions.reopen(), actions.close(3, "h3"), actions.reopen()]
    assert [state(*news[:n]).is_open for n in (1, 2, 3, 4, 5)] == [True, False, True, False, True]
    assert state(*news).reopened == 2


def test_roles() -> None:
    incident = state(
        DECLARED,
        actions.set_role("ic", "@ann"),
        actions.set_role("ops", "bob"),
        actions.set_role("ic", "cem"),
        actions.set_role("ops", ""),
    )
    assert incident.role_holders() == {"ic": "cem"}
    assert [(span.role, span.person, span.end is None) for span in incident.role_spans()] == [
        ("ic", "ann", False),
        ("ops", "bob", False),
        ("ic", "cem", True),
    ]


def test_tasks() -> None:
    incident = state(DECLARED, actions.open_task("a", owner="@ann", task="t1"), actions.open_task("b", task="t2"))
    assert [task.text for task in incident.open_tasks()] == ["a", "b"]
    closed = fold(events([actions.close_task("t1", "dropped")], first=4), incident)
    assert [task.task for task in closed.open_tasks()] == ["t2"]
    assert closed.task_outcome(closed.tasks[0]) == "dropped"
    reopened = fold(events([actions.undo("e4")], first=5), closed)
    assert [task.task for task in reopened.open_tasks()] == ["t1", "t2"]


def test_undo_and_undo_of_the_undo() -> None:
    news: list[New] = [DECLARED, actions.set_severity("SEV1"), actions.undo("e2"), actions.undo("e3")]
    assert [state(*news[:n]).severity for n in (1, 2, 3, 4)] == ["SEV3", "SEV1", "SEV3", "SEV1"]


def test_undos_that_name_each_other_end() -> None:
    looped = state(DECLARED, New(body=actions.undo("b").body, id="a"), New(body=actions.undo("a").body, id="b"))
    assert looped.title


def test_undo_taken_back_two_thousand_times() -> None:
    chain = [DECLARED, actions.set_severity("SEV1"), *(actions.undo(f"e{n}") for n in range(2, 2002))]
    assert state(*chain).severity == "SEV1"
    assert state(*chain[:-1]).severity == "SEV3"


def test_every_stamp_is_kept_and_a_revision_moves_it() -> None:
    incident = state(
        DECLARED,
        actions.mark("resolved"),
        actions.reopen(),
        actions.mark("resolved"),
        actions.revise("e4", at=START + timedelta(hours=2)),
    )
    stamps = incident.milestones()["resolved"]
    assert [stamp.at for stamp in stamps] == [START + timedelta(minutes=1), START + timedelta(hours=2)]
    assert incident.revision_count == 1
    undone = fold(events([actions.undo("e5")], first=6), incident)
    assert undone.milestones()["resolved"][1].at == START + timedelta(minutes=3)


def test_titles_and_summaries_can_be_set_and_revised() -> None:
    incident = state(DECLARED, actions.set_title("Other"), actions.set_summary("so"), actions.revise("e3", text="thus"))
    assert (incident.title, incident.summary) == ("Other", "thus")


def test_impact_windows_with_one_start_are_one() -> None:
    end = START + timedelta(minutes=5)
    incident = state(DECLARED, actions.impact_window(START, None), actions.impact_window(START, end))
    assert [(window.start, window.end) for window in incident.impact_windows()] == [(START, end)]


def test_redaction_live_and_rebuilt_agree() -> None:
    news: list[New | Body] = [
        DECLARED,
        actions.note("the password is hunter2", kind="finding"),
        actions.mark("mitigated", text="hunter2"),
        actions.set_summary("hunter2"),
        Redacted(target="e2", reason="secret"),
        Redacted(target="e3", reason="secret"),
        Redacted(target="e4", reason="secret"),
        Redacted(target="e1", reason="secret"),
    ]
    stream = events(news)
    live = fold(stream)
    rebuilt = fold([msgspec.structs.replace(event, body=Erased()) if event.seq <= 4 else event for event in stream])
    for incident in (live, rebuilt):
        assert "hunter2" not in msgspec.json.encode(incident).decode()
        assert set(incident.milestones()) == {"declared"}
        assert incident.title == "[redacted]"
        assert (incident.summary, incident.last_lines("finding")) == ("", [])
        assert len(incident.redactions) == 4


def test_commands_and_runs_in_progress() -> None:
    started = CommandStarted(command="c1", text="ls", host="h", user="u", cwd="/")
    incident = state(DECLARED, started, RunStarted(run="r1", runbook="rb", title="RB"))
    assert [command.text for command in incident.running.values()] == ["ls"]
    assert [run.title for run in incident.active_runs()] == ["RB"]
    done = fold(events([CommandFinished(command="c1", exit_code=1), RunEnded(run="r1")], first=4), incident)
    assert (done.running, done.active_runs(), done.failed_commands) == ({}, [], 1)


def test_unknown_kinds_make_it_partial() -> None:
    unknown = Event(
        id="e2",
        stream="s",
        seq=2,
        recorded_at=START,
        occurred_at=START,
        actor="ann",
        origin=Origin(program="cli"),
        kind="levitated",
        body=Unknown(kind="levitated", fields={}),
    )
    incident = fold([*events([DECLARED]), unknown])
    assert "upgrade" in incident.partial
    assert incident.count == 2


def test_state_does_not_grow_with_the_notes() -> None:
    def size(count: int) -> int:
        news = [DECLARED, *(actions.note(f"line {n} " + "x" * 200, kind="finding") for n in range(count))]
        return len(msgspec.msgpack.encode(fold(events(news))))

    assert size(2000) <= size(50) + 64


TARGETS = st.integers(1, 12).map(lambda seq: f"e{seq}")
NEWS = st.one_of(
    st.sampled_from(["SEV1", "SEV2", ""]).map(actions.set_severity),
    st.sampled_from(["mitigated", "resolved", "detected"]).map(lambda name: actions.mark(name)),
    st.sampled_from(["finding", "decision", "odd"]).map(
        lambda kind: actions.note("text", kind=kind, question=kind == "odd")
    ),
    st.builds(actions.set_role, st.sampled_from(["ic", "ops"]), st.sampled_from(["ann", "bob", ""])),
    st.builds(actions.open_task, st.just("do"), task=st.sampled_from(["t1", "t2"])),
    st.sampled_from(["t1", "t2"]).map(actions.close_task),
    st.sampled_from(["b", "c"]).map(actions.set_title),
    TARGETS.map(actions.undo),
    TARGETS.map(actions.star),
    st.builds(actions.revise, TARGETS, text=st.none() | st.just("new"), at=st.none() | st.just(START)),
    TARGETS.map(lambda target: New(body=Redacted(target=target))),
    st.just(actions.close(0, "")),
    st.just(actions.reopen()),
    st.just(actions.impact_window(START, None)),
)


@settings(deadline=None)
@given(st.lists(NEWS, max_size=14), st.integers(0, 15))
def test_a_checkpoint_and_the_tail_are_the_whole_fold(news: Sequence[New], cut: int) -> None:
    stream = events([DECLARED, *news])
    head = fold(stream[:cut])
    restored = msgspec.msgpack.decode(msgspec.msgpack.encode(head), type=Incident)
    assert fold(stream[cut:], restored) == fold(stream)
    assert isinstance(IncidentFold().initial(), Incident)
