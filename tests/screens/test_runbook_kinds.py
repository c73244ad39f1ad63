"""Kinds of steps on the Runbook screen: pauses, decisions, waits, approvals, choices, other runbooks; and that nothing ever
runs that nobody asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from textual import events

from console.journal.events import New, Origin, RoleSet
from console.journal.folds import fold_stream
from console.journal.store import Journal
from console.runbook import actions as runs
from console.runbook import progress, subjects
from console.runbook.library import load_library
from console.runbook.run import RunsFold
from screens import actions
from tests.screens.runbooks import answer, at_step, declared, following, opened, room

NINE = """id: RB-NINE
title: All kinds
params:
  who: {choices_from: "printf 'db1\\ndb2\\n'"}
phases:
  - title: Look
    pause: Confirm the impact
    steps:
      - {id: which, kind: decide, ask: "Which way?", options: {left: wait, right: ok}}
      - {id: wait, kind: wait, title: Settle, for: 1h}
      - {id: gov, kind: run, title: Set the fee, role: governance_admin, run: "echo fee of <who>"}
      - {id: ok, kind: approve, ask: "May we?"}
      - {id: go, kind: run, title: Go, run: "echo gone"}
      - {id: call, kind: call, title: The other, runbook: RB-OTHER}
"""
OTHER = """id: RB-OTHER
title: The other one
phases: [{title: P, steps: [{id: a, kind: do, title: Its only step}]}]
"""


@pytest.fixture
def books(tmp_path: Path) -> Path:
    folder = tmp_path / "books"
    folder.mkdir()
    (folder / "nine.runbook.yaml").write_text(NINE)
    (folder / "other.runbook.yaml").write_text(OTHER)
    return folder


@pytest.fixture
def place(place: Any) -> Any:
    place.deps = replace(place.deps, origin=Origin(program="console", uid=4001))
    return place


async def seen(console: Any) -> None:
    """The terminal shows the question."""
    foot = console.app.bridge.foot
    await console.until(lambda: foot._arming is not None and foot._arming.is_framed, "the frame")
    for row, column in list(foot._arming._asked):
        console.app.post_message(events.CursorPosition(column - 1, row - 1))
    await console.pilot.pause()


def started(console: Any, stream: str, books: Path, name: str) -> str:
    entry = load_library([books], shipped=False).get(name)
    assert entry is not None and not entry.runbook.broken, entry
    with Journal.open(console.paths.database, actor="ana", origin=Origin(program="console", uid=4001)) as journal:
        news = runs.start_run(entry.runbook, {})
        runs.append(journal, stream, news)
    return str(news[0].body.run)  # type: ignore[attr-defined]  # a RunStarted


def view(console: Any, stream: str, run: str) -> progress.RunView:
    with console.journal() as journal:
        found = progress.view(fold_stream(journal, stream, RunsFold()), run)
    assert found is not None
    return found


async def test_kinds_on_the_screen(place: Any, books: Path) -> None:
    stream = declared(place)
    run = started(place, stream, books, "RB-NINE")
    async with place.open(size=(110, 40)):
        here = await opened(place)
        here._me = replace(here.who, uid=4001, groups=frozenset())
        await place.until(lambda: "not yet: first confirm: Confirm the impact" in place.text())
        await place.press("space")  # a decision that is ticked asks for its answer
        await place.press("escape", "y")
        await seen(place)
        await place.press(*"12", "enter")
        await place.until(lambda: "Look" in view(place, stream, run).confirmed)
        await place.until(lambda: "not yet" not in place.text())
        await place.press("d", "a", "enter")
        await place.until(lambda: here.table.key == "wait", "the answer's step")
        await place.press("t")
        await place.until(lambda: "59m" in place.text(), "the wait")
        await place.press("space")
        assert view(place, stream, run).step("wait").state == "open"  # type: ignore[union-attr]  # it is there
        await place.press("t", "enter")
        await place.until(lambda: view(place, stream, run).step("wait").waiting is None, "cut short")  # type: ignore[union-attr]
        await place.press("space")
        await place.until(lambda: here.table.key == "gov")
        await place.press("x")
        assert "governance_admin only" in place.text()
        with Journal.open(place.paths.database, actor="ic", origin=Origin(program="cli", uid=1)) as other:
            other.append(stream, [New(body=RoleSet(role="governance_admin", person=here.who.actor))])
        await place.until(lambda: "nobody holds" not in here_text(place), "the role, given elsewhere")
        await place.press("e")
        await place.press("?", "enter")
        await place.until(lambda: "list who with it?" in place.text())
        assert "command_started" not in kinds(place, stream)  # asked, not run
        await seen(place)
        await place.press("y", "enter")
        await place.until(lambda: "arrows choose, Enter takes it" in place.text(), "the values")
        await place.press("down", "enter")
        await place.until(lambda: view(place, stream, run).values.get("who") in ("db1", "db2"))
        await at_step(place, "4")
        await place.press("A")
        assert "who runs this can't approve it" in place.text()
        await place.press("escape")  # what is typed right behind a refused line is dropped
        await at_step(place, "5")
        await place.press("x")
        assert "needs the approval" in place.text()
        with Journal.open(place.paths.database, actor="bob", origin=Origin(program="cli", uid=4002)) as other:
            approving = view(place, stream, run)
            subject = subjects.subject(approving, following(place)._looking.runbook, "ok")
            runs.append(other, stream, runs.approve(approving, "ok", 4002, "go", subject=subject))
        await place.until(lambda: "needs the approval" not in here_text(place), "bob's word, within a second or so")
        await answer(place)
        await place.press("x")
        await place.until(lambda: "finished, exit 0" in place.text(), "its end")
        await at_step(place, "6")
        await place.press("r")
        await place.until(lambda: here.view is not None and here.view.runbook == "rb-other", "the other runbook")
        assert "Its only step" in place.text()


def here_text(console: Any) -> str:
    return "\n".join(str(line) for line in following(console).page.lines)


def kinds(console: Any, stream: str) -> list[str]:
    with console.journal() as journal:
        return [event.kind for event in journal.all(stream) if getattr(event.body, "run", "") or event.kind != "x"]


SENTINEL = """---
title: Sentinel
---

# Sentinel

## Steps

1. The first

   ```sh
   touch {folder}/canary
   ```

2. A second, of two

   ```sh
   # one
   touch {folder}/canary
   # two
   touch {folder}/canary
   ```

3. One that follows

   ```sh
   touch {folder}/canary; tail -f /dev/null
   ```

4. One that wants the terminal

   ```sh
   touch {folder}/canary; vi x
   ```

5. Wait 5 minutes

   ```sh
   touch {folder}/canary
   ```
"""


async def test_nothing_runs_unasked_whatever_is_pressed_but_x(place: Any, books: Path, tmp_path: Path) -> None:
    """Import, preview, selection, resume, every room and every key of every room, at every step: no command is started."""
    (books / "sentinel.md").write_text(SENTINEL.format(folder=tmp_path))
    (books / "sentinel.runbook.yaml").write_text(
        f"""id: RB-S
title: Sentinel two
params: {{p: {{choices_from: "touch {tmp_path}/canary; echo a"}}}}
phases:
  - title: P
    steps:
      - {{id: a, kind: check, title: C, run: "touch {tmp_path}/canary", expect: {{exit: 0}}}}
      - {{id: b, kind: wait, title: W, for: 1s, next: a}}
      - {{id: c, kind: run, title: R, run: "touch {tmp_path}/canary <p>", host: db1}}
"""
    )
    stream = declared(place)
    for name in ("Sentinel", "RB-S"):
        started(place, stream, books, name)
    # Keys that leave the console, suspend it, or run; every other one of the registry is pressed.
    without = {"run.run", "app.quit", "app.suspend", "prompt.suspend", "incident.close", "report.write"}
    keys = list(
        dict.fromkeys(key for one in actions.ACTIONS if one.id not in without for key in one.keys if key != "x")
    )
    for again in range(2):  # the second time it is resumed
        async with place.open(size=(100, 30)):
            await opened(place)
            for key in keys:
                await place.press(key, "escape")
            await place.press("escape", "3", "right_square_bracket")
            if again == 0:
                await place.press("3", "a", "slash", *"Sentinel", "enter", "enter", "escape", "escape")
            await answer_all(place)
    assert not (tmp_path / "canary").exists()
    assert "command_started" not in kinds(place, stream)
    with place.journal() as journal:
        assert not [
            event for info in journal.streams() for event in journal.all(info.stream) if event.kind == "command_started"
        ]


async def answer_all(console: Any) -> None:
    """Even armed, nothing starts by itself."""
    if room(console).following.view is not None and room(console).following.arming.is_framed:
        await answer(console)
    await console.pilot.pause(0.2)


async def test_a_configured_instruction_mode_holds_in_every_run(place: Any, books: Path) -> None:
    place.deps = replace(place.deps, config=msgspec.structs.replace(place.deps.config, instruction=True))
    stream = declared(place)
    started(place, stream, books, "All kinds")
    async with place.open():
        await place.until(lambda: place.app.desk.incident is not None)
        await place.press("3")
        await place.until(lambda: "COPY ONLY" in place.text(), "the run")
        assert following(place).instruction


async def test_phases_fold_and_open_where_one_goes(place: Any, books: Path) -> None:
    (books / "two.runbook.yaml").write_text(
        "title: Two parts\nphases:\n- {title: Look, steps: [one, two]}\n- {title: Act, steps: [three, four]}\n"
    )
    stream = declared(place)
    started(place, stream, books, "Two parts")
    async with place.open():
        await place.until(lambda: place.app.desk.incident is not None)
        await place.press("3")
        await place.until(lambda: "1 of" in place.text() or "1.1" in place.text(), "the run")
        here = following(place)
        phases = [key for key in here._keys() if key.startswith("phase:")]
        every = len(here._keys())
        assert len(phases) > 1
        await place.press("F")
        await place.until(lambda: len(here._keys()) < every, "folded")
        hidden = next(step.id for step in here.view.steps if step.id not in here._keys())
        await place.press("g")
        await place.type(here._looking.numbers.by_step[hidden])
        await place.press("enter")
        await place.until(lambda: here.table.key == hidden, "the step in the folded phase")
        await place.press("home", "enter")
        assert phases[0] in here._keys() and here.table.key == phases[0]
        assert (here.chosen, 1) in here.folded
