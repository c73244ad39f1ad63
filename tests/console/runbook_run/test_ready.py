"""From a step's command to what may run: resolved, refused, or in want of a value."""

from __future__ import annotations

import socket
from pathlib import Path

import msgspec
import pytest

from console.runbook.actions import Refused
from console.runbook.model import Command, Param, Runbook, Step
from console.runbook.progress import RunView, StepView
from console.runbook.ready import Ready, make_ready, refusal, request_for, starting_values

PARAMS = {
    "host": Param("host", pattern=r"db\d+"),
    "token": Param("token", secret=True),
    "zone": Param("zone", choices=("a", "b")),
}
STEP = Step(id="s1", kind="run", title="Look")
HOME = Path("/")


def ready(text: str, values: dict[str, str], step: Step = STEP, **how: object) -> Ready:
    names = tuple(name for name in PARAMS if f"<{name}>" in text)
    command = Command(text=text, lang="sh", params=names, **{"runnable": True, **how})  # type: ignore[arg-type]  # test kwargs
    return make_ready(command, step, PARAMS, values, HOME)


def test_values_go_by_environment() -> None:
    found = ready("psql -h <host> -U $USER", {"host": "db1", "other": "x"})
    assert found.shown == "psql -h db1 -U $USER"
    assert (found.script, found.env) == ('psql -h "${VIGIE_P_host}" -U $USER', {"VIGIE_P_host": "db1"})
    assert (found.missing, found.why_not, found.params, found.secrets) == ((), "", {"host": "db1"}, {})


def test_secrets_are_never_shown() -> None:
    found = ready("login <token>", {"token": "hunter22"})
    assert "hunter22" not in found.shown + str(found.params) + found.script
    assert (found.env, found.secrets) == ({"VIGIE_P_token": "hunter22"}, {"token": "hunter22"})


@pytest.mark.parametrize("values", [{}, {"host": ""}])
def test_never_with_an_unresolved_placeholder(values: dict[str, str]) -> None:
    found = ready("psql -h <host>", values)
    assert (found.shown, found.missing, found.script) == ("psql -h <host>", ("host",), "")


@pytest.mark.parametrize(
    ("text", "values", "how", "why"),
    [
        ("SELECT 1", {}, {"runnable": False, "why_not": "sql"}, "sql"),
        ("SELECT 1", {}, {"runnable": False}, "not a command that can be run"),
        ("rm -rf /tmp/x\u202e", {}, {}, "it holds characters that can't be seen"),
        ("awk '{print <host>}'", {"host": "db1"}, {}, "<host> "),
        ("psql -h <host>", {"host": "web1"}, {}, "the value of host: expected something that fits db\\d+"),
        ("psql -h <zone>", {"zone": "c"}, {}, "the value of zone: expected one of a, b"),
        ("login <token>", {"token": "a\nb"}, {}, "the value of token: it holds characters that can't be seen"),
        ("login <token>", {"token": "a\x1b[2J"}, {}, "the value of token: it holds characters that can't be seen"),
    ],
)
def test_copy_only(text: str, values: dict[str, str], how: dict[str, object], why: str) -> None:
    found = ready(text, values, **how)
    assert found.why_not.startswith(why)
    assert found.script == ""


def test_where_it_runs(tmp_path: Path) -> None:
    assert ready("ls", {}).cwd == HOME
    assert ready("ls", {}, msgspec.structs.replace(STEP, cwd="/tmp")).cwd == Path("/tmp")
    assert ready("ls", {}, msgspec.structs.replace(STEP, cwd="no/such")).why_not == "the folder /no/such is not there"
    far = ready("ls", {}, msgspec.structs.replace(STEP, host="db9", cwd="/srv"))
    assert (far.why_not, far.host, far.cwd) == ("", "db9", Path("/srv"))
    assert ready("ls", {"host": "db7"}, msgspec.structs.replace(STEP, host="$host")).host == "db7"
    assert "e gives host" in ready("ls", {}, msgspec.structs.replace(STEP, host="$host")).why_not
    for hostile in ("-oProxyCommand=id", "db1;id", "$(id)", "a b"):
        assert "no host's name" in ready("ls", {"host": hostile}, msgspec.structs.replace(STEP, host="<host>")).why_not
    assert ready("ls", {}, msgspec.structs.replace(STEP, host=socket.gethostname())).why_not == ""


def test_refusal_of_a_pattern_that_can_not_be_read() -> None:
    assert refusal(Param("x", pattern="("), "a") == "its pattern ( can't be read"


def test_first_values() -> None:
    runbook = Runbook(
        id="rb",
        title="T",
        path="rb.md",
        params=(
            Param("bot-id"),
            Param("host", from_label="alert.instance"),
            Param("zone", default="a", choices=("a",)),
            Param("token", secret=True, default="never"),
            Param("nasty"),
            Param("given", default="x"),
        ),
    )
    labels = {"bot_id": "7", "instance": "db1", "zone": "elsewhere", "token": "label", "nasty": "\x1b[2J"}
    assert starting_values(runbook, labels, {"given": "y", "extra": "z"}) == {
        "bot-id": "7",
        "host": "db1",
        "given": "y",
        "extra": "z",
    }


def test_a_request_is_only_made_of_what_may_run() -> None:
    from datetime import UTC, datetime

    view = RunView(
        run="R",
        runbook="rb",
        title="T",
        path="",
        why="",
        by="ana",
        at=datetime.now(UTC),
        steps=(StepView(id="s1", title="Look"),),
        current="s1",
        values={},
    )
    step = msgspec.structs.replace(STEP, env={"LANG": "C"}, timeout_s=5.0)
    made = request_for(ready("psql -h <host>", {"host": "db1"}, step), view, step, stream="S")
    assert (made.text, made.run, made.step, made.timeout_s) == ("psql -h db1", "R", "s1", 5.0)
    assert made.env == {"LANG": "C", "VIGIE_P_host": "db1"}
    assert made.dedupe == "run:R:step:s1:command-0"
    for bad in (ready("psql -h <host>", {}), ready("x", {}, runnable=False)):
        with pytest.raises(Refused):
            request_for(bad, view, STEP, stream="S")
