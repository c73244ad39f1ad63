"""What a run looks like, as pure functions: exact commands, words to type, numbers, how a command ended."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from console.journal.events import CommandFinished
from console.runbook.asides import asides_of
from console.runbook.markdown import read_markdown
from console.runbook.model import Command, Param, Step
from console.runbook.resolve import Place, resolve
from screens.look import Look
from screens.runbook_list import Numbers
from screens.runbook_step import ended_words, exact_pieces, where_lines

HERE = Place("bastion", "root", Path("/"))


@given(
    st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("C", "Z", "M")) | st.just(" "), max_size=400),
    st.integers(8, 120),
)
def test_what_is_shown_is_what_runs_to_the_character(text: str, width: int) -> None:
    pieces = exact_pieces(text, width)
    assert "".join(pieces) == text
    assert all(cell_len(piece) <= width for piece in pieces)


def test_lines_of_a_script_stay_lines() -> None:
    assert exact_pieces("a\n  b\n\nc", 40) == ["a", "  b", "", "c"]


def _resolved(text: str, **fields: object) -> tuple[str, bool, str, tuple[str, ...]]:
    step_fields = {name: fields.pop(name) for name in ("effect", "confirm", "host", "cwd") if name in fields}
    values = dict(fields.pop("values", {}))  # type: ignore[call-overload]  # a dict in these tests
    command = Command(text=text, lang="sh", runnable=True, **fields)  # type: ignore[arg-type]  # as given
    params = {name: Param(name=name, secret=name == "token") for name in command.params}
    found = resolve(command, Step(id="a", kind="run", title="t", **step_fields), params, values, HERE)  # type: ignore[arg-type]
    return found.ready.shown, found.runs, found.confirm, found.ready.missing


def test_a_value_is_quoted_where_it_is_shown_and_a_secret_hidden() -> None:
    shown, runs, _, _ = _resolved("ping <host>", params=("host",), values={"host": "a; reboot"})
    assert shown == "ping 'a; reboot'" and runs
    shown, runs, _, _ = _resolved("login <token>", params=("token",), values={"token": "hunter2"})
    assert "hunter2" not in shown and "secret" in shown and runs


def test_without_a_value_it_does_not_run() -> None:
    assert _resolved("ping <host>", params=("host",)) == ("ping <host>", False, "", ("host",))


@pytest.mark.parametrize(
    ("text", "fields", "word"),
    [
        ("rm -rf /srv/<name>", {"effect": "destructive", "params": ("name",), "values": {"name": "cache"}}, "cache"),
        ("dropdb --if-exists shop", {"effect": "destructive"}, "dropdb"),
        ("iptables -I INPUT -j DROP", {"warnings": ("this cuts your own link",)}, "iptables"),
        ("# first\nmkfs /dev/x", {"effect": "destructive"}, "mkfs"),
        ("uptime", {}, ""),
    ],
)
def test_the_word_to_type(text: str, fields: dict[str, object], word: str) -> None:
    assert _resolved(text, **fields)[2] == word


def test_what_does_not_run_as_it_stands() -> None:
    assert _resolved("uptime", host="-oProxyCommand=id")[1] is False
    assert _resolved("echo a\u202eb")[1] is False


def test_the_secret_changes_what_the_frame_promises() -> None:
    command = Command(text="login <token>", lang="sh", runnable=True, params=("token",))
    step = Step(id="a", kind="run", title="t")
    params = {"token": Param(name="token", secret=True)}
    one, two = (resolve(command, step, params, {"token": value}, HERE) for value in ("one", "two"))
    assert one.ready.shown == two.ready.shown and one.subject != two.subject


def test_characters_that_the_terminal_cannot_show_call_for_a_word() -> None:
    command = Command(text="ls /données", lang="sh", runnable=True)
    step = Step(id="a", kind="run", title="t")
    assert resolve(command, step, {}, {}, HERE).confirm == ""
    assert resolve(command, step, {}, {}, HERE, ascii_only=True).confirm == "ls"
    assert not Look(ascii_only=True).words("é").count("é")


def test_numbers_find_steps() -> None:
    numbers = Numbers({"a": "1.1", "b": "1.2", "c": "2.1"}, ("a", "b", "c"))
    assert [numbers.find(text) for text in ("1.2", "2.1.", "3", "4", "x", "0")] == ["b", "c", "c", "", "", ""]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"exit_code": 0, "duration_ms": 2100}, "finished, exit 0, 2s"),
        ({"exit_code": 3, "duration_ms": 40}, "exit 3, 40 ms"),
        ({"outcome": "signalled", "signal": 9}, "ended by signal 9, 0 ms"),
        ({"outcome": "timed_out", "duration_ms": 60_000}, "timed out after 1m"),
        ({"outcome": "unknown"}, "end unknown: never run again by itself"),
    ],
)
def test_how_it_ended_is_said_and_never_that_it_is_fixed(fields: dict[str, object], words: str) -> None:
    assert ended_words(CommandFinished(command="c", **fields))[0][0] == words  # type: ignore[arg-type]


def test_every_command_of_real_runbooks_is_shown_to_the_character(shared: Path) -> None:
    """The lines of a step that are its command, joined, are the resolved text; nothing of it hides behind an edge."""
    from datetime import UTC, datetime

    from console.journal.events import Event, Origin
    from console.runbook import actions, progress
    from console.runbook.library import load_library
    from console.runbook.resolve import commands_of
    from console.runbook.run import RunsFold
    from screens.runbook_info import info_lines, preview_lines
    from screens.runbook_step import step_page

    now, look, shown = datetime.now(UTC), Look(), 0
    origin = Origin(program="cli")
    for entry in load_library([shared / "seeds"], shipped=True).entries:
        runbook = entry.runbook
        assert preview_lines(runbook, {}, {}, "", 52, look) and info_lines(runbook, 52, look)[0]
        body = actions.start_run(runbook, {})[0].body
        event = Event(
            id="e",
            stream="s",
            seq=1,
            recorded_at=now,
            occurred_at=now,
            actor="a",
            origin=origin,
            kind="run_started",
            body=body,
        )
        view = progress.views(RunsFold().apply(RunsFold().initial(), event))[0]
        params = {param.name: param for param in runbook.params}
        numbers = Numbers.of(runbook, view)
        for phase in runbook.phases:
            for step in phase.steps:
                found = view.step(step.id)
                assert found is not None
                for at, command in enumerate(commands_of(step)):
                    resolved = resolve(command, step, params, dict.fromkeys(params, "v1"), HERE)
                    page = step_page(
                        step, view, found, numbers.by_step[step.id], phase=phase, commands=commands_of(step), selected=at,
                        resolved=resolved, armed=True, running=False, params=runbook.params, values={},
                        held=frozenset(), width=52, body_lines=6,
                        look=look, now=now,
                    )  # fmt: skip
                    lines = [page.lines[line] for line in page.command]
                    code = "".join(text for line in lines for text, tone in line if tone == "code")  # type: ignore[misc]  # spans
                    assert code == resolved.ready.shown.expandtabs(4).replace("\n", "")
                    shown += 1
    assert shown > 20


def test_a_preview_lists_what_commands_wait_for_and_no_shell_prompt_before_a_path() -> None:
    from console.runbook.markdown import read_markdown
    from screens.runbook_info import preview_lines

    steps = "1. Look at `/var/log/x.log`\n2. Do `echo <host>`\n"
    text = f"# T\n\n## Steps\n\n{steps}\n## Template\n\nDown since [TIME], see [PLACE].\n"
    (runbook,) = read_markdown(text, "t.md").runbooks
    shown = [
        "".join(part[0] for part in line) if not isinstance(line, str) else line
        for line in preview_lines(runbook, {}, {}, "", 70, Look())
    ]
    assert {param.scope for param in runbook.params} == {"text", "command"}
    assert [line for line in shown if line.startswith(" with ")] == [" with host = ? (asked for before use)"]
    assert any(line.strip() == "/var/log/x.log" for line in shown)
    assert any(line.strip() == "$ echo <host>" for line in shown)


def test_a_line_breaks_between_words_where_the_next_one_fits_on_a_line() -> None:
    line = "docker compose logs --tail 100 bloomberg-{service}"
    assert exact_pieces(line, 48) == ["docker compose logs --tail 100 ", "bloomberg-{service}"]
    assert exact_pieces("curl " + "x" * 60, 48)[0] == "curl " + "x" * 43  # too long for a line of its own
    assert exact_pieces(" " * 50 + "x", 48)[0] == " " * 48


def test_what_a_runbook_says_of_all_its_steps_in_a_line_stands_beside_them() -> None:
    text = (
        "# Unfreeze\n\n## Actions\n\n1. Ask for it\n\n**Autorisation :** governance_admin uniquement\n\n"
        "## Impact\n\nA long one.\n\nOf two paragraphs.\n"
    )
    (runbook,) = read_markdown(text, "unfreeze.md").runbooks
    assert asides_of(runbook) == [("Autorisation", "governance_admin uniquement")]
    assert asides_of(None) == []


def test_a_folder_that_is_too_long_for_a_line_is_shown_to_its_end() -> None:
    folder = Path("/srv/" + "a-folder/" * 8 + "the-end")
    place = Place("bastion", "ana", folder)
    command = Command(text="ls", lang="sh", runnable=True)
    resolved = resolve(command, Step(id="a", kind="run", title="t"), {}, {}, place)
    lines = ["".join(text for text, _ in line) for line in where_lines(resolved, 48)]
    assert "".join(line.strip() for line in lines) == f"on bastion as ana in{folder}"
    assert all(cell_len(line) <= 48 for line in lines)
