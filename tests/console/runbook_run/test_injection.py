"""Label values that would be code if anything spliced them into shell text: as parameters they are only strings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from console.runbook.launch import LaunchError
from console.runbook.params import bind, display
from console.sanitize import is_clean

from .conftest import Desk

CANARY = "canary"
PAYLOADS = [
    f"$(touch {CANARY})",
    f"`touch {CANARY}`",
    f"; touch {CANARY}",
    f"'; touch {CANARY} #",
    f'"; touch {CANARY} #',
    f"\"'; touch {CANARY}; '\"",
    f"x\ntouch {CANARY}\n",
    f"x\r\ntouch {CANARY}\r\n",
    f"&& touch {CANARY}",
    f"|| touch {CANARY}",
    f"| tee {CANARY}",
    f"> {CANARY}",
    f"${{x:=$(touch {CANARY})}}",
    f"$[$(touch {CANARY})]",
    f"a[$(touch {CANARY})]",
    f"<(touch {CANARY})",
    f"EOF\ntouch {CANARY}\nEOF",
    f"\\$(touch {CANARY})",
    f"$'\\x27; touch {CANARY}'",
    f"){{ touch {CANARY}; }}",
    f"() {{ :;}}; touch {CANARY}",
    "-rf",
    "--help",
    "*",
    "?",
    "~",
    "~root",
    "${IFS}",
    "a b  c\td",
    "{1..9}",
    "!!",
    "%s%n",
    "\\",
    "'",
    '"',
    "",
    "\u202etxt.exe",
    "\x1b]0;owned\x07",
    "\udcff",
    "é部署",
]

# How runbooks write a parameter; what arrives is printed exactly: how many arguments, and each of them, ended by NUL.
SHOW = "show"
PRELUDE = "show() { printf '%d\\0' $#; printf '%s\\0' \"$@\"; }\n"
CONTEXTS = {
    "bare": f"{SHOW} <bot-id>",
    "braces": f"{SHOW} {{bot-id}}",
    "double quotes": f'{SHOW} "<bot-id>"',
    "an option": f"{SHOW} --name=<bot-id>",
    "inside a word": f'{SHOW} "pre-<bot-id>-post"',
    "a command substitution": f'{SHOW} "$(printf %s\\\\n <bot-id>)"',
}


@pytest.mark.parametrize("context", CONTEXTS.values(), ids=CONTEXTS)
def test_values_are_strings_and_nothing_else(desk: Desk, tmp_path: Path, context: str) -> None:
    """All payloads in one script, one line each, to start one process for a whole context."""
    where = tmp_path / "empty"
    where.mkdir()
    script, env, expected = [], {}, []
    for number, payload in enumerate(PAYLOADS):
        name = f"bot-id-{number}"
        bound = bind(context.replace("bot-id", name), [name])
        assert payload not in bound.script or len(payload) < 3
        script.append(bound.script)
        env |= bound.environment({name: payload})
        expected.append(payload)
    finish, output = desk.run_raw(PRELUDE + "\n".join(script), env=env, cwd=where)
    assert finish.exit_code == 0, output
    assert [path.name for path in where.iterdir()] == []
    words = [os.fsdecode(word) for word in output.split(b"\0")[:-1]]
    assert words[::2] == ["1"] * len(PAYLOADS)
    for argument, payload in zip(words[1::2], expected, strict=True):
        if "$(" in context:
            payload = payload.rstrip("\n")  # what a substitution does to any text
        wanted = {"--name=": f"--name={payload}", "pre-": f"pre-{payload}-post"}
        whole = next((text for mark, text in wanted.items() if mark in context), payload)
        assert argument == whole


def test_the_control_splicing_them_in_runs_them(desk: Desk, tmp_path: Path) -> None:
    """The same payloads as text of the script: most of them run, so the test above can fail."""
    ran = 0
    for number, payload in enumerate(filter(is_clean, PAYLOADS[:21])):
        where = tmp_path / str(number)
        where.mkdir()
        desk.run(f"echo {payload}", cwd=where)
        ran += (where / CANARY).exists()
    assert ran >= 8


def test_what_is_shown_is_what_a_paste_would_do(desk: Desk, tmp_path: Path) -> None:
    for number, payload in enumerate(PAYLOADS):
        where = tmp_path / str(number)
        where.mkdir()
        script = PRELUDE + display(f"{SHOW} <bot-id>", {"bot-id": payload})
        if not is_clean(script):  # shown with marks, so it is not what is there: never started
            with pytest.raises(LaunchError, match="can't be seen"):
                desk.run_raw(script, cwd=where)
            continue
        _, output = desk.run_raw(script, cwd=where)
        assert output == b"1\0" + payload.encode() + b"\0"
        assert list(where.iterdir()) == []
