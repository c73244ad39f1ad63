"""Expectations, tries, polling until it holds, and values taken from output: by the supervisor, with nobody watching."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from console.journal.events import CommandFinished
from console.runbook import handle as handles
from console.runbook import recover, status
from console.runbook.again import Again
from console.runbook.verdict import capture, judge, search

from .conftest import Desk, until


@pytest.mark.parametrize(
    ("expect", "code", "number", "text", "verdict", "why"),
    [
        ({}, 0, None, "", "held", ""),
        ({}, 3, None, "", "failed", "exit 3, expected 0"),
        ({"exit": [0, 3]}, 3, None, "", "held", ""),
        ({"exit": [1, 2]}, 0, None, "", "failed", "exit 0, expected 1 or 2"),
        ({"warn": [2]}, 2, None, "", "warned", "exit 2"),
        ({}, None, 15, "", "failed", "ended by signal 15"),
        ({"match": "^[0-9]+$"}, 0, None, "lag\n42\n", "held", ""),
        ({"match": "^[0-9]+$"}, 0, None, "lag 42\n", "failed", "its output does not match ^[0-9]+$"),
        ({"no_match": "ERROR"}, 0, None, "one ERROR\n", "failed", "its output matches ERROR"),
        ({"match": "("}, 0, None, "", "failed", "the pattern ( can't be read"),
        ({"match": "x", "warn": [1]}, 1, None, "x", "warned", "exit 1"),
    ],
)
def test_verdicts(
    expect: dict[str, object], code: int | None, number: int | None, text: str, verdict: str, why: str
) -> None:
    found, reason = judge(expect, code, number, text)
    assert found == verdict
    assert reason.startswith(why) and (why or not reason)


def test_a_pattern_without_end_is_cut_short() -> None:
    found, problem = search("(a+)+$", "a" * 64 + "b", limit_s=0.3)
    assert found is None
    assert "took longer" in problem


@pytest.mark.parametrize(
    ("how", "text", "value", "problem"),
    [
        ("stdout", " 42 \n", "42", ""),
        ("stdout", "a\nb\n", "", "2 lines of output, expected one"),
        ("stdout", "\n\n", "", "there was no output"),
        ("first_line", "a\nb\n\n", "a", ""),
        ("last_line", "a\nb\n\n", "b", ""),
        (r"/leader: (\w+)/", "leader: db2 (up)", "db2", ""),
        (r"/db\d/", "db2", "db2", ""),
        ("/nope/", "db2", "", "its output does not match /nope/"),
    ],
)
def test_captures(how: str, text: str, value: str, problem: str) -> None:
    assert capture(how, text) == (value, problem)


def test_pauses_between_tries() -> None:
    again = Again({"attempts": 4, "every": 2, "backoff": 3})
    assert [again.pause_after(n, 0) for n in range(1, 5)] == [2, 6, 18, None]
    assert Again({"attempts": 0, "every": 5, "deadline": 60}).pause_after(7, 54.0) == 5.0
    assert Again({"attempts": 0, "every": 5, "deadline": 60}).pause_after(7, 55.0) is None
    assert Again(None).pause_after(1, 0) is None
    assert Again({"attempts": 0, "every": 1, "backoff": 10}).pause_after(400, 0) == 3600


def test_it_is_tried_again_and_each_try_is_recorded(desk: Desk, tmp_path: Path) -> None:
    script = 'n=$(cat n 2>/dev/null || echo 0); n=$((n+1)); echo $n > n; echo "try $n"; test $n = 3'
    finish, output = desk.run(script, cwd=tmp_path, again={"attempts": 5, "every": 0.05, "backoff": 2}, expect={})
    assert (finish.attempts, finish.verdict, finish.exit_code, finish.outcome) == (3, "held", 0, "exited")
    assert [(one["n"], one["exit"], one["why"]) for one in finish.tries] == [
        (1, 1, "exit 1, expected 0"),
        (2, 1, "exit 1, expected 0"),
    ]
    assert "try 1\n[vigie: try 1: exit 1, expected 0; again in 0.05 s]\ntry 2\n" in output
    assert "again in 0.1 s]\ntry 3\n" in output


def test_when_no_try_holds_it_says_what_the_runbook_says_then(desk: Desk) -> None:
    finish, _ = desk.run("exit 4", again={"attempts": 2, "every": 0.01}, expect={}, on_fail="goto:page")
    assert (finish.attempts, finish.verdict, finish.why, finish.then) == (
        2,
        "failed",
        "exit 4, expected 0",
        "goto:page",
    )


def test_a_try_that_takes_too_long_is_one_that_failed(desk: Desk, tmp_path: Path) -> None:
    script = "test -e there && exit 0; touch there; sleep 60"
    finish, _ = desk.run(script, cwd=tmp_path, again={"attempts": 2, "every": 0.01}, expect={}, timeout_s=0.5)
    assert (finish.attempts, finish.verdict, finish.outcome) == (2, "held", "exited")
    assert finish.tries[0]["why"] == "ended after 0.5 s, its time limit"


def test_a_check_polls_until_it_holds(desk: Desk, tmp_path: Path) -> None:
    handle = desk.start("cat there", cwd=tmp_path, again={"attempts": 0, "every": 0.05, "deadline": 60}, expect={})
    until(lambda: len((status.read(str(desk.spool), handle.command) or {}).get("tries", ())) >= 2, "two tries")
    assert handle.is_running
    (tmp_path / "there").write_text("now")
    finish = desk.end(handle)
    assert finish.verdict == "held" and finish.attempts >= 3


def test_a_check_that_never_holds_ends_at_its_time(desk: Desk) -> None:
    finish, _ = desk.run("false", again={"attempts": 0, "every": 0.1, "deadline": 0.45}, expect={}, on_fail="stop")
    assert (finish.verdict, finish.then) == ("failed", "stop")
    assert 3 <= finish.attempts <= 5


@pytest.mark.parametrize("script", ["false", "sleep 60"], ids=["between two tries", "in the middle of one"])
def test_polling_is_cut_short(desk: Desk, script: str) -> None:
    handle = desk.start(script, again={"attempts": 0, "every": 60}, expect={})
    if script == "false":
        until(lambda: (status.read(str(desk.spool), handle.command) or {}).get("tries"), "the first try")
    handles.cancel(handle, "ana")
    finish = desk.end(handle)
    assert (finish.outcome, finish.error, finish.verdict) == ("cancelled", "cancelled by ana", "")


def test_a_supervisor_that_is_killed_between_two_tries_leaves_them_on_record(desk: Desk) -> None:
    handle = desk.start("exit 4", again={"attempts": 0, "every": 60}, expect={})
    until(lambda: (status.read(str(desk.spool), handle.command) or {}).get("tries"), "the first try")
    os.kill((status.read(str(desk.spool), handle.command) or {})["pid"], signal.SIGKILL)
    until(lambda: not handle.is_running, "nobody to look after it")
    (event,) = recover.reconcile(desk.journal, desk)
    body = event.body
    assert isinstance(body, CommandFinished)
    assert (body.outcome, [one["exit"] for one in body.tries], body.then) == ("unknown", [4], "")


def test_captures_come_from_standard_output_alone(desk: Desk) -> None:
    finish, output = desk.run(
        "echo a warning >&2; echo ' 42 '; echo 'leader db2' >&2",
        capture={"lag": "stdout", "leader": r"/leader (\w+)/", "first": "first_line", "code": "exit"},
    )
    assert finish.captured == {"lag": "42", "first": "42", "code": "0"}
    assert finish.error == r"no value for leader: its output does not match /leader (\w+)/"
    finish, _ = desk.run("echo to stderr >&2", capture={"said": "stderr"})
    assert finish.captured == {"said": "to stderr"}
    assert sorted(output.splitlines()) == [" 42 ", "a warning", "leader db2"]


def test_nothing_is_captured_from_what_failed(desk: Desk) -> None:
    finish, _ = desk.run("echo 42; exit 1", capture={"lag": "stdout"}, expect={})
    assert (finish.verdict, finish.captured) == ("failed", {})


def test_a_value_that_holds_a_secret_is_masked(desk: Desk) -> None:
    finish, _ = desk.run("echo the-secret-word", capture={"x": "stdout"}, secrets={"pw": "the-secret-word"})
    assert finish.captured == {"x": "[secret pw]"}
