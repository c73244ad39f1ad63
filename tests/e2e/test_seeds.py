"""The runbooks that others wrote, each worked to its very end in the console: from the picker, every step, by keys alone.

Nothing of them is run: what they say is observed, copied, ticked, decided, skipped with a reason, as on a night when the
commands are typed elsewhere. Then each step stands in the record, and the console says that nothing is left.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from console.journal.events import StepDecided, StepSkipped, StepTicked
from console.runbook.library import load_library
from console.runbook.model import Runbook, Step
from tests.e2e.site import Site
from tests.e2e.terminal import Terminal

SEEDS = ("000", "001", "002", "003", "004")


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_a_seed_is_worked_to_its_end(here: Site, tmp_path: Path, shared: Path, seed: str) -> None:
    books = tmp_path / "books"
    books.mkdir()
    (path,) = (shared / "seeds").glob(f"{seed}_*.md")
    shutil.copyfile(path, books / path.name)
    runbooks = [entry.runbook for entry in load_library([books], shipped=False).entries if entry.runbook.phases]
    with here.console("--runbooks", str(books)) as terminal:
        terminal.wait_for(r"1 Status.*2 Incident")
        terminal.press("D")
        terminal.wait_for("declare>")
        terminal.type("sev2 the drill\n")
        terminal.wait_for("INC-1")
        terminal.press("3")
        for number, runbook in enumerate(runbooks):
            _begin(terminal, runbook, first=number == 0)
            _work(terminal, runbook)
    _is_recorded(here, runbooks)
    assert not here.events("command_started")
    assert len([text for text in here.texts("step_observed") if text.startswith("vu à l'étape")]) == sum(
        step.kind == "check" for runbook in runbooks for phase in runbook.phases for step in phase.steps
    )


def _begin(terminal: Terminal, runbook: Runbook, *, first: bool) -> None:
    """From the picker, by words of its title."""
    if not first:
        terminal.press("a")
    terminal.wait_for("which runbook|another runbook besides")
    terminal.press("/")
    terminal.wait_for(r"(?m)^/")
    terminal.type(runbook.title)
    title = re.escape(runbook.title[:30].strip())
    terminal.wait_for(rf"▌{title}")
    terminal.press("enter", "enter")
    terminal.wait_for(rf"(?m)^ {title}[^\n]*\n [^\n]*\.md:{runbook.line}")  # its steps, before anything begins
    terminal.press("s")
    total = sum(len(phase.steps) for phase in runbook.phases)
    terminal.wait_for(rf" (?:1|1\.1) of {total}\b")  # where one is, at the top


def _work(terminal: Terminal, runbook: Runbook) -> None:
    """Each step as its kind asks."""
    steps = [step for phase in runbook.phases for step in phase.steps]
    numbers = [f"{at}.{place}" for at, phase in enumerate(runbook.phases, 1) for place, _ in enumerate(phase.steps, 1)]
    for at, step in enumerate(steps, 1):
        number = re.escape(numbers[at - 1]) if len(runbook.phases) > 1 else str(at)
        place = rf"  {number} of {len(steps)}\b"
        screen = terminal.wait_until(
            lambda now, place=place, step=step: re.search(place, now) and _says(step, now),
            what=f"{place}: {step.title}",
        )
        assert not re.search(r"Traceback|that went wrong", screen)
        if step.kind == "check":
            terminal.press("o")
            terminal.wait_for("seen>")
            terminal.type(f"vu à l'étape {at}\n")
            # Below a script that fills the page it is out of sight.
            terminal.wait_for(rf"seen \d\d:\d\d ann: vu à l'étape {at}\b|more.*: Enter(?s:.*)\nnoted")
        if step.commands and not step.decision:
            terminal.press("c")
            terminal.wait_for("copied|copy it")
        if step.decision:
            terminal.press("d")
            terminal.wait_for("decided>")
            terminal.type("non : ça marche\n")
        elif step.optional or (step.commands and at % 2):
            terminal.press("s")
            terminal.wait_for("skip, because>")
            terminal.type(f"fait ailleurs, {at}\n")
        else:
            terminal.press("space")
    terminal.wait_for("every step is settled: z ends this run")
    terminal.press("z")
    terminal.wait_for(r"end this run as>")
    terminal.press("enter")
    terminal.wait_for("the run is done")


def _says(step: Step, screen: str) -> bool:
    """Whether the step's title, and the beginning of its command, stand on the screen whole, over lines as they may be."""
    if re.search(r"\d+ more.*: Enter", screen):  # a long script: its own lines fill the page
        return True
    right = " ".join(line.partition("│")[2].strip(" │") for line in screen.splitlines() if "│" in line)
    packed = re.sub(r"\s+", "", right)
    first = step.commands[0].text.split("\n")[0] if step.commands else ""
    return re.sub(r"\s+", "", step.title) in packed and re.sub(r"[\s│]+", "", first)[:60] in packed.replace("│", "")


def _is_recorded(here: Site, runbooks: list[Runbook]) -> None:
    events = here.events()
    settled = [event.body for event in events if isinstance(event.body, StepTicked | StepSkipped | StepDecided)]
    assert len(settled) == sum(len(phase.steps) for runbook in runbooks for phase in runbook.phases)
    assert len([event for event in events if event.kind == "run_started"]) == len(runbooks)
    assert len([event for event in events if event.kind == "run_ended"]) == len(runbooks)
