"""What is typed or chosen on a run: each function makes the question; the answer goes back to the caller."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from console.runbook.model import Option, Param
from console.runbook.progress import RunView, StepView
from screens.asks import Ask, Choice
from screens.palette import matching

Refuse = Callable[[str], str | None]


def line(
    kind: str, label: str, hint: str, take: Refuse, *, draft: str = "", needed: str = "", armed: bool = False
) -> Ask:
    """A line of text; *needed* is what is said to an empty one. *armed*: nothing that was typed before it was seen counts."""

    def submit(text: str) -> str | None:
        if needed and not text.strip():
            return needed
        return take(text.strip())

    return Ask(id=kind, label=label, submit=submit, hint=hint, draft=draft, armed=armed)


def jump(view: RunView, numbers: dict[str, str], here: str, go: Callable[[str], None]) -> Ask:
    """Which step to go to: its number, or words of it."""
    choices = [
        Choice(step.id, f"{numbers.get(step.id, ''):<6}{step.title[:60]}", "" if step.state == "open" else step.state)
        for step in view.steps
        if step.id != here
    ]

    def offered(text: str) -> Sequence[Choice]:
        typed = text.strip()
        exact = [choice for choice in choices if numbers.get(choice.key) == typed]
        return exact or matching(text, choices)

    return Ask(
        id="jump",
        label="go to>",
        submit=go,
        choices=offered,
        hint="2.3 or words of the step; arrows choose, Enter goes",
    )


def decide(
    step: StepView, options: Sequence[Option], where: Callable[[str], str], take: Callable[[Option], str | None]
) -> Ask:
    """A decision: its answers are letters; one that the runbook leaves open is answered in words. *where* says in words to
    which step an answer goes."""
    if not options:
        return line(
            "decide",
            "decided>",
            "the runbook leaves it to you: what was decided, and why",
            lambda text: take(Option(answer=text)),
            needed="say what was decided",
        )
    lettered = dict(zip("abcdefgh", options, strict=False))
    choices = [
        Choice(letter, f"{letter}  {option.answer}", f"goes to {where(option.goto)}" if option.goto else "goes on")
        for letter, option in lettered.items()
    ]

    def offered(text: str) -> Sequence[Choice]:
        exact = [choice for choice in choices if choice.key == text.strip().casefold()]
        return exact or matching(text, choices)

    return Ask(
        id="decide",
        label="decide>",
        submit=lambda letter: take(lettered[letter]),
        choices=offered,
        hint=f"{step.title[:50]}: a letter, then Enter",
    )


def which_param(params: Sequence[Param], shown: Callable[[Param], str], go: Callable[[str], None]) -> Ask:
    """Which parameter to change."""
    choices = [Choice(param.name, f"{param.name:<18}", f"{shown(param)}   {param.description}") for param in params]
    return Ask(
        id="param",
        label="edit>",
        submit=go,
        choices=lambda text: matching(text, choices),
        hint="which value? arrows choose, Enter edits it",
    )


def param(one: Param, value: str, take: Refuse) -> Ask:
    """The value of a parameter; a secret is not shown, not kept, and never a draft."""
    written = one.source if one.source not in ("", "declared", "front matter") else ""
    about = one.description or (f"one of {', '.join(one.choices)}" if one.choices else f"for {written or one.name}")
    if one.choices_from is not None:
        about = f"? lists its values by a command; {about}"
    return Ask(
        id="param-value",
        label=f"{one.name}>",
        submit=take,
        text="" if one.secret else value,
        hint=f"{about}; not kept anywhere, only handed to the command" if one.secret else about,
        secret=one.secret,
    )


def list_choices(param: Param, shown: str, go: Callable[[], None]) -> Ask:
    """Whether the command that lists a parameter's values is to be run."""

    def submit(answer: str) -> str | None:
        if answer.strip().casefold() not in ("y", "yes"):
            return "type y to run it; esc leaves"
        go()
        return None

    return Ask(
        id="list-choices",
        label=f"list {param.name} with it? y>",
        submit=submit,
        hint=((_on_one_line(shown), "code"),),
        armed=True,
    )


def _on_one_line(shown: str) -> str:
    """A command in one line, its line feeds visible; one that does not fit says so."""
    whole = shown.strip().replace("\n", " <LF> ")
    return whole if len(whole) <= 140 else f"{whole[:140]} ... ({len(whole)} characters, see the runbook)"


def choose_value(param: Param, values: Sequence[str], take: Refuse) -> Ask:
    """Which of the listed values."""
    choices = [Choice(value, value[:100], "") for value in values]
    return Ask(
        id="choose-value",
        label=f"{param.name}>",
        submit=take,
        choices=lambda text: matching(text, choices),
        hint="arrows choose, Enter takes it",
    )


def confirm(word: str, what: str, go: Callable[[], None]) -> Ask:
    """Type *word* to go on."""

    def submit(text: str) -> str | None:
        if text.strip() != word:
            return f"that is not {word}: nothing ran; esc leaves"
        go()
        return None

    return Ask(id="confirm", label=f"type {word} to run it>", submit=submit, hint=((what, "down"),), armed=True)


def cancel(text: str, go: Callable[[], None]) -> Ask:
    """End a command that runs."""

    def submit(answer: str) -> str | None:
        if answer.strip().casefold() not in ("y", "yes"):
            return "type y to end it; esc leaves it running"
        go()
        return None

    return Ask(
        id="cancel",
        label="end it? y>",
        submit=submit,
        hint=(("SIGTERM, then SIGKILL: ", "degraded"), (text[:60], "code")),
        armed=True,
    )


def end(view: RunView, go: Callable[[str], str | None]) -> Ask:
    """How a run ends."""
    left = len(view.steps) - view.settled
    about = f"{left} step{'s' if left != 1 else ''} not settled" if left else "every step is settled"
    choices = [
        Choice("done", "done      ", about),
        Choice("abandoned", "abandoned ", "it did not help, or was not needed"),
    ]
    return Ask(
        id="end-run",
        label="end this run as>",
        submit=go,
        choices=lambda text: matching(text, choices),
        hint="arrows choose, Enter ends it; its record stays, the incident stays open",
    )


def which_run(runs: Sequence[RunView], go: Callable[[str], None]) -> Ask:
    """Which run to look at."""
    choices = [
        Choice(
            run.run,
            f"{run.title[:48]:<48}",
            f"{run.settled} of {len(run.steps)}, {run.by} {run.at:%H:%M}Z"
            + (f", {run.end.outcome}" if run.end else ""),
        )
        for run in runs
    ]
    return Ask(
        id="run",
        label="run>",
        submit=go,
        choices=lambda text: matching(text, choices),
        hint="arrows choose, Enter goes there; nothing is left behind",
    )
