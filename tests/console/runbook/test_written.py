"""The two written forms of a runbook: every kind and key, and what is said where something is wrong."""

# ruff: noqa: E501 - a fault and what is said about it stand side by side

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.runbook.carrier_yaml import read_yaml
from console.runbook.coverage import uncovered
from console.runbook.essence import essence
from console.runbook.header import HEADER_KEYS, PARAM_KEYS
from console.runbook.keys import STEP_KEYS
from console.runbook.library import Shelf, load_library, read_runbook_file
from console.runbook.markdown import read_markdown
from console.runbook.model import Document, Expect, Option, Retry, Role, Runbook, Step, StepKind, from_json

DATA = Path(__file__).parents[2] / "data" / "written"


def yaml(text: str) -> Document:
    return read_yaml(text, "x.runbook.yaml")


def one(document: Document) -> Runbook:
    (runbook,) = document.runbooks
    return runbook


def step_of(keys: str, head: str = "") -> tuple[Step, Document]:
    document = yaml(
        f"title: T\n{head}steps:\n  - {{title: S, {keys}}}\n  - {{id: other, title: O, kind: check, run: ls}}\n"
    )
    return next(one(document).steps()), document


def said(text: str) -> list[str]:
    return [f"{p.line} {p.code} {p.message}" for p in yaml(text).problems]


# ── what is read


@pytest.fixture(scope="module")
def every() -> Runbook:
    document = read_runbook_file(DATA / "every-key.runbook.yaml")
    assert document.problems == ()
    return one(document)


def test_the_sample_has_every_kind_and_every_key(every: Runbook) -> None:
    text = (DATA / "every-key.runbook.yaml").read_text()
    assert {step.kind for step in every.steps()} == set(get_args(StepKind))
    for name in (*HEADER_KEYS, *STEP_KEYS, *PARAM_KEYS):
        assert f"{name}:" in text, name


def test_every_key_reaches_the_model(every: Runbook) -> None:
    depth = every.step("depth")
    assert depth is not None
    assert depth.check == Expect(0, 2, r"^\d+$")
    assert (depth.expect, depth.output, depth.body) == ("under a hundred", "12", "More words.")
    assert (depth.retry, depth.timeout_s, depth.required, depth.on_fail) == (Retry(3, 5), 90, True, "goto:look-closer")
    assert (depth.capture, depth.env, depth.cwd, depth.host) == (
        {"found": "stdout", "first": r"/^(\d)/"},
        {"LC_ALL": "C"},
        "/tmp",
        "$host",
    )
    (command,) = depth.commands
    assert (command.runnable, command.params, command.effect, command.line, command.end_line) == (
        True,
        ("host",),
        "read",
        40,
        41,
    )
    drain = every.step("drain")
    assert drain is not None
    assert [c.text for c in drain.commands] == ['drain --queue "$queue" --host "$host"', "drain --check"]
    assert {c.tty for c in drain.commands} == {"follow"}
    assert {c.effect for c in drain.commands} == {"destructive"}
    assert (drain.confirm, drain.undo, drain.next) == ("type-host", "look-closer", "settle")
    which, agreed, settle, again = (every.step(name) for name in ("which", "agreed", "settle", "again"))
    assert which is not None and which.options == (Option("yes", "drain"), Option("no", "end"))
    assert which.title == "Deep?"
    assert agreed is not None and (agreed.role, agreed.approvals) == ("keeper", 2)
    assert settle is not None and settle.wait_s == 120
    assert again is not None and again.commands == depth.commands and again.check == depth.check
    call = every.step("the-disk")
    assert call is not None and (call.calls, call.call_params) == (("disk-full",), {"mountpoint": "$host"})
    assert every.phases[0].steps[0].notes == ("Nothing is changed here.",)
    assert every.phases[1].pause == "Say that you begin"
    assert every.roles == (Role("keeper", ("ann",), ("queue",), "whoever keeps it"),)
    assert every.match == {"alertname": "QueueStuck", "team": "core|data"}
    assert [c.reach for c in every.contacts] == ["+33 1 23"]
    assert every.metadata == {"x-wiki": "42"}
    params = {param.name: param for param in every.params}
    assert (params["host"].type, params["host"].from_label, params["depth"].maximum) == ("host", "instance", 100)
    assert params["queue"].choices == ("mail", "bills")
    assert params["shard"].choices_from is not None and params["shard"].choices_from.runnable
    assert params["token"].secret
    assert params["found"].source == "captured"


def test_every_line_is_somewhere_and_the_json_gives_it_back(every: Runbook) -> None:
    lines = (DATA / "every-key.runbook.yaml").read_text().split("\n")
    assert uncovered((every,), lines) == []
    assert from_json(every.to_json()) == every


def test_both_forms_read_the_same() -> None:
    documents = [read_runbook_file(DATA / name) for name in ("both.runbook.yaml", "both.md")]
    assert [document.problems for document in documents] == [(), ()]
    assert one(documents[0]).roles == one(documents[1]).roles
    assert essence(documents[0]) == essence(documents[1])
    assert [one(document).form for document in documents] == ["yaml", "annotated"]
    lines = (DATA / "both.md").read_text().split("\n")
    assert uncovered(documents[1].runbooks, lines) == []


def test_the_kind_is_told_by_the_keys() -> None:
    kinds = {"run: ls": "run", "options: [a, b]": "decide", "for: 5s": "wait", "runbook: x": "call", "text: x": "do"}
    assert {keys: step_of(keys)[0].kind for keys in kinds} == kinds


def test_what_env_sets_is_no_parameter() -> None:
    step, document = step_of('run: \'echo "$PLACE" "$who"\', env: {PLACE: here}')
    assert step.commands[0].params == ("who",)
    assert [param.name for param in one(document).params] == ["who"]


def test_an_effect_can_be_told_but_what_destroys_stays_destructive() -> None:
    assert step_of("run: touch x, effect: read")[0].commands[0].effect == "read"
    assert step_of("run: rm -rf /srv/x, effect: read")[0].commands[0].effect == "destructive"
    assert step_of("run: touch x, effect: destructive")[0].commands[0].effect == "destructive"


def test_a_step_without_an_id_gets_one_of_its_own() -> None:
    document = yaml("title: T\nsteps:\n  - Look\n  - Look\n  - {id: look, title: Other}\n")
    ids = [step.id for step in one(document).steps()]
    assert ids[2] == "look"
    assert len(set(ids)) == 3


def test_attributes_on_plain_steps() -> None:
    text = (
        "# T\n\n## Steps\n\n<!-- {#one kind=check timeout=5s} -->\n1. Look: `ls /tmp`\n2. Then `uptime`\n\n## More steps\n\n"
        "```sh\n# First\ndf -h\n\n# {#two effect=read}\n# Second\ndf -i\n```\n"
    )
    document = read_markdown(text, "x.md")
    assert document.problems == ()
    first, second, third, fourth = one(document).steps()
    assert (first.id, first.kind, first.timeout_s, first.line, first.end_line) == ("one", "check", 5, 5, 6)
    assert (second.id, second.kind, second.line) == ("then-uptime", "run", 7)
    assert (third.title, third.line) == ("First", 11)
    assert (fourth.id, fourth.commands[0].effect, fourth.line) == ("two", "read", 15)
    assert uncovered(document.runbooks, text.split("\n")) == []


def test_other_peoples_attributes_are_not_ours() -> None:
    text = (
        '# T {#top}\n\n## Steps {.unnumbered}\n\n### Install {#install}\n\n1. `ls`\n\n```sh {title="a.sh"}\nls\n```\n'
    )
    document = read_markdown(text, "x.md")
    assert document.problems == ()
    assert one(document).form == "plain"


# ── what is said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("steps: [x]\n", "1 R006 title: a runbook needs one"),
        ("title: T\n", "1 R006 phases: a runbook needs phases, or steps"),
        ("title: T\nsteps: 4\n", "2 R006 steps: a list of steps was expected"),
        ("title: T\nphases: [{title: P}]\n", "2 R006 steps: a list of steps was expected"),
        ("title: T\nphases: [{steps: [x]}]\n", "2 R006 title: a phase needs one"),
        ("title: T\nstesp: [x]\n", "2 R005 stesp: not a known key; did you mean 'steps'?"),
        ("title: T\nsteps:\n- title: S\n  timeuot: 2s\n", "4 R005 timeuot: not a known key; did you mean 'timeout'?"),
        ("title: T\nsteps:\n- title: S\n  timeout: soon\n", "4 R006 timeout: expected a duration (20s, 5m, 1h30m, 90d), not 'soon'"),
        ("title: T\nsteps:\n- title: S\n  kind: runn\n", "4 R006 kind: expected do, run, check, wait, decide, approve, call, note or pause, not 'runn'"),
        ("title: T\nsteps:\n- title: S\n  kind: run\n", "3 R006 run: a run step needs it"),
        ("title: T\nsteps:\n- title: S\n  kind: decide\n", "3 R006 options: a decide step needs it"),
        ("title: T\nsteps:\n- {title: S, run: ls, options: [a, b], kind: run}\n", "3 R006 options: a key of decide; this step is a run"),
        ("title: T\nsteps:\n- title: S\n  run: ls\n  expect:\n    exti: 0\n", "6 R005 expect.exti: not a known key; did you mean 'exit'?"),
        ("title: T\nsteps:\n- title: S\n  run: ls\n  expect:\n    match: '['\n", "6 R006 expect.match: expected a regular expression"),
        ("title: T\nsteps:\n- title: S\n  next: nowhere\n", "4 R007 next: no step or phase is called 'nowhere'"),
        ("title: T\nsteps:\n- {id: a, title: S}\n- {id: b, title: S, on_fail: 'goto:c'}\n", "4 R007 on_fail: no step is called 'c'"),
        ("title: T\nsteps:\n- {id: a, title: S}\n- {id: a, title: R}\n", "4 R008 id: a names another step already (line 3)"),
        ("title: T\nsteps:\n- {title: S, run: ls, confirm: type-host}\n", "3 R007 confirm: no parameter is called 'host'"),
        ("title: T\nroles: {dba: [ann]}\nsteps:\n- {title: S, role: dbo}\n", "4 R007 role: no role is called 'dbo'; did you mean 'dba'?"),
        ("title: T\nsteps:\n- {title: S, until: x}\n", "3 R007 until: no other step is called 'x'"),
        ("title: T\nparams:\n  host:\n    typ: host\nsteps: [x]\n", "4 R005 params.host.typ: not a known key; did you mean 'type'?"),
        ("title: T\nparams:\n  host:\n    type: hots\nsteps: [x]\n", "4 R006 params.host.type: expected string, int"),
        ("title: T\nreviewed: soon\nsteps: [x]\n", "2 R006 reviewed: expected a date (2026-05-01), not 'soon'"),
        ("title: T\nreview_every: often\nsteps: [x]\n", "2 R006 review_every: expected a period"),
        ("title: T\nescalate: {after: 5m}\nsteps: [x]\n", "2 R006 escalate: needs `to`: whom to call"),
        ("title: T\ntitle: U\nsteps: [x]\n", "2 R002 the key 'title' stands here twice (first on line 1)"),
        ("title: T\nsteps: [x\n", "3 R002 "),
        ("[1, 2]\n", "1 R002 a runbook is a mapping with title and phases (or steps)"),
        ("", "1 R002 a runbook is a mapping with title and phases (or steps)"),
        ("title: !!python/name:os.system x\n", "1 R002 the tag"),
    ],
)  # fmt: skip
def test_each_fault_has_its_line_and_key(text: str, expected: str) -> None:
    assert any(line.startswith(expected) for line in said(text)), said(text)


def test_a_fault_in_markdown_has_its_line_and_key_too() -> None:
    text = "---\ntitle: T\nparams:\n  host: {typ: host}\n---\n\n# T\n\n## Steps\n\n### A {#a kind=run}\n\n### B {#b kind=do timeuot=3s}\n\n<!-- {#c kind=do} -->\n"
    found = [f"{p.line} {p.code} {p.message}" for p in read_markdown(text, "x.md").problems]
    assert found == [
        "4 R005 params.host.typ: not a known key; did you mean 'type'?",
        "11 R006 a command: a run step needs it",
        "13 R005 timeuot: not a known key; did you mean 'timeout'?",
        "15 R008 these attributes belong to no step: they stand on the line before one, or behind a heading",
    ]


def test_nothing_of_a_broken_runbook_may_run_and_all_of_it_can_be_read() -> None:
    document = yaml("title: T\nsteps:\n- {title: S, run: ls}\n- {title: R, efect: read, run: uptime}\n")
    runbook = one(document)
    assert runbook.broken == "line 4: efect: not a known key; did you mean 'effect'?"
    assert [command.runnable for step in runbook.steps() for command in step.commands] == [False, False]
    assert all("broken" in (c.why_not or "") for step in runbook.steps() for c in step.commands)


def test_a_step_that_leads_nowhere_does_not_break_the_rest() -> None:
    document = yaml("title: T\nsteps:\n- {title: S, run: ls, next: nowhere}\n")
    assert one(document).broken == ""
    assert next(one(document).steps()).commands[0].runnable


def test_bombs_are_one_line() -> None:
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(8)
    )
    deep = "title: T\nsteps: " + "[" * 500 + "]" * 500
    for text in (
        bomb,
        deep,
        "title: T\nsteps:\n" + "- x\n" * 70_000,
        "title: T\nsteps:\n" + "- x\n" * 5_001,
        "title: " + "x" * 600_000,
    ):
        document = yaml(text)
        assert len(document.problems) == 1
        assert one(document).broken
        assert not one(document).phases


def test_hidden_characters_are_shown_and_their_command_is_not_run() -> None:
    step, _ = step_of('run: "echo \\u202edrowssap", text: "a\\u200bb"')
    assert "<U+202E>" in step.commands[0].text
    assert not step.commands[0].runnable
    assert step.body == "a<U+200B>b"


KEY = st.sampled_from([*STEP_KEYS, "titel", "x"])
VALUE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 500),
    st.text(max_size=12),
    st.sampled_from(["ls", "5m", "type-host", "goto:a", "yes", "run", "decide", "wait", "end"]),
    st.lists(st.text(max_size=5), max_size=3),
    st.dictionaries(st.sampled_from(["exit", "a", "attempts", "every"]), st.text(max_size=4), max_size=3),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.dictionaries(KEY, VALUE, max_size=6), max_size=4))
def test_whatever_stands_in_a_step_it_is_read_or_said(steps: list[dict[str, object]]) -> None:
    import json

    text = "title: T\nsteps:\n" + "".join(f"- {json.dumps(step)}\n" for step in steps)
    document = yaml(text)
    runbook = one(document)
    assert bool(runbook.broken) <= bool(document.problems)
    assert all(1 <= problem.line <= text.count("\n") + 1 for problem in document.problems)
    ids = [step.id for step in runbook.steps()]
    assert len(set(ids)) == len(ids)
    assert all(ids)
    assert from_json(runbook.to_json()) == runbook


# ── in the library


def test_a_broken_one_is_an_entry_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.runbook.yaml").write_text("title: [\n")
    (tmp_path / "b.runbook.yml").write_text("title: B\nsteps: [x]\n")
    (tmp_path / "rules.yaml").write_text("groups: []\n")
    (tmp_path / "c.md").write_text("# C\n\n## Steps\n\n### Do {#do kind=dو}\n")
    library = load_library([tmp_path], Shelf(), shipped=False)
    assert {entry.id: bool(entry.runbook.broken) for entry in library.entries} == {"a": True, "b": False, "c": True}
    assert library.get("a") is not None
    assert any(str(problem).startswith(f"{tmp_path}/a.runbook.yaml:") for problem in library.problems)
    assert [entry.id for entry in library.search("a")][0:1] == ["a"]


def test_what_ships_is_in_order() -> None:
    library = load_library([])
    assert library.problems == ()
    assert not any(entry.runbook.broken for entry in library.entries)
    forms = {entry.runbook.form for entry in library.entries}
    assert {"annotated", "yaml"} <= forms
    kinds = {step.kind for entry in library.entries for step in entry.runbook.steps()}
    assert {"do", "run", "check", "wait", "decide", "approve", "call", "note"} <= kinds
    stuck = [
        (entry.id, step.id, command.why_not)
        for entry in library.entries
        for step in entry.runbook.steps()
        for command in step.commands
        if not command.runnable and entry.runbook.form != "plain"
    ]
    assert stuck == []
