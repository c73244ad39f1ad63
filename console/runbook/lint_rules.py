"""The linter's rules: a stable code, what it finds, and what to do about it. The guide's table is made from this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Rule:
    """*level* is the usual one; a finding may be milder or graver by what it is about."""

    code: str
    level: str
    finds: str
    fix: str


CODES: Final[dict[str, Rule]] = {
    rule.code: rule
    for rule in (
        Rule(
            "R001",
            "error",
            "a file that can't be read",
            "make it readable, smaller or plain text, or take it out of the folder",
        ),
        Rule(
            "R002",
            "error",
            "YAML that does not parse (in front matter: a warning)",
            "correct the YAML on this line; quote text that holds ': ' or '#'",
        ),
        Rule("R003", "warning", "front matter of the wrong shape", "write it as the message says, or take the key out"),
        Rule("R004", "warning", "text that is not UTF-8", "save the file as UTF-8"),
        Rule(
            "R005",
            "error",
            "a key that is not known",
            "correct its spelling, or take it out; x-… keys are kept as they are",
        ),
        Rule("R006", "error", "a value that does not fit its key", "write what the message expects"),
        Rule(
            "R007", "error", "a step, phase, parameter or role that is not there", "name one that is there, or add it"
        ),
        Rule(
            "R008",
            "error",
            "attributes that belong to no step, or an id used twice",
            "put them on the line before the step; give each step its own id",
        ),
        Rule("R009", "warning", "a front-matter key that is nearly one of ours", "correct its spelling"),
        Rule("R010", "error", "a link to a file that is not there", "correct the link, or write the file"),
        Rule("R011", "warning", "an empty section", "fill it, or delete it"),
        Rule("R012", "warning", "unfinished: TODO, TBD or FIXME", "finish it, or delete it"),
        Rule("R013", "warning", "past its review date", "go through it, then set `reviewed` to that day"),
        Rule("R014", "info", "a variable that nothing sets", "declare it under `params`, or set it in the same block"),
        Rule(
            "R015",
            "warning",
            "a session opens, and commands follow that belong inside it",
            "give the session its command (`ssh host 'command'`, `host:`), or set tty=yes on a step of its own",
        ),
        Rule(
            "R016",
            "warning",
            "a shell block that does not parse",
            "correct it until `bash -n` takes it, or tag it as what it is",
        ),
        Rule(
            "R017",
            "error",
            "a secret on a command line",
            "make it a parameter with `secret: true`, and give it by environment or stdin",
        ),
        Rule(
            "R018",
            "info",
            "a change that no check follows (in a written runbook: a warning)",
            "add a check, or say what to expect",
        ),
        Rule(
            "R019",
            "info",
            "a destructive step without a way back (in a written runbook: a warning)",
            "name it with `undo`, or add a rollback section; `undo: none, because …` says it too",
        ),
        Rule(
            "R020",
            "warning",
            "a root prompt that may be a comment",
            "write the command without '#', with sudo where it needs it",
        ),
        Rule(
            "R021",
            "warning",
            "a placeholder where no value can go",
            "move it out of the single quotes, heredoc or inner shell",
        ),
        Rule("R022", "error", "invisible or control characters in a command", "type the line again"),
        Rule(
            "R023",
            "warning",
            "a command that may cut the operator's own connection",
            "say so in the step, and how to get back in",
        ),
        Rule(
            "R024",
            "warning",
            "an effect that says less than the command does",
            "write the effect it has; it is treated as destructive anyway",
        ),
        Rule(
            "R025",
            "info",
            "a destructive step that asks for nothing to be typed",
            "add confirm=type-<param> with the parameter that names the target",
        ),
        Rule(
            "R026",
            "info",
            "a check with a command and nothing to judge it by",
            "add `expect`: an exit status, a pattern, or words",
        ),
        Rule(
            "R027",
            "warning",
            "an alert without a runbook",
            "write one with `match: {alertname: …}`, or add the annotation runbook_url",
        ),
        Rule("R028", "error", "a runbook_url that leads nowhere", "correct the path or the anchor"),
        Rule("R029", "info", "a link to a heading that is not there", "correct the part after '#'"),
        Rule(
            "R030",
            "error",
            "a call of a runbook that is not there",
            "name a runbook by its id or file, as `vigie runbooks list` has it",
        ),
        Rule("R031", "info", "a written runbook without owner or review", "add `owner`, `reviewed` and `review_every`"),
        Rule(
            "R032", "warning", "lists or quotes nested deeper than they are read", "put what is inside under a heading"
        ),
        Rule("R033", "error", "a lexicon that says what none can", "write what the message expects"),
    )
}


def table() -> list[str]:
    """The rules as a Markdown table."""
    rows = ["| code | level | finds | fix |", "|---|---|---|---|"]
    return rows + [f"| {one.code} | {one.level} | {one.finds} | {one.fix} |" for one in CODES.values()]
