"""The guided run, line by line, from answers in a file and from a real terminal."""

from __future__ import annotations

import io
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from console.commands.context import Context, Fail, Options
from console.commands.runbooks_run import run
from console.journal.events import CommandFinished, CommandStarted, Declared, New, Origin
from console.journal.store import Journal

from .conftest import Desk, until

ROOT = Path(__file__).parents[3]
TEXT = """\
# The price feed is stale

## Diagnosis

1. Look at the lag:

   ```sh
   echo "lag of <feed>"
   ```

2. Ask the desk.

## Mitigation

1. Restart it:

   ```sh
   pkill -f "feeder-<feed>-of-this-test"; echo restarted
   ```

2. Log in:

   ```sh
   echo in with <api-token>
   ```
"""


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "stale.md"
    path.write_text(TEXT)
    return path


class Guided:
    def __init__(self, desk: Desk, book: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.desk, self.book, self.folder, self.capsys = desk, book, tmp_path, capsys

    def __call__(self, *answers: str, options: tuple[str, ...] = ()) -> tuple[int, str]:
        file = self.folder / "answers"
        file.write_text("".join(f"{answer}\n" for answer in answers))
        ctx = Context(Options(db=str(self.desk.journal.path), actor="ana"))
        code = run.main([str(self.book), "--answers", str(file), *options], standalone_mode=False, obj=ctx)
        return code, self.capsys.readouterr().out

    def typed(self, monkeypatch: pytest.MonkeyPatch, *lines: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        ctx = Context(Options(db=str(self.desk.journal.path), actor="ana"))
        code = run.main([str(self.book), "--plain"], standalone_mode=False, obj=ctx)
        return code, self.capsys.readouterr().out

    def kinds(self) -> list[str]:
        return [event.kind for event in self.desk.events()[1:]]


@pytest.fixture
def guided(desk: Desk, book: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Guided:
    return Guided(desk, book, tmp_path, capsys)


def test_a_whole_run(guided: Guided) -> None:
    code, out = guided(
        "x",
        "prices",
        "x",
        "o 40 MB behind",
        "",
        "s nobody answers",
        "x",
        "",
        "",
        "e",
        options=("--param", "api-token=t0p-secret"),
    )
    assert code == 0
    assert '$ echo "lag of <feed>"\n       needs feed' in out
    assert '$ echo "lag of prices"' in out
    assert "  | lag of prices\n  exited, exit 0" in out
    assert "  | restarted\n" in out  # it did not end itself
    assert "t0p-secret" not in out
    assert out.endswith("done: 4 of 4 steps settled\n")
    assert guided.kinds() == [
        "run_started",
        "param_set",
        "param_set",
        "command_started",
        "command_finished",
        "step_observed",
        "step_ticked",
        "step_skipped",
        "command_started",
        "command_finished",
        "step_ticked",
        "step_ticked",
        "run_ended",
    ]
    started = [event.body for event in guided.desk.events() if isinstance(event.body, CommandStarted)]
    assert started[0].text == 'echo "lag of prices"'
    assert started[0].params == {"feed": "prices"}
    assert "t0p-secret" not in str(guided.desk.events())


def test_what_the_screen_says_of_a_step_is_said_here_too(guided: Guided) -> None:
    guided.book.write_text(
        "# Unfreeze\n\n## Actions\n\n- [ ] Ask\n  - [ ] the desk\n- [ ] If it holds, thaw it; otherwise wait\n"
        "- [ ] Restart, if needed\n\n  ```sh\n  rm -rf ./nothing-of-the-kind\n  ```\n\n**Authorization:** admins only\n"
    )
    code, out = guided("", "", "", "", "q")
    assert code == 1
    assert out.count("  Authorization: admins only\n") == 4
    assert "  under: Ask\n" in out
    assert "; otherwise wait  (Actions)\n  DECIDE: the text branches\n" in out
    assert "] Restart, if needed  (Actions)\n  optional\n" in out
    assert "x asks for" in out and "to be typed first" in out


def test_x_after_filling_in_shows_before_it_runs(guided: Guided) -> None:
    """The first x asks for the value; what is run is what was shown after it."""
    guided("x", "prices", "q")
    assert "command_started" not in guided.kinds()


def test_it_goes_on_where_it_was_left(guided: Guided) -> None:
    code, out = guided("", "q")
    assert code == 1
    assert out.endswith("left at Ask the desk.; the same command goes on here\n")
    guided.book.write_text(TEXT.replace("Ask the desk.", "Ask somebody else."))
    code, out = guided("u", "e wrong host")
    assert out.startswith("going on: 1 of 4 steps are settled\nthe file has changed")
    assert "Ask the desk." in out
    assert "Ask somebody else." not in out  # frozen
    assert code == 0
    assert out.endswith("abandoned: 0 of 4 steps settled\n")
    _, out = guided("q")
    assert "Look at the lag" in out and not out.startswith("going on")


def test_what_it_does_not_do(guided: Guided, monkeypatch: pytest.MonkeyPatch) -> None:
    """Typed by a person, or piped in: the next line is another try."""
    _, out = guided.typed(monkeypatch, "nonsense", "x 7", "s", "", "o", "", "j 99", "u", "e", "p feed", "q")
    for line in (
        "enter tick · x run",
        "no command 7 here",
        "a skipped step needs a reason",
        "nothing was written",
        "no step 99: a number from 1 to 4",
        "there is nothing to take back",
        "4 steps are open: e and a reason abandons the run",
        "p NAME=VALUE sets a parameter: feed, api-token",
    ):
        assert line in out, line
    assert guided.kinds() == ["run_started"]


def test_a_value_with_hidden_characters_is_refused(guided: Guided, monkeypatch: pytest.MonkeyPatch) -> None:
    _, out = guided.typed(monkeypatch, "p feed=a\x1b[2Jb", "q")
    assert "feed: it holds characters that can't be seen" in out
    assert "\x1b" not in out


def test_hostile_output_is_made_visible(guided: Guided) -> None:
    guided.book.write_text(
        TEXT.replace('echo "lag of <feed>"', r"printf '\033]0;x\007\033[31mred\033[0m \342\200\256\n'")
    )
    _, out = guided("x", "q")
    assert "  | red <U+202E>\n" in out


def test_another_operator_was_first(guided: Guided, database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from console.commands import guided as module
    from console.runbook import actions, progress
    from console.runbook.run import RunsFold

    real = module.GuidedRun._append
    done: list[bool] = []

    def late(self: module.GuidedRun, news: list[New]) -> None:
        if not done:
            done.append(True)
            with Journal.open(database, actor="bob", origin=Origin(program="console")) as other:
                runs = RunsFold().initial()
                for event in other.all(guided.desk.stream):
                    runs = RunsFold().apply(runs, event)
                (view,) = progress.views(runs)
                actions.append(other, guided.desk.stream, actions.tick(view, view.current))
        real(self, news)

    monkeypatch.setattr(module.GuidedRun, "_append", late)
    _, out = guided("", "q")
    assert "bob ticked this step at " in out
    assert "[2/4] Ask the desk." in out
    assert guided.kinds().count("step_ticked") == 1


def test_a_decision(desk: Desk) -> None:
    """Annotated runbooks have decisions; the reader of plain Markdown makes none."""
    from console.commands.guided import Desk as Where
    from console.commands.guided import GuidedRun, Talk
    from console.runbook import actions
    from console.runbook.model import Option, Phase, Runbook, Step

    steps = (
        Step(id="ask", kind="decide", title="Under 100 MB?", options=(Option("yes", "c"), Option("no"))),
        Step(id="b", kind="do", title="B"),
        Step(id="c", kind="do", title="C"),
    )
    book = Runbook(id="rb", title="T", path="", phases=(Phase("P", 1, 2, steps),)).sealed()
    news = actions.start_run(book, {}, run="R")
    actions.append(desk.journal, desk.stream, news)
    answers, said = iter(["", "d 7", "d YES", "q"]), []
    talk = Talk(say=said.append, ask=lambda question: next(answers, None), ask_secret=lambda question: None)
    where = Where(desk.journal, desk, desk.stream, Path("/"), 1_000_000, 0o600)
    assert not GuidedRun(where, book, "R", {}, talk).walk()
    assert "this step asks for a decision: d and its number" in said
    assert "not one of the answers" in said
    assert any(line.startswith("[3/3] C") for line in said)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no-such", "--plain"], "no runbook no-such; `vigie runbooks list` lists them"),
        (["no-such"], "the full-screen run is in the console"),
        (["stale.md", "--plain", "--param", "x"], "--param x: expected NAME=VALUE"),
    ],
)
def test_usage(desk: Desk, arguments: list[str], message: str) -> None:
    with pytest.raises(Fail, match=message):
        run.main(arguments, standalone_mode=False, obj=Context(Options(db=str(desk.journal.path))))


def test_a_run_belongs_to_an_incident(database: Path, book: Path) -> None:
    Journal.open(database, actor="ana", origin=Origin(program="cli")).close()
    with pytest.raises(Fail, match="none is open"):
        run.main([str(book), "--plain"], standalone_mode=False, obj=Context(Options(db=str(database))))


def test_on_a_terminal_what_is_typed_ahead_runs_nothing(database: Path, book: Path, home: Path) -> None:
    """The x typed before the command was shown is dropped; the one after it runs."""
    book.write_text(TEXT.replace("<feed>", "prices"))
    with Journal.open(database, actor="ana", origin=Origin(program="cli")) as journal:
        stream, _, _ = journal.declare([New(body=Declared(title="x"))])
    master, slave = os.openpty()
    code = (
        "import sys; from console.commands.runbooks_run import run; from console.commands.context import Context, Options;"
        "sys.exit(run.main(sys.argv[1:], standalone_mode=False, obj=Context(Options())))"
    )
    os.write(master, b"x\nx\n")
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(book), "--plain"],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**os.environ, "PYTHONPATH": str(ROOT), "VIGIE_DB": str(database)},
        start_new_session=True,
    )
    os.close(slave)
    seen = b""

    def read_until(words: bytes) -> None:
        nonlocal seen
        limit = time.monotonic() + 60
        while words not in seen:
            assert time.monotonic() < limit, seen
            seen += os.read(master, 4096)

    read_until(b"\r\n> ")
    assert b"  | lag" not in seen
    os.write(master, b"x\n")
    read_until(b"exited, exit 0")
    read_until(b"out\r\n> ")
    os.write(master, b"q\n")
    read_until(b"goes on here")
    assert process.wait(60) == 1
    os.close(master)
    with Journal.open(database, actor="ana", origin=Origin(program="cli")) as journal:
        finishes = [event for event in journal.all(stream) if isinstance(event.body, CommandFinished)]
    assert len(finishes) == 1


def _one_step(folder: Path, command: str) -> Path:
    path = folder / "one.md"
    path.write_text(f"# One\n\n## Steps\n\n1. Do it:\n\n   ```sh\n   {command}\n   ```\n\n2. Look\n")
    return path


@pytest.mark.parametrize(("typed", "ran"), [("wrong", False), ("rm", True)])
def test_what_destroys_asks_for_a_word_as_the_screen_does(
    typed: str, ran: bool, desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    guided = Guided(desk, _one_step(tmp_path, f"rm -rf {victim}"), tmp_path, capsys)
    _, out = guided("x", typed, "q")
    assert victim.exists() is not ran
    assert ("not confirmed: nothing was started" in out) is not ran


def test_a_value_that_another_operator_changed_is_shown_before_anything_runs(
    desk: Desk, database: Path, tmp_path: Path
) -> None:
    from console.commands.guided import Desk as Where
    from console.commands.guided import GuidedRun, Talk
    from console.journal.folds import fold_stream
    from console.runbook import actions, progress
    from console.runbook.library import read_runbook_file
    from console.runbook.run import RunsFold

    book = read_runbook_file(_one_step(tmp_path, "echo to <target>")).runbooks[0].sealed()
    actions.append(desk.journal, desk.stream, actions.start_run(book, {"target": "staging"}, run="R"))
    answers, said = iter(["o all quiet", "x", "q"]), []

    def ask(question: str) -> str | None:
        answer = next(answers, None)
        if answer == "o all quiet":
            with Journal.open(database, actor="bob", origin=Origin(program="console")) as other:
                (view,) = progress.views(fold_stream(other, desk.stream, RunsFold()))
                actions.append(other, desk.stream, actions.set_param(view, "target", "production"))
        return answer

    talk = Talk(say=said.append, ask=ask, ask_secret=lambda question: None)
    GuidedRun(Where(desk.journal, desk, desk.stream, Path("/"), 1_000_000, 0o600), book, "R", {}, talk).walk()
    assert "command_started" not in [event.kind for event in desk.events()]
    assert any("production" in line for line in said)


@pytest.mark.parametrize(
    ("answers", "line", "says"),
    [
        (("o up", "j 99", ""), 2, "no step 99: a number from 1 to 4"),
        (("z", ""), 1, "no key z"),
        (("x 7",), 1, "no command 7 here"),
        (("p feed",), 1, "p NAME=VALUE"),
        (("d nonsense",), 1, "this step is no decision"),
        (("x",), 2, "no answer is left to “feed =”"),
        (("s",), 2, "no answer is left to “why:”"),
        (("x", "two\x1blines", ""), 2, "feed: it holds characters that can't be seen"),
    ],
)
def test_a_file_of_answers_that_fits_nothing_ends_there(
    guided: Guided, answers: tuple[str, ...], line: int, says: str
) -> None:
    """What comes after it would be meant for another step."""
    with pytest.raises(Fail) as caught:
        guided(*answers)
    assert str(caught.value).startswith(f"{guided.folder / 'answers'}:{line}: {says}")
    assert caught.value.code == 2
    assert "step_ticked" not in guided.kinds() and "command_started" not in guided.kinds()


def test_answers_that_are_no_text(guided: Guided, desk: Desk, book: Path) -> None:
    file = guided.folder / "binary"
    file.write_bytes(b"\xff\xfe\n")
    with pytest.raises(Fail, match="binary:1: not UTF-8"):
        ctx = Context(Options(db=str(desk.journal.path), actor="ana"))
        run.main([str(book), "--answers", str(file)], standalone_mode=False, obj=ctx)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL])
def test_without_its_terminal_the_command_goes_on_and_the_run_is_taken_up_again(
    guided: Guided, desk: Desk, book: Path, tmp_path: Path, number: int
) -> None:
    """A dumb terminal that is gone in the middle of a command."""
    go = tmp_path / "go"
    book.write_text(
        TEXT.replace('echo "lag of <feed>"', f"echo begun; while [ ! -e {go} ]; do sleep 0.02; done; echo over")
    )
    master, slave = os.openpty()
    argv = [Path(sys.executable).with_name("vigie"), "--db", desk.journal.path, "runbooks", "run", book, "--plain"]
    plain = subprocess.Popen(
        ["setsid", "-c", *map(str, argv)], stdin=slave, stdout=slave, stderr=slave, env={**os.environ, "TERM": "dumb"}
    )
    os.close(slave)
    seen = b""
    limit = time.monotonic() + 60
    while b"| begun" not in seen:
        assert time.monotonic() < limit, seen
        if select.select([master], [], [], 0.1)[0]:
            seen += os.read(master, 4096)
        if seen.endswith(b"> ") and b"x\r\n" not in seen:
            os.write(master, b"x\n")
            until(lambda: select.select([master], [], [], 0)[0], "an echo")
    assert b"\x1b" not in seen  # a dumb terminal gets no sequence
    os.kill(plain.pid, number)
    plain.wait(30)
    os.close(master)
    assert desk.finishes() == []
    go.touch()
    until(lambda: desk.finishes(), "its end")
    assert (desk.finishes()[0].outcome, desk.finishes()[0].head) == ("exited", "begun\nover")
    code, out = guided("", "q")
    assert code == 1
    assert out.startswith("going on: 0 of 4 steps are settled")
    assert len([kind for kind in guided.kinds() if kind == "command_started"]) == 1
